import type { CompiledSnapshot } from './policy/compile.ts';

/** A row in BigQuery's JSON form: times RFC 3339 UTC strings, integers numbers, JSON columns values, BYTES base64, REPEATED arrays. */
export type Row = Record<string, unknown>;

/** Tables that the functions append to. Each is defined by `schemas/tables/<name>.json`. */
export type TableName = 'verdicts_v1' | 'rejects_v1';

/** What a warehouse needs to know of a row beside its columns. */
export interface Delivery {
	/** A copy of the row that arrives within about a minute under the same id is dropped, as far as the warehouse can. */
	readonly insertId: string;
	/** Until when it is tried again, in ms since 1970. */
	readonly untilMs: number;
}

/** `refused`: the row can never be stored, and why. `queue-full`: nothing was tried. */
export type Appended =
	| { readonly kind: 'stored' }
	| { readonly kind: 'refused'; readonly detail: string }
	| { readonly kind: 'queue-full' };

/** Where rows become durable: BigQuery when deployed, DuckDB on a laptop. */
export interface Warehouse {
	/** Resolves once it is known what became of the row; rejects when it is not durable or that is unknown: it may be tried again. */
	append(table: TableName, row: Row, delivery: Delivery): Promise<Appended>;
}

/** A row among others that are written together. */
export interface PendingRow {
	readonly row: Row;
	readonly insertId: string;
}

/** `failed`: the row is not stored, or that is not known; it may be tried again. */
export type RowResult =
	| { readonly kind: 'stored' }
	| { readonly kind: 'refused'; readonly detail: string }
	| { readonly kind: 'failed'; readonly error: Error };

/** Writes many rows at once. */
export interface RowSink {
	/** One result a row, in their order. What may succeed is tried again until `untilMs` (ms since 1970). Never rejects. */
	insert(table: TableName, rows: readonly PendingRow[], untilMs: number): Promise<readonly RowResult[]>;
}

/** A cluster as a log entry names it. */
export interface ClusterKey {
	readonly project?: string;
	readonly location: string;
	readonly name: string;
}

export interface FoundSnapshot {
	readonly snapshot: CompiledSnapshot;
	/** The state was last seen too long before the time asked for: it may have changed since. */
	readonly stale: boolean;
}

/** Where the snapshot of a moment comes from: files on a laptop, a bucket when deployed. */
export interface SnapshotSource {
	/** The snapshot of that cluster valid at that time (RFC 3339); `undefined` when there is none. */
	find(cluster: ClusterKey, at: string): Promise<FoundSnapshot | undefined>;
}

/** Why a snapshot is wanted: there is none, it was last seen too long before the entry, or a finding waits for the state after it. */
export type RequestReason = 'no-snapshot' | 'stale-snapshot' | 'flagged';

/** What is published to whoever takes snapshots. */
export interface SnapshotRequest {
	readonly cluster: ClusterKey;
	readonly reason: RequestReason;
	/** RFC 3339. */
	readonly requestedAt: string;
}

import type { CompiledSnapshot } from './policy/compile.ts';

/** A row in BigQuery's JSON form: times RFC 3339 UTC strings, integers numbers, JSON columns values, BYTES base64, REPEATED arrays. */
export type Row = Record<string, unknown>;

/** Tables that the functions append to. Each is defined by `schemas/tables/<name>.json`. */
export type TableName = 'verdicts_v1' | 'rejects_v1' | 'policy_findings_v1' | 'snapshots_v1';

/** What a warehouse needs to know of a row beside its columns. */
export interface Delivery {
	/** A copy of the row that arrives within about a minute under the same id is dropped, as far as the warehouse can. */
	readonly insertId: string;
	/** Until when it is tried again, in ms since 1970. */
	readonly untilMs: number;
	/** Is told once what became of the row, and not before that is known. */
	readonly settle: (appended: Appended) => void;
}

/** `queue-full`: nothing was tried. */
export type Appended = RowResult | { readonly kind: 'queue-full' };

/**
 * Where rows become durable: BigQuery when deployed, DuckDB on a laptop. With a callback: in the `node:domain` in which the framework runs
 * each request, the promises on the way of a row cost as much as judging it.
 */
export interface Warehouse {
	append(table: TableName, row: Row, delivery: Delivery): void;
}

/** A row as a sink sends it. */
export interface EncodedRow {
	readonly kind: 'encoded';
	readonly text: string;
	/** Of the text in UTF-8. */
	readonly bytes: number;
}

/** `refused`: the row can never be stored, and why. */
export interface RefusedRow {
	readonly kind: 'refused';
	readonly detail: string;
}

/** `failed`: the row is not stored, or that is not known; it may be tried again. */
export type RowResult = { readonly kind: 'stored' } | RefusedRow | { readonly kind: 'failed'; readonly error: Error };

/** Writes many rows at once. */
export interface RowSink {
	/** Once a row, when it comes: the text is all that is kept of it while it waits. */
	encode(table: TableName, row: Row, insertId: string): EncodedRow | RefusedRow;
	/** One result a row, in their order. What may succeed is tried again until `untilMs` (ms since 1970). Never rejects. */
	insert(table: TableName, rows: readonly EncodedRow[], untilMs: number): Promise<readonly RowResult[]>;
}

/** A cluster as a log entry names it. */
export interface ClusterKey {
	readonly project?: string;
	readonly location: string;
	readonly name: string;
}

/** A snapshot, and how sure it is. */
export interface FoundSnapshot {
	readonly snapshot: CompiledSnapshot;
	/** The state was last seen too long before the time asked for: it may have changed since. */
	readonly stale: boolean;
}

/** Where the snapshot of a moment comes from: files on a laptop, a bucket when deployed. */
export interface SnapshotSource {
	/**
	 * The snapshot of that cluster valid at that time (RFC 3339); `undefined` when there is none. Without a promise where it is at hand: nearly
	 * every entry's is, and a promise costs as much as the judgement.
	 */
	find(cluster: ClusterKey, at: string): FoundSnapshot | undefined | Promise<FoundSnapshot | undefined>;
}

/** Why a snapshot is wanted: there is none, it was last seen too long before the entry, or a finding waits for the state after it. */
export type RequestReason = 'no-snapshot' | 'stale-snapshot' | 'flagged';

/** Why a cluster is collected: asked for by ingest, by its schedule, because a policy was changed, or by a person. */
export type CollectionReason = RequestReason | 'schedule' | 'policy-change' | 'manual';

/** What is published to whoever takes snapshots. */
export interface SnapshotRequest {
	readonly cluster: ClusterKey;
	readonly reason: RequestReason;
	/** RFC 3339. */
	readonly requestedAt: string;
}

/** What a Kubernetes API server says to one GET. */
export type KubernetesAnswer =
	/** The parsed body, as the server sent it. */
	| { readonly kind: 'ok'; readonly document: unknown }
	/** 404: the server has no such path. */
	| { readonly kind: 'absent' }
	/** 403: it does not tell us. */
	| { readonly kind: 'forbidden' }
	/** 410: the list has changed too much since its first page. It can be continued with this token, where there is one. */
	| { readonly kind: 'expired'; readonly continueWith: string | undefined }
	/** 5xx, also when asked again: what answers for this path is down, such as an aggregated API server. `detail`: the status and some words. */
	| { readonly kind: 'unavailable'; readonly detail: string }
	/** There are more bytes than are read at once. */
	| { readonly kind: 'too-large'; readonly detail: string };

/** A Kubernetes API server. */
export interface KubernetesApi {
	/** `path` with its query, such as `/api/v1/pods?limit=500`. Rejects where there is no answer, or another one than these. */
	get(path: string): Promise<KubernetesAnswer>;
}

/** The newest snapshot of a cluster. Times are RFC 3339 UTC, as `parseTime` writes them. */
export interface NewestSnapshot {
	readonly id: string;
	readonly validFrom: string;
	/** Until when its state was seen unchanged. */
	readonly seenUntil: string;
}

/** Where snapshots are kept by time. Every function rejects where it is not known what is there. */
export interface SnapshotStore {
	/** `newest`: `undefined` where there is none, or where what says so cannot be read. `version` is what `replaceNewest` wants. */
	readNewest(cluster: ClusterKey): Promise<{ readonly newest: NewestSnapshot | undefined; readonly version: string }>;
	/** Keeps a snapshot's bytes under its time. All or nothing, and never changed afterwards: `false` where there is one of that time. */
	write(cluster: ClusterKey, snapshot: { readonly validFrom: string; readonly bytes: Uint8Array }): Promise<boolean>;
	/** `false`, and nothing changes, where it was replaced since that version was read. */
	replaceNewest(cluster: ClusterKey, newest: NewestSnapshot, version: string): Promise<boolean>;
	/** The right to collect that cluster until then (ms since 1970); `undefined` where somebody else has it. */
	lease(cluster: ClusterKey, untilMs: number): Promise<Lease | undefined>;
}

/** A right that ends by itself, or is given back. */
export interface Lease {
	/** Never rejects. */
	release(): Promise<void>;
}

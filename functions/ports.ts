import type { CompiledSnapshot } from './policy/compile.ts';

/** A row in BigQuery's JSON form: times RFC 3339 UTC strings, integers numbers, JSON columns values, BYTES base64, REPEATED arrays. */
export type Row = Record<string, unknown>;

/** Tables that the functions append to. Each is defined by `schemas/tables/<name>.json`. */
export type TableName = 'verdicts_v1' | 'rejects_v1';

/** Where rows become durable: BigQuery when deployed, DuckDB on a laptop. */
export interface Warehouse {
	/** Resolves once this row is durable; rejects when it is not (then nothing of it is visible, or it is unknown). */
	append(table: TableName, row: Row): Promise<void>;
}

/** A cluster as a log entry names it. */
export interface ClusterKey {
	readonly project?: string;
	readonly location: string;
	readonly name: string;
}

/** Where the snapshot of a moment comes from: files on a laptop, a bucket when deployed. */
export interface SnapshotSource {
	/** The snapshot of that cluster valid at that time (RFC 3339); `undefined` when there is none. */
	find(cluster: ClusterKey, at: string): Promise<CompiledSnapshot | undefined>;
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalWarehouse, openDuckdb } from '../adapters/duckdb.ts';

/** An open database of a command. */
export interface Database {
	readonly warehouse: LocalWarehouse;
	readonly path: string;
	/** Gives the file back, and removes it where it was only for this run. */
	close(): Promise<void>;
}

/**
 * Opens the file; without one, a file in a folder of its own among the system's temporary files, which `close` removes unless it is to
 * be kept. (A file rather than memory: a month of entries does not fit there.) Rejects where the file cannot be opened.
 */
export async function openDatabase(path: string | undefined, { keep }: { keep: boolean }): Promise<Database> {
	if (path !== undefined) {
		const warehouse = await openDuckdb(path);
		return { warehouse, path, close: () => warehouse.close() };
	}
	const folder = await mkdtemp(join(tmpdir(), 'policy-audit-'));
	const file = join(folder, 'audit.duckdb');
	const warehouse = await openDuckdb(file);
	return {
		warehouse,
		path: file,
		async close() {
			await warehouse.close();
			if (!keep) await rm(folder, { recursive: true, force: true });
		},
	};
}

/** How many rows the tables have: where the rows that come next begin. */
export interface TableEnds {
	readonly verdicts: number;
	readonly rejects: number;
}

/** Rows that one process wrote while nobody else could; without `to`, all that it still writes. */
export interface RowRange {
	readonly from: TableEnds;
	readonly to?: TableEnds;
}

/** The SQL condition of the rows of a table that are in one of the ranges. */
export const inRanges = (ranges: readonly RowRange[], table: keyof TableEnds): string =>
	`(${ranges.map(({ from, to }) => `rowid >= ${from[table]}${to ? ` AND rowid < ${to[table]}` : ''}`).join(' OR ')})`;

/** DuckDB numbers the rows of a table in the order in which they came, and nothing here removes any. */
export async function readEnds(warehouse: LocalWarehouse): Promise<TableEnds> {
	const last = (table: 'verdicts_v1' | 'rejects_v1'): string => `(SELECT COALESCE(MAX(rowid), -1) FROM \`\${dataset}.${table}\`)`;
	const [row] = await warehouse.query(`SELECT ${last('verdicts_v1')} AS verdicts, ${last('rejects_v1')} AS rejects`);
	return { verdicts: Number(row?.['verdicts']) + 1, rejects: Number(row?.['rejects']) + 1 };
}

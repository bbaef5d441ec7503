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

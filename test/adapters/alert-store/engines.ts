import type { Test } from 'uvu';
import { createBigquerySql } from '../../../functions/adapters/bigquery-sql.ts';
import { openDuckdb } from '../../../functions/adapters/duckdb.ts';
import { readSchemas } from '../../../functions/adapters/schemas.ts';
import type { Row, SqlEngine, TableName } from '../../../functions/ports.ts';
import { createEmulator } from '../../sql/emulator.ts';

/** A warehouse without rows. */
export interface Warehouse {
	readonly engine: SqlEngine;
	insert(table: string, rows: readonly Row[]): Promise<void>;
	close(): Promise<void>;
}

export interface EngineKind {
	readonly name: string;
	readonly open: () => Promise<Warehouse>;
}

async function openLocal(): Promise<Warehouse> {
	const duckdb = await openDuckdb();
	return {
		engine: duckdb,
		async insert(table, rows) {
			// The functions append to some of the tables only.
			await Promise.all(rows.map((row) => duckdb.write(table as TableName, row)));
		},
		close: () => duckdb.close(),
	};
}

async function openEmulator(host: string): Promise<Warehouse> {
	const project = process.env['BIGQUERY_EMULATOR_PROJECT'] ?? 'test-project';
	const emulator = await createEmulator({ host, project }, await readSchemas());
	const datasetId = emulator.dataset.slice(project.length + 1);
	return {
		engine: createBigquerySql({ projectId: project, datasetId, apiEndpoint: host.replace(/^(?!https?:)/, 'http://') }),
		async insert(table, rows) {
			if (rows.length > 0) await emulator.insert(table, rows);
		},
		close: () => emulator.remove(),
	};
}

/** What the store is tested on: DuckDB, and BigQuery where there is an emulator. `asker` says who goes without it. */
export function enginesFor(asker: string): readonly EngineKind[] {
	const host = process.env['BIGQUERY_EMULATOR_HOST'];
	if (host === undefined) console.log(`skipped: ${asker} asks BigQuery too where BIGQUERY_EMULATOR_HOST names a BigQuery emulator`);
	return [{ name: 'DuckDB', open: openLocal }, ...(host === undefined ? [] : [{ name: 'BigQuery', open: () => openEmulator(host) }])];
}

/**
 * One warehouse for all tests of a suite, each of which finds these tables empty: an emulator does not stand many datasets. What it gives back
 * runs a test.
 */
export function shareWarehouse(
	it: Test,
	{ open, tables }: EngineKind & { readonly tables: readonly string[] },
): (use: (warehouse: Warehouse) => Promise<void>) => Promise<void> {
	let opened: Promise<Warehouse> | undefined;
	it.after(async () => (await opened)?.close());
	return async (use) => {
		opened ??= open();
		const warehouse = await opened;
		for (const table of tables) await warehouse.engine.query(`DELETE FROM \`\${dataset}.${table}\` WHERE TRUE`);
		await use(warehouse);
	};
}

import type { DuckDBConnection } from '@duckdb/node-api';
import type { Field, Schemas } from '../schemas.ts';
import { nameTables } from '../table-names.ts';
import { columnsOf, quoted } from './values.ts';

/** Creates what the database lacks. Throws where a table of that name has other columns than its schema. */
export async function createTables(connection: DuckDBConnection, tables: Schemas['tables']): Promise<void> {
	// What the columns should be is asked of DuckDB itself, so that no two spellings of a type are compared.
	await connection.run(`ATTACH ':memory:' AS expected`);
	for (const [name, fields] of tables) await createTable(connection, name, fields);
	await connection.run('DETACH expected');
}

async function createTable(connection: DuckDBConnection, name: string, fields: readonly Field[]): Promise<void> {
	await connection.run(`CREATE TABLE IF NOT EXISTS ${quoted(name)} (${columnsOf(fields)})`);
	await connection.run(`CREATE TABLE expected.${quoted(name)} (${columnsOf(fields)})`);
	const [found, expected] = [await describeTable(connection, name, 'main'), await describeTable(connection, name, 'expected')];
	if (found.join() === expected.join()) return;
	const differing = [
		...listed(
			'lacks',
			expected.filter((column) => !found.includes(column)),
		),
		...listed(
			'has instead',
			found.filter((column) => !expected.includes(column)),
		),
	];
	throw new Error(
		`its table ${name} was made by another version: it ${differing.join(' and ') || 'has its columns in another order'}. ` +
			'Start a new file and replay the entries into it, or use the version that made this one',
	);
}

function listed(verb: string, columns: readonly string[]): string[] {
	return columns.length === 0 ? [] : [`${verb} ${columns.slice(0, 5).join(', ')}${columns.length > 5 ? ' and more' : ''}`];
}

async function describeTable(connection: DuckDBConnection, table: string, database: 'main' | 'expected'): Promise<string[]> {
	const sql =
		`SELECT column_name || ' ' || data_type || CASE WHEN is_nullable THEN '' ELSE ' NOT NULL' END FROM duckdb_columns() ` +
		`WHERE table_name = $table AND database_name = ${database === 'main' ? 'current_database()' : `'expected'`} AND schema_name = 'main' ORDER BY column_index`;
	return (await connection.runAndReadAll(sql, { table })).getRows().map(([column]) => String(column));
}

/** What DuckDB lacks of BigQuery's functions, and transpilation does not know. */
const FUNCTIONS = [`json_query_array(array_text) AS json_extract(array_text, '$[*]')`];

/** Creates the views anew each time: they hold no data, and those of an older version would answer differently. */
export async function createViews(
	connection: DuckDBConnection,
	views: Schemas['views'],
	transpile: (sql: string) => string,
): Promise<void> {
	for (const definition of FUNCTIONS) await connection.run(`CREATE OR REPLACE MACRO ${definition}`);
	for (const [name, sql] of views) await connection.run(`CREATE OR REPLACE VIEW ${quoted(name)} AS ${transpile(nameTables(sql))}`);
}

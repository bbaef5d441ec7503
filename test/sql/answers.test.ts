/**
 * Every table, view and query answers on rows that the project's own functions made: `dataset.ts`. A folder of this one is named as what it
 * asks, and has `query.sql` (a query of `schemas/queries` is the question itself), `parameters.json` where there are any, and
 * `expected.json`, one object a row. `UPDATE_ANSWERS=1 npm test -- answers` writes those anew, as DuckDB has them: read what changed.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { equal, is, not, ok } from 'uvu/assert';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import { readSchemas, SCHEMAS } from '../../functions/adapters/schemas.ts';
import { nameTables } from '../../functions/adapters/table-names.ts';
import type { Row, TableName } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { readDataset } from './dataset.ts';
import { createEmulator } from './emulator.ts';

interface Question {
	readonly name: string;
	readonly sql: string;
	readonly parameters: Readonly<Record<string, string>>;
	/** Absent where the answer was never accepted. */
	readonly expected: readonly Row[] | undefined;
}

const HERE = new URL('./', import.meta.url);
const textOf = (url: URL): string | undefined => (existsSync(url) ? readFileSync(url, 'utf8') : undefined);
const parse = <T>(text: string | undefined): T | undefined => (text === undefined ? undefined : (JSON.parse(text) as T));

const schemas = await readSchemas();
const queries = readdirSync(new URL('queries/', SCHEMAS)).map((file) => file.replace(/\.sql$/, ''));
const folders = readdirSync(HERE, { withFileTypes: true }).filter((entry) => entry.isDirectory());
const questions = folders.map(({ name }): Question => {
	const folder = new URL(`${name}/`, HERE);
	const sql = textOf(new URL('query.sql', folder)) ?? textOf(new URL(`queries/${name}.sql`, SCHEMAS));
	if (sql === undefined) throw new Error(`test/sql/${name} asks nothing: it has no query.sql, and there is no schemas/queries/${name}.sql`);
	return {
		name,
		sql,
		parameters: parse(textOf(new URL('parameters.json', folder))) ?? {},
		expected: parse(textOf(new URL('expected.json', folder))),
	};
});

async function openWithRows(): Promise<Awaited<ReturnType<typeof openDuckdb>>> {
	const duckdb = await openDuckdb();
	// Pub/Sub itself writes some tables, so they are none of those that the functions append to.
	for (const [table, rows] of Object.entries(await readDataset()))
		await Promise.all(rows.map((row) => duckdb.write(table as string as TableName, row)));
	return duckdb;
}

describe('the questions', (it) => {
	it('are asked of every table, view and query', () => {
		const asked = new Set(questions.map(({ name }) => name));
		for (const name of [...schemas.tables.keys(), ...schemas.views.keys(), ...queries])
			ok(asked.has(name), `test/sql/${name} is missing: nothing says what ${name} answers`);
		ok(queries.length >= 10, 'the ready questions');
	});

	it('are answered by DuckDB as expected', async () => {
		const duckdb = await openWithRows();
		try {
			for (const { name, sql, parameters, expected } of questions) {
				const answer = await duckdb.query(sql, parameters);
				if (process.env['UPDATE_ANSWERS'] === '1') {
					writeFileSync(new URL(`${name}/expected.json`, HERE), `${JSON.stringify(answer, null, '\t')}\n`);
					continue;
				}
				ok(expected, `test/sql/${name}/expected.json is missing: UPDATE_ANSWERS=1 npm test -- answers writes it`);
				equal(answer, expected, name);
			}
		} finally {
			await duckdb.close();
		}
	});

	it('are expected to have an answer', () => {
		for (const { name, expected } of questions) not.equal(expected?.length, 0, `test/sql/${name} expects no row, and so shows nothing`);
	});

	const host = process.env['BIGQUERY_EMULATOR_HOST'];
	if (host === undefined) {
		console.log('skipped: test/sql/answers.test.ts asks BigQuery where BIGQUERY_EMULATOR_HOST names a BigQuery emulator');
		return;
	}

	it('are answered by BigQuery as expected', async () => {
		const emulator = await createEmulator({ host, project: process.env['BIGQUERY_EMULATOR_PROJECT'] ?? 'test-project' }, schemas);
		try {
			for (const [table, rows] of Object.entries(await readDataset())) await emulator.insert(table, rows);
			for (const { name, sql, parameters, expected = [] } of questions) {
				const answer = await emulator.query(nameTables(sql, emulator.dataset), parameters);
				is(answer.length, expected.length, name);
				for (const [index, row] of answer.entries()) equal(row, expected[index], `${name}, row ${index}`);
			}
		} finally {
			await emulator.remove();
		}
	});
});

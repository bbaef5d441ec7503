import { readFile } from 'node:fs/promises';
import { type Field, readSchemas, SCHEMAS } from '../../functions/adapters/schemas.ts';
import { nameTables } from '../../functions/adapters/table-names.ts';
import { DEFAULT_CANDIDATES } from '../../functions/policy/semantics.ts';
import { createEmulator, type Emulator } from '../sql/emulator.ts';
import { takeApart } from '../sql/guard.ts';
import { at, type History } from './history.ts';
import { withServed } from './serve.ts';

/** A dataset in BigQuery's emulator, in which the statements of `schemas/rejudge/` run. */
export interface Rejudging extends Emulator {
	/** Runs a statement as a scheduled query of that time; resolves with the calls that it made. Placeholders besides the dataset by name. */
	run(name: string, options: RunOptions): Promise<readonly Call[]>;
	/** Whether a run at that time would read the entries. */
	holds(name: string, options: RunOptions): Promise<boolean>;
}

export interface Call {
	readonly logged: string;
	readonly reply: string;
}

export interface RunOptions {
	readonly history: History;
	/** Of the day. */
	readonly time: string;
	readonly placeholders?: Readonly<Record<string, string>>;
}

const readSql = (path: string): Promise<string> => readFile(new URL(path, SCHEMAS), 'utf8');

const CALL = '`${dataset}.rejudge`(logged)';
const ROW = '`${dataset}.verdict_row`(reply)';
const TEXTS: readonly Field[] = [
	{ name: 'logged', type: 'STRING' },
	{ name: 'reply', type: 'STRING' },
];

/**
 * The emulator has no remote functions. What stands in for one, and what that leaves unproven: the statement's own innermost SELECT is run by
 * itself, what it selects is sent to the served function in one request in the form that BigQuery documents, and in the statement the call is
 * replaced by a look into a table of the replies. So BigQuery's own batching, retries and access are not tested here. Nor can the emulator
 * call a SQL function with a subquery of structs in its body (SQLite says `no such column: $struct`), so `verdict_row` is written out where it
 * is called, its parameter being the column; and of a large integer JSON_VALUE gives `1.2e+06` there. `@run_time` is written out too, and a condition before the statement is asked by itself. The rest of the statement runs as it is.
 */
export async function createRejudging(host: string): Promise<Rejudging> {
	const schemas = await readSchemas();
	const tables = new Map([...schemas.tables, ['replies', TEXTS] as const]);
	const project = process.env['BIGQUERY_EMULATOR_PROJECT'] ?? 'test-project';
	const emulator = await createEmulator({ host, project }, { ...schemas, tables });
	const named = (sql: string): string => nameTables(sql, emulator.dataset);
	const body = (await readSql('routines/verdict_row.sql'))
		.replace(/^--.*\n/gm, '')
		.replace(/CAST\((JSON_VALUE\([^)]*\)) AS INT64\)/g, 'CAST(CAST($1 AS FLOAT64) AS INT64)');

	async function open(name: string, { time, placeholders = {} }: RunOptions): Promise<{ readonly holds: boolean; readonly sql: string }> {
		let script = (await readSql(`rejudge/${name}.sql`)).replace(/^ *--.*\n/gm, '');
		for (const [key, value] of Object.entries(placeholders)) script = script.replaceAll(`\${${key}}`, value);
		const { condition, statement: sql } = takeApart(script.replaceAll('@run_time', `TIMESTAMP '${at(time)}'`));
		const [guard] = condition === undefined ? [{ holds: true }] : await emulator.query(named(`SELECT ${condition} AS holds`));
		return { holds: guard?.['holds'] === true, sql };
	}

	return {
		...emulator,
		holds: async (name, options) => (await open(name, options)).holds,
		async run(name, options) {
			const { history, time } = options;
			const { holds, sql } = await open(name, options);
			if (!holds) return [];
			const selected = await emulator.query(named(`SELECT logged FROM ${innermost(sql)}`));
			const texts = selected.map(({ logged }) => String(logged));
			history.setTime(time);
			const ports = { snapshots: history.snapshots, candidates: DEFAULT_CANDIDATES, now: history.now };
			const replies = await withServed(ports, ({ ask }) => ask(texts));
			await emulator.query(named('DELETE FROM `${dataset}.replies` WHERE TRUE'));
			const calls = texts.map((logged, index) => ({ logged, reply: replies[index] ?? '' }));
			if (calls.length === 0) return calls;
			await emulator.insert('replies', calls);
			const answered = '(SELECT ANY_VALUE(stored.reply) FROM `${dataset}.replies` AS stored WHERE stored.logged = selected.logged)';
			const run = sql
				.replace(innermost(sql), (found) => `${found} AS selected`)
				.replace(CALL, answered)
				.replace(ROW, () => body);
			await emulator.query(named(run));
			return calls;
		},
	};
}

/** The parenthesis from which the call takes its argument. */
function innermost(sql: string): string {
	const from = sql.indexOf('(', sql.indexOf('FROM', sql.indexOf(CALL)));
	let depth = 0;
	for (let index = from; index < sql.length; index++) {
		if (sql[index] === '(') depth++;
		else if (sql[index] === ')' && --depth === 0) return sql.slice(from, index + 1);
	}
	throw new Error('the statement has no call with a subquery');
}

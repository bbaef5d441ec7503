import { readdir, readFile } from 'node:fs/promises';
import { Dialect, parse, tokenize } from '@polyglot-sql/sdk';
import { equal, match, not, ok } from 'uvu/assert';
import { STATEMENTS } from '../../functions/adapters/alert-store/statements.ts';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import { readSchemas, SCHEMAS } from '../../functions/adapters/schemas.ts';
import { nameTables } from '../../functions/adapters/table-names.ts';
import { describe } from '../describe.ts';
import { FUNCTIONS, FUNCTIONS_ANSWER, FUNCTIONS_QUERY } from '../sql/functions.ts';
import { takeApart } from '../sql/guard.ts';

const { tables, views } = await readSchemas();
const files = (await readdir(SCHEMAS, { recursive: true })).filter((name) => name.endsWith('.sql')).sort();
const texts = await Promise.all(files.map(async (name) => [name, await readFile(new URL(name, SCHEMAS), 'utf8')] as const));

/** These run in BigQuery alone: statements of scheduled queries, and the body of the function that they call. */
const isBigQueryOnly = (name: string): boolean => /^(rejudge|routines)\//.test(name);
/** What only their placeholders name: columns of a log in BigQuery. */
const OF_LOGS = new Set(['logName', 'insertId', 'receiveTimestamp', 'jsonPayload', 'resource', 'json_payload']);
const PLACEHOLDERS = { views: /\$\{dataset\}/g, rejudge: /\$\{(dataset|logs|engine_version|since|until)\}/g };

/** Words of the language that a parenthesis may follow. */
const SYNTAX = new Set('AND AS BY EXCEPT FROM IN JOIN NOT ON OR OVER SELECT USING WHERE WHEN THEN ELSE'.split(' '));

/** Names before a parenthesis, with their prefix: `NET.HOST(x)` is `NET.HOST`. */
function functionsOf(sql: string): string[] {
	const tokens = tokenize(nameTables(sql, 'p.d'), Dialect.BigQuery).tokens ?? [];
	const called = tokens.flatMap((token, index) => {
		if (tokens[index + 1]?.text !== '(' || !/^\w+$/.test(token.text)) return [];
		const prefix = tokens[index - 1]?.text === '.' ? `${tokens[index - 2]?.text}.` : '';
		return [`${prefix}${token.text}`.toUpperCase()];
	});
	return [...new Set(called)].filter((name) => !SYNTAX.has(name));
}

interface Names {
	readonly columns: string[];
	readonly members: string[];
	readonly aliases: string[];
}

/** What a query names: columns, members of records (`record.member`), and the aliases that it defines itself. */
function namesOf(sql: string, names: Names = { columns: [], members: [], aliases: [] }): Names {
	const visit = (node: unknown): void => {
		if (typeof node !== 'object' || node === null) return;
		const { column, alias } = node as { column?: { name: { name: string }; table?: unknown }; alias?: { alias?: { name: string } } };
		if (column?.name) (column.table ? names.members : names.columns).push(column.name.name);
		if (alias?.alias) names.aliases.push(alias.alias.name);
		for (const child of Object.values(node)) visit(child);
	};
	const { condition, statement } = takeApart(sql);
	if (condition !== undefined) return namesOf(`SELECT ${condition}`, namesOf(statement, names));
	const { ast, error } = parse(nameTables(statement, 'p.d'), Dialect.BigQuery);
	ok(ast, error ?? 'no syntax tree');
	visit(ast);
	return names;
}

/** The names in a query that neither the tables nor the query itself define. `qualified`: columns may stand behind the name of a table. */
function strangersOf(sql: string, qualified = false): string[] {
	const { columns, members, aliases } = namesOf(sql);
	const fields = [...tables.values()].flat();
	const ofViews = [...views.values()].flatMap((view) => namesOf(view).aliases);
	const known = new Set([...fields.map(({ name }) => name), ...aliases, ...ofViews]);
	const nested = new Set(fields.flatMap((field) => (field.fields ?? []).map(({ name }) => name)).concat(qualified ? [...known] : []));
	return [...columns.filter((name) => !known.has(name)), ...members.filter((name) => !nested.has(name))];
}

describe('schemas/**/*.sql, and what alerting asks', (it) => {
	it('uses only functions that are right in both engines', () => {
		ok(texts.length >= 3);
		const inBoth = [...texts.filter(([name]) => !isBigQueryOnly(name)), ...Object.entries(STATEMENTS)];
		for (const [name, sql] of inBoth) {
			const others = functionsOf(sql).filter((called) => !(called in FUNCTIONS));
			equal(others, [], `${name} calls what test/sql/functions.ts does not list`);
		}
	});

	it('is scanned by something that sees calls', () => {
		equal(functionsOf('SELECT Json_Value(a, "$.b"), NET.HOST (x), if(y, 1, 2) FROM `${dataset}.t` WHERE y IN (1) AND (z) -- NOT_THIS(1)'), [
			'JSON_VALUE',
			'NET.HOST',
			'IF',
		]);
	});

	it('names only columns of the tables, or its own', () => {
		for (const [name, sql] of texts.filter(([name]) => !name.startsWith('routines/'))) {
			ok(namesOf(sql).columns.length > 0, name);
			equal(
				strangersOf(sql, isBigQueryOnly(name)).filter(
					(column) => !(isBigQueryOnly(name) && OF_LOGS.has(column)) && !column.startsWith('@'),
				),
				[],
				name,
			);
		}
		equal(strangersOf('SELECT entry_id, nonsense, e.policy_name, e.entry FROM `${dataset}.verdicts`'), ['nonsense', 'entry']);
	});

	it('leaves nothing for Terraform to trip over, and names tables by the placeholder only', () => {
		for (const [name, sql] of texts) {
			if (!name.startsWith('routines/')) match(sql, /`\$\{dataset\}\.\w+`/, name);
			not.match(sql.replace(PLACEHOLDERS[isBigQueryOnly(name) ? 'rejudge' : 'views'], ''), /\$\{|%\{/, name);
			not.match(sql.replace(/--.*/g, ''), /\b(?:FROM|JOIN)\s+(?![`(]|UNNEST)/i, `${name} names a table without the placeholder`);
		}
	});

	it('says at the top of each view what one row is and what it costs', () => {
		for (const [name, sql] of views) {
			const comment = sql.slice(0, sql.indexOf('SELECT'));
			match(comment, /^-- One row a /, name);
			match(comment, /^-- Cost: /m, name);
		}
	});

	it('lists functions that DuckDB answers as BigQuery does', async () => {
		const warehouse = await openDuckdb();
		const [answer] = await warehouse.query(FUNCTIONS_QUERY);
		await warehouse.close();
		equal(answer, FUNCTIONS_ANSWER);
	});
});

describe('readSchemas', (it) => {
	it('puts a view after those that it reads', () => {
		const order = [...views.keys()];
		ok(order.indexOf('verdicts') < order.indexOf('findings'));
	});

	it('fills the placeholder for a dataset, or drops it', () => {
		equal(nameTables('FROM `${dataset}.a` JOIN `${dataset}.b`', 'my-project.audit'), 'FROM `my-project.audit.a` JOIN `my-project.audit.b`');
		equal(nameTables('FROM `${dataset}.a`'), 'FROM `a`');
	});

	it('refuses a folder that is not there', async () => {
		let message = '';
		await readSchemas(new URL('nowhere/', SCHEMAS)).catch((error: Error) => {
			message = error.message;
		});
		match(message, /nowhere/);
	});
});

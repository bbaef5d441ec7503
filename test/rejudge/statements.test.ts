import { readdir, readFile } from 'node:fs/promises';
import { equal, is, match, not, ok } from 'uvu/assert';
import { SCHEMAS } from '../../functions/adapters/schemas.ts';
import { describe } from '../describe.ts';
import { takeApart } from '../sql/guard.ts';

const folder = new URL('rejudge/', SCHEMAS);
const statements = await Promise.all(
	(await readdir(folder)).map(async (name) => {
		const text = await readFile(new URL(name, folder), 'utf8');
		const { condition = '', statement } = takeApart(text);
		return { name, comment: /^(?:--.*\n)*/.exec(text)?.[0] ?? '', condition, sql: statement.replace(/--.*/g, '').trimStart() };
	}),
);

describe('schemas/rejudge/*.sql', (it) => {
	it('says what it is for, how often to run it, and what it costs', () => {
		ok(statements.length >= 5);
		for (const { name, comment } of statements) {
			match(comment, /^-- Judges /, name);
			match(comment, /^-- How often: /m, name);
			match(comment, /^-- Cost: /m, name);
		}
	});

	it('appends, with one call in a subquery of its own, where BigQuery makes batches', () => {
		for (const { name, sql } of statements) {
			match(sql, /^INSERT INTO `\$\{dataset\}\.verdicts_v1`\n/, name);
			equal(sql.match(/\.rejudge`\(\w+\)/g), ['.rejudge`(logged)'], name);
			not.match(sql, /\b(MERGE|CASE|IF|DECLARE|UPDATE|DELETE)\b/, name);
			match(sql, /WHERE NOT STARTS_WITH\(reply, '\{"rejected"'\)/, name);
		}
	});

	it('runs where something asks for it, if it runs many times a day', () => {
		for (const { name, comment, condition } of statements) {
			if (/^-- How often: every (5|15) minutes \(/m.test(comment)) match(condition, /^EXISTS \(/, name);
			else is(condition, '', name);
		}
		is(statements.filter(({ condition }) => condition !== '').length, 2);
	});

	it('filters the partitions of each table that it reads by a constant', () => {
		for (const { name, sql } of statements) {
			const reads = sql.match(/(?:FROM|JOIN) `\$\{(?:dataset\}\.verdicts(?:_v1)?|logs\})`/g) ?? [];
			const filters = sql.match(/timestamp >= (?:TIMESTAMP_SUB\(@run_time, INTERVAL \d DAY\)|TIMESTAMP '\$\{since\} 00:00:00\+00')/g) ?? [];
			ok(reads.length > 0, name);
			is(filters.length, reads.length, name);
			is(
				(sql.match(/`\$\{dataset\}\.snapshots`/g) ?? []).length,
				(sql.match(/collected_at >=? TIMESTAMP_SUB\(@run_time/g) ?? []).length,
				name,
			);
		}
	});
});

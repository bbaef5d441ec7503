import { DuckDBInstance } from '@duckdb/node-api';
import { equal, is, match } from 'uvu/assert';
import { createGroup } from '../../../functions/adapters/duckdb/commit.ts';
import { describe } from '../../describe.ts';

describe('a group of rows', (it) => {
	it('loses only the rows that DuckDB itself refuses, and writes the others once', async () => {
		const instance = await DuckDBInstance.create();
		const [writer, reader] = [await instance.connect(), await instance.connect()];
		await writer.run('CREATE TABLE checked (x BIGINT CHECK (x % 700 <> 0)); CREATE TABLE other (x BIGINT)');
		const group = createGroup(writer);
		const rows = Array.from({ length: 2000 }, (_, index) => index + 1);
		const settled = await Promise.allSettled(rows.map((x) => group.append(x % 10 === 1 ? 'other' : 'checked', JSON.stringify({ x }))));
		const refused = settled.flatMap((result, index) =>
			result.status === 'rejected' ? [[rows[index], result.reason as Error] as const] : [],
		);
		equal(
			refused.map(([x]) => x),
			[700, 1400],
		);
		for (const [, error] of refused) match(error.message, /^checked: DuckDB refused the row: .*CHECK/s);

		const written = await reader.runAndReadAll('SELECT x FROM checked UNION ALL SELECT x FROM other ORDER BY x');
		equal(
			written.getRows().map(([x]) => Number(x)),
			rows.filter((x) => x % 700 !== 0),
		);
		await group.append('checked', '{"x":1}');
		await group.flushed();
		is(Number((await reader.runAndReadAll('SELECT COUNT(*) FROM checked WHERE x = 1')).getRows()[0]?.[0]), 1);
		for (const connection of [writer, reader]) connection.closeSync();
		instance.closeSync();
	});

	it('rejects a row for a table that is not there, and goes on', async () => {
		const instance = await DuckDBInstance.create();
		const writer = await instance.connect();
		await writer.run('CREATE TABLE t (x BIGINT)');
		const group = createGroup(writer);
		const [bad, good] = await Promise.allSettled([group.append('nowhere', '{"x":1}'), group.append('t', '{"x":1}')]);
		is(bad?.status, 'rejected');
		is(good?.status, 'fulfilled');
		writer.closeSync();
		instance.closeSync();
	});

	it('rejects all of a group at once where there is no place for it, and goes on when there is', async () => {
		const instance = await DuckDBInstance.create();
		const writer = await instance.connect();
		await writer.run('CREATE TABLE t (x BIGINT)');
		const group = createGroup(writer);
		const before = process.env['TMPDIR'];
		process.env['TMPDIR'] = '/nowhere/at/all';
		try {
			const settled = await Promise.allSettled(Array.from({ length: 3000 }, (_, x) => group.append('t', JSON.stringify({ x }))));
			is(settled.filter(({ status }) => status === 'rejected').length, 3000);
			match(settled[0]?.status === 'rejected' ? String(settled[0].reason) : '', /^Error: t: ENOENT/);
		} finally {
			if (before === undefined) delete process.env['TMPDIR'];
			else process.env['TMPDIR'] = before;
		}
		await group.append('t', '{"x":1}');
		await group.close();
		is(Number((await writer.runAndReadAll('SELECT COUNT(*) FROM t')).getRows()[0]?.[0]), 1);
		writer.closeSync();
		instance.closeSync();
	});
});

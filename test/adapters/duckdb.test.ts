import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { equal, is, match, ok } from 'uvu/assert';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import { describe } from '../describe.ts';
import { rejectRow, verdictRow } from '../schemas/rows.ts';
import { refusal } from './refusal.ts';

const ALL = 'SELECT * FROM `${dataset}.verdicts_v1` ORDER BY entry_id';

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
	const folder = await mkdtemp(join(tmpdir(), 'policy-audit-test-'));
	try {
		return await use(folder);
	} finally {
		await rm(folder, { recursive: true });
	}
}

const memory = await openDuckdb();

/** Runs code in another process, with imports as this file has them; resolves at its first line of output. */
async function inProcess(code: string, env: NodeJS.ProcessEnv = {}): Promise<{ readonly child: ChildProcess; readonly line: string }> {
	const script = code.replace(/import\('(\.[^']+)'\)/g, (_, path: string) => `import('${new URL(path, import.meta.url).href}')`);
	const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
		stdio: ['pipe', 'pipe', 'inherit'],
		cwd: import.meta.dirname,
		env: { ...process.env, ...env },
	});
	let line = '';
	for await (const chunk of child.stdout) {
		line += String(chunk);
		if (line.includes('\n')) break;
	}
	return { child, line: line.trim() };
}

describe('appends at the same time', (it) => {
	it('are all written, the bad one among them alone refused', async () => {
		await inFolder(async (folder) => {
			const warehouse = await openDuckdb(join(folder, 'audit.db'));
			const bad = 2500;
			const settled = await Promise.allSettled(
				Array.from({ length: 5000 }, (_, index) =>
					index % 5 === 0
						? warehouse.write('rejects_v1', rejectRow({ message_id: `${index}` }))
						: warehouse.write('verdicts_v1', verdictRow({ entry_id: `${index}`, count: index === bad + 1 ? 'many' : index })),
				),
			);
			equal(
				settled.flatMap(({ status }, index) => (status === 'rejected' ? [index] : [])),
				[bad + 1],
			);
			const [counts] = await warehouse.query(
				'SELECT COUNT(*) AS n, COUNT(DISTINCT entry_id) AS entries, SUM(count) AS total FROM `${dataset}.verdicts_v1`',
			);
			const total = Array.from({ length: 5000 }, (_, index) => (index % 5 === 0 || index === bad + 1 ? 0 : index)).reduce((a, b) => a + b);
			equal(counts, { n: 3999, entries: 3999, total });
			equal(await warehouse.query('SELECT COUNT(*) AS n FROM `${dataset}.rejects`'), [{ n: 1000 }]);
			await warehouse.close();
		});
	});

	it('are seen by whoever asks after one resolved, and a scan under way is not disturbed', async () => {
		const warehouse = await openDuckdb();
		const append = (entry_id: string) => warehouse.write('verdicts_v1', verdictRow({ entry_id }));
		await Promise.all(Array.from({ length: 3000 }, (_, index) => append(`a${index}`)));
		let seen = 0;
		for await (const row of warehouse.scan('SELECT entry_id FROM `${dataset}.verdicts_v1`')) {
			seen += 1;
			ok(String(row['entry_id']).startsWith('a'));
			if (seen % 1000 !== 1) continue;
			await append(`b${seen}`);
			is((await warehouse.query('SELECT entry_id FROM `${dataset}.verdicts` WHERE entry_id = @id', { id: `b${seen}` })).length, 1);
		}
		is(seen, 3000);
		await warehouse.close();
	});

	it('leave nothing behind that the next process would not remove, though the process was killed over them', async () => {
		await inFolder(async (folder) => {
			const path = join(folder, 'audit.db');
			const { child, line } = await inProcess(`
				const { readdirSync } = await import('node:fs');
				const { openDuckdb } = await import('../../functions/adapters/duckdb.ts');
				const { verdictRow } = await import('../schemas/rows.ts');
				const warehouse = await openDuckdb(${JSON.stringify(path)});
				await warehouse.write('verdicts_v1', verdictRow({ entry_id: 'a' }));
				console.log(readdirSync(${JSON.stringify(folder)}).filter((name) => name.startsWith('audit.db.rows-')).length);
				process.stdin.resume();`);
			is(line, '1');
			const exit = once(child, 'exit');
			child.kill('SIGKILL');
			await exit;
			// Of another database, whoever has it open.
			await mkdir(join(folder, 'other.db.rows-1'));
			const [first, second] = [await openDuckdb(path), await openDuckdb(path)];
			await first.write('verdicts_v1', verdictRow({ entry_id: 'b' }));
			const third = await openDuckdb(path);
			await first.write('verdicts_v1', verdictRow({ entry_id: 'c' }));
			is((await second.query(ALL)).length, 3);
			for (const warehouse of [first, second, third]) await warehouse.close();
			equal((await readdir(folder)).sort(), ['audit.db', 'other.db.rows-1']);
		});
	});

	it('are written before close resolves, and none is taken after it', async () => {
		await inFolder(async (folder) => {
			const path = join(folder, 'audit.db');
			const first = await openDuckdb(path);
			const appends = Array.from({ length: 1500 }, (_, index) => first.write('verdicts_v1', verdictRow({ entry_id: `${index}` })));
			await Promise.all([first.close(), first.close()]);
			await Promise.all(appends);
			match(await refusal(first.write('verdicts_v1', verdictRow())), /closed/);
			match(await refusal(first.query(ALL)), /closed/);
			const second = await openDuckdb(path);
			is((await second.query(ALL)).length, 1500);
			await second.close();
			equal(await readdir(folder), ['audit.db']);
		});
	});

	it('that resolved survive a killed process', async () => {
		await inFolder(async (folder) => {
			const path = join(folder, 'audit.db');
			const { child, line } = await inProcess(`
				const { openDuckdb } = await import('../../functions/adapters/duckdb.ts');
				const { verdictRow } = await import('../schemas/rows.ts');
				const warehouse = await openDuckdb(${JSON.stringify(path)});
				await Promise.all(['a', 'b', 'c'].map((entry_id) => warehouse.write('verdicts_v1', verdictRow({ entry_id }))));
				console.log('written');
				process.stdin.resume();`);
			is(line, 'written');
			const exit = once(child, 'exit');
			child.kill('SIGKILL');
			await exit;
			const warehouse = await openDuckdb(path);
			equal(
				(await warehouse.query(ALL)).map((row) => row['entry_id']),
				['a', 'b', 'c'],
			);
			await warehouse.close();
		});
	});
});

describe('a scan', (it) => {
	it('has more memory than others while it runs, and leaves none of it behind', async () => {
		const warehouse = await openDuckdb();
		const limit = async (): Promise<unknown> => (await warehouse.query(`SELECT current_setting('memory_limit') AS memory`))[0]?.['memory'];
		const usual = await limit();
		const rows = (sql = 'SELECT 1 AS x') => warehouse.scan(sql);
		const [first, second] = [rows(), rows()];
		await Promise.all([first.next(), second.next()]);
		const more = await limit();
		await first.return();
		is(await limit(), more);
		await second.return();
		is(await limit(), usual);
		match(await refusal(rows('SELECT nonsense FROM `${dataset}.verdicts`').next()), /nonsense/);
		is(await limit(), usual);
		ok(more !== usual, String(more));
		await warehouse.close();
	});
});

describe('a query', (it) => {
	it('takes parameters by name, and leaves @ in strings, names and comments alone', async () => {
		const sql = `SELECT @text AS a, 'it\\'s @text' AS b, "@text" AS c, @number + 1 AS d, @flag AS e, @none IS NULL AS f -- @other
			# @another
			/* @third */`;
		equal(await memory.query(sql, { text: `'; DROP TABLE verdicts_v1; --`, number: 2, flag: true, none: null }), [
			{ a: `'; DROP TABLE verdicts_v1; --`, b: `it's @text`, c: '@text', d: 3, e: true, f: true },
		]);
		equal(await memory.query('SELECT 1 AS `@x`'), [{ '@x': 1 }]);
	});

	it('answers with dates, fractions, nulls and arrays in their JSON form', async () => {
		equal(await memory.query(`SELECT DATE '2026-03-02' AS a, 1.5 AS b, 7 / 2 AS c, NULL AS d, [1, 2] AS e, STRUCT(TRUE AS x) AS f`), [
			{ a: '2026-03-02', b: 1.5, c: 3.5, d: null, e: [1, 2], f: { x: true } },
		]);
	});

	it('has days in UTC, wherever the machine is', async () => {
		const script = `
			const { openDuckdb } = await import('../../functions/adapters/duckdb.ts');
			const warehouse = await openDuckdb();
			const [row] = await warehouse.query("SELECT DATE(TIMESTAMP('2026-03-02T01:00:00Z')) AS day");
			console.log(row.day);`;
		const { child, line } = await inProcess(script, { TZ: 'America/Los_Angeles' });
		is(line, '2026-03-02');
		if (child.exitCode === null) await once(child, 'exit');
	});

	it('is refused where it is not one statement, or names what is not there', async () => {
		match(await refusal(memory.query('SELECT FROM WHERE')), /not one statement of BigQuery SQL/);
		match(await refusal(memory.query('SELECT 1; SELECT 2')), /not one statement of BigQuery SQL/);
		match(await refusal(memory.query('SELECT nonsense FROM `${dataset}.verdicts`')), /nonsense/);
		is((await memory.query('SELECT 1 AS x')).length, 1);
	});
});

describe('openDuckdb', (it) => {
	it.after(() => memory.close());

	it('keeps what was written, and warehouses in memory apart', async () => {
		await inFolder(async (folder) => {
			const path = join(folder, 'audit.db');
			for (const entry_id of ['a', 'b']) {
				const warehouse = await openDuckdb(path);
				await warehouse.write('verdicts_v1', verdictRow({ entry_id }));
				await warehouse.close();
			}
			const [file, memory] = await Promise.all([openDuckdb(path), openDuckdb()]);
			is((await file.query('SELECT * FROM `${dataset}.verdicts`')).length, 2);
			is((await memory.query('SELECT * FROM `${dataset}.verdicts`')).length, 0);
			await Promise.all([file.close(), memory.close()]);
		});
	});

	it('opens a file twice in one process', async () => {
		await inFolder(async (folder) => {
			const path = join(folder, 'audit.db');
			const first = await openDuckdb(path);
			const second = await openDuckdb(path);
			await Promise.all([
				first.write('verdicts_v1', verdictRow({ entry_id: 'a' })),
				second.write('verdicts_v1', verdictRow({ entry_id: 'b' })),
			]);
			await first.close();
			is((await second.query(ALL)).length, 2);
			await second.close();
		});
	});

	it('refuses a file that another process has open, and takes it when that one is done', async () => {
		await inFolder(async (folder) => {
			const path = join(folder, 'audit.db');
			const { child, line } = await inProcess(`
				const { DuckDBInstance } = await import('@duckdb/node-api');
				const instance = await DuckDBInstance.create(${JSON.stringify(path)});
				console.log('open');
				process.stdin.once('data', () => {
					instance.closeSync();
					process.exit();
				});`);
			is(line, 'open');
			const message = await refusal(openDuckdb(path));
			ok(message.startsWith(`cannot open ${path}: another process has it open`), message);
			ok(message.includes(String(child.pid)), message);
			const exit = once(child, 'exit');
			child.stdin?.write('go\n');
			await exit;
			const warehouse = await openDuckdb(path);
			await warehouse.close();
		});
	});

	it('gives the file back to other processes, also after a scan that was left early', async () => {
		await inFolder(async (folder) => {
			const path = join(folder, 'audit.db');
			const warehouse = await openDuckdb(path);
			await Promise.all(Array.from({ length: 3000 }, (_, index) => warehouse.write('verdicts_v1', verdictRow({ entry_id: `${index}` }))));
			for await (const row of warehouse.scan(ALL)) {
				ok(row);
				break;
			}
			await warehouse.close();
			const { child, line } = await inProcess(`
				const { DuckDBInstance } = await import('@duckdb/node-api');
				await DuckDBInstance.create(${JSON.stringify(path)});
				console.log('open');`);
			is(line, 'open');
			if (child.exitCode === null) await once(child, 'exit');
		});
	});

	it('refuses what is not a DuckDB database, and leaves it as it was', async () => {
		await inFolder(async (folder) => {
			for (const [name, text] of [
				['notes.txt', 'not a database, but a file of some length\n'.repeat(1000)],
				['empty.db', ''],
				['lines.json', '{"a":1}\n{"a":2}\n'],
				['table.csv', 'a,b\n1,2\n'],
				['short.db', 'DUCK'],
			] as const) {
				await writeFile(join(folder, name), text);
				const message = await refusal(openDuckdb(join(folder, name)));
				ok(message.startsWith(`cannot open ${join(folder, name)}: it is not a DuckDB database`), message);
			}
			match(await refusal(openDuckdb(folder)), /^cannot open .*directory/i);
			equal((await readdir(folder)).sort(), ['empty.db', 'lines.json', 'notes.txt', 'short.db', 'table.csv']);
		});
	});

	it('refuses a folder that does not exist', async () => {
		await inFolder(async (folder) => {
			const message = await refusal(openDuckdb(join(folder, 'nowhere', 'audit.db')));
			is(
				message,
				`cannot open ${join(folder, 'nowhere', 'audit.db')}: the folder ${join(folder, 'nowhere')} does not exist or cannot be read`,
			);
		});
	});

	it('refuses tables of another version, and says what to do', async () => {
		await inFolder(async (folder) => {
			const path = join(folder, 'audit.db');
			const older = pathToFileURL(`${join(folder, 'schemas')}/`);
			await mkdir(new URL('tables/', older), { recursive: true });
			await mkdir(new URL('views/', older));
			const columns = [
				{ name: 'message_id', type: 'STRING', mode: 'REQUIRED' },
				{ name: 'cause', type: 'STRING', mode: 'NULLABLE' },
			];
			await writeFile(new URL('tables/rejects_v1.json', older), JSON.stringify(columns));
			await (await openDuckdb(path, older)).close();
			const message = await refusal(openDuckdb(path));
			match(
				message,
				/^cannot open .*audit\.db: its table rejects_v1 was made by another version: it lacks reason VARCHAR NOT NULL, .* and more/,
			);
			match(message, /has instead cause VARCHAR\. Start a new file and replay/);
			await (await openDuckdb(path, older)).close();
		});
	});
});

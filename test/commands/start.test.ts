import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import { describe } from '../describe.ts';
import { run, seed, spawnCli } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'start-test-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const databaseOf = (stdout: string): string => /Database: (\S+) /.exec(stdout)?.[1] ?? '';

describe('start', (it) => {
	it('shows each step on the example, and keeps the database', async () => {
		const { code, stdout, stderr } = await run(['start']);
		const path = databaseOf(stdout);
		try {
			assert.equal([code, stderr], [0, '']);
			assert.match(
				stdout,
				/snapshots .*\n.*ingest listens on http:\/\/127\.0\.0\.1:\d+\n.*3 entries delivered as Pub\/Sub push requests, all acknowledged/,
			);
			assert.match(stdout, /! void-rule.*Broken by the move.*Next:\n/s);
			assert.ok(existsSync(path), path);
		} finally {
			rmSync(dirname(path), { recursive: true, force: true });
		}
	});

	it('does the same on other data, in a database of a name', async () => {
		const db = join(folder, 'own.duckdb');
		const argv = ['start', '--entries', seed('entries.json'), '--snapshots', seed('snapshots'), '--db', db];
		const [first, second] = [await run(argv), await run(argv)];
		assert.equal([first.code, second.code], [0, 0]);
		assert.is(databaseOf(first.stdout), db);
		const table = (text: string) => text.slice(text.indexOf('┌'));
		assert.is(table(second.stdout), table(first.stdout));
	});

	it('tells the steps beside what is to be parsed', async () => {
		const { stdout, stderr } = await run(['start', '--db', join(folder, 'json.duckdb'), '--format', 'json']);
		assert.is(
			stdout
				.trim()
				.split('\n')
				.map((line) => JSON.parse(line)).length,
			3,
		);
		assert.match(stderr, /ingest listens on/);
	});
});

describe('the process', (it) => {
	it('ends with the exit code, and prints all of it to a pipe', async () => {
		const argv = [
			'replay',
			'--entries',
			seed('entries.json'),
			'--snapshots',
			seed('snapshots'),
			'--format',
			'json',
			'--fail-on',
			'certain',
		];
		const { code, stdout } = await spawnCli(argv).ended;
		assert.equal([code, stdout.split('\n').length], [1, 4]);
	});

	it('ends when interrupted while it waits for input', async () => {
		const { child, ended } = spawnCli(['start', '--entries', '-', '--db', join(folder, 'waiting.duckdb')]);
		child.stdout?.on('data', (chunk: Buffer) => {
			if (chunk.toString().includes('listens')) setTimeout(() => child.kill('SIGINT'), 200);
		});
		const { code, stderr } = await ended;
		assert.is(code, 130);
		assert.match(stderr, /interrupted: 0 entries delivered/);
	});

	it('closes the database when interrupted half-way', async () => {
		const db = join(folder, 'half.duckdb');
		const { child, ended } = spawnCli(['start', '--entries', '-', '--snapshots', seed('snapshots'), '--db', db]);
		const entry = JSON.parse(readFileSync(seed('entries.json'), 'utf8'))[0];
		child.stdin?.on('error', () => {});
		child.stdout?.on('data', (chunk: Buffer) => {
			if (!chunk.toString().includes('listens')) return;
			// Input without an end: nothing but the signal stops it.
			for (let index = 0; index < 2000; index++) child.stdin?.write(`${JSON.stringify({ ...entry, insertId: `i${index}` })}\n`);
			setTimeout(() => child.kill('SIGINT'), 100);
		});
		const { code, stderr } = await ended;
		assert.is(code, 130, stderr);
		const [, delivered, acknowledged] = /interrupted: (\d+) entries delivered, (\d+) acknowledged/.exec(stderr) ?? [];
		assert.is(delivered, acknowledged);
		const warehouse = await openDuckdb(db);
		const [counted] = await warehouse.query('SELECT COUNT(*) AS n FROM `${dataset}.verdicts`');
		await warehouse.close();
		assert.is(counted?.['n'], Number(acknowledged));
	});
});

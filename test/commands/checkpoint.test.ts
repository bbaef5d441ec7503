import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { equal, is, match } from 'uvu/assert';
import { type Checkpoint, findDifference, readCheckpoint, removeCheckpoint, writeCheckpoint } from '../../functions/commands/checkpoint.ts';
import { refusal } from '../adapters/refusal.ts';
import { describe } from '../describe.ts';

const folder = mkdtempSync(join(tmpdir(), 'checkpoint-test-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const CHECKPOINT: Checkpoint = {
	version: 1,
	asked: { project: 'p' },
	since: '2026-03-04T05:00:00Z',
	until: '2026-03-05T05:00:00Z',
	reached: '2026-03-04T06:00:00Z',
	entries: 3,
	rows: [{ from: { verdicts: 0, rejects: 0 }, to: { verdicts: 2, rejects: 1 } }],
};

describe('the state of a replay', (it) => {
	it('is read as it was written, and is absent where there is none', async () => {
		const path = join(folder, 'state.json');
		is(await readCheckpoint(path), undefined);
		await writeCheckpoint(path, CHECKPOINT);
		equal(await readCheckpoint(path), CHECKPOINT);
		equal(readdirSync(folder), ['state.json']);
	});

	it('is refused where it is something else: its numbers become part of SQL', async () => {
		const path = join(folder, 'wrong.json');
		const ends = { verdicts: 0, rejects: 0 };
		for (const wrong of [
			'',
			'null',
			'[]',
			JSON.stringify({ ...CHECKPOINT, version: 2 }),
			JSON.stringify({ ...CHECKPOINT, asked: null }),
			JSON.stringify({ ...CHECKPOINT, rows: undefined }),
			JSON.stringify({ ...CHECKPOINT, rows: [{ from: ends }] }),
			JSON.stringify({ ...CHECKPOINT, rows: [{ from: ends, to: { ...ends, verdicts: '0) OR (1 = 1' } }] }),
		]) {
			writeFileSync(path, wrong);
			match(String(await readCheckpoint(path)), /wrong\.json is not the state of a replay; name another file, or remove that one/);
		}
		match(String(await readCheckpoint(folder)), /cannot be read: EISDIR/);
	});

	it('tells what was asked for and what is, in a line that can be read', () => {
		const path = 'state.json';
		is(findDifference(CHECKPOINT, { path, asked: { project: 'p' } }), undefined);
		const asked = { project: 'q', snapshots: 'one '.repeat(1000) };
		const difference = findDifference(CHECKPOINT, { path, asked }) ?? '';
		match(difference, /\(--project was p and is q, --snapshots was absent and is one one .*…\)/);
		is(difference.length < 700, true);
	});

	it('can be kept by two processes in one file', async () => {
		const path = join(folder, 'shared.json');
		const script = `
			const { writeCheckpoint } = await import(${JSON.stringify(new URL('../../functions/commands/checkpoint.ts', import.meta.url).href)});
			for (let count = 0; count < 200; count++) await writeCheckpoint(${JSON.stringify(path)}, ${JSON.stringify(CHECKPOINT)});`;
		const codes = await Promise.all(
			[1, 2, 3].map(async () => {
				const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'ignore', 'inherit'] });
				const [code] = await once(child, 'close');
				return code as number | null;
			}),
		);
		equal(codes, [0, 0, 0]);
		equal(await readCheckpoint(path), CHECKPOINT);
		equal(
			readdirSync(folder).filter((name) => name.startsWith('shared')),
			['shared.json'],
		);
	});

	it('goes with what a killed process had begun to write, and with nothing else', async () => {
		const path = join(folder, 'done.json');
		await writeCheckpoint(path, CHECKPOINT);
		for (const name of ['done.json.123.new', 'done.json.mine', 'done.json.new', 'undone.json.123.new'])
			writeFileSync(join(folder, name), '');
		await removeCheckpoint(path);
		equal(
			readdirSync(folder).filter((name) => name.includes('done')),
			['done.json.mine', 'done.json.new', 'undone.json.123.new'],
		);
		await removeCheckpoint(path);
	});

	it('says what it is that cannot be written', async () => {
		const path = join(folder, 'nowhere', 'state.json');
		match(await refusal(writeCheckpoint(path, CHECKPOINT)), /^the state of the replay cannot be kept in .*nowhere\/state\.json: ENOENT/);
	});
});

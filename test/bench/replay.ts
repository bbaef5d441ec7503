import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { BEGIN, generateHistory, type History } from './history.ts';

export interface ReplaySizes {
	readonly entries: number;
	/** For the baseline, which is slower. */
	readonly pushed: number;
}

export const QUICK_REPLAY: ReplaySizes = { entries: 50_000, pushed: 5000 };
export const FULL_REPLAY: ReplaySizes = { entries: 1_000_000, pushed: 20_000 };

export interface ReplayFigures {
	readonly way: string;
	readonly entries: number;
	readonly seconds: number;
	readonly entriesPerSecond: number;
	/** The most that the process had of memory. */
	readonly peakMb: number;
	readonly databaseMb: number;
	/** Whether its answer counts what there was to judge. */
	readonly right: boolean;
}

const CLI = fileURLToPath(new URL('../../functions/cli.ts', import.meta.url));
/** Loaded before the command: says at the end what the process used. */
const PROBE = `process.on('exit', () => require('node:fs').writeSync(3, String(process.resourceUsage().maxRSS)));\n`;

/**
 * A day of generated entries from a file into a DuckDB file, with the answer, from the start of the process to its end: by `replay`, and, of
 * fewer entries, by `start`, which pushes each entry to the function by HTTP as `replay` once did.
 */
export async function measureReplay({ entries, pushed }: ReplaySizes): Promise<ReplayFigures[]> {
	const folder = await mkdtemp(join(tmpdir(), 'policy-audit-bench-'));
	try {
		await writeFile(join(folder, 'probe.cjs'), PROBE);
		return [await measure('start', generateHistory(pushed), folder), await measure('replay', generateHistory(entries), folder)];
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
}

async function measure(way: string, history: History, folder: string): Promise<ReplayFigures> {
	const [file, db] = [join(folder, `${way}.ndjson`), join(folder, `${way}.duckdb`)];
	const snapshot = join(folder, `${BEGIN.replaceAll(':', '')}.json.gz`);
	await writeFile(snapshot, history.snapshot);
	await pipeline(Readable.from(lines(history)), createWriteStream(file));
	const from = performance.now();
	const argv = ['-r', join(folder, 'probe.cjs'), CLI, way, '--entries', file, '--snapshots', snapshot, '--db', db];
	const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
	const [stdout, peakKb] = await Promise.all([
		text(child.stdout as Readable),
		text(child.stdio[3] as Readable),
		child.exitCode === null ? once(child, 'close') : [],
	]);
	const seconds = (performance.now() - from) / 1000;
	return {
		way,
		entries: history.length,
		seconds,
		entriesPerSecond: history.length / seconds,
		peakMb: Number(peakKb) / 1000,
		databaseMb: (await stat(db)).size / 1e6,
		right: stdout.includes(`${history.judged} entries: `),
	};
}

/** A thousand lines at a time: a stream costs more than a line. */
function* lines(history: History): Generator<string> {
	for (let index = 0; index < history.length; index += 1000) {
		const count = Math.min(1000, history.length - index);
		yield Array.from({ length: count }, (_, place) => `${JSON.stringify(history.at(index + place))}\n`).join('');
	}
}

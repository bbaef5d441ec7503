import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import { startLoggingServer } from '../adapters/logging/server.ts';
import { BEGIN, END, generateHistory, type History, isRefused } from '../bench/history.ts';
import { createRandom } from '../random.ts';
import { createChecks } from './checks.ts';

/**
 * `npm run test:replay [-- ENTRIES [SEED]]`: kills a replay from Cloud Logging (a server of our own, on loopback) at random moments, runs the
 * same command again until it is done, and compares the views with what was served: every entry once, none more, none less. The last line is
 * `N passed, N failed`.
 */
const [count = '40000', seed = '1'] = process.argv.slice(2);
const COUNT = Number(count);
const KILLS = 3;
const PAGE = 1000;
/** More than creating the tables writes. */
const WRITTEN_BYTES = 1_000_000;
const CLI = fileURLToPath(new URL('../../functions/cli.ts', import.meta.url));

const checks = createChecks();
const random = createRandom(Number(seed));
const history = generateHistory(COUNT);
const folder = await mkdtemp(join(tmpdir(), 'policy-audit-replay-'));
const snapshot = join(folder, `${BEGIN.replaceAll(':', '')}.json.gz`);
await writeFile(snapshot, history.snapshot);
const server = await startLoggingServer(history);

interface Ended {
	readonly code: number | null;
	readonly stdout: string;
	readonly stderr: string;
}

function start(argv: readonly string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
	const child = spawn(process.execPath, [CLI, 'replay', ...argv, '--snapshots', snapshot], {
		env: { ...process.env, LOGGING_API_ENDPOINT: server.url },
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	let [stdout, stderr] = ['', ''];
	child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
	child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
	return { child, ended: once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr })) };
}

/** Kills the replay some milliseconds after it has come so far. Answers whether it was still at work. */
async function kill(argv: readonly string[], isSoFar: () => boolean | Promise<boolean>): Promise<boolean> {
	const { child, ended } = start(argv);
	const delayMs = random.below(150);
	while (child.exitCode === null && !(await isSoFar())) await sleep(5);
	await sleep(delayMs);
	child.kill('SIGKILL');
	return (await ended).code === null;
}

/** Compares the views of a database with what there was to judge. */
async function compare(db: string, { length, judged }: Pick<History, 'length' | 'judged'>): Promise<void> {
	const warehouse = await openDuckdb(db);
	try {
		const rows = new Map<string, number>();
		for await (const { insert_id } of warehouse.scan('SELECT insert_id FROM `${dataset}.verdicts`'))
			rows.set(String(insert_id), (rows.get(String(insert_id)) ?? 0) + 1);
		const wrong = Array.from({ length }, (_, index) => index).filter(
			(index) => (rows.get(`e${index}`) ?? 0) !== (isRefused(index) ? 0 : 1),
		);
		checks.check(
			wrong.length === 0,
			`every entry is in the view once (${wrong.length} are not${wrong.slice(0, 5).map((at) => ` e${at}`)})`,
		);
		checks.check(rows.size === judged, `and nothing else is: ${rows.size} of ${judged}`);
		const [rejects] = await warehouse.query('SELECT COUNT(*) AS n FROM `${dataset}.rejects`');
		checks.check(
			rejects?.['n'] === length - judged,
			`every refused entry is in the view rejects once: ${rejects?.['n']} of ${length - judged}`,
		);
		const [table] = await warehouse.query('SELECT COUNT(*) AS n FROM `${dataset}.verdicts_v1`');
		console.log(`  the table has ${Number(table?.['n']) - judged} rows more: of entries that were read again`);
	} finally {
		await warehouse.close();
	}
}

async function fromLogging(): Promise<void> {
	const db = join(folder, 'logging.duckdb');
	const state = `${db}.replay.json`;
	const argv = ['--from-logging', '--project', 'p', '--since', BEGIN, '--until', END, '--requests-per-minute', '600000', '--db', db];
	let killed = 0;
	for (let index = 0; index < KILLS; index++) {
		const after = server.requests.length + 3 + random.below(COUNT / PAGE / KILLS);
		if (await kill(argv, () => server.requests.length >= after)) killed++;
	}
	checks.check(killed === KILLS, `from Cloud Logging: ${killed} of ${KILLS} runs killed at work`);
	checks.check(existsSync(state), 'a killed replay leaves behind how far it came');
	const asked = server.requests.length;
	const { code, stdout, stderr } = await start(argv).ended;
	checks.check(code === 3, `the run after them ends with 3, for the entries that were refused (${code})${code === 3 ? '' : `\n${stderr}`}`);
	checks.check(/goes on at 2026-11-24T/.test(stderr), 'it says that it goes on');
	const pages = server.requests.length - asked;
	checks.check(pages > 0 && pages < COUNT / PAGE, `it asks for ${pages} pages, fewer than all ${Math.ceil(COUNT / PAGE)}`);
	const left = (await readdir(folder)).filter((name) => name.startsWith('logging.duckdb.'));
	checks.check(
		left.length === 0,
		`a finished replay leaves nothing behind, nor of those that were killed${left.map((name) => ` ${name}`)}`,
	);
	const counted = /^.*entries: .*$/m.exec(stdout)?.[0] ?? '';
	checks.check(counted.startsWith(`${history.judged} entries: `), `its answer counts the entries of all runs: ${counted}`);
	await compare(db, history);
}

async function fromFile(): Promise<void> {
	const some = generateHistory(Math.ceil(COUNT / 4));
	const file = join(folder, 'entries.ndjson');
	await writeFile(file, Array.from({ length: some.length }, (_, index) => `${JSON.stringify(some.at(index))}\n`).join(''));
	const db = join(folder, 'file.duckdb');
	const argv = ['--entries', file, '--db', db];
	const written = async (): Promise<boolean> => ((await stat(`${db}.wal`).catch(() => undefined))?.size ?? 0) > WRITTEN_BYTES;
	checks.check(await kill(argv, written), 'from a file: killed at work');
	const { code, stdout } = await start(argv).ended;
	checks.check(
		code === 3 && stdout.includes(`${some.judged} entries: `),
		`the same command again judges all ${some.judged} entries (${code})`,
	);
	await compare(db, some);
}

try {
	await fromLogging();
	await fromFile();
} finally {
	server.close();
	await rm(folder, { recursive: true, force: true });
}
checks.finish();

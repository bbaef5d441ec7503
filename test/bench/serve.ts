import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { deployedEnv, frameworkOf, freePort, installArtefact } from '../servers/artefact.ts';
import { openConnection } from './load.ts';

/** Loaded before the framework: says what the process uses whenever it is asked. */
const PROBE = `process.on('message', () => process.send({ rss: process.memoryUsage.rss(), cpuMicros: process.cpuUsage().user + process.cpuUsage().system }));
process.channel?.unref();
`;

export interface Usage {
	/** In bytes. */
	readonly rss: number;
	readonly cpuMicros: number;
}

export interface Served {
	readonly port: number;
	/** From the start of the process to the first answer. */
	readonly bootMs: number;
	/** Of the process. */
	usage(): Promise<Usage>;
	stop(): Promise<void>;
}

export interface Functions<Name extends string> {
	start(name: Name, env?: NodeJS.ProcessEnv): Promise<Served>;
	remove(): Promise<void>;
}

/** A function to compare with: `(request, response) => …`, which says what the framework and Node cost by themselves. */
export interface Plain<Name extends string> {
	readonly name: Name;
	readonly code: string;
}

/** The built artefact and a plain function, both served by the framework that the artefact's lock installs. */
export async function installFunctions<Built extends string, Other extends string>(
	built: Built,
	plain: Plain<Other>,
): Promise<Functions<Built | Other>> {
	const artefact = await installArtefact(built);
	const folder = await mkdtemp(join(tmpdir(), 'policy-audit-bench-'));
	const probe = join(folder, 'probe.cjs');
	await writeFile(join(folder, 'index.js'), `'use strict';\nexports.${plain.name} = ${plain.code};\n`);
	await writeFile(probe, PROBE);
	return {
		start: (name, env = {}) =>
			serve(name, { folder: name === built ? artefact.folder : folder, probe, command: frameworkOf(artefact.folder), env }),
		async remove() {
			await artefact.remove();
			await rm(folder, { recursive: true, force: true });
		},
	};
}

interface Place {
	readonly folder: string;
	readonly probe: string;
	readonly command: string;
	readonly env: NodeJS.ProcessEnv;
}

async function serve(name: string, { folder, probe, command, env }: Place): Promise<Served> {
	const port = await freePort();
	const extra = process.env['BENCH_NODE_OPTIONS']?.split(' ') ?? [];
	const startedMs = performance.now();
	const child = spawn(process.execPath, ['-r', probe, ...extra, command], {
		cwd: folder,
		env: deployedEnv({ name, port, env }),
		stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
	});
	let trouble = '';
	child.stdout?.resume();
	child.stderr?.setEncoding('utf8').on('data', (text: string) => (trouble += text));
	await answers(child, port, () => trouble);
	const bootMs = performance.now() - startedMs;
	return {
		port,
		bootMs,
		async usage() {
			child.send('usage');
			const [usage] = (await once(child, 'message')) as [Usage];
			return usage;
		},
		stop: () => end(child),
	};
}

async function answers(child: ChildProcess, port: number, trouble: () => string): Promise<void> {
	for (let tries = 0; tries < 5000; tries++) {
		if (child.exitCode !== null) throw new Error(`the function ended with ${child.exitCode}:\n${trouble()}`);
		const connection = await openConnection(port).catch(() => undefined);
		const status = await connection?.send(Buffer.from('GET /health HTTP/1.1\r\nhost: f\r\n\r\n'));
		connection?.close();
		if (status) return;
		await sleep(2);
	}
	throw new Error(`the function does not serve:\n${trouble()}`);
}

async function end(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const ended = once(child, 'exit');
	child.kill('SIGTERM');
	const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
	await ended;
	clearTimeout(timer);
}

export interface Backends {
	readonly bucketUrl: string;
	readonly warehouseUrl: string;
	/** Rows that came, by table. */
	rows(): Promise<Readonly<Record<string, number>>>;
	stop(): Promise<void>;
}

/** The servers behind the function, in a process of their own. */
export async function startBackends(latencyMs: number): Promise<Backends> {
	const child = fork(fileURLToPath(new URL('backends.ts', import.meta.url)), [`${latencyMs}`], { execArgv: [] });
	const [urls] = (await once(child, 'message')) as [Pick<Backends, 'bucketUrl' | 'warehouseUrl'>];
	return {
		...urls,
		async rows() {
			child.send('rows');
			const [rows] = (await once(child, 'message')) as [Record<string, number>];
			return rows;
		},
		stop: () => end(child),
	};
}

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The function as it is deployed: the built artefact in a folder of its own, where the framework alone was installed from its lock. */
export interface Installed {
	/** Of the artefact. */
	readonly folder: string;
	/** Starts the framework's own command; resolves when it serves. */
	start(env: NodeJS.ProcessEnv): Promise<Running>;
	remove(): Promise<void>;
}

export interface Running {
	readonly url: string;
	/** What it wrote so far: a structured line an outcome, as JSON. */
	lines(): readonly Record<string, unknown>[];
	/** All output that is no JSON. */
	text(): string;
	/** Ends it and waits for that. */
	stop(signal?: NodeJS.Signals): Promise<void>;
}

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export async function installArtefact(name: string): Promise<Installed> {
	await run(process.execPath, ['scripts/build-functions.mjs'], { cwd: ROOT });
	const folder = await mkdtemp(join(tmpdir(), 'policy-audit-artefact-'));
	await cp(join(ROOT, 'build', 'functions', name), folder, { recursive: true });
	await run('npm', ['ci', '--prefer-offline', '--no-audit', '--no-fund'], { cwd: folder });
	return {
		folder,
		start: (env) => startFramework(folder, name, env),
		remove: () => rm(folder, { recursive: true, force: true }),
	};
}

async function startFramework(folder: string, name: string, env: NodeJS.ProcessEnv): Promise<Running> {
	const port = await freePort();
	const child = spawn(process.execPath, [frameworkOf(folder)], { cwd: folder, env: deployedEnv({ name, port, env }) });
	let output = '';
	for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
	const url = `http://127.0.0.1:${port}/`;
	await serves(child, url, () => output);
	const lines = () => output.split('\n');
	return {
		url,
		lines: () =>
			lines()
				.filter((line) => line.startsWith('{'))
				.map((line) => JSON.parse(line) as Record<string, unknown>),
		text: () =>
			lines()
				.filter((line) => !line.startsWith('{'))
				.join('\n'),
		async stop(signal = 'SIGKILL') {
			if (child.exitCode !== null || child.signalCode !== null) return;
			const ended = once(child, 'exit');
			child.kill(signal);
			await ended;
		},
	};
}

/** The framework's own command, as the artefact's lock installs it. */
export const frameworkOf = (artefact: string): string => join(artefact, 'node_modules/@google-cloud/functions-framework/build/src/main.js');

/**
 * As it is deployed, so that what crashes is not shown to the caller, and with a young generation as an instance with 1 GiB has it: a large
 * machine's would be larger, and so would be its pauses. Nobody looks for a metadata server.
 */
export const deployedEnv = ({ name, port, env }: { name: string; port: number; env: NodeJS.ProcessEnv }): NodeJS.ProcessEnv => ({
	PATH: process.env['PATH'],
	NODE_ENV: 'production',
	NODE_OPTIONS: '--max-semi-space-size=16',
	METADATA_SERVER_DETECTION: 'none',
	FUNCTION_TARGET: name,
	PORT: `${port}`,
	...env,
});

export async function freePort(): Promise<number> {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const address = server.address();
	server.close();
	await once(server, 'close');
	return typeof address === 'object' && address ? address.port : 0;
}

async function serves(child: ChildProcess, url: string, output: () => string): Promise<void> {
	for (let tries = 0; tries < 300; tries++) {
		if (child.exitCode !== null) throw new Error(`the function ended with ${child.exitCode}:\n${output()}`);
		const answer = await fetch(url).catch(() => undefined);
		if (answer) return;
		await sleep(50);
	}
	throw new Error(`the function does not serve:\n${output()}`);
}

import { spawn } from 'node:child_process';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../../functions/commands/program.ts';

export interface Ran {
	readonly code: number | null;
	readonly stdout: string;
	readonly stderr: string;
}

/** Runs the command line in this process: what `functions/cli.ts` does, with streams and a clock of our own. */
export async function run(
	argv: readonly string[],
	{ stdin = '' as string | Buffer, signal = new AbortController().signal, now = () => new Date(), terminal = false } = {},
): Promise<Ran> {
	const stdout = new PassThrough();
	const stderr = terminal ? toTerminal(new PassThrough()) : new PassThrough();
	const [out, err] = [text(stdout), text(stderr)];
	const code = await runProgram(argv, { stdin: Readable.from([Buffer.from(stdin)]), stdout, stderr, signal, now });
	stdout.end();
	stderr.end();
	return { code, stdout: await out, stderr: await err };
}

/** As a terminal of Node is, whose cursor is moved by what is written to it. */
const toTerminal = (stream: PassThrough) =>
	Object.assign(stream, { isTTY: true, columns: 80, cursorTo() {}, clearLine() {}, moveCursor() {}, getWindowSize: () => [80, 24] });

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Spawned {
	readonly child: ReturnType<typeof spawn>;
	readonly ended: Promise<Ran>;
}

/** Starts the command line as a process, in the project's folder. */
export function spawnCli(argv: readonly string[]): Spawned {
	const child = spawn(process.execPath, ['functions/cli.ts', ...argv], {
		cwd: ROOT,
		env: { ...process.env, METADATA_SERVER_DETECTION: 'none' },
	});
	const output = Promise.all([text(child.stdout), text(child.stderr)]);
	const closed = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
	return { child, ended: Promise.all([closed, output]).then(([code, [stdout, stderr]]) => ({ code, stdout, stderr })) };
}

/** A file or folder of the example. */
export const seed = (name: string): string => fileURLToPath(new URL(`../../examples/seed/${name}`, import.meta.url));

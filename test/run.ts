/**
 * `npm test [-- PATTERN]`: uvu over test/**\/*.test.ts, and what uvu leaves open. By itself uvu passes on an empty folder, on a suite
 * that is never run, on a left `.only` and on a `before` hook that throws, and it waits for ever on a test that hangs. Here fewer tests
 * than FLOOR fail, and so does a run without an end. The last line says `N passed, N failed` (and `, N skipped`, if any).
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { summarize } from './summary.ts';

/** How many tests there are at least. Raise it as tests are added: it is what notices that some silently went. */
const FLOOR = 2500;
/** Seconds that a run may take at most. */
const LIMIT = 600;

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: { dir: { type: 'string', default: 'test' }, floor: { type: 'string' }, limit: { type: 'string' } },
});
const [pattern] = positionals;
const floor = Number(values.floor ?? (pattern ? 1 : FLOOR));
const limit = Number(values.limit ?? LIMIT);

const uvu = fileURLToPath(new URL('bin.js', import.meta.resolve('uvu').replace(/dist\/.*$/, '')));
// No colours, here and in the commands that tests start; and the Google clients must not look for a metadata server.
const { FORCE_COLOR: _, ...env } = process.env;
const child = spawn(process.execPath, [uvu, values.dir, `(?:${pattern ?? ''}).*\\.test\\.ts$`, '--no-color'], {
	env: { ...env, METADATA_SERVER_DETECTION: 'none' },
	stdio: ['ignore', 'pipe', 'inherit'],
	timeout: limit * 1000,
	killSignal: 'SIGKILL',
});

let output = '';
child.stdout.setEncoding('utf8').on('data', (text: string) => {
	output += text;
	process.stdout.write(text);
});
// A process that a test left behind may hold the pipe open: the end is that of uvu itself, and a moment for what is still in the pipe.
child.on('close', finish);
child.on('exit', (code, signal) => setTimeout(finish, 1000, code, signal));

function finish(code: number | null, signal: string | null): void {
	const { line, trouble, failed } = summarize(output, { code, signal, floor, limit });
	for (const sentence of trouble) console.log(`  ✘ ${sentence}`);
	console.log(line);
	process.exit(failed ? 1 : 0);
}

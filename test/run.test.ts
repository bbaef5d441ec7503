import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { describe } from './describe.ts';
import { summarize } from './summary.ts';

const RUN = fileURLToPath(new URL('run.ts', import.meta.url));
const IMPORT = `import { suite } from ${JSON.stringify(import.meta.resolve('uvu'))};\nimport { describe } from '${import.meta.resolve('./describe.ts')}';\n`;

interface Outcome {
	readonly code: number;
	readonly last: string;
	readonly output: string;
}

/** Runs the runner over one test file of that content (none for `undefined`). */
async function runOver(content: string | undefined, ...args: string[]): Promise<Outcome> {
	const dir = await mkdtemp(join(tmpdir(), 'runner-'));
	try {
		await writeFile(join(dir, 'package.json'), '{"type":"module"}');
		if (content !== undefined) await writeFile(join(dir, 'one.test.ts'), IMPORT + content);
		return await new Promise((resolve) => {
			// Without the coverage of the outer run: what is measured there is not this.
			const env = { ...process.env, NODE_V8_COVERAGE: '', FORCE_COLOR: '1' };
			execFile(process.execPath, [RUN, '--dir', dir, '--floor', '1', ...args], { env }, (error, stdout) => {
				resolve({ code: error ? Number(error.code) : 0, last: stdout.trimEnd().split('\n').at(-1) ?? '', output: stdout });
			});
		});
	} finally {
		await rm(dir, { recursive: true });
	}
}

describe('the test runner', (it) => {
	it('passes when all tests pass, and counts the skipped ones', async () => {
		const run = await runOver(`describe('a', (it) => { it('one', () => {}); it('two', async () => {}); it.skip('three', () => {}); });`);
		assert.is(run.last, '2 passed, 0 failed, 1 skipped');
		assert.is(run.code, 0);
	});

	it('fails when a test fails', async () => {
		const run = await runOver(`describe('a', (it) => { it('one', () => {}); it('two', () => { throw new Error('no'); }); });`);
		assert.is(run.last, '1 passed, 1 failed');
		assert.is(run.code, 1);
	});

	it('fails when a file cannot be imported', async () => {
		const run = await runOver(`throw new Error('at import');`);
		assert.match(run.output, 'did not come to its end: it exited with 1');
		assert.is(run.last, '0 passed, 1 failed');
		assert.is(run.code, 1);
	});

	it('fails without any file, and on a suite that is never run', async () => {
		for (const content of [undefined, `suite('a')('one', () => {});`]) {
			const run = await runOver(content);
			assert.match(run.output, 'only 0 tests ran, and there are at least 1');
			assert.is(run.last, '0 passed, 1 failed');
			assert.is(run.code, 1);
		}
	});

	it('fails when an `only` leaves tests out', async () => {
		const run = await runOver(`describe('a', (it) => { it('one', () => {}); it.only('two', () => {}); });`, '--floor', '2');
		assert.match(run.output, 'only 1 tests ran');
		assert.is(run.last, '1 passed, 1 failed, 1 skipped');
		assert.is(run.code, 1);
	});

	it('fails when a before hook throws, which uvu passes over', async () => {
		const run = await runOver(`describe('a', (it) => { it.before(() => { throw new Error('no'); }); it('one', () => {}); });`);
		assert.match(run.output, 'a before hook threw');
		assert.is(run.last, '0 passed, 1 failed');
		assert.is(run.code, 1);
	});

	it('fails when a test ends the process, or never ends', async () => {
		const ended = await runOver(`describe('a', (it) => { it('one', () => process.exit(0)); });`);
		assert.match(ended.output, 'did not come to its end: it exited with');
		assert.is(ended.code, 1);
		const hung = await runOver(
			`setInterval(() => {}, 1000); describe('a', (it) => { it('one', () => new Promise(() => {})); });`,
			'--limit',
			'1',
		);
		assert.match(hung.output, 'was killed after 1 s');
		assert.is(hung.last, '0 passed, 1 failed');
		assert.is(hung.code, 1);
	});

	it('fails when something is rejected after the last test', async () => {
		const late = `describe('a', (it) => { it('one', () => { setTimeout(() => Promise.reject(new Error('late')), 50); }); });`;
		const run = await runOver(late);
		assert.match(run.output, 'all tests passed, and yet the run exited with 1');
		assert.is(run.last, '1 passed, 1 failed');
		assert.is(run.code, 1);
	});
});

describe('summarize', (it) => {
	const totals = (total: number, passed: number) => `\n  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   0\n  Duration:  1ms\n\n`;
	const end = { code: 0, signal: null, floor: 1, limit: 1 };

	it('believes the last totals, not those that a test prints', () => {
		assert.is(summarize(totals(9, 9) + totals(3, 2), { ...end, code: 1 }).line, '2 passed, 1 failed');
	});

	it('reads totals in colour', () => {
		assert.is(summarize(totals(3, 3).replace('  Passed:', '\u001b[32m  Passed:'), end).line, '3 passed, 0 failed');
	});

	it('says of which signal a run died', () => {
		assert.equal(summarize('', { ...end, code: null, signal: 'SIGSEGV' }).trouble, ['the run did not come to its end: it died of SIGSEGV']);
	});
});

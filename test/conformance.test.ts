import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import { describe } from './describe.ts';

const folder = mkdtempSync(join(tmpdir(), 'conformance-test-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const pod = (name: string, ip: string) => ({
	apiVersion: 'v1',
	kind: 'Pod',
	metadata: { name, namespace: 'x', labels: { app: name } },
	spec: { nodeName: 'n' },
	status: { phase: 'Running', podIP: ip },
});
const POLICY = {
	apiVersion: 'networking.k8s.io/v1',
	kind: 'NetworkPolicy',
	metadata: { name: 'p', namespace: 'x' },
	spec: { podSelector: {}, policyTypes: ['Ingress'], ingress: [{ from: [{ podSelector: { matchLabels: { app: 'a' } } }] }] },
};
const SCENARIO = {
	id: 's',
	note: 'the one',
	objects: [pod('a', '10.0.0.1'), pod('b', '10.0.0.2'), POLICY],
	flows: ['a', 'b'].map((name) => ({ direction: 'ingress', src: { pod: `x/${name}` }, dst: { pod: 'x/b' }, protocol: 'TCP', port: 80 })),
};

/** Runs the comparison on a folder in which `kubernetes` was recorded so. */
function compare(name: string, recorded: object | undefined) {
	const dir = join(folder, name);
	for (const part of ['scenarios', 'verdicts']) mkdirSync(join(dir, part), { recursive: true });
	const write = (path: string, value: object) => writeFileSync(join(dir, path), gzipSync(`${JSON.stringify(value)}\n`));
	if (recorded) {
		write('scenarios/g.jsonl.gz', SCENARIO);
		write('verdicts/g.kubernetes.jsonl.gz', { id: 's', engine: 'kubernetes', ...recorded });
	}
	const script = fileURLToPath(new URL('conformance.ts', import.meta.url));
	return spawnSync(process.execPath, [script, dir], { encoding: 'utf8' });
}

describe('the comparison with recorded verdicts', (it) => {
	it('passes where all agree; what was not judged is not compared', () => {
		const { status, stdout } = compare('good', { verdicts: ['allow', 'error: left open'], by: [['x/p'], null] });
		assert.is(status, 0, stdout);
		assert.match(stdout, /1 verdicts of 1 recordings compared, 0 mismatches/);
	});

	it('fails on another verdict, and shows objects, flow and both answers', () => {
		const { status, stdout } = compare('verdict', { verdicts: ['deny', 'error: left open'] });
		assert.is(status, 1);
		assert.match(stdout, /s \(the one\), flow 0: verdict of kubernetes is "deny", ours {"verdict":"allow","by":\["x\/p"\]}/);
		assert.match(stdout, /"name":"p"/);
	});

	it('fails where other policies admit', () => {
		const { status, stdout } = compare('by', { verdicts: ['allow', 'error: left open'], by: [['x/other'], null] });
		assert.is(status, 1);
		assert.match(stdout, /flow 0: by of kubernetes is \["x\/other"\]/);
	});

	it('fails where there is nothing to compare', () => {
		assert.is(compare('empty', undefined).status, 1);
		assert.is(compare('unjudged', { verdicts: ['error: a', 'error: b'] }).status, 1);
	});
});

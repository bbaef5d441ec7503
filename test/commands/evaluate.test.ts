import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import { SEMANTICS } from '../../functions/policy/semantics.ts';
import { describe } from '../describe.ts';
import { run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'evaluate-test-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const pod = (name: string, ip: string, spec: object = {}) => ({
	apiVersion: 'v1',
	kind: 'Pod',
	metadata: { name, namespace: 'default', labels: { app: name } },
	spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'x' }], ...spec },
	status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] },
});
const policy = (name: string, spec: object) => ({
	apiVersion: 'networking.k8s.io/v1',
	kind: 'NetworkPolicy',
	metadata: { name, namespace: 'default' },
	spec: { podSelector: {}, policyTypes: ['Ingress'], ...spec },
});
const flow = (tweaks: object = {}) => ({
	direction: 'ingress',
	src: { pod: 'default/client' },
	dst: { pod: 'default/web' },
	protocol: 'TCP',
	port: 80,
	...tweaks,
});
const PODS = [pod('web', '10.0.0.1'), pod('client', '10.0.0.2'), pod('agent', '10.1.0.1', { hostNetwork: true })];
const scenario = (objects: readonly object[], flows: readonly object[], id = 's') =>
	JSON.stringify({ id, objects: [...PODS, ...objects], flows });
const BY_ADDRESS = policy('by-address', { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.2/32' } }] }] });
const BY_LABEL = policy('by-label', { ingress: [{ from: [{ podSelector: { matchLabels: { app: 'client' } } }] }] });

const evaluate = async (stdin: string, ...options: readonly string[]) => {
	const ran = await run(['evaluate', ...options], { stdin });
	const lines = ran.stdout
		.split('\n')
		.filter((line) => line !== '')
		.map((line) => JSON.parse(line) as Record<string, unknown>);
	return { ...ran, lines };
};
const ofKubernetes = async (objects: readonly object[], ...flows: readonly object[]) => {
	const { lines } = await evaluate(scenario(objects, flows), '--semantics', 'kubernetes');
	return [lines[0]?.['verdicts'], lines[0]?.['by']];
};

describe('evaluate', (it) => {
	it('answers under every semantics, a line each, or those asked for in their order', async () => {
		const line = scenario([BY_ADDRESS], [flow()]);
		const all = await evaluate(line);
		assert.is(all.code, 0);
		assert.equal(
			all.lines.map(({ engine }) => engine),
			[...SEMANTICS],
		);
		const { lines } = await evaluate(line, '--semantics', 'cilium-1.16,kubernetes');
		assert.equal(lines, [
			{ id: 's', engine: 'cilium-1.16', verdicts: ['deny'], by: [null] },
			{ id: 's', engine: 'kubernetes', verdicts: ['allow'], by: [['default/by-address']] },
		]);
	});

	it('names all that admit, sorted; nothing where nothing isolates; null where denied or exempt', async () => {
		assert.equal(await ofKubernetes([BY_LABEL, BY_ADDRESS], flow()), [['allow'], [['default/by-address', 'default/by-label']]]);
		assert.equal(await ofKubernetes([BY_LABEL], flow({ direction: 'egress' })), [['allow'], [[]]]);
		assert.equal(await ofKubernetes([BY_LABEL], flow({ src: { ip: '203.0.113.7' } })), [['deny'], [null]]);
		assert.equal(await ofKubernetes([BY_LABEL], flow({ src: { pod: 'default/agent' } })), [['allow'], [null]]);
		assert.equal(await ofKubernetes([BY_LABEL], flow({ dst: { pod: 'default/agent' } })), [['allow'], [null]]);
	});

	it('asks both ends where both are asked for', async () => {
		const out = policy('out', { policyTypes: ['Egress'], egress: [{}] });
		const both = flow({ direction: 'both' });
		assert.equal(await ofKubernetes([BY_LABEL, out], both), [['allow'], [['default/by-label', 'default/out']]]);
		const shut = policy('shut', { policyTypes: ['Egress'] });
		assert.equal(await ofKubernetes([BY_LABEL, shut], both), [['deny'], [null]]);
	});

	it('says why it cannot decide', async () => {
		const deny = policy('deny', {});
		assert.equal(await ofKubernetes([deny], flow({ src: { pod: 'default/web' } })), [['error: self-traffic'], [null]]);
		assert.equal(await ofKubernetes([deny], flow({ dst: { pod: 'default/gone' } })), [['error: unknown-subject'], [null]]);
	});

	it('names the policies that a semantics rejects', async () => {
		const sctp = policy('sctp', { ingress: [{ ports: [{ protocol: 'SCTP', port: 7777 }] }] });
		const bad = policy('bad', { ingress: [{ ports: [{ port: 0 }] }] });
		const { lines } = await evaluate(scenario([sctp, bad], [flow()]), '--semantics', 'cilium-1.12,cilium-1.13');
		assert.equal(
			lines.map(({ rejected }) => rejected),
			[['default/bad', 'default/sctp'], ['default/bad']],
		);
		assert.equal(
			lines.map(({ verdicts }) => verdicts),
			[['error: unreadable-policy'], ['error: unreadable-policy']],
		);
	});

	it('refuses a line that is no scenario by its number, and goes on', async () => {
		const good = scenario([], [flow()]);
		const bad: readonly (readonly [string, string])[] = [
			['{', 'is no JSON'],
			['[]', 'is no object'],
			['{}', 'id: must be a string'],
			['{"id":"x"}', 'objects: must be a list'],
			['{"id":"x","objects":[]}', 'flows: must be a list'],
			[scenario([], [1 as unknown as object]), 'flows[0]: is no object'],
			[scenario([], [flow({ direction: 'up' })]), 'flows[0].direction: must be ingress, egress or both'],
			[scenario([], [flow({ direction: 'constructor' })]), 'flows[0].direction'],
			[scenario([], [flow(), flow({ protocol: 6 })]), 'flows[1].protocol: must be a string'],
			[scenario([], [flow({ port: 65536 })]), 'flows[0].port: must be between 0 and 65535'],
			[scenario([], [flow({ src: {} })]), 'flows[0].src: must have a pod, a node or an ip'],
			[scenario([], [flow({ src: 'x' })]), 'flows[0].src: must be an object'],
			[scenario([], [flow({ src: { pod: 'web' } })]), 'flows[0].src.pod: must be namespace/name'],
			[scenario([], [flow({ src: { node: 1 } })]), 'flows[0].src.node: must be a name'],
			[scenario([], [flow({ dst: { ip: '10.0.0.256' } })]), 'flows[0].dst.ip: is not an address'],
		];
		for (const [line, message] of bad) {
			const ran = await evaluate(`${good}\n\n${line}\n${good}\n`, '--semantics', 'kubernetes');
			assert.is(ran.code, 3, message);
			assert.is(ran.lines.length, 2, message);
			assert.ok(ran.stderr.includes(`standard input:3: ${message}`), `${message}: ${ran.stderr}`);
		}
	});

	it('reads files, compressed ones too, and says what it could not read', async () => {
		const plain = join(folder, 'a.jsonl');
		const zipped = join(folder, 'b.jsonl.gz');
		writeFileSync(plain, scenario([], [flow()], 'a'));
		writeFileSync(zipped, gzipSync(scenario([], [flow()], 'b')));
		const ran = await evaluate('', '--semantics', 'kubernetes', plain, join(folder, 'missing'), zipped);
		assert.is(ran.code, 3);
		assert.equal(
			ran.lines.map(({ id }) => id),
			['a', 'b'],
		);
		assert.match(ran.stderr, /missing: cannot be read any further/);
	});

	it('has done something where a line was no scenario, nothing where there was no line', async () => {
		const refused = await evaluate('oops\n');
		assert.equal([refused.code, refused.lines], [3, []]);
		assert.is((await evaluate('\n \n')).code, 2);
		assert.is((await evaluate('', join(folder, 'missing'))).code, 2);
	});

	it('answers without the objects that it refuses, and says which', async () => {
		const bad = policy('bad name', {});
		const { code, lines, stderr } = await evaluate(`\n${scenario([bad], [flow()])}`, '--semantics', 'kubernetes');
		assert.equal([code, lines.length], [3, 1]);
		assert.match(stderr, /standard input:2: .*metadata\.name: .*"bad name"/);
	});

	it('writes over no input, and leaves what a file had where nothing was done', async () => {
		const input = join(folder, 'input.jsonl');
		writeFileSync(input, scenario([], [flow()]));
		const clash = await evaluate('', input, '--out', input);
		assert.is(clash.code, 2);
		assert.match(clash.stderr, /--out .*input\.jsonl is one of the inputs/);
		assert.is(readFileSync(input, 'utf8'), scenario([], [flow()]));
		const out = join(folder, 'out.jsonl');
		writeFileSync(out, 'what was there');
		assert.is((await evaluate('', '--out', out)).code, 2);
		assert.is(readFileSync(out, 'utf8'), 'what was there');
		assert.is((await evaluate('', input, '--out', out, '--semantics', 'kubernetes')).code, 0);
		assert.match(readFileSync(out, 'utf8'), /"verdicts":\["allow"\]/);
	});

	it('does nothing without a scenario, or with a semantics that there is none', async () => {
		const empty = await evaluate('');
		assert.equal([empty.code, empty.stderr.includes('no scenario in the input')], [2, true]);
		const unknown = await evaluate('', '--semantics', 'cilium-9');
		assert.equal([unknown.code, unknown.stderr.includes('cilium-9: no semantics')], [2, true]);
	});
});

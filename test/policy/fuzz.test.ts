import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { compileSnapshot } from '../../functions/policy/compile.ts';
import { evidenceOf, fingerprint, summarize } from '../../functions/policy/explain.ts';
import { FINDINGS } from '../../functions/policy/finding.ts';
import { judge } from '../../functions/policy/judge.ts';
import type { Observation } from '../../functions/policy/model.ts';
import { parseSnapshot } from '../../functions/policy/snapshot.ts';
import { createSnapshot } from '../../functions/snapshot/canonical.ts';
import { createReducer } from '../../functions/snapshot/objects.ts';
import { describe } from '../describe.ts';
import { scenarios } from '../oracle/generate.ts';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 300);
const SEED = Number(process.env['FUZZ_SEED'] ?? 20261124);

/** Replaces one value somewhere in a JSON document by another: shapes that nobody writes, but that look right around it. */
function spoil(document: unknown, path: readonly number[], value: unknown): unknown {
	const [step, ...rest] = path;
	if (step === undefined || typeof document !== 'object' || document === null) return value;
	const keys = Object.keys(document);
	const key = keys[step % Math.max(1, keys.length)];
	if (key === undefined) return value;
	const copy = Array.isArray(document) ? [...document] : { ...document };
	Object.assign(copy, { [key]: spoil((document as Record<string, unknown>)[key], rest, value) });
	return copy;
}

const spoiling = fc.tuple(fc.array(fc.nat(60), { minLength: 1, maxLength: 9 }), fc.jsonValue({ maxDepth: 2 }));
const text = fc.oneof(fc.constantFrom('default', 'ns0', 'pod1', 'TCP', '10.32.0.1', '::1', '__proto__', 'constructor', ''), fc.string());
const end = fc.record(
	{ pod: fc.record({ namespace: text, name: text }), node: text, ip: text, workload: fc.record({ kind: text, name: text }) },
	{ requiredKeys: [] },
);
const observation: fc.Arbitrary<Observation> = fc.record({
	flow: fc.record(
		{
			direction: fc.constantFrom('ingress', 'egress'),
			source: end,
			destination: end,
			protocol: text,
			sourcePort: fc.nat(70_000),
			port: fc.nat(70_000),
		},
		{ requiredKeys: ['direction', 'source', 'destination', 'protocol'] },
	),
	disposition: fc.constantFrom('allow', 'deny'),
	policies: fc.array(fc.record({ kind: text, namespace: text, name: text }, { requiredKeys: ['name'] }), { maxLength: 2 }),
	timestamp: fc.constant('2026-11-24T10:00:00Z'),
	timestampMs: fc.oneof(fc.integer(), fc.constant(Number.NaN)),
}) as fc.Arbitrary<Observation>;

const CLUSTER = { project: 'p', location: 'l', name: 'c' };

describe('no input makes the engine throw', (it) => {
	it('objects of any shape are refused at the boundary or judged, and judged again the same', () => {
		const property = fc.property(scenarios(4), fc.array(spoiling, { maxLength: 6 }), observation, ({ objects, flows }, spoilings, wild) => {
			const spoilt = spoilings.reduce((document: unknown, [path, value]) => spoil(document, path, value), objects);
			const reducer = createReducer();
			reducer.add(spoilt, { file: 'fuzz' });
			const snapshot = parseSnapshot(JSON.parse(JSON.stringify(createSnapshot({ state: reducer.finish().state }))));
			if (typeof snapshot === 'string') throw new Error(`what was reduced is refused: ${snapshot}`);
			const compiled = compileSnapshot(snapshot);
			const tame = flows.map(({ src, dst, direction, protocol, port }): Observation => {
				const named = (pod: string | undefined, ip: string | undefined) => ({
					...(pod !== undefined && { pod: { namespace: pod.split('/')[0] ?? '', name: pod.split('/')[1] ?? '' } }),
					...(ip !== undefined && { ip }),
				});
				const flow = {
					direction: direction === 'egress' ? ('egress' as const) : ('ingress' as const),
					source: named(src.pod, src.ip),
					destination: named(dst.pod, dst.ip),
					protocol,
					...(port !== undefined && { port }),
				};
				return { ...wild, flow };
			});
			for (const each of [wild, ...tame]) {
				const judgement = judge(compiled, each);
				assert.ok(FINDINGS.includes(judgement.finding));
				const words = `${summarize(judgement)} ${fingerprint(judgement, CLUSTER)}`;
				const own = JSON.stringify([spoilt, each]);
				if (!own.includes('undefined')) assert.not.match(words, /undefined/);
				assert.equal(summarize(judge(compiled, each)), summarize(judgement));
				assert.ok(evidenceOf(judgement).every(({ role }) => role !== undefined));
			}
		});
		fc.assert(property, { numRuns: RUNS, seed: SEED });
	});
});

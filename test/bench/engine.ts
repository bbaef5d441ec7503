import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { parseScenario } from '../../functions/commands/scenario.ts';
import { answer } from '../../functions/policy/answer.ts';
import { type CompiledSnapshot, compileSnapshot } from '../../functions/policy/compile.ts';
import { judge } from '../../functions/policy/judge.ts';
import type { ClusterState, Observation } from '../../functions/policy/model.ts';
import { createReducer } from '../../functions/snapshot/objects.ts';
import { createRandom, type Random } from '../random.ts';
import { generateEntries } from './entries.ts';
import { median, type Sizes } from './figures.ts';

/** What one cluster measured. Times in ms or µs, heap in MB, rates in judged flows a second on one core. */
export interface EngineFigures {
	readonly cluster: string;
	readonly policies: number;
	readonly pods: number;
	readonly compileMs: number;
	readonly heapMb: number;
	readonly distinctPerSecond: number;
	readonly hotPerSecond: number;
	readonly p50Us: number;
	readonly p99Us: number;
	readonly maxUs: number;
}

export const SEED = 20261124;
/** Flows of the hot set: the few connections that make most of a log. */
export const HOT = 100;
/** Entries are judged as soon as they are parsed, as a function has them: more of them would not fit a cache beside the snapshot. */
const CHUNK = 100;

/** Measures the engine on a cluster: each flow judged under all semantics at once, with finding and evidence, from names and address strings. */
export function measureEngine(cluster: string, state: ClusterState, { flows, repeats }: Sizes): EngineFigures {
	const compileTimes = Array.from({ length: repeats }, () => {
		const from = performance.now();
		compileSnapshot({ format: 1, id: cluster, state });
		return performance.now() - from;
	});
	const { snapshot, heapMb } = compileMeasured(cluster, state);
	const random = createRandom(SEED);
	// The first run warms the compiler up; the random source goes on, so that its flows are not judged again.
	const distinctFlows = Math.min(flows, 200_000);
	runDistinct(snapshot, state, { random, flows: distinctFlows });
	const distinct = runDistinct(snapshot, state, { random, flows: distinctFlows });
	const times = measureEach(snapshot, parse(generateEntries(state, { count: Math.min(flows, 200_000), random })));
	const hotSet = parse(generateEntries(state, { count: HOT, random }));
	return {
		cluster,
		policies: state.policies.length,
		pods: state.pods.length,
		compileMs: median(compileTimes),
		heapMb,
		distinctPerSecond: distinct,
		hotPerSecond: median(Array.from({ length: repeats }, () => runHot(snapshot, hotSet, flows))),
		...times,
	};
}

function compileMeasured(id: string, state: ClusterState): { snapshot: CompiledSnapshot; heapMb: number } {
	const collect = globalThis.gc;
	if (!collect) throw new Error('the heap cannot be measured: run node with --expose-gc');
	collect();
	const before = process.memoryUsage().heapUsed;
	const snapshot = compileSnapshot({ format: 1, id, state });
	collect();
	return { snapshot, heapMb: (process.memoryUsage().heapUsed - before) / 1e6 };
}

const parse = (text: string): Observation[] => JSON.parse(text) as Observation[];

/**
 * Judged flows a second, by the median chunk. The text of all entries is there before the first is judged; each chunk is parsed just before
 * its clock starts, as a decoder would have it.
 */
function runDistinct(snapshot: CompiledSnapshot, state: ClusterState, { random, flows }: { random: Random; flows: number }): number {
	const texts = Array.from({ length: flows / CHUNK }, () => generateEntries(state, { count: CHUNK, random }));
	const rates = texts.map((text) => {
		const entries = parse(text);
		const from = performance.now();
		let evidence = 0;
		for (const entry of entries) evidence += judge(snapshot, entry).evidence.length;
		const rate = (CHUNK / (performance.now() - from)) * 1000;
		keep(evidence);
		return rate;
	});
	return median(rates);
}

function runHot(snapshot: CompiledSnapshot, entries: readonly Observation[], flows: number): number {
	const from = performance.now();
	let evidence = 0;
	for (let done = 0; done < flows; done += entries.length) for (const entry of entries) evidence += judge(snapshot, entry).evidence.length;
	keep(evidence);
	return (flows / (performance.now() - from)) * 1000;
}

/** Time of each flow by itself, the clock's own cost (some 30 ns) included. */
function measureEach(snapshot: CompiledSnapshot, entries: readonly Observation[]): Pick<EngineFigures, 'p50Us' | 'p99Us' | 'maxUs'> {
	const times = new Float64Array(entries.length);
	for (const [index, entry] of entries.entries()) {
		const from = performance.now();
		keep(judge(snapshot, entry).evidence.length);
		times[index] = performance.now() - from;
	}
	times.sort();
	const at = (part: number) => (times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0) * 1000;
	return { p50Us: at(0.5), p99Us: at(0.99), maxUs: at(1) };
}

let kept = 0;
/** So that nothing measured is optimised away. */
const keep = (value: number): void => {
	kept += value;
};
export const checksum = (): number => kept;

const vectors = new URL('../vectors/speed/', import.meta.url);
const read = (name: string): string => gunzipSync(readFileSync(new URL(name, vectors))).toString();

/** The recorded speed input: its cluster, and whether the engine answers as the recorded verdicts do. */
export function readSpeed(name: 'small' | 'large'): { state: ClusterState; flows: number; wrong: number } {
	const raw = JSON.parse(read(`${name}.json.gz`)) as { id: string; objects: unknown };
	const scenario = parseScenario(raw);
	if (typeof scenario === 'string') throw new Error(`${name}: ${scenario}`);
	const recorded = read('verdicts.kubernetes.jsonl.gz')
		.trim()
		.split('\n')
		.map((line) => JSON.parse(line) as { id: string; verdicts: string[] })
		.find(({ id }) => id === raw.id);
	if (!recorded) throw new Error(`${name}: no recorded verdicts`);
	const wrong = recorded.verdicts.filter((verdict, index) => {
		const question = scenario.questions[index];
		return !question || (!verdict.startsWith('error') && answer(scenario.snapshot, question, ['kubernetes'])[0]?.verdict !== verdict);
	});
	const reducer = createReducer();
	reducer.add(raw.objects, { file: name, live: true });
	return { state: reducer.finish().state, flows: recorded.verdicts.length, wrong: wrong.length };
}

import fc from 'fast-check';
import { stringify } from 'yaml';
import { type GeneratedScenario, scenarios } from './generate.ts';
import { type KubernetesObject, nameOf, podsOf, type ScenarioEnd, type ScenarioFlow } from './objects.ts';
import { type Answer, answer } from './oracle.ts';

/** What is held against the oracle: one answer a flow, in the order of the flows. */
export type Evaluate = (objects: readonly KubernetesObject[], flows: readonly ScenarioFlow[]) => readonly Answer[];

export interface Disagreement {
	readonly objects: readonly KubernetesObject[];
	readonly flow: ScenarioFlow;
	readonly expected: Answer;
	/** The other answer, or what was thrown instead. */
	readonly got: Answer | string;
}

export interface FuzzOptions {
	/** How many scenarios; `FUZZ_RUNS` overrides it. */
	readonly runs: number;
	/** Repeats a run; `FUZZ_SEED` overrides it. At random if left out. */
	readonly seed?: number;
}

/** Runs the property and throws with a case that can be pasted into a file of cases, as small as it could be made. */
export function assertAgreement(evaluate: Evaluate, options: FuzzOptions): void {
	const runs = Number(process.env['FUZZ_RUNS'] ?? options.runs);
	const seed = Number(process.env['FUZZ_SEED'] ?? options.seed ?? Math.floor(Math.random() * 2 ** 31));
	console.log(`  ${runs} scenarios from FUZZ_SEED=${seed}`);
	const disagreement = findDisagreement(evaluate, { runs, seed });
	if (disagreement) throw new Error(`FUZZ_SEED=${seed} finds a disagreement with the oracle:\n\n${toCase(disagreement)}`);
}

/** The first disagreement with the oracle, shrunk; `undefined` if there is none. Reads no environment and prints nothing. */
export function findDisagreement(evaluate: Evaluate, { runs, seed }: { runs: number; seed: number }): Disagreement | undefined {
	const agrees = (scenario: GeneratedScenario) => disagreementIn(evaluate, scenario) === undefined;
	const result = fc.check(fc.property(scenarios(), agrees), { numRuns: runs, seed });
	const scenario = result.counterexample?.[0];
	const found = scenario && disagreementIn(evaluate, scenario);
	return found && withoutBystanders(evaluate, found);
}

function disagreementIn(evaluate: Evaluate, { objects, flows }: GeneratedScenario): Disagreement | undefined {
	const answers = attempt(() => evaluate(objects, flows));
	for (const [index, flow] of flows.entries()) {
		const expected = answer(objects, flow);
		const got = typeof answers === 'string' ? answers : (answers[index] ?? 'no answer');
		if (!isSame(expected, got)) return { objects, flow, expected, got };
	}
	return undefined;
}

function attempt<Result>(work: () => Result): Result | string {
	try {
		return work();
	} catch (error) {
		return `threw ${error instanceof Error ? error.message : String(error)}`;
	}
}

const isSame = (expected: Answer, got: Answer | string): boolean =>
	typeof got !== 'string' && got.verdict === expected.verdict && JSON.stringify(got.by) === JSON.stringify(expected.by);

/**
 * Fast-check shrinks values; the objects that the flow does not need go here, one by one, what refers to others before what is referred to.
 */
function withoutBystanders(evaluate: Evaluate, found: Disagreement): Disagreement {
	const { src, dst } = found.flow;
	let smallest = found;
	for (const object of found.objects.toReversed()) {
		const { kind, metadata } = object;
		const objects = smallest.objects.filter((other) => other !== object);
		const isNamed = kind === 'Pod' && [src.pod, dst.pod].includes(nameOf(object));
		// Without its Namespace or its node a Pod is nothing that an API server returns.
		const isNeeded =
			(kind === 'Namespace' && objects.some((other) => other.metadata.namespace === metadata.name)) ||
			(kind === 'Node' &&
				(src.node === metadata.name || dst.node === metadata.name || podsOf(objects).some(({ spec }) => spec.nodeName === metadata.name)));
		if (!isNamed && !isNeeded) smallest = disagreementIn(evaluate, { objects, flows: [found.flow] }) ?? smallest;
	}
	return smallest;
}

/** The disagreement as an element of a file of cases, the oracle's answer as the expected one. */
export function toCase({ objects, flow, expected, got }: Disagreement): string {
	const { src, dst, protocol, port, direction } = flow;
	const other = typeof got === 'string' ? got : `${got.verdict} by ${JSON.stringify(got.by)}`;
	const caseOf = {
		name: `TODO: oracle ${expected.verdict} by ${JSON.stringify(expected.by)}, engine ${other}`,
		quote: 'TODO: the sentence that decides',
		objects: { manifests: objects },
		flows: [
			{
				from: toCaseEnd(src),
				to: toCaseEnd(dst),
				protocol,
				...(port !== undefined && { port }),
				direction,
				expect: { kubernetes: expected.verdict },
				...(expected.by !== null && { by: expected.by }),
			},
		],
	};
	return stringify([caseOf], { lineWidth: 0 });
}

/** A Pod or an address alone is a text; anything more needs the long form. */
function toCaseEnd({ pod, node, ip }: ScenarioEnd): string | ScenarioEnd {
	if (node === undefined && pod !== undefined && ip === undefined) return pod;
	if (node === undefined && pod === undefined && ip !== undefined) return ip;
	return { ...(pod !== undefined && { pod }), ...(node !== undefined && { node }), ...(ip !== undefined && { ip }) };
}

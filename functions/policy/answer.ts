import type { CompiledSnapshot } from './compile.ts';
import { doubtsOf, possibleVerdicts } from './doubt.ts';
import { type Evaluation, evaluate, verdictUnder } from './evaluate.ts';
import { resolveFlow } from './flow.ts';
import type { Direction, Flow, NetworkPolicy } from './model.ts';
import { bit, CILIUM, CILIUM_FROM_1_14, type Mask, type SemanticsId } from './semantics.ts';

/** The verdict of one semantics on a flow, as other engines are asked for it. */
export interface Answer {
	/** `error: …` where the answer depends on a fact that is not known. */
	readonly verdict: 'allow' | 'deny' | `error: ${string}`;
	/** The policies that admit, sorted, as `namespace/name` (Cilium's name for them, under Cilium); `[]` where nothing isolates; null where denied, exempt or in error. */
	readonly by: readonly string[] | null;
}

export interface Question {
	readonly flow: Omit<Flow, 'direction'>;
	/** Whose policies are asked: the destination's (ingress), the source's (egress), or both in turn. */
	readonly directions: readonly Direction[];
}

/** Answers under each of the semantics, in their order. An end that is no Pod, or is on the host network, restricts nothing. */
export function answer(snapshot: CompiledSnapshot, { flow, directions }: Question, semantics: readonly SemanticsId[]): Answer[] {
	const asked = directions.map((direction) => {
		const resolved = resolveFlow(snapshot, { ...flow, direction });
		const evaluation = evaluate(resolved);
		return { evaluation, subject: resolved.subject, doubts: doubtsOf(evaluation) };
	});
	return semantics.map((id) => together(asked.map((end) => answerOf(end, bit(id)))));
}

type Asked = {
	readonly evaluation: Evaluation;
	readonly subject: ReturnType<typeof resolveFlow>['subject'];
	readonly doubts: ReturnType<typeof doubtsOf>;
};

function answerOf({ evaluation, subject, doubts }: Asked, one: Mask): Answer {
	if (subject.kind === 'unknown') return { verdict: 'error: unknown-subject', by: null };
	if (subject.kind === 'host-network-pod') return { verdict: 'allow', by: null };
	const possible = new Set(possibleVerdicts(doubts, evaluation).map((verdicts) => verdictUnder(verdicts, one).verdict));
	if (possible.size > 1) {
		const facts = doubts.filter(({ isolates, admits, denies }) => (isolates | admits | denies) & one).map(({ fact }) => fact);
		return { verdict: `error: ${[...new Set(facts)].join(', ')}`, by: null };
	}
	const { verdict, basis } = verdictUnder({ ...evaluation, unknown: 0 }, one);
	if (basis === 'not-isolated') return { verdict: 'allow', by: [] };
	return basis === 'rule'
		? { verdict: 'allow', by: admitting(evaluation, one) }
		: { verdict: verdict === 'deny' ? 'deny' : 'allow', by: null };
}

const admitting = ({ admissions }: Evaluation, one: Mask): string[] => [
	...new Set(admissions.filter(({ mask }) => mask & one).map(({ policy }) => shownName(policy.source, one))),
];

/** What that semantics calls a policy: Cilium shows the name that an annotation gives it, `policy.cilium.io/name` from 1.14 on. */
function shownName({ namespace, name, annotations = {} }: NetworkPolicy, one: Mask): string {
	const newer = one & CILIUM_FROM_1_14 ? annotations['policy.cilium.io/name'] : undefined;
	const shown = newer ?? (one & CILIUM ? annotations['io.cilium.name'] : undefined) ?? name;
	return `${namespace}/${shown}`;
}

/** Both ends decide: the flow passes where each lets it pass, by the union of their policies. */
function together(answers: readonly Answer[]): Answer {
	const refusing = answers.find(({ verdict }) => verdict === 'deny') ?? answers.find(({ verdict }) => verdict !== 'allow');
	if (refusing) return { verdict: refusing.verdict, by: null };
	const names = [...new Set(answers.flatMap(({ by }) => by ?? []))].sort();
	return { verdict: 'allow', by: names.length === 0 && answers.some(({ by }) => by === null) ? null : names };
}

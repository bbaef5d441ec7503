import type { CompiledSnapshot } from './compile.ts';
import { CONSTRUCTS, type ConstructId } from './constructs.ts';
import { type Doubt, doubtsOf, possibleVerdicts } from './doubt.ts';
import { isPod } from './end.ts';
import { denied, type Evaluation, evaluate } from './evaluate.ts';
import { admitting, differences, isolating } from './evidence.ts';
import type { Certainty, End, Evidence, Finding, Hint, Judgement, Reason, Verdicts } from './finding.ts';
import { type ResolvedFlow, resolveFlow } from './flow.ts';
import { canDeny, entryHints, evaluationHints } from './hint.ts';
import type { Disposition, FlowEnd, Observation } from './model.ts';
import { CALICO, DEFAULT_CANDIDATES, idsOf, type Mask, NONE } from './semantics.ts';
import { withUnseenSubject } from './unseen.ts';

/** Where a human should look. */
const FLAGGED: Readonly<Record<Finding, boolean>> = {
	undecidable: false,
	'explicit-deny': false,
	'not-isolated': true,
	contradicted: true,
	explained: false,
	overreach: true,
	'void-rule': true,
	'newly-open': true,
	confirmed: false,
};

type Decided = Exclude<Finding, 'undecidable' | 'explicit-deny'>;

/**
 * The finding for an entry whose facts are all known. `before` is the answer under `calico`, `after` those under the candidates.
 * Total and disjoint: tried in this order, exactly one is reached.
 */
export function classify(disposition: Disposition, verdicts: Verdicts, candidates: Mask): Decided {
	const denies = denied(verdicts);
	if (disposition === 'deny') {
		if (!(verdicts.isolated & candidates)) return 'not-isolated';
		if (!(denies & candidates)) return 'contradicted';
		if (denies & CALICO) return 'explained';
		return verdicts.isolated & CALICO ? 'void-rule' : 'overreach';
	}
	if ((denies & candidates) === candidates) return 'contradicted';
	return denies & CALICO ? 'newly-open' : 'confirmed';
}

/**
 * Judges what a policy-action entry says against the snapshot valid at its time (`undefined`: there is none).
 * Pure and total: never throws, and the same input gives the same answer.
 */
export function judge(snapshot: CompiledSnapshot | undefined, observation: Observation, candidates: Mask = DEFAULT_CANDIDATES): Judgement {
	const { flow, disposition, policies } = observation;
	const resolved = snapshot && withUnseenSubject(snapshot, resolveFlow(snapshot, flow, observation.timestampMs));
	const hints = entryHints(observation, snapshot, resolved);
	const explicit = disposition === 'deny' && policies.some(canDeny);
	if (explicit || !snapshot || !resolved || !isPod(resolved.subject)) {
		const ends = resolved ? { subject: resolved.subject, peer: resolved.peer } : unresolved(observation);
		if (explicit) return { ...plain('explicit-deny', hints), evidence: namedDeniers(observation), flow, ...ends };
		return { ...plain('undecidable', [resolved ? 'unknown-subject' : 'no-snapshot', ...hints]), flow, ...ends };
	}
	const evaluation = evaluate(resolved);
	const doubts = doubtsOf(evaluation);
	const given = { observation, candidates, evaluation, hints, doubts };
	return doubts.length === 0 ? decide(given, evaluation) : decideInDoubt(given);
}

/**
 * The same by a snapshot whose state was last seen too long before the entry: it may have changed since, so nothing is decided, and what
 * would have been found stands in the evidence. Only what an entry says by itself holds without a snapshot.
 */
export function judgeStale(snapshot: CompiledSnapshot, observation: Observation, candidates: Mask = DEFAULT_CANDIDATES): Judgement {
	const judged = judge(snapshot, observation, candidates);
	const { finding, evidence } = judged;
	if (finding === 'explicit-deny') return judged;
	const reasons: readonly Reason[] = ['stale-snapshot', ...judged.reasons];
	if (finding === 'undecidable') return { ...judged, reasons };
	return {
		...judged,
		...plain('undecidable', reasons),
		constructs: judged.constructs,
		evidence: [{ role: 'would-be', detail: finding }, ...evidence],
	};
}

/** An entry that could be evaluated. */
export interface Case {
	readonly observation: Observation;
	readonly candidates: Mask;
	readonly evaluation: Evaluation;
	readonly hints: readonly Hint[];
	readonly doubts: readonly Doubt[];
}

/** `verdicts`: those of the case, what is left open counted as denied. */
function decide(given: Case, verdicts: Verdicts): Judgement {
	const { observation, candidates, evaluation } = given;
	const finding = classify(observation.disposition, verdicts, candidates);
	const different = decisiveFirst(differences(evaluation, candidates), finding, candidates);
	const constructs = constructsOf(different);
	return {
		finding,
		flagged: FLAGGED[finding],
		certainty: certaintyOf(finding, constructs, given),
		constructs,
		reasons: evaluationHints(given, false),
		evidence: evidenceFor(finding, given, different),
		verdicts: evaluation,
		flow: observation.flow,
		subject: evaluation.flow.subject,
		peer: evaluation.flow.peer,
	};
}

function decideInDoubt(given: Case): Judgement {
	const { doubts, evaluation } = given;
	const deciding = decidingDoubts(doubts, given);
	const judged = decide(given, { ...evaluation, unknown: NONE });
	if (deciding.length === 0) return judged;
	const reasons = [...new Set<Reason>(deciding.map(({ fact }) => fact)), ...evaluationHints(given, true)];
	const { flow, subject, peer, constructs, finding } = judged;
	const undecided = { ...plain('undecidable', reasons), flow, subject, peer };
	// What would have been found rests on policies that may not concern an unknown subject.
	if (reasons.includes('unknown-subject')) return undecided;
	const missing = deciding.map((doubt) => doubt.evidence).filter((piece) => piece !== undefined);
	const evidence: Evidence[] = [...missing, { role: 'would-be', detail: finding }, ...judged.evidence];
	return { ...undecided, constructs, evidence, verdicts: evaluation };
}

const plain = (finding: Finding, reasons: readonly Reason[]) =>
	({ finding, flagged: FLAGGED[finding], certainty: null, constructs: [], reasons, evidence: [] }) as const;

function unresolved({ flow }: Observation): { subject: End; peer: End } {
	const asNamed = ({ pod, ip, workload }: FlowEnd): End =>
		pod ? { kind: 'unknown', ip, endpoint: { ...pod, workload } } : { kind: 'external', ip, endpoint: {} };
	const [source, destination] = [asNamed(flow.source), asNamed(flow.destination)];
	return flow.direction === 'ingress' ? { subject: destination, peer: source } : { subject: source, peer: destination };
}

const namedDeniers = ({ policies, flow }: Observation): Evidence[] =>
	policies.filter(canDeny).map(({ kind, namespace, name }) => ({
		role: 'isolates',
		...(kind !== undefined && { policyKind: kind }),
		...(namespace !== undefined && { policyNamespace: namespace }),
		policyName: name,
		direction: flow.direction,
	}));

/** The doubts that matter: those alone whose other value gives another finding, or all of them where only together they do. */
function decidingDoubts(doubts: readonly Doubt[], given: Case): readonly Doubt[] {
	const alone = doubts.filter((doubt) => mayDiffer([doubt], given));
	return alone.length > 0 || !mayDiffer(doubts, given) ? alone : doubts;
}

/** Whether some value of these facts gives another finding than leaving them out does. */
function mayDiffer(doubts: readonly Doubt[], { observation, evaluation, candidates }: Case): boolean {
	const findings = possibleVerdicts(doubts, evaluation).map((possible) => classify(observation.disposition, possible, candidates));
	return findings.some((finding) => finding !== findings[0]);
}

function evidenceFor(finding: Decided, given: Case, different: readonly Evidence[]): readonly Evidence[] {
	const { subject, peer } = given.evaluation.flow;
	const evidence = decisive(finding, given, different);
	return subject.sibling || peer.sibling ? [...evidence, ...[subject, peer].flatMap(standInEvidence)] : evidence;
}

function standInEvidence({ sibling, endpoint: { namespace, name } }: ResolvedFlow['peer']): Evidence[] {
	if (!sibling) return [];
	const detail = `${namespace}/${name} is not in the snapshot: judged by the labels of ${sibling.namespace}/${sibling.name}`;
	return [{ role: 'stand-in', detail }];
}

/** The role of the pieces that decide a finding. */
const DECIDING_ROLE: Partial<Record<Decided, Evidence['role']>> = { 'void-rule': 'void', overreach: 'isolates', 'newly-open': 'opens' };

/** What decides stands first: pieces of the finding's own role, those that hold under the most candidates before the others. */
const decisiveFirst = (pieces: readonly Evidence[], finding: Decided, candidates: Mask): readonly Evidence[] =>
	pieces.length < 2 ? pieces : byWeight(pieces, finding, candidates);

function byWeight(pieces: readonly Evidence[], finding: Decided, candidates: Mask): readonly Evidence[] {
	const role = DECIDING_ROLE[finding];
	const weight = (piece: Evidence) => (piece.role === role ? 100 : 0) + idsOf((piece.semantics ?? NONE) & candidates).length;
	return [...pieces].sort((a, b) => weight(b) - weight(a));
}

function decisive(finding: Decided, { evaluation, candidates }: Case, different: readonly Evidence[]): readonly Evidence[] {
	const denies = denied(evaluation) & candidates;
	switch (finding) {
		case 'void-rule':
		case 'overreach':
			return together(different, unmentioned(isolating(evaluation, denies), different));
		case 'explained':
			return together(isolating(evaluation, CALICO | denies), different);
		case 'contradicted':
			return together(together(admitting(evaluation, candidates), isolating(evaluation, denies)), different);
		case 'newly-open':
			return together(different, admitting(evaluation, candidates));
		case 'confirmed':
			return together(admitting(evaluation, candidates | CALICO), different);
		case 'not-isolated':
			return different;
		default:
			return finding satisfies never;
	}
}

/** Both lists, copied only where both have something: nearly always one is empty. */
const together = (first: readonly Evidence[], second: readonly Evidence[]): readonly Evidence[] =>
	second.length === 0 ? first : first.length === 0 ? second : [...first, ...second];

const unmentioned = (pieces: readonly Evidence[], others: readonly Evidence[]): readonly Evidence[] =>
	pieces.filter((piece) => !mentions(others, piece));

const mentions = (pieces: readonly Evidence[], { policyNamespace, policyName }: Evidence): boolean =>
	pieces.some((piece) => piece.policyNamespace === policyNamespace && piece.policyName === policyName);

const NO_CONSTRUCTS: readonly ConstructId[] = [];

function constructsOf(different: readonly Evidence[]): readonly ConstructId[] {
	if (different.length === 0) return NO_CONSTRUCTS;
	const only = different.length === 1 ? different[0]?.construct : undefined;
	if (only !== undefined) return [only];
	return [...new Set(different.map(({ construct }) => construct).filter((construct) => construct !== undefined))].sort();
}

/** Findings that a construct decides: no surer than the construct's difference is. */
const isDecidedByConstruct = (finding: Decided): boolean => finding === 'overreach' || finding === 'void-rule' || finding === 'newly-open';

function certaintyOf(
	finding: Decided,
	constructs: readonly ConstructId[],
	{ observation, candidates, evaluation }: Case,
): Certainty | null {
	if (finding === 'not-isolated' || finding === 'contradicted') return null;
	const denies = denied(evaluation) & candidates;
	if (denies !== (observation.disposition === 'deny' ? candidates : NONE)) return 'likely';
	if (evaluation.flow.subject.sibling || evaluation.flow.peer.sibling) return 'likely';
	return isDecidedByConstruct(finding) && constructs.some((id) => CONSTRUCTS[id].sure === 'likely') ? 'likely' : 'certain';
}

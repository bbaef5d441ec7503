import type { CompiledSnapshot } from './compile.ts';
import { CONSTRUCTS, type ConstructId } from './constructs.ts';
import { denied, type Evaluation, evaluate, protocolOf, type ResolvedFlow } from './evaluate.ts';
import { admitting, differences, isolating } from './evidence.ts';
import type { Certainty, End, Evidence, Finding, Judgement, Reason, Verdicts } from './finding.ts';
import type { Disposition, FlowEnd, Observation } from './model.ts';
import { resolveEnd } from './resolve.ts';
import { matchMask } from './selector.ts';
import { ALL, CALICO, DEFAULT_CANDIDATES, type Mask, NONE } from './semantics.ts';

/** Kinds whose rules can deny by name. A NetworkPolicy cannot, nor can an FQDNNetworkPolicy: both only admit. */
const DENYING_KINDS = new Set([
	'CiliumNetworkPolicy',
	'CiliumClusterwideNetworkPolicy',
	'ClusterNetworkPolicy',
	'AdminNetworkPolicy',
	'BaselineAdminNetworkPolicy',
	'GlobalNetworkPolicy',
]);

const FLAGGED: ReadonlySet<Finding> = new Set<Finding>(['not-isolated', 'contradicted', 'overreach', 'void-rule', 'newly-open']);

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
	const ingress = flow.direction === 'ingress';
	const named = ingress ? { subject: flow.destination, peer: flow.source } : { subject: flow.source, peer: flow.destination };
	const hints = hintsOf(observation);
	if (disposition === 'deny' && policies.some(({ kind }) => kind !== undefined && DENYING_KINDS.has(kind))) {
		const ends = snapshot ? { subject: resolveEnd(snapshot, named.subject), peer: resolveEnd(snapshot, named.peer) } : unresolved(named);
		return { ...plain('explicit-deny', hints), evidence: namedDeniers(observation), flow, ...ends };
	}
	if (!snapshot) return { ...plain('undecidable', ['no-snapshot', ...hints]), flow, ...unresolved(named) };
	const ends = { subject: resolveEnd(snapshot, named.subject), peer: resolveEnd(snapshot, named.peer) };
	if (ends.subject.mismatch || ends.peer.mismatch) hints.push('name-address-mismatch');
	if (!ends.subject.pod) return { ...plain('undecidable', ['unknown-subject', ...hints]), flow, ...ends };
	const resolved: ResolvedFlow = { direction: flow.direction, ...ends, protocol: protocolOf(flow.protocol), port: flow.port ?? -1 };
	const evaluation = evaluate(resolved);
	return decide({ observation, candidates, resolved, evaluation, hints });
}

interface Case {
	readonly observation: Observation;
	readonly candidates: Mask;
	readonly resolved: ResolvedFlow;
	readonly evaluation: Evaluation;
	readonly hints: Reason[];
}

function decide({ observation, candidates, resolved, evaluation, hints }: Case): Judgement {
	const { disposition, flow } = observation;
	const { isolated, exempt, admitted, unknown } = evaluation;
	const verdicts = { isolated, exempt, admitted, unknown };
	const finding = classify(disposition, { ...verdicts, unknown: NONE }, candidates);
	const doubts = doubtsOf(resolved, evaluation);
	const deciding = doubts.length > 0 ? decidingDoubts(doubts, { disposition, verdicts, candidates }) : doubts;
	const different = differences(evaluation, resolved, candidates);
	const evidence = evidenceFor(finding, { observation, candidates, resolved, evaluation, hints }, different);
	const constructs = constructsOf(different);
	const ends = { subject: resolved.subject, peer: resolved.peer };
	if (deciding.length > 0) {
		const reasons = [...new Set(deciding.map(({ reason }) => reason)), ...hints];
		const wouldBe: Evidence = { role: 'would-be', detail: finding };
		return { ...plain('undecidable', reasons), constructs, evidence: [wouldBe, ...evidence], verdicts, flow, ...ends };
	}
	if (disposition === 'allow' && policiesDiffer(observation, evaluation, candidates)) hints.push('policies-differ');
	const certainty = certaintyOf(finding, constructs, { disposition, verdicts, candidates });
	return { finding, flagged: FLAGGED.has(finding), certainty, constructs, reasons: hints, evidence, verdicts, flow, ...ends };
}

const plain = (finding: Finding, reasons: readonly Reason[]) =>
	({ finding, flagged: FLAGGED.has(finding), certainty: null, constructs: [], reasons, evidence: [] }) as const;

function unresolved({ subject, peer }: { subject: FlowEnd; peer: FlowEnd }): { subject: End; peer: End } {
	const asNamed = ({ pod, ip, workload }: FlowEnd): End => (pod ? { kind: 'unknown', ...pod, workload, ip } : { kind: 'external', ip });
	return { subject: asNamed(subject), peer: asNamed(peer) };
}

const namedDeniers = ({ policies, flow }: Observation): Evidence[] =>
	policies.map(({ kind, namespace, name }) => ({
		role: 'isolates',
		...(kind !== undefined && { policyKind: kind }),
		...(namespace !== undefined && { policyNamespace: namespace }),
		policyName: name,
		direction: flow.direction,
	}));

/** The ports that Linux gives to clients start here; a service port below it as the source speaks of an answer. */
const FIRST_EPHEMERAL_PORT = 32768;

/** "A denied flow whose source port is a service port and whose destination port is ephemeral is usually a late reply." */
export const isLateReply = ({ disposition, flow }: Observation): boolean =>
	disposition === 'deny' && flow.sourcePort !== undefined && flow.sourcePort < FIRST_EPHEMERAL_PORT && (flow.port ?? 0) >= FIRST_EPHEMERAL_PORT;

function hintsOf(observation: Observation): Reason[] {
	const hints: Reason[] = [];
	if (isLateReply(observation)) hints.push('late-reply');
	if (observation.disposition === 'deny' && observation.policies.length > 0) hints.push('policy-named-on-deny');
	return hints;
}

/** A fact that is not known, and what its other value would add: isolation, or admission, under those semantics. */
interface Doubt {
	readonly reason: Reason;
	readonly isolates: Mask;
	readonly admits: Mask;
}

const NO_DOUBTS: readonly Doubt[] = [];

function doubtsOf(flow: ResolvedFlow, evaluation: Evaluation): readonly Doubt[] {
	const { subject, peer } = flow;
	const unreadable = subject.identity?.namespace.unreadable ?? [];
	if (unreadable.length === 0 && peer.kind !== 'unknown' && evaluation.unknown === NONE) return NO_DOUBTS;
	const doubts: Doubt[] = [];
	for (const { subjects } of unreadable) {
		const selects = subjects && subject.identity ? matchMask(subjects, subject.identity.values) : ALL;
		if (selects) doubts.push({ reason: 'unreadable-policy', isolates: selects, admits: selects });
	}
	if (peer.kind === 'unknown') {
		const admits = evaluate(flow, ALL).admitted & ~evaluation.admitted;
		if (admits) doubts.push({ reason: 'unknown-peer', isolates: NONE, admits });
	}
	if (evaluation.unknown) doubts.push({ reason: 'self-traffic', isolates: NONE, admits: evaluation.unknown });
	return doubts;
}

type Question = { readonly disposition: Disposition; readonly verdicts: Verdicts; readonly candidates: Mask };

/** The doubts that matter: those alone whose other value gives another finding, or all of them where only together they do. */
function decidingDoubts(doubts: readonly Doubt[], question: Question): readonly Doubt[] {
	const alone = doubts.filter((doubt) => mayDiffer([doubt], question));
	return alone.length > 0 || !mayDiffer(doubts, question) ? alone : doubts;
}

/** Whether some value of these facts gives another finding than leaving them out does. */
function mayDiffer(doubts: readonly Doubt[], { disposition, verdicts, candidates }: Question): boolean {
	const known: Verdicts = { ...verdicts, unknown: NONE };
	const isolates = doubts.reduce((mask, doubt) => mask | doubt.isolates, NONE);
	const admits = doubts.reduce((mask, doubt) => mask | doubt.admits, NONE);
	const findings = new Set<Finding>();
	for (const isolated of [known.isolated, known.isolated | isolates])
		for (const admitted of [known.admitted, known.admitted | admits]) findings.add(classify(disposition, { ...known, isolated, admitted }, candidates));
	return findings.size > 1;
}

function evidenceFor(finding: Decided, { resolved, evaluation, candidates }: Case, different: readonly Evidence[]): Evidence[] {
	const denies = denied(evaluation) & candidates;
	switch (finding) {
		case 'void-rule':
		case 'overreach':
			return [...different, ...isolating(evaluation, resolved, denies).filter((piece) => !mentions(different, piece))];
		case 'explained':
			return [...isolating(evaluation, resolved, CALICO | denies), ...different];
		case 'contradicted':
			return [...admitting(evaluation, resolved, candidates), ...isolating(evaluation, resolved, denies), ...different];
		case 'newly-open':
		case 'confirmed':
			return [...admitting(evaluation, resolved, candidates | CALICO), ...different];
		case 'not-isolated':
			return [...different];
		default:
			return finding satisfies never;
	}
}

const mentions = (pieces: readonly Evidence[], { policyNamespace, policyName }: Evidence): boolean =>
	pieces.some((piece) => piece.policyNamespace === policyNamespace && piece.policyName === policyName);

function constructsOf(different: readonly Evidence[]): readonly ConstructId[] {
	if (different.length === 0) return [];
	return [...new Set(different.map(({ construct }) => construct).filter((construct) => construct !== undefined))].sort();
}

/** Whether the entry names policies and none of them is among those that admit. Cilium names a subset, so they are never compared for equality. */
function policiesDiffer({ policies }: Observation, { admissions }: Evaluation, candidates: Mask): boolean {
	if (policies.length === 0) return false;
	const ours = new Set(admissions.filter(({ mask }) => mask & candidates).map(({ applied }) => applied.policy.id));
	return !policies.some(({ namespace, name }) => ours.has(`${namespace ?? ''}/${name}`));
}

/** Findings that a construct decides: no surer than the construct's difference is. */
const DECIDED_BY_CONSTRUCT: ReadonlySet<Finding> = new Set<Finding>(['overreach', 'void-rule', 'newly-open']);

function certaintyOf(finding: Decided, constructs: readonly ConstructId[], { disposition, verdicts, candidates }: Question): Certainty | null {
	if (finding === 'not-isolated' || finding === 'contradicted') return null;
	const agreeing = disposition === 'deny' ? denied(verdicts) & candidates : candidates & ~denied(verdicts);
	if (agreeing !== candidates) return 'likely';
	return DECIDED_BY_CONSTRUCT.has(finding) && constructs.some((id) => CONSTRUCTS[id].sure === 'likely') ? 'likely' : 'certain';
}

import { PROTOCOL } from './clause.ts';
import type { CompiledSnapshot } from './compile.ts';
import { isCreatedAfter } from './end.ts';
import type { Evaluation } from './evaluate.ts';
import type { Hint } from './finding.ts';
import type { ResolvedFlow } from './flow.ts';
import type { Identity } from './identity.ts';
import type { Case } from './judge.ts';
import type { LoggedPolicy, Observation } from './model.ts';
import { matchMask } from './selector.ts';
import type { Mask } from './semantics.ts';

/** The ports that Linux gives to clients start here; a service port below it as the source speaks of an answer. */
const FIRST_EPHEMERAL_PORT = 32768;
/** An endpoint's policy is computed for some time after its Pod started, and after policies changed. */
const SETTLING_MS = 30_000;
/** A state that was not looked at for longer may have changed since. */
const LAG_MS = 15 * 60_000;

/** "A denied flow whose source port is a service port and whose destination port is ephemeral is usually a late reply." */
const isLateReply = ({ disposition, flow }: Observation): boolean =>
	disposition === 'deny' &&
	flow.sourcePort !== undefined &&
	flow.sourcePort < FIRST_EPHEMERAL_PORT &&
	(flow.port ?? 0) >= FIRST_EPHEMERAL_PORT;

/** Kinds whose rules can deny by name. A NetworkPolicy cannot, nor can an FQDNNetworkPolicy: both only admit. */
const DENYING_KINDS = new Set([
	'CiliumNetworkPolicy',
	'CiliumClusterwideNetworkPolicy',
	'ClusterNetworkPolicy',
	'AdminNetworkPolicy',
	'BaselineAdminNetworkPolicy',
	'GlobalNetworkPolicy',
]);

export const canDeny = ({ kind }: LoggedPolicy): boolean => kind !== undefined && DENYING_KINDS.has(kind);

/** Others are dropped outside of policy; SCTP too, unless an option that GKE does not document is set. */
const SUPPORTED_PROTOCOLS: ReadonlySet<string> = new Set(['TCP', 'UDP', 'ICMP', 'ICMPV6']);

const NO_HINTS: readonly Hint[] = [];

/** What can be said of an entry before it is evaluated. */
export function entryHints(
	observation: Observation,
	snapshot: CompiledSnapshot | undefined,
	flow: ResolvedFlow | undefined,
): readonly Hint[] {
	const { disposition, timestampMs } = observation;
	const denied = disposition === 'deny';
	const late = denied && isLateReply(observation);
	const named = denied && observation.policies.some((policy) => !canDeny(policy));
	const mismatch = flow !== undefined && (flow.subject.mismatch || flow.peer.mismatch);
	const sibling = flow !== undefined && (flow.subject.sibling ?? flow.peer.sibling) !== undefined;
	const common = flow !== undefined && flow.protocol !== PROTOCOL.SCTP && flow.protocol !== PROTOCOL.OTHER;
	const unsupported = denied && !common && !SUPPORTED_PROTOCOLS.has(observation.flow.protocol);
	// What an address alone led to is never a Pod that came later.
	const later = flow !== undefined && (isCreatedAfter(flow.subject, timestampMs) || isCreatedAfter(flow.peer, timestampMs));
	const near = denied && snapshot && flow ? timeHints(snapshot, flow, timestampMs) : NO_HINTS;
	if (!late && !named && !unsupported && !mismatch && !sibling && !later) return near;
	const hints: Hint[] = [];
	if (late) hints.push('late-reply');
	if (named) hints.push('policy-named-on-deny');
	if (unsupported) hints.push('unsupported-protocol');
	if (mismatch) hints.push('name-address-mismatch');
	if (sibling) hints.push('sibling-labels');
	if (later) hints.push('created-later');
	return [...hints, ...near];
}

const isSettling = (ageMs: number): boolean => ageMs >= 0 && ageMs < SETTLING_MS;

/** Hints from what lies near in time. A time that is not known gives none of these. */
function timeHints({ validFromMs, collectedMs }: CompiledSnapshot, { subject, peer }: ResolvedFlow, at: number): readonly Hint[] {
	const settling = isSettling(at - subject.createdS * 1000) || isSettling(at - peer.createdS * 1000);
	const recent = at - validFromMs < SETTLING_MS;
	const lag = at - collectedMs > LAG_MS;
	if (!settling && !recent && !lag) return NO_HINTS;
	return [
		...(settling ? (['settling-pod'] as const) : []),
		...(recent ? (['recent-change'] as const) : []),
		...(lag ? (['snapshot-lag'] as const) : []),
	];
}

/** The hints so far, and those that the policies give. `undecided`: what other kinds may decide is then a reason by itself. */
export function evaluationHints({ observation, candidates, evaluation, hints, doubts }: Case, undecided: boolean): readonly Hint[] {
	const namesPolicies = observation.disposition === 'allow' && observation.policies.length > 0;
	// Nearly every entry has none of these.
	if (!namesPolicies && doubts.length === 0 && !evaluation.flow.snapshot.multiNetwork) return hints;
	const found: Hint[] = [];
	if (namesPolicies) found.push(...comparePolicies(observation, evaluation, candidates));
	const { identity } = evaluation.flow.subject.endpoint;
	if (identity && isOnOtherNetwork(identity)) found.push('multi-network');
	if (!undecided && doubts.some(({ fact }) => fact === 'other-policy-kind')) found.push('other-policies-present');
	return found.length > 0 ? [...hints, ...found] : hints;
}

const isOnOtherNetwork = ({ namespace, labelSet }: Identity): boolean =>
	namespace.otherNetworks.some(({ subjects }) => matchMask(subjects, labelSet));

/**
 * Whether the policies that the entry names are among those that admit. Cilium names a subset of them, so they are never compared for
 * equality; and an annotation can give a policy another name there.
 */
function comparePolicies({ policies }: Observation, { admissions }: Evaluation, candidates: Mask): Hint[] {
	const named = new Set(policies.map(({ namespace, name }) => `${namespace ?? ''}/${name}`));
	const ours = admissions.filter(({ mask }) => mask & candidates).map(({ policy }) => policy);
	if (ours.some(({ id }) => named.has(id))) return [];
	return ours.some(({ loggedAs }) => loggedAs.some((name) => named.has(name))) ? ['renamed-in-logs'] : ['policies-differ'];
}

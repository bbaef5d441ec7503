import type { CompiledSnapshot } from './compile.ts';
import type { Doubt } from './doubt.ts';
import type { Evaluation } from './evaluate.ts';
import type { Hint } from './finding.ts';
import type { ResolvedFlow } from './flow.ts';
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

const NO_HINTS: readonly Hint[] = [];

/** What can be said of an entry before it is evaluated. */
export function entryHints(
	observation: Observation,
	snapshot: CompiledSnapshot | undefined,
	flow: ResolvedFlow | undefined,
): readonly Hint[] {
	let hints: readonly Hint[] = NO_HINTS;
	const add = (hint: Hint) => {
		hints = [...hints, hint];
	};
	const denied = observation.disposition === 'deny';
	if (denied && isLateReply(observation)) add('late-reply');
	if (denied && observation.policies.some((policy) => !canDeny(policy))) add('policy-named-on-deny');
	if (!flow || !snapshot) return hints;
	const { subject, peer } = flow;
	if (subject.mismatch || peer.mismatch) add('name-address-mismatch');
	if (subject.sibling || peer.sibling) add('sibling-labels');
	const isTimed = subject.pod?.createdAt ?? peer.pod?.createdAt ?? snapshot.validFrom ?? snapshot.collectedAt;
	return denied && isTimed !== undefined ? [...hints, ...timeHints(snapshot, flow, observation.timestamp)] : hints;
}

/** Hints from what lies near in time. An entry whose time cannot be read gets none of these. */
function timeHints({ validFrom, collectedAt }: CompiledSnapshot, { subject, peer }: ResolvedFlow, timestamp: string): Hint[] {
	const at = Date.parse(timestamp);
	const since = (text: string | undefined): number => (text === undefined ? Number.NaN : at - Date.parse(text));
	const hints: Hint[] = [];
	if (since(subject.pod?.createdAt) < SETTLING_MS || since(peer.pod?.createdAt) < SETTLING_MS) hints.push('settling-pod');
	if (since(validFrom) < SETTLING_MS) hints.push('recent-change');
	if (since(collectedAt) > LAG_MS) hints.push('snapshot-lag');
	return hints;
}

interface Given {
	readonly observation: Observation;
	readonly candidates: Mask;
	readonly resolved: ResolvedFlow;
	readonly evaluation: Evaluation;
	readonly hints: readonly Hint[];
	readonly doubts: readonly Doubt[];
}

/** The hints so far, and those that the policies give. `undecided`: what other kinds may decide is then a reason by itself. */
export function evaluationHints(
	{ observation, candidates, resolved, evaluation, hints, doubts }: Given,
	undecided: boolean,
): readonly Hint[] {
	const found: Hint[] = [];
	if (observation.disposition === 'allow' && observation.policies.length > 0)
		found.push(...comparePolicies(observation, evaluation, candidates));
	const { identity } = resolved.subject;
	if (identity?.namespace.otherNetworks.some(({ subjects }) => matchMask(subjects, identity.values))) found.push('multi-network');
	if (!undecided && doubts.some(({ fact }) => fact === 'other-policy-kind')) found.push('other-policies-present');
	return found.length > 0 ? [...hints, ...found] : hints;
}

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

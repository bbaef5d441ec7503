import type { CompiledSnapshot } from './compile.ts';
import type { Doubt } from './doubt.ts';
import type { Evaluation } from './evaluate.ts';
import type { Hint } from './finding.ts';
import type { ResolvedFlow } from './flow.ts';
import type { Observation } from './model.ts';
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

const NO_HINTS: readonly Hint[] = [];

/** What can be said of an entry before it is evaluated. */
export function entryHints(
	observation: Observation,
	snapshot: CompiledSnapshot | undefined,
	flow: ResolvedFlow | undefined,
): readonly Hint[] {
	const { disposition, policies, timestamp } = observation;
	const hints: Hint[] = [];
	if (isLateReply(observation)) hints.push('late-reply');
	if (disposition === 'deny' && policies.length > 0) hints.push('policy-named-on-deny');
	if (flow?.subject.mismatch || flow?.peer.mismatch) hints.push('name-address-mismatch');
	if (flow?.subject.sibling || flow?.peer.sibling) hints.push('sibling-labels');
	if (disposition === 'deny' && snapshot && flow) hints.push(...timeHints(snapshot, flow, timestamp));
	return hints.length > 0 ? hints : NO_HINTS;
}

/** Hints from what lies near in time. Most snapshots and Pods carry times; entries whose time cannot be read get none of these. */
function timeHints(snapshot: CompiledSnapshot, { subject, peer }: ResolvedFlow, timestamp: string): Hint[] {
	const created = [subject.pod?.state.createdAt, peer.pod?.state.createdAt].filter((text) => text !== undefined);
	if (created.length === 0 && snapshot.validFrom === undefined && snapshot.collectedAt === undefined) return [];
	const at = Date.parse(timestamp);
	const hints: Hint[] = [];
	if (created.some((text) => at - Date.parse(text) < SETTLING_MS)) hints.push('settling-pod');
	if (snapshot.validFrom !== undefined && at - Date.parse(snapshot.validFrom) < SETTLING_MS) hints.push('recent-change');
	if (snapshot.collectedAt !== undefined && at - Date.parse(snapshot.collectedAt) > LAG_MS) hints.push('snapshot-lag');
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
	const ours = admissions.filter(({ mask }) => mask & candidates).map(({ applied }) => applied.policy);
	if (ours.some(({ id }) => named.has(id))) return [];
	return ours.some(({ loggedAs }) => loggedAs.some((name) => named.has(name))) ? ['renamed-in-logs'] : ['policies-differ'];
}

import { type CompiledPeer, type CompiledRule, type Packet, peerMask, portMask } from './clause.ts';
import type { CompiledPolicy } from './compiled-policy.ts';
import { NOTHING } from './end.ts';
import type { Verdicts } from './finding.ts';
import type { Disguise, ResolvedFlow } from './flow.ts';
import { ALL, CALICO, type Mask, NO_REMOTE_NODE_IDENTITY, NONE, SPECIFIED } from './semantics.ts';
import { type AppliedRule, NOT_NUMERIC, portKey, type SubjectPolicies } from './subject.ts';

/** A rule that admits the flow, and under which semantics. */
export interface Admission {
	readonly policy: CompiledPolicy;
	readonly rule: CompiledRule;
	readonly mask: Mask;
	/** As what the rule admits it under `calico`, where it does not admit it as it is. */
	readonly disguise: Disguise | undefined;
}

export interface Evaluation extends Verdicts {
	readonly flow: ResolvedFlow;
	/** Every rule that admits under some semantics, in the order of the policies. */
	readonly admissions: readonly Admission[];
	/** Every policy that selects the subject and has the direction under some semantics. */
	readonly concerned: SubjectPolicies;
	/** The place of the first rule whose ports match under `calico` and whose peers do not, a near miss; -1 where there is none. */
	readonly near: number;
}

const NO_ADMISSIONS: readonly Admission[] = [];
const UNCONCERNED: SubjectPolicies = {
	start: NOTHING,
	isolated: NONE,
	common: NONE,
	isolating: [],
	direction: 'ingress',
	policies: [],
	rules: [],
};
/** Of what no policy concerns. In the shape of every other evaluation, which the compiler relies on. */
const open = (flow: ResolvedFlow): Evaluation => ({
	isolated: NONE,
	exempt: NONE,
	admitted: NONE,
	unknown: NONE,
	admissions: NO_ADMISSIONS,
	concerned: UNCONCERNED,
	near: -1,
	flow,
});

/** What is not known, answered one way: `unseen` is what selectors and port names say of a Pod that is not known. */
export interface Assumptions {
	readonly unseen: Mask;
	/** Whether disguises that are not sure count. */
	readonly disguised: boolean;
}
const LEAST: Assumptions = { unseen: NONE, disguised: false };

/** The verdict of the subject's NetworkPolicies under all semantics at once. */
export function evaluate(flow: ResolvedFlow, assumptions: Assumptions = LEAST): Evaluation {
	const { subject, direction, disguises } = flow;
	const start = direction === 'ingress' ? subject.ingress : subject.egress;
	// Only Pods are subject to policies; host-network Pods are not.
	if (start === NOTHING) return open(flow);
	const { steps, subjects, peers } = flow.snapshot.table;
	const concerned = subjects[steps[start] as number] as SubjectPolicies;
	const isolated = steps[start + 1] as Mask;
	const end = steps[start + 2] as number;
	const { unseen } = assumptions;
	const disguised = disguises.length > 0;
	const wanted = portKey(flow.protocol, flow.port);
	let admitted = NONE;
	let admissions: Admission[] | undefined;
	let near = -1;
	for (let at = start + 3, next = at, index = 0; at < end; at = next, index++) {
		next = steps[at] as number;
		const applies = steps[at + 1] as Mask;
		const keys = steps[at + 2] as number;
		const firstPeer = at + 3 + Math.max(keys, 0);
		let ports = applies;
		if (keys === NOT_NUMERIC) ports &= portsMask((concerned.rules[index] as AppliedRule).rule, flow, unseen);
		else if (keys > 0 && !includes(steps, at + 3, firstPeer, wanted)) ports = NONE;
		let mask = ports;
		if (ports !== NONE && firstPeer < next) {
			let matching = NONE;
			for (let place = firstPeer; place < next && matching !== ALL; place++)
				matching |= peerMask(peers[steps[place] as number] as CompiledPeer, flow, unseen);
			mask &= matching;
		}
		const disguise =
			disguised && !(mask & CALICO) ? admittedDisguise((concerned.rules[index] as AppliedRule).rule, flow, assumptions) : undefined;
		if (disguise) mask |= applies & CALICO;
		if (near < 0 && ports & ~mask & CALICO) near = index;
		if (mask === NONE) continue;
		admitted |= mask;
		const { policy, rule } = concerned.rules[index] as AppliedRule;
		const admission = { policy, rule, mask, disguise };
		if (admissions) admissions.push(admission);
		else admissions = [admission];
	}
	const exempt = exemptMask(flow);
	const unknown = isSelf(flow) ? isolated & ~exempt & ~admitted & SPECIFIED : NONE;
	return { isolated, exempt, admitted, unknown, admissions: admissions ?? NO_ADMISSIONS, concerned, near, flow };
}

function includes(steps: readonly number[], from: number, to: number, wanted: number): boolean {
	for (let place = from; place < to; place++) if (steps[place] === wanted) return true;
	return false;
}

const admittedDisguise = (rule: CompiledRule, flow: ResolvedFlow, { unseen, disguised }: Assumptions): Disguise | undefined =>
	flow.disguises.find((disguise) => (disguise.sure || disguised) && ruleMask(rule, disguise, unseen) & CALICO);

/**
 * "Traffic is allowed … OR if the traffic source is the pod's local node". A host-network Pod of that node is that node. Without
 * remote-node identity every node, and every host-network Pod, counts as the local one.
 */
function exemptMask({ direction, subject, peer }: Packet): Mask {
	if (direction === 'egress' || (peer.kind !== 'node' && peer.kind !== 'host-network-pod')) return NONE;
	const { node } = peer.endpoint;
	return node !== undefined && node === subject.endpoint.node ? ALL : NO_REMOTE_NODE_IDENTITY;
}

/** Whether a Pod speaks to itself: the specification leaves that open where no rule admits it. */
const isSelf = ({ subject, peer }: Packet): boolean =>
	subject.endpoint === peer.endpoint ||
	// A vanished Pod has no object of its own.
	((subject.sibling !== undefined || subject.kind === 'unknown') &&
		subject.endpoint.name === peer.endpoint.name &&
		subject.endpoint.namespace === peer.endpoint.namespace);

/** "A rule matches traffic if and only if the traffic matches both `ports` AND `from`/`to`." */
export function ruleMask(rule: CompiledRule, packet: Packet, unseen: Mask): Mask {
	const ports = portsMask(rule, packet, unseen);
	return ports === NONE ? NONE : ports & peersMask(rule, packet, unseen);
}

/** "Each item in this list is combined using a logical OR. If this field is empty or missing, this rule matches all ports." */
function portsMask({ ports }: Pick<CompiledRule, 'ports'>, packet: Packet, unseen: Mask): Mask {
	if (ports.length === 0) return ALL;
	let mask = NONE;
	for (const entry of ports) {
		mask |= portMask(entry, packet, unseen);
		if (mask === ALL) return ALL;
	}
	return mask;
}

/** "Items in this list are combined using a logical OR operation. If this field is empty or missing, this rule matches all sources." */
export function peersMask({ peers }: Pick<CompiledRule, 'peers'>, packet: Packet, unseen: Mask): Mask {
	if (peers.length === 0) return ALL;
	let mask = NONE;
	for (const candidate of peers) {
		mask |= peerMask(candidate, packet, unseen);
		if (mask === ALL) return ALL;
	}
	return mask;
}

export type Basis = 'rule' | 'not-isolated' | 'exempt' | 'no-rule';

/** The semantics that deny: isolated, not exempt, and no rule admits. */
export const denied = ({ isolated, exempt, admitted, unknown }: Verdicts): Mask => isolated & ~exempt & ~admitted & ~unknown;

/** What one semantics answers, and why. */
export interface OneVerdict {
	readonly verdict: 'allow' | 'deny' | 'unknown';
	readonly basis: Basis | null;
}

const UNKNOWN: OneVerdict = { verdict: 'unknown', basis: null };
const NOT_ISOLATED: OneVerdict = { verdict: 'allow', basis: 'not-isolated' };
const BY_RULE: OneVerdict = { verdict: 'allow', basis: 'rule' };
const EXEMPT: OneVerdict = { verdict: 'allow', basis: 'exempt' };
const BY_NO_RULE: OneVerdict = { verdict: 'deny', basis: 'no-rule' };
/** All that `verdictUnder` returns. */
export const ONE_VERDICTS: readonly OneVerdict[] = [UNKNOWN, NOT_ISOLATED, BY_RULE, EXEMPT, BY_NO_RULE];

/** The answer under one semantics (a mask of one bit). */
export function verdictUnder({ isolated, exempt, admitted, unknown }: Verdicts, one: Mask): OneVerdict {
	if (unknown & one) return UNKNOWN;
	if (!(isolated & one)) return NOT_ISOLATED;
	if (admitted & one) return BY_RULE;
	return exempt & one ? EXEMPT : BY_NO_RULE;
}

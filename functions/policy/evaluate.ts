import { type CompiledRule, type Packet, peerMask, portMask } from './clause.ts';
import type { CompiledPolicy } from './compiled-policy.ts';
import type { Verdicts } from './finding.ts';
import type { Disguise, ResolvedFlow } from './flow.ts';
import { type AppliedRule, policiesFor, portKey, type SubjectPolicies } from './identity.ts';
import { ALL, CALICO, type Mask, NO_REMOTE_NODE_IDENTITY, NONE, SPECIFIED } from './semantics.ts';

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
	/** The first rule whose ports match under `calico` and whose peers do not: a near miss. */
	readonly near: AppliedRule | undefined;
}

const NO_ADMISSIONS: readonly Admission[] = [];
const UNCONCERNED: SubjectPolicies = {
	direction: 'ingress',
	isolated: NONE,
	common: NONE,
	policies: [],
	rules: [],
	byPort: new Map(),
	elsewhere: [],
	isolating: [],
};
const OPEN = {
	isolated: NONE,
	exempt: NONE,
	admitted: NONE,
	unknown: NONE,
	admissions: NO_ADMISSIONS,
	concerned: UNCONCERNED,
	near: undefined,
} as const;

/** What is not known, answered one way: `unseen` is what selectors and port names say of a Pod that is not known. */
export interface Assumptions {
	readonly unseen: Mask;
	/** Whether disguises that are not sure count. */
	readonly disguised: boolean;
}
const LEAST: Assumptions = { unseen: NONE, disguised: false };

/** The verdict of the subject's NetworkPolicies under all semantics at once. */
export function evaluate(flow: ResolvedFlow, assumptions: Assumptions = LEAST): Evaluation {
	// Only Pods are subject to policies; host-network Pods are not.
	const { identity } = flow.subject;
	if (!identity) return { ...OPEN, flow };
	const concerned = policiesFor(identity, flow.direction);
	const { isolated, byPort, elsewhere } = concerned;
	const disguised = flow.disguises.length > 0;
	// A disguise has other ports, so that every rule is looked at.
	const rules = disguised ? concerned.rules : (byPort.get(portKey(flow.protocol, flow.port)) ?? elsewhere);
	let admitted = NONE;
	let admissions: Admission[] | undefined;
	let near: AppliedRule | undefined;
	for (let index = 0; index < rules.length; index++) {
		const applied = rules[index] as AppliedRule;
		const { applies } = applied;
		const ports = applied.numeric && !disguised ? applies : applies & portsMask(applied, flow, assumptions.unseen);
		let mask = ports === NONE ? NONE : ports & peersMask(applied, flow, assumptions.unseen);
		const disguise = disguised && !(mask & CALICO) ? admittedDisguise(applied.rule, flow, assumptions) : undefined;
		if (disguise) mask |= applies & CALICO;
		if (ports & ~mask & CALICO) near ??= applied;
		if (mask === NONE) continue;
		admitted |= mask;
		const admission = { policy: applied.policy, rule: applied.rule, mask, disguise };
		if (admissions) admissions.push(admission);
		else admissions = [admission];
	}
	const exempt = exemptMask(flow);
	const unknown = isSelf(flow) ? isolated & ~exempt & ~admitted & SPECIFIED : NONE;
	return { isolated, exempt, admitted, unknown, admissions: admissions ?? NO_ADMISSIONS, concerned, near, flow };
}

const admittedDisguise = (rule: CompiledRule, flow: ResolvedFlow, { unseen, disguised }: Assumptions): Disguise | undefined =>
	flow.disguises.find((disguise) => (disguise.sure || disguised) && ruleMask(rule, disguise, unseen) & CALICO);

/**
 * "Traffic is allowed … OR if the traffic source is the pod's local node". A host-network Pod of that node is that node. Without
 * remote-node identity every node, and every host-network Pod, counts as the local one.
 */
function exemptMask({ direction, subject, peer }: Packet): Mask {
	if (direction === 'egress' || (peer.kind !== 'node' && peer.kind !== 'host-network-pod')) return NONE;
	return subject.node !== undefined && subject.node === peer.node ? ALL : NO_REMOTE_NODE_IDENTITY;
}

/** Whether a Pod speaks to itself: the specification leaves that open where no rule admits it. */
const isSelf = ({ subject, peer }: Packet): boolean =>
	subject.pod === peer.pod ||
	// A vanished Pod has no object of its own.
	((subject.sibling !== undefined || subject.kind === 'unknown') && subject.name === peer.name && subject.namespace === peer.namespace);

/** "A rule matches traffic if and only if the traffic matches both `ports` AND `from`/`to`." */
function ruleMask(rule: CompiledRule, packet: Packet, unseen: Mask): Mask {
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

/** The answer under one semantics (a mask of one bit), and why. */
export function verdictUnder(
	verdicts: Verdicts,
	one: Mask,
): { readonly verdict: 'allow' | 'deny' | 'unknown'; readonly basis: Basis | null } {
	if (verdicts.unknown & one) return { verdict: 'unknown', basis: null };
	if (!(verdicts.isolated & one)) return { verdict: 'allow', basis: 'not-isolated' };
	if (verdicts.admitted & one) return { verdict: 'allow', basis: 'rule' };
	return verdicts.exempt & one ? { verdict: 'allow', basis: 'exempt' } : { verdict: 'deny', basis: 'no-rule' };
}

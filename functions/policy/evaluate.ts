import { type CompiledRule, type Ends, PROTOCOL, type Protocol, peerMask, portMask } from './clause.ts';
import { type AppliedPolicy, policiesFor } from './compile.ts';
import type { Verdicts } from './finding.ts';
import type { Direction } from './model.ts';
import { ALL, type Mask, NO_REMOTE_NODE_IDENTITY, NONE, SPECIFIED } from './semantics.ts';

/** A flow with both ends resolved: what the engine evaluates. */
export interface ResolvedFlow extends Ends {
	readonly direction: Direction;
	readonly protocol: Protocol;
	/** -1 where there is none. */
	readonly port: number;
}

/** A rule that admits the flow, and under which semantics. */
export interface Admission {
	readonly applied: AppliedPolicy;
	readonly rule: CompiledRule;
	readonly mask: Mask;
}

export interface Evaluation extends Verdicts {
	/** Every rule that admits under some semantics, in the order of the policies. */
	readonly admissions: readonly Admission[];
	readonly policies: readonly AppliedPolicy[];
}

const NO_POLICIES: readonly AppliedPolicy[] = [];
const NO_ADMISSIONS: readonly Admission[] = [];

export const protocolOf = (text: string): Protocol =>
	text === 'TCP' ? PROTOCOL.TCP : text === 'UDP' ? PROTOCOL.UDP : text === 'SCTP' ? PROTOCOL.SCTP : text === 'ICMP' ? PROTOCOL.ICMP : PROTOCOL.OTHER;

/**
 * The verdict of the subject's policies under all semantics at once.
 * `unseen`: what selectors answer for a peer Pod whose labels are not known (NONE, or ALL to find what they may admit).
 */
export function evaluate(flow: ResolvedFlow, unseen: Mask = NONE): Evaluation {
	const { subject, direction } = flow;
	// Only Pods are subject to policies; host-network Pods are not.
	if (!subject.identity) return { isolated: NONE, exempt: NONE, admitted: NONE, unknown: NONE, admissions: NO_ADMISSIONS, policies: NO_POLICIES };
	const { isolated, policies } = policiesFor(subject.identity, direction);
	let admitted = NONE;
	let admissions: Admission[] | undefined;
	for (const applied of policies) {
		for (const rule of applied.rules) {
			const mask = applied.applies & ruleMask(rule, flow, unseen);
			if (mask === NONE) continue;
			admitted |= mask;
			if (admissions) admissions.push({ applied, rule, mask });
			else admissions = [{ applied, rule, mask }];
		}
	}
	const exempt = exemptMask(flow);
	const unknown = isSelf(flow) ? isolated & ~exempt & ~admitted & SPECIFIED : NONE;
	return { isolated, exempt, admitted, unknown, admissions: admissions ?? NO_ADMISSIONS, policies };
}

/**
 * "Traffic is allowed … OR if the traffic source is the pod's local node". A host-network Pod of that node is that node. Without
 * remote-node identity every node, and every host-network Pod, counts as the local one.
 */
function exemptMask({ direction, subject, peer }: ResolvedFlow): Mask {
	if (direction === 'egress' || (peer.kind !== 'node' && peer.kind !== 'host-network-pod')) return NONE;
	return subject.node !== undefined && subject.node === peer.node ? ALL : NO_REMOTE_NODE_IDENTITY;
}

/** Whether a Pod speaks to itself: the specification leaves that open where no rule admits it. */
const isSelf = ({ subject, peer }: ResolvedFlow): boolean => subject.pod !== undefined && subject.pod === peer.pod;

/** "A rule matches traffic if and only if the traffic matches both `ports` AND `from`/`to`." */
export function ruleMask(rule: CompiledRule, flow: ResolvedFlow, unseen: Mask): Mask {
	const ports = portsMask(rule, flow);
	return ports === NONE ? NONE : ports & peersMask(rule, flow, unseen);
}

/** "Each item in this list is combined using a logical OR. If this field is empty or missing, this rule matches all ports." */
export function portsMask({ ports, direction }: CompiledRule, { subject, peer, protocol, port }: ResolvedFlow): Mask {
	if (ports.length === 0) return ALL;
	const destination = direction === 'ingress' ? subject : peer;
	let mask = NONE;
	for (const entry of ports) {
		mask |= portMask(entry, protocol, port, direction, destination);
		if (mask === ALL) return ALL;
	}
	return mask;
}

/** "Items in this list are combined using a logical OR operation. If this field is empty or missing, this rule matches all sources." */
export function peersMask({ peers }: CompiledRule, flow: ResolvedFlow, unseen: Mask): Mask {
	if (peers.length === 0) return ALL;
	let mask = NONE;
	for (const candidate of peers) {
		mask |= peerMask(candidate, flow, unseen);
		if (mask === ALL) return ALL;
	}
	return mask;
}

export type Basis = 'rule' | 'not-isolated' | 'exempt' | 'no-rule';

/** The semantics that deny: isolated, not exempt, and no rule admits. */
export const denied = ({ isolated, exempt, admitted, unknown }: Verdicts): Mask => isolated & ~exempt & ~admitted & ~unknown;

/** The answer under one semantics (a mask of one bit), and why. */
export function verdictUnder(verdicts: Verdicts, one: Mask): { readonly verdict: 'allow' | 'deny' | 'unknown'; readonly basis: Basis | null } {
	if (verdicts.unknown & one) return { verdict: 'unknown', basis: null };
	if (!(verdicts.isolated & one)) return { verdict: 'allow', basis: 'not-isolated' };
	if (verdicts.admitted & one) return { verdict: 'allow', basis: 'rule' };
	return verdicts.exempt & one ? { verdict: 'allow', basis: 'exempt' } : { verdict: 'deny', basis: 'no-rule' };
}

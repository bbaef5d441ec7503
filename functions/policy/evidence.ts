import { type CompiledPeer, type CompiledPort, type CompiledRule, peerConstruct, peerMask, portConstruct, portMask } from './clause.ts';
import type { AppliedPolicy, CompiledPolicy } from './compile.ts';
import type { ConstructId } from './constructs.ts';
import { type Admission, denied, type Evaluation, type ResolvedFlow } from './evaluate.ts';
import type { Evidence } from './finding.ts';
import type { PolicyPeer, PolicyPort } from './model.ts';
import { matchMask } from './selector.ts';
import { CALICO, type Mask, NONE } from './semantics.ts';

/**
 * The second, slower look, where something is to be explained: which part of which policy answers differently under the two sides.
 * Every function takes the evaluation as it is and adds nothing to the verdict.
 */

type Role = Evidence['role'];

const ofPolicy = (role: Role, { source }: CompiledPolicy, flow: ResolvedFlow): Evidence => ({
	role,
	policyKind: 'NetworkPolicy',
	policyNamespace: source.namespace,
	policyName: source.name,
	direction: flow.direction,
});

/** The policies that isolate the subject under any of the semantics. */
export const isolating = ({ policies }: Evaluation, flow: ResolvedFlow, mask: Mask): Evidence[] =>
	policies.filter(({ applies }) => applies & mask).map(({ policy }) => ofPolicy('isolates', policy, flow));

/** The rules that admit the flow under any of the semantics, each with the first peer and port that match. */
export const admitting = ({ admissions }: Evaluation, flow: ResolvedFlow, mask: Mask): Evidence[] =>
	admissions.filter((admission) => admission.mask & mask).map((admission) => ofAdmission(admission, flow, mask));

function ofAdmission({ applied, rule, mask }: Admission, flow: ResolvedFlow, wanted: Mask): Evidence {
	const peer = rule.peers.findIndex((candidate) => peerMask(candidate, flow, NONE) & mask & wanted);
	const port = rule.ports.findIndex((entry) => entryMask(entry, rule, flow) & mask & wanted);
	return {
		...ofPolicy('admits', applied.policy, flow),
		rule: rule.index,
		source: rule.source,
		...(peer >= 0 && { peer }),
		...(port >= 0 && { port }),
		clause: clauseOf(rule, peer, port),
	};
}

const entryMask = (entry: CompiledPort, rule: CompiledRule, { subject, peer, protocol, port, direction }: ResolvedFlow): Mask =>
	portMask(entry, protocol, port, rule.direction, direction === 'ingress' ? subject : peer);

/**
 * What makes `calico` and the candidates differ on this flow, in isolation or in verdict; empty where nothing does. Differences that
 * another policy makes up for are none.
 */
export function differences(evaluation: Evaluation, flow: ResolvedFlow, candidates: Mask): Evidence[] {
	const { isolated, admitted, exempt, admissions, policies } = evaluation;
	const denies = denied(evaluation);
	const found: Evidence[] = [];
	const before = CALICO;
	if (isolated & before) {
		const lost = candidates & ~isolated;
		if (lost) for (const applied of policies) if (applied.applies & before) found.push(...policyBlame('opens', applied, flow, lost));
	} else {
		const gained = candidates & isolated;
		if (gained) for (const applied of policies) if (applied.applies & gained) found.push(...policyBlame('isolates', applied, flow, before));
	}
	if (isolated & before && !(denies & before)) {
		const lost = candidates & denies;
		if (lost) for (const admission of admissions) if (admission.mask & before) found.push(...admissionBlame('void', admission, flow, { works: before, fails: lost }));
	}
	if (denies & before) {
		const gained = candidates & isolated & admitted;
		if (gained)
			for (const admission of admissions)
				if (admission.mask & gained) found.push(...admissionBlame('opens', admission, flow, { works: admission.mask & gained, fails: before }));
		const free = candidates & isolated & exempt & ~admitted;
		if (free) found.push({ role: 'opens', direction: flow.direction, construct: 'ipblock-node', semantics: free, detail: 'without an identity of their own, other nodes count as the local one and reach every Pod' });
	}
	return found;
}

/** Why a policy does not apply to the subject under `fails`, though it does under others: one piece a construct. */
function policyBlame(role: Role, { policy }: AppliedPolicy, flow: ResolvedFlow, fails: Mask): Evidence[] {
	return policyFactors(policy, flow, fails).pieces.map((piece) => ({ ...ofPolicy(role, policy, flow), ...piece }));
}

type Piece = Pick<Evidence, 'construct' | 'semantics' | 'clause' | 'peer' | 'port' | 'rule'>;

/** "What fails first": the policy as a whole, its subject selector, its direction. `rest`: the semantics under which none of them fails. */
function policyFactors(policy: CompiledPolicy, { subject, direction }: ResolvedFlow, fails: Mask): { pieces: Piece[]; rest: Mask } {
	const selected = subject.identity ? matchMask(policy.subjects, subject.identity.values) : NONE;
	const types = direction === 'ingress' ? policy.ingressTypes : policy.egressTypes;
	const factors: readonly (readonly [Mask, ConstructId, string])[] = [
		[policy.accepted, 'sctp-rejected', 'the policy as a whole'],
		[selected, 'label-not-identity', 'podSelector'],
		[types, 'policy-types-overreach', `policyTypes without ${direction === 'ingress' ? 'Ingress' : 'Egress'}`],
	];
	const pieces: Piece[] = [];
	let rest = fails;
	for (const [mask, construct, clause] of factors) {
		const failing = rest & ~mask;
		if (failing) pieces.push({ construct, clause, semantics: failing });
		rest &= mask;
	}
	return { pieces, rest };
}

/** Why a rule that admits under `works` does not under `fails`. */
function admissionBlame(role: Role, { applied, rule }: Admission, flow: ResolvedFlow, { works, fails }: { works: Mask; fails: Mask }): Evidence[] {
	const { pieces, rest } = policyFactors(applied.policy, flow, fails);
	const portsFail = failing(rest, rule.ports, (entry) => entryMask(entry, rule, flow), works);
	if (portsFail.mask) {
		const entry = rule.ports[portsFail.index] as CompiledPort;
		const construct = portConstruct(entry, rule.direction, role === 'void');
		pieces.push({ construct, clause: describePort(entry.source), port: portsFail.index, semantics: portsFail.mask });
	}
	const peersFail = failing(rest & ~portsFail.mask, rule.peers, (peer) => peerMask(peer, flow, NONE), works);
	if (peersFail.mask) {
		const peer = rule.peers[peersFail.index] as CompiledPeer;
		pieces.push({ construct: peerConstruct(peer, flow.peer), clause: describePeer(peer.source), peer: peersFail.index, semantics: peersFail.mask });
	}
	return pieces.map((piece) => ({ ...ofPolicy(role, applied.policy, flow), rule: rule.index, source: rule.source, ...piece }));
}

/** The semantics of `fails` under which no element matches, and the first element that matches where the rule works. */
function failing<T>(fails: Mask, elements: readonly T[], maskOf: (element: T) => Mask, works: Mask): { mask: Mask; index: number } {
	if (elements.length === 0 || fails === NONE) return { mask: NONE, index: -1 };
	const masks = elements.map(maskOf);
	const union = masks.reduce((all, mask) => all | mask, NONE);
	return { mask: fails & ~union, index: masks.findIndex((mask) => mask & works) };
}

function clauseOf(rule: CompiledRule, peer: number, port: number): string {
	const peerText = peer >= 0 ? describePeer((rule.peers[peer] as CompiledPeer).source) : 'every peer';
	return port >= 0 ? `${peerText}, ${describePort((rule.ports[port] as CompiledPort).source)}` : peerText;
}

/** A peer as a person would say it: `ipBlock 10.0.0.0/8 except 10.1.0.0/16`, `podSelector app=web in namespaceSelector team=a`. */
export function describePeer({ ipBlock, podSelector, namespaceSelector }: PolicyPeer): string {
	if (ipBlock) return `ipBlock ${ipBlock.cidr}${ipBlock.except.length > 0 ? ` except ${ipBlock.except.join(', ')}` : ''}`;
	const parts = [podSelector && `podSelector ${describeSelector(podSelector)}`, namespaceSelector && `namespaceSelector ${describeSelector(namespaceSelector)}`];
	return parts.filter((part) => part !== undefined).join(' in ');
}

export function describePort({ protocol, port, endPort }: PolicyPort): string {
	if (port === undefined) return `${protocol} without a port`;
	return `${protocol} ${endPort === undefined ? port : `${port}-${endPort}`}`;
}

function describeSelector({ matchLabels, matchExpressions }: NonNullable<PolicyPeer['podSelector']>): string {
	const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
	const expressions = matchExpressions.map(({ key, operator, values }) => (values.length > 0 ? `${key} ${operator} (${values.join(', ')})` : `${key} ${operator}`));
	return [...labels, ...expressions].join(', ') || '{}';
}

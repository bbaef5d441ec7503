import {
	type CompiledPeer,
	type CompiledPort,
	type CompiledRule,
	type Packet,
	peerConstruct,
	peerMask,
	portConstruct,
	portMask,
} from './clause.ts';
import type { CompiledPolicy } from './compiled-policy.ts';
import type { ConstructId } from './constructs.ts';
import { type Admission, denied, type Evaluation, peersMask } from './evaluate.ts';
import type { Evidence } from './finding.ts';
import type { ResolvedFlow } from './flow.ts';
import type { Direction } from './model.ts';
import { matchMask } from './selector.ts';
import { CALICO, type Mask, NONE } from './semantics.ts';
import type { AppliedPolicy, SubjectPolicies } from './subject.ts';

/**
 * The second, slower look, where something is to be explained: which part of which policy answers differently under the two sides.
 * Every function takes the evaluation as it is and adds nothing to the verdict.
 */

type Role = Evidence['role'];

interface Places {
	readonly peer: number;
	readonly port: number;
}

const ofPolicy = (role: Role, { source }: CompiledPolicy, direction: Direction): Evidence => ({
	role,
	policyKind: 'NetworkPolicy',
	policyNamespace: source.namespace,
	policyName: source.name,
	direction,
});

/** Written out and not spread from `ofPolicy`: every admitted flow makes one. */
const ofRule = (role: Role, { source }: CompiledPolicy, rule: CompiledRule, clause: string): Evidence => ({
	role,
	policyKind: 'NetworkPolicy',
	policyNamespace: source.namespace,
	policyName: source.name,
	direction: rule.direction,
	rule: rule.index,
	source: rule.source,
	clause,
});

/** With the places of a peer and a port in their rule; -1 where it names none. */
function withPlaces<T extends object>(piece: T, { peer, port }: Places): T & Pick<Evidence, 'peer' | 'port'> {
	if (peer < 0) return port < 0 ? piece : { ...piece, port };
	return port < 0 ? { ...piece, peer } : { ...piece, peer, port };
}

/** The policies that isolate the subject under any of the semantics. */
export function isolating({ concerned }: Evaluation, mask: Mask): readonly Evidence[] {
	const { policies } = concerned;
	concerned.isolating ??= isolatingPieces(concerned);
	return concerned.common & mask ? concerned.isolating : isolatingUnder(concerned.isolating, policies, mask);
}

const isolatingPieces = ({ policies, direction }: SubjectPolicies): readonly Evidence[] =>
	policies.map(({ policy }) => ofPolicy('isolates', policy, direction));

const isolatingUnder = (pieces: readonly Evidence[], policies: readonly AppliedPolicy[], mask: Mask): readonly Evidence[] =>
	pieces.filter((_, index) => (policies[index] as AppliedPolicy).applies & mask);

/** The rules that admit the flow under any of the semantics, each with the first peer and port that match. */
export function admitting({ admissions, flow }: Evaluation, mask: Mask): readonly Evidence[] {
	const [first] = admissions;
	if (first && admissions.length === 1) return first.mask & mask ? [ofAdmission(first, flow, mask)] : NO_EVIDENCE;
	return admissions.filter((admission) => admission.mask & mask).map((admission) => ofAdmission(admission, flow, mask));
}

function ofAdmission({ policy, rule, mask, disguise }: Admission, flow: ResolvedFlow, wanted: Mask): Evidence {
	const places = firstMatches(rule, disguise ?? flow, mask & wanted);
	const { admits, ports } = rule;
	const place = (places.peer + 1) * (ports.length + 1) + places.port + 1;
	admits[place] ??= withPlaces(ofRule('admits', policy, rule, clauseOf(rule, places)), places);
	return admits[place];
}

/** The first peer and port of a rule that match under any of the semantics. */
function firstMatches({ peers, ports }: CompiledRule, packet: Packet, mask: Mask): Places {
	let peer = 0;
	while (peer < peers.length && !(peerMask(peers[peer] as CompiledPeer, packet, NONE) & mask)) peer++;
	let port = 0;
	while (port < ports.length && !(portMask(ports[port] as CompiledPort, packet, NONE) & mask)) port++;
	return { peer: peer < peers.length ? peer : -1, port: port < ports.length ? port : -1 };
}

const NO_EVIDENCE: readonly Evidence[] = [];
const isEven = (mask: Mask, among: Mask): boolean => (mask & among) === NONE || (mask & among) === among;

/**
 * What makes `calico` and the candidates differ on this flow, in isolation or in verdict; empty where nothing does. Differences that
 * another policy makes up for are none.
 */
export function differences(evaluation: Evaluation, candidates: Mask): readonly Evidence[] {
	const { isolated, admitted, exempt, admissions, concerned, flow } = evaluation;
	const { policies } = concerned;
	const denies = denied(evaluation);
	const before = CALICO;
	if (isEven(isolated, before | candidates) && isEven(denies, before | candidates)) return NO_EVIDENCE;
	const found: Evidence[] = [];
	if (isolated & before) {
		const lost = candidates & ~isolated;
		if (lost) for (const applied of policies) if (applied.applies & before) found.push(...policyBlame('opens', applied, flow, lost));
	} else {
		const gained = candidates & isolated;
		if (gained)
			for (const applied of policies)
				if (applied.applies & gained)
					found.push(...policyBlame('isolates', applied, flow, before).map(holdingUnder(applied.applies & gained)));
	}
	if (isolated & before && !(denies & before)) {
		const lost = candidates & denies;
		if (lost)
			for (const admission of admissions)
				if (admission.mask & before) found.push(...admissionBlame('void', admission, flow, { works: before, fails: lost }));
	}
	if (denies & before) {
		const gained = candidates & isolated & admitted;
		if (gained)
			for (const admission of admissions)
				if (admission.mask & gained) {
					const works = admission.mask & gained;
					found.push(...admissionBlame('opens', admission, flow, { works, fails: before }).map(holdingUnder(works)));
				}
		const free = candidates & isolated & exempt & ~admitted;
		if (free)
			found.push({
				role: 'opens',
				direction: flow.direction,
				construct: 'ipblock-node',
				semantics: free,
				detail: 'without an identity of their own, other nodes count as the local one and reach every Pod',
			});
	}
	return found;
}

/** What is gained holds where it works, not where it fails. */
const holdingUnder =
	(semantics: Mask) =>
	(piece: Evidence): Evidence => ({ ...piece, semantics });

/** Why a policy does not apply to the subject under `fails`, though it does under others: one piece a construct. */
function policyBlame(role: Role, { policy }: AppliedPolicy, flow: ResolvedFlow, fails: Mask): Evidence[] {
	return policyFactors(policy, flow, fails).pieces.map((piece) => ({ ...ofPolicy(role, policy, flow.direction), ...piece }));
}

type Piece = Pick<Evidence, 'construct' | 'semantics' | 'peer' | 'port' | 'rule'> & { readonly clause: string };

/** "What fails first": the policy as a whole, its subject selector, its direction. `rest`: the semantics under which none of them fails. */
function policyFactors(policy: CompiledPolicy, { subject, direction }: ResolvedFlow, fails: Mask): { pieces: Piece[]; rest: Mask } {
	const selected = matchMask(policy.subjects, subject.labelSet);
	const types = policy.types[direction];
	// Nearly always the policy is not to blame.
	if ((policy.accepted & selected & types & fails) === fails) return { pieces: [], rest: fails };
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
function admissionBlame(role: Role, admission: Admission, flow: ResolvedFlow, { works, fails }: { works: Mask; fails: Mask }): Evidence[] {
	const { policy, rule, disguise } = admission;
	const { pieces, rest } = policyFactors(policy, flow, fails);
	if (disguise && works & CALICO) {
		const places = firstMatches(rule, disguise, CALICO);
		if (rest) pieces.push(withPlaces({ construct: disguise.construct, clause: clauseOf(rule, places), semantics: rest }, places));
	} else pieces.push(...ruleFactors(role, rule, flow, { works, fails: rest }));
	return pieces.map((piece) => ({ ...ofRule(role, policy, rule, piece.clause), ...piece }));
}

/** The port entry that fails, then the peer that fails. */
function ruleFactors(role: Role, rule: CompiledRule, flow: ResolvedFlow, { works, fails }: { works: Mask; fails: Mask }): Piece[] {
	const pieces: Piece[] = [];
	const ports = failing(fails, rule.ports, (entry) => portMask(entry, flow, NONE), works);
	if (ports.mask) {
		const entry = rule.ports[ports.index] as CompiledPort;
		const construct = portConstruct(entry, rule.direction, role === 'void');
		pieces.push({ construct, clause: entry.text, port: ports.index, semantics: ports.mask });
	}
	const peers = failing(fails & ~ports.mask, rule.peers, (peer) => peerMask(peer, flow, NONE), works);
	if (peers.mask) {
		const peer = rule.peers[peers.index] as CompiledPeer;
		pieces.push({ construct: peerConstruct(peer, flow), clause: peer.text, peer: peers.index, semantics: peers.mask });
	}
	return pieces;
}

/** The semantics of `fails` under which no element matches, and the first element that matches where the rule works. */
function failing<T>(fails: Mask, elements: readonly T[], maskOf: (element: T) => Mask, works: Mask): { mask: Mask; index: number } {
	if (elements.length === 0 || fails === NONE) return { mask: NONE, index: -1 };
	const masks = elements.map(maskOf);
	const union = masks.reduce((all, mask) => all | mask, NONE);
	return { mask: fails & ~union, index: masks.findIndex((mask) => mask & works) };
}

function clauseOf(rule: CompiledRule, { peer, port }: Places): string {
	const peerText = peer >= 0 ? (rule.peers[peer] as CompiledPeer).text : 'every peer';
	return port >= 0 ? `${peerText}, ${(rule.ports[port] as CompiledPort).text}` : peerText;
}

/**
 * The rule that comes nearest to admitting a denied flow before the move: its ports match and no peer does, else its peers match and no
 * port does. `clause` names what does not match.
 */
export function nearMiss({ concerned, near, flow }: Evaluation): Evidence | undefined {
	const applied =
		concerned.rules[near] ?? concerned.rules.find(({ applies, rule }) => applies & CALICO && peersMask(rule, flow, NONE) & CALICO);
	return applied && ofRule('near-miss', applied.policy, applied.rule, near < 0 ? 'ports' : 'peers');
}

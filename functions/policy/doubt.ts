import { toEnd } from './end.ts';
import { type Assumptions, type Evaluation, evaluate } from './evaluate.ts';
import type { Evidence, MissingFact, Verdicts } from './finding.ts';
import { isResolver, type ResolvedFlow } from './flow.ts';
import { type Identity, identifyUnseen } from './identity.ts';
import type { PodState } from './model.ts';
import { type DirectionEffects, mayDecide, type OtherEffects } from './other.ts';
import { mayPass } from './other-port.ts';
import { matchMask } from './selector.ts';
import { ALL, CALICO, CILIUM, type Mask, NONE } from './semantics.ts';

/** A fact that is not known, and what its other value would do to the verdicts: isolate, admit or deny, under those semantics. */
export interface Doubt {
	readonly fact: MissingFact;
	readonly isolates: Mask;
	readonly admits: Mask;
	readonly denies: Mask;
	readonly evidence?: Evidence;
}

const NO_DOUBTS: readonly Doubt[] = [];

/** What is not known about this flow; empty for nearly every one. */
export function doubtsOf(evaluation: Evaluation): readonly Doubt[] {
	const { snapshot, subject, peer, disguises } = evaluation.flow;
	const bothEnds = peer.kind !== 'unknown' && subject.kind !== 'unknown';
	if (snapshot.complete && bothEnds && evaluation.unknown === NONE && disguises.length === 0) return NO_DOUBTS;
	const { identity } = subject.endpoint;
	return identity ? findDoubts(evaluation, identity) : NO_DOUBTS;
}

/** Apart from `doubtsOf`, which every flow calls: a closure in there would be paid for at each call. */
function findDoubts(evaluation: Evaluation, identity: Identity): readonly Doubt[] {
	const { flow } = evaluation;
	const { snapshot, subject, peer, disguises } = flow;
	const { others, state } = snapshot;
	const unsure = disguises.some(({ sure }) => !sure);
	const more = (applies: boolean, fact: MissingFact, assumptions: Assumptions): Doubt[] => {
		const admits = applies ? evaluate(flow, assumptions).admitted & ~evaluation.admitted : NONE;
		return admits === NONE ? [] : [{ fact, isolates: NONE, admits, denies: NONE }];
	};
	const unseen = { unseen: ALL, disguised: false };
	return [
		...(subject.kind === 'unknown' ? [unknownSubject(evaluation, identity)] : []),
		...unreadablePolicies(flow, identity),
		...others.flatMap((other) => otherPolicy(other, flow, identity)),
		...state.unreadableKinds.filter(mayDecide).map(unreadableKind),
		...more(peer.kind === 'unknown', 'unknown-peer', unseen),
		...more(peer.endpoint.identity?.namespace.known === false, 'unknown-namespace', unseen),
		...more(unsure, 'dns-cache-unknown', { unseen: NONE, disguised: true }),
		...(evaluation.unknown ? [{ fact: 'self-traffic', isolates: NONE, admits: evaluation.unknown, denies: NONE } as const] : []),
	];
}

/** The policies that select some Pods of the subject's namespace may isolate it and admit; its own node is not known, nor are its ports. */
function unknownSubject({ flow, isolated, admitted }: Evaluation, { namespace }: Identity): Doubt {
	const endpoint = { ...flow.subject.endpoint, identity: identifyUnseen(flow.snapshot.identities, namespace, 'any-pod') };
	const subject = toEnd(endpoint, flow.subject.ip);
	const most = evaluate({ ...flow, subject }, { unseen: ALL, disguised: true });
	const onNode = endpoint.node === undefined && (flow.peer.kind === 'node' || flow.peer.kind === 'host-network-pod');
	const exempt = onNode && flow.direction === 'ingress' ? ALL : NONE;
	return { fact: 'unknown-subject', isolates: most.isolated & ~isolated, admits: (most.admitted | exempt) & ~admitted, denies: NONE };
}

function unreadablePolicies({ direction }: ResolvedFlow, identity: Identity): Doubt[] {
	return identity.namespace.unreadable.flatMap(({ source, subjects }) => {
		const selects = subjects ? matchMask(subjects, identity.labelSet) : ALL;
		if (selects === NONE) return [];
		const { namespace, name, reason } = source;
		const evidence: Evidence = {
			role: 'may-decide',
			policyKind: 'NetworkPolicy',
			policyNamespace: namespace,
			policyName: name,
			direction,
			detail: reason,
		};
		return [{ fact: 'unreadable-policy', isolates: selects, admits: selects, denies: NONE, evidence }];
	});
}

/** A policy of another kind that selects the subject and could decide this port in this direction. */
function otherPolicy({ policy, acts, selects, ingress, egress }: OtherEffects, flow: ResolvedFlow, { namespace }: Identity): Doubt[] {
	const { subject, direction } = flow;
	const effects = direction === 'ingress' ? ingress : egress;
	const pod = subject.endpoint.pod as PodState;
	if (!selects(pod.labels, { name: namespace.name, labels: namespace.labels })) return [];
	const { isolates, admits, denies } = possibleEffects(effects, flow);
	if (!isolates && !admits && !denies) return [];
	const evidence: Evidence = {
		role: 'may-decide',
		policyKind: policy.kind,
		...(policy.namespace !== undefined && { policyNamespace: policy.namespace }),
		policyName: policy.name,
		direction,
		...(acts === CALICO && { construct: 'calico-crd' }),
	};
	const under = (possible: boolean): Mask => (possible ? acts : NONE);
	return [{ fact: 'other-policy-kind', isolates: under(isolates), admits: under(admits), denies: under(denies), evidence }];
}

function possibleEffects(effects: DirectionEffects, { peer, protocol, port }: ResolvedFlow) {
	const text = (['TCP', 'UDP', 'SCTP', 'ICMP', 'OTHER'] as const)[protocol];
	const insideCluster = peer.kind === 'pod' || peer.kind === 'host-network-pod' || peer.kind === 'node' || peer.kind === 'unknown';
	const reaches = !effects.outsideOnly || !insideCluster;
	// An FQDN policy admits DNS to the cluster's resolvers implicitly.
	const implicitly = effects.outsideOnly && port === 53 && mayResolve(peer);
	return {
		isolates: effects.isolates,
		admits: implicitly || (reaches && mayPass(effects.admits, text, port)),
		denies: mayPass(effects.denies, text, port),
	};
}

/** The resolvers that FQDN policies admit: kube-dns, node-local-dns, the metadata server and the cache's address. */
const mayResolve = (peer: ResolvedFlow['peer']): boolean =>
	peer.kind === 'well-known' || peer.kind === 'service' || peer.kind === 'node' || peer.kind === 'unknown' || isResolver(peer);

function unreadableKind(kind: string): Doubt {
	const acts = /calico/i.test(kind) ? CALICO : kind === 'NetworkPolicy' ? ALL : CALICO | CILIUM;
	return { fact: 'unreadable-kind', isolates: acts, admits: acts, denies: acts, evidence: { role: 'may-decide', policyKind: kind } };
}

/** Every verdict that some value of these facts gives; the first is that of leaving all of them out. */
export function possibleVerdicts(doubts: readonly Doubt[], verdicts: Verdicts): Verdicts[] {
	const union = (effect: 'isolates' | 'admits' | 'denies') => doubts.reduce((mask, doubt) => mask | doubt[effect], NONE);
	const [isolates, admits, denies] = [union('isolates'), union('admits'), union('denies')];
	const possible: Verdicts[] = [];
	for (const isolated of isolates ? [NONE, isolates] : [NONE])
		for (const admitted of admits ? [NONE, admits] : [NONE])
			for (const denied of denies ? [NONE, denies] : [NONE])
				possible.push({
					isolated: verdicts.isolated | isolated | denied,
					exempt: verdicts.exempt & ~denied,
					admitted: (verdicts.admitted | admitted) & ~denied,
					unknown: NONE,
				});
	return possible;
}

import type { CompiledRule } from './clause.ts';
import type { CompiledPolicy } from './compiled-policy.ts';
import type { Address } from './ip.ts';
import type { Direction, Labels, PodState, ServiceState, UnreadablePolicy } from './model.ts';
import type { ResolvedEnd } from './resolve.ts';
import { type CompiledSelector, matchMask, type Vocabulary, valuesOf } from './selector.ts';
import { type Mask, NONE } from './semantics.ts';

/** A Namespace as selectors see it, and the policies in it. */
export interface CompiledNamespace {
	readonly index: number;
	readonly name: string;
	readonly labels: Labels;
	readonly values: readonly number[];
	readonly policies: CompiledPolicy[];
	/** Policies that apply to an additional network's interfaces only. */
	readonly otherNetworks: CompiledPolicy[];
	readonly unreadable: UnreadableSelector[];
	readonly services: ServiceState[];
	readonly pods: Map<string, CompiledPod>;
	/** One Pod of each workload, by what `sibling.ts` asks for; made when first asked for. */
	siblings: ReadonlyMap<string, CompiledPod> | undefined;
}

/** Namespace and mentioned labels: all that a selector can know of a Pod. Pods that share them share this. */
export interface Identity {
	readonly namespace: CompiledNamespace;
	readonly values: readonly number[];
	/** The policies that concern a subject of this identity, by direction; made when first asked for. */
	ingress: SubjectPolicies | undefined;
	egress: SubjectPolicies | undefined;
}

export interface SubjectPolicies {
	/** The semantics under which the subject is isolated in that direction. */
	readonly isolated: Mask;
	readonly policies: readonly AppliedPolicy[];
}

/** A policy that selects a subject and has that direction, under some semantics at least. */
export interface AppliedPolicy {
	readonly policy: CompiledPolicy;
	readonly rules: readonly CompiledRule[];
	readonly applies: Mask;
}

export interface CompiledPod {
	readonly state: PodState;
	readonly identity: Identity;
	readonly addresses: readonly Address[];
	/** The end of a flow with the Pod's primary address; made when first asked for. */
	end: ResolvedEnd | undefined;
}

interface UnreadableSelector {
	readonly source: UnreadablePolicy;
	/** Absent: it may select any Pod of its namespace. */
	readonly subjects?: CompiledSelector;
}

/** All identities of a snapshot, by what they are made of. */
export interface Identities {
	readonly vocabulary: Vocabulary;
	readonly known: Map<string, Identity>;
}

/** The identity of a Pod with those labels. Finite: one for each namespace and combination of mentioned values. */
export function identify({ vocabulary, known }: Identities, namespace: CompiledNamespace, labels: Labels): Identity {
	const values = valuesOf(vocabulary, labels);
	const key = `${namespace.index} ${values.join(' ')}`;
	let identity = known.get(key);
	if (!identity) {
		identity = { namespace, values, ingress: undefined, egress: undefined };
		known.set(key, identity);
	}
	return identity;
}

/**
 * The policies that concern a subject in that direction, found once an identity.
 * "A Pod is isolated … if there is any NetworkPolicy that both selects the pod and has [the direction] in its policyTypes."
 */
export function policiesFor(identity: Identity, direction: Direction): SubjectPolicies {
	const known = direction === 'ingress' ? identity.ingress : identity.egress;
	if (known) return known;
	let isolated = NONE;
	const policies: AppliedPolicy[] = [];
	for (const policy of identity.namespace.policies) {
		const types = direction === 'ingress' ? policy.ingressTypes : policy.egressTypes;
		const applies = types & policy.accepted & matchMask(policy.subjects, identity.values);
		if (applies === NONE) continue;
		isolated |= applies;
		policies.push({ policy, rules: direction === 'ingress' ? policy.ingress : policy.egress, applies });
	}
	const found = { isolated, policies };
	if (direction === 'ingress') identity.ingress = found;
	else identity.egress = found;
	return found;
}

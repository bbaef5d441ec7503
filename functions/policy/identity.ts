import type { CompiledRule } from './clause.ts';
import type { CompiledPolicy } from './compiled-policy.ts';
import type { ResolvedEnd } from './end.ts';
import type { Evidence } from './finding.ts';
import type { Direction, Labels, PodState, ServiceState, UnreadablePolicy } from './model.ts';
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
	/** Each Pod by name, as the end of a flow with its primary address. */
	readonly pods: Map<string, ResolvedEnd>;
	/** One Pod of each workload, by what `sibling.ts` asks for; made when first asked for. */
	siblings: ReadonlyMap<string, PodState> | undefined;
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
	readonly direction: Direction;
	/** The semantics under which the subject is isolated in that direction. */
	readonly isolated: Mask;
	readonly policies: readonly AppliedPolicy[];
	/** The rules of all of them, in order. */
	readonly rules: readonly AppliedRule[];
	/** Shared by all findings that rest on them: one piece a policy that isolates, made when first asked for. */
	isolating: readonly Evidence[] | undefined;
}

/** A rule of a policy that applies. */
export interface AppliedRule {
	readonly policy: CompiledPolicy;
	readonly applies: Mask;
	readonly rule: CompiledRule;
}

/** A policy that selects a subject and has that direction, under some semantics at least. */
export interface AppliedPolicy {
	readonly policy: CompiledPolicy;
	readonly applies: Mask;
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
	const rules: AppliedRule[] = [];
	for (const policy of identity.namespace.policies) {
		const types = direction === 'ingress' ? policy.ingressTypes : policy.egressTypes;
		const applies = types & policy.accepted & matchMask(policy.subjects, identity.values);
		if (applies === NONE) continue;
		isolated |= applies;
		policies.push({ policy, applies });
		for (const rule of policy[direction]) rules.push({ policy, applies, rule });
	}
	const found: SubjectPolicies = { direction, isolated, policies, rules, isolating: undefined };
	if (direction === 'ingress') identity.ingress = found;
	else identity.egress = found;
	return found;
}

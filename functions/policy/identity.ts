import type { CompiledPolicy } from './compiled-policy.ts';
import type { Endpoint } from './endpoint.ts';
import type { Direction, Labels, ServiceState, UnreadablePolicy } from './model.ts';
import { type CompiledSelector, type LabelSet, labelSetOf, matchMask, type Vocabulary } from './selector.ts';
import { NONE } from './semantics.ts';
import { shared } from './shared.ts';
import { type AppliedPolicy, addSubject, type RuleTable, type SubjectPolicies } from './subject.ts';

/** A Namespace as selectors see it, and the policies in it. */
export interface CompiledNamespace {
	readonly index: number;
	readonly name: string;
	/** The snapshot holds its object. If not, only its name is known of its labels. */
	readonly known: boolean;
	readonly labels: Labels;
	readonly labelSet: LabelSet;
	readonly policies: CompiledPolicy[];
	/** Policies that apply to an additional network's interfaces only. */
	readonly otherNetworks: CompiledPolicy[];
	readonly unreadable: UnreadableSelector[];
	readonly services: ServiceState[];
	/** Each Pod by name. */
	readonly pods: Map<string, Endpoint>;
	readonly table: RuleTable;
	/** What concerns its Pods, by the policies that select them: identities that the same policies select share it. */
	readonly subjects: Map<string, SubjectPolicies>;
	/** Pods of each workload, by what `sibling.ts` asks for; made when first asked for. */
	siblings: ReadonlyMap<string, readonly Endpoint[]> | undefined;
}

/** Namespace and mentioned labels: all that a selector can know of a Pod. Pods that share them share this. */
export interface Identity {
	readonly namespace: CompiledNamespace;
	readonly labelSet: LabelSet;
	/** The policies that concern a subject of this identity, by direction; made when first asked for. */
	ingress: SubjectPolicies | undefined;
	egress: SubjectPolicies | undefined;
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
	const labelSet = labelSetOf(vocabulary, labels);
	return shared(known, `${namespace.index} ${labelSet}`, () => ({ namespace, labelSet, ingress: undefined, egress: undefined }));
}

/**
 * The policies that concern a subject in that direction, found once an identity.
 * "A Pod is isolated … if there is any NetworkPolicy that both selects the pod and has [the direction] in its policyTypes."
 */
export function policiesFor(identity: Identity, direction: Direction): SubjectPolicies {
	if (direction === 'ingress') {
		identity.ingress ??= findPolicies(identity, direction);
		return identity.ingress;
	}
	identity.egress ??= findPolicies(identity, direction);
	return identity.egress;
}

function findPolicies({ namespace, labelSet }: Identity, direction: Direction): SubjectPolicies {
	const policies: AppliedPolicy[] = [];
	let key: string = direction;
	for (const [index, policy] of namespace.policies.entries()) {
		const applies = policy.types[direction] & policy.accepted & matchMask(policy.subjects, labelSet);
		if (applies === NONE) continue;
		policies.push({ policy, applies });
		key += ` ${index}:${applies}`;
	}
	return shared(namespace.subjects, key, () => addSubject(namespace.table, policies, direction));
}

/**
 * The identity of a Pod of that namespace whose labels are not known: concerned by the policies that select every Pod, or by all that
 * may select it.
 */
export function identifyUnseen(identities: Identities, namespace: CompiledNamespace, by: 'every-pod' | 'any-pod'): Identity {
	const of = (direction: Direction) =>
		addSubject(
			namespace.table,
			namespace.policies
				.filter(({ subjects }) => by === 'any-pod' || subjects.requirements.length === 0)
				.map((policy) => ({ policy, applies: policy.accepted & policy.types[direction] }))
				.filter(({ applies }) => applies !== NONE),
			direction,
		);
	return shared(identities.known, `${namespace.index} ${by}`, () => ({
		...identify(identities, namespace, {}),
		ingress: of('ingress'),
		egress: of('egress'),
	}));
}

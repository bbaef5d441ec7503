import type { CompiledRule, Protocol } from './clause.ts';
import type { CompiledPolicy } from './compiled-policy.ts';
import type { ResolvedEnd } from './end.ts';
import type { Evidence } from './finding.ts';
import type { Direction, Labels, ServiceState, UnreadablePolicy } from './model.ts';
import { type CompiledSelector, matchMask, type Vocabulary, valuesOf } from './selector.ts';
import { ALL, type Mask, NONE } from './semantics.ts';
import { shared } from './shared.ts';

/** A Namespace as selectors see it, and the policies in it. */
export interface CompiledNamespace {
	readonly index: number;
	readonly name: string;
	/** The snapshot holds its object. If not, only its name is known of its labels. */
	readonly known: boolean;
	readonly labels: Labels;
	readonly values: readonly number[];
	readonly policies: CompiledPolicy[];
	/** Policies that apply to an additional network's interfaces only. */
	readonly otherNetworks: CompiledPolicy[];
	readonly unreadable: UnreadableSelector[];
	readonly services: ServiceState[];
	/** Each Pod by name, as the end of a flow with its primary address. */
	readonly pods: Map<string, ResolvedEnd>;
	/** What concerns its Pods, by the policies that select them: identities that the same policies select share it. */
	readonly subjects: Map<string, SubjectPolicies>;
	/** Pods of each workload, by what `sibling.ts` asks for; made when first asked for. */
	siblings: ReadonlyMap<string, readonly ResolvedEnd[]> | undefined;
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
	/** The semantics under which every one of the policies applies. */
	readonly common: Mask;
	readonly policies: readonly AppliedPolicy[];
	/** The rules of all of them, in order. */
	readonly rules: readonly AppliedRule[];
	/** Those of them whose ports may match, by `portKey`: what a flow has to look at. Other ports: `elsewhere`. */
	readonly byPort: ReadonlyMap<number, readonly AppliedRule[]>;
	readonly elsewhere: readonly AppliedRule[];
	/** Shared by all findings that rest on them: one piece a policy that isolates, made when first asked for. */
	isolating: readonly Evidence[] | undefined;
}

/** A rule of a policy that applies. */
export interface AppliedRule {
	readonly applies: Mask;
	readonly peers: CompiledRule['peers'];
	readonly ports: CompiledRule['ports'];
	readonly rule: CompiledRule;
	readonly policy: CompiledPolicy;
	/** All of its port entries are single numbers: where `byPort` has it, its ports match under every semantics. */
	readonly numeric: boolean;
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
	/** The values of labels by their content: the same few in every namespace, which so stay near in memory. */
	readonly values: Map<string, readonly number[]>;
}

/** The identity of a Pod with those labels. Finite: one for each namespace and combination of mentioned values. */
export function identify({ vocabulary, known, values }: Identities, namespace: CompiledNamespace, labels: Labels): Identity {
	const own = valuesOf(vocabulary, labels);
	const content = own.join(' ');
	return shared(known, `${namespace.index} ${content}`, () => ({
		namespace,
		values: shared(values, content, () => own),
		ingress: undefined,
		egress: undefined,
	}));
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

/** Apart from `policiesFor`, which every flow calls: a closure in there would be paid for at each call. */
function findPolicies({ namespace, values }: Identity, direction: Direction): SubjectPolicies {
	const policies: AppliedPolicy[] = [];
	let key: string = direction;
	for (const [index, policy] of namespace.policies.entries()) {
		const applies = policy.types[direction] & policy.accepted & matchMask(policy.subjects, values);
		if (applies === NONE) continue;
		policies.push({ policy, applies });
		key += ` ${index}:${applies}`;
	}
	return shared(namespace.subjects, key, () => concern(policies, direction));
}

/**
 * The identity of a Pod of that namespace whose labels are not known: concerned by the policies that select every Pod, or by all that
 * may select it.
 */
export function identifyUnseen(identities: Identities, namespace: CompiledNamespace, by: 'every-pod' | 'any-pod'): Identity {
	const of = (direction: Direction) =>
		concern(
			namespace.policies
				.filter(({ subjects }) => by === 'any-pod' || subjects.length === 0)
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

function concern(policies: readonly AppliedPolicy[], direction: Direction): SubjectPolicies {
	const isolated = policies.reduce((mask, { applies }) => mask | applies, NONE);
	const rules = policies.flatMap(({ policy, applies }) =>
		policy[direction].map((rule) => ({ applies, peers: rule.peers, ports: rule.ports, rule, policy, numeric: isNumeric(rule) })),
	);
	const common = policies.reduce((mask, { applies }) => mask & applies, ALL);
	return { direction, isolated, common, policies, rules, ...indexPorts(rules), isolating: undefined };
}

/** A protocol and a port as one number. A flow without a port has -1. */
export const portKey = (protocol: Protocol, port: number): number => protocol * 0x20000 + port;

const isNumeric = ({ ports }: CompiledRule): boolean => ports.length > 0 && ports.every(({ first, last }) => first >= 0 && first === last);

function indexPorts(rules: readonly AppliedRule[]): Pick<SubjectPolicies, 'byPort' | 'elsewhere'> {
	const keysOf = ({ rule }: AppliedRule) => rule.ports.map(({ protocol, first }) => portKey(protocol, first));
	const keys = new Set(rules.filter(({ numeric }) => numeric).flatMap(keysOf));
	const candidates = (key: number) => rules.filter((applied) => !applied.numeric || keysOf(applied).includes(key));
	return { byPort: new Map([...keys].map((key) => [key, candidates(key)])), elsewhere: rules.filter(({ numeric }) => !numeric) };
}

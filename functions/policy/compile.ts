import { allPortsMask, type CompiledPeer, type CompiledPort, type CompiledRule, ENFORCES_UNLISTED_DIRECTIONS, PROTOCOL } from './clause.ts';
import { type Address, type Cidr, formatAddress, parseAddress, parseCidr } from './ip.ts';
import type {
	ClusterFacts,
	ClusterState,
	Direction,
	LabelSelector,
	NetworkPolicy,
	PodState,
	PolicyPeer,
	PolicyPort,
	PolicyRule,
	Snapshot,
	UnreadablePolicy,
} from './model.ts';
import type { ResolvedEnd } from './resolve.ts';
import { type CompiledSelector, compileSelector, createVocabulary, isEverything, isNegative, matchMask, mention, type Vocabulary, valuesOf } from './selector.ts';
import { ALL, CILIUM_1_12, CILIUM_TO_1_19, type Mask, NONE } from './semantics.ts';

/** A Namespace as selectors see it, and the policies in it. */
export interface CompiledNamespace {
	readonly index: number;
	readonly name: string;
	readonly values: readonly number[];
	readonly policies: CompiledPolicy[];
	readonly unreadable: UnreadableSelector[];
	readonly pods: Map<string, CompiledPod>;
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

export interface CompiledPolicy {
	/** `namespace/name`. */
	readonly id: string;
	readonly source: NetworkPolicy;
	readonly subjects: CompiledSelector;
	/** The semantics under which the policy is accepted at all. */
	readonly accepted: Mask;
	/** The semantics under which it has the direction: isolates in it, and admits by its rules. */
	readonly ingressTypes: Mask;
	readonly egressTypes: Mask;
	readonly ingress: readonly CompiledRule[];
	readonly egress: readonly CompiledRule[];
}

interface UnreadableSelector {
	readonly source: UnreadablePolicy;
	/** Absent: it may select any Pod of its namespace. */
	readonly subjects?: CompiledSelector;
}

export interface CompiledSnapshot {
	readonly id: string;
	readonly validFrom?: string;
	readonly cluster?: ClusterFacts;
	readonly state: ClusterState;
	readonly namespaces: ReadonlyMap<string, CompiledNamespace>;
	/** Nodes by name, with their parsed addresses. */
	readonly nodes: ReadonlyMap<string, readonly Address[]>;
	/** What has an address, by its one spelling: running Pods first, then nodes, then host-network Pods. */
	readonly byAddress: ReadonlyMap<string, CompiledPod | string>;
}

/**
 * Prepares a snapshot for judging. Pure, and total for every snapshot that `parseSnapshot` accepted; an address that cannot be read is
 * left out.
 */
export function compileSnapshot(snapshot: Snapshot): CompiledSnapshot {
	const { state } = snapshot;
	const vocabularies = mentionAll(state);
	const namespaces = compileNamespaces(state, vocabularies);
	compilePods(state, namespaces, vocabularies.pods);
	const compiler = { ...vocabularies, namespaces, ports: clusterPorts(state.pods) };
	for (const policy of state.policies) namespaces.get(policy.namespace)?.policies.push(compilePolicy(policy, compiler));
	for (const source of state.unreadablePolicies) {
		const subjects = source.podSelector && { subjects: compileSelector(vocabularies.pods, source.podSelector) };
		namespaces.get(source.namespace)?.unreadable.push({ source, ...subjects });
	}
	const nodes = new Map(state.nodes.map(({ name, ips }) => [name, ips.map(parseAddress).filter((address) => address !== undefined)]));
	return {
		id: snapshot.id,
		...(snapshot.validFrom !== undefined && { validFrom: snapshot.validFrom }),
		...(state.cluster && { cluster: state.cluster }),
		state,
		namespaces,
		nodes,
		byAddress: indexAddresses(state, namespaces),
	};
}

interface Vocabularies {
	readonly pods: Vocabulary;
	readonly namespaceLabels: Vocabulary;
}

function mentionAll({ policies, unreadablePolicies }: ClusterState): Vocabularies {
	const pods = createVocabulary(true);
	const namespaceLabels = createVocabulary(false);
	for (const { podSelector } of [...policies, ...unreadablePolicies]) if (podSelector) mention(pods, podSelector);
	for (const policy of policies) {
		for (const rule of [...policy.ingress, ...policy.egress]) {
			for (const peer of rule.peers) {
				if (peer.podSelector) mention(pods, peer.podSelector);
				if (peer.namespaceSelector) mention(namespaceLabels, peer.namespaceSelector);
			}
		}
	}
	return { pods, namespaceLabels };
}

/** Every namespace that something names: one whose object is missing has the label that the API server gives to all. */
function compileNamespaces(state: ClusterState, { namespaceLabels }: Vocabularies): Map<string, CompiledNamespace> {
	const namespaces = new Map<string, CompiledNamespace>();
	const add = (name: string, labels: Readonly<Record<string, string>>) => {
		if (namespaces.has(name)) return;
		const values = valuesOf(namespaceLabels, { 'kubernetes.io/metadata.name': name, ...labels });
		namespaces.set(name, { index: namespaces.size, name, values, policies: [], unreadable: [], pods: new Map() });
	};
	for (const { name, labels } of state.namespaces) add(name, labels);
	for (const { namespace } of [...state.pods, ...state.policies, ...state.unreadablePolicies]) add(namespace, {});
	return namespaces;
}

function compilePods(state: ClusterState, namespaces: ReadonlyMap<string, CompiledNamespace>, vocabulary: Vocabulary): void {
	const identities = new Map<string, Identity>();
	for (const pod of state.pods) {
		const namespace = namespaces.get(pod.namespace);
		if (!namespace) continue;
		const values = valuesOf(vocabulary, pod.labels);
		const key = `${namespace.index} ${values.join(' ')}`;
		let identity = identities.get(key);
		if (!identity) {
			identity = { namespace, values, ingress: undefined, egress: undefined };
			identities.set(key, identity);
		}
		const addresses = pod.ips.map(parseAddress).filter((address) => address !== undefined);
		namespace.pods.set(pod.name, { state: pod, identity, addresses, end: undefined });
	}
}

/** A finished Pod's addresses may belong to another Pod; a host-network Pod's belong to its node. */
function indexAddresses(state: ClusterState, namespaces: ReadonlyMap<string, CompiledNamespace>): Map<string, CompiledPod | string> {
	const index = new Map<string, CompiledPod | string>();
	const pods: CompiledPod[] = [];
	for (const namespace of namespaces.values()) for (const pod of namespace.pods.values()) if (!pod.state.finished) pods.push(pod);
	const add = (ips: readonly string[], holder: CompiledPod | string) => {
		for (const text of ips) {
			const ip = spelling(text);
			if (ip !== undefined && !index.has(ip)) index.set(ip, holder);
		}
	};
	for (const pod of pods) if (!pod.state.hostNetwork) add(pod.state.ips, pod);
	for (const node of state.nodes) add(node.ips, node.name);
	for (const pod of pods) if (pod.state.hostNetwork) add(pod.state.ips, pod);
	return index;
}

/** The one spelling of an address, or `undefined` where it is none. */
function spelling(text: string): string | undefined {
	const address = parseAddress(text);
	return address && (address.family === 4 && !text.includes(':') ? text : formatAddress(address));
}

/**
 * Cilium's cluster-wide table of named ports, up to 1.19: by name and protocol the one number, or -1 where Pods differ. Init containers
 * do not count, nor do host-network Pods, which are no endpoints.
 */
function clusterPorts(pods: readonly PodState[]): Map<string, number> {
	const table = new Map<string, number>();
	for (const pod of pods) {
		if (!pod.ports || pod.hostNetwork) continue;
		for (const { name, port, protocol, init } of pod.ports) {
			if (init !== undefined) continue;
			const key = `${protocol} ${name}`;
			const known = table.get(key);
			if (known === undefined) table.set(key, port);
			else if (known !== port) table.set(key, -1);
		}
	}
	return table;
}

interface Compiler extends Vocabularies {
	readonly namespaces: ReadonlyMap<string, CompiledNamespace>;
	readonly ports: ReadonlyMap<string, number>;
}

function compilePolicy(source: NetworkPolicy, compiler: Compiler): CompiledPolicy {
	const rules = (direction: Direction) => source[direction].map((rule, index) => compileRule({ source, rule, index, direction }, compiler));
	const usesSctp = [...source.ingress, ...source.egress].some(({ ports }) => ports.some(({ protocol }) => protocol === 'SCTP'));
	return {
		id: `${source.namespace}/${source.name}`,
		source,
		subjects: compileSelector(compiler.pods, source.podSelector),
		// 1.12 refuses any policy with SCTP on any port entry of either direction, listed in policyTypes or not.
		accepted: usesSctp ? ALL & ~CILIUM_1_12 : ALL,
		ingressTypes: typesMask(source, 'ingress'),
		egressTypes: typesMask(source, 'egress'),
		ingress: rules('ingress'),
		egress: rules('egress'),
	};
}

/** "List of rule types that the NetworkPolicy relates to": Cilium also enforces rules of a direction that the list leaves out. */
const typesMask = (source: NetworkPolicy, direction: Direction): Mask =>
	source.types.includes(direction) ? ALL : source[direction].length > 0 ? ENFORCES_UNLISTED_DIRECTIONS : NONE;

interface RuleContext {
	readonly source: NetworkPolicy;
	readonly rule: PolicyRule;
	readonly index: number;
	readonly direction: Direction;
}

function compileRule({ source, rule, index, direction }: RuleContext, compiler: Compiler): CompiledRule {
	const own = compiler.namespaces.get(source.namespace)?.index ?? -1;
	const hasPeers = rule.peers.length > 0;
	return {
		index,
		direction,
		source: rule,
		peers: rule.peers.map((peer) => compilePeer(peer, own, compiler)),
		ports: rule.ports.map((port) => compilePort(port, hasPeers, compiler.ports)),
	};
}

function compilePeer(source: PolicyPeer, own: number, { pods, namespaceLabels }: Compiler): CompiledPeer {
	const { ipBlock, podSelector, namespaceSelector } = source;
	const cidr = ipBlock && readCidr(ipBlock.cidr);
	return {
		source,
		...(cidr && { cidr }),
		except: (ipBlock?.except ?? []).map(readCidr).filter((except) => except !== undefined),
		anyAddress: cidr !== undefined && cidr.prefix === 0 && ipBlock?.except.length === 0,
		ownNamespace: namespaceSelector ? -1 : own,
		namespaces: namespaceSelector ? compileSelector(namespaceLabels, namespaceSelector) : [],
		pods: podSelector ? compileSelector(pods, podSelector) : [],
		outside: admitsOutside(podSelector, namespaceSelector) ? CILIUM_TO_1_19 : NONE,
	};
}

const readCidr = (text: string): Cidr | undefined => {
	const cidr = parseCidr(text, false);
	return typeof cidr === 'string' ? undefined : cidr;
};

/** See `negative-namespace-selector`: no requirement of the peer asks for something that only a Pod has. */
const admitsOutside = (podSelector: LabelSelector | undefined, namespaceSelector: LabelSelector | undefined): boolean =>
	namespaceSelector !== undefined &&
	isNegative(namespaceSelector) &&
	(podSelector === undefined || isEverything(podSelector) || isNegative(podSelector));

function compilePort(source: PolicyPort, ruleHasPeers: boolean, clusterPorts: ReadonlyMap<string, number>): CompiledPort {
	const { protocol, port, endPort } = source;
	const first = typeof port === 'number' ? port : -1;
	const clusterNumber = typeof port === 'string' ? clusterPorts.get(`${protocol} ${port}`) : undefined;
	return {
		source,
		protocol: PROTOCOL[protocol],
		first,
		last: endPort ?? first,
		...(typeof port === 'string' && { name: port }),
		allPorts: allPortsMask(ruleHasPeers),
		clusterNumber: clusterNumber ?? -1,
		ambiguous: clusterNumber === -1,
	};
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

import { allPortsMask, type CompiledPeer, type CompiledPort, type CompiledRule, ENFORCES_UNLISTED_DIRECTIONS, PROTOCOL } from './clause.ts';
import { type Address, type Cidr, formatAddress, parseAddress, parseCidr } from './ip.ts';
import type {
	ClusterFacts,
	ClusterState,
	Direction,
	Labels,
	LabelSelector,
	NetworkPolicy,
	PodState,
	PolicyPeer,
	PolicyPort,
	PolicyRule,
	ServiceState,
	Snapshot,
	UnreadablePolicy,
} from './model.ts';
import { compileOthers, type OtherEffects } from './other.ts';
import type { ResolvedEnd } from './resolve.ts';
import { type CompiledSelector, compileSelector, createVocabulary, isEverything, isNegative, matchMask, mention, type Vocabulary, valuesOf } from './selector.ts';
import { ALL, CILIUM_1_12, CILIUM_TO_1_19, type Mask, NONE } from './semantics.ts';

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

export interface CompiledPolicy {
	/** `namespace/name`. */
	readonly id: string;
	readonly source: NetworkPolicy;
	/** The `namespace/name` that logs may give it: its own, and those of annotations. */
	readonly loggedAs: readonly string[];
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
	readonly collectedAt?: string;
	readonly cluster?: ClusterFacts;
	readonly state: ClusterState;
	readonly namespaces: ReadonlyMap<string, CompiledNamespace>;
	/** Nodes by name, with their parsed addresses. */
	readonly nodes: ReadonlyMap<string, readonly Address[]>;
	/** What has an address, by its one spelling: running Pods first, then nodes, then host-network Pods. */
	readonly byAddress: ReadonlyMap<string, CompiledPod | string>;
	/** Services by ClusterIP. */
	readonly services: ReadonlyMap<string, ServiceState>;
	readonly identities: Identities;
	/** Policies of other kinds, as far as it can be told whom they concern. */
	readonly others: readonly OtherEffects[];
}

/** All identities of a snapshot, by what they are made of. */
export interface Identities {
	readonly vocabulary: Vocabulary;
	readonly known: Map<string, Identity>;
}

/**
 * Prepares a snapshot for judging. Pure, and total for every snapshot that `parseSnapshot` accepted; an address that cannot be read is
 * left out.
 */
export function compileSnapshot(snapshot: Snapshot): CompiledSnapshot {
	const { state } = snapshot;
	const vocabularies = mentionAll(state);
	const namespaces = compileNamespaces(state, vocabularies);
	const identities: Identities = { vocabulary: vocabularies.pods, known: new Map() };
	for (const pod of state.pods) {
		const namespace = namespaces.get(pod.namespace);
		const addresses = pod.ips.map(parseAddress).filter((address) => address !== undefined);
		if (!namespace) continue;
		namespace.pods.set(pod.name, { state: pod, identity: identify(identities, namespace, pod.labels), addresses, end: undefined });
	}
	for (const service of state.services) namespaces.get(service.namespace)?.services.push(service);
	const compiler = { ...vocabularies, namespaces, ports: clusterPorts(state.pods) };
	for (const policy of state.policies) {
		const namespace = namespaces.get(policy.namespace);
		(isForOtherNetwork(policy) ? namespace?.otherNetworks : namespace?.policies)?.push(compilePolicy(policy, compiler));
	}
	for (const source of state.unreadablePolicies) {
		const subjects = source.podSelector && { subjects: compileSelector(vocabularies.pods, source.podSelector) };
		namespaces.get(source.namespace)?.unreadable.push({ source, ...subjects });
	}
	const nodes = new Map(state.nodes.map(({ name, ips }) => [name, ips.map(parseAddress).filter((address) => address !== undefined)]));
	return {
		id: snapshot.id,
		...(snapshot.validFrom !== undefined && { validFrom: snapshot.validFrom }),
		...(snapshot.collectedAt !== undefined && { collectedAt: snapshot.collectedAt }),
		...(state.cluster && { cluster: state.cluster }),
		state,
		namespaces,
		nodes,
		byAddress: indexAddresses(state, namespaces),
		services: indexServices(state),
		identities,
		others: compileOthers(state.otherPolicies),
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
	const add = (name: string, own: Labels) => {
		if (namespaces.has(name)) return;
		const labels = { 'kubernetes.io/metadata.name': name, ...own };
		const values = valuesOf(namespaceLabels, labels);
		const empty = { policies: [], otherNetworks: [], unreadable: [], services: [], pods: new Map(), siblings: undefined };
		namespaces.set(name, { index: namespaces.size, name, labels, values, ...empty });
	};
	for (const { name, labels } of state.namespaces) add(name, labels);
	for (const { namespace } of [...state.pods, ...state.policies, ...state.unreadablePolicies, ...state.services]) add(namespace, {});
	return namespaces;
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

function indexServices({ services }: ClusterState): Map<string, ServiceState> {
	const index = new Map<string, ServiceState>();
	for (const service of services)
		for (const text of service.clusterIps ?? []) {
			const ip = spelling(text);
			if (ip !== undefined) index.set(ip, service);
		}
	return index;
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
	const names = [source.name, source.annotations?.['policy.cilium.io/name'], source.annotations?.['io.cilium.name']];
	const usesSctp = [...source.ingress, ...source.egress].some(({ ports }) => ports.some(({ protocol }) => protocol === 'SCTP'));
	return {
		id: `${source.namespace}/${source.name}`,
		source,
		loggedAs: names.filter((name) => name !== undefined).map((name) => `${source.namespace}/${name}`),
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

/** See `multi-network`: such a policy says nothing about the default network. */
const isForOtherNetwork = ({ annotations }: NetworkPolicy): boolean => (annotations?.['networking.gke.io/network'] ?? 'default') !== 'default';

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

import { clusterPorts, compilePolicy, isForOtherNetwork, type Vocabularies } from './compiled-policy.ts';
import { bareEnd, parseAddresses, parseMs, podEnd, type ResolvedEnd, withAddress } from './end.ts';
import { type CompiledNamespace, type Identities, identify } from './identity.ts';
import { type Cidr, formatAddress, parseAddress, parseCidr } from './ip.ts';
import type { ClusterFacts, ClusterState, Labels, NamedPort, Snapshot } from './model.ts';
import { compileOthers, type OtherEffects } from './other.ts';
import { compileSelector, createVocabulary, mention, valuesOf, valuesOfUnseen } from './selector.ts';
import { shared } from './shared.ts';

export interface CompiledSnapshot {
	readonly id: string;
	readonly validFrom?: string;
	/** In ms since 1970; NaN where it is valid at any time. */
	readonly validFromMs: number;
	/** In ms since 1970; NaN where that is not known. */
	readonly collectedMs: number;
	readonly cluster?: ClusterFacts;
	readonly state: ClusterState;
	readonly namespaces: ReadonlyMap<string, CompiledNamespace>;
	/** Nodes by name, as the end of a flow with their first address. */
	readonly nodes: ReadonlyMap<string, ResolvedEnd>;
	/**
	 * What has an address, by its one spelling: running Pods before nodes, nodes before host-network Pods, then Services and well-known ones.
	 * An address that two running Pods have is of an unknown one.
	 */
	readonly byAddress: ReadonlyMap<string, ResolvedEnd>;
	/** The cluster's own ranges of Pod addresses, as far as they are known. */
	readonly podRanges: readonly Cidr[];
	readonly identities: Identities;
	/** Policies of other kinds, as far as it can be told whom they concern. */
	readonly others: readonly OtherEffects[];
}

/**
 * Prepares a snapshot for judging. Pure, and total for every snapshot that `parseSnapshot` accepted; an address that cannot be read is
 * left out.
 */
export function compileSnapshot(snapshot: Snapshot): CompiledSnapshot {
	const { state } = snapshot;
	const vocabularies = mentionAll(state);
	const namespaces = compileNamespaces(state, vocabularies);
	const portLists = new Map<string, readonly NamedPort[]>();
	const identities: Identities = { vocabulary: vocabularies.pods, known: new Map(), values: new Map() };
	for (const pod of state.pods) {
		const namespace = namespaces.get(pod.namespace) as CompiledNamespace;
		const identity = identify(identities, namespace, pod.labels);
		const declared = pod.ports;
		const ports = declared && shared(portLists, contentOf(declared), () => declared);
		namespace.pods.set(pod.name, podEnd(pod, identity, { ip: pod.ips[0], addresses: parseAddresses(pod.ips), ports }));
	}
	for (const service of state.services) namespaces.get(service.namespace)?.services.push(service);
	const compiler = { ...vocabularies, clusterPorts: clusterPorts(state.pods), peers: new Map(), ports: new Map() };
	for (const policy of state.policies) {
		const namespace = namespaces.get(policy.namespace);
		(isForOtherNetwork(policy) ? namespace?.otherNetworks : namespace?.policies)?.push(compilePolicy(policy, compiler));
	}
	for (const source of state.unreadablePolicies) {
		const subjects = source.podSelector && { subjects: compileSelector(vocabularies.pods, source.podSelector) };
		namespaces.get(source.namespace)?.unreadable.push({ source, ...subjects });
	}
	const nodes = new Map(
		state.nodes.map(({ name, ips }) => [name, bareEnd({ kind: 'node', name, ip: ips[0], addresses: parseAddresses(ips), node: name })]),
	);
	return {
		id: snapshot.id,
		...(snapshot.validFrom !== undefined && { validFrom: snapshot.validFrom }),
		validFromMs: parseMs(snapshot.validFrom),
		collectedMs: parseMs(snapshot.collectedAt),
		...(state.cluster && { cluster: state.cluster }),
		state,
		namespaces,
		nodes,
		byAddress: indexAddresses({ state, namespaces, nodes }),
		podRanges: (state.cluster?.podRanges ?? []).map((range) => parseCidr(range, false)).filter((range) => typeof range !== 'string'),
		identities,
		others: compileOthers(state.otherPolicies),
	};
}

/** Most Pods of a cluster declare one of few lists. */
const contentOf = (ports: readonly NamedPort[]): string =>
	JSON.stringify(ports.map(({ name, port, protocol, init }) => [name, port, protocol, init]));

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

/** The label that the API server gives to every Namespace. */
const NAME_LABEL = 'kubernetes.io/metadata.name';

/** Every namespace that something names: one whose object is missing has the label that the API server gives to all. */
function compileNamespaces(state: ClusterState, { namespaceLabels }: Vocabularies): Map<string, CompiledNamespace> {
	const namespaces = new Map<string, CompiledNamespace>();
	const add = (name: string, own?: Labels) => {
		if (namespaces.has(name)) return;
		const labels = { [NAME_LABEL]: name, ...own };
		const values = own ? valuesOf(namespaceLabels, labels) : valuesOfUnseen(namespaceLabels, NAME_LABEL, name);
		const empty = {
			policies: [],
			otherNetworks: [],
			unreadable: [],
			services: [],
			pods: new Map(),
			subjects: new Map(),
			siblings: undefined,
		};
		namespaces.set(name, { index: namespaces.size, name, known: own !== undefined, labels, values, ...empty });
	};
	for (const { name, labels } of state.namespaces) add(name, labels);
	for (const { namespace } of [...state.pods, ...state.policies, ...state.unreadablePolicies, ...state.services]) add(namespace);
	return namespaces;
}

/** Addresses that mean the same in every GKE cluster. */
const WELL_KNOWN = [
	['169.254.169.254', 'metadata server'],
	['169.254.169.252', 'metadata server'],
	['169.254.20.10', 'node-local DNS'],
] as const;

/** A finished Pod's addresses may belong to another Pod; a host-network Pod's belong to its node. */
function indexAddresses({ state, namespaces, nodes }: Pick<CompiledSnapshot, 'state' | 'namespaces' | 'nodes'>): Map<string, ResolvedEnd> {
	const index = new Map<string, ResolvedEnd>();
	const add = (ips: readonly string[], end: ResolvedEnd) => {
		for (const text of ips) {
			const ip = spelling(text);
			if (ip === undefined) continue;
			const known = index.get(ip);
			if (!known) index.set(ip, text === end.ip ? end : withAddress(end, text));
			else if (end.kind === 'pod' && known.pod !== end.pod) index.set(ip, bareEnd({ kind: 'unknown', ip }));
		}
	};
	const running = [...namespaces.values()].flatMap(({ pods }) =>
		[...pods.values()].flatMap((end) => (end.pod && !end.pod.finished ? { end, ips: end.pod.ips } : [])),
	);
	for (const { end, ips } of running) if (end.identity) add(ips, end);
	for (const { name, ips } of state.nodes) add(ips, nodes.get(name) as ResolvedEnd);
	for (const { end, ips } of running) if (!end.identity) add(ips, end);
	for (const { namespace, name, clusterIps = [] } of state.services)
		for (const ip of clusterIps) add([ip], bareEnd({ kind: 'service', namespace, name, ip }));
	for (const [ip, name] of WELL_KNOWN) add([ip], bareEnd({ kind: 'well-known', name, ip }));
	return index;
}

/** The one spelling of an address, or `undefined` where it is none. */
function spelling(text: string): string | undefined {
	const address = parseAddress(text);
	return address && (address.family === 4 && !text.includes(':') ? text : formatAddress(address));
}

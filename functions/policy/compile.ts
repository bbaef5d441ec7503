import { clusterPorts, compilePolicy, isForOtherNetwork, type Vocabularies } from './compiled-policy.ts';
import { bareEndpoint, type Endpoint, parseMs, podEndpoint } from './endpoint.ts';
import { type Endpoints, indexEndpoints } from './endpoints.ts';
import { type CompiledNamespace, type Identities, identify } from './identity.ts';
import { type Cidr, parseCidr } from './ip.ts';
import type { ClusterFacts, ClusterState, Labels, NamedPort, Snapshot } from './model.ts';
import { compileOthers, type OtherEffects } from './other.ts';
import { compileSelector, createVocabulary, labelSetOf, labelSetOfUnseen, mention } from './selector.ts';
import { shared } from './shared.ts';
import type { RuleTable } from './subject.ts';

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
	/** The same by their index. */
	readonly namespaceList: readonly CompiledNamespace[];
	/** By name. */
	readonly nodes: ReadonlyMap<string, Endpoint>;
	/** By address: running Pods before nodes, nodes before host-network Pods, then Services and well-known addresses. */
	readonly endpoints: Endpoints;
	/** The cluster's own ranges of Pod addresses, as far as they are known. */
	readonly podRanges: readonly Cidr[];
	readonly identities: Identities;
	/** Policies of other kinds, as far as it can be told whom they concern. */
	readonly others: readonly OtherEffects[];
	readonly table: RuleTable;
	/** Every policy could be read and evaluated, and every namespace is known. */
	readonly complete: boolean;
	/** Some policies are for an additional network's interfaces. */
	readonly multiNetwork: boolean;
}

/**
 * Prepares a snapshot for judging. Pure, and total for every snapshot that `parseSnapshot` accepted; an address that cannot be read is
 * left out.
 */
export function compileSnapshot(snapshot: Snapshot): CompiledSnapshot {
	const { state } = snapshot;
	const vocabularies = mentionAll(state);
	const table: RuleTable = { steps: [], subjects: [], peers: [] };
	const namespaces = compileNamespaces(state, vocabularies, table);
	const portLists = new Map<string, readonly NamedPort[]>();
	const identities: Identities = { vocabulary: vocabularies.pods, known: new Map() };
	for (const pod of state.pods) {
		const namespace = namespaces.get(pod.namespace) as CompiledNamespace;
		const identity = identify(identities, namespace, pod.labels);
		const declared = pod.ports;
		const ports = declared && shared(portLists, contentOf(declared), () => declared);
		namespace.pods.set(pod.name, podEndpoint(pod, identity, { ports }));
	}
	for (const service of state.services) namespaces.get(service.namespace)?.services.push(service);
	const compiler = { ...vocabularies, clusterPorts: clusterPorts(state.pods), peers: new Map(), numbered: table.peers, ports: new Map() };
	for (const policy of state.policies) {
		const namespace = namespaces.get(policy.namespace);
		(isForOtherNetwork(policy) ? namespace?.otherNetworks : namespace?.policies)?.push(compilePolicy(policy, compiler));
	}
	for (const source of state.unreadablePolicies) {
		const subjects = source.podSelector && { subjects: compileSelector(vocabularies.pods, source.podSelector) };
		namespaces.get(source.namespace)?.unreadable.push({ source, ...subjects });
	}
	const nodes = new Map(state.nodes.map(({ name, ips }) => [name, bareEndpoint({ kind: 'node', name, ips, node: name })]));
	const namespaceList = [...namespaces.values()];
	const others = compileOthers(state.otherPolicies);
	const unread = state.unreadablePolicies.length + state.unreadableKinds.length + others.length;
	return {
		id: snapshot.id,
		...(snapshot.validFrom !== undefined && { validFrom: snapshot.validFrom }),
		validFromMs: parseMs(snapshot.validFrom),
		collectedMs: parseMs(snapshot.collectedAt),
		...(state.cluster && { cluster: state.cluster }),
		state,
		namespaces,
		nodes,
		endpoints: indexEndpoints(addressed({ state, namespaces, nodes }), namespaces),
		podRanges: (state.cluster?.podRanges ?? []).map((range) => parseCidr(range, false)).filter((range) => typeof range !== 'string'),
		identities,
		others,
		table,
		namespaceList,
		complete: unread === 0 && namespaceList.every(({ known }) => known),
		multiNetwork: namespaceList.some(({ otherNetworks }) => otherNetworks.length > 0),
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
function compileNamespaces(state: ClusterState, { namespaceLabels }: Vocabularies, table: RuleTable): Map<string, CompiledNamespace> {
	const namespaces = new Map<string, CompiledNamespace>();
	const add = (name: string, own?: Labels) => {
		if (namespaces.has(name)) return;
		const labels = { [NAME_LABEL]: name, ...own };
		const labelSet = own ? labelSetOf(namespaceLabels, labels) : labelSetOfUnseen(namespaceLabels, NAME_LABEL, name);
		const empty = {
			policies: [],
			table,
			otherNetworks: [],
			unreadable: [],
			services: [],
			pods: new Map(),
			subjects: new Map(),
			siblings: undefined,
		};
		namespaces.set(name, { index: namespaces.size, name, known: own !== undefined, labels, labelSet, ...empty });
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

/** What has an address. A finished Pod's may belong to another Pod; a host-network Pod's belong to its node. */
function addressed({ state, namespaces, nodes }: Pick<CompiledSnapshot, 'state' | 'namespaces' | 'nodes'>): Endpoint[] {
	const running = [...namespaces.values()].flatMap(({ pods }) => [...pods.values()].filter(({ pod }) => !pod?.finished));
	return [
		...running.filter(({ identity }) => identity),
		...nodes.values(),
		...running.filter(({ identity }) => !identity),
		...state.services.map(({ namespace, name, clusterIps: ips = [] }) => bareEndpoint({ kind: 'service', namespace, name, ips })),
		...WELL_KNOWN.map(([ip, name]) => bareEndpoint({ kind: 'well-known', name, ips: [ip] })),
	];
}

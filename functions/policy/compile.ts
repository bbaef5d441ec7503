import { clusterPorts, compilePolicy, isForOtherNetwork, type Vocabularies } from './compiled-policy.ts';
import { type CompiledNamespace, type CompiledPod, type Identities, identify } from './identity.ts';
import { type Address, formatAddress, parseAddress } from './ip.ts';
import type { ClusterFacts, ClusterState, Labels, ServiceState, Snapshot } from './model.ts';
import { compileOthers, type OtherEffects } from './other.ts';
import { compileSelector, createVocabulary, mention, valuesOf } from './selector.ts';

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

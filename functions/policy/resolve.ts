import type { CompiledSnapshot } from './compile.ts';
import type { End } from './finding.ts';
import type { CompiledPod, Identity } from './identity.ts';
import { type Address, formatAddress, parseAddress } from './ip.ts';
import type { FlowEnd, Owner } from './model.ts';
import { standIn } from './sibling.ts';

/** An end as clauses ask for it. */
export interface ResolvedEnd extends End {
	readonly kind: End['kind'];
	/** The address in this connection. */
	readonly address: Address | undefined;
	/** All that the Pod or node has. */
	readonly addresses: readonly Address[];
	/** Of `pod` and `host-network-pod`. */
	readonly pod: CompiledPod | undefined;
	/** Only of `pod`: no selector sees a host-network Pod. */
	readonly identity: Identity | undefined;
	/** The node it is, or runs on. */
	readonly node: string | undefined;
	/** The entry's name and address disagree: the name decided. */
	readonly mismatch: boolean;
	/** The snapshot no longer holds the Pod: it was given the labels of this one, of the same workload. */
	readonly sibling: CompiledPod | undefined;
}

/**
 * What an end of a flow is in the snapshot: by Pod name, else by node name, else by address among Pods, nodes, host-network Pods, Services
 * and well-known addresses, else external. A Pod that the snapshot does not hold gets the labels of a sibling, else it is `unknown`.
 */
export function resolveEnd(snapshot: CompiledSnapshot, end: FlowEnd): ResolvedEnd {
	if (end.pod) {
		const namespace = snapshot.namespaces.get(end.pod.namespace);
		const pod = namespace?.pods.get(end.pod.name);
		return pod ? podEnd(pod, end.ip) : vanishedEnd(snapshot, end.pod, end);
	}
	if (end.node !== undefined) return nodeEnd(snapshot, end.node, end.ip);
	return addressEnd(snapshot, end.ip);
}

function podEnd(pod: CompiledPod, ip: string | undefined): ResolvedEnd {
	const primary = pod.state.ips[0];
	if (ip === undefined || ip === primary) {
		pod.end ??= describePod(pod, primary, pod.addresses[0]);
		return pod.end;
	}
	return describePod(pod, ip, parseAddress(ip));
}

function describePod(pod: CompiledPod, ip: string | undefined, address: Address | undefined): ResolvedEnd {
	const { state, identity, addresses } = pod;
	return {
		kind: state.hostNetwork ? 'host-network-pod' : 'pod',
		namespace: state.namespace,
		name: state.name,
		workload: state.owner ?? podAsWorkload(state.name),
		ip,
		address,
		addresses,
		pod,
		identity: state.hostNetwork ? undefined : identity,
		node: state.node,
		mismatch: address !== undefined && addresses.length > 0 && !addresses.some((own) => formatAddress(own) === formatAddress(address)),
		sibling: undefined,
	};
}

/** A Pod that nothing owns is its own workload. */
const podAsWorkload = (name: string): Owner => ({ kind: 'Pod', name });

/** A Pod that the entry names and the snapshot does not hold. */
function vanishedEnd(snapshot: CompiledSnapshot, pod: { namespace: string; name: string }, end: FlowEnd): ResolvedEnd {
	const found = standIn(snapshot, pod, end);
	if (found) return { ...describePod(found.pod, end.ip, found.pod.addresses[0]), sibling: found.sibling };
	const address = end.ip === undefined ? undefined : parseAddress(end.ip);
	return {
		...bare('unknown', { name: pod.name, ip: end.ip, address, addresses: address ? [address] : [] }),
		namespace: pod.namespace,
		workload: end.workload,
		node: undefined,
	};
}

function nodeEnd(snapshot: CompiledSnapshot, name: string, ip: string | undefined): ResolvedEnd {
	const addresses = snapshot.nodes.get(name) ?? [];
	const address = ip === undefined ? addresses[0] : parseAddress(ip);
	return { ...bare('node', { name, ip: ip ?? (address && formatAddress(address)), address, addresses }), node: name };
}

/** Addresses that mean the same in every GKE cluster. */
const WELL_KNOWN: ReadonlyMap<string, string> = new Map([
	['169.254.169.254', 'metadata server'],
	['169.254.169.252', 'metadata server'],
	['169.254.20.10', 'node-local DNS'],
]);

function addressEnd(snapshot: CompiledSnapshot, ip: string | undefined): ResolvedEnd {
	const address = ip === undefined ? undefined : parseAddress(ip);
	if (ip === undefined || address === undefined) return bare('external', { name: undefined, ip, address: undefined, addresses: [] });
	const spelling = ip.includes(':') ? formatAddress(address) : ip;
	const holder = snapshot.byAddress.get(spelling);
	if (typeof holder === 'object') return podEnd(holder, ip);
	if (holder !== undefined) return nodeEnd(snapshot, holder, ip);
	const service = snapshot.services.get(spelling);
	if (service) return { ...bare('service', { name: service.name, ip, address, addresses: [] }), namespace: service.namespace };
	const wellKnown = WELL_KNOWN.get(spelling);
	return bare(wellKnown === undefined ? 'external' : 'well-known', { name: wellKnown, ip, address, addresses: [] });
}

type Bare = Pick<ResolvedEnd, 'name' | 'ip' | 'address' | 'addresses'>;
const bare = (kind: End['kind'], { name, ip, address, addresses }: Bare): ResolvedEnd => ({
	kind,
	namespace: undefined,
	name,
	workload: undefined,
	ip,
	address,
	addresses,
	pod: undefined,
	identity: undefined,
	node: undefined,
	mismatch: false,
	sibling: undefined,
});

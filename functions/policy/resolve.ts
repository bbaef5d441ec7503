import type { CompiledPod, CompiledSnapshot, Identity } from './compile.ts';
import type { End } from './finding.ts';
import { type Address, formatAddress, parseAddress } from './ip.ts';
import type { FlowEnd, Owner } from './model.ts';

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
}

/**
 * What an end of a flow is in the snapshot: by Pod name, else by node name, else by address among Pods, nodes and host-network Pods,
 * else external. A Pod that the snapshot does not hold is `unknown`.
 */
export function resolveEnd(snapshot: CompiledSnapshot, end: FlowEnd): ResolvedEnd {
	if (end.pod) {
		const pod = snapshot.namespaces.get(end.pod.namespace)?.pods.get(end.pod.name);
		return pod ? podEnd(pod, end.ip) : unknownEnd(end.pod, end);
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
	};
}

/** A Pod that nothing owns is its own workload. */
const podAsWorkload = (name: string): Owner => ({ kind: 'Pod', name });

function unknownEnd({ namespace, name }: { namespace: string; name: string }, { ip, workload }: FlowEnd): ResolvedEnd {
	const address = ip === undefined ? undefined : parseAddress(ip);
	return {
		kind: 'unknown',
		namespace,
		name,
		workload,
		ip,
		address,
		addresses: address ? [address] : [],
		pod: undefined,
		identity: undefined,
		node: undefined,
		mismatch: false,
	};
}

function nodeEnd(snapshot: CompiledSnapshot, name: string, ip: string | undefined): ResolvedEnd {
	const addresses = snapshot.nodes.get(name) ?? [];
	const address = ip === undefined ? addresses[0] : parseAddress(ip);
	return bare('node', { name, ip: ip ?? (address && formatAddress(address)), address, addresses });
}

function addressEnd(snapshot: CompiledSnapshot, ip: string | undefined): ResolvedEnd {
	const address = ip === undefined ? undefined : parseAddress(ip);
	if (ip === undefined || address === undefined) return bare('external', { name: undefined, ip, address: undefined, addresses: [] });
	const holder = snapshot.byAddress.get(ip) ?? (ip.includes(':') ? snapshot.byAddress.get(formatAddress(address)) : undefined);
	if (typeof holder === 'object') return podEnd(holder, ip);
	return holder === undefined ? bare('external', { name: undefined, ip, address, addresses: [] }) : nodeEnd(snapshot, holder, ip);
}

type Bare = Pick<ResolvedEnd, 'name' | 'ip' | 'address' | 'addresses'>;
const bare = (kind: 'node' | 'external', { name, ip, address, addresses }: Bare): ResolvedEnd => ({
	kind,
	namespace: undefined,
	name,
	workload: undefined,
	ip,
	address,
	addresses,
	pod: undefined,
	identity: undefined,
	node: name,
	mismatch: false,
});

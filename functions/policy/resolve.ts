import type { CompiledSnapshot } from './compile.ts';
import { bareEnd, isCreatedAfter, type ResolvedEnd, withAddress } from './end.ts';
import { contains, formatAddress, parseAddress } from './ip.ts';
import type { FlowEnd } from './model.ts';
import { standIn } from './sibling.ts';

/**
 * What an end of a flow is in the snapshot: by Pod name, else by node name, else by address among Pods, nodes, host-network Pods, Services
 * and well-known addresses, else external. A Pod that the snapshot does not hold gets the labels of a sibling, else it is `unknown`.
 * `atMs`: the time of the flow, where that is known.
 */
export function resolveEnd(snapshot: CompiledSnapshot, end: FlowEnd, atMs = Number.NaN): ResolvedEnd {
	const { pod, ip } = end;
	if (pod !== undefined) {
		const known = snapshot.namespaces.get(pod.namespace)?.pods.get(pod.name);
		if (known === undefined) return standIn(snapshot, pod, end) ?? unknownEnd(pod, end);
		return ip === undefined || ip === known.ip ? known : withAddress(known, ip);
	}
	if (end.node !== undefined) return nodeEnd(snapshot, end.node, ip);
	return ip === undefined ? bareEnd({ kind: 'external', ip }) : addressEnd(snapshot, ip, atMs);
}

const unknownEnd = ({ namespace, name }: { namespace: string; name: string }, { ip, workload, node }: FlowEnd): ResolvedEnd =>
	bareEnd({ kind: 'unknown', namespace, name, workload, ip, ...(node !== undefined && { node }) });

function nodeEnd(snapshot: CompiledSnapshot, name: string, ip: string | undefined): ResolvedEnd {
	const known = snapshot.nodes.get(name) ?? bareEnd({ kind: 'node', name, ip, node: name });
	return ip === undefined || ip === known.ip ? known : { ...withAddress(known, ip), mismatch: false };
}

function addressEnd(snapshot: CompiledSnapshot, ip: string, atMs: number): ResolvedEnd {
	const known = holderOf(snapshot, ip);
	if (!known) return bareEnd({ kind: isPodAddress(snapshot, ip) ? 'unknown' : 'external', ip });
	// A Pod that came later has the address of another one, which the snapshot does not hold.
	return known.kind === 'pod' && isCreatedAfter(known, atMs) ? bareEnd({ kind: 'unknown', ip }) : known;
}

function holderOf({ byAddress }: CompiledSnapshot, ip: string): ResolvedEnd | undefined {
	const known = byAddress.get(ip);
	// Only IPv6 has more than one spelling.
	if (known || !ip.includes(':')) return known;
	const address = parseAddress(ip);
	return address && byAddress.get(formatAddress(address));
}

/** Whether only a Pod of this cluster can have the address, though the snapshot holds none that has it. */
function isPodAddress({ podRanges }: CompiledSnapshot, ip: string): boolean {
	const address = podRanges.length > 0 ? parseAddress(ip) : undefined;
	return address !== undefined && podRanges.some((range) => contains(range, address));
}

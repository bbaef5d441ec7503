import type { CompiledSnapshot } from './compile.ts';
import { bareEnd, type ResolvedEnd, withAddress } from './end.ts';
import { formatAddress, parseAddress } from './ip.ts';
import type { FlowEnd } from './model.ts';
import { standIn } from './sibling.ts';

/**
 * What an end of a flow is in the snapshot: by Pod name, else by node name, else by address among Pods, nodes, host-network Pods, Services
 * and well-known addresses, else external. A Pod that the snapshot does not hold gets the labels of a sibling, else it is `unknown`.
 */
export function resolveEnd(snapshot: CompiledSnapshot, end: FlowEnd): ResolvedEnd {
	const { pod, ip } = end;
	if (pod !== undefined) {
		const known = snapshot.namespaces.get(pod.namespace)?.pods.get(pod.name);
		if (known === undefined) return standIn(snapshot, pod, end) ?? unknownEnd(pod, end);
		return ip === undefined || ip === known.ip ? known : withAddress(known, ip);
	}
	if (end.node !== undefined) return nodeEnd(snapshot, end.node, ip);
	return ip === undefined ? bareEnd({ kind: 'external', ip }) : addressEnd(snapshot, ip);
}

const unknownEnd = ({ namespace, name }: { namespace: string; name: string }, { ip, workload }: FlowEnd): ResolvedEnd =>
	bareEnd({ kind: 'unknown', namespace, name, workload, ip });

function nodeEnd(snapshot: CompiledSnapshot, name: string, ip: string | undefined): ResolvedEnd {
	const known = snapshot.nodes.get(name) ?? bareEnd({ kind: 'node', name, ip, node: name });
	return ip === undefined || ip === known.ip ? known : { ...withAddress(known, ip), mismatch: false };
}

function addressEnd(snapshot: CompiledSnapshot, ip: string): ResolvedEnd {
	const known = snapshot.byAddress.get(ip);
	if (known) return known;
	// Only IPv6 has more than one spelling.
	const address = ip.includes(':') ? parseAddress(ip) : undefined;
	return (address && snapshot.byAddress.get(formatAddress(address))) ?? bareEnd({ kind: 'external', ip });
}

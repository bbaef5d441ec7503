import type { CompiledSnapshot } from './compile.ts';
import { isCreatedAfter, type ResolvedEnd, toEnd } from './end.ts';
import { bareEndpoint, type Endpoint } from './endpoint.ts';
import { endAt, isPodNamed, rowOf } from './endpoints.ts';
import { contains, isEqual, parseAddress } from './ip.ts';
import type { FlowEnd } from './model.ts';
import { standIn } from './sibling.ts';

/**
 * What an end of a flow is in the snapshot: by Pod name, else by node name, else by address among Pods, nodes, host-network Pods, Services
 * and well-known addresses, else external. A Pod that the snapshot does not hold gets the labels of a sibling, else it is `unknown`.
 * `atMs`: the time of the flow, where that is known.
 */
export const resolveEnd = (snapshot: CompiledSnapshot, end: FlowEnd, atMs = Number.NaN): ResolvedEnd =>
	resolveAt(snapshot, end, rowOf(snapshot.endpoints, end.ip), atMs);

/** The same, where the row of its address was looked for. Its arguments are no object, because every flow would make two. */
export function resolveAt(snapshot: CompiledSnapshot, end: FlowEnd, row: number | undefined, atMs: number): ResolvedEnd {
	const { endpoints } = snapshot;
	const { pod, ip } = end;
	if (pod !== undefined) {
		// Nearly always the address is the named Pod's: to compare its name costs less than to look the name up.
		if (ip !== undefined && row !== undefined && isPodNamed(endpoints, row, pod)) return endAt(endpoints, row, ip);
		return atAddress(podNamed(snapshot, pod, end), ip);
	}
	if (end.node !== undefined) return nodeEnd(snapshot, end.node, ip);
	if (ip === undefined || row === undefined)
		return toEnd(bareEndpoint({ kind: ip !== undefined && isPodAddress(snapshot, ip) ? 'unknown' : 'external' }), ip);
	const known = endAt(endpoints, row, ip);
	// A Pod that came later has the address of another one, which the snapshot does not hold.
	return known.kind === 'pod' && isCreatedAfter(known, atMs) ? toEnd(bareEndpoint({ kind: 'unknown' }), ip) : known;
}

const podNamed = (snapshot: CompiledSnapshot, pod: { namespace: string; name: string }, end: FlowEnd): Endpoint =>
	snapshot.namespaces.get(pod.namespace)?.pods.get(pod.name) ??
	standIn(snapshot, pod, end) ??
	bareEndpoint({ kind: 'unknown', ...pod, workload: end.workload, node: end.node });

/** An endpoint at the address that the flow gives, which it may not have, else at its first one. */
function atAddress(endpoint: Endpoint, ip: string | undefined): ResolvedEnd {
	const { addresses, ips } = endpoint;
	const address = ip === undefined ? undefined : parseAddress(ip);
	const mismatch = address !== undefined && addresses.length > 0 && !addresses.some((own) => isEqual(own, address));
	return toEnd(endpoint, ip ?? ips[0], mismatch);
}

/** A node may have addresses that its object does not list. */
const nodeEnd = (snapshot: CompiledSnapshot, name: string, ip: string | undefined): ResolvedEnd => {
	const known = snapshot.nodes.get(name) ?? bareEndpoint({ kind: 'node', name, node: name });
	return toEnd(known, ip ?? known.ips[0]);
};

/** Whether only a Pod of this cluster can have the address, though the snapshot holds none that has it. */
function isPodAddress({ podRanges }: CompiledSnapshot, ip: string): boolean {
	const address = podRanges.length > 0 ? parseAddress(ip) : undefined;
	return address !== undefined && podRanges.some((range) => contains(range, address));
}

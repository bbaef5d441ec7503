import { type Packet, PROTOCOL, type Protocol } from './clause.ts';
import type { CompiledSnapshot } from './compile.ts';
import type { ConstructId } from './constructs.ts';
import type { ResolvedEnd } from './end.ts';
import { rowOf } from './endpoints.ts';
import type { Flow } from './model.ts';
import { resolveAt, resolveEnd } from './resolve.ts';

/** The flow as Calico sees it at its place in the packet's path: a rule that admits this admits the flow under `calico`. */
export interface Disguise extends Packet {
	readonly construct: ConstructId;
	/** Whether the cluster is known to work so; else it is a missing fact. */
	readonly sure: boolean;
}

/** A flow with both ends resolved: what the engine evaluates. */
export interface ResolvedFlow extends Packet {
	readonly disguises: readonly Disguise[];
}

const NO_DISGUISES: readonly Disguise[] = [];
const METADATA_SERVER = '169.254.169.254';

const protocolOf = (text: string): Protocol =>
	text === 'TCP'
		? PROTOCOL.TCP
		: text === 'UDP'
			? PROTOCOL.UDP
			: text === 'SCTP'
				? PROTOCOL.SCTP
				: text === 'ICMP'
					? PROTOCOL.ICMP
					: PROTOCOL.OTHER;

/** Resolves both ends of a flow in a snapshot. `atMs`: its time, where that is known. */
export function resolveFlow(snapshot: CompiledSnapshot, flow: Flow, atMs = Number.NaN): ResolvedFlow {
	const ingress = flow.direction === 'ingress';
	const subjectEnd = ingress ? flow.destination : flow.source;
	const peerEnd = ingress ? flow.source : flow.destination;
	// Both are looked up before the first is read: the two waits for memory overlap.
	const subjectRow = rowOf(snapshot.endpoints, subjectEnd.ip);
	const peerRow = rowOf(snapshot.endpoints, peerEnd.ip);
	const subject = resolveAt(snapshot, subjectEnd, subjectRow, atMs);
	const peer = resolveAt(snapshot, peerEnd, peerRow, atMs);
	const { direction, port = -1 } = flow;
	const protocol = protocolOf(flow.protocol);
	// Nearly every flow has none: only a request to the metadata server or to DNS may.
	const special = !ingress && (port === 53 || peer.kind === 'well-known');
	const disguises = special ? disguisesOf({ direction, subject, peer, protocol, port, snapshot }) : NO_DISGUISES;
	return { snapshot, direction, subject, peer, protocol, port, disguises };
}

function disguisesOf(packet: Packet): readonly Disguise[] {
	if (packet.peer.endpoint.ips[0] === METADATA_SERVER) return metadataDisguises(packet);
	return packet.port === 53 && (isResolver(packet.peer) || mayBeResolver(packet.peer)) ? dnsDisguises(packet) : NO_DISGUISES;
}

/** GKE translates requests to the metadata server before Calico's rules see them. */
const METADATA_PORTS: ReadonlyMap<number, number> = new Map([
	[80, 988],
	[8080, 987],
]);

function metadataDisguises(packet: Packet): readonly Disguise[] {
	const port = METADATA_PORTS.get(packet.port);
	if (port === undefined || packet.protocol !== PROTOCOL.TCP) return NO_DISGUISES;
	return [{ ...packet, peer: resolveEnd(packet.snapshot, { ip: '169.254.169.252' }), port, construct: 'metadata-dnat', sure: true }];
}

const RESOLVERS = new Set(['kube-dns', 'node-local-dns']);

/** Whether it is a Pod of kube-dns or of node-local-dns. */
export const isResolver = ({ endpoint: { pod } }: ResolvedEnd): boolean =>
	pod !== undefined && pod.namespace === 'kube-system' && RESOLVERS.has(pod.labels['k8s-app'] ?? '');

/** A Pod that the snapshot does not hold: its labels would tell. */
const mayBeResolver = ({ kind, endpoint: { namespace } }: ResolvedEnd): boolean =>
	kind === 'unknown' && (namespace === 'kube-system' || namespace === undefined);

/**
 * With NodeLocal DNSCache the node intercepts requests to the kube-dns ClusterIP before they are translated, so that Calico sees that
 * address, or the cache's own. Where the add-on's state is not known, or whether the Pod is a resolver, neither is this.
 */
function dnsDisguises(packet: Packet): readonly Disguise[] {
	const { snapshot } = packet;
	const cache = snapshot.cluster?.nodeLocalDns;
	if (cache === false || (packet.protocol !== PROTOCOL.UDP && packet.protocol !== PROTOCOL.TCP)) return NO_DISGUISES;
	const kubeDns = snapshot.namespaces.get('kube-system')?.services.find(({ name }) => name === 'kube-dns');
	const addresses = [...(kubeDns?.clusterIps ?? []), '169.254.20.10'];
	const sure = cache === true && isResolver(packet.peer);
	return addresses.map((ip) => ({ ...packet, peer: resolveEnd(snapshot, { ip }), construct: 'node-local-dns', sure }));
}

import type { CompiledSnapshot } from './compile.ts';
import type { ConstructId } from './constructs.ts';
import { addressOf, NOTHING, type ResolvedEnd } from './end.ts';
import type { Evidence } from './finding.ts';
import type { CompiledNamespace } from './identity.ts';
import { type Address, type Cidr, contains } from './ip.ts';
import type { Direction, PolicyPeer, PolicyPort, PolicyRule } from './model.ts';
import { type CompiledSelector, matchMask, matchUnseen } from './selector.ts';
import {
	ALL,
	CIDR_MATCHES_NODES,
	CIDR_MATCHES_PODS,
	CILIUM_1_12,
	CILIUM_1_13,
	CILIUM_FROM_1_20,
	CILIUM_TO_1_14,
	CILIUM_TO_1_15,
	CILIUM_TO_1_19,
	type Mask,
	NONE,
	SPECIFIED,
} from './semantics.ts';

/** Protocols as numbers, so that a flow is compared without strings. `OTHER` is admitted only by rules without ports, as ICMP is. */
export const PROTOCOL = { TCP: 0, UDP: 1, SCTP: 2, ICMP: 3, OTHER: 4 } as const;
export type Protocol = (typeof PROTOCOL)[keyof typeof PROTOCOL];

/** A peer of a rule: an ipBlock (`cidr` set), or selectors. */
export interface CompiledPeer {
	/** Its place among the snapshot's peers. */
	readonly number: number;
	readonly source: PolicyPeer;
	/** As a person would say it. */
	readonly text: string;
	readonly cidr: Cidr | undefined;
	readonly except: readonly Cidr[];
	/** 0.0.0.0/0 or ::/0 without `except`. */
	readonly anyAddress: boolean;
	/** The policy's own namespace, which is the subject's; else `namespaces` decides. */
	readonly ownNamespace: boolean;
	readonly namespaces: CompiledSelector;
	readonly pods: CompiledSelector;
	/** The semantics under which the selectors match peers that are no Pods. */
	readonly outside: Mask;
}

/** A port entry of a rule. */
export interface CompiledPort {
	readonly source: PolicyPort;
	readonly text: string;
	readonly protocol: Protocol;
	/** -1: no number. */
	readonly first: number;
	readonly last: number;
	readonly name: string | undefined;
	/** The semantics under which an entry without a port admits all ports of its protocol. */
	readonly allPorts: Mask;
	/** For a name, in egress up to 1.19: the one number it has in the cluster, or -1. */
	readonly clusterNumber: number;
	readonly ambiguous: boolean;
}

/** What a clause is asked about: two ends, a protocol and a destination port. */
export interface Packet {
	readonly snapshot: CompiledSnapshot;
	readonly direction: Direction;
	readonly subject: ResolvedEnd;
	readonly peer: ResolvedEnd;
	readonly protocol: Protocol;
	/** -1 where there is none. */
	readonly port: number;
}

export interface CompiledRule {
	readonly index: number;
	readonly direction: Direction;
	readonly source: PolicyRule;
	readonly peers: readonly CompiledPeer[];
	readonly ports: readonly CompiledPort[];
	/** What an admission by it rests on, by the places of the peer and the port that match; each made when first asked for. */
	readonly admits: (Evidence | undefined)[];
}

/** Semantics under which `endPort` is a range; under the others it is the first port only. */
const END_PORT: Mask = ALL & ~CILIUM_TO_1_15;
/** The cluster-wide table of named ports, up to 1.19. */
const CLUSTER_NAMES: Mask = CILIUM_TO_1_19;
const POD_NAMES: Mask = SPECIFIED | CILIUM_FROM_1_20;

/** "If this field is empty or missing, this rule matches all ports": of a protocol-only entry, see `port-protocol-only`. */
export const allPortsMask = (ruleHasPeers: boolean): Mask => ALL & ~(ruleHasPeers ? CILIUM_1_12 | CILIUM_1_13 : CILIUM_1_12);

/**
 * "This field may be used to allow traffic from … only": under which semantics the peer matches that end.
 * `unseen` is what selectors answer for labels that are not known, a Pod's or a namespace's: NONE, or ALL to find what they may admit.
 */
export function peerMask(peer: CompiledPeer, { snapshot, subject, peer: end }: Packet, unseen: Mask): Mask {
	if (peer.cidr) return blockMask(peer, end, subject);
	const { namespaceIndex, labelSet } = end;
	if (namespaceIndex === NOTHING) return end.kind === 'unknown' ? unseen : peer.outside;
	// "If [namespaceSelector is] null, … selects the Pods matching podSelector in the policy's own namespace."
	let mask = ALL;
	if (peer.ownNamespace) {
		// A policy selects in its own namespace, so that is the subject's.
		if (namespaceIndex !== subject.namespaceIndex) return NONE;
	} else {
		const namespace = snapshot.namespaceList[namespaceIndex] as CompiledNamespace;
		mask = namespace.known ? matchMask(peer.namespaces, namespace.labelSet) : matchUnseen(peer.namespaces, namespace.labelSet, unseen);
	}
	return mask === NONE ? NONE : mask & matchMask(peer.pods, labelSet);
}

/** "ipBlock … describes a particular CIDR … The except entry describes CIDRs that should not be included within this rule." */
function blockMask(peer: CompiledPeer, end: ResolvedEnd, subject: ResolvedEnd): Mask {
	const address = addressOf(end);
	const inside = address !== undefined && includes(peer, address);
	switch (end.kind) {
		case 'pod':
		case 'unknown':
			// On Dataplane V2 an ipBlock never selects a Pod; with the beta option it does by any of the Pod's addresses.
			return (
				(inside ? SPECIFIED : NONE) |
				((end.mismatch || end.several ? includesAny(peer, end.endpoint.addresses) : inside) ? CIDR_MATCHES_PODS : NONE)
			);
		case 'node':
		case 'host-network-pod': {
			// With that option a node has the labels of the address in the flow; the own node, one identity, has those of all its addresses.
			const { addresses, node } = end.endpoint;
			const own = node !== undefined && node === subject.endpoint.node;
			return (inside ? SPECIFIED : NONE) | (inside || (own && includesAny(peer, addresses)) ? CIDR_MATCHES_NODES : NONE);
		}
		case 'service':
		case 'well-known':
		case 'external':
			return inside ? ALL : peer.anyAddress ? CILIUM_TO_1_14 : NONE;
		default:
			return end.kind satisfies never;
	}
}

function includesAny(peer: CompiledPeer, addresses: readonly Address[]): boolean {
	for (const address of addresses) if (includes(peer, address)) return true;
	return false;
}

function includes({ cidr, except: excepted }: CompiledPeer, address: Address): boolean {
	if (!cidr || !contains(cidr, address)) return false;
	for (const except of excepted) if (contains(except, address)) return false;
	return true;
}

/**
 * Under which semantics the port entry matches the destination port. `unseen` is what a name answers for a Pod that is not known.
 * "If the port is not provided, this matches all port names and numbers. … If present, only traffic on the specified protocol AND port
 * will be matched." A protocol of TCP never admits another one; ICMP and others have no ports, so only rules without ports admit them.
 */
export function portMask(entry: CompiledPort, { direction, subject, peer, protocol, port }: Packet, unseen: Mask): Mask {
	if (entry.protocol !== protocol) return NONE;
	if (entry.name !== undefined) {
		const own = ownNameMask(entry, port, direction === 'ingress' ? subject : peer, unseen);
		if (direction === 'ingress') return own;
		return (own & POD_NAMES) | (entry.clusterNumber === port ? CLUSTER_NAMES : NONE);
	}
	if (entry.first < 0) return entry.allPorts;
	if (port === entry.first) return ALL;
	// "endPort indicates that the range of ports from port to endPort if set, inclusive, should be allowed."
	return port > entry.first && port <= entry.last ? END_PORT : NONE;
}

/** A named port is "a named port on a pod": a number and protocol in the destination's containers. */
function ownNameMask(entry: CompiledPort, port: number, destination: ResolvedEnd, unseen: Mask): Mask {
	const { ports } = destination;
	if (!ports) return destination.kind === 'unknown' ? unseen : NONE;
	let mask = NONE;
	for (const declared of ports) {
		if (declared.port !== port || declared.name !== entry.name || declared.protocol !== entry.source.protocol) continue;
		// "A port name declared by a native sidecar counts" for the API; Cilium ignores those of all init containers.
		if (declared.init === undefined) return ALL;
		if (declared.init === 'sidecar') mask |= SPECIFIED;
	}
	return mask;
}

/** The construct that makes this peer answer differently under different semantics for that end. */
export function peerConstruct(peer: CompiledPeer, { subject, peer: end, direction }: Packet): ConstructId {
	if (!peer.cidr) return end.endpoint.identity ? 'label-not-identity' : 'negative-namespace-selector';
	switch (end.kind) {
		case 'pod':
		case 'unknown':
			return 'ipblock-pod';
		case 'node':
		case 'host-network-pod':
			return direction === 'ingress' && isReachedThroughNodes(subject) ? 'snat-remote-node' : 'ipblock-node';
		case 'service':
		case 'well-known':
		case 'external':
			return 'any-cidr-dual-stack';
		default:
			return end.kind satisfies never;
	}
}

/** Whether a Service hands the Pod connections that came to another node, which then stands as their source. */
function isReachedThroughNodes({ endpoint: { identity, pod } }: ResolvedEnd): boolean {
	if (!identity || !pod) return false;
	return identity.namespace.services.some(({ type, externalTrafficPolicy, selector }) => {
		const entries = Object.entries(selector ?? {});
		const external = (type === 'LoadBalancer' || type === 'NodePort') && externalTrafficPolicy !== 'Local';
		return external && entries.length > 0 && entries.every(([key, value]) => pod.labels[key] === value);
	});
}

/** The construct that makes this port entry answer differently under different semantics. `loses`: where the policy's meaning is lost. */
export function portConstruct(entry: CompiledPort, direction: Direction, loses: boolean): ConstructId {
	if (entry.name === undefined) return entry.first < 0 ? 'port-protocol-only' : 'end-port';
	if (direction === 'ingress') return 'named-port-unresolved';
	if (!loses) return 'named-port-widened';
	return entry.ambiguous ? 'named-port-ambiguous' : 'named-port-unresolved';
}

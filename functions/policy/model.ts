/**
 * The shapes that the engine reads: the canonical snapshot of a cluster's policy state, and a flow.
 * A snapshot is plain JSON (`schemas/snapshot.schema.json`), sorted, and holds only what the engine needs. Absent optional fields are
 * left out, so that equal states have equal bytes.
 */

export type Direction = 'ingress' | 'egress';
export type Disposition = 'allow' | 'deny';
/** Protocols that a NetworkPolicy can name. A flow may have another one (ICMP, or anything that a log says), in upper case. */
export type PortProtocol = 'TCP' | 'UDP' | 'SCTP';
export type Labels = Readonly<Record<string, string>>;

export interface LabelRequirement {
	readonly key: string;
	readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
	/** Empty for Exists and DoesNotExist. */
	readonly values: readonly string[];
}

/** A LabelSelector with both parts always there; both empty selects everything. */
export interface LabelSelector {
	readonly matchLabels: Labels;
	readonly matchExpressions: readonly LabelRequirement[];
}

export interface IpBlock {
	readonly cidr: string;
	readonly except: readonly string[];
}

/** One element of a rule's `from` or `to`: an ipBlock, or at least one of the two selectors. */
export interface PolicyPeer {
	readonly ipBlock?: IpBlock;
	readonly podSelector?: LabelSelector;
	readonly namespaceSelector?: LabelSelector;
}

/** One element of a rule's `ports`, its protocol defaulted. No `port` means all ports of the protocol. */
export interface PolicyPort {
	readonly protocol: PortProtocol;
	/** A number, or the name of a container port. */
	readonly port?: number | string;
	readonly endPort?: number;
}

/** A rule. Empty `peers` (from/to) admits every peer, empty `ports` every port and protocol. */
export interface PolicyRule {
	readonly peers: readonly PolicyPeer[];
	readonly ports: readonly PolicyPort[];
}

/** A networking.k8s.io NetworkPolicy after API defaulting. */
export interface NetworkPolicy {
	readonly namespace: string;
	readonly name: string;
	/** Only those that change how the policy is logged or where it applies (see ANNOTATIONS). */
	readonly annotations?: Labels;
	readonly podSelector: LabelSelector;
	/** `policyTypes`, as directions, ingress first. */
	readonly types: readonly Direction[];
	/** Also rules of a direction that `types` leaves out: some dataplanes enforce them. */
	readonly ingress: readonly PolicyRule[];
	readonly egress: readonly PolicyRule[];
}

/** The annotations of a NetworkPolicy that a snapshot keeps. */
export const ANNOTATIONS = ['policy.cilium.io/name', 'io.cilium.name', 'networking.gke.io/network'] as const;

export interface Owner {
	readonly kind: string;
	readonly name: string;
}

/** A named container port. `init` where an init container declares it: `sidecar` is a restartable one. */
export interface NamedPort {
	readonly name: string;
	readonly port: number;
	readonly protocol: PortProtocol;
	readonly init?: 'init' | 'sidecar';
}

export interface PodState {
	readonly namespace: string;
	readonly name: string;
	readonly labels: Labels;
	/** `status.podIPs`, the primary one first; empty before the Pod has one. */
	readonly ips: readonly string[];
	readonly node?: string;
	readonly hostNetwork?: true;
	/** Phase Succeeded or Failed: its addresses may belong to another Pod by now. */
	readonly finished?: true;
	readonly ports?: readonly NamedPort[];
	/** The workload that owns it: the Deployment rather than its ReplicaSet, the CronJob rather than its Job. */
	readonly owner?: Owner;
	readonly createdAt?: string;
}

export interface NamespaceState {
	readonly name: string;
	readonly labels: Labels;
}

export interface NodeState {
	readonly name: string;
	/** InternalIPs first, then ExternalIPs. */
	readonly ips: readonly string[];
}

export interface ServiceState {
	readonly namespace: string;
	readonly name: string;
	readonly type?: string;
	readonly clusterIps?: readonly string[];
	readonly selector?: Labels;
	readonly externalTrafficPolicy?: string;
}

/** A policy of another kind (Cilium, FQDN, cluster-wide, Calico), as far as it is kept: its spec as it is, null where it could not be read. */
export interface OtherPolicy {
	readonly apiVersion: string;
	readonly kind: string;
	readonly namespace?: string;
	readonly name: string;
	readonly spec: unknown;
}

/** A NetworkPolicy that could not be read. Without `podSelector` it may select any Pod of its namespace. */
export interface UnreadablePolicy {
	readonly namespace: string;
	readonly name: string;
	/** What is wrong, with the path in the object: `spec.ingress[0].ports[0].port: must be between 1 and 65535`. */
	readonly reason: string;
	readonly podSelector?: LabelSelector;
}

/** What GKE says about the cluster. Fields that are absent are not known. */
export interface ClusterFacts {
	readonly project?: string;
	readonly location: string;
	readonly name: string;
	readonly datapathProvider?: string;
	/** `addonsConfig.dnsCacheConfig.enabled`. */
	readonly nodeLocalDns?: boolean;
	/** Whether FQDNNetworkPolicies and CiliumClusterwideNetworkPolicies are switched on: `networkConfig.enableFqdnNetworkPolicy` and the like. */
	readonly fqdnPolicies?: boolean;
	readonly clusterwidePolicies?: boolean;
	readonly podRanges?: readonly string[];
	readonly serviceRanges?: readonly string[];
	readonly controlPlaneVersion?: string;
	readonly nodeVersions?: readonly string[];
}

/** The part of a snapshot that its identity is made of: what was in force. All lists are sorted by namespace and name. */
export interface ClusterState {
	/** Absent: the snapshot serves every cluster. */
	readonly cluster?: ClusterFacts;
	readonly namespaces: readonly NamespaceState[];
	readonly nodes: readonly NodeState[];
	readonly pods: readonly PodState[];
	readonly services: readonly ServiceState[];
	readonly policies: readonly NetworkPolicy[];
	readonly unreadablePolicies: readonly UnreadablePolicy[];
	readonly otherPolicies: readonly OtherPolicy[];
	/**
	 * Kinds of policies that could not be listed, or not all of them: whether there are more is not known. Also NetworkLogging, which decides
	 * nothing.
	 */
	readonly unreadableKinds: readonly string[];
	/** `spec` of the NetworkLogging object `default`. */
	readonly networkLogging?: unknown;
}

export const SNAPSHOT_FORMAT = 1;

/** The canonical document. Times are RFC 3339 UTC. */
export interface Snapshot {
	readonly format: typeof SNAPSHOT_FORMAT;
	/** `<valid-from or "any">-<first 12 hex digits of the SHA-256 of the state's canonical JSON>`. */
	readonly id: string;
	/** Absent: valid at any time. */
	readonly validFrom?: string;
	readonly collectedAt?: string;
	/** The snapshot before this one, and until when its state was seen unchanged. */
	readonly previous?: { readonly id: string; readonly seenUntil: string };
	readonly state: ClusterState;
}

/** One end of a connection as it was observed: what is known of it, in any combination. */
export interface FlowEnd {
	readonly pod?: { readonly namespace: string; readonly name: string };
	/** The node that it is; of a Pod, the node that it runs on. */
	readonly node?: string;
	readonly ip?: string;
	/** The workload, where the log names it. */
	readonly workload?: Owner;
}

/** A connection's first packet as policy sees it: after Service translation. */
export interface Flow {
	/** The enforced end: ingress is the destination's policy, egress the source's. */
	readonly direction: Direction;
	readonly source: FlowEnd;
	readonly destination: FlowEnd;
	/** Upper case: TCP, UDP, SCTP, ICMP or another. */
	readonly protocol: string;
	readonly sourcePort?: number;
	/** The destination port, of which policies speak in both directions; absent for ICMP. */
	readonly port?: number;
}

export interface LoggedPolicy {
	readonly kind?: string;
	readonly namespace?: string;
	readonly name: string;
}

/** What a policy-action entry says: a flow, what the dataplane did with it, and which policies it names. */
export interface Observation {
	readonly flow: Flow;
	readonly disposition: Disposition;
	readonly policies: readonly LoggedPolicy[];
	/** RFC 3339, as sent. */
	readonly timestamp: string;
	/** The same in ms since 1970. */
	readonly timestampMs: number;
}

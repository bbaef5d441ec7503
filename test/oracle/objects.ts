/**
 * Kubernetes objects as an API server returns them or as a manifest in a repository has them: any field may be left out or null. Only
 * what decides a flow is typed.
 */
export interface KubernetesObject {
	readonly apiVersion: string;
	readonly kind: string;
	readonly metadata: Metadata;
	readonly spec?: unknown;
	readonly status?: unknown;
}

interface Metadata {
	readonly name: string;
	readonly namespace?: string;
	readonly labels?: StringMap | null;
	readonly annotations?: StringMap | null;
}

export type StringMap = Readonly<Record<string, string>>;
type Optional<Value> = Value | null;

export interface NodeObject extends KubernetesObject {
	readonly status: { readonly addresses?: Optional<readonly { readonly type: string; readonly address: string }[]> };
}

export interface PodObject extends KubernetesObject {
	readonly spec: {
		readonly nodeName?: string;
		readonly hostNetwork?: boolean;
		readonly containers?: Optional<readonly ContainerObject[]>;
		readonly initContainers?: Optional<readonly ContainerObject[]>;
	};
	readonly status: { readonly phase?: string; readonly podIP?: string; readonly podIPs?: Optional<readonly { readonly ip: string }[]> };
}

export interface ContainerObject {
	readonly name: string;
	readonly restartPolicy?: string;
	readonly ports?: Optional<readonly { readonly name?: string; readonly containerPort: number; readonly protocol?: Optional<string> }[]>;
}

export interface SelectorObject {
	readonly matchLabels?: Optional<StringMap>;
	readonly matchExpressions?: Optional<readonly RequirementObject[]>;
}

export interface RequirementObject {
	readonly key: string;
	readonly operator: string;
	readonly values?: Optional<readonly string[]>;
}

export interface PeerObject {
	readonly podSelector?: Optional<SelectorObject>;
	readonly namespaceSelector?: Optional<SelectorObject>;
	readonly ipBlock?: Optional<{ readonly cidr: string; readonly except?: Optional<readonly string[]> }>;
}

export interface PortObject {
	readonly protocol?: Optional<string>;
	readonly port?: Optional<number | string>;
	readonly endPort?: Optional<number>;
}

export interface RuleObject {
	readonly from?: Optional<readonly PeerObject[]>;
	readonly to?: Optional<readonly PeerObject[]>;
	readonly ports?: Optional<readonly PortObject[]>;
}

export interface PolicyObject extends KubernetesObject {
	readonly spec?: {
		readonly podSelector?: Optional<SelectorObject>;
		readonly policyTypes?: Optional<readonly string[]>;
		readonly ingress?: Optional<readonly RuleObject[]>;
		readonly egress?: Optional<readonly RuleObject[]>;
	};
}

/** `ns/name` of a Pod, `ip` beside it where it is not the Pod's first; or the name of a node; or an address alone. */
export interface ScenarioEnd {
	readonly pod?: string;
	readonly node?: string;
	readonly ip?: string;
}

export interface ScenarioFlow {
	readonly src: ScenarioEnd;
	readonly dst: ScenarioEnd;
	/** TCP, UDP, SCTP or ICMP. */
	readonly protocol: string;
	/** The destination port; absent for ICMP. */
	readonly port?: number;
	readonly direction: 'ingress' | 'egress' | 'both';
}

export interface Scenario {
	readonly id: string;
	readonly note?: string;
	readonly objects: readonly KubernetesObject[];
	readonly flows: readonly ScenarioFlow[];
}

const isCore = (kind: string) => (object: KubernetesObject) => object.apiVersion === 'v1' && object.kind === kind;

export const podsOf = (objects: readonly KubernetesObject[]): PodObject[] => objects.filter(isCore('Pod')) as PodObject[];
export const nodesOf = (objects: readonly KubernetesObject[]): NodeObject[] => objects.filter(isCore('Node')) as NodeObject[];

/** Other API groups have a kind of this name too, which is none of ours. */
export const policiesOf = (objects: readonly KubernetesObject[]): PolicyObject[] =>
	objects.filter(({ apiVersion, kind }) => apiVersion.startsWith('networking.k8s.io/') && kind === 'NetworkPolicy') as PolicyObject[];

export const namespaceLabels = (objects: readonly KubernetesObject[], name: string | undefined): StringMap =>
	objects.filter(isCore('Namespace')).find(({ metadata }) => metadata.name === name)?.metadata.labels ?? {};

/** `namespace/name`. */
export const nameOf = ({ metadata }: KubernetesObject): string => `${metadata.namespace}/${metadata.name}`;

export const addressesOfPod = (pod: PodObject): string[] => {
	const all = (pod.status.podIPs ?? []).map(({ ip }) => ip);
	return all.length === 0 && pod.status.podIP !== undefined ? [pod.status.podIP] : all;
};

/** InternalIPs before ExternalIPs; host names are no addresses. */
export const addressesOfNode = (node: NodeObject): string[] =>
	['InternalIP', 'ExternalIP'].flatMap((type) =>
		(node.status.addresses ?? []).filter((entry) => entry.type === type).map(({ address }) => address),
	);

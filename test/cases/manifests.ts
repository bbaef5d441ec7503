import type { KubernetesObject, PolicyObject, StringMap } from '../oracle/objects.ts';

/** Objects as cases write them: only what a case is about. The rest is filled in as an API server would have it. */
export interface ShortObjects {
	readonly namespaces?: readonly { readonly name: string; readonly labels?: StringMap }[];
	readonly nodes?: readonly { readonly name: string; readonly ips: readonly string[] }[];
	readonly pods?: readonly ShortPod[];
	readonly policies?: readonly ShortPolicy[];
	/** Whole objects, as they are. */
	readonly manifests?: readonly KubernetesObject[];
}

type ShortPorts = Readonly<Record<string, number | string>>;

export interface ShortPod {
	readonly name: string;
	/** x where left out. */
	readonly ns?: string;
	/** `{app: <name>}` where left out. */
	readonly labels?: StringMap;
	/** 10.1.0.N by its place where both are left out; those of its node for a host-network Pod. */
	readonly ip?: string;
	readonly ips?: readonly string[];
	/** n1 where left out. */
	readonly node?: string;
	/** Named ports: `{http: 8080, dns: 53/UDP}`. */
	readonly ports?: ShortPorts;
	readonly initPorts?: ShortPorts;
	/** Of an init container that restarts always. */
	readonly sidecarPorts?: ShortPorts;
	readonly hostNetwork?: boolean;
	readonly phase?: string;
}

/** A policy's spec with its name, namespace (x where left out) and annotations beside it. */
export type ShortPolicy = NonNullable<PolicyObject['spec']> & {
	readonly name: string;
	readonly ns?: string;
	readonly annotations?: StringMap;
};

const DEFAULT_NAMESPACE = 'x';
const DEFAULT_NODES = [
	{ name: 'n1', ips: ['10.0.0.1'] },
	{ name: 'n2', ips: ['10.0.0.2'] },
];

/** The objects of a case: what the file shares, then the case's own. */
export function toObjects(shared: ShortObjects, own: ShortObjects): KubernetesObject[] {
	const manifests = [...(shared.manifests ?? []), ...(own.manifests ?? [])];
	const pods = [...(shared.pods ?? []), ...(own.pods ?? [])];
	const policies = [...(shared.policies ?? []), ...(own.policies ?? [])];
	const namespaces = [...(shared.namespaces ?? []), ...(own.namespaces ?? [])];
	const given = [...(shared.nodes ?? []), ...(own.nodes ?? [])];
	// A case of whole objects brings its own nodes.
	const nodes = given.length > 0 || pods.length === 0 ? given : DEFAULT_NODES;
	const mentioned = [...pods, ...policies].map(({ ns = DEFAULT_NAMESPACE }) => ns);
	const unlabelled = [...new Set(mentioned)]
		.filter((name) => !namespaces.some((namespace) => namespace.name === name))
		.map((name) => ({ name }));
	return [
		...[...namespaces, ...unlabelled].map(toNamespace),
		...nodes.map(toNode),
		...pods.map((pod, index) => toPod(pod, index, nodes)),
		...policies.map(toPolicy),
		...manifests,
	];
}

const toNamespace = ({ name, labels }: { name: string; labels?: StringMap }): KubernetesObject => ({
	apiVersion: 'v1',
	kind: 'Namespace',
	metadata: { name, labels: { 'kubernetes.io/metadata.name': name, ...labels } },
});

const toNode = ({ name, ips }: { name: string; ips: readonly string[] }): KubernetesObject => ({
	apiVersion: 'v1',
	kind: 'Node',
	metadata: { name },
	status: { addresses: ips.map((address) => ({ type: 'InternalIP', address })) },
});

function toPod(pod: ShortPod, index: number, nodes: NonNullable<ShortObjects['nodes']>): KubernetesObject {
	const {
		name,
		ns = DEFAULT_NAMESPACE,
		labels = { app: name },
		node = 'n1',
		ports,
		initPorts,
		sidecarPorts,
		hostNetwork,
		phase = 'Running',
	} = pod;
	const nodeIps = nodes.find((candidate) => candidate.name === node)?.ips;
	if (!nodeIps) throw new Error(`Pod ${ns}/${name} runs on an unknown node: ${node}`);
	const ips = pod.ips ?? (pod.ip !== undefined ? [pod.ip] : hostNetwork ? nodeIps : [`10.1.0.${index + 1}`]);
	const initContainers = [
		...(initPorts ? [{ name: 'init', ports: toPorts(initPorts) }] : []),
		...(sidecarPorts ? [{ name: 'sidecar', restartPolicy: 'Always', ports: toPorts(sidecarPorts) }] : []),
	];
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { name, namespace: ns, labels },
		spec: {
			nodeName: node,
			...(hostNetwork && { hostNetwork }),
			containers: [{ name: 'main', ...(ports && { ports: toPorts(ports) }) }],
			...(initContainers.length > 0 && { initContainers }),
		},
		status: { phase, hostIP: nodeIps[0], podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) },
	};
}

function toPorts(ports: ShortPorts): { name: string; containerPort: number; protocol: string }[] {
	return Object.entries(ports).map(([name, text]) => {
		const [number, protocol = 'TCP'] = String(text).split('/');
		return { name, containerPort: Number(number), protocol };
	});
}

const toPolicy = ({ name, ns = DEFAULT_NAMESPACE, annotations, ...spec }: ShortPolicy): KubernetesObject => ({
	apiVersion: 'networking.k8s.io/v1',
	kind: 'NetworkPolicy',
	metadata: { name, namespace: ns, ...(annotations && { annotations }) },
	spec,
});

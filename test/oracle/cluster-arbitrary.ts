import fc from 'fast-check';
import { addressesOfNode, type ContainerObject, type KubernetesObject, type NodeObject } from './objects.ts';
import { compact, labels, NAMESPACE_LABELS, NAMESPACES, namespaceName, POD_LABELS, PORT_NAMES, protocol } from './policy-arbitrary.ts';

/** Three dual-stack nodes: enough for an own node, another, and one without Pods. */
export const NODES: readonly NodeObject[] = [1, 2, 3].map((number) => ({
	apiVersion: 'v1',
	kind: 'Node',
	metadata: { name: `n${number}` },
	status: {
		addresses: [
			{ type: 'Hostname', address: `n${number}` },
			{ type: 'InternalIP', address: `10.0.0.${number}` },
			{ type: 'InternalIP', address: `fd00::${number}` },
		],
	},
}));

export const namespaceObjects: fc.Arbitrary<KubernetesObject[]> = fc.tuple(
	...NAMESPACES.map((name) =>
		labels(NAMESPACE_LABELS).map((own) => ({
			apiVersion: 'v1',
			kind: 'Namespace',
			// The API server gives every Namespace its name as a label.
			metadata: { name, labels: { ...own, 'kubernetes.io/metadata.name': name } },
		})),
	),
);

/** The families of a Pod's addresses, the primary one first. */
const families = fc.oneof(
	{ weight: 4, arbitrary: fc.constant([4]) },
	{ weight: 2, arbitrary: fc.constant([4, 6]) },
	{ weight: 1, arbitrary: fc.constant([6, 4]) },
	{ weight: 1, arbitrary: fc.constant([6]) },
);

const containerPort = fc
	.record({
		name: fc.option(fc.constantFrom(...PORT_NAMES), { nil: undefined, freq: 5 }),
		containerPort: fc.constantFrom(53, 80, 8080),
		protocol: fc.option(protocol, { nil: undefined }),
	})
	.map((fields) => compact<NonNullable<ContainerObject['ports']>[number]>(fields));
/** A name is unique within a container, and only there: two containers may give it different numbers. */
const containerPorts = fc.uniqueArray(containerPort, { maxLength: 3, selector: ({ name, containerPort: number }) => name ?? number });

const containers = fc
	.array(containerPorts, { minLength: 1, maxLength: 2 })
	.map((lists) => lists.map((ports, index) => ({ name: `c${index}`, ports })));
/** Init containers declare ports as well; only those that restart always are sidecars. */
const initContainers = fc.option(
	fc
		.record({ ports: containerPorts, restartPolicy: fc.constantFrom('Always', undefined) })
		.map((fields) => [compact<ContainerObject>({ name: 'i0', ...fields })]),
	{ nil: undefined, freq: 3 },
);

const phase = fc.oneof(
	{ weight: 8, arbitrary: fc.constant('Running') },
	{ weight: 1, arbitrary: fc.constantFrom('Succeeded', 'Failed', 'Pending') },
);

const podDraft = fc.record({
	namespace: namespaceName,
	labels: fc.oneof({ weight: 9, arbitrary: labels(POD_LABELS) }, { weight: 1, arbitrary: fc.constantFrom(undefined, null) }),
	node: fc.constantFrom(...NODES.slice(0, 2)),
	hostNetwork: fc.oneof(
		{ weight: 10, arbitrary: fc.constant(undefined) },
		{ weight: 2, arbitrary: fc.constant(true) },
		{ weight: 1, arbitrary: fc.constant(false) },
	),
	families,
	containers,
	initContainers,
	phase,
});

type PodDraft = typeof podDraft extends fc.Arbitrary<infer Draft> ? Draft : never;

/** Addresses follow from the Pod's place, so that blocks hit and no two running Pods share one; a finished Pod's may be in use again. */
function toPod(draft: PodDraft, index: number): KubernetesObject {
	const number = Number(draft.node.metadata.name.slice(1));
	const last = draft.phase === 'Succeeded' ? index : index + 1;
	const own = draft.families.map((family) => (family === 4 ? `10.1.${number}.${last}` : `fd01::${number}:${last}`));
	const ips = draft.hostNetwork ? addressesOfNode(draft.node) : own;
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: compact({ name: `p${index + 1}`, namespace: draft.namespace, labels: draft.labels }),
		spec: compact({
			nodeName: draft.node.metadata.name,
			hostNetwork: draft.hostNetwork,
			containers: draft.containers,
			initContainers: draft.initContainers,
		}),
		status: { phase: draft.phase, hostIP: addressesOfNode(draft.node)[0], podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) },
	};
}

export const podObjects: fc.Arbitrary<KubernetesObject[]> = fc
	.array(podDraft, { minLength: 3, maxLength: 8, size: 'max' })
	.map((drafts) => drafts.map(toPod));

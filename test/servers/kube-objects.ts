import fc from 'fast-check';
import { parseNetworkPolicy } from '../../functions/policy/manifest.ts';
import { NAMESPACE_LABELS, POD_LABELS, PORT_NAMES, policySpec } from '../oracle/policy-arbitrary.ts';
import { createRandom, type Random } from '../random.ts';
import type { RawObject } from './kube-api.ts';

/** How large a cluster is. Equal sizes and seeds give equal clusters. */
export interface ClusterSize {
	readonly seed: number;
	readonly namespaces: number;
	readonly pods: number;
	readonly policies: number;
}

/** What stands wherever a snapshot must not look. */
export const SECRET = 'planted-secret-7c1f';
const ANNOTATIONS = { 'example.com/password': SECRET };
const PODS_A_NODE = 100;
const PODS_A_SERVICE = 20;

/** Begins every name of a generated cluster, so that several can be in one server. */
export const prefixOf = ({ seed, namespaces, pods, policies }: ClusterSize): string => `t${seed}-${namespaces}-${pods}-${policies}-`;

/** Objects of every kind that is collected, as manifests with the status that a kubelet would report, and Secrets beside them. */
export function generateObjects(size: ClusterSize): RawObject[] {
	const random = createRandom(size.seed);
	const prefix = prefixOf(size);
	const name = (kind: string, index: number) => `${prefix}${kind}${String(index).padStart(5, '0')}`;
	const labels = (vocabulary: Readonly<Record<string, readonly string[]>>) =>
		Object.fromEntries(
			Object.entries(vocabulary)
				.filter(([key]) => !key.startsWith('kubernetes.io/') && random.below(2) === 0)
				.map(([key, values]) => [key, random.pick(values)]),
		);
	const list = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: Math.ceil(count) }, (_, index) => make(index));
	const object = (apiVersion: string, kind: string, more: { metadata: RawObject['metadata']; spec?: unknown }) => ({
		apiVersion,
		kind,
		...more,
	});

	const namespaces = list(size.namespaces, (index) => name('ns', index));
	const nodes = list(size.pods / PODS_A_NODE, (index) => name('node', index));
	const place = (kind: string, index: number) => ({
		name: name(kind, index),
		namespace: random.pick(namespaces),
		annotations: ANNOTATIONS,
	});
	// Some of the generator's are such as only older servers took.
	const specs = fc.sample(policySpec.filter(isTaken), { numRuns: size.policies, seed: size.seed });
	return [
		...namespaces.map((one) =>
			object('v1', 'Namespace', {
				metadata: { name: one, labels: labels(NAMESPACE_LABELS), annotations: ANNOTATIONS },
			}),
		),
		...nodes.map((one, index) => ({
			...object('v1', 'Node', { metadata: { name: one, annotations: ANNOTATIONS } }),
			status: {
				addresses: [
					{ type: 'Hostname', address: one },
					{ type: 'InternalIP', address: address(10, index) },
				],
			},
		})),
		...list(size.pods, (index) => podObject({ metadata: { ...place('pod', index), labels: labels(POD_LABELS) }, index, nodes, random })),
		...list(size.pods / PODS_A_SERVICE, (index) =>
			object('v1', 'Service', {
				metadata: place('svc', index),
				spec: { ...(index % 3 === 0 && { clusterIP: 'None' }), selector: labels(POD_LABELS), ports: [{ port: 80 }] },
			}),
		),
		...specs.map((spec, index) => object('networking.k8s.io/v1', 'NetworkPolicy', { metadata: place('np', index), spec })),
		...list(size.policies / 50, (index) =>
			object('networking.gke.io/v1alpha1', 'FQDNNetworkPolicy', {
				metadata: place('fqdn', index),
				spec: { podSelector: { matchLabels: { app: 'a' } }, egress: [{ matches: [{ name: 'example.com' }] }] },
			}),
		),
		...list(size.policies / 500, (index) =>
			object('cilium.io/v2', 'CiliumClusterwideNetworkPolicy', {
				metadata: { name: name('ccnp', index), annotations: ANNOTATIONS },
				spec: { endpointSelector: { matchLabels: { app: 'no-such-app' } }, ingress: [{}] },
			}),
		),
		object('networking.gke.io/v1alpha1', 'NetworkLogging', {
			metadata: { name: 'default' },
			spec: { cluster: { allow: { log: true, delegate: false }, deny: { log: true, delegate: false } } },
		}),
		...list(size.namespaces / 10, (index) => ({
			...object('v1', 'Secret', { metadata: place('secret', index) }),
			stringData: { password: SECRET },
		})),
	];
}

interface PodPlace {
	readonly metadata: RawObject['metadata'];
	readonly index: number;
	readonly nodes: readonly string[];
	readonly random: Random;
}

function podObject({ metadata, index, nodes, random }: PodPlace) {
	const node = Math.floor(index / PODS_A_NODE);
	const hostNetwork = random.below(20) === 0;
	const podIP = hostNetwork ? address(10, node) : address(20, index);
	const ports = hostNetwork ? [] : [{ name: random.pick(PORT_NAMES), containerPort: random.pick([53, 80, 8080]), protocol: 'TCP' }];
	const container = { name: 'c', image: 'example.com/i:1', env: [{ name: 'PASSWORD', value: SECRET }], args: [SECRET], ports };
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata,
		spec: { nodeName: nodes[node], ...(hostNetwork && { hostNetwork }), containers: [container] },
		status: { phase: 'Running', hostIP: address(10, node), podIP, podIPs: [{ ip: podIP }] },
	};
}

const isTaken = (spec: object): boolean =>
	parseNetworkPolicy({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'x' }, spec }, true).kind === 'ok';

const address = (base: number, index: number): string => `10.${base + (index >>> 16)}.${(index >>> 8) & 255}.${index & 255}`;

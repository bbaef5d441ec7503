import fc from 'fast-check';
import { NODES, namespaceObjects, podObjects } from './cluster-arbitrary.ts';
import {
	addressesOfNode,
	addressesOfPod,
	type KubernetesObject,
	nameOf,
	nodesOf,
	podsOf,
	type ScenarioEnd,
	type ScenarioFlow,
} from './objects.ts';
import { namespaceName, policySpec, protocol } from './policy-arbitrary.ts';

/** A generated cluster and flows in it. All of it follows from fast-check's seed. */
export interface GeneratedScenario {
	readonly objects: readonly KubernetesObject[];
	readonly flows: readonly ScenarioFlow[];
}

/** Outside addresses on both sides of the blocks' edges, some inside the ranges of Pods and nodes, some in another spelling. */
const OUTSIDE = [
	'203.0.113.7',
	'203.0.113.8',
	'203.0.113.15',
	'203.0.113.16',
	'198.51.101.1',
	'198.51.102.0',
	'127.255.255.255',
	'10.1.1.200',
	'10.0.0.77',
	'::ffff:203.0.113.7',
	'2001:db8::7',
	'2001:0db8:0000:0000:0000:0000:0000:0008',
	'2001:db9::',
];

/** Around the numbers that policies and containers name. */
const PORTS = [52, 53, 79, 80, 81, 8079, 8080, 8081, 9090, 9091, 1, 65535];

/** An object of Calico’s of the same kind, which is no NetworkPolicy of Kubernetes. */
const CALICO: KubernetesObject = {
	apiVersion: 'crd.projectcalico.org/v1',
	kind: 'NetworkPolicy',
	metadata: { name: 'default.deny', namespace: 'x' },
	spec: { selector: 'all()', types: ['Ingress', 'Egress'], ingress: [{ action: 'Deny' }], egress: [{ action: 'Deny' }] },
};

/** An end before it is known which Pods there are: `pick` counts among them, so that shrinking the Pods keeps the flow valid. */
const endDraft = fc.record({
	kind: fc.oneof(
		{ weight: 28, arbitrary: fc.constant('pod' as const) },
		{ weight: 8, arbitrary: fc.constant('node' as const) },
		{ weight: 4, arbitrary: fc.constant('outside' as const) },
		// What a log gives of an end that it does not name.
		{ weight: 1, arbitrary: fc.constant('address of a Pod' as const) },
		{ weight: 1, arbitrary: fc.constant('address of a node' as const) },
	),
	pick: fc.nat(63),
	address: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(1) }),
});

type EndDraft = typeof endDraft extends fc.Arbitrary<infer Draft> ? Draft : never;

const pickFrom = <Item>(items: readonly Item[], pick: number): Item => {
	const item = items[pick % items.length];
	if (item === undefined) throw new Error('nothing to pick from');
	return item;
};

function toEnd({ kind, pick, address }: EndDraft, objects: readonly KubernetesObject[]): ScenarioEnd {
	const pod = pickFrom(podsOf(objects), pick);
	const node = pickFrom(nodesOf(objects), pick);
	switch (kind) {
		case 'pod':
			return { pod: nameOf(pod), ...(address !== undefined && { ip: pickFrom(addressesOfPod(pod), address) }) };
		case 'node':
			return { node: node.metadata.name, ...(address !== undefined && { ip: pickFrom(addressesOfNode(node), address) }) };
		case 'outside':
			return { ip: pickFrom(OUTSIDE, pick) };
		case 'address of a Pod':
			return { ip: pickFrom(addressesOfPod(pod), address ?? 0) };
		case 'address of a node':
			return { ip: pickFrom(addressesOfNode(node), address ?? 0) };
	}
	return kind satisfies never;
}

const flowDraft = fc.record({
	src: endDraft,
	dst: endDraft,
	protocol: fc.oneof({ weight: 9, arbitrary: protocol }, { weight: 1, arbitrary: fc.constant('ICMP') }),
	port: fc.oneof({ weight: 2, arbitrary: fc.constantFrom(53, 80, 8080) }, { weight: 1, arbitrary: fc.constantFrom(...PORTS) }),
	direction: fc.constantFrom('ingress' as const, 'egress' as const, 'both' as const),
});

const policyObjects = fc
	.array(fc.record({ namespace: namespaceName, spec: policySpec }), { minLength: 1, maxLength: 8, size: 'max' })
	.map((drafts) =>
		drafts.map(
			({ namespace, spec }, index): KubernetesObject => ({
				apiVersion: 'networking.k8s.io/v1',
				kind: 'NetworkPolicy',
				metadata: { name: `np${index + 1}`, namespace },
				spec,
			}),
		),
	);

/** Clusters of three to eight Pods and up to eight policies, each with up to `maxFlows` flows. */
export function scenarios(maxFlows = 16): fc.Arbitrary<GeneratedScenario> {
	const calico = fc.oneof({ weight: 7, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.constant([CALICO]) });
	const generated = fc
		.tuple(namespaceObjects, podObjects, policyObjects, calico, fc.array(flowDraft, { minLength: 1, maxLength: maxFlows, size: 'max' }))
		.map(([namespaces, pods, policies, others, drafts]) => {
			const objects = [...namespaces, ...NODES, ...pods, ...policies, ...others];
			const flows = drafts.map(({ src, dst, protocol: name, port, direction }): ScenarioFlow => {
				const source = toEnd(src, objects);
				const destination = toEnd(dst, objects);
				return { src: source, dst: destination, protocol: name, ...(name !== 'ICMP' && { port }), direction };
			});
			return { objects, flows };
		});
	// Fast-check prefers small values, which here means one Pod, and that one over and over.
	return fc.noBias(generated);
}

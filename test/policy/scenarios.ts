import type { ConstructId } from '../../functions/policy/constructs.ts';
import type { Evidence, Finding } from '../../functions/policy/finding.ts';
import type {
	ClusterState,
	Disposition,
	Flow,
	LabelRequirement,
	LabelSelector,
	NetworkPolicy,
	PodState,
	PolicyPeer,
} from '../../functions/policy/model.ts';
import type { SemanticsId } from '../../functions/policy/semantics.ts';
import { block, cluster, labels, pod, policy, rule } from './cluster.ts';

/** One flow for each way in which a construct decides, with the piece of evidence and the sentence that it must give. */
export interface Decided {
	readonly name: string;
	readonly construct: ConstructId;
	readonly state: Partial<ClusterState>;
	readonly disposition: Disposition;
	readonly flow: Partial<Flow>;
	readonly finding: Finding;
	/** The deciding piece; `policyKind`, namespace `default` and name `p` where nothing else is said. */
	readonly piece: Pick<Evidence, 'role' | 'rule' | 'peer' | 'port' | 'clause'>;
	/** The semantics under which the construct makes the difference. */
	readonly under: readonly SemanticsId[];
	readonly sentence: string;
}

const GENERATIONS: readonly SemanticsId[] = ['cilium-1.12', 'cilium-1.13', 'cilium-1.14', 'cilium-1.15', 'cilium-1.16', 'cilium-1.20'];
const NO_REMOTE = 'cilium-1.13+no-remote-node-identity';
const NODES = 'cilium-1.15+cidr-match-nodes';
const EVERY: readonly SemanticsId[] = [...GENERATIONS, NO_REMOTE, NODES];
const to = (generation: SemanticsId, ...variants: SemanticsId[]) => [
	...GENERATIONS.slice(0, GENERATIONS.indexOf(generation) + 1),
	...variants,
];

const INGRESS = { direction: 'ingress' } as const;
const EGRESS = { direction: 'egress' } as const;
const from = (...peers: PolicyPeer[]): Partial<ClusterState> => ({ policies: [policy({ ingress: [rule({ peers })] })] });
const out = (own: Partial<NetworkPolicy>): NetworkPolicy => policy({ types: ['egress'], ...own });
const expression = (key: string, operator: LabelRequirement['operator'], ...values: string[]): LabelSelector => ({
	matchLabels: {},
	matchExpressions: [{ key, operator, values }],
});

const HASH = 'pod-template-hash';
const hashed: readonly PodState[] = cluster().state.pods.map((each) => ({ ...each, labels: { ...each.labels, [HASH]: 'a1' } }));
const http = (port: number, init?: 'sidecar') => [{ name: 'http', port, protocol: 'TCP', ...(init && { init }) }] as const;
const withPorts = (named: Readonly<Record<string, NonNullable<PodState['ports']>>>): readonly PodState[] =>
	cluster().state.pods.map(({ ports: _, ...each }) => {
		const ports = named[each.name];
		return ports ? { ...each, ports } : each;
	});
const NAMED = rule({ ports: [{ protocol: 'TCP', port: 'http' }] });
const SERVICE = { namespace: 'default', name: 's', type: 'LoadBalancer', selector: { app: 'web' } };
const KUBE_DNS = { namespace: 'kube-system', name: 'kube-dns', labels: { 'k8s-app': 'kube-dns' }, ips: ['10.32.2.53'], node: 'n2' };

const NODE_SENTENCE =
	'an ipBlock does not match the nodes of the cluster and their host-network Pods on Dataplane V2, unless an option that GKE does not document is set';
const LABEL_SENTENCE = 'the label is no part of a Pod’s identity on Dataplane V2, so selectors treat every Pod as if it did not have it';
const LABEL_ADVICE = 'Select by a label of your own, such as app.kubernetes.io/name.';
const TYPES_SENTENCE =
	'Dataplane V2 enforces rules in a direction that policyTypes leaves out, isolation included; Kubernetes and Calico ignore them';
const TYPES_ADVICE = 'Delete those rules, or name their direction in policyTypes.';
const SCTP_SENTENCE =
	'the oldest generation of Dataplane V2 refuses the whole policy because of its SCTP port: it neither isolates nor admits. Move the SCTP ports to a policy of their own.';
const WEB = 'default/client to default/web on TCP 8080';

export const ADDRESSES: readonly Decided[] = [
	{
		name: 'an ipBlock over a Pod',
		construct: 'ipblock-pod',
		state: from(block('203.0.113.0/24'), block('10.32.1.3/32')),
		disposition: 'deny',
		flow: INGRESS,
		finding: 'void-rule',
		piece: { role: 'void', rule: 0, peer: 1, clause: 'ipBlock 10.32.1.3/32' },
		under: EVERY,
		sentence: `Broken by the move: ${WEB}. Ingress rule 0 of default/p admitted it before (peer 1, ipBlock 10.32.1.3/32), but an ipBlock never matches a Pod of the cluster on Dataplane V2, whatever its width. Select the Pods by their labels (podSelector, with namespaceSelector for another namespace) instead of their addresses.`,
	},
	{
		name: 'an ipBlock over a node',
		construct: 'ipblock-node',
		state: from(block('10.128.0.0/20')),
		disposition: 'deny',
		flow: { ...INGRESS, source: { node: 'n2' } },
		finding: 'void-rule',
		piece: { role: 'void', rule: 0, peer: 0, clause: 'ipBlock 10.128.0.0/20' },
		under: GENERATIONS,
		sentence: `Broken by the move: node n2 (10.128.0.2) to default/web on TCP 8080. Ingress rule 0 of default/p admitted it before (peer 0, ipBlock 10.128.0.0/20), but ${NODE_SENTENCE}. Admit the port from everywhere (a rule without peers), or see that the client keeps an address of its own.`,
	},
	{
		name: 'a node without an identity of its own',
		construct: 'ipblock-node',
		state: { policies: [policy()] },
		disposition: 'allow',
		flow: { ...INGRESS, source: pod('agent', 'kube-system') },
		finding: 'newly-open',
		piece: { role: 'opens' },
		under: [NO_REMOTE],
		sentence:
			'Open only since the move: kube-system/agent on the host network (10.128.0.2) to default/web on TCP 8080 was denied before. Without an identity of their own, other nodes count as the local one and reach every Pod. Admit the port from everywhere (a rule without peers), or see that the client keeps an address of its own.',
	},
	{
		name: 'a client behind a load balancer',
		construct: 'snat-remote-node',
		state: { ...from(block('0.0.0.0/0')), services: [SERVICE] },
		disposition: 'deny',
		flow: { ...INGRESS, source: { ip: '10.128.0.2' } },
		finding: 'void-rule',
		piece: { role: 'void', rule: 0, peer: 0, clause: 'ipBlock 0.0.0.0/0' },
		under: GENERATIONS,
		sentence:
			'Broken by the move: node n2 (10.128.0.2) to default/web on TCP 8080. Ingress rule 0 of default/p admitted it before (peer 0, ipBlock 0.0.0.0/0), but the client reached the Pod through another node (externalTrafficPolicy: Cluster) and is seen with that node’s address, which no ipBlock matches on Dataplane V2. Set externalTrafficPolicy: Local on the Service, or admit the port from everywhere.',
	},
	{
		name: 'all addresses of the other family',
		construct: 'any-cidr-dual-stack',
		state: from(block('0.0.0.0/0')),
		disposition: 'allow',
		flow: { ...INGRESS, source: { ip: '2001:db8::7' } },
		finding: 'newly-open',
		piece: { role: 'opens', rule: 0, peer: 0, clause: 'ipBlock 0.0.0.0/0' },
		under: to('cilium-1.14', NO_REMOTE),
		sentence:
			'Open only since the move: 2001:db8::7 to default/web on TCP 8080 was denied before. Ingress rule 0 of default/p opens it (peer 0, ipBlock 0.0.0.0/0): an ipBlock of all addresses of one family also admits outside addresses of the other family on older generations of Dataplane V2. Write both families, each with its own ipBlock.',
	},
	{
		name: 'the metadata server by its address after translation',
		construct: 'metadata-dnat',
		state: {
			policies: [out({ egress: [rule({ peers: [block('169.254.169.252/32')], ports: [{ protocol: 'TCP', port: 988 }] })] })],
		},
		disposition: 'deny',
		flow: { ...EGRESS, destination: { ip: '169.254.169.254' }, port: 80 },
		finding: 'void-rule',
		piece: { role: 'void', rule: 0, peer: 0, port: 0, clause: 'ipBlock 169.254.169.252/32, TCP 988' },
		under: EVERY,
		sentence:
			'Broken by the move: default/client to metadata server (169.254.169.254) on TCP 80. Egress rule 0 of default/p admitted it before (peer 0, ipBlock 169.254.169.252/32, TCP 988), but Dataplane V2 sees the metadata server as 169.254.169.254, TCP 80 and 8080, not as 169.254.169.252, TCP 988 and 987. Admit egress to 169.254.169.254/32 on TCP 80 and 8080 beside the older rule.',
	},
	{
		name: 'DNS by the address of the cache',
		construct: 'node-local-dns',
		state: {
			pods: [...cluster().state.pods, KUBE_DNS],
			cluster: { location: 'l', name: 'c', nodeLocalDns: true },
			policies: [out({ egress: [rule({ peers: [block('169.254.20.10/32')] })] })],
		},
		disposition: 'deny',
		flow: { ...EGRESS, destination: pod('kube-dns', 'kube-system'), port: 53, protocol: 'UDP' },
		finding: 'void-rule',
		piece: { role: 'void', rule: 0, peer: 0, clause: 'ipBlock 169.254.20.10/32' },
		under: EVERY,
		sentence:
			'Broken by the move: default/client to kube-system/kube-dns on UDP 53. Egress rule 0 of default/p admitted it before (peer 0, ipBlock 169.254.20.10/32), but with NodeLocal DNSCache, DNS requests have another destination on Dataplane V2 than the address that the rule names. Admit DNS by selecting the kube-dns and node-local-dns Pods in kube-system, and by 169.254.20.10/32, on UDP and TCP 53.',
	},
];

export const PORTS: readonly Decided[] = [
	{
		name: 'a port entry with a protocol only',
		construct: 'port-protocol-only',
		state: {
			policies: [policy({ ingress: [rule({ peers: [{ podSelector: labels() }], ports: [{ protocol: 'UDP' }, { protocol: 'TCP' }] })] })],
		},
		disposition: 'deny',
		flow: INGRESS,
		finding: 'void-rule',
		piece: { role: 'void', rule: 0, port: 1, clause: 'TCP without a port' },
		under: to('cilium-1.13', NO_REMOTE),
		sentence: `Broken by the move: ${WEB}. Ingress rule 0 of default/p admitted it before (port entry 1, TCP without a port), but a port entry without a port admits nothing on older generations of Dataplane V2. Write the port numbers, or leave \`ports\` out to admit all of them.`,
	},
	{
		name: 'a range of ports',
		construct: 'end-port',
		state: { policies: [policy({ ingress: [rule({ ports: [{ protocol: 'TCP', port: 8000, endPort: 9000 }] })] })] },
		disposition: 'deny',
		flow: INGRESS,
		finding: 'void-rule',
		piece: { role: 'void', rule: 0, port: 0, clause: 'TCP 8000-9000' },
		under: to('cilium-1.15', NO_REMOTE, NODES),
		sentence: `Broken by the move: ${WEB}. Ingress rule 0 of default/p admitted it before (port entry 0, TCP 8000-9000), but only the first port of a range is admitted on older generations of Dataplane V2. List the ports one by one.`,
	},
	{
		name: 'a policy with SCTP that isolated',
		construct: 'sctp-rejected',
		state: { policies: [policy({ ingress: [rule({ ports: [{ protocol: 'SCTP', port: 1 }] })] })] },
		disposition: 'allow',
		flow: INGRESS,
		finding: 'newly-open',
		piece: { role: 'opens', clause: 'the policy as a whole' },
		under: ['cilium-1.12'],
		sentence: `Open only since the move: ${WEB} was denied before. Policy default/p no longer isolates the Pod (the policy as a whole): ${SCTP_SENTENCE}`,
	},
	{
		name: 'a policy with SCTP that admitted',
		construct: 'sctp-rejected',
		state: {
			policies: [policy({ ingress: [rule({ ports: [{ protocol: 'SCTP', port: 1 }] }), rule()] }), policy({ name: 'deny' })],
		},
		disposition: 'deny',
		flow: INGRESS,
		finding: 'void-rule',
		piece: { role: 'void', rule: 1, clause: 'the policy as a whole' },
		under: ['cilium-1.12'],
		sentence: `Broken by the move: ${WEB}. Ingress rule 1 of default/p admitted it before (the policy as a whole), but ${SCTP_SENTENCE}`,
	},
	{
		name: 'a name with different numbers',
		construct: 'named-port-ambiguous',
		state: { pods: withPorts({ web: http(8080), far: http(80) }), policies: [out({ egress: [NAMED] })] },
		disposition: 'deny',
		flow: EGRESS,
		finding: 'void-rule',
		piece: { role: 'void', rule: 0, port: 0, clause: 'TCP http' },
		under: to('cilium-1.16', NO_REMOTE, NODES),
		sentence: `Broken by the move: ${WEB}. Egress rule 0 of default/p admitted it before (port entry 0, TCP http), but the name stands for different numbers on the cluster’s Pods, and Dataplane V2 before its newest generation then skips the port entry. Write the port numbers.`,
	},
	{
		name: 'a name that the destination does not define',
		construct: 'named-port-widened',
		state: { pods: withPorts({ far: http(8080) }), policies: [out({ egress: [NAMED] })] },
		disposition: 'allow',
		flow: EGRESS,
		finding: 'newly-open',
		piece: { role: 'opens', rule: 0, port: 0, clause: 'TCP http' },
		under: to('cilium-1.16', NO_REMOTE, NODES),
		sentence: `Open only since the move: ${WEB} was denied before. Egress rule 0 of default/p opens it (port entry 0, TCP http): Dataplane V2 before its newest generation takes the name for the one number it has in the cluster, even towards peers that do not define it. Write the port number, and narrow the peers.`,
	},
	...(['ingress', 'egress'] as const).map(
		(direction): Decided => ({
			name: `a name of a native sidecar for ${direction}`,
			construct: 'named-port-unresolved',
			state: { pods: withPorts({ web: http(8080, 'sidecar') }), policies: [policy({ types: [direction], [direction]: [NAMED] })] },
			disposition: 'deny',
			flow: { direction },
			finding: 'void-rule',
			piece: { role: 'void', rule: 0, port: 0, clause: 'TCP http' },
			under: EVERY,
			sentence: `Broken by the move: ${WEB}. ${direction === 'ingress' ? 'Ingress' : 'Egress'} rule 0 of default/p admitted it before (port entry 0, TCP http), but no container of the destination defines the name with this protocol (init containers do not count on Dataplane V2). Declare the port on the container that serves it, or write its number.`,
		}),
	),
];

export const SELECTORS: readonly Decided[] = [
	{
		name: 'rules of an unlisted direction that isolate',
		construct: 'policy-types-overreach',
		state: { policies: [out({ ingress: [rule({ ports: [{ protocol: 'TCP', port: 443 }] })] })] },
		disposition: 'deny',
		flow: INGRESS,
		finding: 'overreach',
		piece: { role: 'isolates', clause: 'policyTypes without Ingress' },
		under: EVERY,
		sentence: `Denied only since the move: ${WEB}. Before, nothing isolated default/web for ingress. Policy default/p isolates the Pod (policyTypes without Ingress): ${TYPES_SENTENCE}. ${TYPES_ADVICE}`,
	},
	{
		name: 'rules of an unlisted direction that admit',
		construct: 'policy-types-overreach',
		state: { policies: [policy({ egress: [rule()] }), out({ name: 'deny' })] },
		disposition: 'allow',
		flow: EGRESS,
		finding: 'newly-open',
		piece: { role: 'opens', rule: 0, clause: 'policyTypes without Egress' },
		under: EVERY,
		sentence: `Open only since the move: ${WEB} was denied before. Egress rule 0 of default/p opens it (policyTypes without Egress): ${TYPES_SENTENCE}. ${TYPES_ADVICE}`,
	},
	{
		name: 'a peer by a label that is not seen',
		construct: 'label-not-identity',
		state: { pods: hashed, ...from({ podSelector: labels({ [HASH]: 'a1' }) }) },
		disposition: 'deny',
		flow: INGRESS,
		finding: 'void-rule',
		piece: { role: 'void', rule: 0, peer: 0, clause: `podSelector ${HASH}=a1` },
		under: EVERY,
		sentence: `Broken by the move: ${WEB}. Ingress rule 0 of default/p admitted it before (peer 0, podSelector ${HASH}=a1), but ${LABEL_SENTENCE}. ${LABEL_ADVICE}`,
	},
	{
		name: 'a peer by the absence of a label that is not seen',
		construct: 'label-not-identity',
		state: { pods: hashed, ...from({ podSelector: expression(HASH, 'NotIn', 'a1') }) },
		disposition: 'allow',
		flow: INGRESS,
		finding: 'newly-open',
		piece: { role: 'opens', rule: 0, peer: 0, clause: `podSelector ${HASH} NotIn (a1)` },
		under: EVERY,
		sentence: `Open only since the move: ${WEB} was denied before. Ingress rule 0 of default/p opens it (peer 0, podSelector ${HASH} NotIn (a1)): ${LABEL_SENTENCE}. ${LABEL_ADVICE}`,
	},
	{
		name: 'a subject by a label that is not seen',
		construct: 'label-not-identity',
		state: { pods: hashed, policies: [policy({ podSelector: labels({ [HASH]: 'a1' }) })] },
		disposition: 'allow',
		flow: INGRESS,
		finding: 'newly-open',
		piece: { role: 'opens', clause: 'podSelector' },
		under: EVERY,
		sentence: `Open only since the move: ${WEB} was denied before. Policy default/p no longer isolates the Pod (podSelector): ${LABEL_SENTENCE}. ${LABEL_ADVICE}`,
	},
	{
		name: 'a subject by the absence of a label that is not seen',
		construct: 'label-not-identity',
		state: { pods: hashed, policies: [policy({ podSelector: expression(HASH, 'NotIn', 'a1') })] },
		disposition: 'deny',
		flow: INGRESS,
		finding: 'overreach',
		piece: { role: 'isolates', clause: 'podSelector' },
		under: EVERY,
		sentence: `Denied only since the move: ${WEB}. Before, nothing isolated default/web for ingress. Policy default/p isolates the Pod (podSelector): ${LABEL_SENTENCE}. ${LABEL_ADVICE}`,
	},
	{
		name: 'a namespaceSelector that only excludes',
		construct: 'negative-namespace-selector',
		state: from({ namespaceSelector: expression('team', 'DoesNotExist') }),
		disposition: 'allow',
		flow: { ...INGRESS, source: { ip: '203.0.113.7' } },
		finding: 'newly-open',
		piece: { role: 'opens', rule: 0, peer: 0, clause: 'namespaceSelector team DoesNotExist' },
		under: to('cilium-1.16', NO_REMOTE, NODES),
		sentence:
			'Open only since the move: 203.0.113.7 to default/web on TCP 8080 was denied before. Ingress rule 0 of default/p opens it (peer 0, namespaceSelector team DoesNotExist): a namespaceSelector of nothing but NotIn or DoesNotExist also admits outside addresses and nodes on Dataplane V2 before its newest generation. Add a positive requirement, such as `kubernetes.io/metadata.name` Exists, or a positive podSelector.',
	},
];

export const DECIDED: readonly Decided[] = [...ADDRESSES, ...PORTS, ...SELECTORS];

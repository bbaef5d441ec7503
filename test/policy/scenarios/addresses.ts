import { block, cluster, pod, policy, rule } from '../cluster.ts';
import { type Decided, EGRESS, EVERY, from, GENERATIONS, INGRESS, NO_REMOTE, out, to, WEB } from './scenario.ts';

const SERVICE = { namespace: 'default', name: 's', type: 'LoadBalancer', selector: { app: 'web' } };
const KUBE_DNS = { namespace: 'kube-system', name: 'kube-dns', labels: { 'k8s-app': 'kube-dns' }, ips: ['10.32.2.53'], node: 'n2' };
const NODE_SENTENCE =
	'an ipBlock does not match the nodes of the cluster and their host-network Pods on Dataplane V2, unless an option that GKE does not document is set';

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
			'Open only since the move: kube-system/agent on the host network (10.128.0.2) to default/web on TCP 8080 was denied before. Without an identity of their own, other nodes count as the local one and reach every Pod.',
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

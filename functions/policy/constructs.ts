/**
 * The catalogue of what loses or changes its meaning on Dataplane V2. One vocabulary: the same id in the engine, the linter, the column
 * `constructs`, alerts, the documentation's headings and SARIF.
 */
export interface Construct {
	readonly title: string;
	/** Why it behaves differently, in a sentence that follows the name of the policy. */
	readonly explanation: string;
	/** What to write instead. */
	readonly suggestion: string;
	/** How bad it is when it decides a flow: `high` breaks or opens traffic, `medium` may, `low` only hinders reading. */
	readonly severity: 'high' | 'medium' | 'low';
	/** Whether the difference itself is established, or depends on settings that GKE does not document. */
	readonly sure: 'certain' | 'likely';
	readonly links: readonly string[];
}

const GKE_NETWORK_POLICY = 'https://cloud.google.com/kubernetes-engine/docs/how-to/network-policy';
const GKE_DATAPLANE_V2 = 'https://cloud.google.com/kubernetes-engine/docs/concepts/dataplane-v2';
const CILIUM_K8S_POLICY = 'https://docs.cilium.io/en/stable/network/kubernetes/policy/';
const cilium = (issue: number) => `https://github.com/cilium/cilium/issues/${issue}`;

export const CONSTRUCTS = {
	'ipblock-pod': {
		title: 'ipBlock that covers Pod addresses',
		explanation: 'an ipBlock never matches a Pod of the cluster on Dataplane V2, whatever its width',
		suggestion: 'select the Pods by their labels (podSelector, with namespaceSelector for another namespace) instead of their addresses',
		severity: 'high',
		sure: 'certain',
		links: [GKE_NETWORK_POLICY, cilium(9209)],
	},
	'ipblock-node': {
		title: 'ipBlock that covers node addresses',
		explanation:
			'an ipBlock does not match the nodes of the cluster and their host-network Pods on Dataplane V2, unless an option that GKE does not document is set',
		suggestion: 'admit the port from everywhere (a rule without peers), or see that the client keeps an address of its own',
		severity: 'high',
		sure: 'likely',
		links: [cilium(20550), cilium(14989)],
	},
	'ipblock-service': {
		title: 'ipBlock that covers Service addresses',
		explanation: 'policy never sees a ClusterIP: the address is translated to a backend Pod before policy is applied',
		suggestion: 'select the Pods behind the Service by their labels',
		severity: 'medium',
		sure: 'certain',
		links: [GKE_NETWORK_POLICY],
	},
	'port-protocol-only': {
		title: 'port entry with a protocol and no port',
		explanation: 'a port entry without a port admits nothing on older generations of Dataplane V2',
		suggestion: 'write the port numbers, or leave `ports` out to admit all of them',
		severity: 'high',
		sure: 'certain',
		links: [cilium(14678), cilium(21184), cilium(22975)],
	},
	'end-port': {
		title: 'port range (endPort)',
		explanation: 'only the first port of a range is admitted on older generations of Dataplane V2',
		suggestion: 'list the ports one by one',
		severity: 'high',
		sure: 'certain',
		links: [cilium(28704), cilium(32807)],
	},
	'sctp-rejected': {
		title: 'SCTP in a policy',
		explanation: 'the oldest generation of Dataplane V2 refuses the whole policy because of its SCTP port: it neither isolates nor admits',
		suggestion: 'move the SCTP ports to a policy of their own',
		severity: 'high',
		sure: 'certain',
		links: [CILIUM_K8S_POLICY],
	},
	'named-port-ambiguous': {
		title: 'named egress port with different numbers',
		explanation:
			'the name stands for different numbers on the cluster’s Pods, and Dataplane V2 before its newest generation then skips the port entry',
		suggestion: 'write the port numbers',
		severity: 'high',
		sure: 'certain',
		links: [cilium(24779), cilium(30003), cilium(44429)],
	},
	'named-port-widened': {
		title: 'named egress port that admits more',
		explanation:
			'Dataplane V2 before its newest generation takes the name for the one number it has in the cluster, even towards peers that do not define it',
		suggestion: 'write the port number, and narrow the peers',
		severity: 'medium',
		sure: 'certain',
		links: [cilium(30003)],
	},
	'named-port-unresolved': {
		title: 'named port that the destination does not define',
		explanation: 'no container of the destination defines the name with this protocol (init containers do not count on Dataplane V2)',
		suggestion: 'declare the port on the container that serves it, or write its number',
		severity: 'medium',
		sure: 'certain',
		links: [CILIUM_K8S_POLICY],
	},
	'policy-types-overreach': {
		title: 'rules in a direction that policyTypes leaves out',
		explanation:
			'Dataplane V2 enforces rules in a direction that policyTypes leaves out, isolation included; Kubernetes and Calico ignore them',
		suggestion: 'delete those rules, or name their direction in policyTypes',
		severity: 'high',
		sure: 'certain',
		links: [cilium(48703)],
	},
	'label-not-identity': {
		title: 'selector on a label that Dataplane V2 does not see',
		explanation: 'the label is no part of a Pod’s identity on Dataplane V2, so selectors treat every Pod as if it did not have it',
		suggestion: 'select by a label of your own, such as app.kubernetes.io/name',
		severity: 'high',
		sure: 'likely',
		links: ['https://docs.cilium.io/en/stable/operations/performance/scalability/identity-relevant-labels/'],
	},
	'negative-namespace-selector': {
		title: 'namespaceSelector that only excludes',
		explanation:
			'a namespaceSelector of nothing but NotIn or DoesNotExist also admits outside addresses and nodes on Dataplane V2 before its newest generation',
		suggestion: 'add a positive requirement, such as `kubernetes.io/metadata.name` Exists, or a positive podSelector',
		severity: 'high',
		sure: 'certain',
		links: [cilium(46949)],
	},
	'any-cidr-dual-stack': {
		title: 'ipBlock of all addresses on a dual-stack cluster',
		explanation:
			'an ipBlock of all addresses of one family also admits outside addresses of the other family on older generations of Dataplane V2',
		suggestion: 'write both families, each with its own ipBlock',
		severity: 'medium',
		sure: 'certain',
		links: [CILIUM_K8S_POLICY],
	},
	'snat-remote-node': {
		title: 'client behind a load balancer, seen as a node',
		explanation:
			'the client reached the Pod through another node (externalTrafficPolicy: Cluster) and is seen with that node’s address, which no ipBlock matches on Dataplane V2',
		suggestion: 'set externalTrafficPolicy: Local on the Service, or admit the port from everywhere',
		severity: 'high',
		sure: 'likely',
		links: [GKE_DATAPLANE_V2],
	},
	'metadata-dnat': {
		title: 'metadata server by its address after translation',
		explanation: 'Dataplane V2 sees the metadata server as 169.254.169.254, TCP 80 and 8080, not as 169.254.169.252, TCP 988 and 987',
		suggestion: 'admit egress to 169.254.169.254/32 on TCP 80 and 8080 beside the older rule',
		severity: 'high',
		sure: 'likely',
		links: [GKE_NETWORK_POLICY, 'https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity'],
	},
	'node-local-dns': {
		title: 'DNS by the address of a resolver',
		explanation: 'with NodeLocal DNSCache, DNS requests have another destination on Dataplane V2 than the address that the rule names',
		suggestion: 'admit DNS by selecting the kube-dns and node-local-dns Pods in kube-system, and by 169.254.20.10/32, on UDP and TCP 53',
		severity: 'high',
		sure: 'likely',
		links: ['https://cloud.google.com/kubernetes-engine/docs/how-to/nodelocal-dns-cache'],
	},
	'calico-crd': {
		title: 'policy of Calico’s own kinds',
		explanation: 'Dataplane V2 ignores the policies of Calico’s own kinds: what they admitted and what they denied is gone',
		suggestion: 'rewrite it as a NetworkPolicy (or a cluster-wide policy) before the move',
		severity: 'high',
		sure: 'certain',
		links: [GKE_DATAPLANE_V2],
	},
	'renamed-in-logs': {
		title: 'policy with another name in the logs',
		explanation: 'an annotation gives the policy another name in the logs than the object has',
		suggestion: 'remove the annotation (policy.cilium.io/name, or the older io.cilium.name)',
		severity: 'low',
		sure: 'certain',
		links: [CILIUM_K8S_POLICY],
	},
	'multi-network': {
		title: 'policy for an additional network',
		explanation: 'the annotation networking.gke.io/network makes the policy apply to that network’s interfaces only',
		suggestion: 'do not count on it for the default network',
		severity: 'low',
		sure: 'likely',
		links: ['https://cloud.google.com/kubernetes-engine/docs/how-to/setup-multinetwork-support-for-pods'],
	},
} as const satisfies Record<string, Construct>;

export type ConstructId = keyof typeof CONSTRUCTS;
export const constructOf = (id: ConstructId): Construct => CONSTRUCTS[id];

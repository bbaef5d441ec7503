import { cidrContains } from './address.ts';
import {
	type ContainerObject,
	type KubernetesObject,
	namespaceLabels,
	type PeerObject,
	type PodObject,
	type PolicyObject,
	type PortObject,
	type RequirementObject,
	type RuleObject,
	type SelectorObject,
	type StringMap,
} from './objects.ts';

/** One end of a flow: a Pod, a node (by name), or nothing of this cluster; with its address in this flow. */
export interface OracleEnd {
	readonly pod?: PodObject;
	readonly node?: string;
	readonly address?: string;
}

/** The traffic that a rule is asked about. */
export interface Traffic {
	readonly peer: OracleEnd;
	readonly destination: OracleEnd;
	readonly protocol: string;
	readonly port: number | undefined;
}

/** "The traffic must match both ports and from." */
export function ruleMatches(rule: RuleObject, traffic: Traffic, policy: PolicyObject, objects: readonly KubernetesObject[]): boolean {
	const peers = rule.from ?? rule.to ?? [];
	const ports = rule.ports ?? [];
	// "If this field is empty or missing, this rule matches all sources (traffic not restricted by source). If this field is present and
	// contains at least one item, this rule allows traffic only if the traffic matches at least one item in the from list."
	const fromMatches = peers.length === 0 || peers.some((peer) => peerMatches(peer, traffic.peer, policy, objects));
	// "Each item in this list is combined using a logical OR. If this field is empty or missing, this rule matches all ports (traffic not
	// restricted by port). If this field is present and contains at least one item, then this rule allows traffic only if the traffic
	// matches at least one port in the list."
	const portsMatch = ports.length === 0 || ports.some((port) => portMatches(port, traffic));
	return fromMatches && portsMatch;
}

/** "NetworkPolicyPeer describes a peer to allow traffic to/from. Only certain combinations of fields are allowed." */
function peerMatches(peer: PeerObject, end: OracleEnd, policy: PolicyObject, objects: readonly KubernetesObject[]): boolean {
	// "ipBlock defines policy on a particular IPBlock. If this field is set then neither of the other fields can be." It speaks of
	// addresses, whoever has them: a Pod, a node or something outside.
	if (peer.ipBlock) {
		const { cidr, except } = peer.ipBlock;
		const address = end.address;
		if (address === undefined || !cidrContains(cidr, address)) return false;
		// "The except entry describes CIDRs that should not be included within this rule."
		return !(except ?? []).some((excluded) => cidrContains(excluded, address));
	}
	// Selectors select Pods, and nothing else.
	if (end.pod === undefined) return false;
	// "The network plugin cannot properly distinguish hostNetwork pod traffic, and so it ignores hostNetwork pods when matching
	// podSelector and namespaceSelector. Traffic to/from hostNetwork pods is treated the same as all other traffic to/from the node IP."
	// (Kubernetes documentation, Network Policies: "this is the most common implementation")
	if (end.pod.spec.hostNetwork === true) return false;
	const podNamespace = end.pod.metadata.namespace;
	const podLabels = end.pod.metadata.labels ?? {};
	if (peer.namespaceSelector) {
		if (!selectorMatches(peer.namespaceSelector, namespaceLabels(objects, podNamespace))) return false;
		// "If podSelector is also set, then the NetworkPolicyPeer as a whole selects the pods matching podSelector in the namespaces
		// selected by namespaceSelector. Otherwise it selects all pods in the namespaces selected by namespaceSelector."
		return !peer.podSelector || selectorMatches(peer.podSelector, podLabels);
	}
	// "Otherwise it selects the pods matching podSelector in the policy's own namespace."
	return !!peer.podSelector && podNamespace === policy.metadata.namespace && selectorMatches(peer.podSelector, podLabels);
}

/** "NetworkPolicyPort describes a port to allow traffic on." */
function portMatches(entry: PortObject, { destination, protocol, port }: Traffic): boolean {
	// "protocol represents the protocol (TCP, UDP, or SCTP) which traffic must match. If not specified, this field defaults to TCP."
	if ((entry.protocol ?? 'TCP') !== protocol) return false;
	// "If this field is not provided, this matches all port names and numbers."
	if (entry.port === undefined || entry.port === null) return true;
	// "If present, only traffic on the specified protocol AND port will be matched."
	if (port === undefined) return false;
	// "This can either be a numerical or named port on a pod."
	if (typeof entry.port === 'string') return numbersOf(entry.port, protocol, destination.pod).includes(port);
	// "endPort indicates that the range of ports from port to endPort if set, inclusive, should be allowed by the policy."
	return port >= entry.port && port <= (entry.endPort ?? entry.port);
}

/** The numbers that a port's name has on a Pod: several where several containers use the name. None on what is no Pod. */
function numbersOf(name: string, protocol: string, pod: PodObject | undefined): number[] {
	if (!pod) return [];
	// An init container with `restartPolicy: Always` "is often referred to as a "sidecar" container" and runs as long as the Pod does. Any
	// other has ended before the Pod takes traffic.
	const sidecars = (pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
	const containers: ContainerObject[] = [...(pod.spec.containers ?? []), ...sidecars];
	return containers
		.flatMap(({ ports }) => ports ?? [])
		.filter((declared) => declared.name === name && (declared.protocol ?? 'TCP') === protocol)
		.map(({ containerPort }) => containerPort);
}

/** "The result of matchLabels and matchExpressions are ANDed. An empty label selector matches all objects." */
export function selectorMatches(selector: SelectorObject, labels: StringMap): boolean {
	// "A single {key,value} in the matchLabels map is equivalent to an element of matchExpressions, whose key field is "key", the operator
	// is "In", and the values array contains only "value"."
	const equalities = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({ key, operator: 'In', values: [value] }));
	return [...equalities, ...(selector.matchExpressions ?? [])].every((requirement) => requirementMatches(requirement, labels));
}

/** "Valid operators are In, NotIn, Exists and DoesNotExist." */
function requirementMatches({ key, operator, values }: RequirementObject, labels: StringMap): boolean {
	const present = Object.keys(labels).includes(key);
	const listed = present && (values ?? []).some((value) => value === labels[key]);
	switch (operator) {
		case 'In':
			return listed;
		// "tier notin (frontend, backend)" selects "values other than frontend and backend, and all resources with no labels with the tier key".
		case 'NotIn':
			return !listed;
		case 'Exists':
			return present;
		case 'DoesNotExist':
			return !present;
		default:
			throw new Error(`not an operator of a label selector: ${operator}`);
	}
}

/**
 * What the networking/v1 API text says about a flow: read from the raw objects each time, without an index, a cache or anything of the
 * engine, so that both can be tested against each other. Quotations are of the API's own documentation unless another source is named.
 */
import { sameAddress } from './address.ts';
import { type OracleEnd, ruleMatches, selectorMatches } from './matching.ts';
import {
	addressesOfNode,
	addressesOfPod,
	type KubernetesObject,
	nameOf,
	nodesOf,
	type PodObject,
	type PolicyObject,
	podsOf,
	policiesOf,
	type RuleObject,
	type ScenarioEnd,
	type ScenarioFlow,
} from './objects.ts';

export interface Answer {
	/** `error`: the specification leaves the flow open. */
	readonly verdict: 'allow' | 'deny' | 'error';
	/**
	 * The policies (`namespace/name`, sorted) that admit; `[]` where nothing isolates; `null` where denied, left open, or exempt: from the own
	 * node where no rule admits it, or of a host-network Pod.
	 */
	readonly by: readonly string[] | null;
}

type OneDirection = 'ingress' | 'egress';

const UNRESTRICTED: Answer = { verdict: 'allow', by: [] };
const EXEMPT: Answer = { verdict: 'allow', by: null };
const DENIED: Answer = { verdict: 'deny', by: null };
const LEFT_OPEN: Answer = { verdict: 'error', by: null };

/** The answer for one flow. Throws where the flow names a Pod or node that the objects do not have. */
export function answer(objects: readonly KubernetesObject[], flow: ScenarioFlow): Answer {
	if (flow.direction !== 'both') return answerOneEnd(objects, flow, flow.direction);
	return bothEnds(answerOneEnd(objects, flow, 'egress'), answerOneEnd(objects, flow, 'ingress'));
}

/**
 * "For a connection from a source pod to a destination pod to be allowed, both the egress policy on the source pod and the ingress policy
 * on the destination pod need to allow the connection. If either side does not allow the connection, it will not happen." (Kubernetes
 * documentation, Network Policies)
 */
function bothEnds(source: Answer, destination: Answer): Answer {
	const ends = [source, destination];
	if (ends.some(({ verdict }) => verdict === 'deny')) return DENIED;
	if (ends.some(({ verdict }) => verdict === 'error')) return LEFT_OPEN;
	// An end that is exempt names no policy: it adds none to those of the other.
	const names = ends.flatMap(({ by }) => by ?? []);
	if (names.length === 0 && ends.some(({ by }) => by === null)) return EXEMPT;
	return { verdict: 'allow', by: [...new Set(names)].sort() };
}

function answerOneEnd(objects: readonly KubernetesObject[], flow: ScenarioFlow, direction: OneDirection): Answer {
	const source = findEnd(objects, flow.src);
	const destination = findEnd(objects, flow.dst);
	const [subject, peer] = direction === 'ingress' ? [destination, source] : [source, destination];
	const { pod } = subject;
	// "podSelector selects the pods to which this NetworkPolicy object applies": nothing else is restricted.
	if (pod === undefined) return UNRESTRICTED;
	// Traffic of host-network Pods "is treated the same as all other traffic to/from the node IP" (Kubernetes documentation, Network
	// Policies): out of every policy's reach, whatever would select the Pod.
	if (pod.spec.hostNetwork === true) return EXEMPT;
	const policies = policiesOf(objects).filter((policy) => appliesTo(policy, pod, direction));
	// "Traffic is allowed to a pod if there are no NetworkPolicies selecting the pod (and cluster policy otherwise allows the traffic)"
	if (policies.length === 0) return UNRESTRICTED;
	// "OR if the traffic matches at least one ingress rule across all of the NetworkPolicy objects whose podSelector matches the pod"
	const traffic = { peer, destination, protocol: flow.protocol, port: flow.port };
	const admitting = policies.filter((policy) => rulesOf(policy, direction).some((rule) => ruleMatches(rule, traffic, policy, objects)));
	if (admitting.length > 0) return { verdict: 'allow', by: admitting.map(nameOf).sort() };
	// "OR if the traffic source is the pod's local node": said of ingress only.
	if (direction === 'ingress' && isLocalNode(peer, pod)) return EXEMPT;
	// "exception: a pod cannot block access to itself" says the documentation, the API text does not, and engines differ.
	if (peer.pod !== undefined && nameOf(peer.pod) === nameOf(pod)) return LEFT_OPEN;
	// "If this field is empty then this NetworkPolicy does not allow any traffic (and serves solely to ensure that the pods it selects are
	// isolated by default)"
	return DENIED;
}

/** What an end is: by the Pod's name, by the node's name, else by who has the address. */
function findEnd(objects: readonly KubernetesObject[], end: ScenarioEnd): OracleEnd {
	if (end.pod !== undefined) {
		const pod = podsOf(objects).find((candidate) => nameOf(candidate) === end.pod);
		if (!pod) throw new Error(`no such Pod: ${end.pod}`);
		return withAddress({ pod }, end.ip ?? addressesOfPod(pod)[0]);
	}
	if (end.node !== undefined) {
		const node = nodesOf(objects).find(({ metadata }) => metadata.name === end.node);
		if (!node) throw new Error(`no such node: ${end.node}`);
		return withAddress({ node: node.metadata.name }, end.ip ?? addressesOfNode(node)[0]);
	}
	const { ip } = end;
	if (ip === undefined) return {};
	// A finished Pod has given its addresses back, and a host-network Pod has those of its node.
	const pod = podsOf(objects).find(
		(candidate) => hasOwnAddresses(candidate) && addressesOfPod(candidate).some((own) => sameAddress(own, ip)),
	);
	if (pod) return withAddress({ pod }, ip);
	const node = nodesOf(objects).find((candidate) => addressesOfNode(candidate).some((own) => sameAddress(own, ip)));
	return withAddress(node ? { node: node.metadata.name } : {}, ip);
}

const withAddress = (end: OracleEnd, address: string | undefined): OracleEnd => (address === undefined ? end : { ...end, address });

const hasOwnAddresses = ({ spec, status }: PodObject): boolean =>
	spec.hostNetwork !== true && status.phase !== 'Succeeded' && status.phase !== 'Failed';

/** The node itself, or a host-network Pod there, whose traffic is the node's. */
function isLocalNode(peer: OracleEnd, pod: PodObject): boolean {
	const node = peer.pod ? (peer.pod.spec.hostNetwork === true ? peer.pod.spec.nodeName : undefined) : peer.node;
	return node !== undefined && node === pod.spec.nodeName;
}

/** Whether the policy selects the Pod and "relates to" the direction. */
function appliesTo(policy: PolicyObject, pod: PodObject, direction: OneDirection): boolean {
	// A policy is an object of a namespace: "an empty selector matches all pods in the policy's namespace".
	if (policy.metadata.namespace !== pod.metadata.namespace) return false;
	if (!typesOf(policy).includes(direction === 'ingress' ? 'Ingress' : 'Egress')) return false;
	// "This field is optional. If it is not specified, it defaults to an empty selector."
	return selectorMatches(policy.spec?.podSelector ?? {}, pod.metadata.labels ?? {});
}

/**
 * "If this field is not specified, it will default based on the existence of ingress or egress rules; policies that contain an egress
 * section are assumed to affect egress, and all policies (whether or not they contain an ingress section) are assumed to affect ingress."
 * The API server takes a list without elements as not specified, of the types and of the egress section alike.
 */
function typesOf(policy: PolicyObject): readonly string[] {
	const types = policy.spec?.policyTypes ?? [];
	if (types.length > 0) return types;
	return rulesOf(policy, 'egress').length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
}

const rulesOf = (policy: PolicyObject, direction: OneDirection): readonly RuleObject[] => policy.spec?.[direction] ?? [];

import type { CompiledSnapshot } from './compile.ts';
import { toEnd } from './end.ts';
import { podEndpoint } from './endpoint.ts';
import type { ResolvedFlow } from './flow.ts';
import { identifyUnseen } from './identity.ts';
import { mayDecide } from './other.ts';

/**
 * The flow with a subject that the snapshot does not hold as a Pod of which only the namespace is known: policies that select every Pod
 * concern it, others are a doubt. Left as it is where the namespace is not known, or policies that are not evaluated may concern it.
 */
export function withUnseenSubject(snapshot: CompiledSnapshot, flow: ResolvedFlow): ResolvedFlow {
	if (flow.subject.kind !== 'unknown') return flow;
	const { kind, namespace: namespaceName, name, node, workload } = flow.subject.endpoint;
	if (namespaceName === undefined || name === undefined) return flow;
	const namespace = snapshot.namespaces.get(namespaceName);
	const concerns = (other: { readonly namespace?: string }) => other.namespace === undefined || other.namespace === namespaceName;
	const unevaluated = snapshot.state.unreadableKinds.some(mayDecide) || snapshot.others.some(({ policy }) => concerns(policy));
	if (!namespace || unevaluated || namespace.unreadable.length > 0) return flow;
	const pod = { namespace: namespaceName, name, labels: {}, ips: [], ...(node !== undefined && { node }) };
	const identity = identifyUnseen(snapshot.identities, namespace, 'every-pod');
	return { ...flow, subject: toEnd(podEndpoint(pod, identity, { kind, workload }), flow.subject.ip) };
}

import type { End } from './finding.ts';
import type { Identity } from './identity.ts';
import { type Address, parseAddress } from './ip.ts';
import type { NamedPort, Owner, PodState } from './model.ts';
import { workloadOfPod } from './workload.ts';

/** A Pod, a node, a Service, a well-known address, or what is none of these, whatever the flow. */
export interface Endpoint {
	readonly kind: End['kind'];
	/** Only of `pod`: no selector sees a host-network Pod. */
	readonly identity: Identity | undefined;
	/** When the Pod was created, in whole seconds since 1970; 0 where that is not known. */
	readonly createdS: number;
	/** The snapshot does not hold the Pod: it was given the labels of this one, of the same workload. */
	readonly sibling: PodState | undefined;
	/** As the snapshot spells them, the first before the others. */
	readonly ips: readonly string[];
	/** The same, without what is none. */
	readonly addresses: readonly Address[];
	/** Of `pod` and `host-network-pod`. */
	readonly pod: PodState | undefined;
	/** The Pod's named ports. Pods that declare the same share the list. */
	readonly ports: readonly NamedPort[] | undefined;
	/** The node it is, or runs on. */
	readonly node: string | undefined;
	readonly namespace: string | undefined;
	readonly name: string | undefined;
	readonly workload: Owner | undefined;
}

/** An RFC 3339 time in ms since 1970; NaN where there is none. */
export const parseMs = (text: string | undefined): number => (text === undefined ? Number.NaN : Date.parse(text));

const parseAddresses = (ips: readonly string[]): readonly Address[] => ips.map(parseAddress).filter((address) => address !== undefined);

/** Times stand in 32 bits: what is later counts as this, which no flow is after. */
const LATEST_S = 2 ** 32 - 1;

export function podEndpoint(pod: PodState, identity: Identity, more: Partial<Endpoint> = {}): Endpoint {
	return {
		kind: pod.hostNetwork ? 'host-network-pod' : 'pod',
		identity: pod.hostNetwork ? undefined : identity,
		createdS: Math.min(Math.max(Math.floor(parseMs(pod.createdAt) / 1000), 0), LATEST_S) || 0,
		sibling: undefined,
		addresses: parseAddresses(pod.ips),
		ips: pod.ips,
		pod,
		ports: pod.ports,
		node: pod.node,
		namespace: pod.namespace,
		name: pod.name,
		workload: workloadOfPod(pod),
		...more,
	};
}

/** One that is no Pod of the snapshot. */
export const bareEndpoint = (given: Pick<Endpoint, 'kind'> & Partial<Endpoint>): Endpoint => ({
	identity: undefined,
	createdS: 0,
	sibling: undefined,
	ips: [],
	addresses: parseAddresses(given.ips ?? []),
	pod: undefined,
	ports: undefined,
	node: undefined,
	namespace: undefined,
	name: undefined,
	workload: undefined,
	...given,
});

import type { End } from './finding.ts';
import type { Identity } from './identity.ts';
import { type Address, formatAddress, parseAddress } from './ip.ts';
import type { NamedPort, Owner, PodState } from './model.ts';
import { workloadOfPod } from './workload.ts';

/** An end of a flow as clauses ask for it. One object a Pod and address, made when the snapshot is compiled. */
export interface ResolvedEnd extends End {
	readonly kind: End['kind'];
	readonly ip: string | undefined;
	/** The address in this connection. */
	readonly address: Address | undefined;
	/** All that the Pod or node has. */
	readonly addresses: readonly Address[];
	/** Of `pod` and `host-network-pod`. */
	readonly pod: PodState | undefined;
	/** The Pod's named ports. Pods that declare the same share the list. */
	readonly ports: readonly NamedPort[] | undefined;
	/** Only of `pod`: no selector sees a host-network Pod. */
	readonly identity: Identity | undefined;
	/** The node it is, or runs on. */
	readonly node: string | undefined;
	/** When the Pod was created, in whole seconds since 1970; 0 where that is not known. */
	readonly createdS: number;
	/** The entry's name and address disagree: the name decided. */
	readonly mismatch: boolean;
	/** The snapshot does not hold the Pod: it was given the labels of this one, of the same workload. */
	readonly sibling: PodState | undefined;
}

/** An RFC 3339 time in ms since 1970; NaN where there is none. */
export const parseMs = (text: string | undefined): number => (text === undefined ? Number.NaN : Date.parse(text));

/** The parsed addresses of a list; what is none is left out. */
export const parseAddresses = (ips: readonly string[]): readonly Address[] =>
	ips.map(parseAddress).filter((address) => address !== undefined);

/** A Pod with one of its addresses, or with none. */
export function podEnd(
	pod: PodState,
	identity: Identity,
	{ ip, addresses, ports = pod.ports }: Pick<ResolvedEnd, 'ip' | 'addresses'> & Partial<Pick<ResolvedEnd, 'ports'>>,
): ResolvedEnd {
	// What every flow asks for stands first: it shares cache lines.
	return {
		identity: pod.hostNetwork ? undefined : identity,
		kind: pod.hostNetwork ? 'host-network-pod' : 'pod',
		ip,
		node: pod.node,
		pod,
		mismatch: false,
		sibling: undefined,
		createdS: Math.floor(parseMs(pod.createdAt) / 1000) || 0,
		address: ip === undefined ? undefined : parseAddress(ip),
		ports,
		addresses,
		namespace: pod.namespace,
		name: pod.name,
		workload: workloadOfPod(pod),
	};
}

/** The same Pod, with another address than its primary one: another of its own, or one that it has not got. */
export function withAddress(end: ResolvedEnd, ip: string): ResolvedEnd {
	const address = parseAddress(ip);
	const mismatch =
		address !== undefined && end.addresses.length > 0 && !end.addresses.some((own) => formatAddress(own) === formatAddress(address));
	return { ...end, ip, address, mismatch };
}

interface Bare {
	readonly kind: End['kind'];
	readonly namespace?: string;
	readonly name?: string;
	readonly workload?: Owner | undefined;
	readonly ip: string | undefined;
	readonly addresses?: readonly Address[];
	readonly node?: string;
}

/** Whether the Pod was created after that time, in ms since 1970: never where one of the two is not known. */
export const isCreatedAfter = ({ createdS }: ResolvedEnd, atMs: number): boolean => createdS * 1000 > atMs;

/** An end that is no Pod of the snapshot. */
export const bareEnd = ({ kind, namespace, name, workload, ip, addresses = [], node }: Bare): ResolvedEnd => ({
	identity: undefined,
	kind,
	ip,
	node,
	pod: undefined,
	mismatch: false,
	sibling: undefined,
	createdS: 0,
	address: ip === undefined ? undefined : parseAddress(ip),
	ports: undefined,
	addresses,
	namespace,
	name,
	workload,
});

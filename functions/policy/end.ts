import type { Endpoint } from './endpoint.ts';
import type { End } from './finding.ts';
import { type Identity, policiesFor } from './identity.ts';
import { type Address, parseAddress } from './ip.ts';
import type { NamedPort, PodState } from './model.ts';
import type { LabelSet } from './selector.ts';

/**
 * An end of one flow: an endpoint with the address that it has in this connection. What nearly every flow asks for is in this object, the
 * rest is read from the endpoint: objects of 10,000 Pods do not fit a cache, and to read one is to wait for memory.
 */
export interface ResolvedEnd extends End {
	/** Of its identity; NOTHING where it has none. */
	readonly labelSet: LabelSet;
	readonly namespaceIndex: number;
	/** Where `RuleTable.steps` has what concerns it as a subject. */
	readonly ingress: number;
	readonly egress: number;
	/** See `Endpoint`. */
	readonly createdS: number;
	readonly ports: readonly NamedPort[] | undefined;
	readonly sibling: PodState | undefined;
	/** It has more than one address. */
	readonly several: boolean;
	readonly ip: string | undefined;
	/** The entry's name and address disagree: the name decided. */
	readonly mismatch: boolean;
	readonly endpoint: Endpoint;
	/** What `addressOf` found; `null` for none. */
	parsed: Address | null | undefined;
}

export const NOTHING = -1;

/** The numbers of an identity that an end has. */
export const hotOf = (identity: Identity | undefined): Pick<ResolvedEnd, 'labelSet' | 'namespaceIndex' | 'ingress' | 'egress'> => ({
	labelSet: identity?.labelSet ?? NOTHING,
	namespaceIndex: identity?.namespace.index ?? NOTHING,
	ingress: identity ? policiesFor(identity, 'ingress').start : NOTHING,
	egress: identity ? policiesFor(identity, 'egress').start : NOTHING,
});

export function toEnd(endpoint: Endpoint, ip: string | undefined, mismatch = false): ResolvedEnd {
	const { kind, identity, createdS, ports, sibling, addresses } = endpoint;
	const { labelSet, namespaceIndex, ingress, egress } = hotOf(identity);
	// The same fields in the same order as in `endAt`, none of them spread: all ends have one shape, which the compiler relies on.
	return {
		kind,
		labelSet,
		namespaceIndex,
		ingress,
		egress,
		createdS,
		ports,
		sibling,
		several: addresses.length > 1,
		ip,
		mismatch,
		endpoint,
		parsed: undefined,
	};
}

/** The address in this connection, parsed when first asked for. */
export function addressOf(end: ResolvedEnd): Address | undefined {
	if (end.parsed === undefined) end.parsed = (end.ip !== undefined && parseAddress(end.ip)) || null;
	return end.parsed ?? undefined;
}

/** Whether it was created after that time, in ms since 1970: never where one of the two is not known. */
export const isCreatedAfter = ({ createdS }: ResolvedEnd, atMs: number): boolean => createdS * 1000 > atMs;

/** Whether it is a Pod, or what stands for one that is not known: what policies are about. */
export const isPod = ({ kind, endpoint }: ResolvedEnd): boolean =>
	kind === 'pod' || kind === 'host-network-pod' || (kind === 'unknown' && endpoint.pod !== undefined);

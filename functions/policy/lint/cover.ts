import { type CompiledPeer, type Packet, PROTOCOL, peerMask } from '../clause.ts';
import { type ResolvedEnd, toEnd } from '../end.ts';
import { bareEndpoint, type Endpoint } from '../endpoint.ts';
import { type Address, type Cidr, contains, formatAddress, parseCidr } from '../ip.ts';
import { CALICO, type Mask, NONE } from '../semantics.ts';
import { departing, type Held, type Holdings, somePod } from './holdings.ts';

/** What of one sort an ipBlock covers. */
export interface Covered {
	/** How many run now, and the names of the first. */
	readonly count: number;
	readonly names: readonly string[];
	/** Some of them, at an address in the block. */
	readonly some: readonly Held[];
	/** The cluster's ranges that it covers, or a part of. */
	readonly ranges: readonly string[];
	/** The candidates under which the block answers differently for one of them. */
	readonly departs: Mask;
	/** It covers one at least, be it one that has ended. */
	readonly any: boolean;
}

export interface Cover {
	readonly pods: Covered;
	/** Nodes and host-network Pods. */
	readonly hosts: Covered;
	readonly services: Covered;
}

/** Enough to say who, and to find an example. */
const MOST_NAMES = 4;
const MOST_ENDS = 12;

/** What an ipBlock covers now, whichever policy has it. */
export function coverOf(peer: CompiledPeer, holdings: Holdings): Cover {
	const known = holdings.covers.get(peer);
	if (known) return known;
	const { snapshot } = holdings;
	const { podRanges = [], serviceRanges = [] } = snapshot.state.cluster ?? {};
	const found = {
		pods: covered(peer, { holdings, held: holdings.pods, kind: 'unknown', ranges: podRanges }),
		hosts: covered(peer, { holdings, held: holdings.hosts, kind: 'node', ranges: [] }),
		services: covered(peer, { holdings, held: holdings.services, kind: 'service', ranges: serviceRanges }),
	};
	holdings.covers.set(peer, found);
	return found;
}

interface Sort {
	readonly holdings: Holdings;
	readonly held: readonly Held[];
	/** Of one that the snapshot does not hold. */
	readonly kind: Endpoint['kind'];
	readonly ranges: readonly string[];
}

function covered(peer: CompiledPeer, { holdings, held, kind, ranges }: Sort): Covered {
	const { snapshot, candidates } = holdings;
	const ask = (subject: ResolvedEnd, end: ResolvedEnd): Mask =>
		peerMask(peer, { snapshot, direction: 'ingress', subject, peer: end, protocol: PROTOCOL.TCP, port: -1 } satisfies Packet, NONE);
	const anyone = somePod(undefined);
	const names: string[] = [];
	const some: Held[] = [];
	let [count, departs, any, last] = [0, NONE, false, ''];
	for (const each of held) {
		const { end, id, finished } = each;
		// Nearly nothing lies in a block: the cheap question first.
		if (!isNear(peer.cidr, end.endpoint.addresses)) continue;
		const mask = ask(anyone, end);
		departs |= departing(mask, candidates);
		// Of the own node all addresses count, where nodes count at all.
		if (kind === 'node' && end.several) departs |= departing(ask(somePod(undefined, end.endpoint.node), end), candidates);
		if (!(mask & CALICO)) continue;
		any = true;
		if (finished) continue;
		if (some.length < MOST_ENDS) some.push(each);
		// All addresses of one stand together.
		if (id === last) continue;
		last = id;
		count++;
		if (names.length < MOST_NAMES) names.push(id);
	}
	const touched = ranges.filter((text) => {
		const address = commonAddress(peer, text);
		const mask = address ? ask(anyone, toEnd(bareEndpoint({ kind }), formatAddress(address))) : NONE;
		departs |= departing(mask, candidates);
		return mask & CALICO;
	});
	return { count, names, some, ranges: touched, departs, any: any || touched.length > 0 };
}

function isNear(cidr: Cidr | undefined, addresses: readonly Address[]): boolean {
	if (cidr) for (const address of addresses) if (contains(cidr, address)) return true;
	return false;
}

/** An address of both the block and the range: the first of the smaller, or the last where the first is cut out. */
function commonAddress({ cidr, except }: CompiledPeer, text: string): Address | undefined {
	const range = parseCidr(text, false);
	if (typeof range === 'string' || !cidr) return undefined;
	const smaller = contains(cidr, range.network) ? range : cidr;
	const ends = [smaller.network, lastOf(smaller)].filter((address) => contains(range, address) && contains(cidr, address));
	return ends.find((address) => !except.some((cut) => contains(cut, address)));
}

const lastOf = ({ network, mask }: Cidr): Address =>
	network.family === 4
		? { ...network, w3: network.w3 | ~mask.w3 }
		: {
				family: 6,
				w0: network.w0 | ~mask.w0,
				w1: network.w1 | ~mask.w1,
				w2: network.w2 | ~mask.w2,
				w3: network.w3 | ~mask.w3,
			};

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
	const words = wordsOf(held);
	for (let index = 0; index < words.length; index++) {
		// Nearly nothing lies in a block: the cheap question first.
		if (!isNear(peer.cidr, words[index] as number)) continue;
		const each = held[index] as Held;
		const { end, id, finished } = each;
		if (!isInside(peer.cidr, end.endpoint.addresses)) continue;
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

const wordLists = new WeakMap<readonly Held[], Float64Array>();

/** Of those with one IPv4 address and no other its word, so that blocks read a list and not each Pod; NaN of others. */
function wordsOf(held: readonly Held[]): Float64Array {
	const known = wordLists.get(held);
	if (known) return known;
	const words = Float64Array.from(held, ({ end: { endpoint } }) => {
		const [address] = endpoint.addresses;
		return endpoint.addresses.length === 1 && address?.family === 4 ? address.w3 : Number.NaN;
	});
	wordLists.set(held, words);
	return words;
}

const isNear = (cidr: Cidr | undefined, word: number): boolean =>
	Number.isNaN(word) || (cidr?.network.family === 4 && (word & cidr.mask.w3) === cidr.network.w3);

function isInside(cidr: Cidr | undefined, addresses: readonly Address[]): boolean {
	if (cidr) for (const address of addresses) if (contains(cidr, address)) return true;
	return false;
}

/** The first address of both the block and the range that no `except` cuts out. */
function commonAddress({ cidr, except }: CompiledPeer, text: string): Address | undefined {
	const range = parseCidr(text, false);
	if (typeof range === 'string' || !cidr) return undefined;
	const smaller = contains(cidr, range.network) ? range : cidr;
	let first = smaller.network;
	for (const cut of except.toSorted((a, b) => order(a.network, b.network))) if (contains(cut, first)) first = after(lastOf(cut));
	return contains(range, first) && contains(cidr, first) ? first : undefined;
}

const order = (a: Address, b: Address): number =>
	(a.w0 >>> 0) - (b.w0 >>> 0) || (a.w1 >>> 0) - (b.w1 >>> 0) || (a.w2 >>> 0) - (b.w2 >>> 0) || (a.w3 >>> 0) - (b.w3 >>> 0);

/** After the last of all comes the first. */
function after({ family, w0, w1, w2, w3 }: Address): Address {
	if (family === 4 || w3 !== -1) return { family, w0, w1, w2, w3: (w3 + 1) | 0 };
	if (w2 !== -1) return { family, w0, w1, w2: (w2 + 1) | 0, w3: 0 };
	return w1 !== -1 ? { family, w0, w1: (w1 + 1) | 0, w2: 0, w3: 0 } : { family, w0: (w0 + 1) | 0, w1: 0, w2: 0, w3: 0 };
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

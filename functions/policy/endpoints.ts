import { hotOf, NOTHING, type ResolvedEnd } from './end.ts';
import { bareEndpoint, type Endpoint } from './endpoint.ts';
import type { CompiledNamespace } from './identity.ts';
import { formatAddress, ipv4Word, parseAddress } from './ip.ts';
import type { LabelSet } from './selector.ts';

/**
 * What has an address in a snapshot. Beside the objects, what every flow asks for stands in one table of numbers, a row an address: the
 * entries of a large log concern all of 10,000 Pods, and their objects do not fit a cache (see the benchmark).
 */
export interface Endpoints {
	readonly all: readonly Endpoint[];
	/** Of Pods; empty for others. By the endpoint's number, as `all`. */
	readonly names: readonly string[];
	/** Of the namespaces, by their index. */
	readonly namespaces: readonly string[];
	/** Lists of named ports, to which the rows refer by number. */
	readonly ports: readonly Endpoint['ports'][];
	/** First a hash table of IPv4 addresses (linear probing, a power of two of rows), then the rows of IPv6 addresses. */
	readonly rows: Int32Array;
	/** What is left of 32 bits is a place in the hash table. */
	readonly shift: number;
	/** The row of an IPv6 address, by its one spelling. */
	readonly byIpv6: ReadonlyMap<string, number>;
}

const KINDS = ['pod', 'host-network-pod', 'node', 'service', 'well-known', 'external', 'unknown'] as const satisfies Endpoint['kind'][];

/** The numbers of a row. */
const WORD = 0;
/** The endpoint's number; NOBODY in a free row. */
const NUMBER = 1;
/** The kind, whether it has more than one address, and the ports. */
const KIND = 2;
const CREATED_S = 3;
/** The index of a Pod's namespace. */
const NAMESPACE = 4;
/** As `ResolvedEnd` has them. */
const LABEL_SET = 5;
const INGRESS = 6;
const EGRESS = 7;
const WIDTH = 8;

const NOBODY = -1;
/** The parts of KIND: the kind stands below both. */
const SEVERAL = 8;
const PORTS = 16;

/**
 * Indexes what has an address: of several that have the same the first counts, but an address that two Pods have is of an unknown one.
 * An address that cannot be read is left out.
 */
export function indexEndpoints(endpoints: readonly Endpoint[], namespaces: ReadonlyMap<string, CompiledNamespace>): Endpoints {
	const all = [...endpoints];
	const holders = { ipv4: new Map<number, number>(), ipv6: new Map<string, number>() };
	const add = <K>(index: Map<K, number>, key: K, number: number) => {
		const known = index.get(key);
		if (known === undefined) index.set(key, number);
		else if (known !== number && all[number]?.kind === 'pod') index.set(key, all.push(bareEndpoint({ kind: 'unknown' })) - 1);
	};
	for (const [number, { addresses }] of endpoints.entries()) {
		for (const address of addresses) {
			if (address.family === 4) add(holders.ipv4, address.w3, number);
			else add(holders.ipv6, formatAddress(address), number);
		}
	}
	return { all, names: sideBySide(all.map(({ pod }) => pod?.name ?? '')), ...layOut(all, holders, namespaces) };
}

/** The same texts, copied in one go: they lie in memory as they are listed, and not among all the rest of the snapshot. */
const sideBySide = (texts: readonly string[]): string[] => JSON.parse(JSON.stringify(texts)) as string[];

type Holders = { readonly ipv4: ReadonlyMap<number, number>; readonly ipv6: ReadonlyMap<string, number> };

function layOut(
	all: readonly Endpoint[],
	{ ipv4, ipv6 }: Holders,
	namespaces: ReadonlyMap<string, CompiledNamespace>,
): Omit<Endpoints, 'all' | 'names'> {
	const ports = [...new Set(all.map((endpoint) => endpoint.ports))];
	const portNumbers = new Map(ports.map((list, number) => [list, number]));
	// At most two thirds of the places are taken, so that an address is found in the first or second row.
	const bits = Math.max(1, Math.ceil(Math.log2(ipv4.size * 1.5)));
	const places = 2 ** bits;
	const shift = 32 - bits;
	const rows = new Int32Array((places + ipv6.size) * WIDTH).fill(NOBODY);
	const write = (row: number, word: number, number: number) => {
		const endpoint = all[number] as Endpoint;
		const { kind, identity, createdS, namespace } = endpoint;
		const several = endpoint.addresses.length > 1 ? SEVERAL : 0;
		const first = KINDS.indexOf(kind) + several + PORTS * (portNumbers.get(endpoint.ports) as number);
		const { labelSet, ingress, egress } = hotOf(identity);
		rows.set([word, number, first, createdS, namespaces.get(namespace ?? '')?.index ?? NOTHING, labelSet, ingress, egress], row * WIDTH);
	};
	for (const [word, number] of ipv4) {
		let row = placeOf(word, shift);
		while (rows[row * WIDTH + NUMBER] !== NOBODY) row = (row + 1) % places;
		write(row, word, number);
	}
	const byIpv6 = new Map([...ipv6.keys()].map((text, index) => [text, places + index]));
	for (const [text, number] of ipv6) write(byIpv6.get(text) as number, 0, number);
	return { namespaces: sideBySide([...namespaces.keys()]), ports, rows, shift, byIpv6 };
}

/** Multiplicative hashing (Knuth): neighbouring addresses are spread. */
const placeOf = (word: number, shift: number): number => Math.imul(word, 0x9e3779b1) >>> shift;

/** The row of what has that address. */
export function rowOf(endpoints: Endpoints, ip: string | undefined): number | undefined {
	if (ip === undefined) return undefined;
	const word = ipv4Word(ip);
	if (word !== undefined) return rowOfWord(endpoints, word);
	const address = parseAddress(ip);
	return address && (address.family === 4 ? rowOfWord(endpoints, address.w3) : endpoints.byIpv6.get(formatAddress(address)));
}

function rowOfWord({ rows, shift }: Endpoints, word: number): number | undefined {
	const mask = (1 << (32 - shift)) - 1;
	for (let row = placeOf(word, shift); ; row = (row + 1) & mask) {
		if (rows[row * WIDTH + NUMBER] === NOBODY) return undefined;
		if (rows[row * WIDTH + WORD] === word) return row;
	}
}

/** Whether the row is of the Pod of that name. */
export const isPodNamed = (
	{ names, namespaces, rows }: Endpoints,
	row: number,
	{ namespace, name }: { namespace: string; name: string },
): boolean => names[rows[row * WIDTH + NUMBER] as number] === name && namespaces[rows[row * WIDTH + NAMESPACE] as number] === namespace;

/** What the row is of, as the end of a flow at that address, which is its own. */
export function endAt({ all, ports, rows }: Endpoints, row: number, ip: string): ResolvedEnd {
	const first = rows[row * WIDTH + KIND] as number;
	const labelSet = rows[row * WIDTH + LABEL_SET] as LabelSet;
	return {
		kind: KINDS[first % SEVERAL] as Endpoint['kind'],
		labelSet,
		namespaceIndex: labelSet === NOTHING ? NOTHING : (rows[row * WIDTH + NAMESPACE] as number),
		ingress: rows[row * WIDTH + INGRESS] as number,
		egress: rows[row * WIDTH + EGRESS] as number,
		createdS: (rows[row * WIDTH + CREATED_S] as number) >>> 0,
		ports: ports[Math.floor(first / PORTS)],
		sibling: undefined,
		several: (first & SEVERAL) !== 0,
		ip,
		mismatch: false,
		endpoint: all[rows[row * WIDTH + NUMBER] as number] as Endpoint,
		parsed: undefined,
	};
}

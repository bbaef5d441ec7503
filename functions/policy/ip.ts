import ipaddr from 'ipaddr.js';

/**
 * An address as four 32-bit words (signed, as JavaScript's bit operations want them); IPv4 uses the last word only.
 * IPv4-mapped IPv6 addresses are IPv4, as Go's net package has it.
 */
export interface Address {
	readonly family: 4 | 6;
	readonly w0: number;
	readonly w1: number;
	readonly w2: number;
	readonly w3: number;
}

/** A CIDR: the network and its mask, word by word. */
export interface Cidr {
	readonly network: Address;
	readonly mask: Address;
	readonly prefix: number;
}

const DOTTED_QUAD = /^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$/;
const ZERO = 48;
const NINE = 57;
const DOT = 46;

const ipv4 = (word: number): Address => ({ family: 4, w0: 0, w1: 0, w2: 0, w3: word });

/**
 * Parses an address as a log entry or a Pod's status has it. `undefined` where it is none (also for zones and for IPv4 spelled with
 * fewer than four parts, in octal or in hexadecimal, which no dataplane writes).
 */
export function parseAddress(text: string): Address | undefined {
	const word = ipv4Word(text);
	return word === undefined ? (text.includes(':') ? ipv6(text) : undefined) : ipv4(word);
}

/**
 * An IPv4 address as its word, or `undefined`. Without the parser's regular expressions, which are a third of a flow's whole time otherwise
 * (see the benchmark).
 */
export function ipv4Word(text: string): number | undefined {
	let word = 0;
	let octet = -1;
	let dots = 0;
	for (let index = 0; index < text.length; index++) {
		const code = text.charCodeAt(index);
		if (code >= ZERO && code <= NINE) {
			if (octet === 0) return undefined;
			octet = (octet < 0 ? 0 : octet * 10) + code - ZERO;
			if (octet > 255) return undefined;
		} else if (code === DOT && octet >= 0 && dots < 3) {
			word = (word << 8) | octet;
			octet = -1;
			dots++;
		} else return undefined;
	}
	return dots === 3 && octet >= 0 ? (word << 8) | octet : undefined;
}

function ipv6(text: string): Address | undefined {
	if (text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined;
	const parsed = ipaddr.IPv6.parse(text);
	const [a, b, c, d, e, f, g, h] = parsed.parts as [number, number, number, number, number, number, number, number];
	const last = (g << 16) | h;
	return parsed.isIPv4MappedAddress() ? ipv4(last) : { family: 6, w0: (a << 16) | b, w1: (c << 16) | d, w2: (e << 16) | f, w3: last };
}

/** The one spelling of an address: dotted quad, or IPv6 as RFC 5952 has it. */
export function formatAddress(address: Address): string {
	if (address.family === 4) return [24, 16, 8, 0].map((shift) => (address.w3 >>> shift) & 255).join('.');
	const bytes = [address.w0, address.w1, address.w2, address.w3].flatMap((word) => [24, 16, 8, 0].map((shift) => (word >>> shift) & 255));
	return ipaddr.fromByteArray(bytes).toString();
}

const word = (bits: number): number => (bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits));
const maskOfPrefix = (family: 4 | 6, prefix: number): Address =>
	family === 4 ? ipv4(word(prefix)) : { family, w0: word(prefix), w1: word(prefix - 32), w2: word(prefix - 64), w3: word(prefix - 96) };

/**
 * Parses a CIDR. A reason (text) where it is none. `strict` is what today's API server accepts from a manifest; without it, what older
 * servers stored: host bits (masked away), leading zeros (decimal), IPv4-mapped networks.
 */
export function parseCidr(text: string, strict: boolean): Cidr | string {
	const slash = text.lastIndexOf('/');
	if (slash < 0) return 'has no prefix length, such as /32';
	const digits = text.slice(slash + 1);
	const spelled = text.slice(0, slash);
	const dotted = DOTTED_QUAD.test(spelled);
	const plain = dotted && !strict ? spelled.replace(/\b0+(?=\d)/g, '') : spelled;
	const address = parseAddress(plain);
	if (!address) return dotted && /\b0\d/.test(spelled) ? 'has leading zeros' : 'is not an address and a prefix length';
	if (!/^(0|[1-9]\d{0,2})$/.test(digits) && !(/^\d{1,3}$/.test(digits) && !strict)) return `has no valid prefix length: /${digits}`;
	const mapped = address.family === 4 && !dotted;
	if (mapped && strict) return 'is an IPv4-mapped IPv6 network';
	const given = Number(digits);
	if (given > (address.family === 4 && !mapped ? 32 : 128)) return `has no valid prefix length: /${digits}`;
	const prefix = mapped ? Math.max(0, given - 96) : given;
	const mask = maskOfPrefix(address.family, prefix);
	const network = and(address, mask);
	if (strict && !isEqual(network, address))
		return `has bits set beyond its prefix length: the network is ${formatAddress(network)}/${prefix}`;
	return { network, mask, prefix };
}

const and = (a: Address, b: Address): Address => ({ family: a.family, w0: a.w0 & b.w0, w1: a.w1 & b.w1, w2: a.w2 & b.w2, w3: a.w3 & b.w3 });
export const isEqual = (a: Address, b: Address): boolean =>
	a.family === b.family && a.w3 === b.w3 && a.w2 === b.w2 && a.w1 === b.w1 && a.w0 === b.w0;

/** Whether the address lies in the network. An address of the other family never does. */
export function contains(cidr: Cidr, address: Address): boolean {
	const { network, mask } = cidr;
	return (
		address.family === network.family &&
		(address.w3 & mask.w3) === network.w3 &&
		(network.family === 4 ||
			((address.w2 & mask.w2) === network.w2 && (address.w1 & mask.w1) === network.w1 && (address.w0 & mask.w0) === network.w0))
	);
}

/** Whether the inner network lies in the outer one and is smaller, as the API wants it of `except`. */
export const isStrictlyInside = (inner: Cidr, outer: Cidr): boolean => inner.prefix > outer.prefix && contains(outer, inner.network);

/**
 * Addresses as one big number and a family: slow and plain on purpose, so that it shares neither code nor ideas with the engine's.
 */
interface OracleAddress {
	readonly family: 4 | 6;
	readonly value: bigint;
}

/** The number that an address stands for. Throws on anything that is no address: a mistake in a test's data. */
function readAddress(text: string): OracleAddress {
	if (!text.includes(':')) return { family: 4, value: readDotted(text) };
	const groups = expandGroups(text);
	const value = groups.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
	// "An IPv4-mapped IPv6 address" (RFC 4291, 2.5.5.2) is 80 zero bits, 16 one bits, and then the IPv4 address that it stands for.
	const mapped = value / 2n ** 32n === 0xffffn;
	return mapped ? { family: 4, value: value % 2n ** 32n } : { family: 6, value };
}

function readDotted(text: string): bigint {
	const octets = text.split('.').map(Number);
	const valid = octets.length === 4 && octets.every((octet) => Number.isInteger(octet) && octet >= 0 && octet <= 255);
	if (!valid) throw new Error(`not an address: ${text}`);
	return octets.reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
}

/** The eight groups of an IPv6 address, `::` and a dotted tail written out. */
function expandGroups(text: string): string[] {
	const [head = '', tail] = text.split('::');
	const front = splitGroups(head);
	const back = splitGroups(tail ?? '');
	const zeros = tail === undefined ? 0 : 8 - front.length - back.length;
	const groups = [...front, ...Array<string>(Math.max(0, zeros)).fill('0'), ...back];
	if (groups.length !== 8 || !groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) throw new Error(`not an address: ${text}`);
	return groups;
}

function splitGroups(text: string): string[] {
	if (text === '') return [];
	return text.split(':').flatMap((group) => {
		if (!group.includes('.')) return [group];
		const value = readDotted(group);
		return [(value / 65536n).toString(16), (value % 65536n).toString(16)];
	});
}

/** Whether two spellings mean one address. */
export function sameAddress(one: string, other: string): boolean {
	const a = readAddress(one);
	const b = readAddress(other);
	return a.family === b.family && a.value === b.value;
}

/** Whether the address lies in the CIDR. Bits of the CIDR beyond its prefix length mean nothing; the families must be the same. */
export function cidrContains(cidr: string, address: string): boolean {
	const [base = '', prefix = ''] = cidr.split('/');
	const network = readAddress(base);
	const candidate = readAddress(address);
	// The prefix length counts the bits as they are written: ::ffff:10.0.0.0/104 is 10.0.0.0/8.
	const hostBits = (base.includes(':') ? 128n : 32n) - BigInt(prefix);
	return network.family === candidate.family && network.value / 2n ** hostBits === candidate.value / 2n ** hostBits;
}

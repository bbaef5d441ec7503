import type { Fields } from '../policy/fields.ts';
import { formatAddress, ipv4Word, parseAddress } from '../policy/ip.ts';
import type { Direction, Flow, FlowEnd } from '../policy/model.ts';
import { fieldsAt, isRefusal, quote, type Refusal, refuse, textAt } from './refusal.ts';

/** Some agents write a protocol as IANA's number. Others are kept as they are, in upper case. */
const PROTOCOLS: ReadonlyMap<string, string> = new Map([
	['1', 'ICMP'],
	['6', 'TCP'],
	['17', 'UDP'],
	['58', 'ICMPV6'],
	['132', 'SCTP'],
]);
/** These have ports, and a policy speaks of the destination's. */
const WITH_PORTS: ReadonlySet<string> = new Set(['TCP', 'UDP', 'SCTP']);
const WITHOUT_PORTS: ReadonlySet<string> = new Set(['ICMP', 'ICMPV6']);
const MAX_PORT = 65_535;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

interface Written {
	readonly payload: Fields;
	/** Of the payload. */
	readonly connection: Fields;
	/** That wrote the entry. */
	readonly node: string | undefined;
}

/** Reads the flow. Addresses are spelled in the one way that `formatAddress` has. */
export function decodeFlow({ payload, connection, node }: Written): Flow | Refusal {
	const direction = connection['direction'];
	if (!isDirection(direction))
		return refuse('bad-direction', `jsonPayload.connection.direction is ${quote(direction)}, neither ingress nor egress`);
	const source = readEnd(connection['src_ip'], { end: fieldsAt(payload, 'src'), field: 'src_ip' });
	if (isRefusal(source)) return source;
	const destination = readEnd(connection['dest_ip'], { end: fieldsAt(payload, 'dest'), field: 'dest_ip' });
	if (isRefusal(destination)) return destination;
	const protocol = readProtocol(connection['protocol']);
	if (isRefusal(protocol)) return protocol;
	const sourcePort = readPort(connection['src_port'], { protocol, field: 'src_port' });
	if (isRefusal(sourcePort)) return sourcePort;
	const port = readPort(connection['dest_port'], { protocol, field: 'dest_port' });
	if (isRefusal(port)) return port;
	if (port === undefined && WITH_PORTS.has(protocol))
		return refuse('bad-port', `jsonPayload.connection.dest_port is missing, and the protocol is ${protocol}`);
	// The node that writes an entry is the subject's: known also of a Pod that no snapshot holds.
	const subject = direction === 'ingress' ? destination : source;
	if (subject.pod && node !== undefined) subject.node = node;
	const flow: Writable<Flow> = { direction, source, destination, protocol };
	if (sourcePort !== undefined) flow.sourcePort = sourcePort;
	if (port !== undefined) flow.port = port;
	return flow;
}

const isDirection = (value: unknown): value is Direction => value === 'ingress' || value === 'egress';

/** An end is a Pod by name, or, as `instance` has it, nothing but its address: the snapshot then says what has that address. */
function readEnd(address: unknown, { end, field }: { end: Fields | undefined; field: string }): Writable<FlowEnd> | Refusal {
	const ip = typeof address === 'string' ? spelled(address) : undefined;
	if (ip === undefined) return refuse('bad-address', `jsonPayload.connection.${field} is ${quote(address)}, not an IP address`);
	const name = end && textAt(end, 'pod_name');
	const namespace = end && (textAt(end, 'pod_namespace') ?? textAt(end, 'namespace'));
	if (!name || !namespace) return { ip };
	const kind = textAt(end, 'workload_kind');
	const workload = textAt(end, 'workload_name');
	const read: Writable<FlowEnd> = { pod: { namespace, name }, ip };
	if (kind && workload) read.workload = { kind, name: workload };
	return read;
}

/** An IPv4 address has one spelling that is taken; IPv6 has many. */
function spelled(address: string): string | undefined {
	if (ipv4Word(address) !== undefined) return address;
	const parsed = parseAddress(address);
	return parsed && formatAddress(parsed);
}

function readProtocol(value: unknown): string | Refusal {
	const text = typeof value === 'number' ? String(value) : value;
	if (typeof text !== 'string' || text === '')
		return refuse('bad-protocol', `jsonPayload.connection.protocol is ${quote(value)}, not the name of a protocol`);
	return PROTOCOLS.get(text) ?? text.toUpperCase();
}

function readPort(value: unknown, { protocol, field }: { protocol: string; field: string }): number | undefined | Refusal {
	// ICMP has no ports; some encoders write 0 for a number that is not there.
	if (value === undefined || value === null || WITHOUT_PORTS.has(protocol)) return undefined;
	const port = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value;
	if (typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= MAX_PORT) return port;
	return refuse('bad-port', `jsonPayload.connection.${field} is ${quote(value)}, not an integer from 0 to ${MAX_PORT}`);
}

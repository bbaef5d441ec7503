import { at, type Fields, field, type Reading, readList, readObject, readText, refuse, shown, warn, warnUnknown } from './fields.ts';
import { type Cidr, formatAddress, isStrictlyInside, parseCidr } from './ip.ts';
import { readLabelSelector } from './label-selector.ts';
import type { Direction, IpBlock, PolicyPeer, PolicyPort, PolicyRule, PortProtocol } from './model.ts';
import { isPortNumber, portNameProblem } from './names.ts';

const PROTOCOLS: readonly string[] = ['TCP', 'UDP', 'SCTP'] satisfies PortProtocol[];
const isProtocol = (text: string): text is PortProtocol => PROTOCOLS.includes(text);
const PORT_RANGE = 'must be between 1 and 65535, inclusive';
const INT32 = 2 ** 31;
const isInt32 = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= -INT32 && (value as number) < INT32;

/** The rules of a direction. What has a problem is left out: the policy is refused then. */
export function readRules(value: unknown, direction: Direction, reading: Reading): PolicyRule[] {
	const path = `spec.${direction}`;
	const listed = readList(value, path, reading) ?? [];
	return listed.map((item, index) => readRule(item, `${path}[${index}]`, { direction, reading })).filter((rule) => rule !== undefined);
}

function readRule(
	value: unknown,
	path: string,
	{ direction, reading }: { direction: Direction; reading: Reading },
): PolicyRule | undefined {
	const object = readObject(value, path, reading);
	if (!object) return undefined;
	const peersField = direction === 'ingress' ? 'from' : 'to';
	// "If this field is empty or missing, this rule matches all sources": so a misspelled one opens the Pod to everybody.
	const effect = field(object, peersField) === undefined ? `without ${peersField} the rule admits every peer` : '';
	warnUnknown(object, [peersField, 'ports'], { path, effect, reading });
	const peers = readList(field(object, peersField), `${path}.${peersField}`, reading) ?? [];
	const ports = readList(field(object, 'ports'), `${path}.ports`, reading) ?? [];
	return {
		peers: peers.map((item, index) => readPeer(item, `${path}.${peersField}[${index}]`, reading)).filter((peer) => peer !== undefined),
		ports: ports.map((item, index) => readPort(item, `${path}.ports[${index}]`, reading)).filter((port) => port !== undefined),
	};
}

function readPeer(value: unknown, path: string, reading: Reading): PolicyPeer | undefined {
	const object = readObject(value, path, reading);
	if (!object) return undefined;
	warnUnknown(object, ['podSelector', 'namespaceSelector', 'ipBlock'], { path, reading });
	const pods = field(object, 'podSelector');
	const namespaces = field(object, 'namespaceSelector');
	const block = field(object, 'ipBlock');
	const selects = pods !== undefined || namespaces !== undefined;
	if (!selects && block === undefined) {
		refuse(reading, path, 'must have an ipBlock, a podSelector or a namespaceSelector');
		return undefined;
	}
	// "IPBlock … If this field is set then neither of the other fields can be."
	if (selects && block !== undefined) refuse(reading, path, 'must not have both an ipBlock and a selector');
	const ipBlock = block === undefined ? undefined : readIpBlock(block, at(path, 'ipBlock'), reading);
	const podSelector = pods === undefined ? undefined : readLabelSelector(pods, at(path, 'podSelector'), reading);
	const namespaceSelector = namespaces === undefined ? undefined : readLabelSelector(namespaces, at(path, 'namespaceSelector'), reading);
	return { ...(ipBlock && { ipBlock }), ...(podSelector && { podSelector }), ...(namespaceSelector && { namespaceSelector }) };
}

function readIpBlock(value: unknown, path: string, reading: Reading): IpBlock | undefined {
	const object = readObject(value, path, reading);
	if (!object) return undefined;
	warnUnknown(object, ['cidr', 'except'], { path, reading });
	const cidr = readText(field(object, 'cidr'), `${path}.cidr`, reading);
	const listed = readList(field(object, 'except'), `${path}.except`, reading) ?? [];
	const except = listed.map((item, index) => readText(item, `${path}.except[${index}]`, reading)).filter((text) => text !== undefined);
	if (cidr === undefined) return undefined;
	if (cidr === '') {
		refuse(reading, `${path}.cidr`, 'must be given, such as 10.9.8.0/24 or 2001:db8::/64');
		return undefined;
	}
	const outer = readCidr(cidr, `${path}.cidr`, reading);
	if (!outer) return undefined;
	for (const [index, text] of except.entries()) {
		const inner = readCidr(text, `${path}.except[${index}]`, reading);
		if (inner && !isStrictlyInside(inner, outer)) {
			refuse(reading, `${path}.except[${index}]`, `must lie inside the cidr ${cidr} and be smaller than it (${shown(text)})`);
		}
	}
	return { cidr, except };
}

function readCidr(text: string, path: string, reading: Reading): Cidr | undefined {
	const cidr = parseCidr(text, reading.strict);
	if (typeof cidr === 'string') {
		refuse(reading, path, `${cidr}; it must be a network such as 10.9.8.0/24 or 2001:db8::/64 (${shown(text)})`);
		return undefined;
	}
	const canonical = `${formatAddress(cidr.network)}/${cidr.prefix}`;
	if (canonical !== text) warn(reading, path, `is read as ${canonical}, and should be written so (${shown(text)})`);
	return cidr;
}

/** "If this field is not specified, this field defaults to TCP"; no port is all ports of the protocol. */
function readPort(value: unknown, path: string, reading: Reading): PolicyPort | undefined {
	const object = readObject(value, path, reading);
	if (!object) return undefined;
	const given = field(object, 'port');
	const effect = given === undefined ? 'without port the entry admits every port of its protocol' : '';
	warnUnknown(object, ['protocol', 'port', 'endPort'], { path, effect, reading });
	const protocol = readText(field(object, 'protocol') ?? 'TCP', `${path}.protocol`, reading);
	if (protocol !== undefined && !isProtocol(protocol)) {
		refuse(reading, `${path}.protocol`, `must be one of ${PROTOCOLS.join(', ')} (${shown(protocol)})`);
		return undefined;
	}
	if (protocol === undefined) return undefined;
	const port = given === undefined ? undefined : readPortNumberOrName(given, `${path}.port`, reading);
	const endPort = readEndPort(object, path, reading);
	return { protocol, ...(port !== undefined && { port }), ...(endPort !== undefined && { endPort }) };
}

function readPortNumberOrName(value: unknown, path: string, reading: Reading): number | string | undefined {
	if (typeof value === 'string') {
		const problem = portNameProblem(value);
		const number = /^\d+$/.test(value) ? ': a number must stand without quotes' : '';
		if (problem) refuse(reading, path, `${problem} (${shown(value)})${number}`);
		return problem ? undefined : value;
	}
	if (isPortNumber(value)) return value;
	refuse(reading, path, isInt32(value) ? `${PORT_RANGE} (${value})` : `must be a port number or a port's name (${shown(value)})`);
	return undefined;
}

function readEndPort(object: Fields, path: string, reading: Reading): number | undefined {
	const value = field(object, 'endPort');
	const port = field(object, 'port');
	if (value === undefined) return undefined;
	const problem = endPortProblem(value, port);
	if (problem) refuse(reading, `${path}.endPort`, `${problem} (${shown(value)})`);
	return problem ? undefined : (value as number);
}

/** "This field cannot be defined if the port field is not defined or if the port field is defined as a named (string) port." */
function endPortProblem(value: unknown, port: unknown): string | undefined {
	if (!isInt32(value)) return 'must be a port number';
	if (port === undefined) return 'must not be given without port';
	if (typeof port === 'string') return 'must not be given with a port that is a name';
	if (!isPortNumber(value)) return PORT_RANGE;
	// "The endPort must be equal or greater than port."
	return typeof port === 'number' && value < port ? `must be greater than or equal to port ${port}` : undefined;
}

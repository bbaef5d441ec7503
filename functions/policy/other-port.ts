import type { Fields } from './fields.ts';
import { asList, asNumber, asObject, asText } from './loose.ts';

/** The ports that a rule of another kind speaks of. What is not understood may be any port: such a policy is not evaluated, only suspected. */

/** Absent bounds: any. */
export interface PortFilter {
	readonly protocol?: string;
	readonly first?: number;
	readonly last?: number;
}

export const ANY_PORT: readonly PortFilter[] = [{}];

const PROTOCOLS = new Set(['TCP', 'UDP', 'SCTP', 'ICMP']);

/** A port is a number or its text, with an upper end; a name, and a protocol of another name, may be any. */
function filterOf(protocol: unknown, port: unknown, endPort: unknown): PortFilter {
	const name = asText(protocol)?.toUpperCase();
	const known = name !== undefined && PROTOCOLS.has(name) ? { protocol: name } : {};
	const first = asNumber(port);
	return Number.isInteger(first) && first > 0 ? { ...known, first, last: Math.max(first, asNumber(endPort) || first) } : known;
}

/** Of the FQDN and Cilium kinds: `{port, protocol, endPort}`. */
export function filterPorts(ports: readonly unknown[]): readonly PortFilter[] {
	if (ports.length === 0) return ANY_PORT;
	return ports.map(asObject).map(({ port, endPort, protocol }) => filterOf(protocol, port, endPort));
}

/**
 * Of a rule of the cluster-wide kinds: `ports` of AdminNetworkPolicy (`portNumber`, `portRange`, `namedPort`), `protocols` of
 * ClusterNetworkPolicy (`tcp: {destinationPort: {number, range}}`, `destinationNamedPort`).
 */
export function clusterWidePorts(rule: Fields): readonly PortFilter[] {
	const older = asList(rule['ports']).map(asObject);
	const newer = asList(rule['protocols']).flatMap((each) => Object.entries(asObject(each)));
	if (older.length + newer.length === 0) return ANY_PORT;
	return [
		...older.map(({ portNumber, portRange }) => {
			const [one, range] = [asObject(portNumber), asObject(portRange)];
			return filterOf(one['protocol'] ?? range['protocol'], one['port'] ?? range['start'], range['end']);
		}),
		...newer.map(([protocol, value]) => {
			const port = asObject(asObject(value)['destinationPort']);
			const range = asObject(port['range']);
			return filterOf(protocol, port['number'] ?? range['start'], range['end']);
		}),
	];
}

/** Of a rule of Calico's kinds: `protocol`, and `destination.ports` as numbers, names and ranges such as `8000:9000`. */
export function calicoPorts({ protocol, destination }: Fields): readonly PortFilter[] {
	const ports = asList(asObject(destination)['ports']);
	if (ports.length === 0) return [filterOf(protocol, undefined, undefined)];
	return ports.map((port) => {
		const [first, last] = typeof port === 'string' ? port.split(':') : [port];
		return filterOf(protocol, first, last);
	});
}

/** Whether some filter lets that port through. */
export const mayPass = (filters: readonly PortFilter[], protocol: string, port: number): boolean =>
	filters.some((filter) => (filter.protocol ?? protocol) === protocol && port >= (filter.first ?? port) && port <= (filter.last ?? port));

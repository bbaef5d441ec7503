import { type Fields, field, isFields, type Reading, readList, readObject, readText, refuse, shown } from '../policy/fields.ts';
import { parseAddress } from '../policy/ip.ts';
import type { NamedPort, Owner, PodState, PortProtocol } from '../policy/model.ts';
import { isPortNumber } from '../policy/names.ts';
import { parseTime } from '../policy/time.ts';
import { lasting } from '../policy/workload.ts';
import type { Identity } from './resources.ts';

const PROTOCOLS: readonly string[] = ['TCP', 'UDP', 'SCTP'] satisfies PortProtocol[];
const isProtocol = (text: string): text is PortProtocol => PROTOCOLS.includes(text);

/** What policies need of a Pod. Its environment, volumes, images and status beyond that never leave this function. */
export function reducePod(object: Fields, { namespace, name, labels }: Identity, reading: Reading): PodState | undefined {
	const spec = readObject(field(object, 'spec'), 'spec', reading);
	const status = readObject(field(object, 'status'), 'status', reading);
	const metadata = readObject(field(object, 'metadata'), 'metadata', reading);
	if (!spec || !status || !metadata) return undefined;
	const node = readText(field(spec, 'nodeName'), 'spec.nodeName', reading);
	const phase = field(status, 'phase');
	const ports = [
		...readPorts(field(spec, 'containers'), { path: 'spec.containers', init: false, reading }),
		...readPorts(field(spec, 'initContainers'), { path: 'spec.initContainers', init: true, reading }),
	];
	const owner = ownerOf(metadata, labels);
	const created = readText(field(metadata, 'creationTimestamp'), 'metadata.creationTimestamp', reading);
	const createdAt = created === undefined ? undefined : parseTime(created);
	return {
		namespace,
		name,
		labels,
		ips: readAddresses(status, reading),
		...(node && { node }),
		...(field(spec, 'hostNetwork') === true && { hostNetwork: true }),
		...((phase === 'Succeeded' || phase === 'Failed') && { finished: true }),
		...(ports.length > 0 && { ports }),
		...(owner && { owner }),
		...(createdAt !== undefined && { createdAt }),
	};
}

function readAddresses(status: Fields, reading: Reading): string[] {
	const listed = readList(field(status, 'podIPs'), 'status.podIPs', reading) ?? [];
	const ips = listed.map((item, index) => {
		const path = `status.podIPs[${index}]`;
		return readText(field(readObject(item, path, reading) ?? {}, 'ip'), `${path}.ip`, reading);
	});
	const given = ips.filter((ip) => ip !== undefined && ip !== '');
	const only = given.length > 0 ? undefined : readText(field(status, 'podIP'), 'status.podIP', reading);
	const addresses = [...new Set(only ? [only] : given)] as string[];
	for (const ip of addresses) if (!parseAddress(ip)) refuse(reading, 'status.podIPs', `must be addresses (${shown(ip)})`);
	return addresses;
}

/** Ports with a name: only they can be referred to by one. */
function readPorts(value: unknown, where: { path: string; init: boolean; reading: Reading }): NamedPort[] {
	const { path, init, reading } = where;
	return (readList(value, path, reading) ?? []).flatMap((item, index) => {
		const container = readObject(item, `${path}[${index}]`, reading) ?? {};
		const ports = readList(field(container, 'ports'), `${path}[${index}].ports`, reading) ?? [];
		const kind = field(container, 'restartPolicy') === 'Always' ? 'sidecar' : 'init';
		return ports.flatMap((port, number) => {
			const read = readPort(port, `${path}[${index}].ports[${number}]`, reading);
			return read ? [{ ...read, ...(init && ({ init: kind } as const)) }] : [];
		});
	});
}

function readPort(value: unknown, path: string, reading: Reading): NamedPort | undefined {
	const object = readObject(value, path, reading) ?? {};
	const name = readText(field(object, 'name'), `${path}.name`, reading);
	if (!name) return undefined;
	const port = field(object, 'containerPort');
	const protocol = readText(field(object, 'protocol') ?? 'TCP', `${path}.protocol`, reading) ?? '';
	if (!isPortNumber(port)) refuse(reading, `${path}.containerPort`, `must be between 1 and 65535, inclusive (${shown(port)})`);
	if (!isProtocol(protocol)) refuse(reading, `${path}.protocol`, `must be one of ${PROTOCOLS.join(', ')} (${shown(protocol)})`);
	return isPortNumber(port) && isProtocol(protocol) ? { name, port, protocol } : undefined;
}

/** The workload as people and logs name it: the controller, or what stands above it where the name tells. */
function ownerOf(metadata: Fields, labels: Readonly<Record<string, string>>): Owner | undefined {
	const references = field(metadata, 'ownerReferences');
	const controller = (Array.isArray(references) ? references : []).filter(isFields).find((item) => field(item, 'controller') === true);
	const kind = controller && field(controller, 'kind');
	const name = controller && field(controller, 'name');
	if (typeof kind !== 'string' || typeof name !== 'string' || kind === '' || name === '') return undefined;
	if (kind === 'ReplicaSet') {
		const hash = Object.hasOwn(labels, 'pod-template-hash') ? labels['pod-template-hash'] : undefined;
		if (hash && name.endsWith(`-${hash}`) && name.length > hash.length + 1)
			return { kind: 'Deployment', name: name.slice(0, -hash.length - 1) };
	}
	return kind === 'Job' ? lasting({ kind, name }) : { kind, name };
}

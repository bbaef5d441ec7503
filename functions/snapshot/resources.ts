import { type Fields, field, type Reading, readList, readObject, readText, readTexts, refuse, shown } from '../policy/fields.ts';
import { parseAddress } from '../policy/ip.ts';
import type { Labels, NamespaceState, NodeState, ServiceState } from '../policy/model.ts';
import { subdomainProblem } from '../policy/names.ts';

/** Who an object is. `namespace` is empty for what is not in one. */
export interface Identity {
	readonly namespace: string;
	readonly name: string;
	readonly labels: Labels;
}

/** An object without a namespace, applied as it is, comes into this one. */
const DEFAULT_NAMESPACE = 'default';
const NAME_LABEL = 'kubernetes.io/metadata.name';

/** Name, namespace and labels. `undefined` and a problem where the name or the namespace cannot be one. */
export function readIdentity(object: Fields, namespaced: boolean, reading: Reading): Identity | undefined {
	const metadata = readObject(field(object, 'metadata'), 'metadata', reading);
	if (!metadata) return undefined;
	const name = readText(field(metadata, 'name'), 'metadata.name', reading);
	const namespace = namespaced ? readText(field(metadata, 'namespace'), 'metadata.namespace', reading) || DEFAULT_NAMESPACE : '';
	const labels = readTexts(field(metadata, 'labels'), 'metadata.labels', reading);
	if (name === undefined || labels === undefined) return undefined;
	const problem = name === '' ? 'must be given' : subdomainProblem(name);
	if (problem) refuse(reading, 'metadata.name', `${problem} (${shown(name)})`);
	const misplaced = namespaced ? subdomainProblem(namespace) : undefined;
	if (misplaced) refuse(reading, 'metadata.namespace', `${misplaced} (${shown(namespace)})`);
	return problem || misplaced ? undefined : { namespace, name, labels };
}

/** The API server gives each Namespace a label with its name, which a manifest does not show. */
export function reduceNamespace({ name, labels }: Identity, live: boolean): NamespaceState {
	return { name, labels: live ? labels : { ...labels, [NAME_LABEL]: name } };
}

export function reduceNode(object: Fields, { name }: Identity, reading: Reading): NodeState {
	const status = readObject(field(object, 'status'), 'status', reading) ?? {};
	const listed = readList(field(status, 'addresses'), 'status.addresses', reading) ?? [];
	const addresses = listed.map((item, index) => {
		const path = `status.addresses[${index}]`;
		const entry = readObject(item, path, reading) ?? {};
		return { type: field(entry, 'type'), address: readText(field(entry, 'address'), `${path}.address`, reading) ?? '', path };
	});
	const ofType = (wanted: string): string[] =>
		addresses
			// GKE writes an empty ExternalIP where a node has none.
			.filter(({ type, address }) => type === wanted && address !== '')
			.map(({ address, path }) => {
				if (!parseAddress(address)) refuse(reading, `${path}.address`, `must be an address (${shown(address)})`);
				return address;
			});
	return { name, ips: [...new Set([...ofType('InternalIP'), ...ofType('ExternalIP')])] };
}

export function reduceService(object: Fields, { namespace, name }: Identity, reading: Reading): ServiceState {
	const spec = readObject(field(object, 'spec'), 'spec', reading) ?? {};
	const type = readText(field(spec, 'type'), 'spec.type', reading) || 'ClusterIP';
	const listed = readList(field(spec, 'clusterIPs'), 'spec.clusterIPs', reading) ?? [];
	const given = listed.length > 0 ? listed : [field(spec, 'clusterIP')];
	const clusterIps = given
		.map((item, index) => readText(item, `spec.clusterIPs[${index}]`, reading))
		.filter((ip) => ip !== undefined)
		.filter((ip) => ip !== '' && ip !== 'None');
	for (const ip of clusterIps) if (!parseAddress(ip)) refuse(reading, 'spec.clusterIPs', `must be addresses (${shown(ip)})`);
	const selector = readTexts(field(spec, 'selector'), 'spec.selector', reading) ?? {};
	const reachable = type === 'NodePort' || type === 'LoadBalancer';
	const externalTrafficPolicy =
		readText(field(spec, 'externalTrafficPolicy'), 'spec.externalTrafficPolicy', reading) || (reachable ? 'Cluster' : '');
	return {
		namespace,
		name,
		type,
		...(clusterIps.length > 0 && { clusterIps }),
		...(Object.keys(selector).length > 0 && { selector }),
		...(externalTrafficPolicy !== '' && { externalTrafficPolicy }),
	};
}

import { type Fields, field, isFields } from '../policy/fields.ts';
import type { KubernetesApi } from '../ports.ts';
import { type Kept, KINDS, spellKind } from './kinds.ts';

/** A kind that a server has, and where it lists the objects of all namespaces. */
export interface ServedKind {
	readonly group: string;
	/** In the plural, as rights name it: `networkpolicies`. */
	readonly resource: string;
	readonly as: Kept['as'];
	/** `Pod`, `CiliumNetworkPolicy.cilium.io`. */
	readonly name: string;
	/** `/apis/cilium.io/v2/ciliumnetworkpolicies`. */
	readonly path: string;
}

export interface Discovered {
	readonly served: readonly ServedKind[];
	/** Names of kinds that the server does not have: there are no such objects. */
	readonly absent: readonly string[];
}

/** Names that become part of a path. */
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/**
 * Which of a snapshot's kinds a server has. To list one that it does not have would tell a restricted user nothing: "forbidden" is what
 * such a user hears of those as well, whereas every authenticated user may ask what is served. A kind may be in another version of its
 * group than the preferred one, as alpha kinds are: then the first version that has it is taken.
 */
export async function discoverKinds(api: KubernetesApi): Promise<Discovered> {
	const versions = new Map([['', ['v1']], ...(await readGroups(api))]);
	const served: ServedKind[] = [];
	const absent: string[] = [];
	for (const [group, wanted] of Map.groupBy(KINDS, (kind) => kind.group)) {
		const left = new Map(wanted.map((kind) => [kind.kind, kind]));
		for (const version of versions.get(group) ?? []) {
			if (left.size === 0) break;
			const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
			for (const { kind, resource } of await readResources(api, base)) {
				const found = left.get(kind);
				if (!found) continue;
				left.delete(kind);
				served.push({ group, resource, as: found.as, name: spellKind(group, kind), path: `${base}/${resource}` });
			}
		}
		absent.push(...[...left.keys()].map((kind) => spellKind(group, kind)));
	}
	return { served, absent };
}

/** The versions of each group, the preferred one first. */
async function readGroups(api: KubernetesApi): Promise<(readonly [string, string[]])[]> {
	const document = await read(api, '/apis');
	const groups = isFields(document) ? field(document, 'groups') : undefined;
	if (!Array.isArray(groups)) throw new Error('/apis: the answer is no list of API groups: this is no Kubernetes API server');
	return groups.filter(isFields).map((group) => {
		const versions = field(group, 'versions');
		const all = [field(group, 'preferredVersion'), ...(Array.isArray(versions) ? versions : [])];
		return [
			String(field(group, 'name')),
			[...new Set(all.map((version) => (isFields(version) ? text(version, 'version') : '')))].filter(isName),
		];
	});
}

/** The kinds of a version that can be listed. A version that went since the groups were read has none. */
async function readResources(api: KubernetesApi, path: string): Promise<{ kind: string; resource: string }[]> {
	const document = await read(api, path);
	if (document === undefined) return [];
	const resources = isFields(document) ? field(document, 'resources') : undefined;
	if (!Array.isArray(resources)) throw new Error(`${path}: the answer is no list of API resources`);
	return (
		resources
			.filter(isFields)
			.map((entry) => ({ kind: text(entry, 'kind'), resource: text(entry, 'name'), verbs: field(entry, 'verbs') }))
			// A subresource, such as pods/status, has the kind of what it belongs to.
			.filter(({ resource, verbs }) => isName(resource) && (!Array.isArray(verbs) || verbs.includes('list')))
	);
}

async function read(api: KubernetesApi, path: string): Promise<unknown> {
	const answer = await api.get(path);
	switch (answer.kind) {
		case 'ok':
			return answer.document;
		case 'absent':
			return undefined;
		case 'forbidden':
			throw new Error(`${path}: not allowed to ask what is served: bind the ClusterRole system:discovery`);
		case 'expired':
			throw new Error(`${path}: an answer that only lists have (410)`);
		default:
			return answer satisfies never;
	}
}

const isName = (value: string): boolean => NAME.test(value);

function text(object: Fields, key: string): string {
	const value = field(object, key);
	return typeof value === 'string' ? value : '';
}

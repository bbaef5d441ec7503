import { type Fields, field, isFields } from '../policy/fields.ts';
import type { KubernetesAnswer, KubernetesApi } from '../ports.ts';
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
	/** Kinds that it may have: what answers for their group is down. */
	readonly unavailable: readonly Unavailable[];
}

export interface Unavailable {
	readonly names: readonly string[];
	readonly path: string;
	readonly detail: string;
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
	const unavailable: Unavailable[] = [];
	for (const [group, wanted] of Map.groupBy(KINDS, (kind) => kind.group)) {
		const left = new Map(wanted.map((kind) => [kind.kind, kind]));
		let down: Omit<Unavailable, 'names'> | undefined;
		for (const version of versions.get(group) ?? []) {
			if (left.size === 0) break;
			const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
			const resources = await readResources(api, base);
			if (!Array.isArray(resources)) {
				down = { path: base, ...resources };
				continue;
			}
			for (const { kind, resource } of resources) {
				const found = left.get(kind);
				if (!found) continue;
				left.delete(kind);
				served.push({ group, resource, as: found.as, name: spellKind(group, kind), path: `${base}/${resource}` });
			}
		}
		const names = [...left.keys()].map((kind) => spellKind(group, kind));
		if (down && names.length > 0) unavailable.push({ names, ...down });
		else absent.push(...names);
	}
	return { served, absent, unavailable };
}

/** The versions of each group, the preferred one first. */
async function readGroups(api: KubernetesApi): Promise<(readonly [string, string[]])[]> {
	const answer = await read(api, '/apis');
	if (answer?.kind === 'unavailable') throw new Error(`GET /apis: ${answer.detail}`);
	const document = answer?.document;
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

/** The kinds of a version that can be listed, or why that is not known. A version that went since the groups were read has none. */
async function readResources(api: KubernetesApi, path: string): Promise<{ kind: string; resource: string }[] | { detail: string }> {
	const answer = await read(api, path);
	if (answer === undefined) return [];
	if (answer.kind === 'unavailable') return { detail: answer.detail };
	const { document } = answer;
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

/** `undefined` where the server has no such path. */
async function read(api: KubernetesApi, path: string): Promise<Extract<KubernetesAnswer, { kind: 'ok' | 'unavailable' }> | undefined> {
	const answer = await api.get(path);
	switch (answer.kind) {
		case 'ok':
		case 'unavailable':
			return answer;
		case 'absent':
			return undefined;
		case 'forbidden':
			throw new Error(`${path}: not allowed to ask what is served: bind the ClusterRole system:discovery`);
		case 'too-large':
			throw new Error(`GET ${path}: ${answer.detail}`);
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

import { type Fields, field, type Remark } from '../policy/fields.ts';

/** The kinds of objects that a snapshot is made of, by API group. */

type Scope = 'namespaced' | 'cluster';

/** Kinds of which a snapshot keeps a reduced state. */
type StateKind = 'Namespace' | 'Node' | 'Pod' | 'Service' | 'NetworkPolicy' | 'NetworkLogging';

/** An object that is kept. `other`: a policy of another kind, with its spec as it is. */
export interface Kept {
	readonly as: StateKind | 'other';
	readonly scope: Scope;
}

/** How an object is read: kept in some form, ignored and counted as `kind`, or refused. */
export type Treatment = Kept | { readonly as: 'ignored'; readonly kind: string } | { readonly as: 'refused'; readonly remark: Remark };

const NO_KIND = '(no kind)';
const EXTENSIONS = 'must be networking.k8s.io/v1: no server since Kubernetes 1.16 has NetworkPolicies of extensions/v1beta1';

const CALICO: Readonly<Record<string, Scope>> = {
	NetworkPolicy: 'namespaced',
	GlobalNetworkPolicy: 'cluster',
	NetworkSet: 'namespaced',
	GlobalNetworkSet: 'cluster',
	Tier: 'cluster',
};

const OTHER: Readonly<Record<string, Readonly<Record<string, Scope>>>> = {
	'cilium.io': { CiliumNetworkPolicy: 'namespaced', CiliumClusterwideNetworkPolicy: 'cluster' },
	'networking.gke.io': { FQDNNetworkPolicy: 'namespaced', ClusterNetworkPolicy: 'cluster' },
	'policy.networking.k8s.io': { AdminNetworkPolicy: 'cluster', BaselineAdminNetworkPolicy: 'cluster', ClusterNetworkPolicy: 'cluster' },
	'crd.projectcalico.org': CALICO,
	'projectcalico.org': CALICO,
};

const STATE: Readonly<Record<string, Readonly<Record<string, Scope>>>> = {
	'': { Namespace: 'cluster', Node: 'cluster', Pod: 'namespaced', Service: 'namespaced' },
	'networking.k8s.io': { NetworkPolicy: 'namespaced' },
	'networking.gke.io': { NetworkLogging: 'cluster' },
};

const scopeIn = (table: typeof OTHER, group: string, kind: string): Scope | undefined => {
	const kinds = Object.hasOwn(table, group) ? table[group] : undefined;
	return kinds && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
};

/** Every kind that a snapshot is made of, for who looks for them in a cluster. */
export const KINDS: readonly { readonly group: string; readonly kind: string; readonly as: Kept['as'] }[] = [
	...listKinds(STATE, (kind) => kind as StateKind),
	...listKinds(OTHER, () => 'other'),
];

function listKinds(table: typeof OTHER, as: (kind: string) => Kept['as']) {
	return Object.entries(table).flatMap(([group, kinds]) => Object.keys(kinds).map((kind) => ({ group, kind, as: as(kind) })));
}

/** A kind as people name it: with its group where that is none of Kubernetes' own. */
export const spellKind = (group: string, kind: string): string =>
	group === '' || group.endsWith('.k8s.io') || !group.includes('.') ? kind : `${kind}.${group}`;

/** The group of an apiVersion; empty for the core group. */
export const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '');

/** How an object of that kind is kept; `undefined` where it is none of a snapshot's business. */
function keptAs(apiVersion: string, kind: string): Kept | undefined {
	const group = groupOf(apiVersion);
	const scope = scopeIn(STATE, group, kind);
	if (scope) return { as: kind as StateKind, scope };
	const other = scopeIn(OTHER, group, kind);
	return other && { as: 'other', scope: other };
}

const refused = (path: string, message: string): Treatment => ({ as: 'refused', remark: { path, message } });

/** How an object is read, by its apiVersion and kind. */
export function treatmentOf(object: Fields): Treatment {
	const kind = field(object, 'kind');
	const apiVersion = field(object, 'apiVersion');
	if (typeof kind !== 'string' || kind === '') {
		// Values of a chart and the like have no kind either, and are none of our business.
		const looksReal = apiVersion !== undefined || field(object, 'metadata') !== undefined || field(object, 'spec') !== undefined;
		return looksReal ? refused('kind', 'must be given') : { as: 'ignored', kind: NO_KIND };
	}
	if (typeof apiVersion !== 'string') {
		const known = kind === 'NetworkPolicy' || keptAs('v1', kind) !== undefined;
		return known ? refused('apiVersion', 'must be given') : { as: 'ignored', kind };
	}
	const group = groupOf(apiVersion);
	if (kind === 'Status' && group === '') return refused('', `is an API server's answer and no list${reasonOf(object)}`);
	if (kind === 'NetworkPolicy' && group === 'extensions') return refused('apiVersion', EXTENSIONS);
	return keptAs(apiVersion, kind) ?? { as: 'ignored', kind: spellKind(group, kind) };
}

const reasonOf = (status: Fields): string => {
	const reason = field(status, 'reason');
	return typeof reason === 'string' && /^\w{1,40}$/.test(reason) ? `: ${reason}` : '';
};

import type { ClusterState } from '../policy/model.ts';
import { parseTime } from '../policy/time.ts';
import type { KubernetesApi } from '../ports.ts';
import { compareText } from './canonical.ts';
import { discoverKinds, type ServedKind } from './discovery.ts';
import { isClusterDescription } from './facts.ts';
import { readListing } from './listing.ts';
import { createReducer } from './objects.ts';
import type { Problem } from './problem.ts';

export interface CollectOptions {
	readonly api: KubernetesApi;
	/** The GKE API's Cluster as JSON; without it the snapshot serves every cluster. */
	readonly description?: unknown;
	/** In ms since 1970. */
	readonly now: () => number;
	/** Objects a page. */
	readonly pageSize?: number;
}

/** The state of a cluster, and what is to be said about how it was read. Places of problems are paths of lists. */
export interface Collected {
	/** Canonical, as if the same objects had been read from files. */
	readonly state: ClusterState;
	/** RFC 3339 UTC: before the first list was read. What changed since then may be in the state, or half of it. */
	readonly collectedAt: string;
	/** Objects that were refused; policies among them are in the state as unreadable. And paths that nobody answered for. */
	readonly problems: readonly Problem[];
	readonly warnings: readonly Problem[];
	/** Kinds that the server does not have. */
	readonly absentKinds: readonly string[];
	/** Kinds that it does not let us list, or cannot list now; the state has them too. */
	readonly unreadableKinds: readonly string[];
	/** Objects of each kind that was listed, as many as the server has. */
	readonly counts: Readonly<Record<string, number>>;
}

const PAGE_SIZE = 500;

/**
 * Reads all that a snapshot is made of from an API server. Rejects where there is no answer, and where Namespaces, Nodes, Pods or Services
 * cannot be listed: every verdict rests on them. That policies of a kind cannot be listed is a fact of the state instead.
 */
export async function collectState({ api, description, now, pageSize = PAGE_SIZE }: CollectOptions): Promise<Collected> {
	const time = new Date(now()).toISOString();
	const collectedAt = parseTime(time) ?? time;
	const reducer = createReducer();
	if (description !== undefined) {
		if (!isClusterDescription(description)) throw new Error('the cluster description is no Cluster of the GKE API');
		reducer.add(description, { file: 'cluster description' });
	}
	const { served, absent, unavailable } = await discoverKinds(api);
	const missing = absent.filter(isExpected);
	// To take an answer that lacks them for a cluster without policies would turn every verdict round.
	if (missing.length > 0) throw new Error(`the API server does not serve ${missing.join(', ')}`);
	const absentKinds = [...absent];
	const unreadableKinds: string[] = [];
	const down: Problem[] = [];
	/** For as long as what answers for some kinds is down, the rest is read: a snapshot that says so is more than none. */
	const passOver = (names: readonly string[], { path, detail }: { readonly path: string; readonly detail: string }): void => {
		if (names.some(isExpected)) throw new Error(`GET ${path}: ${detail}`);
		unreadableKinds.push(...names);
		down.push({ file: path, message: detail });
	};
	for (const { names, ...why } of unavailable) passOver(names, why);
	const counts: Record<string, number> = {};
	for (const kind of served) {
		const { name, path } = kind;
		const listing = await readListing(api, { path, pageSize });
		if (listing.kind === 'listed') {
			reducer.absorb(listing.reducer);
			counts[name] = listing.count;
		} else if (listing.kind === 'unavailable') passOver([name], { path, detail: listing.detail });
		else if (NEEDED.has(name)) throw new Error(refusalOf(kind, listing.kind));
		else if (listing.kind === 'absent' && name !== 'NetworkPolicy') absentKinds.push(name);
		else unreadableKinds.push(name);
	}
	unreadableKinds.sort(compareText);
	const { state, problems, warnings } = reducer.finish();
	return {
		state: { ...state, unreadableKinds },
		collectedAt,
		problems: [...down, ...problems],
		warnings,
		absentKinds,
		unreadableKinds,
		counts,
	};
}

/** What every verdict rests on. */
const NEEDED = new Set(['Namespace', 'Node', 'Pod', 'Service']);
/** What every server has. */
const isExpected = (name: string): boolean => NEEDED.has(name) || name === 'NetworkPolicy';

function refusalOf({ resource, group, path }: ServedKind, why: 'absent' | 'forbidden'): string {
	if (why === 'absent') return `cannot list ${resource}: the server has no ${path}, which it said it had`;
	const right = `verbs get and list on ${resource} in API group "${group}", in all namespaces (a ClusterRole and a ClusterRoleBinding)`;
	return `cannot list ${resource}, without which nothing can be judged: the API server forbids it. The right that is missing: ${right}`;
}

import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type ClusterState, SNAPSHOT_FORMAT, type Snapshot } from '../policy/model.ts';
import { formatTimeName, parseTime } from '../policy/time.ts';

/** How many digits of the hash end an id. */
export const ID_DIGITS = 12;

/** What a snapshot is made of. Times are RFC 3339; absent `validFrom` is valid at any time. */
export interface SnapshotParts {
	readonly state: ClusterState;
	readonly validFrom?: string;
	readonly collectedAt?: string;
	readonly previous?: { readonly id: string; readonly seenUntil: string };
}

/**
 * The canonical document: equal states have equal bytes, in whatever order their objects were read.
 * Throws where a time is none: the caller has it from a clock, or has checked it.
 */
export function createSnapshot({ state, validFrom, collectedAt, previous }: SnapshotParts): Snapshot {
	const sorted = canonicalState(state);
	const from = validFrom === undefined ? undefined : utc(validFrom);
	return {
		...(collectedAt !== undefined && { collectedAt: utc(collectedAt) }),
		format: SNAPSHOT_FORMAT,
		id: snapshotId(sorted, from),
		...(previous && { previous: { id: previous.id, seenUntil: utc(previous.seenUntil) } }),
		state: sorted,
		...(from !== undefined && { validFrom: from }),
	};
}

/** `<valid-from or "any">-<12 hex digits>`: the same state at the same time has the same id. Takes a canonical state. */
export function snapshotId(state: ClusterState, validFrom: string | undefined): string {
	const from = validFrom === undefined ? 'any' : formatTimeName(utc(validFrom));
	return `${from}-${stateHash(state).slice(0, ID_DIGITS)}`;
}

/** SHA-256 of the state's canonical JSON, in hex. Takes a canonical state. */
export const stateHash = (state: ClusterState): string => createHash('sha256').update(canonicalJson(state)).digest('hex');

/** The snapshot's file: canonical JSON with a newline, compressed. The same snapshot gives the same bytes. */
export const encodeSnapshot = (snapshot: Snapshot): Buffer => gzipSync(`${canonicalJson(snapshot)}\n`);

function utc(text: string): string {
	const time = parseTime(text);
	if (time === undefined) throw new Error(`not an RFC 3339 time: ${JSON.stringify(text.slice(0, 40))}`);
	return time;
}

/** JSON with the keys of every object in the order of their code units, without white space. */
export const canonicalJson = (value: unknown): string => JSON.stringify(sortKeys(value));

/** Lists whose order means nothing are sorted, and so are all keys. Rules, peers and ports of policies keep their order: evidence counts them. */
export function canonicalState(state: ClusterState): ClusterState {
	const pods = state.pods.map((pod) => (pod.ports ? { ...pod, ports: sorted(pod.ports) } : pod));
	return sortKeys({
		...state,
		...(state.cluster && { cluster: sortRanges(state.cluster) }),
		namespaces: sorted(state.namespaces),
		nodes: sorted(state.nodes),
		pods: sorted(pods),
		services: sorted(state.services),
		policies: sorted(state.policies),
		unreadablePolicies: sorted(state.unreadablePolicies),
		otherPolicies: sorted(state.otherPolicies),
		unreadableKinds: [...state.unreadableKinds].sort(compareText),
	}) as ClusterState;
}

function sortRanges(cluster: NonNullable<ClusterState['cluster']>): NonNullable<ClusterState['cluster']> {
	const { podRanges, serviceRanges, nodeVersions, ...rest } = cluster;
	return {
		...rest,
		...(podRanges && { podRanges: [...podRanges].sort(compareText) }),
		...(serviceRanges && { serviceRanges: [...serviceRanges].sort(compareText) }),
		...(nodeVersions && { nodeVersions: [...nodeVersions].sort(compareText) }),
	};
}

/** By code units: the order of a locale would differ from machine to machine. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

interface Named {
	readonly namespace?: string;
	readonly name: string;
}

/** By namespace and name; what has both in common by its whole content. */
function sorted<T extends Named>(list: readonly T[]): T[] {
	const order = (a: T, b: T) => compareText(a.namespace ?? '', b.namespace ?? '') || compareText(a.name, b.name);
	return [...list].sort((a, b) => order(a, b) || compareText(canonicalJson(a), canonicalJson(b)));
}

/**
 * The same with sorted keys, and without undefined values: the value itself where it is so already, as most of a state is when it is sorted
 * again for its identity and its bytes. fromEntries defines properties: a key `__proto__` stays a key.
 */
function sortKeys(value: unknown): unknown {
	if (typeof value !== 'object' || value === null) return value;
	if (Array.isArray(value)) {
		const items = value.map(sortKeys);
		return items.every((item, index) => item === value[index]) ? value : items;
	}
	let same = true;
	let before = '';
	const entries: [string, unknown][] = [];
	for (const [key, item] of Object.entries(value)) {
		const sortedItem = sortKeys(item);
		if (item === undefined || sortedItem !== item || key < before) same = false;
		before = key;
		if (item !== undefined) entries.push([key, sortedItem]);
	}
	return same ? value : Object.fromEntries(entries.sort(([a], [b]) => compareText(a, b)));
}

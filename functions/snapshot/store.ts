import type { ClusterState, Snapshot } from '../policy/model.ts';
import { parseTime, sortableTime } from '../policy/time.ts';
import type { ClusterKey, NewestSnapshot, SnapshotStore } from '../ports.ts';
import { canonicalState, createSnapshot, encodeSnapshot, ID_DIGITS, stateHash } from './canonical.ts';

/** An unchanged state is written again after this time: snapshots are kept for longer, and readers look back for a day more. */
const REWRITE_AFTER_MS = 7 * 24 * 60 * 60_000;
/**
 * A state holds from the change that the audit log tells of, where it was collected this soon after it. Later, as where Pub/Sub had to deliver
 * again for hours, Pods have come and gone since, and there were other changes.
 */
const CHANGE_WITHIN_MS = 15 * 60_000;
const AHEAD_MS = 60 * 60_000;
/** How often others may be quicker. Each time one of them got on. */
const MAX_ROUNDS = 10;
/** How many times in a row, a millisecond apart, may be taken. */
const MAX_TIMES = 20;

/** A state that was read from a cluster. Times are RFC 3339. */
export interface Collected {
	readonly cluster: ClusterKey;
	readonly state: ClusterState;
	/** When the collection began: what was in force then. */
	readonly collectedAt: string;
	/** When the cluster's audit log says that it changed. */
	readonly changedAt?: string | undefined;
	/**
	 * Is awaited when the state is stored and before anybody is told that it is the newest, or was seen until later: whoever dies in between
	 * repeats it all. May be called more than once, also for one that is then not the newest. Where it rejects, so does `saveCollected`.
	 */
	readonly beforeNewest?: (stored: Stored | SeenAgain) => Promise<void>;
}

/** A snapshot that is stored, and is to be the newest. */
export interface Stored {
	/** `rewritten`: the state is that of the newest before it. */
	readonly kind: 'changed' | 'rewritten';
	readonly snapshot: Snapshot;
	/** SHA-256 in hex. */
	readonly stateHash: string;
	/** The newest before it, if there is one. */
	readonly replaced: NewestSnapshot | undefined;
}

/** The newest snapshot's state, seen once more. */
export interface SeenAgain {
	readonly kind: 'unchanged';
	readonly stateHash: string;
	readonly newest: NewestSnapshot;
}

/** What became of a collected state. `newest`: what the cluster's newest snapshot is now. */
export type Saved =
	| (Stored & { readonly newest: NewestSnapshot })
	| SeenAgain
	/** Others had seen the cluster later. `snapshot`: it was stored before that was known, and stays as a part of the history. */
	| { readonly kind: 'older'; readonly stateHash: string; readonly newest: NewestSnapshot; readonly snapshot?: Snapshot };

/**
 * Keeps a collected state: as a new snapshot where it differs from the newest, else as the time until when that was seen. Any number may
 * save at once. Rejects where the store does, where others were quicker again and again, or where `collectedAt` is no time; what is stored
 * by then stays.
 */
export async function saveCollected(store: SnapshotStore, collected: Collected): Promise<Saved> {
	const { cluster, beforeNewest } = collected;
	const run = prepare(collected);
	let kept: Snapshot | undefined;
	for (let round = 0; round < MAX_ROUNDS; round++) {
		const { newest, version } = await store.readNewest(cluster);
		const decision = decide(run, { newest, keptFrom: kept?.validFrom });
		switch (decision.kind) {
			case 'older':
				return { ...decision, stateHash: run.hash, ...(kept && { snapshot: kept }) };
			case 'unchanged':
				return { ...decision, stateHash: run.hash };
			case 'seen': {
				const seen: SeenAgain = { kind: 'unchanged', stateHash: run.hash, newest: decision.newest };
				await beforeNewest?.(seen);
				if (await store.replaceNewest(cluster, seen.newest, version)) return seen;
				break;
			}
			case 'changed':
			case 'rewritten': {
				const { kind, validFrom, previous } = decision;
				if (kept?.validFrom !== validFrom) kept = await writeFrom(store, cluster, { run, validFrom, previous });
				const stored: Stored = { kind, snapshot: kept, stateHash: run.hash, replaced: newest };
				await beforeNewest?.(stored);
				const now = newestOf(kept, run.collectedAt);
				if (await store.replaceNewest(cluster, now, version)) return { ...stored, newest: now };
				break;
			}
			default:
				return decision satisfies never;
		}
	}
	throw new Error(`the newest snapshot was replaced by others ${MAX_ROUNDS} times in a row`);
}

/** A collection with its times as `parseTime` writes them. */
interface Run {
	readonly state: ClusterState;
	readonly hash: string;
	readonly collectedAt: string;
	readonly changedAt: string | undefined;
}

function prepare({ state, collectedAt, changedAt = '' }: Collected): Run {
	const canonical = canonicalState(state);
	const began = parseTime(collectedAt);
	if (began === undefined) throw new Error(`not an RFC 3339 time: ${JSON.stringify(collectedAt.slice(0, 40))}`);
	return { state: canonical, hash: stateHash(canonical), collectedAt: began, changedAt: parseTime(changedAt) };
}

type Decision =
	| { readonly kind: 'older' | 'unchanged'; readonly newest: NewestSnapshot }
	/** The newest, seen later. */
	| { readonly kind: 'seen'; readonly newest: NewestSnapshot }
	| { readonly kind: 'changed' | 'rewritten'; readonly validFrom: string; readonly previous: Snapshot['previous'] };

interface Known {
	readonly newest: NewestSnapshot | undefined;
	/** This run has stored the state as a snapshot of that time already. */
	readonly keptFrom: string | undefined;
}

function decide(run: Run, { newest, keptFrom }: Known): Decision {
	const { hash, collectedAt, changedAt } = run;
	if (!newest || isAhead(newest, collectedAt)) return { kind: 'changed', validFrom: keptFrom ?? collectedAt, previous: undefined };
	const { id, validFrom, seenUntil } = newest;
	const same = id.endsWith(`-${hash.slice(0, ID_DIGITS)}`);
	const previous = { id, seenUntil };
	// Whoever looks for an older time finds the last snapshot before it: one that is stored and never was the newest would hide this one.
	if (keptFrom !== undefined && isAfter(keptFrom, validFrom))
		return { kind: same ? 'rewritten' : 'changed', validFrom: keptFrom, previous };
	if (isAfter(validFrom, collectedAt)) return { kind: 'older', newest };
	if (same) {
		if (!isAfter(collectedAt, seenUntil)) return { kind: 'unchanged', newest };
		if (Date.parse(collectedAt) - Date.parse(validFrom) <= REWRITE_AFTER_MS)
			return { kind: 'seen', newest: { id, validFrom, seenUntil: collectedAt } };
		return { kind: 'rewritten', validFrom: collectedAt, previous: { id, seenUntil: collectedAt } };
	}
	if (isAfter(seenUntil, collectedAt)) return { kind: 'older', newest };
	const from = changedAt !== undefined && isAfter(changedAt, seenUntil) && isSoonAfter(collectedAt, changedAt) ? changedAt : collectedAt;
	return { kind: 'changed', validFrom: isAfter(from, validFrom) ? from : nextMillisecond(from), previous };
}

interface Placed {
	readonly run: Run;
	readonly validFrom: string;
	readonly previous: Snapshot['previous'];
}

/** Stores it under that time, or the first after it that is free. */
async function writeFrom(store: SnapshotStore, cluster: ClusterKey, { run, validFrom, previous }: Placed): Promise<Snapshot> {
	const { state, collectedAt } = run;
	let from = validFrom;
	for (let tried = 0; tried < MAX_TIMES; tried++) {
		const snapshot = createSnapshot({ state, validFrom: from, collectedAt, ...(previous && { previous }) });
		if (await store.write(cluster, { validFrom: from, bytes: encodeSnapshot(snapshot) })) return snapshot;
		from = nextMillisecond(from);
	}
	throw new Error(`there are ${MAX_TIMES} snapshots from ${validFrom} on, a millisecond apart`);
}

const newestOf = ({ id, validFrom = '' }: Snapshot, collectedAt: string): NewestSnapshot => ({
	id,
	validFrom,
	seenUntil: isAfter(validFrom, collectedAt) ? validFrom : collectedAt,
});

/**
 * Whether it says what no clock that is right can have said: it would keep everything that is collected from being the newest until then.
 * Clocks of instances differ by less than that.
 */
const isAhead = ({ validFrom, seenUntil }: NewestSnapshot, collectedAt: string): boolean =>
	Math.max(Date.parse(validFrom), Date.parse(seenUntil)) - Date.parse(collectedAt) > AHEAD_MS;

const isAfter = (a: string, b: string): boolean => sortableTime(a) > sortableTime(b);

const isSoonAfter = (collectedAt: string, changedAt: string): boolean =>
	!isAfter(changedAt, collectedAt) && Date.parse(collectedAt) - Date.parse(changedAt) <= CHANGE_WITHIN_MS;

/** Later than that time, whatever it has below a millisecond. */
function nextMillisecond(time: string): string {
	const next = parseTime(new Date(Date.parse(time) + 1).toISOString());
	if (next === undefined) throw new Error(`no time follows ${time}`);
	return next;
}

import { type CompiledSnapshot, compileSnapshot } from '../../policy/compile.ts';
import type { Snapshot } from '../../policy/model.ts';
import { parseTime, sortableTime } from '../../policy/time.ts';
import type { ClusterKey, FoundSnapshot, SnapshotSource } from '../../ports.ts';
import { type Cache, createCache, type Loaded } from './cache.ts';
import { bytesOf, openSnapshot, type Parsed, parseJson } from './document.ts';
import {
	clusterFolder,
	dayOf,
	LATEST_NAME,
	type Latest,
	MAX_LATEST_BYTES,
	type NamedSnapshot,
	orderSnapshots,
	parseLatest,
} from './names.ts';
import type { ObjectStore } from './objects.ts';

/** A state that was last seen longer than this before an entry may have changed since. */
export const STALE_AFTER_MS = 15 * 60_000;

/** For how long a bad object is taken for bad without another look, and not spoken of again. */
const BAD_FOR_MS = 5 * 60_000;
/** How far back a list goes at first: an unchanged state is written again weekly. */
const LIST_DAYS = 8;
/** How many snapshots an entry tries: after that many bad ones it has none. */
const MAX_TRIED = 10;
const MAX_CACHE_BYTES = 256 * 1024 * 1024;
const MAX_CLUSTERS = 1000;
const MAX_NAMES = 200_000;
const MAX_REASON = 500;

/** An object that is passed over. */
export interface SkippedLine {
	readonly severity: 'ERROR';
	readonly message: string;
	readonly object: string;
	readonly reason: string;
}

export interface TimelineOptions {
	/** Of clusters whose entries name no project. */
	readonly projectId?: string | undefined;
	/** The folder in which all others are, such as `audit`. */
	readonly prefix?: string | undefined;
	/** How much JSON the compiled snapshots in memory may come from, in bytes. */
	readonly maxBytes?: number;
	/** Of one snapshot's JSON. */
	readonly maxObjectBytes: number;
	/** For how long `latest.json` and lists are taken as they were read. */
	readonly freshMs: number;
	readonly now: () => Date;
	readonly log: (line: SkippedLine) => void;
	readonly compile?: (snapshot: Snapshot) => CompiledSnapshot;
}

/** A snapshot that is ready, and what it says of the one before it. */
interface Ready {
	readonly snapshot: CompiledSnapshot;
	readonly previous: Snapshot['previous'];
	/** In ms since 1970; NaN where that is not known. */
	readonly collectedMs: number;
}

/** `undefined`: a bad object. */
type Usable<T> = T | undefined;

/** `bad`: it is there and cannot be read. */
type LatestState =
	/** `fromMs`: when the newest snapshot begins, cut to ms since 1970. */
	| { readonly kind: 'ok'; readonly latest: Latest & NamedSnapshot; readonly fromMs: number }
	| { readonly kind: 'missing' }
	| { readonly kind: 'bad' };

/** One cluster, as one entry asks for it. */
interface Place {
	readonly folder: string;
	readonly cluster: ClusterKey;
	/** As `parseTime` writes it. */
	readonly time: string;
	readonly atMs: number;
}

/** What may say until when a state was seen. */
interface Neighbours {
	readonly latest: LatestState;
	/** The next one by time. */
	readonly next?: NamedSnapshot | undefined;
}

/**
 * Snapshots from a bucket that is laid out as `names.ts` says. An entry is nearly always newer than the newest snapshot, so `latest.json`
 * is read first, and folders are listed for older ones only. Bad objects are passed over, with an error in the log. `find` rejects where
 * the bucket does not answer.
 */
export function createTimeline(store: ObjectStore, options: TimelineOptions): SnapshotSource {
	const { projectId, prefix, maxBytes = MAX_CACHE_BYTES, maxObjectBytes, freshMs, now, log, compile = compileSnapshot } = options;
	const newest: Cache<LatestState> = createCache({ maxSize: MAX_CLUSTERS, now });
	const lists: Cache<readonly NamedSnapshot[]> = createCache({ maxSize: MAX_NAMES, now });
	const snapshots: Cache<Usable<Ready>> = createCache({ maxSize: maxBytes, now });
	const reported: Cache<undefined> = createCache({ maxSize: MAX_CLUSTERS, now });

	async function report(object: string, why: string): Promise<undefined> {
		const reason = why.slice(0, MAX_REASON);
		return reported.get(`${object} ${reason}`, async () => {
			log({ severity: 'ERROR', message: `snapshot skipped: ${object} ${reason}`, object, reason });
			return { value: undefined, size: 1, forMs: BAD_FOR_MS };
		});
	}

	function readLatest({ folder }: Place): Promise<LatestState> {
		const object = `${folder}${LATEST_NAME}`;
		return newest.get(folder, async () => {
			const read = await store.read(object, MAX_LATEST_BYTES);
			const kept = (value: LatestState): Loaded<LatestState> => ({ value, size: 1, forMs: freshMs });
			if (read.kind === 'missing') return kept(read);
			const bytes = bytesOf(read, MAX_LATEST_BYTES);
			const document = bytes.kind === 'ok' ? parseJson(bytes.value) : bytes;
			const latest = document.kind === 'ok' ? parseLatest(document.value) : document.reason;
			if (typeof latest !== 'string') return kept({ kind: 'ok', latest, fromMs: Date.parse(`${latest.from}Z`) });
			await report(object, latest);
			return kept({ kind: 'bad' });
		});
	}

	function load({ folder, cluster }: Place, name: string): Promise<Usable<Ready>> {
		const object = `${folder}${name}`;
		return snapshots.get(object, async () => {
			const opened = await open(object, name, cluster);
			if (opened.kind === 'ok') return { ...opened.value, forMs: Number.POSITIVE_INFINITY };
			await report(object, opened.reason);
			return { value: undefined, size: 1, forMs: BAD_FOR_MS };
		});
	}

	async function open(object: string, name: string, cluster: ClusterKey): Promise<Parsed<Omit<Loaded<Ready>, 'forMs'>>> {
		const read = bytesOf(await store.read(object, maxObjectBytes), maxObjectBytes);
		if (read.kind === 'bad') return read;
		const opened = await openSnapshot(read.value, { name, cluster, maxBytes: maxObjectBytes });
		if (opened.kind === 'bad') return opened;
		const { snapshot, bytes } = opened.value;
		try {
			// The engine is not told when it was collected, which may be a week ago: that its state was seen since is known here alone.
			const { collectedAt, ...lasting } = snapshot;
			const ready = { snapshot: compile(lasting), previous: snapshot.previous, collectedMs: Date.parse(collectedAt ?? '') };
			return { kind: 'ok', value: { value: ready, size: bytes } };
		} catch (error) {
			// A bug of ours; but the entries of a cluster must not wait for ever because of one snapshot.
			return { kind: 'bad', reason: `cannot be compiled: ${error instanceof Error ? error.message : String(error)}` };
		}
	}

	/** At least from the last snapshot before that time to the first one after its day. A new `latest.json` makes a new list. */
	function list({ folder, atMs }: Place, from: string, latest: LatestState): Promise<readonly NamedSnapshot[]> {
		const until = dayOf(atMs, 1);
		const seen = latest.kind === 'ok' ? latest.latest.name : '';
		return lists.get(`${folder} ${from} ${until} ${seen}`, async () => {
			const names = orderSnapshots(await store.list(folder, { from, until }));
			return { value: names, size: names.length + 1, forMs: freshMs };
		});
	}

	/** Tries those that are valid then, the latest first. */
	async function findListed(place: Place, latest: LatestState): Promise<FoundSnapshot | undefined> {
		const moment = sortableTime(place.time);
		// The newest was valid then, and is bad.
		let passedOver = latest.kind === 'ok' && latest.latest.from <= moment;
		const tried = new Set<string>();
		for (const from of [dayOf(place.atMs, -LIST_DAYS), '']) {
			const names = await list(place, from, latest);
			for (let index = names.findLastIndex((named) => named.from <= moment); index >= 0; index--) {
				const { name } = names[index] as NamedSnapshot;
				if (tried.has(name)) continue;
				if (tried.size === MAX_TRIED) return undefined;
				tried.add(name);
				const ready = await load(place, name);
				if (ready)
					return { snapshot: ready.snapshot, stale: passedOver || (await isStale(ready, place, { latest, next: names[index + 1] })) };
				passedOver = true;
			}
		}
		return undefined;
	}

	/**
	 * Until when a state was seen, `latest.json` says of the newest snapshot, and of an older one its successor. Where they do not, nothing
	 * but the snapshot itself proves anything: that its successor begins later does not.
	 */
	async function isStale(ready: Ready, place: Place, { latest, next }: Neighbours): Promise<boolean> {
		if (isSeen(ready, place, latest)) return false;
		const previous = next && (await load(place, next.name))?.previous;
		return !(previous?.id === ready.snapshot.id && isSeenUntil(place, Date.parse(previous.seenUntil)));
	}

	async function findLoading(place: Place): Promise<FoundSnapshot | undefined> {
		const latest = await readLatest(place);
		if (latest.kind === 'missing') return undefined;
		if (latest.kind === 'ok' && latest.latest.from <= sortableTime(place.time)) {
			const ready = await load(place, latest.latest.name);
			if (ready) return { snapshot: ready.snapshot, stale: !isSeen(ready, place, latest) };
		}
		return findListed(place, latest);
	}

	/** The newest snapshot, where it and `latest.json` are in memory: what nearly every entry asks for. */
	function findAtHand(place: Place): FoundSnapshot | undefined {
		const latest = newest.peek(place.folder)?.value;
		// Within one millisecond the texts would have to be compared, which is left to the slower way.
		if (latest?.kind !== 'ok' || latest.fromMs >= place.atMs) return undefined;
		const ready = snapshots.peek(`${place.folder}${latest.latest.name}`)?.value;
		return ready && { snapshot: ready.snapshot, stale: !isSeen(ready, place, latest) };
	}

	/** Of the entry before: entries of one cluster come in rows. */
	let last: Home | undefined;

	function homeOf({ project = projectId, location, name }: ClusterKey): Home {
		const known = last?.cluster;
		if (last && known?.name === name && known.location === location && known.project === project) return last;
		const cluster: ClusterKey = project === undefined ? { location, name } : { project, location, name };
		last = { cluster, folder: clusterFolder(cluster, prefix) };
		return last;
	}

	return {
		find(key, at) {
			const { cluster, folder } = homeOf(key);
			const time = parseTime(at);
			if (folder === undefined || time === undefined) return undefined;
			const place: Place = { folder, cluster, time, atMs: Date.parse(time) };
			return findAtHand(place) ?? findLoading(place);
		},
	};
}

/** `folder`: `undefined` where the cluster can have none. */
interface Home {
	readonly cluster: ClusterKey;
	readonly folder: string | undefined;
}

const isSeenUntil = ({ atMs }: Place, untilMs: number): boolean => atMs <= untilMs + STALE_AFTER_MS;

/** Whether the snapshot itself says that its state was seen then, or, of the newest one, `latest.json`. */
const isSeen = ({ snapshot, collectedMs }: Ready, place: Place, latest: LatestState): boolean =>
	isSeenUntil(place, snapshot.validFromMs) ||
	isSeenUntil(place, collectedMs) ||
	(latest.kind === 'ok' && latest.latest.id === snapshot.id && isSeenUntil(place, Date.parse(latest.latest.seenUntil)));

import { formatLatest, snapshotName } from '../../../functions/adapters/bucket/names.ts';
import type { ObjectStore } from '../../../functions/adapters/bucket/objects.ts';
import { createTimeline, type SkippedLine, type TimelineOptions } from '../../../functions/adapters/bucket/timeline.ts';
import type { ClusterFacts, Snapshot } from '../../../functions/policy/model.ts';
import { createSnapshot, encodeSnapshot, type SnapshotParts } from '../../../functions/snapshot/canonical.ts';
import { reduce } from '../../snapshot/raw.ts';

/** A bucket in memory, and snapshots to lay into it. */

export const CLUSTER = { project: 'p', location: 'l', name: 'c' };
export const FOLDER = 'clusters/p/l/c/';

const { state } = reduce([]);

/** A snapshot of that time of 2026-03-04, such as `05:00:00`, collected then. */
export const snapshotAt = (time: string, more: Partial<SnapshotParts> & { readonly cluster?: ClusterFacts } = {}): Snapshot => {
	const { cluster = CLUSTER, ...parts } = more;
	return createSnapshot({ state: { ...state, cluster }, validFrom: at(time), collectedAt: at(time), ...parts });
};

/** A time of the day that the tests play on. */
export const at = (time: string): string => (time.includes('T') ? time : `2026-03-04T${time}Z`);

export const seen = ({ id }: Snapshot, until: string) => ({ id, seenUntil: at(until) });

const nameOf = ({ validFrom = '' }: Snapshot): string => snapshotName(validFrom);
export const pathOf = (snapshot: Snapshot): string => `${FOLDER}${nameOf(snapshot)}`;

/** The content of `latest.json`. */
export const latest = (snapshot: Snapshot, until: string): string =>
	formatLatest({ name: nameOf(snapshot), id: snapshot.id, seenUntil: at(until) });

/** By name; an error is what reading it, or listing a folder, fails with. */
export type Objects = Map<string, Buffer | string | Error>;

/** The objects of a folder: snapshots, and a `latest.json` that names the last of them, where it is said until when that was seen. */
export function folderOf(snapshots: readonly Snapshot[], until?: string): Objects {
	const objects: Objects = new Map(snapshots.map((snapshot) => [pathOf(snapshot), encodeSnapshot(snapshot)]));
	const last = snapshots.at(-1);
	if (last && until !== undefined) objects.set(`${FOLDER}latest.json`, latest(last, until));
	return objects;
}

/** Snapshots over a store in memory, with a clock that stands still, and what was asked of the store. */
export function createFixture(objects: Objects, options: Partial<TimelineOptions> = {}) {
	const [reads, lists, lines]: [string[], string[], SkippedLine[]] = [[], [], []];
	const clock = { ms: Date.parse('2026-03-04T12:00:00Z') };
	const store: ObjectStore = {
		async read(name, maxBytes) {
			reads.push(name);
			const found = objects.get(name);
			if (found instanceof Error) throw found;
			const bytes = Buffer.from(found ?? '');
			if (found === undefined) return { kind: 'missing' };
			return bytes.length > maxBytes ? { kind: 'too-large' } : { kind: 'ok', bytes };
		},
		async list(folder, { from }) {
			lists.push(`${folder}${from}`);
			const trouble = objects.get(folder);
			if (trouble instanceof Error) throw trouble;
			const names = [...objects.keys()].filter((name) => name.startsWith(folder)).map((name) => name.slice(folder.length));
			return names.filter((name) => name >= from).sort();
		},
	};
	const log = (line: SkippedLine) => void lines.push(line);
	const source = createTimeline(store, { maxObjectBytes: 1_000_000, freshMs: 5_000, now: () => new Date(clock.ms), log, ...options });
	const find = async (time: string, cluster: { project?: string; location: string; name: string } = CLUSTER) => {
		const found = await source.find(cluster, at(time));
		return found && { id: found.snapshot.id, stale: found.stale };
	};
	return { find, source, clock, reads, lists, lines };
}

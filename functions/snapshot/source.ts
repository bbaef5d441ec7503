import { type CompiledSnapshot, compileSnapshot } from '../policy/compile.ts';
import type { Snapshot } from '../policy/model.ts';
import { parseTime, sortableTime } from '../policy/time.ts';
import type { ClusterKey, SnapshotSource } from '../ports.ts';

/** The snapshots of one cluster, or of every one. */
interface Timeline {
	/** Absent: the snapshots do not know their project. */
	readonly project: string | undefined;
	/** By time, the earliest first. */
	readonly timed: { readonly from: string; readonly snapshot: Snapshot }[];
	anytime: Snapshot | undefined;
}

/**
 * Snapshots that were read from files. Each holds from its time until the next one of its cluster, and is never stale; one without a time
 * serves where there is none with. A snapshot without cluster facts serves every cluster that has none of its own. Each is compiled once,
 * when it is first needed.
 */
export function createFileSnapshots(
	snapshots: readonly Snapshot[],
	compile: (snapshot: Snapshot) => CompiledSnapshot = compileSnapshot,
): SnapshotSource {
	const timelines = groupTimelines(snapshots);
	const compiled = new Map<Snapshot, CompiledSnapshot>();
	return {
		async find(cluster, at) {
			const own = timelinesOf(timelines, cluster);
			const snapshot = latest(own.length > 0 ? own : (timelines.get(EVERY) ?? []), at);
			if (!snapshot) return undefined;
			const ready = compiled.get(snapshot) ?? compile(snapshot);
			compiled.set(snapshot, ready);
			return { snapshot: ready, stale: false };
		},
	};
}

const EVERY = '';
const keyOf = ({ location, name }: ClusterKey): string => `${location}/${name}`;

function groupTimelines(snapshots: readonly Snapshot[]): Map<string, Timeline[]> {
	const timelines = new Map<string, Timeline[]>();
	for (const snapshot of snapshots) {
		const { cluster } = snapshot.state;
		const key = cluster ? keyOf(cluster) : EVERY;
		const list = timelines.get(key) ?? [];
		timelines.set(key, list);
		const known = list.find(({ project }) => project === cluster?.project);
		const timeline = known ?? { project: cluster?.project, timed: [], anytime: undefined };
		if (!known) list.push(timeline);
		const from = snapshot.validFrom === undefined ? undefined : parseTime(snapshot.validFrom);
		if (from !== undefined) timeline.timed.push({ from: sortableTime(from), snapshot });
		else timeline.anytime ??= snapshot;
	}
	for (const { timed } of [...timelines.values()].flat()) timed.sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
	return timelines;
}

/** Those of the cluster's name and location, and of its project where both sides know one; with the project first. */
function timelinesOf(timelines: ReadonlyMap<string, Timeline[]>, cluster: ClusterKey): Timeline[] {
	const same = (timelines.get(keyOf(cluster)) ?? []).filter(
		({ project }) => project === undefined || cluster.project === undefined || project === cluster.project,
	);
	return same.length < 2 ? same : same.sort((a, b) => Number(a.project === undefined) - Number(b.project === undefined));
}

/** The snapshot with the greatest time at or before that one; else one without a time. */
function latest(timelines: readonly Timeline[], at: string): Snapshot | undefined {
	const time = parseTime(at);
	const moment = time === undefined ? '' : sortableTime(time);
	let best: Timeline['timed'][number] | undefined;
	for (const { timed } of timelines) {
		const candidate = timed[countUpTo(timed, moment) - 1];
		if (candidate && (!best || candidate.from > best.from)) best = candidate;
	}
	return best?.snapshot ?? timelines.find(({ anytime }) => anytime)?.anytime;
}

/** How many begin at or before that moment. */
function countUpTo(timed: Timeline['timed'], moment: string): number {
	let low = 0;
	let high = timed.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if ((timed[middle] as Timeline['timed'][number]).from <= moment) low = middle + 1;
		else high = middle;
	}
	return low;
}

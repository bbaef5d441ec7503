import { createBucketSnapshots } from '../adapters/bucket.ts';
import type { ClusterState, Snapshot } from '../policy/model.ts';
import type { SnapshotSource } from '../ports.ts';
import { readSnapshots } from '../snapshot/files.ts';
import { formatProblem } from '../snapshot/problem.ts';
import { createFileSnapshots } from '../snapshot/source.ts';
import type { Surroundings } from './surroundings.ts';

/** Snapshots as a command has them. */
export interface LoadedSnapshots {
	readonly source: SnapshotSource;
	readonly count: number;
	/** Where they come from, in words. */
	readonly told: string;
	/** What was refused, a line each. */
	readonly problems: readonly string[];
	/** What was taken and is worth saying. */
	readonly notes: readonly string[];
}

/** Of a snapshot's JSON: a cluster of 30,000 Pods is some 60 MB. */
const MAX_SNAPSHOT_BYTES = 256 * 1024 * 1024;
/** The past does not change while it is judged. */
const FRESH_MS = 600_000;

const BUCKET = /^gs:\/\/([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?:\/(.*?))?\/?$/;

/** Reads the snapshots under the paths, or takes those of a bucket as they are needed: `gs://BUCKET[/FOLDER]`. Never rejects. */
export async function loadSnapshots(
	paths: readonly string[],
	{ now }: Pick<Surroundings, 'now'> = { now: () => new Date() },
): Promise<LoadedSnapshots> {
	const urls = paths.filter((path) => path.startsWith('gs://'));
	const nothing = { source: createFileSnapshots([]), count: 0, told: '', notes: [] };
	if (urls.length > 0) {
		const [, bucket, prefix = ''] = BUCKET.exec(urls[0] ?? '') ?? [];
		if (bucket === undefined) return { ...nothing, problems: [`${urls[0]}: is no bucket; it must be gs://BUCKET or gs://BUCKET/FOLDER`] };
		if (paths.length > 1) return { ...nothing, problems: [`${urls[0]}: a bucket's snapshots cannot be mixed with others`] };
		const problems: string[] = [];
		const source = createBucketSnapshots({
			bucket,
			prefix,
			apiEndpoint: process.env['GCS_API_ENDPOINT'] || undefined,
			maxObjectBytes: MAX_SNAPSHOT_BYTES,
			freshMs: FRESH_MS,
			now,
			log: ({ object, reason }) => problems.push(`${object}: ${reason}`),
		});
		// How many there are nobody counts: those of other times are not read.
		return { source, count: 1, told: `those of ${urls[0]}, as they are needed`, problems, notes: [] };
	}
	const { snapshots, problems, warnings, notes } = await readSnapshots(paths);
	return {
		source: createFileSnapshots(snapshots),
		count: snapshots.length,
		told: `${snapshots.length} read from ${paths.join(', ')}`,
		problems: problems.map(formatProblem),
		notes: [...warnings.map(formatProblem), ...notes, ...absences(snapshots)],
	};
}

/** What a list that may well be there, and was not given, leaves unknown. */
const WITHOUT = [
	['namespaces', 'Namespace', 'the labels of namespaces are unknown'],
	['nodes', 'Node', 'addresses of nodes are taken for addresses outside of the cluster'],
	['pods', 'Pod', 'the subjects of entries are unknown'],
] as const satisfies readonly (readonly [keyof ClusterState, string, string])[];

/** Kinds of which snapshots hold none: a cluster has some of each, so they were probably not listed. One line each. */
function absences(snapshots: readonly Snapshot[]): string[] {
	return WITHOUT.flatMap(([list, kind, meaning]) => {
		const [first, ...more] = snapshots.filter(({ state }) => state[list].length === 0);
		if (!first) return [];
		const which = snapshots.length === 1 ? 'the snapshot' : `snapshot ${first.id}${more.length > 0 ? ` and ${more.length} more` : ''}`;
		return [`no ${kind} objects in ${which}: ${meaning}`];
	});
}

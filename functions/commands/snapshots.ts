import type { ClusterState, Snapshot } from '../policy/model.ts';
import type { SnapshotSource } from '../ports.ts';
import { readSnapshots } from '../snapshot/files.ts';
import { formatProblem } from '../snapshot/problem.ts';
import { createFileSnapshots } from '../snapshot/source.ts';

/** Snapshots as a command has them. */
export interface LoadedSnapshots {
	readonly source: SnapshotSource;
	readonly count: number;
	/** What was refused, a line each. */
	readonly problems: readonly string[];
	/** What was taken and is worth saying. */
	readonly notes: readonly string[];
}

/** Reads the snapshots under the paths. Never rejects. */
export async function loadSnapshots(paths: readonly string[]): Promise<LoadedSnapshots> {
	const { snapshots, problems, warnings, notes } = await readSnapshots(paths);
	return {
		source: createFileSnapshots(snapshots),
		count: snapshots.length,
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

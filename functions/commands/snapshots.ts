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
		notes: [...warnings.map(formatProblem), ...notes],
	};
}

import { orderSnapshots } from '../../functions/adapters/bucket/names.ts';
import { createTimeline } from '../../functions/adapters/bucket/timeline.ts';
import { createWriter } from '../../functions/adapters/bucket/writer.ts';
import type { ClusterState } from '../../functions/policy/model.ts';
import type { SnapshotStore } from '../../functions/ports.ts';
import { createMemory } from '../adapters/bucket/memory.ts';
import { at, CLUSTER, FOLDER } from '../adapters/bucket/store.ts';
import { reduce } from './raw.ts';

/** A snapshot store in memory, for those that save states into it, and the timeline that reads them. */

const { state } = reduce([]);

/** States that differ, such as `a`, `b`. */
export const stateOf = (name: string): ClusterState => ({ ...state, cluster: CLUSTER, namespaces: [{ name, labels: {} }] });

export function createKept() {
	const memory = createMemory();
	const lines: object[] = [];
	const log = (line: object): void => void lines.push(line);
	const now = (): Date => new Date('2026-03-04T12:00:00Z');
	const store: SnapshotStore = createWriter(memory.writing, { now, log });
	/** The name of the state that is found for a time, whether it is stale, and its id. */
	async function find(time: string): Promise<{ state: string; stale: boolean; id: string } | undefined> {
		// A new one each time: nothing may be remembered.
		const source = createTimeline(memory.reading, {
			maxObjectBytes: 1_000_000,
			freshMs: 5000,
			now,
			log,
			compile: (snapshot) => ({ id: snapshot.id, validFromMs: Date.parse(snapshot.validFrom ?? ''), snapshot }) as never,
		});
		const found = await source.find(CLUSTER, at(time));
		const snapshot = (found?.snapshot as unknown as { snapshot: { state: ClusterState } } | undefined)?.snapshot;
		return found && { state: snapshot?.state.namespaces[0]?.name ?? '', stale: found.stale, id: found.snapshot.id };
	}
	/** The times of the snapshots that are there, as their objects are named, the earliest first. */
	const times = (): string[] =>
		orderSnapshots(memory.names().map((name) => name.slice(FOLDER.length))).map(({ name }) => name.slice(0, -'.json.gz'.length));
	return { memory, store, find, times, lines };
}

import { createTimeline } from '../../functions/adapters/bucket/timeline.ts';
import { createWriter } from '../../functions/adapters/bucket/writer.ts';
import { createIngestMessage } from '../../functions/ingest/ingest.ts';
import type { NetworkPolicy } from '../../functions/policy/model.ts';
import { DEFAULT_CANDIDATES } from '../../functions/policy/semantics.ts';
import type { Row, SnapshotSource, Warehouse } from '../../functions/ports.ts';
import { createRejudgeBatch } from '../../functions/rejudge/batch.ts';
import { toSnapshotRow } from '../../functions/snapshot/rows.ts';
import { type SeenAgain, type Stored, saveCollected } from '../../functions/snapshot/store.ts';
import { createMemory } from '../adapters/bucket/memory.ts';
import { entryWith, messageOf, snapshot } from '../ingest/sample.ts';

const CLUSTER = { project: 'p', location: 'europe-west1', name: 'c' };

/** The sample's policy, which is void on Dataplane V2; none; and one that admits nothing, so that a denial is explained. */
const [VOID] = snapshot.state.policies as readonly [NetworkPolicy];
export const POLICIES = { void: [VOID], none: [], closed: [{ ...VOID, ingress: [] }] } as const;

/** A time of the day that the histories play on, such as `05:06:07`; with a date, of another one. */
export const at = (time: string): string => (time.includes('T') ? time : `2026-03-04T${time}Z`);

/** A denial at that time, as JSON. */
export const denialAt = (time: string, insertId: string, tweaks: object = {}): string =>
	JSON.stringify({ ...entryWith({ entry: { timestamp: at(time), insertId } }), ...tweaks });

/** A cluster's history with the project's own functions: collected, kept in a bucket, and judged by what the bucket says at that moment. */
export function createHistory() {
	const memory = createMemory();
	const rows: { readonly verdicts: Row[]; readonly snapshots: Row[] } = { verdicts: [], snapshots: [] };
	const clock = { ms: 0 };
	const now = (): Date => new Date(clock.ms);
	const log = (line: object): never => {
		throw new Error(`a history has no fault, and here is one: ${JSON.stringify(line)}`);
	};
	const warehouse: Warehouse = {
		append(table, row, { settle }) {
			if (table !== 'verdicts_v1') log({ table, ...row });
			rows.verdicts.push(row);
			settle({ kind: 'stored' });
		},
	};
	/** As an instance that has just started sees the bucket: it remembers nothing. */
	const snapshots: SnapshotSource = {
		find: (...question) =>
			createTimeline(memory.reading, { projectId: CLUSTER.project, maxObjectBytes: 1_000_000, freshMs: 5000, now, log }).find(...question),
	};

	return {
		rows,
		/** What the bucket holds. */
		held: memory.held,
		snapshots,
		now,
		/** From then on it is that time of the day. */
		setTime(time: string): void {
			clock.ms = Date.parse(at(time));
		},
		/** Collects the cluster as `collection.ts` does. `rowOnly`: whoever collects dies before its readers are told. */
		async collect(
			time: string,
			kind: keyof typeof POLICIES,
			more: { readonly changedAt?: string; readonly rowOnly?: true } = {},
		): Promise<void> {
			clock.ms = Date.parse(at(time));
			const state = { ...snapshot.state, policies: POLICIES[kind], cluster: CLUSTER };
			const facts = { cluster: CLUSTER, collectedAt: at(time), reason: 'schedule', candidates: DEFAULT_CANDIDATES } as const;
			const beforeNewest = async (stored: Stored | SeenAgain): Promise<void> => {
				const { snapshot, changed, previous } =
					stored.kind === 'unchanged'
						? { snapshot: { ...stored.newest, state }, changed: false, previous: undefined }
						: { snapshot: stored.snapshot, changed: stored.kind === 'changed', previous: stored.snapshot.previous };
				rows.snapshots.push(toSnapshotRow({ ...facts, snapshot, changed, previous }));
				if (more.rowOnly) throw new Error('died');
			};
			const store = createWriter(memory.writing, { now, log });
			const changedAt = more.changedAt && at(more.changedAt);
			const saved = saveCollected(store, { cluster: CLUSTER, state, collectedAt: at(time), changedAt, beforeNewest });
			await (more.rowOnly ? saved.catch(() => undefined) : saved);
		},
		/** Delivers an entry to ingest at that time. */
		async deliver(time: string, text: string): Promise<Row> {
			clock.ms = Date.parse(at(time));
			const ingest = createIngestMessage({ snapshots, warehouse, candidates: DEFAULT_CANDIDATES, now });
			await new Promise((resolve) => ingest(messageOf(text), resolve));
			return rows.verdicts.at(-1) ?? {};
		},
		/** Judges an entry again at that time, and appends the row as an INSERT would. Other candidates are another engine version. */
		async judgeAgain(time: string, text: string, candidates = DEFAULT_CANDIDATES): Promise<Row> {
			clock.ms = Date.parse(at(time));
			const outcome = await createRejudgeBatch({ snapshots, candidates, now })([text]);
			if (outcome.kind === 'failed') throw outcome.error;
			const row = JSON.parse(JSON.parse(outcome.replies[0] ?? '')) as Row;
			rows.verdicts.push(row);
			return row;
		},
	};
}

export type History = ReturnType<typeof createHistory>;

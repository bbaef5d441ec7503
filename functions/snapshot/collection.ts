import { createHash } from 'node:crypto';
import { compileSnapshot } from '../policy/compile.ts';
import { lintSnapshot } from '../policy/lint.ts';
import type { Snapshot } from '../policy/model.ts';
import type { Mask } from '../policy/semantics.ts';
import type { ClusterKey, KubernetesApi, Row, SnapshotStore, TableName, Warehouse } from '../ports.ts';
import { textOf } from '../push/failure.ts';
import { engineVersion } from '../version.ts';
import { collectState } from './collect.ts';
import type { Collection } from './handler.ts';
import { type CollectionFacts, toPolicyFindingRows, toSnapshotRow } from './rows.ts';
import { saveCollected } from './store.ts';
import type { Trigger } from './trigger.ts';

/** A cluster that can be read. `description`: the GKE API's Cluster. */
export interface OpenCluster {
	readonly api: KubernetesApi;
	readonly description: unknown;
}

export interface CollectionPorts {
	readonly open: (cluster: ClusterKey) => Promise<OpenCluster>;
	readonly store: SnapshotStore;
	readonly warehouse: Warehouse;
	/** What Dataplane V2 may be. */
	readonly candidates: Mask;
	/** How long the rows of one collection may take to be durable. */
	readonly patienceMs: number;
	readonly now: () => Date;
	/** Hears of each row that its table refuses for ever, or that cannot be made: it must not keep the snapshot from its readers. */
	readonly onRefused: (table: TableName, detail: string) => void;
	/** How many rows may wait in the warehouse. */
	readonly queueRows?: number;
	readonly lint?: typeof lintSnapshot;
}

/** Rows that are handed to the warehouse at once. */
const ROWS = 1000;
/** Of one snapshot: nobody reads more, and who may write policies must not be able to keep a cluster's snapshots waiting for their rows. */
const FINDINGS = 5000;

/**
 * Makes the function that reads a cluster once, keeps its state by time, and writes what there is to say of it: a row of `snapshots_v1` for
 * every collection, and the linter's findings for every new state. Rows are durable before readers are told of the snapshot: whoever dies
 * in between repeats it all. Rejects where the cluster, the store or the warehouse cannot be reached.
 */
export function createCollection(ports: CollectionPorts): (cluster: ClusterKey, trigger: Trigger) => Promise<Collection> {
	const { open, store, warehouse, candidates, patienceMs, now, onRefused, queueRows = ROWS, lint = lintSnapshot } = ports;
	const atOnce = Math.min(ROWS, queueRows);

	/** Whether all of them are kept. */
	async function writeAll(table: TableName, rows: readonly Row[], keyOf: (row: Row) => unknown): Promise<boolean> {
		const untilMs = now().getTime() + patienceMs;
		let allKept = true;
		for (let from = 0; from < rows.length; from += atOnce) {
			const kept = await Promise.all(rows.slice(from, from + atOnce).map((row) => write(table, row, { key: keyOf(row), untilMs })));
			allKept &&= !kept.includes(false);
		}
		return allKept;
	}

	/** Whether it is kept: `false` where its table refuses it for ever. */
	function write(table: TableName, row: Row, { key, untilMs }: { readonly key: unknown; readonly untilMs: number }): Promise<boolean> {
		const identity = [table, row['snapshot_id'], key, engineVersion(candidates)];
		const insertId = createHash('sha256').update(JSON.stringify(identity)).digest('base64url');
		const { promise, resolve, reject } = Promise.withResolvers<boolean>();
		warehouse.append(table, row, {
			insertId,
			untilMs,
			settle(appended) {
				if (appended.kind === 'failed') reject(appended.error);
				else if (appended.kind === 'queue-full') reject(new Error(`too many rows wait to be written to ${table}`));
				else {
					if (appended.kind === 'refused') onRefused(table, appended.detail);
					resolve(appended.kind === 'stored');
				}
			},
		});
		return promise;
	}

	const writeSnapshotRow = (facts: Omit<CollectionFacts, 'candidates'>): Promise<boolean> =>
		writeAll('snapshots_v1', [toSnapshotRow({ ...facts, candidates })], (row) => row['collected_at']);

	/** How many problems are kept; `undefined` where they are not all that there is, so that a clause that is not among them may be there. */
	async function writeFindings(snapshot: Snapshot, cluster: ClusterKey): Promise<number | undefined> {
		const { rows, complete } = toFindingRows(snapshot, cluster);
		const allKept = await writeAll('policy_findings_v1', rows, (row) => row['fingerprint']);
		// Equal clauses of one rule are one problem.
		return complete && allKept ? new Set(rows.map((row) => row['fingerprint'])).size : undefined;
	}

	function toFindingRows(snapshot: Snapshot, cluster: ClusterKey): { readonly rows: readonly Row[]; readonly complete: boolean } {
		try {
			const compiled = compileSnapshot(snapshot);
			const all = lint(compiled, candidates);
			const findings = all.slice(0, FINDINGS);
			if (findings.length < all.length) onRefused('policy_findings_v1', `${all.length} findings, of which the first ${FINDINGS} are kept`);
			const rows = toPolicyFindingRows({ snapshot: compiled, findings, candidates, cluster, lintedAt: now() });
			return { rows, complete: findings.length === all.length };
		} catch (error) {
			// A bug of ours, which the next attempt would meet again.
			onRefused('policy_findings_v1', `the linter failed: ${textOf(error)}`);
			return { rows: [], complete: false };
		}
	}

	return async function collectOnce(cluster, { reason, changedAt }) {
		const { api, description } = await open(cluster);
		const { state, collectedAt, problems, unreadableKinds } = await collectState({ api, description, now: () => now().getTime() });
		const facts = { cluster, collectedAt, reason };
		const saved = await saveCollected(store, {
			cluster,
			state,
			collectedAt,
			changedAt,
			async beforeNewest(stored) {
				if (stored.kind === 'unchanged') {
					const { id, validFrom } = stored.newest;
					await writeSnapshotRow({ ...facts, snapshot: { id, validFrom, state }, changed: false });
					return;
				}
				const { snapshot } = stored;
				const policyFindings = await writeFindings(snapshot, cluster);
				await writeSnapshotRow({ ...facts, snapshot, previous: snapshot.previous, changed: stored.kind === 'changed', policyFindings });
			},
		});
		return { snapshotId: saved.newest.id, saved: saved.kind, problems: problems.length, unreadableKinds };
	};
}

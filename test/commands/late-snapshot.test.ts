import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { equal, is } from 'uvu/assert';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import type { Row } from '../../functions/ports.ts';
import { createSnapshot, encodeSnapshot } from '../../functions/snapshot/canonical.ts';
import { describe } from '../describe.ts';
import { entryWith } from '../ingest/sample.ts';
import { pod, policy, reduce } from '../snapshot/raw.ts';
import { run } from './run.ts';

const CLUSTER = { project: 'p', location: 'europe-west1', name: 'c' };
const DENY = policy('deny', { podSelector: {}, policyTypes: ['Ingress'] }, { namespace: 'shop' });

/** A snapshot of the entry's cluster from that time on, with these policies. */
function snapshotFrom(validFrom: string, policies: readonly unknown[]) {
	const at = (name: string, ip: string) => pod(name, { metadata: { namespace: 'shop' }, status: { phase: 'Running', podIP: ip } });
	const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
	const { state } = reduce([namespace, at('client', '10.0.0.1'), at('server', '10.0.0.2'), ...policies]);
	return createSnapshot({ state: { ...state, cluster: CLUSTER }, validFrom });
}

describe('a snapshot that arrives late', (it) => {
	it('makes the rows in between right once they are judged again, and leaves the others as they are', async () => {
		const folder = mkdtempSync(join(tmpdir(), 'policy-audit-late-'));
		try {
			const snapshots = join(folder, 'snapshots');
			mkdirSync(snapshots);
			const before = snapshotFrom('2026-03-04T05:00:00Z', [DENY]);
			writeFileSync(join(snapshots, '2026-03-04T050000Z.json.gz'), encodeSnapshot(before));
			// The policy went at 05:06:00; what was denied before then was denied by it.
			const entries = [
				entryWith({ entry: { insertId: 'before', timestamp: '2026-03-04T05:05:59.9Z' } }),
				entryWith({ entry: { insertId: 'between', timestamp: '2026-03-04T05:06:00.1Z' } }),
			];
			writeFileSync(join(folder, 'entries.json'), JSON.stringify(entries));
			const database = join(folder, 'audit.duckdb');
			const replay = () => run(['replay', '--entries', join(folder, 'entries.json'), '--snapshots', snapshots, '--db', database]);
			const verdicts = async (): Promise<Row[]> => {
				const warehouse = await openDuckdb(database);
				try {
					return await warehouse.query('SELECT insert_id, finding, snapshot_id FROM `${dataset}.verdicts` ORDER BY insert_id');
				} finally {
					await warehouse.close();
				}
			};

			is((await replay()).code, 0);
			equal(await verdicts(), [
				{ insert_id: 'before', finding: 'explained', snapshot_id: before.id },
				{ insert_id: 'between', finding: 'explained', snapshot_id: before.id },
			]);

			const after = snapshotFrom('2026-03-04T05:06:00Z', []);
			writeFileSync(join(snapshots, '2026-03-04T050600Z.json.gz'), encodeSnapshot(after));
			is((await replay()).code, 0);
			equal(await verdicts(), [
				{ insert_id: 'before', finding: 'explained', snapshot_id: before.id },
				{ insert_id: 'between', finding: 'not-isolated', snapshot_id: after.id },
			]);
		} finally {
			rmSync(folder, { recursive: true, force: true });
		}
	});
});

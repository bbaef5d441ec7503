import { equal } from 'uvu/assert';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import type { Row } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { snapshotRow } from './rows.ts';

/** What the view answers, whatever the order of the rows. */
async function health(rows: readonly Row[], columns: string): Promise<Row[]> {
	const answers: Row[][] = [];
	for (const order of [rows, rows.toReversed()]) {
		const warehouse = await openDuckdb();
		for (const row of order) await warehouse.write('snapshots_v1', row);
		const sql = `SELECT ${columns} FROM \`\${dataset}.snapshot_health\` ORDER BY cluster_name, project_id NULLS FIRST`;
		answers.push(await warehouse.query(sql));
		await warehouse.close();
	}
	equal(answers[0], answers[1], 'the order of the appends must not matter');
	return answers[0] ?? [];
}

describe('view snapshot_health', (it) => {
	it('is empty where nothing was collected', async () => {
		equal(await health([], '*'), []);
	});

	it('shows the last collection, also where its state is an older one again', async () => {
		const rows = [
			snapshotRow({ snapshot_id: 'z', collected_at: '2026-03-01T10:00:00Z', unreadable_kinds: ['FQDNNetworkPolicy'] }),
			snapshotRow({ snapshot_id: 'a', valid_from: '2026-03-02T09:59:00Z', collected_at: '2026-03-02T10:00:00Z', unreadable_policies: 2 }),
		];
		equal(await health(rows, 'snapshot_id, valid_from, last_collected_at, unreadable_kinds, unreadable_policies, datapath_provider'), [
			{
				snapshot_id: 'a',
				valid_from: '2026-03-02T09:59:00Z',
				last_collected_at: '2026-03-02T10:00:00Z',
				unreadable_kinds: [],
				unreadable_policies: 2,
				datapath_provider: null,
			},
		]);
	});

	it('counts collections and changes of the last 24 h once, the moment a day ago not included', async () => {
		const changed = snapshotRow({ snapshot_id: 'b', collected_at: '2026-03-01T10:00:00.000001Z', changed: true });
		const rows = [
			snapshotRow({ collected_at: '2026-03-01T10:00:00Z', changed: true }),
			changed,
			changed,
			snapshotRow({ collected_at: '2026-03-02T10:00:00Z' }),
			snapshotRow({ collected_at: '2026-03-02T10:00:00Z' }),
		];
		equal(await health(rows, 'collections_24h, changes_24h'), [{ collections_24h: 2, changes_24h: 1 }]);
	});

	it('keeps clusters of one name apart, those of no project too', async () => {
		const rows = [
			snapshotRow(),
			snapshotRow({ project_id: 'p' }),
			snapshotRow({ cluster_name: 'test', collected_at: '2026-01-01T00:00:00Z' }),
		];
		equal(await health(rows, 'cluster_name, project_id, collections_24h'), [
			{ cluster_name: 'prod', project_id: null, collections_24h: 1 },
			{ cluster_name: 'prod', project_id: 'p', collections_24h: 1 },
			{ cluster_name: 'test', project_id: null, collections_24h: 1 },
		]);
	});
});

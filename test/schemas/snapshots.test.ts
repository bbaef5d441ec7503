import { equal } from 'uvu/assert';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import type { Row, TableName } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { policyFindingRow, snapshotRow } from './rows.ts';

/** What a query answers for these rows, whatever their order. */
async function answer(table: TableName, rows: readonly Row[], sql: string): Promise<Row[]> {
	const answers: Row[][] = [];
	for (const order of [rows, rows.toReversed()]) {
		const warehouse = await openDuckdb();
		for (const row of order) await warehouse.write(table, row);
		answers.push(await warehouse.query(sql));
		await warehouse.close();
	}
	equal(answers[0], answers[1], 'the order of the appends must not matter');
	return answers[0] ?? [];
}

const OTHER = 'any-ffffffffffff';

describe('view policy_findings', (it) => {
	it('shows a problem of a snapshot once, as it was linted last', async () => {
		const later = policyFindingRow({ linted_at: '2026-03-02T11:00:00Z', summary: 'later', affected_sample: ['shop/a'] });
		const rows = [
			policyFindingRow(),
			policyFindingRow(),
			later,
			later,
			policyFindingRow({ fingerprint: 'g', summary: 'other' }),
			policyFindingRow({ snapshot_id: OTHER, summary: 'next' }),
		];
		const sql =
			'SELECT snapshot_id, fingerprint, summary, affected_sample FROM `${dataset}.policy_findings` ORDER BY snapshot_id, fingerprint';
		equal(await answer('policy_findings_v1', rows, sql), [
			{ snapshot_id: 'any-0123456789ab', fingerprint: 'f', summary: 'later', affected_sample: ['shop/a'] },
			{ snapshot_id: 'any-0123456789ab', fingerprint: 'g', summary: 'other', affected_sample: [] },
			{ snapshot_id: OTHER, fingerprint: 'f', summary: 'next', affected_sample: [] },
		]);
	});

	it('takes the first place of clauses that are equal, and a newer version', async () => {
		const rows = [
			policyFindingRow({ rule: 0, peer: 1 }),
			policyFindingRow({ rule: 0, peer: 0 }),
			policyFindingRow({ rule: 1, peer: 0, fingerprint: 'g' }),
			policyFindingRow({ rule: 7, fingerprint: 'g', engine_version: '1.1.0' }),
		];
		const sql = 'SELECT fingerprint, rule, peer FROM `${dataset}.policy_findings` ORDER BY fingerprint';
		equal(await answer('policy_findings_v1', rows, sql), [
			{ fingerprint: 'f', rule: 0, peer: 0 },
			{ fingerprint: 'g', rule: 7, peer: null },
		]);
	});
});

describe('view snapshots', (it) => {
	it('shows each collection once, changed or not', async () => {
		const rows = [
			snapshotRow(),
			snapshotRow(),
			snapshotRow({ collected_at: '2026-03-02T10:05:05Z' }),
			snapshotRow({ snapshot_id: OTHER, changed: true, collected_at: '2026-03-02T10:10:05Z', unreadable_kinds: ['FQDNNetworkPolicy'] }),
		];
		const sql = 'SELECT snapshot_id, collected_at, changed, unreadable_kinds FROM `${dataset}.snapshots` ORDER BY collected_at';
		equal(await answer('snapshots_v1', rows, sql), [
			{ snapshot_id: 'any-0123456789ab', collected_at: '2026-03-02T10:00:05Z', changed: false, unreadable_kinds: [] },
			{ snapshot_id: 'any-0123456789ab', collected_at: '2026-03-02T10:05:05Z', changed: false, unreadable_kinds: [] },
			{ snapshot_id: OTHER, collected_at: '2026-03-02T10:10:05Z', changed: true, unreadable_kinds: ['FQDNNetworkPolicy'] },
		]);
	});

	it('keeps clusters apart that have equal states, and a change once it was seen', async () => {
		const rows = [snapshotRow(), snapshotRow({ changed: true }), snapshotRow({ cluster_name: 'test' }), snapshotRow({ project_id: 'p' })];
		const sql = 'SELECT cluster_name, project_id, changed FROM `${dataset}.snapshots` ORDER BY cluster_name, project_id NULLS FIRST';
		equal(await answer('snapshots_v1', rows, sql), [
			{ cluster_name: 'prod', project_id: null, changed: true },
			{ cluster_name: 'prod', project_id: 'p', changed: false },
			{ cluster_name: 'test', project_id: null, changed: false },
		]);
	});
});

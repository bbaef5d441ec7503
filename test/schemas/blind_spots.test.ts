import { equal } from 'uvu/assert';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import type { Row } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { snapshotRow, verdictRow } from './rows.ts';

// One for all tests, emptied before each question: it takes longer to open than to answer.
const memory = await openDuckdb();

interface Given {
	readonly entries?: readonly Row[];
	readonly collections?: readonly Row[];
}

const HERE = { cluster_name: 'prod', location: 'europe-west1', node_name: 'n1' };

/** What the view answers, whatever the order of the rows. */
async function spots({ entries = [], collections = [] }: Given, columns = 'node_name, hour, reason'): Promise<Row[]> {
	const answers: Row[][] = [];
	const verdicts = entries.map((row, index) => verdictRow({ entry_id: `e${index}`, ...HERE, ...row }));
	const snapshots = collections.map((row) => snapshotRow(row));
	for (const turn of [false, true]) {
		await memory.query('DELETE FROM `${dataset}.verdicts_v1` WHERE TRUE');
		await memory.query('DELETE FROM `${dataset}.snapshots_v1` WHERE TRUE');
		await Promise.all((turn ? verdicts.toReversed() : verdicts).map((row) => memory.write('verdicts_v1', row)));
		await Promise.all((turn ? snapshots.toReversed() : snapshots).map((row) => memory.write('snapshots_v1', row)));
		answers.push(
			await memory.query(`SELECT ${columns} FROM \`\${dataset}.blind_spots\` ORDER BY project_id, cluster_name, node_name, hour, reason`),
		);
	}
	equal(answers[0], answers[1], 'the order of the appends must not matter');
	return answers[0] ?? [];
}

const at = (time: string): string => `2026-03-02T${time}Z`;
const entry = (time: string, tweaks: Row = {}): Row => ({ timestamp: at(time), ...tweaks });
const spot = (node: string | null, time: string, reason: string): Row => ({ node_name: node, hour: at(time), reason });

describe('view blind_spots', (it) => {
	it.after(() => memory.close());

	it('is empty without rows, and where every hour has an entry', async () => {
		equal(await spots({}, '*'), []);
		equal(await spots({ entries: [entry('10:59:59.999999'), entry('11:00:00'), entry('12:30:00')] }), []);
	});

	it('has each hour in which a node was silent between entries, also across midnight, and none before or after them', async () => {
		const entries = [
			entry('21:10:00'),
			{ timestamp: '2026-03-03T01:05:00Z' },
			// Another node fills the cluster's hours, one of the span before and one after.
			...['20', '21', '22', '23'].map((hour) => entry(`${hour}:00:00`, { node_name: 'n2' })),
			...['00', '01', '02'].map((hour) => ({ timestamp: `2026-03-03T${hour}:00:00Z`, node_name: 'n2' })),
		];
		equal(await spots({ entries }), [
			spot('n1', '22:00:00', 'silent-node'),
			spot('n1', '23:00:00', 'silent-node'),
			{ node_name: 'n1', hour: '2026-03-03T00:00:00Z', reason: 'silent-node' },
		]);
	});

	it('says of the whole cluster that it was silent, between collections too', async () => {
		const collections = [{ collected_at: at('08:10:00') }, { collected_at: at('08:10:00') }, { collected_at: at('11:10:00') }];
		equal(await spots({ entries: [entry('09:00:00')], collections }), [
			spot(null, '08:00:00', 'silent-cluster'),
			spot(null, '10:00:00', 'silent-cluster'),
			spot(null, '11:00:00', 'silent-cluster'),
		]);
		equal(await spots({ collections: [{ collected_at: at('08:10:00') }] }), [spot(null, '08:00:00', 'silent-cluster')]);
	});

	it('has both, the node and the cluster, where the only node was silent', async () => {
		equal(await spots({ entries: [entry('10:00:00'), entry('12:00:00')] }), [
			spot(null, '11:00:00', 'silent-cluster'),
			spot('n1', '11:00:00', 'silent-node'),
		]);
	});

	it('knows no silence of a node without a name', async () => {
		const entries = [entry('10:00:00', { node_name: null }), entry('11:00:00'), entry('12:00:00', { node_name: null })];
		equal(await spots({ entries }), []);
	});

	it('counts the entries that had no snapshot, or a stale one, once and with their weight', async () => {
		const missing = { finding: 'undecidable', flagged: false, fingerprint: null };
		const entries = [
			entry('10:00:00', { entry_id: 'a', ...missing, reasons: ['no-snapshot', 'late-reply'] }),
			entry('10:00:00', { entry_id: 'a', ...missing, reasons: ['no-snapshot', 'late-reply'] }),
			entry('10:30:00', { ...missing, reasons: ['no-snapshot'], weight: 4 }),
			entry('10:30:00', { ...missing, reasons: ['stale-snapshot', 'stale-snapshot'] }),
			entry('10:30:00', { ...missing, reasons: ['unknown-subject'] }),
			entry('10:30:00', { ...missing, reasons: ['no-snapshot'], node_name: null }),
			entry('10:30:00', { finding: 'explained', reasons: ['stale-snapshot'] }),
		];
		equal(await spots({ entries }, 'node_name, hour, reason, entries'), [
			{ ...spot(null, '10:00:00', 'no-snapshot'), entries: 1 },
			{ ...spot('n1', '10:00:00', 'no-snapshot'), entries: 5 },
			{ ...spot('n1', '10:00:00', 'stale-snapshot'), entries: 1 },
		]);
	});

	it('forgets what was judged again with a snapshot', async () => {
		const entries = [
			entry('10:00:00', { entry_id: 'a', finding: 'undecidable', reasons: ['no-snapshot'] }),
			entry('10:00:00', { entry_id: 'a', finding: 'explained', snapshot_valid_from: at('09:00:00') }),
		];
		equal(await spots({ entries }), []);
	});

	it('marks an hour near the limit of the log, by the entries of one second and node, not by their packets', async () => {
		const entries = [
			entry('10:00:00.1', { weight: 399, count: 5000 }),
			entry('10:00:00.999999', { weight: 1 }),
			entry('10:00:01', { weight: 50 }),
			// As many, but of two seconds, of two nodes, of no node.
			entry('11:00:00.999999', { weight: 200 }),
			entry('11:00:01', { weight: 200 }),
			entry('11:00:01', { weight: 399, node_name: 'n2' }),
			entry('11:00:01', { weight: 400, node_name: null }),
		];
		equal(await spots({ entries }, 'node_name, hour, reason, entries, peak_entries_per_second'), [
			{ ...spot('n1', '10:00:00', 'log-limit'), entries: 450, peak_entries_per_second: 400 },
		]);
	});

	it('takes an entry that was delivered again for one, near the limit', async () => {
		const twice = entry('10:00:00', { entry_id: 'a', weight: 200 });
		equal(await spots({ entries: [twice, twice, twice] }), []);
	});

	it('says where a collection saw another dataplane, once an hour, and not where it does not know', async () => {
		const collections = [
			{ collected_at: at('10:05:00'), datapath_provider: 'LEGACY_DATAPATH' },
			{ collected_at: at('10:10:00'), datapath_provider: 'LEGACY_DATAPATH' },
			{ collected_at: at('11:05:00'), datapath_provider: 'ADVANCED_DATAPATH' },
			{ collected_at: at('12:05:00'), datapath_provider: null },
		];
		const entries = ['10', '11', '12'].map((hour) => entry(`${hour}:00:00`));
		equal(await spots({ entries, collections }), [spot(null, '10:00:00', 'other-dataplane')]);
	});

	it('keeps clusters apart', async () => {
		const entries = [
			entry('10:00:00'),
			entry('11:00:00', { cluster_name: 'test' }),
			entry('12:00:00', { project_id: 'p' }),
			entry('12:00:00'),
		];
		equal(await spots({ entries }, 'project_id, cluster_name, node_name, hour, reason'), [
			{ project_id: null, cluster_name: 'prod', ...spot(null, '11:00:00', 'silent-cluster') },
			{ project_id: null, cluster_name: 'prod', ...spot('n1', '11:00:00', 'silent-node') },
		]);
	});

	it('does not make years of silence of one entry of long ago', async () => {
		const entries = [{ timestamp: '2016-03-02T10:00:00Z' }, { timestamp: '2026-03-02T10:00:00Z' }];
		const answer = await spots({ entries }, 'reason');
		equal([answer.length, new Set(answer.map(({ reason }) => reason))], [400 * 24, new Set(['silent-cluster'])]);
		const month = [{ timestamp: '2026-03-01T00:00:00Z' }, { timestamp: '2026-03-31T00:00:00Z' }, { timestamp: '2026-05-10T00:00:00Z' }];
		const silent = await spots({ entries: month }, 'reason');
		equal(silent.filter(({ reason }) => reason === 'silent-node').length, 30 * 24 - 1, 'of the shorter gap alone');
	});
});

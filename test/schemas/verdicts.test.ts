import { equal, is } from 'uvu/assert';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import type { Row } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { rejectRow, verdictRow } from './rows.ts';

const memory = await openDuckdb();
let asked = 0;

/** What the view answers for these rows, whatever their order; `summary` says which row won. */
async function winners(rows: readonly Row[]): Promise<string[]> {
	const answers: string[][] = [];
	for (const order of [rows, rows.toReversed()]) {
		const cluster = `cluster-${asked++}`;
		for (const row of order) {
			await memory.write(
				'verdicts_v1',
				verdictRow({ ...row, entry_id: `${cluster}/${row['entry_id'] ?? 'entry-1'}`, cluster_name: cluster }),
			);
		}
		const sql = 'SELECT summary FROM `${dataset}.verdicts` WHERE cluster_name = @cluster ORDER BY entry_id';
		answers.push((await memory.query(sql, { cluster })).map(({ summary }) => String(summary)));
	}
	equal(answers[0], answers[1], 'the order of the appends must not matter');
	return answers[0] ?? [];
}

const AT = '2026-03-02T10:00:00Z';
const EARLY = '2026-03-02T09:00:00Z';
const LATE = '2026-03-02T09:59:59.999999Z';
const AFTER = '2026-03-02T10:00:00.000001Z';
const NEWER = '2026-03-03T00:00:00Z';

describe('view verdicts', (it) => {
	it.after(() => memory.close());

	it('shows equal rows once, and rows of other entries beside them', async () => {
		const row = { summary: 'same', snapshot_valid_from: EARLY };
		equal(await winners([row, row, row, { entry_id: 'entry-2', summary: 'other' }]), ['same', 'other']);
	});

	it('prefers the latest snapshot at or before the entry', async () => {
		equal(
			await winners([
				{ snapshot_valid_from: EARLY, summary: 'early' },
				{ snapshot_valid_from: LATE, summary: 'late' },
			]),
			['late'],
		);
		equal(
			await winners([
				{ snapshot_valid_from: LATE, summary: 'late' },
				{ snapshot_valid_from: AT, summary: 'at' },
			]),
			['at'],
		);
	});

	it('puts a snapshot of no time last', async () => {
		equal(
			await winners([
				{ snapshot_valid_from: null, summary: 'none' },
				{ snapshot_valid_from: EARLY, summary: 'early' },
			]),
			['early'],
		);
	});

	it('does not count a snapshot that was valid only after the entry', async () => {
		equal(
			await winners([
				{ snapshot_valid_from: AFTER, summary: 'after' },
				{ snapshot_valid_from: EARLY, summary: 'early' },
			]),
			['early'],
		);
		equal(
			await winners([
				{ snapshot_valid_from: AFTER, summary: 'after' },
				{ snapshot_valid_from: null, summary: 'none', judged_at: NEWER },
			]),
			['none'],
		);
	});

	it('prefers a decision to undecidable', async () => {
		equal(await winners([{ finding: 'undecidable', summary: 'unknown', judged_at: NEWER }, { summary: 'decided' }]), ['decided']);
	});

	it('prefers the later judgement', async () => {
		equal(await winners([{ summary: 'first' }, { summary: 'second', judged_at: NEWER }]), ['second']);
		equal(
			await winners([
				{ summary: 'a', judged_at: '2026-03-02T11:00:00.000001Z' },
				{ summary: 'b', judged_at: '2026-03-02T11:00:00Z' },
			]),
			['a'],
		);
	});

	it('asks for the snapshot before the decision, and for the decision before the time', async () => {
		const better = { snapshot_valid_from: LATE, finding: 'undecidable', summary: 'better snapshot' };
		const decided = { snapshot_valid_from: EARLY, summary: 'decided', judged_at: AT };
		const latest = { snapshot_valid_from: EARLY, finding: 'undecidable', summary: 'latest', judged_at: NEWER };
		equal(await winners([better, decided, latest]), ['better snapshot']);
		equal(await winners([decided, latest]), ['decided']);
	});

	it('is the same each time where all of that is equal', async () => {
		equal(
			await winners([
				{ summary: 'an older one', engine_version: '1.0.0' },
				{ summary: 'the newer one', engine_version: '1.1.0' },
			]),
			['the newer one'],
		);
		equal(await winners([{ summary: 'with', snapshot_id: 'any-1' }, { summary: 'without' }]), ['with']);
		equal(
			await winners([
				{ summary: 'b', finding: 'overreach' },
				{ summary: 'a', finding: 'explained' },
			]),
			['a'],
		);
	});

	it('has the columns of the table, in its order, and finds a day', async () => {
		const warehouse = await openDuckdb();
		await warehouse.write('verdicts_v1', verdictRow());
		await warehouse.write('verdicts_v1', verdictRow({ entry_id: 'entry-2', timestamp: NEWER }));
		const [ofTable] = await warehouse.query('SELECT * FROM `${dataset}.verdicts_v1` WHERE entry_id = @id', { id: 'entry-1' });
		const ofView = await warehouse.query('SELECT * FROM `${dataset}.verdicts` WHERE timestamp < TIMESTAMP(@end)', { end: NEWER });
		await warehouse.close();
		is(ofView.length, 1);
		equal(Object.entries(ofView[0] ?? {}), Object.entries(ofTable ?? {}));
	});
});

describe('view rejects', (it) => {
	it('shows a message once, as it was refused last', async () => {
		const warehouse = await openDuckdb();
		const again = rejectRow({ reason: 'other-log', rejected_at: NEWER, raw: 'AAEC' });
		for (const row of [rejectRow(), rejectRow(), again, again, rejectRow({ message_id: 'message-2' })])
			await warehouse.write('rejects_v1', row);
		const answer = await warehouse.query('SELECT message_id, reason, raw FROM `${dataset}.rejects` ORDER BY message_id');
		await warehouse.close();
		equal(answer, [
			{ message_id: 'message-1', reason: 'other-log', raw: 'AAEC' },
			{ message_id: 'message-2', reason: 'not-json', raw: null },
		]);
	});
});

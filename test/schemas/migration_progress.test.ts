import { equal } from 'uvu/assert';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import type { Row } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { createRandom } from '../random.ts';
import { verdictRow } from './rows.ts';

// One for all tests, emptied before each question: it takes longer to open than to answer.
const memory = await openDuckdb();

/** What the view answers for these rows, whatever their order. */
async function progress(rows: readonly Row[], columns: string): Promise<Row[]> {
	const answers: Row[][] = [];
	const named = rows.map((row, index) => verdictRow({ entry_id: `e${index}`, subject_namespace: 'shop', fingerprint: 'f', ...row }));
	for (const order of [named, named.toReversed()]) {
		await memory.query('DELETE FROM `${dataset}.verdicts_v1` WHERE TRUE');
		await Promise.all(order.map((row) => memory.write('verdicts_v1', row)));
		answers.push(
			await memory.query(
				`SELECT ${columns} FROM \`\${dataset}.migration_progress\` ORDER BY project_id, cluster_name, subject_namespace, day`,
			),
		);
	}
	equal(answers[0], answers[1], 'the order of the appends must not matter');
	return answers[0] ?? [];
}

const ON = (day: number, tweaks: Row = {}): Row => ({ timestamp: `2026-03-0${day}T10:00:00Z`, ...tweaks });
const QUIET: Row = { finding: 'confirmed', flagged: false, disposition: 'allow', fingerprint: 'quiet' };

const STATE = 'day, flagged_fingerprints, new_fingerprints, resolved_fingerprints, open_fingerprints';
/** A row of the columns `STATE`, and of what stands before or after them. */
const state = (day: number, counts: readonly [seen: number, fresh: number, resolved: number, open: number], others: Row = {}): Row => ({
	day: `2026-03-0${day}`,
	flagged_fingerprints: counts[0],
	new_fingerprints: counts[1],
	resolved_fingerprints: counts[2],
	open_fingerprints: counts[3],
	...others,
});

describe('view migration_progress', (it) => {
	it.after(() => memory.close());

	it('is empty without entries', async () => {
		equal(await progress([], '*'), []);
	});

	it('follows a problem from its first day to its last, over days on which it rests', async () => {
		const rows = [ON(1, QUIET), ON(2), ON(2), ON(3, QUIET), ON(4), ON(5, QUIET)];
		equal(await progress(rows, STATE), [
			state(1, [0, 0, 0, 0]),
			state(2, [1, 1, 0, 1]),
			state(3, [0, 0, 0, 1]),
			state(4, [1, 0, 1, 0]),
			state(5, [0, 0, 0, 0]),
		]);
	});

	it('leaves open what was seen on the last day of the cluster, whatever the clock says', async () => {
		equal(await progress([ON(1), ON(1, { fingerprint: 'g' }), ON(2)], STATE), [state(1, [2, 2, 1, 1]), state(2, [1, 0, 0, 1])]);
		equal(await progress([ON(1), ON(1, { timestamp: '2026-03-01T23:59:59.999999Z', ...QUIET })], STATE), [state(1, [1, 1, 0, 1])]);
	});

	it('has every namespace on every day of its cluster, the unknown one too, and no day of another cluster', async () => {
		const rows = [
			ON(1),
			ON(2, { subject_namespace: null, finding: 'undecidable', flagged: false, fingerprint: null }),
			ON(3, { cluster_name: 'test' }),
			ON(4, { project_id: 'p' }),
		];
		equal(await progress(rows, `project_id, cluster_name, subject_namespace, ${STATE}, undecidable_entries`), [
			state(1, [0, 0, 0, 0], { project_id: null, cluster_name: 'prod', subject_namespace: null, undecidable_entries: 0 }),
			state(2, [0, 0, 0, 0], { project_id: null, cluster_name: 'prod', subject_namespace: null, undecidable_entries: 1 }),
			state(1, [1, 1, 1, 0], { project_id: null, cluster_name: 'prod', subject_namespace: 'shop', undecidable_entries: 0 }),
			state(2, [0, 0, 0, 0], { project_id: null, cluster_name: 'prod', subject_namespace: 'shop', undecidable_entries: 0 }),
			state(3, [1, 1, 0, 1], { project_id: null, cluster_name: 'test', subject_namespace: 'shop', undecidable_entries: 0 }),
			state(4, [1, 1, 0, 1], { project_id: 'p', cluster_name: 'prod', subject_namespace: 'shop', undecidable_entries: 0 }),
		]);
	});

	it('counts entries and packets once, with their weight, and packets only of what is flagged and denied', async () => {
		const rows = [
			ON(1, { entry_id: 'a', count: 3 }),
			ON(1, { entry_id: 'a', count: 3 }),
			ON(1, { entry_id: 'a', count: 3, judged_at: '2026-03-02T11:00:00Z' }),
			ON(1, { count: null }),
			ON(1, { count: 5, weight: 2 }),
			ON(1, { ...QUIET, count: 1, weight: 100 }),
			ON(1, { finding: 'explained', flagged: false, fingerprint: 'explained', count: 50 }),
			ON(1, { finding: 'newly-open', disposition: 'allow', fingerprint: 'open', count: 1 }),
			ON(1, { finding: 'undecidable', flagged: false, fingerprint: null, weight: 4 }),
		];
		equal(await progress(rows, 'flagged_fingerprints, entries, flagged_entries, undecidable_entries, flagged_packets'), [
			{ flagged_fingerprints: 2, entries: 110, flagged_entries: 5, undecidable_entries: 4, flagged_packets: 13 },
		]);
	});

	it('tells the problems of a day apart by finding', async () => {
		const kinds = ['void-rule', 'void-rule', 'overreach', 'not-isolated', 'contradicted', 'newly-open'];
		const rows = kinds.map((finding, index) => ON(1, { finding, fingerprint: `f${index}` }));
		const columns = ['void_rule', 'overreach', 'not_isolated', 'contradicted', 'newly_open'].map((name) => `${name}_fingerprints`);
		equal(await progress(rows, columns.join(', ')), [
			{
				void_rule_fingerprints: 2,
				overreach_fingerprints: 1,
				not_isolated_fingerprints: 1,
				contradicted_fingerprints: 1,
				newly_open_fingerprints: 1,
			},
		]);
	});

	it('follows an entry whose better judgement flags nothing', async () => {
		const rows = [ON(1, { entry_id: 'a' }), ON(1, { entry_id: 'a', ...QUIET, snapshot_valid_from: '2026-03-01T09:00:00Z' })];
		equal(await progress(rows, STATE), [state(1, [0, 0, 0, 0])]);
	});

	it('agrees with what is counted by hand', async () => {
		const random = createRandom(20260303).below;
		const seen = Array.from({ length: 30 }, () => ({ day: 1 + random(8), fingerprint: `f${random(8)}` }));
		const days = [...new Set(seen.map(({ day }) => day))].sort();
		const last = Math.max(...days);
		const lives = [...new Set(seen.map(({ fingerprint }) => fingerprint))].map((name) => {
			const on = seen.filter(({ fingerprint }) => fingerprint === name).map(({ day }) => day);
			return { on: new Set(on), first: Math.min(...on), end: Math.max(...on) };
		});
		const count = (test: (life: (typeof lives)[number]) => boolean) => lives.filter(test).length;
		const expected = days.map((day) =>
			state(day, [
				count(({ on }) => on.has(day)),
				count(({ first }) => first === day),
				count(({ end }) => end === day && day < last),
				count(({ first, end }) => first <= day && (day < end || end === last)),
			]),
		);
		equal(
			await progress(
				seen.map(({ day, fingerprint }) => ON(day, { fingerprint })),
				STATE,
			),
			expected,
		);
	});
});

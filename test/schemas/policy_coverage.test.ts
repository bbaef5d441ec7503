import { equal } from 'uvu/assert';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import type { Row } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { verdictRow } from './rows.ts';

// One for all tests, emptied before each question: it takes longer to open than to answer.
const memory = await openDuckdb();

/** What the view answers for these rows, whatever their order. */
async function coverage(rows: readonly Row[], columns: string): Promise<Row[]> {
	const answers: Row[][] = [];
	const named = rows.map((row, index) => verdictRow({ entry_id: `e${index}`, ...row }));
	for (const order of [named, named.toReversed()]) {
		await memory.query('DELETE FROM `${dataset}.verdicts_v1` WHERE TRUE');
		await Promise.all(order.map((row) => memory.write('verdicts_v1', row)));
		answers.push(
			await memory.query(
				`SELECT ${columns} FROM \`\${dataset}.policy_coverage\` ORDER BY cluster_name, project_id, policy_name, direction, rule`,
			),
		);
	}
	equal(answers[0], answers[1], 'the order of the appends must not matter');
	return answers[0] ?? [];
}

const WEB = { policy_kind: 'NetworkPolicy', policy_namespace: 'shop', policy_name: 'web', direction: 'ingress' };
const COUNTS = 'policy_name, rule, admitted, void_hits, opened, near_misses, isolated_denials, undecidable, entries';
const NONE = { admitted: 0, void_hits: 0, opened: 0, near_misses: 0, isolated_denials: 0, undecidable: 0 };

describe('view policy_coverage', (it) => {
	it.after(() => memory.close());

	it('is empty without entries, and without evidence that names a policy', async () => {
		equal(await coverage([], '*'), []);
		equal(await coverage([{ evidence: [] }, { evidence: [{ role: 'stand-in', detail: 'a sibling' }] }], '*'), []);
	});

	it('is one row a policy, direction and rule, and says what each did', async () => {
		const rows = [
			{ disposition: 'allow', finding: 'confirmed', evidence: [{ role: 'admits', ...WEB, rule: 0 }] },
			{
				disposition: 'deny',
				finding: 'void-rule',
				evidence: [
					{ role: 'void', ...WEB, rule: 1 },
					{ role: 'isolates', ...WEB },
				],
			},
			{
				disposition: 'deny',
				finding: 'explained',
				evidence: [
					{ role: 'isolates', ...WEB },
					{ role: 'isolates', ...WEB, policy_name: 'wide' },
					{ role: 'near-miss', ...WEB, rule: 0 },
				],
			},
			{ disposition: 'allow', finding: 'newly-open', evidence: [{ role: 'opens', ...WEB, rule: 2 }] },
		];
		equal(await coverage(rows, COUNTS), [
			{ ...NONE, policy_name: 'web', rule: null, isolated_denials: 2, entries: 2 },
			{ ...NONE, policy_name: 'web', rule: 0, admitted: 1, near_misses: 1, entries: 2 },
			{ ...NONE, policy_name: 'web', rule: 1, void_hits: 1, entries: 1 },
			{ ...NONE, policy_name: 'web', rule: 2, opened: 1, entries: 1 },
			{ ...NONE, policy_name: 'wide', rule: null, isolated_denials: 1, entries: 1 },
		]);
	});

	it('counts an entry once, however many clauses it names and however often it was delivered', async () => {
		const evidence = [
			{ role: 'void', ...WEB, rule: 0, peer: 0 },
			{ role: 'void', ...WEB, rule: 0, peer: 1 },
		];
		const rows = [
			{ entry_id: 'a', evidence },
			{ entry_id: 'a', evidence },
			{ entry_id: 'a', evidence, judged_at: '2026-03-02T11:00:00Z' },
			{ entry_id: 'b', evidence },
		];
		equal(await coverage(rows, COUNTS), [{ ...NONE, policy_name: 'web', rule: 0, void_hits: 2, entries: 2 }]);
	});

	it('follows an entry whose better judgement names another rule', async () => {
		const rows = [
			{ entry_id: 'a', evidence: [{ role: 'void', ...WEB, rule: 0 }] },
			{ entry_id: 'a', evidence: [{ role: 'void', ...WEB, rule: 1 }], snapshot_valid_from: '2026-03-02T09:00:00Z' },
		];
		equal(await coverage(rows, 'rule'), [{ rule: 1 }]);
	});

	it('takes sampled traffic for the entries that it stands for', async () => {
		const allowed = { disposition: 'allow', finding: 'confirmed', evidence: [{ role: 'admits', ...WEB, rule: 0 }] };
		equal(await coverage([{ ...allowed, weight: 100 }, allowed], 'admitted, entries'), [{ admitted: 101, entries: 101 }]);
	});

	it('counts nothing as done where the dataplane did the opposite, or where a missing fact decides', async () => {
		const rows = [
			{ disposition: 'deny', finding: 'contradicted', evidence: [{ role: 'admits', ...WEB, rule: 0 }] },
			{ disposition: 'allow', finding: 'contradicted', evidence: [{ role: 'isolates', ...WEB }] },
			{
				disposition: 'allow',
				finding: 'undecidable',
				evidence: [
					{ role: 'would-be', detail: 'confirmed' },
					{ role: 'admits', ...WEB, rule: 0 },
				],
			},
		];
		equal(await coverage(rows, COUNTS), [
			{ ...NONE, policy_name: 'web', rule: null, entries: 1 },
			{ ...NONE, policy_name: 'web', rule: 0, undecidable: 1, entries: 2 },
		]);
	});

	it('keeps apart what any part of the key tells apart, and takes null for one value', async () => {
		const piece = { role: 'void', policy_name: 'web', rule: 0 };
		const rows = [
			{ evidence: [piece] },
			{ evidence: [piece] },
			{ direction: 'egress', evidence: [piece] },
			{ cluster_name: 'test', evidence: [piece] },
			{ cluster_name: 'test', project_id: 'p', evidence: [{ ...piece, role: null }] },
		];
		equal(await coverage(rows, 'cluster_name, project_id, direction, policy_kind, void_hits'), [
			{ cluster_name: 'prod', project_id: null, direction: 'egress', policy_kind: null, void_hits: 1 },
			{ cluster_name: 'prod', project_id: null, direction: 'ingress', policy_kind: null, void_hits: 2 },
			{ cluster_name: 'test', project_id: null, direction: 'ingress', policy_kind: null, void_hits: 1 },
			{ cluster_name: 'test', project_id: 'p', direction: 'ingress', policy_kind: null, void_hits: 0 },
		]);
	});

	it('says when it was first and last seen, and last admitted', async () => {
		const evidence = [{ role: 'admits', ...WEB, rule: 0 }];
		const rows = [
			{ timestamp: '2026-03-01T10:00:00Z', disposition: 'allow', finding: 'confirmed', evidence },
			{ timestamp: '2026-03-02T10:00:00.000001Z', disposition: 'allow', finding: 'confirmed', evidence },
			{ timestamp: '2026-03-03T10:00:00Z', evidence: [{ role: 'near-miss', ...WEB, rule: 0 }] },
		];
		equal(await coverage(rows, 'first_seen, last_seen, last_admitted'), [
			{ first_seen: '2026-03-01T10:00:00Z', last_seen: '2026-03-03T10:00:00Z', last_admitted: '2026-03-02T10:00:00.000001Z' },
		]);
	});
});

import { equal, is, ok } from 'uvu/assert';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import { readSchemas } from '../../functions/adapters/schemas.ts';
import { nameTables } from '../../functions/adapters/table-names.ts';
import type { Row, TableName } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { createRandom } from '../random.ts';
import { policyFindingRow, rejectRow, snapshotRow, verdictRow } from '../schemas/rows.ts';
import { createEmulator } from './emulator.ts';
import { FUNCTIONS_ANSWER, FUNCTIONS_QUERY } from './functions.ts';

/** Judgements of a few entries, dense in what the views decide by: ties, nulls, duplicates, midnight, snapshots before and after. */
function judgements(seed: number, length: number): Row[] {
	const random = createRandom(seed).below;
	const pick = <T>(...values: readonly T[]): T => values[random(values.length)] as T;
	const rows = Array.from({ length }, () => {
		const entry = random(40);
		// All judgements of an entry share its time and what was observed; an entry in three lies around midnight.
		const minute = (entry * 7) % 60;
		const timestamp =
			entry % 3 === 0
				? `2026-03-02T00:00:00.00000${entry % 10}Z`
				: `2026-03-0${1 + (entry % 2)}T23:${`${minute}`.padStart(2, '0')}:59.999999Z`;
		return verdictRow({
			entry_id: `entry-${entry}`,
			insert_id: entry % 11 === 0 ? null : `i${entry}`,
			log_name: 'projects/p/logs/policy-action',
			timestamp,
			disposition: entry % 5 === 0 ? 'allow' : 'deny',
			count: entry % 7 === 0 ? null : entry,
			// Two of these in a second and node are at the limit of the log.
			weight: entry % 5 === 0 ? 200 : 1,
			subject_namespace: [null, 'shop', 'ä'][entry % 3],
			subject_name: pick(null, 'web-1', 'web-2'),
			node_name: pick('n1', 'n2'),
			finding: pick('void-rule', 'undecidable', 'explained'),
			fingerprint: pick(null, 'a', 'b', 'ä'),
			flagged: pick(true, false),
			certainty: pick(null, 'certain', 'likely'),
			summary: pick('A.', 'B.', `quotes ' " \\ and 漢字 \u{1f600}`),
			constructs: pick([], ['end-port'], ['ipblock-pod', 'end-port']),
			reasons: [[], ['no-snapshot', 'late-reply'], ['stale-snapshot']][entry % 3],
			evidence: pick(
				[],
				[
					{ role: 'void', policy_name: 'p', rule: random(3) },
					{ role: 'isolates', policy_name: 'q' },
				],
				[
					{ role: pick('admits', 'opens', 'near-miss', null), policy_name: pick('p', 'ä', null), rule: random(2), direction: 'egress' },
					{ role: 'void', policy_namespace: 'shop', policy_name: 'ä', rule: 0, peer: random(2) },
				],
			),
			verdicts: [
				{ semantics: 'calico', verdict: ['allow', 'deny', 'unknown', null][entry % 4] },
				{ semantics: 'cilium-1.16', verdict: ['deny', 'deny', 'allow'][entry % 3] },
			],
			snapshot_id: pick(null, 's1', 's2'),
			snapshot_valid_from: pick(null, timestamp, '2026-03-01T00:00:00Z', '2026-03-01T12:00:00Z', '2026-03-05T00:00:00Z'),
			engine_version: pick('1.0.0', '1.0.1'),
			judged_at: pick('2026-03-06T00:00:00Z', '2026-03-06T00:00:00.000001Z'),
			entry: { n: entry },
		});
	});
	// What the same engine made of the same entry and snapshot at the same time is the same row.
	const keyOf = (row: Row): string =>
		JSON.stringify(['entry_id', 'snapshot_valid_from', 'finding', 'judged_at', 'engine_version', 'snapshot_id'].map((name) => row[name]));
	const first = new Map(rows.toReversed().map((row) => [keyOf(row), row]));
	return rows.map((row) => first.get(keyOf(row)) ?? row);
}

/** No more columns than decide in the view `rejects`, so that equal keys mean equal rows. */
function rejects(seed: number, length: number): Row[] {
	const random = createRandom(seed).below;
	return Array.from({ length }, () =>
		rejectRow({
			message_id: `message-${random(10)}`,
			reason: ['not-json', 'other-log'][random(2)],
			rejected_at: `2026-03-0${1 + random(3)}T00:00:00Z`,
			publish_time: [null, '2026-03-01T00:00:00.5Z'][random(2)],
			raw: 'aGVsbG8=',
			attributes: { key: 'ü' },
		}),
	);
}

/** Few fingerprints and snapshots, linted again and again. What does not decide is equal in all of them. */
function policyFindings(seed: number, length: number): Row[] {
	const random = createRandom(seed).below;
	return Array.from({ length }, () =>
		policyFindingRow({
			snapshot_id: `any-00000000000${random(3)}`,
			fingerprint: `f${random(4)}`,
			rule: [null, 0, 1][random(3)],
			peer: [null, 0][random(2)],
			summary: ['A.', 'ü.'][random(2)],
			affected_sample: ['shop/a', 'shop/ü'],
			linted_at: `2026-03-0${1 + random(2)}T00:00:00Z`,
		}),
	);
}

const collections = (seed: number, length: number): Row[] => {
	const random = createRandom(seed).below;
	return Array.from({ length }, () => {
		const [snapshot, day] = [random(3), random(3)];
		return snapshotRow({
			snapshot_id: `any-00000000000${snapshot}`,
			collected_at: `2026-03-0${1 + day}T00:00:00.00000${random(2)}Z`,
			changed: random(2) === 0,
			previous_snapshot_id: [null, 'any-0123456789ab'][random(2)],
			// The same in all rows of a collection.
			datapath_provider: [null, 'LEGACY_DATAPATH', 'ADVANCED_DATAPATH'][day],
		});
	});
};

/** Entries of `judgements`, one in two to the microsecond, what was refused, and what is no entry. Equal keys are equal rows. */
const deadLetters = (length: number): Row[] =>
	Array.from({ length }, (_, index) => {
		const entry = index % 40;
		const timestamp = `2026-03-02T00:00:00.00000${(entry + (entry % 2)) % 10}${entry % 4 === 0 ? '789' : ''}Z`;
		const json = JSON.stringify({ insertId: `i${entry}`, jsonPayload: { a: 'ü "' }, logName: 'projects/p/logs/policy-action', timestamp });
		const text = [json, json, 'hello', 'nonsense ü'][entry % 7 < 5 ? 0 : entry % 4] ?? '';
		return {
			message_id: `message-${entry}`,
			publish_time: '2026-03-03T00:00:00Z',
			data: Buffer.from(text).toString('base64'),
			attributes: { key: 'ü' },
		};
	});

const QUERIES: Readonly<Record<string, string>> = {
	functions: FUNCTIONS_QUERY,
	verdicts: 'SELECT * FROM `${dataset}.verdicts` ORDER BY entry_id',
	findings: 'SELECT * FROM `${dataset}.findings` ORDER BY day, fingerprint',
	rejects: 'SELECT * FROM `${dataset}.rejects` ORDER BY message_id',
	policy_findings: 'SELECT * FROM `${dataset}.policy_findings` ORDER BY snapshot_id, fingerprint',
	snapshots: 'SELECT * FROM `${dataset}.snapshots` ORDER BY snapshot_id, collected_at',
	dead_letters: 'SELECT * FROM `${dataset}.dead_letters` ORDER BY message_id',
	snapshot_health: 'SELECT * FROM `${dataset}.snapshot_health` ORDER BY cluster_name',
	calibration: 'SELECT * FROM `${dataset}.calibration` ORDER BY day, constructs, semantics',
	policy_coverage: 'SELECT * FROM `${dataset}.policy_coverage` ORDER BY policy_namespace, policy_name, direction, rule',
	migration_progress: 'SELECT * FROM `${dataset}.migration_progress` ORDER BY subject_namespace, day',
	blind_spots: 'SELECT * FROM `${dataset}.blind_spots` ORDER BY location, node_name, hour, reason',
	'verdicts of a day': `SELECT entry_id FROM \`\${dataset}.verdicts\` WHERE timestamp < TIMESTAMP '2026-03-02 00:00:00+00' ORDER BY entry_id`,
	'findings of a day': `SELECT * FROM \`\${dataset}.findings\` WHERE day = DATE '2026-03-02' ORDER BY fingerprint`,
};

const host = process.env['BIGQUERY_EMULATOR_HOST'];

describe('BigQuery and DuckDB', (it) => {
	if (host === undefined) {
		console.log('skipped: test/sql/engines.test.ts compares the SQL engines where BIGQUERY_EMULATOR_HOST names a BigQuery emulator');
		return;
	}

	it('answer every view and every allowed function alike', async () => {
		const schemas = await readSchemas();
		const emulator = await createEmulator({ host, project: process.env['BIGQUERY_EMULATOR_PROJECT'] ?? 'test-project' }, schemas);
		const duckdb = await openDuckdb();
		const rows: Readonly<Record<TableName, readonly Row[]>> = {
			verdicts_v1: judgements(20260302, 400),
			rejects_v1: rejects(7, 60),
			policy_findings_v1: policyFindings(11, 80),
			snapshots_v1: collections(13, 60),
		};
		try {
			for (const table of ['verdicts_v1', 'rejects_v1', 'policy_findings_v1', 'snapshots_v1'] as const) {
				await Promise.all(rows[table].map((row) => duckdb.write(table, row)));
				await emulator.insert(table, rows[table]);
			}
			// Pub/Sub itself writes these, so they are none of the tables that the functions append to.
			await Promise.all(deadLetters(60).map((row) => duckdb.write('dead_letters_v1' as string as TableName, row)));
			await emulator.insert('dead_letters_v1', deadLetters(60));
			for (const [name, sql] of Object.entries(QUERIES)) {
				const [ofBigQuery, ofDuckdb] = [await emulator.query(nameTables(sql, emulator.dataset)), await duckdb.query(sql)];
				ok(ofBigQuery.length > 0, `${name}: no rows to compare`);
				is(ofDuckdb.length, ofBigQuery.length, name);
				for (const [index, row] of ofBigQuery.entries()) equal(ofDuckdb[index], row, `${name}, row ${index}`);
				if (name === 'dead_letters') is(new Set(ofBigQuery.map(({ recovered }) => recovered)).size, 2, 'some are recovered, some not');
				if (name === 'functions') equal(ofBigQuery[0], FUNCTIONS_ANSWER);
			}
		} finally {
			await duckdb.close();
			await emulator.remove();
		}
	});
});

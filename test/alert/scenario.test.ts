/** The alerts of the three days that the questions are asked of (test/sql/scenario.yaml): collections, the linter and entries are the project's own. */
import { equal, match, ok } from 'uvu/assert';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import type { Row, TableName } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { readDataset } from '../sql/dataset.ts';
import { findProblems } from './message/limits.ts';
import { createRunner, type Told } from './runner.ts';

/** When a row is there. */
const WRITTEN: Readonly<Record<string, (row: Row) => unknown>> = {
	verdicts_v1: (row) => row['judged_at'],
	snapshots_v1: (row) => row['collected_at'],
	policy_findings_v1: (row) => row['linted_at'],
};

/** What a run a minute tells of, from the one time to the other. */
async function tellOf({ from, until }: { readonly from: string; readonly until: string }): Promise<readonly Told[]> {
	const dataset = await readDataset();
	const rows = Object.entries(WRITTEN).flatMap(([table, timeOf]) =>
		(dataset[table] ?? []).map((row) => ({ table: table as TableName, row, ms: Date.parse(String(timeOf(row))) })),
	);
	rows.sort((a, b) => a.ms - b.ms);
	const duckdb = await openDuckdb();
	const { told, runAt } = createRunner(duckdb);
	try {
		for (let ms = Date.parse(from); ms <= Date.parse(until); ms += 60_000) {
			while ((rows[0]?.ms ?? Number.POSITIVE_INFINITY) <= ms) {
				const next = rows.shift();
				if (next) await duckdb.write(next.table, next.row);
			}
			await runAt(ms);
		}
	} finally {
		await duckdb.close();
	}
	return told;
}

describe('the alerts of the scenario', (it) => {
	it('of the day on which a rule is mended tell of it, and that a change to its policy mended it', async () => {
		const told = await tellOf({ from: '2026-03-03T11:50:00Z', until: '2026-03-03T12:20:00Z' });
		const db = told.filter(({ alert }) => alert.group.policy === 'shop/db');
		equal(
			db.map(({ alert }) => [alert.state, alert.resolution?.kind]),
			[
				['firing', undefined],
				['resolved', 'fixed'],
			],
		);
		match(db[1]?.text ?? '', /Fixed by a change to shop\/db at 2026-03-03 12:00 UTC/);
		for (const { text } of told) equal(findProblems(JSON.parse(text)), []);
		ok(!told.some(({ alert }) => alert.group.finding === 'explained' || alert.group.finding === 'confirmed'));
	});

	it('of the first day are those of the rules that the move broke, once each', async () => {
		const told = await tellOf({ from: '2026-03-02T07:50:00Z', until: '2026-03-02T11:05:00Z' });
		const firing = told
			.filter(({ alert }) => alert.state === 'firing')
			.map(({ alert: { group } }) => [group.finding, group.construct ?? group.counted ?? null, group.policy ?? null]);
		equal(firing.sort(), [
			['contradicted', 'contradicted', null],
			['newly-open', 'policy-types-overreach', 'legacy/batch'],
			['not-isolated', null, null],
			['overreach', 'policy-types-overreach', 'shop/worker'],
			['void-rule', 'ipblock-pod', 'shop/db'],
		]);
	});
});

import { readFile } from 'node:fs/promises';
import { equal, is, ok } from 'uvu/assert';
import { type LocalWarehouse, openDuckdb } from '../../functions/adapters/duckdb.ts';
import { SCHEMAS } from '../../functions/adapters/schemas.ts';
import type { Row } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { createRandom } from '../random.ts';
import { snapshotRow, verdictRow } from '../schemas/rows.ts';
import { takeApart } from '../sql/guard.ts';

const SEED = 20261125;
const DAY_MS = Date.parse('2026-03-04T00:00:00Z');
const MINUTE_MS = 60_000;

const at = (minutes: number): string => new Date(DAY_MS + minutes * MINUTE_MS).toISOString();

/** The guard of a statement, and the subquery in which it finds its entries, by that expression for `@run_time`. */
async function readGuarded(name: string, alias: string) {
	const text = await readFile(new URL(`rejudge/${name}.sql`, SCHEMAS), 'utf8');
	const { condition = '', statement } = takeApart(text.replace(/^ *--.*\n/gm, ''));
	const end = statement.indexOf(`) AS ${alias} ON`);
	let from = end;
	for (let depth = 1; depth > 0; ) depth += { ')': 1, '(': -1 }[statement[--from] ?? ''] ?? 0;
	const found = statement.slice(from + 1, end);
	return {
		guard: (runTime: string) => condition.replaceAll('@run_time', runTime),
		found: (runTime: string) => found.replaceAll('@run_time', runTime),
	};
}

/** Opens a warehouse in memory, and closes it whatever happens. */
async function withWarehouse(use: (warehouse: LocalWarehouse) => Promise<void>): Promise<void> {
	const warehouse = await openDuckdb();
	try {
		await use(warehouse);
	} finally {
		await warehouse.close();
	}
}

describe('the guard of changed_snapshots', (it) => {
	it('lets a change through within an hour of a pause or an outage of two hours, whenever it begins', () =>
		withWarehouse(async ({ query }) => {
			const { guard } = await readGuarded('changed_snapshots', 'between_states');
			// Each pause begins right before a change; the table stands for one in which that change is the only one.
			const one = guard('run').replace('`${dataset}.snapshots_v1`', '(SELECT TRUE AS changed, change AS collected_at)');
			for (const pause of [0, 101, 120, 24 * 60]) {
				const rows = await query(
					`SELECT change, MIN(run) AS first_run
					FROM UNNEST(GENERATE_TIMESTAMP_ARRAY(TIMESTAMP '${at(0)}', TIMESTAMP '${at(24 * 60 - 1)}', INTERVAL 7 MINUTE)) AS change
					CROSS JOIN UNNEST(GENERATE_TIMESTAMP_ARRAY(TIMESTAMP '${at(0)}', TIMESTAMP '${at(52 * 60)}', INTERVAL 5 MINUTE)) AS run
					WHERE run >= TIMESTAMP_ADD(change, INTERVAL ${pause} MINUTE) AND ${one}
					GROUP BY change`,
				);
				is(rows.length, Math.ceil((24 * 60) / 7), `after ${pause} minutes every change is let through`);
				const waits = rows.map(({ change, first_run }) => Date.parse(String(first_run)) - Date.parse(String(change)) - pause * MINUTE_MS);
				ok(Math.max(...waits) <= (pause === 0 ? 5 : 60) * MINUTE_MS, `${Math.max(...waits) / MINUTE_MS} minutes after ${pause}`);
			}
		}));

	it('holds for no change that the statement does not look at, and for none as old in most runs', () =>
		withWarehouse(async ({ write, query }) => {
			const { guard } = await readGuarded('changed_snapshots', 'between_states');
			await write('snapshots_v1', snapshotRow({ changed: true, collected_at: at(1) }));
			await write('snapshots_v1', snapshotRow({ changed: false, collected_at: at(2000) }));
			const holding = await query(
				`SELECT run FROM UNNEST(GENERATE_TIMESTAMP_ARRAY(TIMESTAMP '${at(0)}', TIMESTAMP '${at(5000)}', INTERVAL 5 MINUTE)) AS run
				WHERE ${guard('run')} ORDER BY run`,
			);
			const minutes = holding.map(({ run }) => (Date.parse(String(run)) - DAY_MS) / MINUTE_MS);
			const hourly = Array.from({ length: 48 }, (_, hour) => (hour + 1) * 60);
			equal(minutes, [0, 5, 10, 15, 20, 25, 30, ...hourly]);
		}));
});

const WORLDS = 100;
const RUNS = 4;
const DAYS_APART = 9;

/**
 * Entries, their judgements and collections at random times of some hours, whether or not the project's functions would write them. `most`:
 * entries, and judgements of each.
 */
function createWorld(seed: number, most: number): { readonly verdicts: readonly Row[]; readonly snapshots: readonly Row[] } {
	const random = createRandom(seed);
	const ids = ['a-000000000001', 'b-000000000002'];
	const idOrNone = (): string | null => (random.below(4) === 0 ? null : random.pick(ids));
	const timeOrNone = (): string | null => (random.below(4) === 0 ? null : at(random.below(24) * 5));
	const project = (): string | null => random.pick(['p', 'p', 'q', null]);
	const cluster = (): object => ({ project_id: project(), location: 'l', cluster_name: random.pick(['c', 'c', 'c', 'd']) });
	const verdicts = Array.from({ length: most }, (_, entry) => {
		const of = { entry_id: `entry-${entry}`, timestamp: at(random.below(24) * 5 + 1), ...cluster() };
		return Array.from({ length: 1 + random.below(most) }, () => {
			const decided = most > 1 && random.below(4) === 0;
			return verdictRow({
				...of,
				finding: decided ? 'void-rule' : 'undecidable',
				reasons: decided ? [] : [random.pick(['no-snapshot', 'no-snapshot', 'stale-snapshot', 'stale-snapshot', 'unknown-peer'])],
				snapshot_id: idOrNone(),
				snapshot_valid_from: timeOrNone(),
				judged_at: at(random.below(24) * 5 + 2),
			});
		});
	}).flat();
	const collections = Array.from({ length: 3 + random.below(8) }, () =>
		snapshotRow({
			...cluster(),
			snapshot_id: random.pick(ids),
			previous_snapshot_id: idOrNone(),
			collected_at: at(random.below(24) * 5),
			valid_from: timeOrNone(),
			changed: random.below(2) === 0,
		}),
	);
	return { verdicts, snapshots: [...collections, ...collections.filter(() => random.below(4) === 0)] };
}

describe('the guard of late_snapshots', (it) => {
	it(`holds wherever the statement finds an entry, and nowhere else where each was judged once (seed ${SEED})`, () =>
		withWarehouse(async ({ write, query }) => {
			const { guard, found } = await readGuarded('late_snapshots', 'helped');
			const counts = { found: 0, quiet: 0, needless: 0 };
			for (let world = 0; world < WORLDS; world++) {
				const most = world % 2 === 0 ? 1 : 4;
				const { verdicts, snapshots } = createWorld(SEED + world, most);
				// Each on days of its own, which no run of another one looks at.
				const day = world * DAYS_APART * 24 * 60;
				await Promise.all([
					...verdicts.map((row) => write('verdicts_v1', shift(row, day))),
					...snapshots.map((row) => write('snapshots_v1', shift(row, day))),
				]);
				const random = createRandom(-SEED - world);
				for (let run = 0; run < RUNS; run++) {
					const minute = run === 0 ? random.below(5 * 24 * 60) : 40 + random.below(100);
					const runTime = `TIMESTAMP '${at(day + minute)}'`;
					const [row] = await query(`SELECT ${guard(runTime)} AS holds, (SELECT COUNT(*) FROM (${found(runTime)}) AS helped) AS n`);
					const [holds, n] = [row?.['holds'] === true, Number(row?.['n'])];
					const words = `world ${world}, minute ${minute}: ${n} entries, and the guard ${holds ? 'holds' : 'does not hold'}`;
					if (most === 1) is(holds, n > 0, words);
					else ok(holds || n === 0, words);
					counts[n > 0 ? 'found' : holds ? 'needless' : 'quiet']++;
				}
			}
			ok(counts.found > 50 && counts.quiet > 50, JSON.stringify(counts));
			ok(counts.needless < counts.found, JSON.stringify(counts));
		}));
});

/** The row with all its times that many minutes later. */
const shift = (row: Row, minutes: number): Row =>
	Object.fromEntries(
		Object.entries(row).map(([name, value]) => [
			name,
			typeof value === 'string' && value.startsWith('2026-') ? new Date(Date.parse(value) + minutes * MINUTE_MS).toISOString() : value,
		]),
	);

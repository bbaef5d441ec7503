import { equal, is, ok } from 'uvu/assert';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import { maskOf } from '../../functions/policy/semantics.ts';
import type { Row } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { createRandom } from '../random.ts';
import { at, createHistory, denialAt, POLICIES } from './history.ts';

const SEED = 20261125;
const PLAYS = 40;
const DELIVERIES = 10;
const OTHER_ENGINE = maskOf(['cilium-1.16']);
const KINDS = Object.keys(POLICIES) as (keyof typeof POLICIES)[];

const clock = (minutes: number): string => at(`${new Date(minutes * 60_000).toISOString().slice(11, 19)}`);

/**
 * One entry, ten times delivered, while its cluster is collected, changed, seen again too late or not at all, and judged again by this engine
 * and another. The last judgement is one with all that is known in the end.
 */
async function play(seed: number): Promise<{ readonly rows: readonly Row[]; readonly last: Row }> {
	const random = createRandom(seed);
	const history = createHistory();
	const logged = 60 + random.below(240);
	const text = denialAt(clock(logged), `entry-${seed}`);
	// Before some entries the cluster was not seen for too long; after most of them it is collected while they are delivered.
	const quiet = random.below(2) * 20;
	const collections = Array.from({ length: 12 }, () => logged + random.below(100) - 80).filter(
		(minute) => minute < logged - quiet || minute > logged,
	);
	const moments = [
		...Array.from({ length: DELIVERIES }, (_, index) => [logged + random.below(index < 5 ? 8 : 300), 'deliver'] as const),
		...Array.from({ length: 3 }, () => [logged + random.below(400), 'again'] as const),
		...Array.from({ length: 3 }, () => [logged + random.below(400), 'other engine'] as const),
		...[...collections, logged + 1 + random.below(7)].map((minute) => [Math.max(0, minute), 'collect'] as const),
	].toSorted(([a], [b]) => a - b);
	for (const [minute, what] of moments) {
		if (what === 'deliver') await history.deliver(clock(minute), text);
		else if (what === 'again') await history.judgeAgain(clock(minute), text);
		else if (what === 'other engine') await history.judgeAgain(clock(minute), text, OTHER_ENGINE);
		else {
			// Two in three were told of by the audit log, some minutes late.
			const changedAt = random.below(3) > 0 ? clock(Math.max(0, minute - random.below(14))) : undefined;
			await history.collect(clock(minute), random.pick(KINDS), changedAt === undefined ? {} : { changedAt });
		}
	}
	const last = await history.judgeAgain(clock(900), text);
	return { rows: history.rows.verdicts, last };
}

/** The rule of the view in words of its own: each sentence leaves those that it prefers. */
function preferred(rows: readonly Row[]): readonly Row[] {
	const ms = (row: Row, column: string): number => Date.parse(String(row[column]));
	const valid = rows.filter((row) => row['snapshot_valid_from'] !== null && ms(row, 'snapshot_valid_from') <= ms(row, 'timestamp'));
	const newest = Math.max(...valid.map((row) => ms(row, 'snapshot_valid_from')));
	const bySnapshot = valid.length > 0 ? valid.filter((row) => ms(row, 'snapshot_valid_from') === newest) : rows;
	const decided = bySnapshot.filter(({ finding }) => finding !== 'undecidable');
	const byDecision = decided.length > 0 ? decided : bySnapshot;
	const latest = Math.max(...byDecision.map((row) => ms(row, 'judged_at')));
	return byDecision.filter((row) => ms(row, 'judged_at') === latest);
}

const timeless = (row: Row): Row => ({ ...row, judged_at: undefined });

describe('ten deliveries of an entry, and judgements between them', (it) => {
	it(`are one row in the view, the right one, in whatever order they come (seed ${SEED})`, async () => {
		const warehouse = await openDuckdb();
		const seen = { findings: new Set<unknown>(), differing: 0, changed: 0 };
		try {
			for (let number = 0; number < PLAYS; number++) {
				const { rows, last } = await play(SEED + number);
				const random = createRandom(SEED - number);
				// BigQuery drops no copies once a minute has passed, so some rows are there twice.
				const copies = [...rows, ...rows.filter(() => random.below(4) === 0)];
				for (const order of ['shuffled', 'reversed']) {
					const sent = order === 'reversed' ? copies.toReversed() : copies.toSorted(() => random.below(3) - 1);
					const entry_id = `${number}/${order}`;
					await Promise.all(sent.map((row) => warehouse.write('verdicts_v1', { ...row, entry_id })));
					const shown = await warehouse.query('SELECT * FROM `${dataset}.verdicts` WHERE entry_id = @entry_id', { entry_id });
					is(shown.length, 1, `play ${number}: one row`);
					const { entry_id: _, ...row } = shown[0] ?? {};
					const best = preferred(rows).map(({ entry_id: _, ...rest }) => rest);
					const words = ({ judged_at, finding, snapshot_id }: Row): unknown => [Date.parse(String(judged_at)), finding, snapshot_id];
					ok(
						best.some((each) => JSON.stringify(words(each)) === JSON.stringify(words(row))),
						`play ${number}: ${JSON.stringify(words(row))} is none of ${JSON.stringify(best.map(words))}`,
					);
					// All is known at the end, so no earlier judgement may stand in the way of that one.
					equal([row['finding'], row['snapshot_id']], [last['finding'], last['snapshot_id']], `play ${number}`);
				}
				equal(rows.filter(({ judged_at }) => judged_at === last['judged_at']).map(timeless), [timeless(last)]);
				seen.findings.add(last['finding']);
				if (new Set(rows.map(({ finding, snapshot_id }) => `${finding} ${snapshot_id}`)).size > 1) seen.differing++;
				if (rows[0]?.['finding'] !== last['finding']) seen.changed++;
			}
		} finally {
			await warehouse.close();
		}
		equal([...seen.findings].sort(), ['explained', 'not-isolated', 'undecidable', 'void-rule'], 'the plays have something to get wrong');
		ok(seen.differing >= PLAYS / 3, `judgements differ in ${seen.differing} of ${PLAYS} plays`);
		ok(seen.changed >= 4, `the first judgement was another one in ${seen.changed} plays`);
	});
});

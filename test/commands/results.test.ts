import { equal, is, match } from 'uvu/assert';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import type { Audit } from '../../functions/commands/audit.ts';
import { type RowRange, readEnds } from '../../functions/commands/database.ts';
import { type Format, readRejects, writeResults } from '../../functions/commands/results.ts';
import type { Row } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { rejectRow, verdictRow } from '../schemas/rows.ts';

interface Written {
	readonly text: string;
	readonly counts: Awaited<ReturnType<typeof writeResults>>;
	readonly rejects: Awaited<ReturnType<typeof readRejects>>;
}

/** What is written of a database that had some rows before the run, and got others by it. */
async function results(
	before: readonly Row[],
	run: readonly Row[],
	{ format = 'text' as Format, rejects = [] as Row[], earlier = [] as RowRange[] } = {},
): Promise<Written> {
	const warehouse = await openDuckdb();
	try {
		for (const row of before) await warehouse.write('verdicts_v1', row);
		const from = await readEnds(warehouse);
		await Promise.all(run.map((row) => warehouse.write('verdicts_v1', row)));
		for (const row of rejects) await warehouse.write('rejects_v1', row);
		const audit = { database: { warehouse }, rows: [...earlier, { from }] } as unknown as Audit;
		let text = '';
		const write = async (more: string): Promise<void> => {
			text += more;
		};
		const output = { write, isOpen: () => true, close: async () => {} };
		const counts = await writeResults(audit, { format, output, width: 140, signal: new AbortController().signal });
		return { text, counts, rejects: await readRejects(audit, 2) };
	} finally {
		await warehouse.close();
	}
}

const flagged = (changes: Row): Row => verdictRow({ finding: 'void-rule', flagged: true, certainty: 'certain', ...changes });

describe('results', (it) => {
	it('count each entry of the run once, by its best judgement, and no entry of another run', async () => {
		const other = verdictRow({ entry_id: 'other' });
		const again = flagged({ entry_id: 'again', judged_at: '2026-03-04T06:00:00Z' });
		const undecided = verdictRow({
			entry_id: 'again',
			finding: 'undecidable',
			flagged: false,
			certainty: null,
			judged_at: '2026-03-04T07:00:00Z',
		});
		const { counts } = await results([other, undecided], [again, undecided, flagged({ entry_id: 'b', certainty: 'likely' })]);
		equal([counts.entries, [...counts.findings], counts.flagged], [2, [['void-rule', 2]], { any: 2, likely: 2, certain: 1 }]);
	});

	it('count the entries of the runs that it goes on with, and not what others wrote in between', async () => {
		const before = ['other', 'mine', 'mine too', 'between', 'mine'].map((entry_id) => verdictRow({ entry_id }));
		const earlier = [{ from: { verdicts: 1, rejects: 0 }, to: { verdicts: 3, rejects: 0 } }];
		const { counts, text } = await results(before, [verdictRow({ entry_id: 'new' })], { format: 'csv', earlier });
		is(counts.entries, 3);
		equal(
			['other', 'mine too', 'between', 'new'].map((id) => text.includes(id)),
			[false, true, false, true],
		);
	});

	it('group entries of one fingerprint and disposition, name the group after its first, and stand by time', async () => {
		const at = (second: number): string => `2026-03-04T05:00:0${second}Z`;
		const entry = (entry_id: string, second: number, changes: Row): Row =>
			flagged({ entry_id, timestamp: at(second), subject_namespace: 'shop', subject_workload: entry_id, ...changes });
		const { text } = await results(
			[],
			[
				entry('late', 3, { fingerprint: 'f1', disposition: 'deny' }),
				entry('first', 2, { fingerprint: 'f1', disposition: 'deny' }),
				entry('allowed', 1, { fingerprint: 'f1', disposition: 'allow' }),
				entry('none1', 4, { fingerprint: null, disposition: 'deny' }),
				entry('none2', 5, { fingerprint: null, disposition: 'deny' }),
			],
		);
		const found = ['late', 'first', 'allowed', 'none1', 'none2'].filter((id) => text.includes(`/${id}`));
		equal(found, ['first', 'allowed', 'none1', 'none2']);
		const order = ['allowed', 'first', 'none1', 'none2'].map((id) => text.indexOf(`/${id}`));
		equal(
			order,
			order.toSorted((a, b) => a - b),
		);
		match(text, /│ 2 +│\n[^\n]*shop\/first/);
	});

	it('show the flagged before the others where there are more groups than a reader reads', async () => {
		const rows = Array.from({ length: 150 }, (_, index) => {
			const changes = {
				entry_id: `e${index}`,
				fingerprint: `f${index}`,
				timestamp: `2026-03-04T05:0${Math.floor(index / 60)}:${String(index % 60).padStart(2, '0')}Z`,
			};
			return index >= 140
				? flagged({ ...changes, finding: 'overreach' })
				: verdictRow({ ...changes, finding: 'explained', flagged: false });
		});
		const { text } = await results([], rows);
		is(text.split('! overreach').length, 11);
		match(text, /… and 50 more; --format json has all of them/);
	});

	it('have every row of the run as JSON, by time', async () => {
		const { text } = await results(
			[verdictRow({ entry_id: 'other' })],
			[verdictRow({ entry_id: 'b', timestamp: '2026-03-04T05:00:02Z' }), verdictRow({ entry_id: 'a', timestamp: '2026-03-04T05:00:03Z' })],
			{ format: 'json' },
		);
		equal(
			text
				.trim()
				.split('\n')
				.map((line) => (JSON.parse(line) as Row)['entry_id']),
			['b', 'a'],
		);
	});

	it('list some of the refused messages, and count them all', async () => {
		const rejects = ['c', 'a', 'b', 'a'].map((id) => rejectRow({ message_id: id, reason: 'not-json', detail: `at ${id}` }));
		equal((await results([], [], { rejects })).rejects, { count: 3, listed: ['not-json: at a', 'not-json: at b'] });
	});
});

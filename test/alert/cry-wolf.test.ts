/** From an entry to an alert, with the project's own ingest, collections and judgements: who is told when, and who is never. */
import { equal, is, match } from 'uvu/assert';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import { describe } from '../describe.ts';
import { at, createHistory, denialAt, type History } from '../rejudge/history.ts';
import { createRunner, type Told } from './runner.ts';

interface Stage {
	readonly history: History;
	/** Runs at each of the minutes from the one to the other, both included, a second after it began. What was written by then is there. */
	readonly tick: (from: string, to?: string) => Promise<readonly Told[]>;
}

async function play(use: (stage: Stage) => Promise<void>): Promise<void> {
	const history = createHistory();
	const duckdb = await openDuckdb();
	const { told, runAt } = createRunner(duckdb);
	const written = { verdicts: 0, snapshots: 0 };
	const stream = async (): Promise<void> => {
		for (const table of ['verdicts', 'snapshots'] as const) {
			const rows = history.rows[table].slice(written[table]);
			written[table] += rows.length;
			await Promise.all(rows.map((row) => duckdb.write(`${table}_v1`, row)));
		}
	};
	try {
		await use({
			history,
			async tick(from, to = from) {
				const before = told.length;
				await stream();
				for (let ms = Date.parse(at(`${from}:01`)); ms <= Date.parse(at(`${to}:01`)); ms += 60_000) await runAt(ms);
				return told.slice(before);
			},
		});
	} finally {
		await duckdb.close();
	}
}

describe('from an entry to an alert', (it) => {
	it('a void rule is told of as soon as its cluster was seen after the entry, in an unchanged state', () =>
		play(async ({ history, tick }) => {
			await history.collect('05:00:00', 'void');
			await history.deliver('05:06:33', denialAt('05:06:30', 'broken'));
			equal(await tick('05:07', '05:08'), [], 'a change of policy may still explain it');
			await history.collect('05:08:30', 'void');
			const [alerted, ...more] = await tick('05:09', '05:30');
			equal([alerted?.time, more.length], ['05:09', 0]);
			is(alerted?.alert.problems[0]?.unsettled, false);
			match(alerted?.text ?? '', /void-rule/);
		}));

	it('a change of policy whose snapshot comes late raises no alert, although its denial looked like an outage', () =>
		play(async ({ history, tick }) => {
			await history.collect('05:00:00', 'none');
			await history.collect('05:05:00', 'none');
			// At 05:06 a policy is made that denies it. Nobody has seen it yet.
			const denial = denialAt('05:06:30', 'wanted');
			const first = await history.deliver('05:06:33', denial);
			equal([first['finding'], first['flagged']], ['not-isolated', true], 'by what is known then, nothing explains it');
			equal(await tick('05:07', '05:09'), []);
			await history.collect('05:09:30', 'closed', { changedAt: '05:06:00' });
			equal(await tick('05:10', '05:14'), [], 'the state has changed: it waits to be judged again');
			const again = await history.judgeAgain('05:15:00', denial);
			is(again['finding'], 'explained');
			equal(await tick('05:15', '05:40'), []);
		}));

	it('what is still flagged after the change was judged again is told of', () =>
		play(async ({ history, tick }) => {
			await history.collect('05:05:00', 'none');
			const denial = denialAt('05:06:30', 'broken');
			await history.deliver('05:06:33', denial);
			await history.collect('05:07:30', 'void', { changedAt: '05:06:00' });
			equal(await tick('05:08', '05:12'), []);
			is((await history.judgeAgain('05:12:40', denial))['finding'], 'void-rule');
			const [alerted, ...more] = await tick('05:13', '05:20');
			equal([alerted?.time, more.length], ['05:13', 0]);
			match(alerted?.text ?? '', /void-rule/);
		}));

	it('what nobody sees or judges again is told of after the settle time, and says so', () =>
		play(async ({ history, tick }) => {
			await history.collect('05:00:00', 'void');
			await history.deliver('05:06:33', denialAt('05:06:30', 'broken'));
			equal(await tick('05:07', '05:16'), []);
			const [alerted] = await tick('05:17');
			is(alerted?.alert.problems[0]?.unsettled, true);
			const [, once] = await tick('05:18', '05:19');
			is(once, undefined);
		}));

	it('what was told of too early, and is explained later, is said to be over', () =>
		play(async ({ history, tick }) => {
			await history.collect('05:05:00', 'none');
			const denial = denialAt('05:06:30', 'wanted');
			await history.deliver('05:06:33', denial);
			is((await tick('05:07', '05:17')).length, 1);
			await history.collect('05:20:00', 'closed', { changedAt: '05:06:00' });
			is((await history.judgeAgain('05:25:10', denial))['finding'], 'explained');
			const [over] = await tick('05:26');
			equal(over?.alert.resolution, { kind: 'judged-again' });
		}));
});

import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { equal, is, match, ok } from 'uvu/assert';
import { createGroupCommit, type GroupLimits } from '../../functions/ingest/group-commit.ts';
import type { Appended, EncodedRow, RowResult, RowSink, TableName } from '../../functions/ports.ts';
import { describe } from '../describe.ts';

interface Call {
	readonly table: TableName;
	readonly rows: readonly EncodedRow[];
	readonly untilMs: number;
	readonly answer: (results?: readonly RowResult[]) => void;
	readonly fail: (error: Error) => void;
}

/** The row's name is its text; a name that begins with `!` cannot be encoded. */
const encode: RowSink['encode'] = (_table, row) => {
	const text = String(row['name']);
	return text.startsWith('!') ? { kind: 'refused', detail: text } : { kind: 'encoded', text, bytes: text.length };
};

/** A group commit whose inserts are answered by hand. */
function createManual(limits: Partial<GroupLimits> = {}, clock = { ms: 0 }) {
	const calls: Call[] = [];
	const group = createGroupCommit({
		now: () => clock.ms,
		limits: { lingerMs: 5, ...limits },
		sink: {
			encode,
			insert: (table, rows, untilMs) =>
				new Promise((resolve, reject) => {
					const stored = rows.map((): RowResult => ({ kind: 'stored' }));
					calls.push({ table, rows, untilMs, answer: (results = stored) => resolve(results), fail: reject });
				}),
		},
	});
	const append = (name: string, { table = 'verdicts_v1', untilMs = 1000 }: { table?: TableName; untilMs?: number } = {}) =>
		new Promise<Appended>((settle) => group.append(table, { name }, { insertId: name, untilMs, settle }));
	const groups = () => calls.map(({ rows }) => rows.map(({ text }) => text).join(''));
	return { group, calls, append, groups };
}

/** What became of each, as far as it has ended. */
const kinds = async (appends: readonly Promise<Appended>[]) =>
	(await Promise.all(appends)).map((appended) => (appended.kind === 'failed' ? appended.error.message : appended.kind));

async function until(condition: () => boolean): Promise<void> {
	for (let tries = 0; tries < 500 && !condition(); tries++) await sleep(2);
	ok(condition(), 'what was waited for did not come');
}

describe('group commit', (it) => {
	it('writes rows of one table together once the first has waited, with their ids and the earliest end of patience', async () => {
		const { append, calls, groups } = createManual();
		const appends = [append('a', { untilMs: 900 }), append('b', { untilMs: 700 }), append('r', { table: 'rejects_v1' })];
		await turn();
		is(calls.length, 0);
		await until(() => calls.length === 2);
		equal(groups(), ['ab', 'r']);
		equal([calls[0]?.table, calls[1]?.table, calls[0]?.untilMs], ['verdicts_v1', 'rejects_v1', 700]);
		equal(calls[0]?.rows[1], { kind: 'encoded', text: 'b', bytes: 1 });
		for (const { answer } of calls) answer();
		equal(await kinds(appends), ['stored', 'stored', 'stored']);
	});

	it('does not wait once a group is full, in rows or in bytes', async () => {
		for (const limits of [{ maxRows: 2 }, { maxBytes: 2 }]) {
			const { append, calls, groups } = createManual({ lingerMs: 60_000, ...limits });
			const appends = [append('a'), append('b'), append('c'), append('d')];
			equal(groups(), ['ab', 'cd'], JSON.stringify(limits));
			for (const { answer } of calls) answer();
			equal(await kinds(appends), ['stored', 'stored', 'stored', 'stored']);
		}
	});

	it('never puts more than the bytes of a group in one, except for a row that is larger by itself', async () => {
		const { append, calls, groups } = createManual({ maxBytes: 2 });
		const appends = [append('a'), append('b'), append('x'.repeat(60)), append('c')];
		await until(() => calls.length === 3);
		equal(groups(), ['ab', 'x'.repeat(60), 'c']);
		for (const { answer } of calls) answer();
		equal(new Set(await kinds(appends)), new Set(['stored']));
	});

	it('has at most so many inserts under way, and then writes what has gathered', async () => {
		const { append, calls, group, groups } = createManual({ maxRows: 3, maxInserts: 2, lingerMs: 1 });
		const appends = [...'abc', ...'def', ...'ghij'].map((name) => append(name));
		await sleep(10);
		equal(groups(), ['abc', 'def']);
		equal([group.depth().rows, group.depth().inserts], [4, 2]);
		calls[0]?.answer();
		await until(() => calls.length === 3);
		equal(groups(), ['abc', 'def', 'ghi']);
		calls[1]?.answer();
		await until(() => calls.length === 4);
		equal(groups().at(-1), 'j');
		for (const { answer } of calls) answer();
		equal(new Set(await kinds(appends)), new Set(['stored']));
		equal(group.depth(), { rows: 0, bytes: 0, inserts: 0 });
	});

	it('lets a table with few rows have its turn beside one that is always full', async () => {
		const { append, calls } = createManual({ maxRows: 1, maxInserts: 1, lingerMs: 1 });
		const appends = [...'abcdef'].map((name) => append(name));
		appends.push(append('r', { table: 'rejects_v1' }));
		await sleep(10);
		for (let next = 0; next < 7; next++) {
			await until(() => calls.length > next);
			calls[next]?.answer();
		}
		is(
			calls.findIndex(({ table }) => table === 'rejects_v1'),
			2,
		);
		equal(new Set(await kinds(appends)), new Set(['stored']));
	});

	it('answers each request for its own row', async () => {
		const { append, calls } = createManual();
		const appends = [append('a'), append('b'), append('c'), append('d')];
		await until(() => calls.length === 1);
		calls[0]?.answer([{ kind: 'stored' }, { kind: 'refused', detail: 'bad' }, { kind: 'failed', error: new Error('503') }]);
		const ends = await kinds(appends);
		equal(ends.slice(0, 3), ['stored', 'refused', '503']);
		match(ends[3] ?? '', 'no answer for this row');
	});

	it('sees no answer before the insert has ended', async () => {
		const { append, calls } = createManual({ lingerMs: 1 });
		let answered = 0;
		const appends = [append('a'), append('b')].map(async (appended) => {
			await appended;
			answered++;
		});
		await until(() => calls.length === 1);
		await sleep(30);
		is(answered, 0);
		calls[0]?.answer();
		await Promise.all(appends);
		is(answered, 2);
	});

	it('answers at once what cannot be encoded, and leaves the others alone', async () => {
		const { append, calls } = createManual();
		equal(await append('!bad'), { kind: 'refused', detail: '!bad' });
		const good = append('a');
		await until(() => calls.length === 1);
		calls[0]?.answer();
		equal(await kinds([good]), ['stored']);
	});

	it('tells every row of a group, also after one whose caller throws, and that error is not lost', async () => {
		const { append, calls, group } = createManual();
		const thrown = new Promise((resolve) => process.once('uncaughtException', resolve));
		group.append(
			'verdicts_v1',
			{ name: 'a' },
			{
				insertId: 'a',
				untilMs: 1000,
				settle: () => {
					throw new Error('bug of the caller');
				},
			},
		);
		const other = append('b');
		await until(() => calls.length === 1);
		calls[0]?.answer();
		equal(await kinds([other]), ['stored']);
		match(((await thrown) as Error).message, 'bug of the caller');
	});

	it('gives the error of a sink that breaks its promise to every row', async () => {
		const { append, calls } = createManual();
		const appends = [append('a'), append('b')];
		await until(() => calls.length === 1);
		calls[0]?.fail(new Error('bug'));
		equal(await kinds(appends), ['bug', 'bug']);
	});

	it('turns rows away when too many wait, in rows or in bytes, and takes them again later', async () => {
		for (const limits of [{ queueRows: 2 }, { queueBytes: 2 }]) {
			const { append, calls, group } = createManual({ ...limits, maxInserts: 1, maxRows: 1 });
			const first = append('a');
			const appends = [append('b'), append('c'), append('d')];
			equal((await kinds(appends.slice(2)))[0], 'queue-full', JSON.stringify(limits));
			for (let next = 0; next < 3; next++) {
				await until(() => calls.length > next);
				calls[next]?.answer();
			}
			equal(await kinds([first, ...appends.slice(0, 2)]), ['stored', 'stored', 'stored']);
			const again = append('e');
			await until(() => calls.length === 4);
			calls[3]?.answer();
			equal(await kinds([again]), ['stored']);
			is(group.depth().rows, 0);
		}
	});

	it('does not write a row whose time is over, and writes the others', async () => {
		const clock = { ms: 0 };
		const { append, calls, groups } = createManual({ maxInserts: 1, maxRows: 2 }, clock);
		const first = [append('a'), append('b')];
		const appends = [append('c', { untilMs: 10 }), append('d', { untilMs: 20 })];
		clock.ms = 10;
		calls[0]?.answer();
		await until(() => calls.length === 2);
		equal(groups(), ['ab', 'd']);
		calls[1]?.answer();
		const ends = await kinds([...first, ...appends]);
		match(ends[2] ?? '', 'the time for this row was over');
		equal([ends[0], ends[1], ends[3]], ['stored', 'stored', 'stored']);
	});

	it('answers every row also where time passes while it looks at the clock', async () => {
		let ms = 0;
		const group = createGroupCommit({
			now: () => ms++,
			limits: { lingerMs: 60_000, maxRows: 2 },
			sink: { encode, insert: async (_table, rows) => rows.map(() => ({ kind: 'stored' })) },
		});
		const appends = [1, 1000].map(
			(untilMs) => new Promise<Appended>((settle) => group.append('verdicts_v1', { name: 'a' }, { insertId: 'a', untilMs, settle })),
		);
		equal(await kinds(appends), ['stored', 'stored']);
	});

	it('keeps no timer while nothing waits', async () => {
		const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
		const before = timers();
		const { append, calls } = createManual({ lingerMs: 60_000, maxRows: 2 });
		const appends = [append('a')];
		is(timers(), before + 1);
		appends.push(append('b'));
		is(timers(), before);
		calls[0]?.answer();
		await Promise.all(appends);
		is(timers(), before);
	});
});

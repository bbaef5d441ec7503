import { equal, is } from 'uvu/assert';
import type { Row } from '../../functions/ports.ts';
import { VERSION } from '../../functions/version.ts';
import { describe } from '../describe.ts';
import { entryWith } from '../ingest/sample.ts';
import { at, createHistory, denialAt, type History } from './history.ts';
import { createRejudging, type Rejudging } from './warehouse.ts';

const host = process.env['BIGQUERY_EMULATOR_HOST'];

/** The run to whose window the day of the histories belongs. */
const NEXT_DAY = '2026-03-05T08:00:00Z';

/** One for all tests: the emulator needs a few hundred MB to forget a dataset, and gives none of it back. */
let opened: Promise<Rejudging> | undefined;

/** Plays a history into empty tables. What ingest and collections append comes into them with `stream`. */
async function play(use: (history: History, warehouse: Rejudging, stream: () => Promise<void>) => Promise<void>): Promise<void> {
	opened ??= createRejudging(host ?? '');
	const [history, warehouse] = [createHistory(), await opened];
	const streamed = { verdicts: 0, snapshots: 0 };
	for (const table of ['verdicts_v1', 'snapshots_v1']) await warehouse.query(`DELETE FROM \`${warehouse.dataset}.${table}\` WHERE TRUE`);
	await use(history, warehouse, async () => {
		for (const table of ['verdicts', 'snapshots'] as const) {
			const rows = history.rows[table].slice(streamed[table]);
			streamed[table] += rows.length;
			if (rows.length > 0) await warehouse.insert(`${table}_v1`, rows);
		}
	});
}

/** The entries that were asked for, by their insertId, and what was answered. */
const asked = (calls: readonly { readonly logged: string; readonly reply: string }[]): unknown[] =>
	calls
		.map(({ logged, reply }) => [JSON.parse(logged).insertId, JSON.parse(reply).finding ?? JSON.parse(reply).rejected.reason])
		.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));

/** The finding that the view shows of each entry. */
async function shown({ dataset, query }: Rejudging): Promise<Row> {
	const rows = await query(`SELECT insert_id, finding FROM \`${dataset}.verdicts\` ORDER BY insert_id`);
	is(new Set(rows.map(({ insert_id }) => insert_id)).size, rows.length, 'one row an entry');
	return Object.fromEntries(rows.map(({ insert_id, finding }) => [insert_id, finding]));
}

/** How many entries stand behind each row of the view. */
async function weights({ dataset, query }: Rejudging): Promise<Row> {
	const rows = await query(`SELECT insert_id, weight FROM \`${dataset}.verdicts\``);
	return Object.fromEntries(rows.map(({ insert_id, weight }) => [insert_id, weight]));
}

/** Fractions of seconds without zeros at their end: the emulator has six digits, and a row three. */
const plain = (row: Row): Row =>
	JSON.parse(JSON.stringify(row), (_, value) =>
		typeof value === 'string' && /^\d{4}-.*\.\d+Z$/.test(value) ? value.replace(/\.?0+Z$/, 'Z') : value,
	);

/** The rows that were appended, as they were answered, but for the weight, which is that of the row before. */
async function expectAppended({ dataset, query }: Rejudging, calls: readonly { readonly reply: string }[]): Promise<void> {
	for (const { reply } of calls) {
		const row = JSON.parse(reply) as Row;
		const found = await query(
			`SELECT * FROM \`${dataset}.verdicts_v1\` WHERE entry_id = '${row['entry_id']}' ORDER BY judged_at DESC LIMIT 1`,
		);
		equal(plain({ ...found[0], weight: row['weight'] }), plain(row));
		equal(Object.keys(found[0] ?? {}), Object.keys(row));
	}
}

describe('schemas/rejudge/*.sql', (it) => {
	if (host === undefined) {
		console.log('skipped: test/rejudge/sql.test.ts runs the statements where BIGQUERY_EMULATOR_HOST names a BigQuery emulator');
		return;
	}

	it.after(async () => (await opened)?.remove());

	it('late_snapshots: a state that was too old is seen again, and the row is the one that was answered', () =>
		play(async (history, warehouse, stream) => {
			// Longer ago than what cannot be read is tried for: it helps no entry, and must not end the hour of those that it does not help.
			await history.collect('03:00:00', 'void');
			await history.collect('05:00:00', 'void');
			await history.deliver('05:05:03', denialAt('05:05:00', 'in time'));
			Object.assign(await history.deliver('05:20:03', denialAt('05:20:00.123456789', 'stale')), { weight: 7 });
			const gone = entryWith({ payload: { dest: { pod_name: 'gone', pod_namespace: 'nowhere' } }, connection: { dest_ip: '10.0.0.9' } });
			await history.deliver('05:20:04', JSON.stringify({ ...gone, insertId: 'stale, and of nobody', timestamp: at('05:20:01') }));
			await stream();
			equal(asked(await warehouse.run('late_snapshots', { history, time: '05:21:00' })), [], 'nothing has come yet');
			await history.collect('05:22:00', 'void');
			await stream();
			const calls = await warehouse.run('late_snapshots', { history, time: '05:30:00' });
			equal(asked(calls), [
				['stale', 'void-rule'],
				['stale, and of nobody', 'undecidable'],
			]);
			await expectAppended(warehouse, calls);
			equal(await shown(warehouse), { 'in time': 'void-rule', stale: 'void-rule', 'stale, and of nobody': 'undecidable' });
			equal(await weights(warehouse), { 'in time': 1, stale: 7, 'stale, and of nobody': 1 });
			await history.collect('05:40:00', 'void');
			await stream();
			for (const time of ['05:45:00', '06:00:00']) equal(asked(await warehouse.run('late_snapshots', { history, time })), [], time);
		}));

	it('late_snapshots: a snapshot of that time was being written, or is written again after a week', () =>
		play(async (history, warehouse, stream) => {
			await history.deliver('05:01:03', denialAt('05:01:00', 'early'));
			await history.collect('05:00:00', 'void');
			await stream();
			equal(asked(await warehouse.run('late_snapshots', { history, time: '05:15:00' })), [['early', 'void-rule']]);
			const week = '2026-03-11T06';
			await history.deliver(`${week}:00:03Z`, denialAt(`${week}:00:00Z`, 'week'));
			await history.collect(`${week}:10:00Z`, 'void');
			is(history.rows.snapshots.at(-1)?.['changed'], false);
			await stream();
			equal(asked(await warehouse.run('late_snapshots', { history, time: `${week}:15:00Z` })), [['week', 'void-rule']]);
			equal(asked(await warehouse.run('late_snapshots', { history, time: `${week}:30:00Z` })), []);
			equal(await shown(warehouse), { early: 'void-rule', week: 'void-rule' });
		}));

	it('late_snapshots: what can tell nothing about the entry does not ask for it, ever', () =>
		play(async (history, warehouse, stream) => {
			await history.deliver('04:00:03', denialAt('04:00:00', 'before the first snapshot'));
			await history.collect('05:00:00', 'void');
			await history.deliver('05:20:03', denialAt('05:20:00', 'stale'));
			// Another state, and then the first one again: that is no proof that it was in force all the time.
			await history.collect('05:30:00', 'none');
			await history.collect('05:35:00', 'void');
			for (const minute of ['40', '45', '50', '55']) await history.collect(`05:${minute}:00`, 'void');
			await stream();
			for (const time of ['05:31:00', '05:41:00', '06:00:00', '07:00:00'])
				equal(asked(await warehouse.run('late_snapshots', { history, time })), [], time);
		}));

	it('late_snapshots: reads no entry where no collection is newer than the last judgement', () =>
		play(async (history, warehouse, stream) => {
			const elsewhere = { type: 'k8s_node', labels: { project_id: 'p', location: 'europe-west1', cluster_name: 'staging' } };
			await history.deliver('04:00:03', denialAt('04:00:00', 'of a cluster that nobody collects', { resource: elsewhere }));
			await history.deliver('04:00:04', denialAt('04:00:01', 'before the first snapshot'));
			await history.collect('05:00:00', 'void');
			await history.deliver('05:20:03', denialAt('05:20:00', 'stale'));
			await history.collect('05:30:00', 'void');
			await stream();
			const holds = (time: string): Promise<boolean> => warehouse.holds('late_snapshots', { history, time });
			is(await holds('05:25:00'), false, 'before it is collected again');
			is(await holds('05:31:00'), true);
			equal(asked(await warehouse.run('late_snapshots', { history, time: '05:45:00' })), [['stale', 'void-rule']]);
			for (const time of ['06:00:00', '12:00:00', '2026-03-06T05:00:00Z']) is(await holds(time), false, time);
		}));

	it('late_snapshots: a collection that died before its readers were told does not end it', () =>
		play(async (history, warehouse, stream) => {
			await history.collect('05:00:00', 'void');
			await history.collect('05:16:00', 'void', { rowOnly: true });
			await history.deliver('05:20:03', denialAt('05:20:00', 'stale'));
			await stream();
			equal(asked(await warehouse.run('late_snapshots', { history, time: '05:30:00' })), [['stale', 'undecidable']]);
			equal(asked(await warehouse.run('late_snapshots', { history, time: '05:31:00' })), []);
			await history.collect('05:32:00', 'void');
			await stream();
			equal(asked(await warehouse.run('late_snapshots', { history, time: '05:45:00' })), [['stale', 'void-rule']]);
			equal(asked(await warehouse.run('late_snapshots', { history, time: '06:00:00' })), []);
		}));

	it('late_snapshots: what still cannot be read is given up after an hour of collections', () =>
		play(async (history, warehouse, stream) => {
			await history.collect('05:00:00', 'void');
			history.held.clear();
			await history.deliver('05:01:03', denialAt('05:01:00', 'lost'));
			const [first] = history.rows.snapshots as [Row];
			for (let minute = 5; minute < 180; minute += 5)
				history.rows.snapshots.push({
					...first,
					changed: false,
					collected_at: new Date(Date.parse(at('05:00:00')) + minute * 60_000).toISOString(),
				});
			await stream();
			const counts: number[] = [];
			for (const time of ['05:15:00', '05:30:00', '05:45:00', '06:00:00', '06:15:00', '06:30:00', '07:00:00', '08:00:00'])
				counts.push((await warehouse.run('late_snapshots', { history, time })).length);
			equal(counts, [1, 1, 1, 1, 1, 0, 0, 0]);
			is(await warehouse.holds('late_snapshots', { history, time: '07:00:00' }), false, 'and then it reads no entry');
		}));

	it('changed_snapshots: judges what lies between two states, whatever its finding, and what was judged before the change was known', () =>
		play(async (history, warehouse, stream) => {
			await history.collect('05:00:00', 'void');
			await history.collect('05:05:00', 'void');
			await history.deliver('05:04:33', denialAt('05:04:30', 'a: seen after it'));
			await history.deliver('05:06:03', denialAt('05:06:00', 'b: before the change'));
			await history.deliver('05:07:33', denialAt('05:07:30', 'c: after the change'));
			await history.deliver('05:08:33', denialAt('05:08:30', 'd: after the collection'));
			await history.collect('05:08:00', 'closed', { changedAt: '05:07:00' });
			await history.deliver('05:09:03', denialAt('05:09:00', 'e: by the new state'));
			await stream();
			equal((await shown(warehouse))['c: after the change'], 'void-rule');
			const calls = await warehouse.run('changed_snapshots', { history, time: '05:15:00' });
			equal(asked(calls), [
				['b: before the change', 'void-rule'],
				['c: after the change', 'explained'],
				['d: after the collection', 'explained'],
			]);
			await expectAppended(warehouse, calls);
			equal(await shown(warehouse), {
				'a: seen after it': 'void-rule',
				'b: before the change': 'void-rule',
				'c: after the change': 'explained',
				'd: after the collection': 'explained',
				'e: by the new state': 'explained',
			});
			for (const time of ['05:20:00', '05:25:00']) equal(asked(await warehouse.run('changed_snapshots', { history, time })), [], time);
		}));

	it('changed_snapshots: a run within five minutes of the change counts, and is repeated once', () =>
		play(async (history, warehouse, stream) => {
			await history.collect('05:00:00', 'void');
			await history.deliver('05:06:03', denialAt('05:06:00', 'x'));
			await history.collect('05:08:00', 'none');
			await stream();
			const counts: number[] = [];
			for (const time of ['05:09:00', '05:14:00', '05:19:00', '05:24:00'])
				counts.push((await warehouse.run('changed_snapshots', { history, time })).length);
			equal(counts, [1, 1, 0, 0]);
		}));

	it('changed_snapshots: what a pause over midnight has left is judged within the hour', () =>
		play(async (history, warehouse, stream) => {
			await history.collect('2026-03-03T22:00:00Z', 'void');
			await history.deliver('2026-03-03T22:25:03Z', denialAt('2026-03-03T22:25:00Z', 'before the pause'));
			await history.collect('2026-03-03T22:30:00Z', 'closed', { changedAt: '2026-03-03T22:20:00Z' });
			await stream();
			const found: string[] = [];
			for (const time of ['00:10:00', '00:55:00', '01:00:00', '01:05:00', '02:00:00'])
				for (const [id, finding] of asked(await warehouse.run('changed_snapshots', { history, time })) as [string, string][])
					found.push(`${time} ${id} ${finding}`);
			equal(found, ['01:00:00 before the pause explained']);
		}));

	it('changed_snapshots: a first snapshot and an unchanged one ask for nothing, nor does another cluster’s', () =>
		play(async (history, warehouse, stream) => {
			await history.deliver('04:59:03', denialAt('04:59:00', 'before'));
			await history.collect('05:00:00', 'void');
			await history.deliver('05:01:03', denialAt('05:01:00', 'after'));
			await history.collect('05:05:00', 'void');
			const elsewhere = { type: 'k8s_node', labels: { project_id: 'p', location: 'europe-west1', cluster_name: 'other' } };
			await history.deliver('05:06:03', denialAt('05:06:00', 'elsewhere', { resource: elsewhere }));
			await stream();
			equal(asked(await warehouse.run('changed_snapshots', { history, time: '05:10:00' })), []);
			await history.deliver(
				'05:06:33',
				denialAt('05:06:30', 'of no project', {
					logName: 'folders/1/logs/policy-action',
					resource: { labels: { location: 'europe-west1', cluster_name: 'c' } },
				}),
			);
			await history.collect('05:11:00', 'none');
			await stream();
			equal(asked(await warehouse.run('changed_snapshots', { history, time: '05:20:00' })), [['of no project', 'void-rule']]);
		}));

	it('keeps the weight of the row that it judges again, and appends nothing for what is refused now', () =>
		play(async (history, warehouse, stream) => {
			await history.collect('05:00:00', 'void');
			await history.deliver('05:06:03', denialAt('05:06:00', 'sampled'));
			await history.deliver('05:06:04', denialAt('05:06:01', 'refused'));
			const [sampled, refused] = history.rows.verdicts as [Row, Row];
			// Kept as one in ten of its kind, which are judged as it is.
			Object.assign(sampled, { weight: 10, finding: 'confirmed', flagged: false });
			refused['entry'] = { insertId: 'refused', logName: 'projects/p/logs/policy-action' };
			await history.collect('05:08:00', 'none');
			await stream();
			const calls = await warehouse.run('changed_snapshots', { history, time: '05:15:00' });
			equal(asked(calls), [
				['refused', 'bad-timestamp'],
				['sampled', 'void-rule'],
			]);
			const rows = await warehouse.query(
				`SELECT insert_id, weight, COUNT(*) AS n FROM \`${warehouse.dataset}.verdicts_v1\` GROUP BY insert_id, weight ORDER BY insert_id`,
			);
			equal(rows, [
				{ insert_id: 'refused', weight: 1, n: 1 },
				{ insert_id: 'sampled', weight: 10, n: 2 },
			]);
			// What was confirmed is flagged now, and stands for ten entries still.
			equal(await weights(warehouse), { refused: 1, sampled: 10 });
			is((await shown(warehouse))['sampled'], 'void-rule');
		}));

	it('engine_version: judges the days again by the version given, once, and only if that is the version that answers', () =>
		play(async (history, warehouse, stream) => {
			await history.collect('00:00:00', 'void');
			for (const [time, id] of [
				['2026-03-03T23:59:59.9Z', 'the day before'],
				['00:00:00', 'first'],
				['00:05:00', 'second'],
				['00:10:00', 'new already'],
				['2026-03-05T00:00:00Z', 'the day after'],
			] as const)
				await history.deliver(time, denialAt(time, id));
			for (const row of history.rows.verdicts)
				if (row['insert_id'] !== 'new already') Object.assign(row, { engine_version: '0.0.1', weight: 5 });
			// By the old version it was decided, which stays the best judgement.
			(history.rows.verdicts[2] as Row)['finding'] = 'contradicted';
			await stream();
			history.held.clear();
			const days = { since: '2026-03-04', until: '2026-03-05' };
			const run = (engine_version: string, time: string) =>
				warehouse.run('engine_version', { history, time, placeholders: { ...days, engine_version } });
			equal((await run('9.9.9', '08:00:00')).length, 3, 'a version that nobody has asks for all of them');
			const count = async (): Promise<unknown> =>
				(await warehouse.query(`SELECT COUNT(*) AS n FROM \`${warehouse.dataset}.verdicts_v1\``))[0]?.['n'];
			is(await count(), 5, 'and appends nothing');
			equal(asked(await run(VERSION, '08:15:00')), [
				['first', 'undecidable'],
				['second', 'undecidable'],
			]);
			is(await count(), 7);
			is((await shown(warehouse))['second'], 'contradicted');
			const appended = await warehouse.query(
				`SELECT weight FROM \`${warehouse.dataset}.verdicts_v1\` WHERE engine_version = '${VERSION}' ORDER BY weight`,
			);
			equal(appended, [{ weight: 1 }, { weight: 5 }, { weight: 5 }]);
			equal(asked(await run(VERSION, '08:30:00')), []);
		}));

	for (const [name, table] of [
		['never_streamed_log_analytics', createLogAnalytics],
		['never_streamed_export', createExport],
	] as const)
		it(`${name}: judges what no row is of, once, as it would have been streamed`, () =>
			play(async (history, warehouse, stream) => {
				await history.collect('05:00:00', 'void');
				await history.deliver('05:06:03', denialAt('05:06:00.123456789', 'streamed'));
				const expected = await createHistory().deliver('05:06:03', denialAt('05:06:00.123457', 'missed'));
				await stream();
				const entries = [
					denialAt('05:06:00.123456', 'streamed'),
					denialAt('05:06:00.123457', 'missed'),
					denialAt('05:06:00.123457', 'missed'),
					denialAt('05:06:00.123458', 'other log', { logName: 'projects/p/logs/other' }),
					denialAt('05:06:00.123459', 'refused', { resource: { type: 'k8s_node', labels: { location: 'x' } } }),
					denialAt('2026-03-02T07:59:59.999999Z', 'too old'),
					denialAt('08:00:00', 'may still come'),
				];
				const placeholders = { logs: `${warehouse.dataset}.${name}` };
				await warehouse.query(
					table(
						placeholders.logs,
						entries.map((text) => JSON.parse(text)),
					),
				);
				const calls = await warehouse.run(name, { history, time: NEXT_DAY, placeholders });
				equal(asked(calls), [
					['missed', 'void-rule'],
					['refused', 'no-cluster'],
				]);
				const judged = calls.filter(({ reply }) => !reply.startsWith('{"rejected"'));
				await expectAppended(warehouse, judged);
				const row = JSON.parse(judged[0]?.reply ?? '') as Row;
				for (const column of [
					'entry_id',
					'insert_id',
					'log_name',
					'timestamp',
					'receive_timestamp',
					'project_id',
					'cluster_name',
					'node_name',
					'count',
				])
					equal(row[column], expected[column], column);
				equal(asked(await warehouse.run(name, { history, time: NEXT_DAY, placeholders })), [['refused', 'no-cluster']]);
				equal(await shown(warehouse), { missed: 'void-rule', streamed: 'void-rule' });
			}));

	for (const [name, table] of [
		['never_streamed_log_analytics', createLogAnalytics],
		['never_streamed_export', createExport],
	] as const)
		it(`${name}: an entry that is streamed later is the same one, unless its nanoseconds were cut`, () =>
			play(async (history, warehouse, stream) => {
				await history.collect('05:00:00', 'void');
				const kept = ['', '.12', '.001', '.1', '.123456', '.12045', '.000001', '.1001'];
				const cut = ['.123456789', '.120000001'];
				const logs = `${warehouse.dataset}.${name}_times`;
				const inTable = [...kept, ...cut].map((digits) => denialAt(`05:06:00${digits.slice(0, 7)}`, `at ${digits}`));
				await warehouse.query(
					table(
						logs,
						inTable.map((text) => JSON.parse(text)),
					),
				);
				await stream();
				const calls = await warehouse.run(name, { history, time: NEXT_DAY, placeholders: { logs } });
				is(calls.length, inTable.length);
				for (const digits of [...kept, ...cut]) {
					const streamed = await history.deliver('2026-03-05T08:10:00Z', denialAt(`05:06:00${digits}`, `at ${digits}`));
					const { reply } = calls.find(({ logged }) => JSON.parse(logged).insertId === `at ${digits}`) ?? { reply: '{}' };
					is(JSON.parse(reply).entry_id === streamed['entry_id'], kept.includes(digits), `digits ${digits}`);
				}
				await stream();
				const counts = await warehouse.query(
					`SELECT insert_id, COUNT(*) AS n FROM \`${warehouse.dataset}.verdicts\` GROUP BY insert_id ORDER BY insert_id`,
				);
				const twice = counts.filter(({ n }) => n !== 1).map(({ insert_id }) => insert_id);
				equal(twice, cut.map((digits) => `at ${digits}`).sort(), 'what was cut counts twice');
			}));
});

interface LogEntry {
	readonly insertId: string;
	readonly logName: string;
	readonly timestamp: string;
	readonly receiveTimestamp: string;
	readonly resource: { readonly type: string; readonly labels: Readonly<Record<string, string>> };
	readonly jsonPayload: Readonly<Record<string, unknown>>;
}

const text = (value: unknown): string => (value === undefined ? 'CAST(NULL AS STRING)' : `'${String(value)}'`);

/** A table like the view `_AllLogs`: names in snake case, payload and labels JSON. */
function createLogAnalytics(table: string, entries: readonly LogEntry[]): string {
	const rows = entries.map(
		(
			entry,
		) => `SELECT ${text(entry.insertId)} AS insert_id, ${text(entry.logName)} AS log_name, TIMESTAMP '${entry.timestamp}' AS timestamp,
			TIMESTAMP '${entry.receiveTimestamp}' AS receive_timestamp, STRUCT(${text(entry.resource.type)} AS type,
			PARSE_JSON('${JSON.stringify(entry.resource.labels)}') AS labels) AS resource,
			PARSE_JSON('${JSON.stringify(entry.jsonPayload)}') AS json_payload`,
	);
	return `CREATE TABLE \`${table}\` AS ${rows.join(' UNION ALL ')}`;
}

/** A table as a log sink makes one: LogEntry's names, records all the way down, numbers FLOAT64. */
function createExport(table: string, entries: readonly LogEntry[]): string {
	const record = (value: unknown, name?: string): string => {
		const sql =
			typeof value === 'object' && value !== null
				? `STRUCT(${Object.entries(value)
						.map(([key, each]) => record(each, key))
						.join(', ')})`
				: typeof value === 'number'
					? `CAST(${value} AS FLOAT64)`
					: text(value);
		return name === undefined ? sql : `${sql} AS ${name}`;
	};
	const labels = ({ resource }: LogEntry): object => ({
		project_id: undefined,
		location: undefined,
		cluster_name: undefined,
		node_name: undefined,
		...resource.labels,
	});
	const rows = entries.map(
		(entry) => `SELECT ${text(entry.insertId)} AS insertId, ${text(entry.logName)} AS logName, TIMESTAMP '${entry.timestamp}' AS timestamp,
			TIMESTAMP '${entry.receiveTimestamp}' AS receiveTimestamp,
			${record({ type: entry.resource.type, labels: labels(entry) }, 'resource')}, ${record(entry.jsonPayload, 'jsonPayload')}`,
	);
	return `CREATE TABLE \`${table}\` AS ${rows.join(' UNION ALL ')}`;
}

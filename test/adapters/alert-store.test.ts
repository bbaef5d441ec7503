import { equal, is, ok } from 'uvu/assert';
import { ALERT_COLUMNS } from '../../functions/adapters/alert-store/events.ts';
import { createAlertStore } from '../../functions/adapters/alert-store.ts';
import { readSchemas } from '../../functions/adapters/schemas.ts';
import type { AlertRow, AlertStore, Row, SqlEngine } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { enginesFor, shareWarehouse } from './alert-store/engines.ts';
import { HOSTILE } from './alert-store/hostile.ts';
import { refusal } from './refusal.ts';

const at = (time: string): string => `2026-03-02T${time}Z`;
const NOW = at('10:00:00');
/** Five minutes before. */
const EXPIRED = at('09:55:00');

/** A claim of now, with all that an alert may say. */
const alertRow = (tweaks: Partial<AlertRow> = {}): AlertRow => ({
	alert_id: 'run-1-0',
	fingerprint: 'f',
	state: 'firing',
	claimed_by: 'run-1',
	claimed_at: NOW,
	posted_at: null,
	first_seen: at('09:40:00'),
	last_seen: at('09:58:00.123456'),
	entries: 7,
	project_id: 'p',
	location: 'europe-west1',
	cluster_name: 'prod',
	finding: 'void-rule',
	construct: 'ipblock-pod',
	subject_namespace: 'shop',
	subject_workload: 'db',
	peer_namespace: null,
	peer_workload: null,
	summary: 'A sentence.',
	unsettled: true,
	slack_channel: null,
	slack_ts: null,
	error: null,
	group_id: 'g',
	message_id: 'run-1-message-0',
	thread_ts: null,
	severity: 'high',
	direction: 'ingress',
	policy_namespace: 'shop',
	policy_name: 'db',
	clause: 'ipBlock 10.0.0.0/8',
	packets: 21,
	sources: 2,
	fixed_at: null,
	...tweaks,
});

interface Bench {
	readonly store: AlertStore;
	/** All rows, in their order. */
	readonly all: () => Promise<readonly Row[]>;
	readonly insert: (rows: readonly Row[]) => Promise<void>;
}

const ALL = 'SELECT * FROM `${dataset}.alerts_v1` ORDER BY claimed_at, alert_id, fingerprint';
const WINDOW = { since: at('00:00:00'), recent: at('09:59:00') };
const idsOf = (events: readonly { readonly alertId: string }[]): string[] => events.map(({ alertId }) => alertId);

describe('a claim', (it) => {
	it('has the columns of the table, in their order', async () => {
		const fields = (await readSchemas()).tables.get('alerts_v1') ?? [];
		equal(
			Object.entries(ALERT_COLUMNS),
			fields.map(({ name, type }) => [name, type]),
		);
	});

	it('asks nothing where there is nothing to ask', async () => {
		const asked: string[] = [];
		const store = createAlertStore({
			query: async (sql) => {
				asked.push(sql);
				return [];
			},
		});
		await store.claim([], EXPIRED);
		await store.withdraw([], 'run-1');
		equal([await store.readRivals([], { run: 'r', since: NOW }), [...(await store.readDetails([], NOW))], asked], [[], [], []]);
	});

	it('goes in statements of a size that a request can have', async () => {
		const sizes: number[] = [];
		const engine: SqlEngine = {
			async query(sql, parameters = {}) {
				if (sql.startsWith('INSERT')) sizes.push(JSON.parse(parameters['rows'] ?? '').length);
				ok(JSON.stringify(parameters).length < 4_000_000);
				return [];
			},
		};
		const rows = Array.from({ length: 30 }, (_, index) => alertRow({ fingerprint: `${index}`, summary: 'ü'.repeat(300_000) }));
		await createAlertStore(engine).claim([...rows, alertRow({ summary: 'x'.repeat(2_000_000) }), alertRow()], EXPIRED);
		equal(sizes, [...Array(10).fill(3), 1, 1]);
	});

	it('rejects with what could not be done, and in whose words', async () => {
		const broken = (begin: string): AlertStore =>
			createAlertStore({
				async query(sql) {
					if (sql.startsWith(begin)) throw new Error('Access Denied');
					return [];
				},
			});
		is(await refusal(broken('DELETE').claim([alertRow()], EXPIRED)), 'cannot remove what is left of failed alerts: Access Denied');
		is(await refusal(broken('INSERT').claim([alertRow()], EXPIRED)), 'cannot claim alerts: Access Denied');
		is(await refusal(broken('DELETE').withdraw(['g'], 'r')), 'cannot withdraw claims: Access Denied');
		is(await refusal(broken('UPDATE').settle('m', { at: NOW })), 'cannot note that a message was posted: Access Denied');
		is(await refusal(broken('UPDATE').release('m', 'e')), 'cannot note that a message was not posted: Access Denied');
		is(await refusal(broken('SELECT').readMemory(WINDOW)), 'cannot read the alerts of before: Access Denied');
		is(await refusal(broken('SELECT').readRivals(['g'], { run: 'r', since: NOW })), 'cannot read what other runs claimed: Access Denied');
		is(await refusal(broken('SELECT').readSilences(NOW)), 'cannot read the silences: Access Denied');
	});
});

for (const kind of enginesFor('test/adapters/alert-store.test.ts')) {
	describe(`what the alert store remembers, on ${kind.name}`, (it) => {
		const withWarehouse = shareWarehouse(it, { ...kind, tables: ['alerts_v1', 'silences_v1'] });
		const withStore = (use: (bench: Bench) => Promise<void>): Promise<void> =>
			withWarehouse(({ engine, insert }) =>
				use({
					store: createAlertStore(engine, { now: () => new Date(NOW) }),
					all: () => engine.query(ALL),
					insert: (rows) => insert('alerts_v1', rows),
				}),
			);

		it('is a claim as it was made', () =>
			withStore(async ({ store, all }) => {
				const bare = alertRow({
					fingerprint: 'g',
					packets: null,
					construct: null,
					project_id: null,
					unsettled: false,
					clause: '',
					entries: 0,
				});
				await store.claim([alertRow({ fixed_at: at('09:00:00') }), bare], EXPIRED);
				equal(await all(), [alertRow({ fixed_at: at('09:00:00') }), bare]);
				const [memory, other] = await store.readMemory(WINDOW);
				equal(memory, {
					alertId: 'run-1-0',
					groupId: 'g',
					messageId: 'run-1-message-0',
					fingerprint: 'f',
					state: 'firing',
					claimedAt: NOW,
					postedAt: null,
					error: null,
					firstSeen: at('09:40:00'),
					lastSeen: at('09:58:00.123456'),
					entries: 7,
					packets: 21,
					sources: 2,
					cluster: { project: 'p', location: 'europe-west1', name: 'prod' },
					finding: 'void-rule',
					construct: 'ipblock-pod',
					direction: 'ingress',
					policyNamespace: 'shop',
					policyName: 'db',
					clause: 'ipBlock 10.0.0.0/8',
					threadTs: null,
					fixedAt: at('09:00:00'),
				});
				equal(
					[other?.cluster, other?.packets, other?.construct, other?.clause],
					[{ location: 'europe-west1', name: 'prod' }, null, null, ''],
				);
			}));

		it('is changed by statements that answer with no rows', () =>
			withWarehouse(async ({ engine, insert }) => {
				await insert('alerts_v1', [alertRow()]);
				equal(await engine.query("UPDATE `${dataset}.alerts_v1` SET error = 'x' WHERE group_id = @group", { group: 'g' }), []);
				equal(
					(await engine.query(ALL)).map(({ error }) => error),
					['x'],
				);
				equal(await engine.query("DELETE FROM `${dataset}.alerts_v1` WHERE error = 'x'"), []);
				equal(await engine.query(ALL), []);
			}));

		it('is 2,500 rows of one claim', () =>
			withStore(async ({ store, all }) => {
				const rows = Array.from({ length: 2500 }, (_, index) =>
					alertRow({ fingerprint: `f${`${index}`.padStart(4, '0')}`, group_id: `g${index % 1100}`, entries: index }),
				);
				await store.claim(rows, EXPIRED);
				equal(
					(await all()).map(({ fingerprint, entries }) => [fingerprint, entries]),
					rows.map(({ fingerprint, entries }) => [fingerprint, entries]),
				);
				const groups = [...new Set(rows.map(({ group_id }) => group_id))];
				is((await store.readRivals(groups, { run: 'run-2', since: NOW })).length, 2500);
				await store.withdraw(groups, 'run-1');
				equal(await all(), []);
			}));

		it('is whatever characters a name has', () =>
			withStore(async ({ store, all }) => {
				const rows = HOSTILE.map((text, index) =>
					alertRow({
						alert_id: `${index}`.padStart(3, '0'),
						fingerprint: text,
						group_id: text,
						message_id: text,
						claimed_by: text,
						summary: text,
						policy_name: text,
						clause: text,
					}),
				);
				await store.claim(rows, EXPIRED);
				equal(await all(), rows);
				const rivals = await store.readRivals(HOSTILE, { run: 'nobody', since: NOW });
				equal(
					rivals.map(({ groupId, policyName }) => [groupId, policyName]),
					HOSTILE.map((text) => [text, text]),
				);
				// As parameters of their own, all at once.
				const text = HOSTILE.join('');
				await store.claim([alertRow({ group_id: text, message_id: text, claimed_by: text })], EXPIRED);
				is((await store.readRivals([text], { run: text, since: NOW })).length, 0);
				await store.release(text, text);
				const own = (await store.readRivals([text], { run: 'nobody', since: NOW }))[0];
				equal([own?.messageId, own?.error], [text, text]);
				await store.settle(text, { at: at('10:00:01'), channel: text, ts: text, error: text });
				const settled = (await all()).find(({ message_id }) => message_id === text);
				equal(
					['slack_channel', 'slack_ts', 'thread_ts', 'error'].map((name) => settled?.[name]),
					[text, text, text, text],
				);
				await store.withdraw([text], text);
				is((await all()).length, HOSTILE.length + 1, 'none was taken for SQL');
			}));

		it('is text where half of a character was sent', () =>
			withStore(async ({ store, all }) => {
				await store.claim([alertRow({ summary: `a\ud83d` })], EXPIRED);
				await store.release('run-1-message-0', `b\ud83d`);
				equal(
					(await all()).map(({ summary, error }) => [summary, error]),
					[['a\ufffd', 'b\ufffd']],
				);
			}));

		it('is where a message stands, and the thread of those that name none', () =>
			withStore(async ({ store, all }) => {
				await store.claim(
					[
						alertRow(),
						alertRow({ alert_id: 'run-1-1', group_id: 'h', thread_ts: '1.0' }),
						alertRow({ alert_id: 'run-1-2', group_id: 'i', message_id: 'run-1-message-1' }),
					],
					EXPIRED,
				);
				await store.settle('run-1-message-0', { at: at('10:00:01.5'), channel: 'C1', ts: '2.0' });
				const said = async (): Promise<unknown[][]> =>
					(await all()).map((row) => ['posted_at', 'slack_channel', 'slack_ts', 'thread_ts', 'error'].map((name) => row[name]));
				equal(await said(), [
					[at('10:00:01.500000'), 'C1', '2.0', '2.0', null],
					[at('10:00:01.500000'), 'C1', '2.0', '1.0', null],
					[null, null, null, null, null],
				]);
				// A webhook does not say where.
				await store.settle('run-1-message-1', { at: at('10:00:02') });
				equal((await said())[2], [at('10:00:02'), null, null, null, null]);
				await store.settle('run-1-message-1', { at: at('10:00:03'), error: 'invalid_blocks' });
				equal((await said())[2], [at('10:00:03'), null, null, null, 'invalid_blocks']);
				equal(
					(await store.readMemory(WINDOW)).map(({ threadTs, error }) => [threadTs, error]),
					[
						['2.0', null],
						['1.0', null],
						[null, 'invalid_blocks'],
					],
				);
			}));

		it('is why a message was not posted, until its groups are claimed anew', () =>
			withStore(async ({ store, all }) => {
				const other = alertRow({ alert_id: 'run-1-1', group_id: 'h', message_id: 'run-1-message-1' });
				await store.claim([alertRow(), other], EXPIRED);
				await store.release('run-1-message-0', 'ratelimited');
				equal(await all(), [alertRow({ error: 'ratelimited' }), other]);
				const again = alertRow({ alert_id: 'run-2-0', claimed_by: 'run-2', claimed_at: at('10:01:00'), message_id: 'run-2-message-0' });
				await store.claim([again], at('09:56:00'));
				equal(await all(), [other, again], 'what failed makes room, what is fresh does not');
				await store.settle('run-2-message-0', { at: at('10:01:01') });
				await store.release('run-2-message-0', 'too late');
				is((await all())[1]?.['error'], null, 'what was posted does not fail');
			}));

		it('is no claim that is neither posted nor failed, once it is too old', () =>
			withStore(async ({ store, all, insert }) => {
				const dead = alertRow({ claimed_at: at('09:54:59.999999') });
				const fresh = alertRow({ alert_id: 'fresh', claimed_at: EXPIRED });
				const posted = alertRow({ alert_id: 'posted', claimed_at: at('08:00:00'), posted_at: at('08:00:01') });
				const givenUp = alertRow({ alert_id: 'given-up', claimed_at: at('08:00:00'), posted_at: at('08:00:01'), error: 'invalid_blocks' });
				const elsewhere = alertRow({ alert_id: 'elsewhere', group_id: 'h', claimed_at: at('09:00:00') });
				const ancient = alertRow({ alert_id: 'ancient', claimed_at: '2026-02-22T10:00:00Z' });
				await insert([dead, fresh, posted, givenUp, elsewhere, ancient]);
				await store.claim([alertRow({ alert_id: 'new' })], EXPIRED);
				equal(
					(await all()).map(({ alert_id }) => alert_id),
					// What is older than a week is nobody's business, and not read.
					['ancient', 'given-up', 'posted', 'elsewhere', 'fresh', 'new'],
				);
			}));

		it('is who else claims a group', () =>
			withStore(async ({ store, all, insert }) => {
				const own = alertRow();
				const rival = alertRow({ alert_id: 'run-2-0', claimed_by: 'run-2' });
				const told = alertRow({ alert_id: 'run-3-0', claimed_by: 'run-3', claimed_at: EXPIRED, posted_at: at('09:55:01') });
				const before = alertRow({ alert_id: 'run-4-0', claimed_by: 'run-4', claimed_at: at('09:54:59') });
				const elsewhere = alertRow({ alert_id: 'run-2-1', claimed_by: 'run-2', group_id: 'h' });
				await insert([own, rival, told, before, elsewhere]);
				equal(idsOf(await store.readRivals(['g'], { run: 'run-1', since: EXPIRED })), ['run-3-0', 'run-2-0']);
				equal(idsOf(await store.readRivals(['g', 'h', 'i'], { run: 'run-2', since: EXPIRED })), ['run-3-0', 'run-1-0']);
				await store.withdraw(['g'], 'run-2');
				equal(idsOf(await store.readMemory({ ...WINDOW, recent: at('00:00:00') })), ['run-4-0', 'run-3-0', 'run-1-0', 'run-2-1']);
				await store.withdraw(['g'], 'run-3');
				is((await all()).length, 4, 'what was posted cannot be taken back');
				await store.withdraw(['g', 'h'], 'run-2');
				equal(
					(await all()).map(({ alert_id }) => alert_id),
					['run-4-0', 'run-3-0', 'run-1-0'],
				);
			}));

		it('is what was told since a group was over, and that it was', () =>
			withWarehouse(async ({ engine, insert }) => {
				/** Told a second after it was claimed. */
				const event = (id: string, time: string, tweaks: Partial<AlertRow> = {}): AlertRow =>
					alertRow({ alert_id: id, message_id: id, claimed_at: at(`${time}:00`), posted_at: at(`${time}:01`), ...tweaks });
				const rows = [
					event('1 before the window', '00:00', { claimed_at: '2026-03-01T23:59:59Z' }),
					event('2 firing', '01:00'),
					event('2 firing', '01:00', { fingerprint: 'second' }),
					event('3 resolved', '02:00', { state: 'resolved', fixed_at: at('01:30:00') }),
					event('4 firing again', '03:00'),
					event('5 resolved again', '04:00', { state: 'resolved' }),
					event('5 resolved again', '04:00', { state: 'resolved', fingerprint: 'second' }),
					event('6 and again', '05:00'),
					event('7 resolved, and never told', '06:00', { state: 'resolved', posted_at: null }),
					event('8 of a group that is not over', '01:00', { group_id: 'h' }),
					event('8 of a group that is not over', '01:00', { group_id: 'h' }),
					event('9 update', '02:00', { group_id: 'h', state: 'update', fingerprint: 'second' }),
					// Told once more since: the last is what counts.
					event('8 and before', '00:30', { group_id: 'h' }),
					event('a long over', '01:00', { group_id: 'i' }),
					event('b resolved', '02:00', { group_id: 'i', state: 'resolved' }),
					event('c just said', '09:59', { group_id: 'j' }),
					event('d and over', '09:59', { group_id: 'j', state: 'resolved', claimed_at: at('09:59:30'), posted_at: at('09:59:31') }),
					event('e failed', '09:59', { group_id: 'j', posted_at: null, error: 'ratelimited' }),
					event('f under no group', '09:59', { group_id: null as never }),
				];
				await insert('alerts_v1', rows);
				const memory = await createAlertStore(engine).readMemory(WINDOW);
				equal([...new Set(idsOf(memory))].sort(), [
					'5 resolved again',
					'6 and again',
					'7 resolved, and never told',
					'8 of a group that is not over',
					'9 update',
					'b resolved',
					'c just said',
					'd and over',
					'e failed',
				]);
				equal(
					memory.filter(({ alertId }) => alertId === '5 resolved again').map(({ fingerprint }) => fingerprint),
					['f', 'second'],
				);
				const times = memory.map(({ claimedAt }) => claimedAt);
				equal(times, times.toSorted(), 'in their order');
			}));

		it('is which silences hold', () =>
			withWarehouse(async ({ engine, insert }) => {
				const silence = (id: string, tweaks: Row = {}): Row => ({
					silence_id: id,
					starts_at: at('09:00:00'),
					ends_at: at('11:00:00'),
					created_by: 'ana@shop.example',
					created_at: at('08:59:00'),
					comment: 'it is known',
					...tweaks,
				});
				await insert('silences_v1', [
					silence('1', {
						fingerprint: 'f',
						project_id: 'p',
						location: 'l',
						cluster_name: 'prod',
						subject_namespace: 'shop',
						subject_workload: 'db',
					}),
					silence('2 from now on', { starts_at: NOW, construct: 'end-port', policy_namespace: 'shop', policy_name: `it's` }),
					silence('3 not yet', { starts_at: at('10:00:00.000001') }),
					silence('4 no longer', { ends_at: NOW }),
					silence('5 to the last', { ends_at: at('10:00:00.000001') }),
					silence('6 ended', { ended_at: NOW }),
					silence('7 to be ended', { ended_at: at('10:00:00.000001') }),
				]);
				const silences = await createAlertStore(engine).readSilences(NOW);
				equal(
					silences.map(({ id }) => id),
					['1', '2 from now on', '5 to the last', '7 to be ended'],
				);
				const none = {
					fingerprint: null,
					projectId: null,
					location: null,
					clusterName: null,
					subjectNamespace: null,
					subjectWorkload: null,
				};
				equal(silences.slice(0, 2), [
					{
						id: '1',
						fingerprint: 'f',
						projectId: 'p',
						location: 'l',
						clusterName: 'prod',
						subjectNamespace: 'shop',
						subjectWorkload: 'db',
						construct: null,
						policyNamespace: null,
						policyName: null,
					},
					{ id: '2 from now on', ...none, construct: 'end-port', policyNamespace: 'shop', policyName: `it's` },
				]);
			}));
	});
}

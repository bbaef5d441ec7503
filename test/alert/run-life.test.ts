/** What runs say one after the other, as an alert goes on. */
import { equal, is, match } from 'uvu/assert';
import type { AlertChannel } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { policyFindingRow, snapshotRow } from '../schemas/rows.ts';
import { at, NOON_MS, PROD } from './sample.ts';
import { broken, stage } from './stage.ts';

const HOUR_MS = 3_600_000;

describe('runs one after the other', (it) => {
	it('says what follows in the thread of what began it', () =>
		stage(1, async ({ run, sent, clock, duckdb }) => {
			await run();
			await duckdb.write('verdicts_v1', broken(0, 0.5, 'shop/Deployment/web'));
			await duckdb.write('snapshots_v1', snapshotRow({ project_id: PROD.project, collected_at: at(1) }));
			clock.ms = NOON_MS + 6 * 60_000;
			await run();
			clock.ms = NOON_MS + 5 * 3_600_000;
			await run();
			equal(
				sent.map(({ thread }) => thread),
				[undefined, '1.0', '1.0'],
			);
			match(JSON.stringify(sent[2]?.body), /quiet|no entry/i);
		}));

	it('says of what goes on or is over what all its days come to', () =>
		stage(1, async ({ run, events, clock, duckdb }) => {
			await run();
			// Three more days of it, of which a run sees the last four hours.
			for (let hour = 1; hour <= 72; hour++) await duckdb.write('verdicts_v1', broken(0, hour * 60));
			await duckdb.write('snapshots_v1', snapshotRow({ project_id: PROD.project, collected_at: at(72 * 60) }));
			const told = (): unknown[] => {
				const event = events.at(-1);
				if (event?.kind !== 'posted' || event.notice.kind !== 'alert') return [];
				const { state, firstSeen, lastSeen, problems, resolution } = event.notice.alert;
				const [{ entries, packets } = { entries: 0, packets: 0 }] = problems;
				return [state, Date.parse(firstSeen), Date.parse(lastSeen), entries, packets, resolution?.kind];
			};
			clock.ms = NOON_MS + 72 * 3_600_000 + 60_000;
			await run();
			const [first, last] = [NOON_MS - 60_000, NOON_MS + 72 * 3_600_000];
			equal(told(), ['repeat', first, last, 73, 292, undefined]);
			clock.ms = last + 4 * 3_600_000 + 60_000;
			await run();
			equal(told(), ['resolved', first, last, 73, 292, 'quiet']);
			equal((await run()).alerts, 0);
		}));

	it('say that it is over in the thread, that it goes on in the channel, and begin anew afterwards', () =>
		stage(1, async ({ run, sent, rows, clock, duckdb }) => {
			const again = async (minute: number, peer?: string): Promise<void> => {
				await duckdb.write('verdicts_v1', broken(0, minute, peer));
				await duckdb.write('snapshots_v1', snapshotRow({ project_id: PROD.project, collected_at: at(minute + 0.5) }));
				clock.ms = NOON_MS + (minute + 1) * 60_000;
				await run();
			};
			await run();
			await again(10, 'shop/Deployment/web');
			for (let minute = 180; minute <= 1440; minute += 180) await again(minute);
			await again(1450, 'shop/Deployment/other');
			clock.ms = NOON_MS + 31 * HOUR_MS;
			await run();
			await again(40 * 60);
			equal(
				sent.map(({ thread }) => thread),
				[undefined, '1.0', undefined, '3.0', '3.0', undefined],
			);
			const states = (await rows()).map(({ state, thread_ts }) => `${state} ${thread_ts}`);
			equal([...new Set(states)], ['firing 1.0', 'update 1.0', 'repeat 3.0', 'update 3.0', 'resolved 3.0', 'firing 6.0']);
		}));

	it('post in no thread where the channel has none, although they remember one', () =>
		stage(1, async ({ run, sent, clock }) => {
			await run();
			clock.ms = NOON_MS + 5 * HOUR_MS;
			const threads: unknown[] = [];
			const channel: AlertChannel = {
				threads: false,
				async post(_, options) {
					threads.push(options.thread);
					return { kind: 'posted' };
				},
			};
			await run({ channel });
			equal([sent.length, threads], [1, [undefined]]);
		}));

	it('put what one message opened, and ends together, under it', () =>
		stage(6, async ({ run, sent, clock }) => {
			await run();
			clock.ms = NOON_MS + 5 * HOUR_MS;
			await run();
			equal(
				sent.map(({ thread }) => thread),
				[undefined, '1.0'],
			);
		}));

	it('remember for as long as a repeat may take', () =>
		stage(1, async ({ run, sent, clock, duckdb }) => {
			const timing = { groupWaitMs: 0, groupIntervalMs: 300_000, repeatMs: 168 * HOUR_MS, quietMs: 24 * HOUR_MS };
			await run({ timing });
			for (let day = 1; day <= 7; day++) {
				await duckdb.write('verdicts_v1', broken(0, day * 24 * 60 - 5));
				await duckdb.write('snapshots_v1', snapshotRow({ project_id: PROD.project, collected_at: at(day * 24 * 60 - 4) }));
				clock.ms = NOON_MS + (day * 24 * 60 - 3) * 60_000;
				is((await run({ timing })).messages, 0, `day ${day}`);
			}
			clock.ms = NOON_MS + 168 * HOUR_MS;
			is((await run({ timing })).messages, 1);
			match(JSON.stringify(sent.at(-1)?.body), /Still firing since 2026-03-04 11:59 UTC/);
		}));

	it('do not call it quiet where it has entries that wait to be settled', () =>
		stage(1, async ({ run, sent, clock, duckdb }) => {
			await run();
			// Nobody has seen the cluster since this one.
			await duckdb.write('verdicts_v1', broken(0, 238));
			clock.ms = NOON_MS + 240 * 60_000;
			await run();
			equal(sent.length, 1);
			clock.ms = NOON_MS + 249 * 60_000;
			await run();
			equal(sent.length, 1, 'it is told of, and not said to be new');
		}));

	it('tell of what fell quiet while it could not be told of', () =>
		stage(1, async ({ run, sent, clock }) => {
			const down: AlertChannel = { threads: true, post: async () => ({ kind: 'broken', detail: '404 no_service' }) };
			for (let minute = 0; minute <= 300; minute += 60) {
				clock.ms = NOON_MS + minute * 60_000;
				equal((await run({ channel: down })).left, 1, `after ${minute} minutes`);
			}
			is((await run()).messages, 1);
			match(JSON.stringify(sent[0]?.body), /policy-0/);
			clock.ms += 60_000;
			is((await run()).messages, 1, 'and that it is over');
			clock.ms += 60_000;
			is((await run()).alerts, 0);
		}));

	it('tells nothing of what is silenced, until the silence is over', () =>
		stage(1, async ({ run, duckdb, clock }) => {
			await duckdb.query(
				"INSERT INTO `${dataset}.silences_v1` (silence_id, policy_name, starts_at, ends_at, created_by, created_at, comment) VALUES ('s', 'policy-0', TIMESTAMP(@begins), TIMESTAMP(@ends), 'ana', TIMESTAMP(@begins), 'known')",
				{ begins: at(-10), ends: at(10) },
			);
			equal(await run(), { problems: 1, alerts: 0, held: 0, messages: 0, givenUp: 0, yielded: 0, left: 0, whole: true });
			clock.ms = NOON_MS + 10 * 60_000;
			is((await run()).messages, 1);
		}));

	it('knows from the linter that a rule was mended', () =>
		stage(1, async ({ run, sent, duckdb, clock }) => {
			const where = { project_id: PROD.project, location: PROD.location, cluster_name: PROD.name };
			const finding = {
				...where,
				policy_namespace: 'shop',
				policy_name: 'policy-0',
				direction: 'ingress',
				rule: 0,
				clause: 'ipBlock 10.8.0.0/14',
			};
			await duckdb.write(
				'snapshots_v1',
				snapshotRow({ ...where, snapshot_id: 'a', valid_from: at(-60), collected_at: at(-60), changed: true, policy_findings: 1 }),
			);
			await duckdb.write('policy_findings_v1', policyFindingRow({ ...finding, snapshot_id: 'a', linted_at: at(-60) }));
			is((await run()).messages, 1);
			clock.ms = NOON_MS + 5 * 60_000;
			is((await run()).messages, 0, 'the rule is as it was');
			clock.ms = NOON_MS + 8 * 60_000;
			await duckdb.write(
				'snapshots_v1',
				snapshotRow({
					...where,
					snapshot_id: 'b',
					valid_from: at(3),
					collected_at: at(4),
					changed: true,
					previous_seen_until: at(2),
					policy_findings: 0,
				}),
			);
			is((await run()).messages, 0, 'it is asked every five minutes');
			clock.ms = NOON_MS + 10 * 60_000;
			is((await run()).messages, 1);
			match(JSON.stringify(sent.at(-1)?.body), /fixed by a change to `?shop\/policy-0`? at 2026-03-04 12:03/i);
		}));

	it('know it of a policy as a whole too, which has no direction', () =>
		stage(0, async ({ run, sent, duckdb, clock }) => {
			const where = { project_id: PROD.project, location: PROD.location, cluster_name: PROD.name };
			const clause = { policy_namespace: 'shop', policy_name: 'policy-0', clause: 'SCTP', construct: 'sctp-rejected' };
			const entry = broken(0, -1);
			await duckdb.write('verdicts_v1', { ...entry, evidence: [{ role: 'void', ...clause }] });
			const state = (id: string, minute: number, findings: number) =>
				snapshotRow({ ...where, snapshot_id: id, valid_from: at(minute), collected_at: at(minute), policy_findings: findings });
			await duckdb.write('snapshots_v1', state('a', -60, 1));
			await duckdb.write('policy_findings_v1', policyFindingRow({ ...where, ...clause, snapshot_id: 'a', linted_at: at(-60) }));
			is((await run()).messages, 1);
			await duckdb.write('snapshots_v1', state('b', 3, 0));
			clock.ms = NOON_MS + 5 * 60_000;
			is((await run()).messages, 1);
			match(JSON.stringify(sent.at(-1)?.body), /Fixed by a change/i);
		}));
});

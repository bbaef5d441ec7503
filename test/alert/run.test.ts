import { equal, is, match, ok } from 'uvu/assert';
import { createAlertStore } from '../../functions/adapters/alert-store.ts';
import { type LocalWarehouse, openDuckdb } from '../../functions/adapters/duckdb.ts';
import { toPlainMessage, toSlackMessage } from '../../functions/alert/message.ts';
import { CLAIM_MS, RUN_MS, type RunCounts, type RunEvent, type RunPorts, runAlerts } from '../../functions/alert/run.ts';
import { parseAlertConfig } from '../../functions/alert-config.ts';
import type { AlertChannel, AlertStore, Posted, Row } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { policyFindingRow, snapshotRow, verdictRow } from '../schemas/rows.ts';
import { at, fingerprintOf, NOON_MS, PROD } from './sample.ts';

interface Sent {
	readonly body: object;
	readonly thread: string | undefined;
}

interface Stage {
	readonly clock: { ms: number };
	readonly duckdb: LocalWarehouse;
	readonly store: AlertStore;
	readonly sent: Sent[];
	readonly events: RunEvent[];
	/** Answers of the channel, one a message; after them `posted`. */
	readonly answers: Posted[];
	readonly run: (ports?: Partial<RunPorts>) => Promise<RunCounts>;
	readonly rows: () => Promise<Row[]>;
}

const POSTED: Posted = { kind: 'posted', channel: 'C1', ts: '1.1' };
let runs = 0;

/** At noon, with so many rules that broke a workload each a minute before, and their cluster seen since. */
async function stage(rules: number, use: (stage: Stage) => Promise<void>): Promise<void> {
	const duckdb = await openDuckdb();
	const clock = { ms: NOON_MS };
	const store = createAlertStore(duckdb, { now: () => new Date(clock.ms) });
	const [sent, events, answers]: [Sent[], RunEvent[], Posted[]] = [[], [], []];
	const parsed = parseAlertConfig({ DATASET: 'shop-prod.audit' });
	if (parsed.kind === 'refused') throw new Error(parsed.problems.join());
	const channel: AlertChannel = {
		threads: true,
		async post(body, { thread }) {
			sent.push({ body, thread });
			return answers.shift() ?? { ...POSTED, ts: `${sent.length}.0` };
		},
	};
	const run = (ports: Partial<RunPorts> = {}): Promise<RunCounts> =>
		runAlerts({
			...parsed.config,
			store,
			channel,
			render: toSlackMessage,
			renderPlain: toPlainMessage,
			tell: (event) => events.push(event),
			dataset: 'shop-prod.audit',
			newRun: () => `run-${++runs}`,
			now: () => new Date(clock.ms),
			...ports,
		});
	const rows = () => duckdb.query('SELECT * FROM `${dataset}.alerts_v1` ORDER BY posted_at, message_id');
	const where = { project_id: PROD.project, location: PROD.location, cluster_name: PROD.name };
	await duckdb.write('snapshots_v1', snapshotRow({ ...where, collected_at: at(-0.1) }));
	for (let rule = 0; rule < rules; rule++) await duckdb.write('verdicts_v1', broken(rule, -1));
	try {
		await use({ clock, duckdb, store, sent, events, answers, run, rows });
	} finally {
		await duckdb.close();
	}
}

const broken = (rule: number, minute: number, peer = 'shop/Deployment/cart'): Row =>
	verdictRow({
		entry_id: `entry-${rule}-${minute}-${peer}`,
		project_id: PROD.project,
		location: PROD.location,
		cluster_name: PROD.name,
		timestamp: at(minute),
		judged_at: at(minute + 0.05),
		count: 4,
		fingerprint: fingerprintOf({ rule: `rule-${rule}`, policy: `shop/policy-${rule}`, peer }),
		summary: `Broken by the move, by shop/policy-${rule}.`,
		evidence: [
			{
				role: 'void',
				policy_namespace: 'shop',
				policy_name: `policy-${rule}`,
				direction: 'ingress',
				rule: 0,
				clause: 'ipBlock 10.8.0.0/14',
				construct: 'ipblock-pod',
			},
		],
	});

const policiesOf = (sent: readonly Sent[]): string[] => sent.map(({ body }) => /policy-\d+/.exec(JSON.stringify(body))?.[0] ?? '');

describe('a run', (it) => {
	it('tells of what there is, once', () =>
		stage(2, async ({ run, sent, rows, events }) => {
			equal(await run(), { problems: 2, alerts: 2, messages: 2, yielded: 0, left: 0 });
			equal(policiesOf(sent).sort(), ['policy-0', 'policy-1']);
			equal(await run(), { problems: 2, alerts: 0, messages: 0, yielded: 0, left: 0 });
			equal(
				(await rows()).map(({ state, posted_at, slack_channel, slack_ts, thread_ts }) => [
					state,
					Date.parse(String(posted_at)),
					slack_channel,
					slack_ts,
					thread_ts,
				]),
				[
					['firing', NOON_MS, 'C1', '1.0', '1.0'],
					['firing', NOON_MS, 'C1', '2.0', '2.0'],
				],
			);
			equal(
				events.map(({ kind }) => kind),
				['posted', 'posted'],
			);
		}));

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

	it('withdraws what it claimed in part where the claim fails, so that the next run tells', () =>
		stage(2, async ({ run, store }) => {
			const failing: AlertStore = {
				...store,
				async claim(...rows) {
					await store.claim(...rows);
					throw new Error('the second statement failed');
				},
			};
			match(String(await run({ store: failing }).catch((error: unknown) => error)), /second statement/);
			is((await run()).messages, 2);
		}));

	it('leaves to another run what that one tells of at the same time', () =>
		stage(3, async ({ run, sent, rows, store }) => {
			const together = Promise.withResolvers<void>();
			let claims = 0;
			// Both have claimed before either looks for the other.
			const meeting: AlertStore = {
				...store,
				async readRivals(...question) {
					if (++claims === 2) together.resolve();
					await together.promise;
					return store.readRivals(...question);
				},
			};
			const counts = await Promise.all([run({ store: meeting }), run({ store: meeting })]);
			equal(
				counts.map(({ messages, yielded }) => [messages, yielded]),
				[
					[0, 3],
					[0, 3],
				],
			);
			equal([sent.length, await rows()], [0, []], 'both yield, and nothing is left of it');
			equal((await run()).messages, 3);
		}));

	it('yields to a run that began before it and has posted meanwhile', () =>
		stage(1, async ({ run, sent, store }) => {
			const late: AlertStore = {
				...store,
				async claim(...rows) {
					await run();
					return store.claim(...rows);
				},
			};
			equal(await run({ store: late }), { problems: 1, alerts: 1, messages: 0, yielded: 1, left: 0 });
			is(sent.length, 1);
			is((await run()).messages, 0);
		}));

	it('is told of again where it died after it had claimed, once its claim is no more', () =>
		stage(1, async ({ run, sent, clock }) => {
			const posting = Promise.withResolvers<void>();
			const dying: AlertChannel = {
				threads: true,
				post() {
					posting.resolve();
					return new Promise(() => {});
				},
			};
			void run({ channel: dying });
			await posting.promise;
			is((await run()).alerts, 0);
			equal(sent, [], 'the claim is fresh');
			clock.ms += CLAIM_MS + 1;
			is((await run()).messages, 1);
			is(sent.length, 1);
		}));

	it('goes on after what could not be posted, and begins with the others', () =>
		stage(3, async ({ run, sent, answers, events, rows }) => {
			answers.push(POSTED, { kind: 'later', detail: '503 of the proxy' });
			equal(await run(), { problems: 3, alerts: 3, messages: 1, yielded: 0, left: 2 });
			const failed = policiesOf(sent)[1];
			equal(events.at(-1), { kind: 'not-posted', reason: 'later', detail: '503 of the proxy' });
			equal(
				(await rows()).filter(({ error }) => error !== null).map(({ policy_name, error }) => [policy_name, error]),
				[[failed, '503 of the proxy']],
			);
			is((await run()).messages, 2);
			is(policiesOf(sent).at(-1), failed, 'what failed comes last');
			equal(
				(await rows()).map(({ error }) => error),
				[null, null, null],
			);
			is((await run()).alerts, 0);
		}));

	it('stops where the webhook was revoked, and says so', () =>
		stage(2, async ({ run, answers, events }) => {
			answers.push({ kind: 'broken', detail: '404 no_service' });
			equal(await run(), { problems: 2, alerts: 2, messages: 0, yielded: 0, left: 2 });
			equal(events, [{ kind: 'not-posted', reason: 'broken', detail: '404 no_service' }]);
		}));

	it('says it plainly where the form was refused', () =>
		stage(1, async ({ run, sent, answers, rows }) => {
			answers.push({ kind: 'refused', detail: 'invalid_blocks' });
			is((await run()).messages, 1);
			is(sent.length, 2);
			ok('blocks' in (sent[0]?.body ?? {}) && !('blocks' in (sent[1]?.body ?? {})));
			equal(
				(await rows()).map(({ error, slack_ts }) => [error, slack_ts]),
				[[null, '2.0']],
			);
		}));

	it('gives up in the log what no form of is taken, once, and not the messages after it', () =>
		stage(2, async ({ run, sent, answers, rows, events }) => {
			answers.push({ kind: 'refused', detail: 'invalid_blocks' }, { kind: 'refused', detail: 'no_text' });
			is((await run()).messages, 2);
			equal(
				events.map((event) => (event.kind === 'given-up' ? event.detail : event.kind)),
				['no_text', 'posted'],
			);
			equal((await rows()).map(({ error }) => error).sort(), ['no_text', null].sort());
			is((await run()).alerts, 0);
			is(sent.length, 3);
		}));

	it('posts it again where it was posted and that could not be noted: at least once', () =>
		stage(2, async ({ run, sent, events, store, clock }) => {
			const forgetful: AlertStore = { ...store, settle: async () => Promise.reject(new Error('BigQuery is down')) };
			const failure = await run({ store: forgetful }).catch((error: unknown) => error);
			match(String(failure), /BigQuery is down/);
			equal(
				events.map(({ kind }) => kind),
				['not-noted'],
			);
			is((await run()).alerts, 0, 'its claims are fresh');
			clock.ms += CLAIM_MS + 1;
			is((await run()).messages, 2);
			const [first, ...more] = policiesOf(sent);
			is(more.filter((policy) => policy === first).length, 1, 'one of them twice, and no more than one');
			is(sent.length, 3);
		}));

	it('begins no message after its time', () =>
		stage(3, async ({ run, clock, events }) => {
			const slow: AlertChannel = {
				threads: false,
				async post() {
					clock.ms += RUN_MS / 2;
					return { kind: 'posted' };
				},
			};
			equal(await run({ channel: slow }), { problems: 3, alerts: 3, messages: 2, yielded: 0, left: 1 });
			ok(events.some((event) => event.kind === 'not-posted' && event.reason === 'out-of-time'));
			ok(RUN_MS < CLAIM_MS - 60_000, 'a claim holds until the run that made it has ended');
		}));

	it('claims nothing where it cannot read, and tells of all the next time', () =>
		stage(1, async ({ run, sent, rows, store }) => {
			for (const broken of ['readProblems', 'readMemory', 'readSilences', 'readDetails', 'claim'] as const) {
				const failing = { ...store, [broken]: async () => Promise.reject(new Error(`no ${broken}`)) };
				match(String(await run({ store: failing }).catch((error: unknown) => error)), new RegExp(`no ${broken}`));
			}
			equal([sent, await rows()], [[], []]);
			is((await run()).messages, 1);
		}));

	it('tells of many rules at once in one message, and notes each', () =>
		stage(30, async ({ run, sent, rows }) => {
			equal(await run(), { problems: 30, alerts: 30, messages: 1, yielded: 0, left: 0 });
			is(sent.length, 1);
			const noted = await rows();
			equal(
				[noted.length, new Set(noted.map(({ message_id }) => message_id)).size, new Set(noted.map(({ alert_id }) => alert_id)).size],
				[30, 1, 30],
			);
			is((await run()).alerts, 0);
		}));

	it('tells nothing of what is silenced, until the silence is over', () =>
		stage(1, async ({ run, duckdb, clock }) => {
			await duckdb.query(
				"INSERT INTO `${dataset}.silences_v1` (silence_id, policy_name, starts_at, ends_at, created_by, created_at, comment) VALUES ('s', 'policy-0', TIMESTAMP(@begins), TIMESTAMP(@ends), 'ana', TIMESTAMP(@begins), 'known')",
				{ begins: at(-10), ends: at(10) },
			);
			equal(await run(), { problems: 1, alerts: 0, messages: 0, yielded: 0, left: 0 });
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
			is((await run()).messages, 1);
			match(JSON.stringify(sent.at(-1)?.body), /fixed by a change to `?shop\/policy-0`? at 2026-03-04 12:03/i);
		}));
});

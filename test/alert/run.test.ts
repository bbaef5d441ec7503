import { equal, is, match, ok } from 'uvu/assert';
import { CLAIM_MS, RUN_MS } from '../../functions/alert/run.ts';
import type { AlertChannel, AlertStore, Posted } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { fingerprintOf, NOON_MS } from './sample.ts';
import { broken, POSTED, policiesOf, stage } from './stage.ts';

describe('a run', (it) => {
	it('tells of what there is, once', () =>
		stage(2, async ({ run, sent, rows, events }) => {
			equal(await run(), { problems: 2, alerts: 2, held: 0, messages: 2, givenUp: 0, yielded: 0, left: 0, whole: true });
			equal(policiesOf(sent).sort(), ['policy-0', 'policy-1']);
			equal(await run(), { problems: 2, alerts: 0, held: 0, messages: 0, givenUp: 0, yielded: 0, left: 0, whole: true });
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

	it('posts the rest of a message of which another run tells a part, and gives back that part', () =>
		stage(8, async ({ run, sent, rows, store }) => {
			let group = '';
			const meddled: AlertStore = {
				...store,
				async claim(claimed, expired) {
					await store.claim(claimed, expired);
					const [first] = claimed;
					if (!first) return;
					group = first.group_id;
					await store.claim([{ ...first, claimed_by: 'another', alert_id: 'another', message_id: 'another' }], expired);
				},
			};
			const { messages, yielded } = await run({ store: meddled });
			equal([messages, yielded, sent.length], [1, 1, 1]);
			const kept = await rows();
			equal(kept.filter(({ posted_at }) => posted_at !== null).length, 7);
			equal(
				kept.filter(({ group_id }) => group_id === group).map(({ claimed_by }) => claimed_by),
				['another'],
			);
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
			equal(await run({ store: late }), { problems: 1, alerts: 1, held: 0, messages: 0, givenUp: 0, yielded: 1, left: 0, whole: true });
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
			equal(await run(), { problems: 3, alerts: 3, held: 0, messages: 1, givenUp: 0, yielded: 0, left: 2, whole: false });
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
			equal(await run(), { problems: 2, alerts: 2, held: 0, messages: 0, givenUp: 0, yielded: 0, left: 2, whole: false });
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
			answers.push(POSTED, { kind: 'refused', detail: 'invalid_blocks' }, { kind: 'refused', detail: 'no_text' });
			const { messages, givenUp } = await run();
			equal([messages, givenUp], [2, 1]);
			equal(
				events.map((event) => (event.kind === 'given-up' ? event.detail : event.kind)),
				['posted', 'no_text'],
			);
			equal((await rows()).map(({ error }) => error).sort(), ['no_text', null].sort());
			is((await run()).alerts, 0);
			is(sent.length, 3);
		}));

	it('keeps a message that is refused while none was taken, and gives it up beside one that is', () =>
		stage(1, async ({ run, sent, answers, duckdb, rows }) => {
			const refused: Posted = { kind: 'refused', detail: '400' };
			for (let times = 0; times < 2; times++) {
				answers.push(refused, refused);
				equal(await run(), { problems: 1, alerts: 1, held: 0, messages: 0, givenUp: 0, yielded: 0, left: 1, whole: false });
			}
			await duckdb.write('verdicts_v1', broken(1, -1));
			answers.push(POSTED, refused, refused);
			equal(await run(), { problems: 2, alerts: 2, held: 0, messages: 2, givenUp: 1, yielded: 0, left: 0, whole: false });
			is(policiesOf(sent).at(-1), 'policy-0');
			equal(
				(await rows()).map(({ posted_at }) => posted_at === null),
				[false, false],
			);
		}));

	it('posts it again where it was posted and that could not be noted: at least once', () =>
		stage(2, async ({ run, sent, events, store, clock }) => {
			const forgetful: AlertStore = { ...store, settle: async () => Promise.reject(new Error('BigQuery is down')) };
			const { messages, left, whole } = await run({ store: forgetful });
			equal([messages, left, whole], [1, 1, false]);
			equal(
				events.map(({ kind }) => kind),
				['not-noted'],
			);
			const first = policiesOf(sent)[0];
			is((await run()).messages, 1, 'the claim of the one is fresh, the other was given back');
			clock.ms += CLAIM_MS + 1;
			is((await run()).messages, 1);
			is(policiesOf(sent).filter((policy) => policy === first).length, 2, 'one of them twice, and no more than one');
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
			equal(await run({ channel: slow }), { problems: 3, alerts: 3, held: 0, messages: 2, givenUp: 0, yielded: 0, left: 1, whole: false });
			ok(events.some((event) => event.kind === 'not-posted' && event.reason === 'out-of-time'));
			ok(RUN_MS < CLAIM_MS - 60_000, 'a claim holds until the run that made it has ended');
		}));

	it('has less time to post where reading took long: its claims hold from when it began', () =>
		stage(2, async ({ run, clock, store }) => {
			const slow: AlertStore = {
				...store,
				async readDetails(...question) {
					clock.ms += RUN_MS;
					return store.readDetails(...question);
				},
			};
			equal((await run({ store: slow })).messages, 0);
			equal((await run()).messages, 2, 'and what it gave back is told at once');
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
			equal(await run(), { problems: 30, alerts: 30, held: 0, messages: 1, givenUp: 0, yielded: 0, left: 0, whole: true });
			is(sent.length, 1);
			const noted = await rows();
			equal(
				[noted.length, new Set(noted.map(({ message_id }) => message_id)).size, new Set(noted.map(({ alert_id }) => alert_id)).size],
				[30, 1, 30],
			);
			is((await run()).alerts, 0);
		}));

	it('tells of one rule that meets a thousand ports in one message, and of the others beside it', () =>
		stage(1, async ({ run, sent, duckdb, rows, clock }) => {
			const ports = Array.from({ length: 1000 }, (_, port) => ({
				...broken(1, -1 - port / 10_000),
				entry_id: `port-${port}`,
				fingerprint: fingerprintOf({ rule: 'rule-1', policy: 'shop/policy-1', port: `${port}` }),
			}));
			await Promise.all(ports.map((row) => duckdb.write('verdicts_v1', row)));
			const counts = await run();
			equal([counts.problems, counts.alerts, counts.messages], [201, 2, 2]);
			is((await rows()).length, 201);
			match(JSON.stringify(sent), /and 960 more problems/);
			clock.ms += 60_000;
			is((await run()).alerts, 0, 'nor is it over, nor is there more');
		}));
});

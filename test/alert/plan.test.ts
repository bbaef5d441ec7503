import fc from 'fast-check';
import { equal, is, ok } from 'uvu/assert';
import type { Alert } from '../../functions/alert/alert.ts';
import { groupOf } from '../../functions/alert/group.ts';
import { toMemory } from '../../functions/alert/memory.ts';
import { alertsOf, FLOOD, type Planned, plan } from '../../functions/alert/plan.ts';
import type { AlertMemory } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { at, eventOf, NOON_MS, PROD, problemOf } from './sample.ts';

let ids = 0;

function alertOf(written: Parameters<typeof problemOf>[0] & { readonly state?: Alert['state'] } = {}): Alert {
	const { state = 'firing', ...rest } = written;
	const problem = problemOf(rest);
	const { firstSeen, lastSeen } = problem;
	return { id: `a${ids++}`, state, group: groupOf(problem), problems: [problem], known: 0, firstSeen, lastSeen };
}

const rules = (count: number, written: Parameters<typeof alertOf>[0] = {}): Alert[] =>
	Array.from({ length: count }, (_, index) => alertOf({ ...written, rule: `${index}` }));

const planOf = (alerts: readonly Alert[], events: readonly AlertMemory[] = []): readonly Planned[] =>
	plan(alerts, { memory: toMemory(events, { expiredMs: NOON_MS - 300_000 }), nowMs: NOON_MS, flood: FLOOD });

/** Of that many messages about the cluster, the last so many minutes ago. */
const messages = (count: number, last: number, cluster = PROD): AlertMemory[] =>
	Array.from({ length: count }, (_, index) =>
		eventOf(problemOf({ cluster, rule: `old-${index}` }), { group: `old-${index}`, minute: -last - index }),
	);

const STAGING = { ...PROD, name: 'staging' };

describe('the messages of a run', (it) => {
	it('are one an alert where there are few', () =>
		equal(
			planOf(rules(5)).map(({ kind }) => kind),
			Array(5).fill('alert'),
		));

	it('are one where a whole cluster breaks at once, and those of another cluster stay apart', () => {
		const notices = planOf([...rules(312), alertOf({ cluster: STAGING })]);
		equal(
			notices.map(({ kind }) => kind),
			['bundle', 'alert'],
		);
		is(alertsOf(notices[0] as Planned).length, 312);
	});

	it('keep states apart in bundles', () => {
		const notices = planOf([...rules(10, { state: 'resolved' }), ...rules(10), ...rules(2, { state: 'repeat' })]);
		equal(
			notices.map((notice) => [notice.kind, alertsOf(notice)[0]?.state, alertsOf(notice).length]),
			[
				['bundle', 'firing', 10],
				['bundle', 'resolved', 10],
				['alert', 'repeat', 1],
				['alert', 'repeat', 1],
			],
		);
	});

	it('come in order of urgency: what is new, the worst, the oldest', () => {
		const alerts = [
			alertOf({ state: 'repeat', rule: '1' }),
			alertOf({ state: 'resolved', rule: '2' }),
			alertOf({ construct: 'renamed-in-logs', rule: '3' }),
			alertOf({ rule: '4', seen: [-1, -1] }),
			alertOf({ rule: '5', seen: [-9, -1] }),
			alertOf({ cluster: STAGING, state: 'update', rule: '6' }),
			alertOf({ cluster: STAGING, construct: 'ipblock-service', rule: '7' }),
		];
		equal(
			planOf(alerts).map((notice) => alertsOf(notice)[0]?.group.id.at(-1)),
			['5', '4', '7', '3', '6', '2', '1'],
		);
	});

	it('are never more than the cap: the rest is in the last', () => {
		const alerts = Array.from({ length: 14 }, (_, index) => alertOf({ cluster: { ...PROD, name: `c${index}` }, rule: `${index}` }));
		const notices = planOf(alerts);
		is(notices.length, 10);
		equal([notices.at(-1)?.kind, alertsOf(notices.at(-1) as Planned).length], ['overflow', 5]);
		is(planOf(alerts.slice(0, 10)).at(-1)?.kind, 'alert', 'as many as the cap are posted each');
	});

	it('are held back and bundled where a cluster has had its share of the hour', () => {
		const two = rules(2);
		equal(
			planOf(two, messages(19, 1)).map(({ kind }) => kind),
			['alert', 'alert'],
		);
		equal(planOf(two, messages(20, 4.9)), [], 'its last message is not long ago');
		equal(
			planOf(two, messages(20, 5)).map(({ kind }) => kind),
			['bundle'],
		);
		equal(
			planOf(two, messages(30, 50)).map(({ kind }) => kind),
			['alert', 'alert'],
			'most of them are longer ago than an hour',
		);
		equal(
			planOf(two, messages(30, 1, STAGING)).map(({ kind }) => kind),
			['alert', 'alert'],
			'it is another cluster that talks',
		);
	});

	it('begin with what could not be posted the last time only after the others', () => {
		const [first, second] = rules(2) as [Alert, Alert];
		const failed = eventOf(problemOf({ rule: '0' }), { group: first.group.id, minute: -1, postedAt: null, error: '500 rollup_error' });
		equal(
			planOf([first, second], [failed]).map((notice) => alertsOf(notice)[0]),
			[second, first],
		);
	});

	it('leave to a later run what has more problems together than a run can look up', () => {
		const large = (rule: string): Alert => {
			const alert = alertOf({ rule });
			return { ...alert, problems: Array.from({ length: 2000 }, () => problemOf({ rule })) };
		};
		equal(
			planOf(['1', '2', '3'].map(large)).map((notice) => alertsOf(notice)[0]?.group.id.at(-1)),
			['1', '2'],
		);
		const [huge] = [{ ...large('1'), problems: Array.from({ length: 9000 }, () => problemOf()) }];
		is(planOf([huge as Alert]).length, 1, 'one in any case');
	});

	it('hold every alert once, or none of a cluster that is held back, and are few', () => {
		const alert = fc.record({
			cluster: fc.integer({ min: 0, max: 15 }).map((index) => ({ ...PROD, name: `c${index}` })),
			state: fc.constantFrom('firing', 'update', 'repeat', 'resolved') as fc.Arbitrary<Alert['state']>,
			construct: fc.constantFrom('ipblock-pod', 'ipblock-service', 'renamed-in-logs', '-'),
			rule: fc.integer({ min: 0, max: 1e6 }).map(String),
		});
		const talkative = fc.array(
			fc.tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 70 })),
			{ maxLength: 4 },
		);
		fc.assert(
			fc.property(fc.array(alert, { maxLength: 200 }), talkative, (written, talk) => {
				const alerts = written.map(alertOf);
				const notices = planOf(
					alerts,
					talk.flatMap(([index, count, last]) => messages(count, last, { ...PROD, name: `c${index}` })),
				);
				ok(notices.length <= FLOOD.messages);
				const planned = notices.flatMap(alertsOf);
				is(new Set(planned.map(({ id }) => id)).size, planned.length);
				const held = new Set(alerts.filter(({ id }) => !planned.some((one) => one.id === id)).map(({ group }) => group.cluster.name));
				ok(planned.every(({ group }) => !held.has(group.cluster.name)));
				ok(notices.every((notice) => alertsOf(notice).length > 0));
			}),
		);
	});
});

describe('what is remembered', (it) => {
	it('is the episode since the last that was over', () => {
		const problem = problemOf();
		const group = groupOf(problem).id;
		const events = [
			eventOf(problem, { group, minute: -90 }),
			eventOf(problemOf({ peer: 'gone' }), { group, minute: -90 }),
			eventOf(problem, { group, minute: -60, state: 'resolved', fixedAt: at(-61) }),
			eventOf(problem, { group, minute: -30, threadTs: '3.3' }),
			eventOf(problemOf({ peer: 'new' }), { group, minute: -20, state: 'update', threadTs: '3.3' }),
			eventOf(problem, { group, minute: -1, postedAt: null, error: 'x' }),
		];
		for (const some of [events, events.toReversed(), [...events, ...events]]) {
			const memory = toMemory(some, { expiredMs: NOON_MS }).groups.get(group);
			equal([...(memory?.told.keys() ?? [])].sort(), [problem.fingerprint, problemOf({ peer: 'new' }).fingerprint].sort());
			equal(
				[memory?.lastMs, memory?.wholeMs, memory?.overMs, memory?.busy, memory?.failed, memory?.thread],
				[NOON_MS - 20 * 60_000, NOON_MS - 30 * 60_000, NOON_MS - 61 * 60_000, false, true, '3.3'],
			);
		}
	});
});

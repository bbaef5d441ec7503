import { equal, is } from 'uvu/assert';
import { type Decision, decide, type Situation } from '../../functions/alert/decide.ts';
import { groupOf } from '../../functions/alert/group.ts';
import { toMemory } from '../../functions/alert/memory.ts';
import type { AlertMemory, FixedClause, Problem } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { at, eventOf, NOON_MS, PROD, problemOf } from './sample.ts';

const TIMING = { groupWaitMs: 15_000, groupIntervalMs: 5 * 60_000, repeatMs: 24 * 3_600_000, quietMs: 4 * 3_600_000 };

interface Written {
	readonly problems?: readonly Problem[];
	readonly events?: readonly AlertMemory[];
	readonly silences?: Situation['silences'];
	readonly fixed?: readonly FixedClause[];
	readonly minute?: number;
	readonly complete?: boolean;
}

function decideAt({ problems = [], events = [], silences = [], fixed = [], minute = 0, complete = true }: Written): readonly Decision[] {
	const nowMs = NOON_MS + minute * 60_000;
	const memory = toMemory(events, { expiredMs: nowMs - 5 * 60_000 });
	return decide({ problems, complete, memory, silences, fixed, nowMs, timing: TIMING });
}

const GROUP = groupOf(problemOf()).id;
const told = (problem: Problem, rest: Partial<AlertMemory> & { minute?: number } = {}): AlertMemory =>
	eventOf(problem, { group: groupOf(problem).id, minute: -10, ...rest });
const statesOf = (written: Written): string[] => decideAt(written).map(({ state }) => state);
const SILENCE = {
	id: 's',
	fingerprint: null,
	projectId: null,
	location: null,
	clusterName: 'prod',
	subjectNamespace: null,
	subjectWorkload: null,
	construct: null,
	policyNamespace: null,
	policyName: null,
};
const FIXED: FixedClause = {
	cluster: PROD,
	construct: 'ipblock-pod',
	policyNamespace: 'shop',
	policyName: 'db',
	direction: 'ingress',
	clause: 'ipBlock 10.8.0.0/14',
	at: at(-2),
};

describe('what is to be said', (it) => {
	it('is one alert of forty workloads that one rule breaks, the most packets first', () => {
		const problems = Array.from({ length: 40 }, (_, index) =>
			problemOf({ peer: `shop/Deployment/client-${index}`, packets: index, seen: [-2 - index, -1] }),
		);
		const [only, ...more] = decideAt({ problems });
		equal(more, []);
		is(only?.state, 'firing');
		is(only?.problems.length, 40);
		is(only?.problems[0]?.packets, 39);
		equal([only?.firstSeen, only?.lastSeen], [at(-41), at(-1)]);
	});

	it('waits until the group is complete', () => {
		const young = problemOf({ seen: [-0.2, -0.1] });
		equal(statesOf({ problems: [young] }), []);
		equal(statesOf({ problems: [young, problemOf({ peer: 'shop/Deployment/web', seen: [-0.25, -0.1] })] }), ['firing']);
	});

	it('is nothing of what was told of', () => equal(statesOf({ problems: [problemOf()], events: [told(problemOf())] }), []));

	it('is an update once more problems are there and the interval is over, of the new ones alone', () => {
		const added = problemOf({ peer: 'shop/Deployment/web' });
		const problems = [problemOf(), added];
		equal(statesOf({ problems, events: [told(problemOf(), { minute: -4.9 })] }), []);
		const [update] = decideAt({ problems, events: [told(problemOf(), { minute: -5, threadTs: '1.2' })] });
		equal([update?.state, update?.problems, update?.known, update?.thread], ['update', [added], 1, '1.2']);
	});

	it('counts the interval from the last event of the group, whichever it was', () => {
		const added = problemOf({ peer: 'shop/Deployment/web' });
		const events = [told(problemOf(), { minute: -60 }), told(problemOf({ peer: 'shop/Deployment/x' }), { state: 'update', minute: -3 })];
		equal(statesOf({ problems: [problemOf(), added], events }), []);
	});

	it('is a repeat of all after the repeat interval, which an update does not put off', () => {
		const events = [
			told(problemOf(), { minute: -24 * 60 }),
			told(problemOf({ peer: 'shop/Deployment/x' }), { state: 'update', minute: -30 }),
		];
		const problems = [problemOf(), problemOf({ peer: 'shop/Deployment/web' })];
		const [repeat] = decideAt({ problems, events });
		equal([repeat?.state, repeat?.problems.length], ['repeat', 2]);
		equal(statesOf({ problems, events: [...events, told(problemOf(), { state: 'repeat', minute: -1 })] }), []);
	});

	it('is over after a quiet time', () => {
		const old = problemOf({ seen: [-300, -240] });
		const [over, ...more] = decideAt({ events: [told(old, { threadTs: '1.2' })] });
		equal(more, []);
		equal([over?.state, over?.resolution, over?.thread], ['resolved', undefined, '1.2']);
		equal(over?.problems, [old]);
	});

	it('is over where what was told of is no longer flagged', () =>
		equal(statesOf({ events: [told(problemOf({ seen: [-20, -12] }))] }), ['resolved']));

	it('knows since when it is from what was told, which is longer ago than what is looked at', () => {
		const began = told(problemOf({ seen: [-1500, -1500] }), { minute: -24 * 60 });
		const [repeat] = decideAt({ problems: [problemOf({ seen: [-200, -1] })], events: [began] });
		equal([repeat?.state, repeat?.firstSeen, repeat?.problems[0]?.firstSeen, repeat?.lastSeen], ['repeat', at(-1500), at(-1500), at(-1)]);
	});

	it('is over where a later snapshot has the clause no more, from when on', () => {
		const [over] = decideAt({ problems: [problemOf({ seen: [-20, -3] })], events: [told(problemOf())], fixed: [FIXED] });
		equal([over?.state, over?.resolution], ['resolved', { kind: 'fixed', policy: 'shop/db', at: at(-2) }]);
	});

	it('goes on where entries come after the change', () =>
		equal(statesOf({ problems: [problemOf({ seen: [-20, -1] })], events: [told(problemOf())], fixed: [FIXED] }), []));

	it('goes on where one clause of several was mended', () => {
		const other = told(problemOf({ peer: 'shop/Deployment/web' }), { clause: 'ipBlock 10.0.0.0/8' });
		const problems = [problemOf({ seen: [-20, -3] })];
		equal(statesOf({ problems, events: [told(problemOf()), other], fixed: [FIXED] }), []);
		const both = [FIXED, { ...FIXED, clause: 'ipBlock 10.0.0.0/8', at: at(-1) }];
		const [over] = decideAt({ problems, events: [told(problemOf()), other], fixed: both });
		equal(over?.resolution, { kind: 'fixed', policy: 'shop/db', at: at(-1) });
	});

	it('takes no clause of another cluster, policy or direction for the one that was mended', () => {
		for (const wrong of [
			{ cluster: { ...PROD, name: 'x' } },
			{ cluster: { ...PROD, location: 'x' } },
			{ cluster: { ...PROD, project: 'x' } },
			{ construct: 'end-port' },
			{ policyNamespace: 'x' },
			{ policyName: 'x' },
			{ direction: 'egress' },
			{ clause: 'x' },
		])
			equal(
				statesOf({ problems: [problemOf({ seen: [-20, -3] })], events: [told(problemOf())], fixed: [{ ...FIXED, ...wrong }] }),
				[],
				JSON.stringify(wrong),
			);
	});

	it('is not told again of entries from before it was mended, and is of those after', () => {
		const events = [told(problemOf(), { minute: -60 }), told(problemOf(), { state: 'resolved', minute: -1, fixedAt: at(-2) })];
		equal(statesOf({ problems: [problemOf({ seen: [-20, -3] })], events }), []);
		equal(statesOf({ problems: [problemOf({ seen: [-20, -1] })], events }), ['firing']);
	});

	it('is new again after it was over', () => {
		const events = [told(problemOf(), { minute: -900 }), told(problemOf({ seen: [-905, -550] }), { state: 'resolved', minute: -300 })];
		const [again] = decideAt({ problems: [problemOf()], events });
		equal([again?.state, again?.thread], ['firing', undefined]);
	});

	it('is nothing where somebody else is about to tell of it, until that claim is no more', () => {
		const claimed = (minute: number, rest: Partial<AlertMemory> = {}) =>
			told(problemOf(), { postedAt: null, claimedAt: at(minute), ...rest });
		equal(statesOf({ problems: [problemOf()], events: [claimed(-5)] }), []);
		equal(statesOf({ problems: [problemOf()], events: [claimed(-5.1)] }), ['firing'], 'whoever claimed it has died');
		equal(statesOf({ problems: [problemOf()], events: [claimed(-1, { error: '503' })] }), ['firing'], 'it could not be posted');
	});

	it('is nothing of what is silenced, neither that it is over nor that there is more', () => {
		const silences = [SILENCE];
		equal(statesOf({ problems: [problemOf()], silences }), []);
		equal(statesOf({ problems: [problemOf()], events: [told(problemOf())], silences }), []);
		const added = problemOf({ subject: 'ops/Deployment/web' });
		equal(
			statesOf({ problems: [problemOf(), added], events: [told(problemOf())], silences: [{ ...SILENCE, subjectNamespace: 'ops' }] }),
			[],
		);
		equal(statesOf({ problems: [problemOf({ seen: [-20, -3] })], events: [told(problemOf())], silences, fixed: [FIXED] }), ['resolved']);
	});

	it('goes on after a silence as if nothing had been', () => {
		equal(statesOf({ problems: [problemOf()], events: [told(problemOf())] }), []);
		equal(statesOf({ problems: [problemOf({ seen: [-200, -1] })] }), ['firing']);
	});

	it('waits twice as long after each time that it told of more', () => {
		const peer = (index: number) => problemOf({ peer: `shop/Deployment/web-${index}` });
		const told5 = [
			told(problemOf(), { minute: -60 }),
			told(peer(1), { state: 'update', minute: -50 }),
			told(peer(2), { state: 'update', minute: -19 }),
		];
		const problems = [problemOf(), peer(1), peer(2), peer(3)];
		equal(statesOf({ problems, events: told5 }), [], 'twenty minutes after two of them');
		equal(statesOf({ problems, events: told5, minute: 1 }), ['update']);
		const whole = [...told5, told(problemOf(), { state: 'repeat', minute: -5 })];
		equal(statesOf({ problems, events: whole }), ['update'], 'after all was told it begins anew');
	});

	it('ends nothing where not all could be read, but what was mended', () => {
		const events = [told(problemOf({ seen: [-300, -240] }))];
		equal(statesOf({ events, complete: false }), []);
		equal(statesOf({ events, complete: true }), ['resolved']);
		equal(statesOf({ events, complete: false, fixed: [FIXED] }), ['resolved']);
	});

	it('says how many of a rule were not read', () => {
		const [alert] = decideAt({ problems: [problemOf({ ofRule: 45_000 }), problemOf({ ofRule: 45_000, port: '81' })] });
		is(alert?.unlisted, 44_998);
		is(decideAt({ problems: [problemOf({ ofRule: 1 })] })[0]?.unlisted, undefined);
	});

	it('is told of late where it could not be told of before, and then that it is over', () => {
		const long = problemOf({ seen: [-600, -300] });
		const failed = told(long, { minute: -310, postedAt: null, error: '404 no_service' });
		equal(statesOf({ problems: [long], events: [failed] }), ['firing']);
		equal(statesOf({ problems: [long], events: [told(long, { minute: 0 })] }), ['resolved']);
	});

	it('is over under the id that it is remembered by, whatever this version would call it', () => {
		const renamed = eventOf(problemOf({ construct: 'of-another-version', seen: [-300, -240] }), {
			group: 'what it was called',
			minute: -250,
		});
		const [over] = decideAt({ events: [renamed] });
		equal([over?.state, over?.group.id], ['resolved', 'what it was called']);
	});

	it('is nothing of what is silenced, also where it has fallen quiet', () => {
		const old = problemOf({ seen: [-300, -240] });
		equal(statesOf({ events: [told(old)], silences: [SILENCE] }), []);
	});

	it('is one count a day of contradictions, and never that they are over', () => {
		const contradicted = ['a', 'b', 'c'].map((peer) =>
			problemOf({ finding: 'contradicted', peer, policy: '-', construct: '-', rule: '-', seen: [-60, -1] }),
		);
		const [only, ...more] = decideAt({ problems: contradicted });
		equal([only?.state, only?.problems.length, only?.group.counted, more], ['firing', 3, 'contradicted', []]);
		const [first] = contradicted as [Problem];
		equal(statesOf({ problems: contradicted, events: [told(first, { minute: -23 * 60 })] }), []);
		equal(statesOf({ problems: contradicted, events: [told(first, { minute: -24 * 60 })] }), ['firing']);
		equal(statesOf({ events: [told(first, { minute: -10 * 60 })] }), []);
		equal(statesOf({ problems: [problemOf({ finding: 'contradicted', seen: [-59, -1] })] }), [], 'it gathers for an hour');
	});

	it('keeps groups apart', () => {
		const other = problemOf({ policy: 'shop/other', rule: 'bbbb' });
		equal(
			decideAt({ problems: [problemOf(), other] }).map(({ group }) => group.id),
			[GROUP, groupOf(other).id],
		);
	});
});

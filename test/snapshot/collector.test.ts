import { equal, is, match, ok } from 'uvu/assert';
import type { Lease } from '../../functions/ports.ts';
import { createCollector } from '../../functions/snapshot/collector.ts';
import type { Trigger } from '../../functions/snapshot/trigger.ts';
import { describe } from '../describe.ts';

const CLUSTER = { project: 'p', location: 'l', name: 'c' };
const START = Date.parse('2026-03-04T05:00:00Z');

const iso = (ms: number): string => new Date(ms).toISOString();

/** A cluster of instances that share one store, and time that passes only while somebody sleeps. */
function createInstances(collectMs = 1000) {
	let now = START;
	const sleepers: { readonly atMs: number; readonly wake: () => void }[] = [];
	let seenUntil: string | undefined;
	let leasedUntilMs = 0;
	const collected: Trigger[] = [];
	let failing: Error | undefined;
	const sleep = (ms: number): Promise<void> => new Promise((wake) => sleepers.push({ atMs: now + ms, wake }));
	const store = {
		readNewest: async () => ({ newest: seenUntil === undefined ? undefined : { id: 'i', validFrom: iso(START), seenUntil }, version: '1' }),
		lease: async (_: unknown, untilMs: number): Promise<Lease | undefined> => {
			if (now < leasedUntilMs) return undefined;
			leasedUntilMs = untilMs;
			return {
				release: async () => {
					leasedUntilMs = 0;
				},
			};
		},
	};
	const instance = () =>
		createCollector({
			store,
			now: () => new Date(now),
			sleep,
			collect: async (_, trigger) => {
				const startedMs = now;
				collected.push(trigger);
				await sleep(collectMs);
				if (failing) throw failing;
				seenUntil = iso(startedMs);
				return startedMs;
			},
		});
	/** Lets time pass, one sleeper at a time. */
	async function pass(ms: number): Promise<void> {
		const untilMs = now + ms;
		for (;;) {
			for (let turn = 0; turn < 20; turn++) await Promise.resolve();
			const next = sleepers.sort((a, b) => a.atMs - b.atMs)[0];
			if (!next || next.atMs > untilMs) break;
			sleepers.shift();
			now = Math.max(now, next.atMs);
			next.wake();
		}
		now = untilMs;
	}
	return {
		instance,
		pass,
		collected,
		nowMs: () => now,
		pretendSeen: (until: string) => {
			seenUntil = until;
		},
		fail: (error: Error | undefined) => {
			failing = error;
		},
	};
}

const trigger = (atMs: number, more: Partial<Trigger> = {}): Trigger => ({
	cluster: CLUSTER,
	reason: 'schedule',
	requestedAt: iso(atMs),
	...more,
});

/** What became of it, once it is known. */
function outcomeOf(promise: Promise<{ readonly kind: string }>): { kind: string | undefined } {
	const outcome: { kind: string | undefined } = { kind: undefined };
	promise.then(
		({ kind }) => {
			outcome.kind = kind;
		},
		(error: Error) => {
			outcome.kind = error.message;
		},
	);
	return outcome;
}

describe('the collector', (it) => {
	it('collects once for all triggers that come within a few seconds, from the last of them on', async () => {
		const { instance, pass, collected, nowMs } = createInstances();
		const answer = instance();
		const outcomes = [outcomeOf(answer(trigger(nowMs())))];
		await pass(1000);
		outcomes.push(outcomeOf(answer(trigger(nowMs(), { reason: 'policy-change', changedAt: iso(nowMs()) }))));
		outcomes.push(outcomeOf(answer(trigger(nowMs() - 500, { reason: 'flagged' }))));
		await pass(10_000);
		equal(
			outcomes.map(({ kind }) => kind),
			['collected', 'collected', 'collected'],
		);
		equal(collected, [{ cluster: CLUSTER, reason: 'policy-change', requestedAt: iso(START + 1000), changedAt: iso(START + 1000) }]);
	});

	it('collects again for a trigger that came while the cluster was being collected', async () => {
		const { instance, pass, collected, nowMs } = createInstances(5000);
		const answer = instance();
		const first = outcomeOf(answer(trigger(nowMs())));
		await pass(4000);
		is(collected.length, 1);
		const second = outcomeOf(answer(trigger(nowMs())));
		await pass(20_000);
		equal([first.kind, second.kind, collected.length], ['collected', 'collected', 2]);
	});

	it('is done where another instance has begun a collection since', async () => {
		const { instance, pass, collected, nowMs } = createInstances();
		const [one, two] = [instance(), instance()];
		const outcomes = [outcomeOf(one(trigger(nowMs()))), outcomeOf(two(trigger(nowMs()))), outcomeOf(two(trigger(nowMs())))];
		await pass(20_000);
		equal(outcomes.map(({ kind }) => kind).sort(), ['collapsed', 'collapsed', 'collected']);
		is(collected.length, 1);
	});

	it('is not done by what a wrong clock says was seen', async () => {
		const { instance, pass, collected, nowMs, pretendSeen } = createInstances();
		pretendSeen(iso(START + 3_600_000));
		const outcome = outcomeOf(instance()(trigger(nowMs())));
		await pass(10_000);
		equal([outcome.kind, collected.length], ['collected', 1]);
	});

	it('keeps clusters apart', async () => {
		const { instance, pass, collected, nowMs } = createInstances(10);
		const answer = instance();
		answer(trigger(nowMs())).catch(() => undefined);
		answer({ ...trigger(nowMs()), cluster: { ...CLUSTER, name: 'd' } }).catch(() => undefined);
		await pass(2999);
		is(collected.length, 0);
		await pass(20_000);
		ok(collected.length >= 1);
	});

	it('gives the lease back where a collection fails, and says why to all that waited', async () => {
		const { instance, pass, collected, nowMs, fail } = createInstances();
		const answer = instance();
		fail(new Error('no answer'));
		const outcomes = [outcomeOf(answer(trigger(nowMs()))), outcomeOf(answer(trigger(nowMs())))];
		await pass(5000);
		equal(
			outcomes.map(({ kind }) => kind),
			['no answer', 'no answer'],
		);
		fail(undefined);
		const again = outcomeOf(answer(trigger(nowMs())));
		await pass(5000);
		equal([again.kind, collected.length], ['collected', 2]);
	});

	it('does not wait for ever for another instance', async () => {
		const { instance, pass, nowMs } = createInstances(200_000);
		const [one, two] = [instance(), instance()];
		const first = outcomeOf(one(trigger(nowMs())));
		await pass(3100);
		const second = outcomeOf(two(trigger(nowMs())));
		await pass(70_000);
		is(first.kind, undefined);
		match(second.kind ?? '', /^busy: another instance/);
	});
});

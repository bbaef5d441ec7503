import { parseTime, sortableTime } from '../policy/time.ts';
import type { ClusterKey, SnapshotStore } from '../ports.ts';
import type { Trigger } from './trigger.ts';

/** How a trigger ends. `collected`: with or without a change; `collapsed`: another collection had begun after it. */
export type Collected<T> = { readonly kind: 'collected'; readonly result: T } | { readonly kind: 'collapsed' };

export interface CollectorPorts<T> {
	readonly store: Pick<SnapshotStore, 'readNewest' | 'lease'>;
	/** Collects and keeps the state of the cluster once. `changedAt`: when its policy was changed, as far as that is known. */
	readonly collect: (cluster: ClusterKey, trigger: Trigger) => Promise<T>;
	readonly now: () => Date;
	readonly sleep: (ms: number) => Promise<unknown>;
	readonly limits?: Partial<CollectorLimits>;
}

export interface CollectorLimits {
	/** How long a trigger waits for others of its cluster, such as the other files of an apply. */
	readonly settleMs: number;
	/** How long a collection may take: after that another instance may begin one. */
	readonly leaseMs: number;
	/** How long a trigger waits for another instance's collection, and how often it looks. */
	readonly patienceMs: number;
	readonly pollMs: number;
}

const COLLECTOR_LIMITS: CollectorLimits = { settleMs: 3000, leaseMs: 240_000, patienceMs: 60_000, pollMs: 2000 };

/** By which clocks of instances may differ. */
const SKEW_MS = 60_000;

/** Triggers of one cluster that wait together. */
interface Waiting<T> {
	trigger: Trigger;
	readonly done: Promise<Collected<T>>;
}

/**
 * Collects a cluster once for all triggers that come within a few seconds, also where other instances get some of them: a trigger waits a
 * little, is done where the cluster was seen since, and else collects under a lease. Rejects as the collection does, and with `busy` where
 * another instance holds the lease for too long.
 */
export function createCollector<T>(ports: CollectorPorts<T>): (trigger: Trigger) => Promise<Collected<T>> {
	const { store, collect, now, sleep } = ports;
	const limits = { ...COLLECTOR_LIMITS, ...ports.limits };
	const waiting = new Map<string, Waiting<T>>();

	async function run(key: string, own: () => Trigger): Promise<Collected<T>> {
		await sleep(limits.settleMs);
		waiting.delete(key);
		const trigger = own();
		const { cluster } = trigger;
		for (const untilMs = now().getTime() + limits.patienceMs; ; await sleep(limits.pollMs)) {
			const { newest } = await store.readNewest(cluster);
			if (newest && wasSeen(newest.seenUntil, { since: trigger.requestedAt, nowMs: now().getTime() })) return { kind: 'collapsed' };
			const lease = await store.lease(cluster, now().getTime() + limits.leaseMs);
			if (lease) {
				try {
					return { kind: 'collected', result: await collect(cluster, trigger) };
				} finally {
					await lease.release();
				}
			}
			if (now().getTime() >= untilMs) throw new Error(`busy: another instance has been collecting it for ${limits.patienceMs} ms`);
		}
	}

	return function answer(trigger) {
		const key = JSON.stringify([trigger.cluster.project, trigger.cluster.location, trigger.cluster.name]);
		const others = waiting.get(key);
		if (others) {
			others.trigger = merge(others.trigger, trigger);
			return others.done;
		}
		const own: Waiting<T> = { trigger, done: run(key, () => own.trigger) };
		waiting.set(key, own);
		return own.done;
	};
}

/** What lies ahead of the clock was seen by one that is wrong, and proves nothing. */
const wasSeen = (seenUntil: string, { since, nowMs }: { readonly since: string; readonly nowMs: number }): boolean =>
	!isBefore(seenUntil, since) && Date.parse(seenUntil) <= nowMs + SKEW_MS;

const isBefore = (a: string, b: string): boolean => sortableTime(parseTime(a) ?? a) < sortableTime(parseTime(b) ?? b);

/** Both are answered by a collection that begins after the later one; the last change is the one that made the state. */
function merge(a: Trigger, b: Trigger): Trigger {
	const [earlier, later] = isBefore(b.requestedAt, a.requestedAt) ? [b, a] : [a, b];
	const changedAt = later.changedAt ?? earlier.changedAt;
	const reason = changedAt === undefined ? later.reason : 'policy-change';
	return { cluster: later.cluster, reason, requestedAt: later.requestedAt, ...(changedAt !== undefined && { changedAt }) };
}

import type { AlertChannel, AlertStore, Clause, ClusterKey, Problem, ProblemDetail } from '../ports.ts';
import type { Alert, Notice, Rendering, Resolution } from './alert.ts';
import { decide, type Timing } from './decide.ts';
import { clusterId, groupOf } from './group.ts';
import { isFresh, type Memory, toMemory } from './memory.ts';
import { alertsOf, type Flood, HOUR_MS, plan } from './plan.ts';
import { postAll } from './post.ts';
import { toAlertRows } from './row.ts';
import { latest } from './times.ts';

export interface RunPorts {
	readonly store: AlertStore;
	readonly channel: AlertChannel;
	/** The body that the channel takes. */
	readonly render: (notice: Notice, rendering: Rendering) => object;
	/** What is posted where it refuses that. */
	readonly renderPlain: (notice: Notice, rendering: Rendering) => object;
	/** Hears of every message that was posted, and of what went wrong. */
	readonly tell: (event: RunEvent) => void;
	readonly now: () => Date;
	/** An id that no other run has. */
	readonly newRun: () => string;
	readonly timing: Timing;
	readonly flood: Flood;
	/** An entry so old may be told of although its cluster was not seen since. */
	readonly settleMs: number;
	readonly dataset: string;
	readonly constructsUrl?: string | undefined;
}

export type RunEvent =
	| { readonly kind: 'posted'; readonly notice: Notice; readonly rendering: Rendering }
	/** No form of it is taken: it counts as told, here. */
	| { readonly kind: 'given-up'; readonly notice: Notice; readonly rendering: Rendering; readonly detail: string }
	/** It was posted, and that could not be noted: it will be posted again. */
	| { readonly kind: 'not-noted'; readonly notice: Notice; readonly error: unknown }
	/** It was not posted, nor were those after it: the next run does. */
	| { readonly kind: 'not-posted'; readonly reason: 'later' | 'broken' | 'out-of-time'; readonly detail: string };

export interface RunCounts {
	/** That may be told of, silenced ones included. */
	readonly problems: number;
	/** Events that were due. */
	readonly alerts: number;
	/** That wait for a later run: there is too much at once. */
	readonly held: number;
	/** Posted. */
	readonly messages: number;
	/** Of those, not posted but told in the log: no form of them was taken. */
	readonly givenUp: number;
	/** Events that another run tells of at the same time. */
	readonly yielded: number;
	/** Messages that are left to the next run. */
	readonly left: number;
	/** All that was to be posted was, and is noted. */
	readonly whole: boolean;
}

/** A claim that is neither posted nor failed after so long is no more: whoever made it has died. More than `RUN_MS` and a request. */
export const CLAIM_MS = 5 * 60_000;
/** No message is begun after so long. */
export const RUN_MS = 150_000;
/** What fires is told of again before it is forgotten, and every state of a cluster is written again within a week. */
const MEMORY_MS = 8 * 24 * HOUR_MS;

/** How far is looked back where something could not be posted. */
const LOOK_BACK_MS = 24 * HOUR_MS;

/** So often it is asked what was mended. */
const FIXED_MS = 5 * 60_000;

/**
 * One run: reads what there is, claims what is to be told, tells it. Rejects where the store does in reading and claiming; nothing was told
 * then.
 */
export async function runAlerts(ports: RunPorts): Promise<RunCounts> {
	const { store, now, timing, settleMs, flood } = ports;
	const startMs = now().getTime();
	const ago = (ms: number): string => new Date(startMs - ms).toISOString();
	const expiredMs = startMs - CLAIM_MS;
	const [events, silences] = await Promise.all([
		store.readMemory({ since: ago(MEMORY_MS), recent: ago(HOUR_MS) }),
		store.readSilences(ago(0)),
	]);
	const memory = toMemory(events, { expiredMs });
	// What could not be told yet may have fallen quiet meanwhile.
	const since = ago(memory.failed ? Math.max(LOOK_BACK_MS, timing.quietMs) : timing.quietMs);
	const { problems, complete } = await store.readProblems({ since, settledBefore: ago(settleMs) });
	// In the first minute of every few: it reads a week of what the linter found.
	const clauses = startMs % FIXED_MS < 60_000 ? clausesOf(memory) : [];
	const fixed = clauses.length === 0 ? [] : await store.readFixed(clauses, ago(MEMORY_MS));
	const run = ports.newRun();
	const alerts = decide({ problems, complete, memory, silences, fixed, nowMs: startMs, timing }).map(
		(decision, index): Alert => ({ ...decision, id: `${run}-${index}` }),
	);
	const planned = plan(alerts, { memory, nowMs: startMs, flood }).map(
		(notice, index): Notice => ({ ...notice, id: `${run}-message-${index}` }),
	);
	const held = alerts.length - planned.flatMap(alertsOf).length;
	const counts = { problems: problems.length, alerts: alerts.length, held, messages: 0, givenUp: 0, yielded: 0, left: 0, whole: true };
	if (planned.length === 0) return counts;
	const details = await readDetails(store, { alerts: planned.flatMap(alertsOf), earliestMs: startMs - MEMORY_MS });
	const completed = planned.flatMap((notice) => {
		const whole = mapAlerts(notice, (alert) => completeAlert(alert, details));
		return without(whole, (alert) => !isPremature(alert, startMs - timing.quietMs));
	});
	const rendering: Rendering = { details, dataset: ports.dataset, constructsUrl: ports.constructsUrl, counts: countsOf(problems) };
	const { notices, yielded } = await claim(completed, { ports, run, memory, details, startMs });
	const posted = await postAll(notices, { ports, run, rendering, untilMs: startMs + RUN_MS });
	return { ...counts, ...posted, yielded, left: notices.length - posted.messages };
}

/** What a later snapshot could show to be mended. */
function clausesOf({ groups }: Memory): readonly Clause[] {
	const rows = [...groups.values()].flatMap(({ told }) => [...told.values()]);
	const clauses = rows.flatMap(({ cluster, construct, policyNamespace, policyName, direction, clause }): Clause[] =>
		construct === null || policyName === null || clause === null
			? []
			: [{ cluster, construct, policyNamespace, policyName, direction, clause }],
	);
	return [...new Map(clauses.map((clause) => [JSON.stringify(clause), clause])).values()];
}

/** Since the first of them began, as far as is remembered: what its days come to is said of an alert that goes on or is over. */
async function readDetails(
	store: AlertStore,
	{ alerts, earliestMs }: { readonly alerts: readonly Alert[]; readonly earliestMs: number },
): Promise<ReadonlyMap<string, ProblemDetail>> {
	const sinceMs = Math.max(earliestMs, Math.min(...alerts.map(({ firstSeen }) => Date.parse(firstSeen))));
	const fingerprints = new Set(alerts.flatMap(({ problems }) => problems.map(({ fingerprint }) => fingerprint)));
	return store.readDetails([...fingerprints], new Date(sinceMs).toISOString());
}

/** What was told of long ago has had more entries since than the time that is looked at holds, and they say why it is over. */
function completeAlert(alert: Alert, details: ReadonlyMap<string, ProblemDetail>): Alert {
	if (alert.state !== 'repeat' && alert.state !== 'resolved') return alert;
	const problems = alert.problems.map((problem): Problem => {
		const { lastSeen, entries, packets } = details.get(problem.fingerprint) ?? problem;
		return { ...problem, lastSeen, entries, packets };
	});
	const lastSeen = latest(problems.map((problem) => problem.lastSeen));
	if (alert.state === 'repeat') return { ...alert, problems, lastSeen };
	// Where none of its entries is left under that fingerprint, they were judged again and are something else.
	const found = problems.some(({ fingerprint }) => details.has(fingerprint));
	const over: Resolution = found ? { kind: 'quiet', since: lastSeen } : { kind: 'judged-again' };
	return { ...alert, problems, lastSeen, resolution: alert.resolution ?? over };
}

/** It has entries that may not be told of yet: it is not quiet. */
const isPremature = ({ resolution }: Alert, quietSinceMs: number): boolean =>
	resolution?.kind === 'quiet' && Date.parse(resolution.since) >= quietSinceMs;

function countsOf(problems: readonly Problem[]): Rendering['counts'] {
	const byCluster = new Map<string, { contradicted: number; 'late-reply': number }>();
	for (const problem of problems) {
		const { counted } = groupOf(problem);
		if (counted === undefined) continue;
		const key = clusterId(problem.cluster);
		const counts = byCluster.get(key) ?? { contradicted: 0, 'late-reply': 0 };
		byCluster.set(key, counts);
		counts[counted] += problem.entries;
	}
	return (cluster: ClusterKey) => byCluster.get(clusterId(cluster)) ?? { contradicted: 0, 'late-reply': 0 };
}

interface Claiming {
	readonly ports: RunPorts;
	readonly run: string;
	readonly memory: Memory;
	readonly details: ReadonlyMap<string, ProblemDetail>;
	readonly startMs: number;
}

/**
 * Claims what the notices tell of, and gives up what somebody else claims too. Each run adds its rows first and looks for others afterwards,
 * so of two at once one at least sees the other. Both may yield, and then the next run tells of it; never do both go on.
 */
async function claim(
	planned: readonly Notice[],
	{ ports, run, memory, details, startMs }: Claiming,
): Promise<{ readonly notices: readonly Notice[]; readonly yielded: number }> {
	const { store, now } = ports;
	const claimedAt = now().toISOString();
	const expiredMs = startMs - CLAIM_MS;
	const rows = planned.flatMap((notice) =>
		alertsOf(notice).flatMap((alert) => toAlertRows({ alert, messageId: notice.id, run, claimedAt, details })),
	);
	const groups = [...new Set(rows.map((row) => row.group_id))];
	const expired = new Date(expiredMs).toISOString();
	try {
		await store.claim(rows, expired);
		// Claimed since this run began to read, and as long before as a claim holds.
		const rivals = await store.readRivals(groups, { run, since: expired });
		const others = rivals.filter((row) => (row.postedAt === null ? isFresh(row, expiredMs) : !memory.alertIds.has(row.alertId)));
		const lost = new Set(others.map(({ groupId }) => groupId));
		if (lost.size > 0) await store.withdraw([...lost], run);
		const kept = planned.flatMap((notice) => without(notice, ({ group }) => !lost.has(group.id)));
		return { notices: kept, yielded: lost.size };
	} catch (error) {
		// What of it was added would keep the next runs from telling, until it is no more.
		await store.withdraw(groups, run).catch(() => undefined);
		throw error;
	}
}

function without(notice: Notice, keep: (alert: Alert) => boolean): readonly Notice[] {
	if (notice.kind === 'alert') return keep(notice.alert) ? [notice] : [];
	const alerts = notice.alerts.filter(keep);
	return alerts.length === 0 ? [] : [{ ...notice, alerts }];
}

const mapAlerts = (notice: Notice, change: (alert: Alert) => Alert): Notice =>
	notice.kind === 'alert' ? { ...notice, alert: change(notice.alert) } : { ...notice, alerts: notice.alerts.map(change) };

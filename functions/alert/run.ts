import type { AlertChannel, AlertMemory, AlertStore, Clause, ClusterKey, Posted, Problem, ProblemDetail } from '../ports.ts';
import type { Alert, Notice, Rendering, Resolution } from './alert.ts';
import { decide, type Timing } from './decide.ts';
import { clusterId, groupOf } from './group.ts';
import { isFresh, type Memory, toMemory } from './memory.ts';
import { alertsOf, type Flood, HOUR_MS, plan } from './plan.ts';
import { toAlertRows } from './row.ts';

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
	/** Posted. */
	readonly messages: number;
	/** Events that another run tells of at the same time. */
	readonly yielded: number;
	/** Messages that are left to the next run. */
	readonly left: number;
}

/** A claim that is neither posted nor failed after so long is no more: whoever made it has died. More than `RUN_MS` and a request. */
export const CLAIM_MS = 5 * 60_000;
/** No message is begun after so long. */
export const RUN_MS = 150_000;
/** What fires is told of again before it is forgotten, and every state of a cluster is written again within a week. */
const MEMORY_MS = 8 * 24 * HOUR_MS;

/** So often it is asked what was mended. */
const FIXED_MS = 5 * 60_000;

/** One run: reads what there is, claims what is to be told, tells it. Rejects where the store does before anything was claimed, or in claiming. */
export async function runAlerts(ports: RunPorts): Promise<RunCounts> {
	const { store, now, timing, settleMs, flood } = ports;
	const startMs = now().getTime();
	const ago = (ms: number): string => new Date(startMs - ms).toISOString();
	const expiredMs = startMs - CLAIM_MS;
	const [problems, events, silences] = await Promise.all([
		store.readProblems({ since: ago(timing.quietMs), settledBefore: ago(settleMs) }),
		store.readMemory({ since: ago(MEMORY_MS), recent: ago(HOUR_MS) }),
		store.readSilences(ago(0)),
	]);
	const memory = toMemory(events, { expiredMs });
	// In the first minute of every few: it reads a week of what the linter found.
	const clauses = startMs % FIXED_MS < 60_000 ? clausesOf(memory) : [];
	const fixed = clauses.length === 0 ? [] : await store.readFixed(clauses, ago(MEMORY_MS));
	const run = ports.newRun();
	const alerts = decide({ problems, memory, silences, fixed, nowMs: startMs, timing }).map(
		(decision, index): Alert => ({ ...decision, id: `${run}-${index}` }),
	);
	const planned = plan(alerts, { memory, nowMs: startMs, flood }).map(
		(notice, index): Notice => ({ ...notice, id: `${run}-message-${index}` }),
	);
	const counts = { problems: problems.length, alerts: alerts.length, messages: 0, yielded: 0, left: 0 };
	if (planned.length === 0) return counts;
	const details = await readDetails(store, planned.flatMap(alertsOf));
	const complete = planned.map((notice) => mapAlerts(notice, (alert) => completeAlert(alert, details)));
	const rendering: Rendering = { details, dataset: ports.dataset, constructsUrl: ports.constructsUrl, counts: countsOf(problems) };
	const { notices, yielded } = await claim(complete, { ports, run, memory, details, startMs });
	const messages = await postAll(notices, { ports, run, rendering, untilMs: startMs + RUN_MS });
	return { ...counts, messages, yielded, left: notices.length - messages };
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

/** Of each alert since it began: what its days come to is said of those that go on or are over. */
async function readDetails(store: AlertStore, alerts: readonly Alert[]): Promise<ReadonlyMap<string, ProblemDetail>> {
	const details = new Map<string, ProblemDetail>();
	for (const [day, some] of Map.groupBy(alerts, ({ firstSeen }) => firstSeen.slice(0, '2026-03-04'.length))) {
		const fingerprints = new Set(some.flatMap(({ problems }) => problems.map(({ fingerprint }) => fingerprint)));
		for (const [fingerprint, detail] of await store.readDetails([...fingerprints], `${day}T00:00:00Z`)) details.set(fingerprint, detail);
	}
	return details;
}

/** What was told of long ago has had more entries since than the time that is looked at holds, and they say why it is over. */
function completeAlert(alert: Alert, details: ReadonlyMap<string, ProblemDetail>): Alert {
	if (alert.state !== 'repeat' && alert.state !== 'resolved') return alert;
	const problems = alert.problems.map((problem): Problem => {
		const { firstSeen, lastSeen, entries, packets } = details.get(problem.fingerprint) ?? problem;
		return { ...problem, firstSeen, lastSeen, entries, packets };
	});
	const times = problems.flatMap(({ firstSeen, lastSeen }) => [firstSeen, lastSeen]).sort((a, b) => Date.parse(a) - Date.parse(b));
	const [firstSeen = alert.firstSeen, lastSeen = alert.lastSeen] = [times[0], times.at(-1)];
	const found = problems.some(({ fingerprint }) => details.has(fingerprint));
	// Where none of its entries is left under that fingerprint, they were judged again and are something else.
	const over: Resolution = found ? { kind: 'quiet', since: lastSeen } : { kind: 'judged-again' };
	return { ...alert, problems, firstSeen, lastSeen, ...(alert.state === 'resolved' && { resolution: alert.resolution ?? over }) };
}

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
	let rivals: readonly AlertMemory[];
	try {
		await store.claim(rows, expired);
		// Claimed since this run began to read, and as long before as a claim holds.
		rivals = await store.readRivals(groups, { run, since: expired });
	} catch (error) {
		// What of it was added would keep the next runs from telling, until it is no more.
		await store.withdraw(groups, run).catch(() => undefined);
		throw error;
	}
	const lost = new Set(
		rivals
			.filter((row) => (row.postedAt === null ? isFresh(row, expiredMs) : !memory.alertIds.has(row.alertId)))
			.map(({ groupId }) => groupId),
	);
	if (lost.size > 0) await store.withdraw([...lost], run);
	const keep = ({ group }: Alert): boolean => !lost.has(group.id);
	return { notices: planned.flatMap((notice) => without(notice, keep)), yielded: lost.size };
}

function without(notice: Notice, keep: (alert: Alert) => boolean): readonly Notice[] {
	if (notice.kind === 'alert') return keep(notice.alert) ? [notice] : [];
	const alerts = notice.alerts.filter(keep);
	return alerts.length === 0 ? [] : [{ ...notice, alerts }];
}

const mapAlerts = (notice: Notice, change: (alert: Alert) => Alert): Notice =>
	notice.kind === 'alert' ? { ...notice, alert: change(notice.alert) } : { ...notice, alerts: notice.alerts.map(change) };

interface Posting {
	readonly ports: RunPorts;
	readonly run: string;
	readonly rendering: Rendering;
	readonly untilMs: number;
}

/** Posts one after the other, each noted before the next: whoever dies in between tells one of them twice at most. Answers with how many. */
async function postAll(notices: readonly Notice[], posting: Posting): Promise<number> {
	const { ports, run, rendering, untilMs } = posting;
	const { store, tell, now } = ports;
	for (const [index, notice] of notices.entries()) {
		const leave = async (reason: 'later' | 'broken' | 'out-of-time', detail: string): Promise<number> => {
			tell({ kind: 'not-posted', reason, detail });
			// Of what was tried it stays known why it failed; of the rest nothing.
			await store.release(notice.id, detail);
			const rest = notices.slice(index + 1).flatMap(alertsOf);
			if (rest.length > 0) await store.withdraw([...new Set(rest.map(({ group }) => group.id))], run);
			return index;
		};
		if (now().getTime() >= untilMs) return leave('out-of-time', 'the time of the run was over');
		const posted = await post(notice, posting);
		if (posted.kind === 'later' || posted.kind === 'broken') return leave(posted.kind, posted.detail);
		const { channel, ts } = posted.kind === 'posted' ? posted : {};
		try {
			await store.settle(notice.id, {
				at: now().toISOString(),
				...(channel !== undefined && { channel }),
				...(ts !== undefined && { ts }),
				...(posted.kind === 'refused' && { error: posted.detail }),
			});
		} catch (error) {
			tell({ kind: 'not-noted', notice, error });
			throw error;
		}
		tell(posted.kind === 'posted' ? { kind: 'posted', notice, rendering } : { kind: 'given-up', notice, rendering, detail: posted.detail });
	}
	return notices.length;
}

async function post(notice: Notice, { ports, rendering, untilMs }: Posting): Promise<Posted> {
	const { channel, render, renderPlain } = ports;
	const thread = notice.kind === 'alert' && channel.threads ? notice.alert.thread : undefined;
	const options = { untilMs, ...(thread !== undefined && { thread }) };
	const posted = await channel.post(render(notice, rendering), options);
	// Better without its form than not at all.
	return posted.kind === 'refused' ? channel.post(renderPlain(notice, rendering), options) : posted;
}

import { type Alert, type Notice, SEVERITIES } from './alert.ts';
import { clusterId } from './group.ts';
import type { Memory } from './memory.ts';

/** How much is posted. */
export interface Flood {
	/** Messages of a run, at most. */
	readonly messages: number;
	/** Problems that a run tells of, at most: each is looked up and noted. What is over waits for the next run. */
	readonly problems: number;
	/** So many alerts of one cluster and state in one run become one message. */
	readonly bundleAt: number;
	/** After so many messages of a cluster in an hour, what it has more to say comes bundled, */
	readonly hourly: number;
	/** and not sooner than this after its last message. */
	readonly pauseMs: number;
}

export const FLOOD: Flood = { messages: 10, problems: 5000, bundleAt: 6, hourly: 20, pauseMs: 5 * 60_000 };

export const HOUR_MS = 3_600_000;

interface Circumstances {
	readonly memory: Memory;
	readonly nowMs: number;
	readonly flood: Flood;
}

/** A notice before it has an id. */
export type Planned = Notice extends infer Each ? (Each extends Notice ? Omit<Each, 'id'> : never) : never;

/** The messages of a run, the most urgent first. What is left out is not lost: nothing remembers that it was told. */
export function plan(alerts: readonly Alert[], { memory, nowMs, flood }: Circumstances): readonly Planned[] {
	const notices: Planned[] = [];
	const isFailed = ({ group }: Alert): boolean => memory.groups.get(group.id)?.failed ?? false;
	const urgent = alerts.toSorted((a, b) => Number(isFailed(a)) - Number(isFailed(b)) || byUrgency(a, b));
	const affordable = within(urgent, flood.problems);
	for (const ofCluster of Map.groupBy(affordable, ({ group }) => clusterId(group.cluster)).values()) {
		const [
			{
				group: { cluster },
			},
		] = ofCluster as [Alert];
		const times = memory.messagesOf(cluster).filter((ms) => ms > nowMs - HOUR_MS);
		const much = times.length >= flood.hourly;
		if (much && nowMs - (times[0] ?? 0) < flood.pauseMs) continue;
		for (const [state, some] of Map.groupBy(ofCluster, (alert) => alert.state)) {
			const ordered = some.toSorted(byUrgency);
			if (some.length >= (much ? 2 : flood.bundleAt)) notices.push({ kind: 'bundle', cluster, state, alerts: ordered });
			else notices.push(...ordered.map((alert): Planned => ({ kind: 'alert', alert })));
		}
	}
	// What could not be posted the last time goes last: a message that the other side chokes on must not keep back the others.
	const failed = (notice: Planned): number => Number(alertsOf(notice).some(isFailed));
	const ordered = notices.toSorted((a, b) => failed(a) - failed(b) || byUrgency(firstOf(a), firstOf(b)));
	if (ordered.length <= flood.messages) return ordered;
	const rest = ordered.slice(flood.messages - 1);
	return [...ordered.slice(0, flood.messages - 1), { kind: 'overflow', alerts: rest.flatMap(alertsOf) }];
}

/** The first of them that have no more problems together than that; one in any case. */
function within(alerts: readonly Alert[], most: number): readonly Alert[] {
	let problems = 0;
	const over = alerts.findIndex((alert, index) => {
		problems += alert.problems.length;
		return index > 0 && problems > most;
	});
	return over < 0 ? alerts : alerts.slice(0, over);
}

export const alertsOf = (notice: Planned): readonly Alert[] => (notice.kind === 'alert' ? [notice.alert] : notice.alerts);

const firstOf = (notice: Planned): Alert => alertsOf(notice)[0] as Alert;

const STATES = ['firing', 'update', 'resolved', 'repeat'] as const satisfies readonly Alert['state'][];

/** What is new before what goes on, the worst first, then the oldest. */
function byUrgency(a: Alert, b: Alert): number {
	return (
		STATES.indexOf(a.state) - STATES.indexOf(b.state) ||
		SEVERITIES.indexOf(a.group.severity) - SEVERITIES.indexOf(b.group.severity) ||
		Date.parse(a.firstSeen) - Date.parse(b.firstSeen) ||
		(a.group.id < b.group.id ? -1 : 1)
	);
}

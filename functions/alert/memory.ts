import type { AlertMemory, ClusterKey } from '../ports.ts';
import { clusterId } from './group.ts';

/** What is remembered of a group. Times are ms since 1970. */
export interface GroupMemory {
	/** Of an alert that is not over: the last that was told of each problem, by fingerprint. Empty where there is none. */
	readonly told: ReadonlyMap<string, AlertMemory>;
	/** The last event. */
	readonly lastMs: number;
	/** The last event that told of all. */
	readonly wholeMs: number;
	/** Events since then that told of more. */
	readonly updates: number;
	/** By the last `resolved`: what is not later was told to be over. */
	readonly overMs: number;
	/** Somebody else is about to tell of it. */
	readonly busy: boolean;
	/** What was tried last could not be posted. */
	readonly failed: boolean;
	readonly thread: string | undefined;
}

export interface Memory {
	readonly groups: ReadonlyMap<string, GroupMemory>;
	/** Whether something could not be posted the last time. */
	readonly failed: boolean;
	/** Of every event that was read. */
	readonly alertIds: ReadonlySet<string>;
	/** When messages told of that cluster, from the time asked about on; the last first. ms since 1970. */
	readonly messagesOf: (cluster: ClusterKey) => readonly number[];
}

export const NOTHING: GroupMemory = {
	told: new Map(),
	lastMs: Number.NEGATIVE_INFINITY,
	wholeMs: Number.NEGATIVE_INFINITY,
	updates: 0,
	overMs: Number.NEGATIVE_INFINITY,
	busy: false,
	failed: false,
	thread: undefined,
};

/** A claim that is older than `expired` and was not posted is no more, and one that failed neither. */
export const isFresh = ({ postedAt, error, claimedAt }: AlertMemory, expiredMs: number): boolean =>
	postedAt === null && error === null && Date.parse(claimedAt) >= expiredMs;

export function toMemory(events: readonly AlertMemory[], { expiredMs }: { readonly expiredMs: number }): Memory {
	const groups = new Map<string, GroupMemory>();
	const messages = new Map<string, Map<string, number>>();
	for (const [id, rows] of Map.groupBy(events, ({ groupId }) => groupId)) groups.set(id, toGroupMemory(rows, expiredMs));
	for (const { cluster, messageId, postedAt } of events) {
		if (postedAt === null) continue;
		const key = clusterId(cluster);
		const times = messages.get(key) ?? new Map<string, number>();
		messages.set(key, times.set(messageId, Date.parse(postedAt)));
	}
	return {
		groups,
		failed: [...groups.values()].some(({ failed }) => failed),
		alertIds: new Set(events.map(({ alertId }) => alertId)),
		messagesOf: (cluster) => [...(messages.get(clusterId(cluster))?.values() ?? [])].sort((a, b) => b - a),
	};
}

function toGroupMemory(rows: readonly AlertMemory[], expiredMs: number): GroupMemory {
	const posted = rows
		.flatMap((row) => (row.postedAt === null ? [] : [{ row, atMs: Date.parse(row.postedAt) }]))
		.sort((a, b) => a.atMs - b.atMs);
	const lastOver = posted.findLast(({ row }) => row.state === 'resolved');
	const open = posted.filter(({ row, atMs }) => row.state !== 'resolved' && atMs > (lastOver?.atMs ?? Number.NEGATIVE_INFINITY));
	const wholeMs = open.findLast(({ row }) => row.state !== 'update')?.atMs ?? Number.NEGATIVE_INFINITY;
	return {
		told: new Map(open.map(({ row }) => [row.fingerprint, row])),
		lastMs: posted.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY,
		wholeMs,
		updates: new Set(open.flatMap(({ row, atMs }) => (row.state === 'update' && atMs > wholeMs ? [row.alertId] : []))).size,
		overMs: Math.max(
			...posted.filter(({ row }) => row.alertId === lastOver?.row.alertId).map(({ row }) => Date.parse(row.fixedAt ?? row.lastSeen)),
		),
		busy: rows.some((row) => isFresh(row, expiredMs)),
		failed: rows.some(({ postedAt, error }) => postedAt === null && error !== null),
		// A repeat stands in the channel again: what follows is said there.
		thread: open.findLast(({ row }) => row.threadTs !== null)?.row.threadTs ?? undefined,
	};
}

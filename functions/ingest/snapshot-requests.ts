import type { ClusterKey, RequestReason, SnapshotRequest } from '../ports.ts';
import { within } from './within.ts';

export interface RequestPorts {
	/** Hands the request to whoever takes snapshots. */
	readonly publish: (request: SnapshotRequest) => Promise<void>;
	/** Hears of each request that could not be published. */
	readonly onFailure: (request: SnapshotRequest, error: unknown) => void;
	readonly now: () => Date;
	readonly limits?: Partial<RequestLimits>;
}

export interface RequestLimits {
	/** One request a cluster and interval; after a failure the next one may come sooner, and still not with every entry. */
	readonly intervalMs: number;
	readonly retryMs: number;
	/** How long a caller waits for the publisher. */
	readonly waitMs: number;
	/** Clusters that are remembered: names come from entries. */
	readonly clusters: number;
}

const LIMITS: RequestLimits = { intervalMs: 60_000, retryMs: 10_000, waitMs: 500, clusters: 1000 };

/**
 * Asks for a snapshot of a cluster: at most one request a cluster and interval, by this instance; `undefined` where there is nothing to ask.
 * Resolves when it is published or after `waitMs`, whatever comes first. Never rejects: a snapshot that nobody takes is no failure of an
 * entry.
 */
export type AskForSnapshot = (cluster: ClusterKey, reason: RequestReason) => Promise<void> | undefined;

export function createSnapshotRequests({ publish, onFailure, now, limits }: RequestPorts): AskForSnapshot {
	const { intervalMs, retryMs, waitMs, clusters } = { ...LIMITS, ...limits };
	const silentUntil = new Map<string, number>();

	const remember = (key: string, untilMs: number): void => {
		silentUntil.delete(key);
		silentUntil.set(key, untilMs);
		const [oldest] = silentUntil.keys();
		if (silentUntil.size > clusters && oldest !== undefined) silentUntil.delete(oldest);
	};

	return function askForSnapshot(cluster, reason) {
		const key = JSON.stringify([cluster.project, cluster.location, cluster.name]);
		const at = now();
		if (at.getTime() < (silentUntil.get(key) ?? 0)) return undefined;
		remember(key, at.getTime() + intervalMs);
		const request = { cluster, reason, requestedAt: at.toISOString() };
		const published = attempt(publish, request).catch((error: unknown) => {
			remember(key, at.getTime() + retryMs);
			onFailure(request, error);
		});
		return within(waitMs, published, () => undefined);
	};
}

/** A publisher that throws instead of rejecting is a failure like another. */
const attempt = async (publish: RequestPorts['publish'], request: SnapshotRequest): Promise<void> => publish(request);

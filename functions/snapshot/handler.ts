import type { HttpFunction } from '@google-cloud/functions-framework';
import type { ClusterKey } from '../ports.ts';
import type { Message } from '../push/envelope.ts';
import { textOf } from '../push/failure.ts';
import { createPushFunction, type Trace } from '../push/request.ts';
import type { Collected } from './collector.ts';
import { formatClusterName, parseTrigger, type Trigger } from './trigger.ts';

/** What a collection tells of itself. */
export interface Collection {
	/** Of the snapshot that holds the state now. */
	readonly snapshotId: string;
	/** What became of it: a new snapshot, the same state again, the same written once more, or a state older than the newest. */
	readonly saved: 'changed' | 'unchanged' | 'rewritten' | 'older';
	/** Objects that could not be read, and kinds that could not be listed. */
	readonly problems: number;
	readonly unreadableKinds: readonly string[];
}

/** The one line that a request leaves in the log. */
export interface SnapshotLine extends Trace {
	readonly severity: 'INFO' | 'WARNING' | 'ERROR';
	readonly message: string;
	/** `refused`: the request or its message cannot be understood, or there is no such cluster; `ignored`: it concerns no snapshot. */
	readonly outcome: Collection['saved'] | 'collapsed' | 'ignored' | 'refused' | 'retry';
	readonly cluster: string | null;
	/** Why it was collected. */
	readonly reason: string | null;
	readonly snapshot_id: string | null;
	readonly message_id: string | null;
	readonly unreadable_kinds?: readonly string[];
	readonly problems?: number;
	readonly took_ms: number;
}

export interface SnapshotPorts {
	/** Takes a trigger to its end. Rejects where the cluster, the bucket or the warehouse cannot be reached; with `retriable: false` for ever. */
	readonly answer: (trigger: Trigger) => Promise<Collected<Collection>>;
	readonly log: (line: SnapshotLine) => void;
	readonly now: () => Date;
	/** Of clusters whose requests name no project, and of traces. */
	readonly projectId: string;
}

/** Makes the HTTP function that Pub/Sub pushes requests for snapshots to. A request is acknowledged once the cluster was seen after it. */
export function createSnapshotFunction({ answer, log, now, projectId }: SnapshotPorts): HttpFunction {
	const nothing = { cluster: null, reason: null, snapshot_id: null, message_id: null, took_ms: 0 };
	return createPushFunction({
		traceProject: projectId,
		onRefused: (message, trace) => log({ severity: 'WARNING', message, outcome: 'refused', ...nothing, ...trace }),
		handle(message, settle, trace) {
			const startedAt = now();
			const parsed = parseTrigger(message, startedAt.toISOString());
			if (parsed.kind !== 'trigger') {
				// To deliver it again would not help.
				const severity = parsed.kind === 'ignored' ? 'INFO' : 'ERROR';
				log({ severity, message: parsed.detail, outcome: parsed.kind, ...nothing, message_id: message.id, ...trace });
				settle({ status: 204 });
				return;
			}
			const trigger = { ...parsed.trigger, cluster: { project: projectId, ...parsed.trigger.cluster } };
			const known = () => ({ ...knownOf(message, trigger), took_ms: now().getTime() - startedAt.getTime(), ...trace });
			answer(trigger).then(
				(collected) => {
					log({ ...lineOf(collected, trigger.cluster), ...known() });
					settle({ status: 204 });
				},
				(error: unknown) => {
					const text = `${formatClusterName(trigger.cluster)} was not collected: ${textOf(error)}`;
					const final = isFinal(error);
					log({ severity: 'ERROR', message: text, outcome: final ? 'refused' : 'retry', snapshot_id: null, ...known() });
					settle(final ? { status: 204 } : { status: 503, reason: 'not-collected' });
				},
			);
		},
	});
}

/** Whether it will be no other the next time, as where the cluster was deleted. */
const isFinal = (error: unknown): boolean => error instanceof Error && 'retriable' in error && error.retriable === false;

const knownOf = ({ id }: Message, { cluster, reason }: Trigger) => ({ cluster: formatClusterName(cluster), reason, message_id: id });

const SAVED: Readonly<Record<Collection['saved'], string>> = {
	changed: 'has another state',
	unchanged: 'is unchanged',
	rewritten: 'is unchanged, and written once more',
	older: 'had a state that another collection has overtaken',
};

function lineOf(
	collected: Collected<Collection>,
	cluster: ClusterKey,
): Pick<SnapshotLine, 'severity' | 'message' | 'outcome' | 'snapshot_id' | 'unreadable_kinds' | 'problems'> {
	const who = formatClusterName(cluster);
	if (collected.kind === 'collapsed')
		return { severity: 'INFO', message: `${who} was collected since`, outcome: 'collapsed', snapshot_id: null };
	const { snapshotId, saved, problems, unreadableKinds } = collected.result;
	const severity = unreadableKinds.length > 0 || problems > 0 ? 'WARNING' : 'INFO';
	return {
		severity,
		message: `${who} ${SAVED[saved]}`,
		outcome: saved,
		snapshot_id: snapshotId,
		unreadable_kinds: unreadableKinds,
		problems,
	};
}

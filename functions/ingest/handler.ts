import type { HttpFunction } from '@google-cloud/functions-framework';
import type { Message } from '../push/envelope.ts';
import { stackOf, textOf } from '../push/failure.ts';
import { createPushFunction, type Trace } from '../push/request.ts';
import { createIngestMessage, type IngestPorts, type Outcome } from './ingest.ts';

/** The one line that a request leaves in the log, in the form of Cloud Logging's structured logs. */
export interface LogLine extends Trace {
	readonly severity: 'INFO' | 'WARNING' | 'ERROR';
	readonly message: string;
	/** How the message ended; `refused`: the request held none. */
	readonly outcome: Outcome['kind'] | 'refused';
	readonly reason: string | null;
	readonly message_id: string | null;
	/** How often Pub/Sub has delivered it, where the subscription has a dead-letter policy. */
	readonly delivery_attempt: number | null;
	readonly entry_id: string | null;
	readonly snapshot_id: string | null;
	readonly finding: string | null;
	/** The entry's time minus the time from which its snapshot is valid. */
	readonly snapshot_age_ms: number | null;
	readonly took_ms: number;
	/** Where an error came from. */
	readonly stack?: string;
}

export interface HandlerPorts extends IngestPorts {
	readonly log: (line: LogLine) => void;
	/** The project whose traces the requests belong to. */
	readonly traceProject?: string;
}

/** Makes the HTTP function that Pub/Sub pushes policy-action entries to. A message is acknowledged once its row is durable. */
export function createIngest(ports: HandlerPorts): HttpFunction {
	const { log, now, traceProject } = ports;
	const ingestMessage = createIngestMessage(ports);
	return createPushFunction({
		traceProject,
		onRefused: (detail, trace) => log({ ...refusedLine(detail), ...trace }),
		handle(message, settle, trace) {
			const startMs = now().getTime();
			ingestMessage(message, (outcome) => {
				log({ ...outcomeLine(message, outcome, now().getTime() - startMs), ...trace });
				if (outcome.kind !== 'retry') settle({ status: 204 });
				else settle({ status: outcome.reason === 'queue-full' ? 429 : 503, reason: outcome.reason });
			});
		},
	});
}

const refusedLine = (message: string): LogLine => ({
	severity: 'WARNING',
	message,
	outcome: 'refused',
	reason: 'no-message',
	message_id: null,
	delivery_attempt: null,
	entry_id: null,
	snapshot_id: null,
	finding: null,
	snapshot_age_ms: null,
	took_ms: 0,
});

function outcomeLine({ id, deliveryAttempt }: Message, outcome: Outcome, tookMs: number): LogLine {
	const line = {
		outcome: outcome.kind,
		message_id: id,
		delivery_attempt: deliveryAttempt ?? null,
		entry_id: null,
		snapshot_id: null,
		finding: null,
		snapshot_age_ms: null,
		took_ms: tookMs,
	};
	switch (outcome.kind) {
		case 'ok':
		case 'drop': {
			const { entryId, snapshotId, finding, snapshotAgeMs } = outcome;
			return {
				severity: 'INFO',
				message: `judged: ${finding}${outcome.kind === 'drop' ? ', not kept' : ''}`,
				...line,
				reason: null,
				entry_id: entryId,
				snapshot_id: snapshotId,
				finding,
				snapshot_age_ms: snapshotAgeMs,
			};
		}
		case 'reject':
			return { severity: 'WARNING', message: `rejected: ${outcome.detail}`, ...line, reason: outcome.reason };
		case 'retry': {
			const { error, reason, entryId, snapshotId } = outcome;
			const stack = stackOf(error);
			const message = `not acknowledged: ${reason}: ${textOf(error)}`;
			return { severity: 'ERROR', message, ...line, reason, entry_id: entryId, snapshot_id: snapshotId, ...stack };
		}
		default:
			return outcome satisfies never;
	}
}

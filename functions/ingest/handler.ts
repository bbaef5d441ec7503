import type { HttpFunction, Request, Response } from '@google-cloud/functions-framework';
import { isUnwrapped, type Message, parseEnvelope, parseUnwrapped } from './envelope.ts';
import { createIngestMessage, type IngestPorts, type Outcome } from './ingest.ts';

/** The one line that a request leaves in the log, in the form of Cloud Logging's structured logs. */
export interface LogLine {
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
	/** By which Cloud Logging shows it beside the request. */
	readonly 'logging.googleapis.com/trace'?: string;
}

export interface HandlerPorts extends IngestPorts {
	readonly log: (line: LogLine) => void;
	/** The project whose traces the requests belong to. */
	readonly traceProject?: string;
}

/**
 * Makes the HTTP function that Pub/Sub pushes to, wrapped or not. 204: the message's row is durable. 503: it is not, deliver it again; 429:
 * the same, because too many rows wait. 400 and 405: the request holds no message, so there is nothing to acknowledge or to keep.
 */
export function createIngest(ports: HandlerPorts): HttpFunction {
	const ingestMessage = createIngestMessage(ports);
	return function ingest(request: Request, response: Response): void {
		if (isHealthCheck(request)) {
			response.status(200).type('text/plain').send('ok\n');
			return;
		}
		const startMs = ports.now().getTime();
		const trace = traceOf(request, ports);
		const envelope = readRequest(request);
		if (envelope.kind === 'refused') {
			ports.log({ ...refusedLine(envelope.detail, ports.now().getTime() - startMs), ...trace });
			if (envelope.status === 405) response.set('Allow', 'POST');
			response.status(envelope.status).type('text/plain').send(`${envelope.detail}\n`);
			return;
		}
		ingestMessage(envelope.message, (outcome) => {
			ports.log({ ...outcomeLine(envelope.message, outcome, ports.now().getTime() - startMs), ...trace });
			if (outcome.kind !== 'retry') response.status(204).end();
			else
				response
					.status(outcome.reason === 'queue-full' ? 429 : 503)
					.type('text/plain')
					.send(`${outcome.reason}\n`);
		});
	};
}

/** Of a load balancer or an uptime check. Cloud Run keeps paths that end in `z` for itself. */
const isHealthCheck = ({ method, path }: Request): boolean => method === 'GET' && path === '/health';

function traceOf({ headers }: Request, { traceProject }: HandlerPorts): Pick<LogLine, 'logging.googleapis.com/trace'> {
	const [id = ''] = String(headers['x-cloud-trace-context'] ?? '').split('/');
	// It comes from outside, and goes into a name.
	if (traceProject === undefined || !/^[\da-f]{32}$/.test(id)) return {};
	return { 'logging.googleapis.com/trace': `projects/${traceProject}/traces/${id}` };
}

type Read =
	| { readonly kind: 'message'; readonly message: Message }
	| { readonly kind: 'refused'; readonly status: 400 | 405; readonly detail: string };

function readRequest({ method, headers, body, rawBody }: Request): Read {
	if (method !== 'POST')
		return { kind: 'refused', status: 405, detail: 'this is the target of a Pub/Sub push subscription: POST its messages here' };
	const envelope = isUnwrapped(headers) ? parseUnwrapped(headers, rawBody ?? Buffer.alloc(0)) : parseEnvelope(parseBody(body));
	return envelope.kind === 'message' ? envelope : { ...envelope, status: 400 };
}

/** The framework parses JSON where the content type says so; Pub/Sub's does, other senders' may not. */
function parseBody(body: unknown): unknown {
	if (!Buffer.isBuffer(body) && typeof body !== 'string') return body;
	try {
		return JSON.parse(body.toString());
	} catch {
		return undefined;
	}
}

const refusedLine = (message: string, tookMs: number): LogLine => ({
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
	took_ms: tookMs,
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
		case 'ok': {
			const { entryId, snapshotId, finding, snapshotAgeMs } = outcome;
			return {
				severity: 'INFO',
				message: `judged: ${finding}`,
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
			const stack = error instanceof Error && error.stack !== undefined ? { stack: error.stack } : {};
			const message = `not acknowledged: ${reason}: ${error instanceof Error ? error.message : String(error)}`;
			return { severity: 'ERROR', message, ...line, reason, entry_id: entryId, snapshot_id: snapshotId, ...stack };
		}
		default:
			return outcome satisfies never;
	}
}

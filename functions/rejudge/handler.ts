import type { HttpFunction, Response } from '@google-cloud/functions-framework';
import { stackOf, textOf } from '../push/failure.ts';
import { isHealthCheck, parseBody, type Trace, traceOf } from '../push/request.ts';
import { type BatchOutcome, type BatchPorts, createRejudgeBatch } from './batch.ts';
import { type Caller, parseRequest } from './request.ts';

/** The one line that a batch leaves in the log, in the form of Cloud Logging's structured logs. */
export interface RejudgeLine extends Trace {
	readonly severity: 'INFO' | 'WARNING' | 'ERROR';
	readonly message: string;
	/** `refused`: the request holds no calls. */
	readonly outcome: 'ok' | 'retry' | 'refused';
	readonly reason: 'snapshots-unavailable' | 'internal-error' | 'no-calls' | null;
	readonly request_id: string | null;
	/** The job of the query that calls. */
	readonly caller: string | null;
	readonly calls: number;
	readonly judged: number;
	/** Of those judged. */
	readonly undecidable: number;
	/** Entries that can be no row, or found no room in the reply. */
	readonly rejected: number;
	readonly took_ms: number;
	/** Where an error came from. */
	readonly stack?: string;
}

export interface RejudgePorts extends BatchPorts {
	readonly log: (line: RejudgeLine) => void;
	/** The project whose traces the requests belong to. */
	readonly traceProject?: string;
}

/**
 * Makes the HTTP function that BigQuery calls as a remote function: entries in, rows out. 200 has one reply a call: the row of `verdicts_v1`
 * as JSON, or `{"rejected":{"reason","detail"}}`. 503: snapshots could not be read, and BigQuery sends the batch again. 400 and 405: the
 * request is none of BigQuery's, and the query that made it ends with what is wrong.
 */
export function createRejudge(ports: RejudgePorts): HttpFunction {
	const { log, now, traceProject } = ports;
	const rejudgeBatch = createRejudgeBatch(ports);
	return async function rejudge(request, response) {
		if (isHealthCheck(request)) {
			response.status(200).type('text/plain').send('ok\n');
			return;
		}
		const startMs = now().getTime();
		const trace = traceOf(request, traceProject);
		const refuse = (status: 400 | 405, detail: string): void => {
			log({ ...NOTHING, severity: 'WARNING', message: `refused: ${detail}`, outcome: 'refused', reason: 'no-calls', ...trace });
			fail(response, status, detail);
		};
		if (request.method !== 'POST') {
			response.set('Allow', 'POST');
			refuse(405, 'this is a remote function of BigQuery: POST its calls here');
			return;
		}
		const parsed = parseRequest(parseBody(request.body));
		if (parsed.kind === 'refused') {
			refuse(400, parsed.detail);
			return;
		}
		const { calls, caller } = parsed;
		const outcome = await rejudgeBatch(calls);
		log({ ...lineOf(outcome, { ...caller, calls: calls.length }), took_ms: now().getTime() - startMs, ...trace });
		if (outcome.kind === 'failed') fail(response, 503, "snapshots-unavailable: a snapshot could not be read; the function's log says why");
		else
			response
				.status(200)
				.type('application/json')
				.send(`{"replies":[${outcome.replies.join(',')}]}`);
	};
}

/** BigQuery shows less than 1 KB of it to whoever made the query. */
const MAX_ERROR = 500;

function fail(response: Response, status: number, detail: string): void {
	response.status(status).json({ errorMessage: detail.slice(0, MAX_ERROR).toWellFormed() });
}

const NOTHING = { request_id: null, caller: null, calls: 0, judged: 0, undecidable: 0, rejected: 0, took_ms: 0 };

function lineOf(outcome: BatchOutcome, { requestId, job, calls }: Caller & { readonly calls: number }): RejudgeLine {
	const line = { ...NOTHING, request_id: requestId, caller: job, calls };
	if (outcome.kind === 'failed') {
		const { error } = outcome;
		return {
			...line,
			severity: 'ERROR',
			message: `not judged: snapshots-unavailable: ${textOf(error)}`,
			outcome: 'retry',
			reason: 'snapshots-unavailable',
			...stackOf(error),
		};
	}
	const { counts, bug } = outcome;
	const message = `judged again: ${counts.judged} of ${calls}`;
	if (bug !== undefined)
		return {
			...line,
			...counts,
			severity: 'ERROR',
			message: `${message}; internal-error: ${textOf(bug)}`,
			outcome: 'ok',
			reason: 'internal-error',
			...stackOf(bug),
		};
	return { ...line, ...counts, severity: counts.rejected > 0 ? 'WARNING' : 'INFO', message, outcome: 'ok', reason: null };
}

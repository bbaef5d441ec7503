import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Row, SqlEngine } from '../ports.ts';
import { retryAfterMs, unlessAborted } from './attempt.ts';
import { toNetworkAnswer } from './bigquery/answer.ts';
import { type Authorize, createAuthorize, toCredentialsAnswer } from './bigquery/credentials.ts';
import { type Progress, type Reply, toReply } from './bigquery-sql/reply.ts';
import { fromWire } from './bigquery-sql/values.ts';
import type { Field } from './schemas.ts';
import { nameTables } from './table-names.ts';

export interface BigquerySqlOptions {
	readonly projectId: string;
	readonly datasetId: string;
	/** With its scheme; absent: Google's. A plain http one is an emulator's and is sent no credentials. */
	readonly apiEndpoint?: string | undefined;
	/** How long a statement may take at most, all attempts at it together. */
	readonly statementTimeoutMs?: number;
	/** How long one request may take at most. */
	readonly requestTimeoutMs?: number;
	/** A statement that would read more bytes than that is refused, and costs nothing; absent: there is no limit. */
	readonly maximumBytesBilled?: number | undefined;
	/** Headers that carry credentials; absent: the application default credentials. */
	readonly authorize?: Authorize;
	/** In ms since 1970. */
	readonly now?: () => number;
	readonly sleep?: (ms: number) => Promise<unknown>;
	/** From 0 to 1, 1 excluded. */
	readonly random?: () => number;
}

const ATTEMPTS = 8;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;
/** How much of the time of a request BigQuery may wait for the statement before it answers that it still runs. */
const WAITING = 0.6;

/** A statement on its way. */
interface Statement {
	readonly body: object;
	readonly untilMs: number;
}

/**
 * Asks BigQuery by jobs.query. Google's client gives the credentials but does not ask (seen in 9.3.0): it cannot be stopped, so that a server
 * that hangs holds a run of the function for ever; it replaces `{{projectId}}` inside parameters; it goes wherever BIGQUERY_EMULATOR_HOST
 * says, with the credentials; and what it asks again has no `requestId` that stays, so that an INSERT whose answer was lost would be done twice.
 */
export function createBigquerySql(options: BigquerySqlOptions): SqlEngine {
	const { projectId, datasetId, now = Date.now, sleep = wait, random = Math.random } = options;
	const { statementTimeoutMs = 60_000, requestTimeoutMs = 20_000, maximumBytesBilled } = options;
	const apiEndpoint = options.apiEndpoint ?? 'https://bigquery.googleapis.com';
	const authorize = options.authorize ?? createAuthorize({ apiEndpoint, projectId });
	const queries = `/bigquery/v2/projects/${encodeURIComponent(projectId)}/queries`;
	const timeoutMs = Math.ceil(requestTimeoutMs * WAITING);

	/** Half of each pause is drawn, so that runs that were in each other's way do not meet again. */
	const pauseAfter = (attempt: number, retryMs: number): number =>
		Math.max(retryMs, Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt) * (0.5 + random() / 2));

	/** Sends one request, once. Never rejects. */
	async function request(path: string, untilMs: number, body?: object): Promise<Reply> {
		const limitMs = Math.max(1, Math.ceil(Math.min(requestTimeoutMs, untilMs - now())));
		const signal = AbortSignal.timeout(limitMs);
		let headers: Headers;
		try {
			headers = new Headers(await unlessAborted(authorize(), signal));
		} catch (cause) {
			return toReplyOf(signal.aborted ? toNetworkAnswer(cause, limitMs) : toCredentialsAnswer(cause), true);
		}
		try {
			if (body) headers.set('content-type', 'application/json');
			const sent = body ? { method: 'POST', body: JSON.stringify(body) } : {};
			const response = await fetch(new URL(path, apiEndpoint), { ...sent, headers, signal, redirect: 'error' });
			const pauseMs = retryAfterMs(response.headers.get('retry-after') ?? undefined, now());
			return toReply({ status: response.status, body: await response.text(), retryAfterMs: pauseMs });
		} catch (cause) {
			return toReplyOf(toNetworkAnswer(signal.aborted ? signal.reason : cause, limitMs), false);
		}
	}

	/** Waits for the job, then reads it to its end, page by page. */
	async function complete({ untilMs }: Statement, first: Progress): Promise<readonly Row[] | Exclude<Reply, { kind: 'answered' }>> {
		const rows: Row[] = [];
		let progress = first;
		let fields: readonly Field[] = [];
		for (;;) {
			if (progress.jobComplete) {
				fields = progress.schema?.fields ?? fields;
				for (const row of progress.rows ?? []) rows.push(fromWire(fields, row));
				if (progress.pageToken === undefined) return rows;
			}
			const job = progress.jobReference ?? first.jobReference;
			if (job === undefined) return { kind: 'failed', error: new Error('BigQuery names no job where more of an answer is to come') };
			// It waits itself, but where it does not, it must not be asked all the time.
			if (!progress.jobComplete) await sleep(FIRST_PAUSE_MS);
			if (now() >= untilMs) return { kind: 'failed', error: new Error(`BigQuery did not complete it within ${statementTimeoutMs} ms`) };
			const parameters = new URLSearchParams({ timeoutMs: String(timeoutMs), 'formatOptions.useInt64Timestamp': 'true' });
			// A job is asked for where it runs, as BigQuery said itself: nobody has to be allowed to look that up.
			if (job.location !== undefined) parameters.set('location', job.location);
			if (progress.pageToken !== undefined) parameters.set('pageToken', progress.pageToken);
			const reply = await request(`${queries}/${encodeURIComponent(job.jobId)}?${parameters}`, untilMs);
			if (reply.kind !== 'answered') return reply;
			progress = reply.progress;
		}
	}

	/** `requestId`: BigQuery does a statement that changes rows once, however often it is asked for under the same one within 15 minutes. */
	async function attempt(statement: Statement, requestId: string): Promise<readonly Row[] | Exclude<Reply, { kind: 'answered' }>> {
		const reply = await request(queries, statement.untilMs, { ...statement.body, requestId });
		return reply.kind === 'answered' ? complete(statement, reply.progress) : reply;
	}

	return {
		async query(sql, parameters = {}) {
			const untilMs = now() + statementTimeoutMs;
			const body = {
				query: nameTables(sql, `${projectId}.${datasetId}`),
				useLegacySql: false,
				formatOptions: { useInt64Timestamp: true },
				timeoutMs,
				// The same in all attempts: what differs is another statement.
				jobTimeoutMs: String(statementTimeoutMs),
				...(maximumBytesBilled !== undefined && { maximumBytesBilled: String(maximumBytesBilled) }),
				parameterMode: 'NAMED',
				queryParameters: Object.entries(parameters).map(([name, value]) => ({
					name,
					parameterType: { type: 'STRING' },
					parameterValue: { value },
				})),
			};
			let requestId = randomUUID();
			for (let number = 0; ; ) {
				const outcome = await attempt({ body, untilMs }, requestId);
				if (!('kind' in outcome)) return outcome;
				if (outcome.kind === 'failed' || ++number >= ATTEMPTS) throw outcome.error;
				const pauseMs = pauseAfter(number - 1, outcome.retryAfterMs);
				// There would be no time to ask again after it.
				if (now() + pauseMs >= untilMs) throw outcome.error;
				await sleep(pauseMs);
				// A job that failed would be told of again, not done again.
				if (outcome.undone) requestId = randomUUID();
			}
		},
	};
}

/** Of the shared words for what never reached BigQuery, or never came back. */
function toReplyOf(answer: ReturnType<typeof toNetworkAnswer>, undone: boolean): Reply {
	if (answer.kind === 'unavailable') return { kind: 'unavailable', error: answer.error, undone, retryAfterMs: 0 };
	const error = answer.kind === 'answered' ? new Error('BigQuery said nothing of the statement') : answer.error;
	return { kind: 'failed', error };
}

import { bounded, isTransient, redact } from '../attempt.ts';
import type { Field } from '../schemas.ts';
import type { WireRow } from './values.ts';

/** What BigQuery says to a statement that it took, or of a job that runs one: rows come with the last of them, page by page. */
export interface Progress {
	readonly jobComplete: boolean;
	readonly jobReference?: { readonly jobId: string; readonly location?: string };
	readonly schema?: { readonly fields?: readonly Field[] };
	readonly rows?: readonly WireRow[];
	readonly pageToken?: string;
}

/** What came of one request. */
export type Reply =
	| { readonly kind: 'answered'; readonly progress: Progress }
	/** It may pass. `undone`: the statement changed nothing; otherwise that is not known. */
	| { readonly kind: 'unavailable'; readonly error: Error; readonly undone: boolean; readonly retryAfterMs: number }
	/** Somebody has to do something about it. */
	| { readonly kind: 'failed'; readonly error: Error };

export interface HttpReply {
	readonly status: number;
	readonly body: string;
	readonly retryAfterMs: number;
}

/** Reasons that pass. `quotaExceeded` is none of them: most quotas are a day's. */
const TRANSIENT = new Set([
	'backendError',
	'internalError',
	'jobBackendError',
	'jobInternalError',
	'jobRateLimitExceeded',
	'rateLimitExceeded',
	'userRateLimitExceeded',
	'tableUnavailable',
]);

/** Another statement changed the same rows meanwhile, or too many wait to change the table: no reason says so, the words do. */
const CONTENTION = /\bdue to concurrent update\b|\b(?:quota|resources) exceeded\b.*\bdml\b/is;

/** Statuses with which BigQuery tells of a job that has failed, and so has changed nothing. */
const OF_A_JOB = 400;
const DETAIL_LENGTH = 500;

export function toReply({ status, body, retryAfterMs }: HttpReply): Reply {
	const { progress, reason, message } = parseBody(body);
	if (status === 200 && progress) return { kind: 'answered', progress };
	const words = `BigQuery answered ${status}${reason === undefined ? '' : ` ${reason}`}: ${message ?? body}`;
	const error = new Error(bounded(redact(words), DETAIL_LENGTH), { cause: { status, reason } });
	const contention = CONTENTION.test(message ?? '');
	// What cannot be understood says nothing of the statement, done or not.
	const mayPass = status === 200 || contention || isTransient(status) || TRANSIENT.has(reason ?? '');
	return mayPass ? { kind: 'unavailable', error, undone: contention || status === OF_A_JOB, retryAfterMs } : { kind: 'failed', error };
}

function parseBody(body: string): {
	readonly progress?: Progress;
	readonly reason?: string | undefined;
	readonly message?: string | undefined;
} {
	try {
		const parsed = JSON.parse(body) as Progress & {
			readonly error?: { readonly message?: string; readonly status?: string; readonly errors?: readonly { readonly reason?: string }[] };
		};
		const { error } = parsed;
		if (error) return { reason: error.errors?.[0]?.reason ?? error.status, message: error.message };
		return typeof parsed.jobComplete === 'boolean' ? { progress: parsed } : {};
	} catch {
		return {};
	}
}

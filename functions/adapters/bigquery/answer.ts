import { bounded, isTransient, redact } from '../attempt.ts';

/** What BigQuery said to one request. */
export type Answer =
	/** Which rows it did not store; it stored the others. */
	| { readonly kind: 'answered'; readonly insertErrors: readonly InsertError[] }
	/** It stored none, because of some row or of the size. */
	| { readonly kind: 'rows-refused'; readonly error: Error }
	/** It stored none, or that is not known; it may pass. */
	| { readonly kind: 'unavailable'; readonly error: Error; readonly retryAfterMs?: number }
	/** It stored none, and somebody has to do something about it. */
	| { readonly kind: 'failed'; readonly error: Error };

export interface InsertError {
	readonly index: number;
	readonly errors: readonly { readonly reason?: string; readonly location?: string; readonly message?: string }[];
}

/** `stopped`: nothing is wrong with this row but with another of its request. */
export type RowAnswer =
	| { readonly kind: 'refused'; readonly detail: string }
	| { readonly kind: 'unavailable'; readonly error: Error }
	| { readonly kind: 'stopped' };

export interface HttpAnswer {
	readonly status: number;
	readonly body: string;
	readonly retryAfterMs: number;
	/** How many rows were sent. */
	readonly rowCount: number;
}

/** Reasons and, of newer errors, statuses that say nothing of the rows and pass. */
const TRANSIENT = new Set([
	'backendError',
	'internalError',
	'quotaExceeded',
	'rateLimitExceeded',
	'userRateLimitExceeded',
	'tableUnavailable',
	'timeout',
	'RESOURCE_EXHAUSTED',
]);
/** Those of a 400 that some row is to blame for. */
const OF_A_ROW = new Set(['invalid', 'badRequest', 'parseError', 'INVALID_ARGUMENT']);

const DETAIL_LENGTH = 500;
const BODY_BYTES = 2000;

export function toAnswer({ status, body, retryAfterMs, rowCount }: HttpAnswer): Answer {
	const { reason, message, insertErrors } = parseBody(body, rowCount);
	const words = `BigQuery answered ${status}${reason === undefined ? '' : ` ${reason}`}: ${message ?? body}`;
	const error = new Error(bounded(redact(words), DETAIL_LENGTH), { cause: { status, reason, body: cutBody(body) } });
	// An answer that cannot be understood says nothing of the rows, stored or not.
	if (status === 200) return insertErrors ? { kind: 'answered', insertErrors } : { kind: 'unavailable', error };
	if (status === 413 || (status === 400 && OF_A_ROW.has(reason ?? ''))) return { kind: 'rows-refused', error };
	const answer = unavailableOrFailed(isTransient(status) || (status < 404 && TRANSIENT.has(reason ?? '')), error);
	return answer.kind === 'unavailable' ? { ...answer, retryAfterMs } : answer;
}

/** No answer: refused, reset, cut off, not found, or too late. */
export function toNetworkAnswer(cause: unknown, timeoutMs: number): Answer {
	const { name, message, code } = innermost(cause);
	const late = name === 'TimeoutError';
	const words = late ? `BigQuery did not answer within ${timeoutMs} ms` : `BigQuery cannot be reached: ${code ? `${code} ` : ''}${message}`;
	return { kind: 'unavailable', error: new Error(bounded(redact(words), DETAIL_LENGTH), { cause: { code: late ? 'ETIMEDOUT' : code } }) };
}

export function unavailableOrFailed(mayPass: boolean, error: Error): Answer {
	return { kind: mayPass ? 'unavailable' : 'failed', error };
}

/** By position in the request. */
export function toRowAnswers(insertErrors: readonly InsertError[]): Map<number, RowAnswer> {
	const errorsOf = new Map<number, InsertError['errors'][number][]>();
	for (const { index, errors } of insertErrors) errorsOf.set(index, [...(errorsOf.get(index) ?? []), ...errors]);
	return new Map([...errorsOf].map(([index, errors]) => [index, toRowAnswer(errors)]));
}

function toRowAnswer(errors: InsertError['errors']): RowAnswer {
	const own = errors.filter(({ reason }) => reason !== 'stopped');
	if (own.length === 0 && errors.length > 0) return { kind: 'stopped' };
	const detail = bounded(own.map(describe).join('; ') || 'it does not say why', DETAIL_LENGTH);
	const mayPass = own.every(({ reason }) => TRANSIENT.has(reason ?? ''));
	return mayPass ? { kind: 'unavailable', error: new Error(`BigQuery did not store the row: ${detail}`) } : { kind: 'refused', detail };
}

function describe({ reason, message, location }: InsertError['errors'][number]): string {
	return `${reason ?? 'no reason'}: ${message ?? ''}${location ? ` (${location})` : ''}`;
}

interface Parsed {
	readonly reason?: string | undefined;
	readonly message?: string | undefined;
	/** Absent where the answer is none of insertAll. */
	readonly insertErrors?: readonly InsertError[];
}

function parseBody(body: string, rowCount: number): Parsed {
	try {
		const { error, insertErrors = [] } = JSON.parse(body) as {
			error?: { message?: string; status?: string; errors?: { reason?: string }[] };
			insertErrors?: InsertError[];
		};
		if (error) return { reason: error.errors?.[0]?.reason ?? error.status, message: error.message };
		// An error without the index of a row could be any row's.
		const indexed = insertErrors.every(
			({ index, errors }) => Number.isInteger(index) && index >= 0 && index < rowCount && Array.isArray(errors),
		);
		return indexed ? { insertErrors } : {};
	} catch {
		return {};
	}
}

function innermost(cause: unknown): { readonly name?: string; readonly message: string; readonly code?: string } {
	if (!(cause instanceof Error)) return { message: String(cause) };
	return cause.cause instanceof Error ? innermost(cause.cause) : cause;
}

function cutBody(body: string): string {
	return Buffer.from(redact(body)).subarray(0, BODY_BYTES).toString();
}

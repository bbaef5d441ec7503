import { bounded, redact } from '../attempt.ts';

/** What went wrong with a request to Cloud Logging. */
export interface Failure {
	/** One sentence, with what to do about it. */
	readonly detail: string;
	/** `wait`: too many requests; `again`: it may succeed when asked again; `never`: it will not. */
	readonly kind: 'wait' | 'again' | 'never';
	/** How long the answer says to wait, in ms; 0 where it does not say. */
	readonly waitMs: number;
}

/** By the numbers of gRPC, which the client gives to HTTP statuses too. */
const [UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED] = [2, 3, 4, 5, 7, 8];
const [ABORTED, INTERNAL, UNAVAILABLE, UNAUTHENTICATED] = [10, 13, 14, 16];

const PASSING: ReadonlySet<unknown> = new Set([UNKNOWN, DEADLINE_EXCEEDED, ABORTED, INTERNAL, UNAVAILABLE]);
const DETAIL_LENGTH = 500;

/** Reads what the client threw. */
export function toFailure(cause: unknown, project: string): Failure {
	const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
	const words = bounded(redact(cause instanceof Error ? cause.message : String(cause)), DETAIL_LENGTH);
	const failure = (kind: Failure['kind'], what: string): Failure => ({ kind, detail: `${what}: ${words}`, waitMs: retryDelayMs(cause) });
	if (code === RESOURCE_EXHAUSTED) return failure('wait', `Cloud Logging takes no more requests of ${project} for the moment`);
	if (PASSING.has(code)) return failure('again', 'Cloud Logging does not answer');
	if (code === PERMISSION_DENIED)
		return failure('never', `the credentials may not read the logs of ${project}: grant them roles/logging.viewer there`);
	if (code === NOT_FOUND) return failure('never', `Cloud Logging knows no project ${project}: is --project its id?`);
	if (code === INVALID_ARGUMENT) return failure('never', 'Cloud Logging cannot read the filter or the project’s name');
	if (code === UNAUTHENTICATED)
		return failure('never', 'Cloud Logging refuses the credentials: gcloud auth application-default login renews them');
	return failure('never', 'Cloud Logging cannot be asked');
}

/** google.rpc.RetryInfo, where the error has one. */
function retryDelayMs(cause: unknown): number {
	const details: unknown = cause instanceof Error && 'statusDetails' in cause ? cause.statusDetails : undefined;
	for (const detail of Array.isArray(details) ? details : []) {
		const delay = (detail as { retryDelay?: { seconds?: unknown; nanos?: unknown } } | null)?.retryDelay;
		if (delay) return Number(delay.seconds ?? 0) * 1000 + Number(delay.nanos ?? 0) / 1e6;
	}
	return 0;
}

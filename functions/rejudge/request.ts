import { quote } from '../ingest/refusal.ts';
import { isFields } from '../policy/fields.ts';
import type { Call } from './answer.ts';

/** What BigQuery says of the query that calls; `null` where it does not. */
export interface Caller {
	readonly requestId: string | null;
	/** The query's job. */
	readonly job: string | null;
}

export type ParsedRequest =
	| { readonly kind: 'calls'; readonly calls: readonly Call[]; readonly caller: Caller }
	| { readonly kind: 'refused'; readonly detail: string };

/** More is refused: even refusals of so many fit a reply beside the rows. BigQuery sends at most what `max_batching_rows` says. */
export const MAX_CALLS = 4000;
const MAX_NAME = 300;

/** Reads the body that BigQuery sends to a remote function: `{ requestId, caller, sessionUser, calls: [[STRING], …] }`. */
export function parseRequest(body: unknown): ParsedRequest {
	if (!isFields(body)) return refused(`the body is no JSON object but ${kindOf(body)}`);
	const calls = body['calls'];
	if (!Array.isArray(calls)) return refused(`calls is ${kindOf(calls)}, not an array with the arguments of each call`);
	if (calls.length > MAX_CALLS)
		return refused(
			`there are ${calls.length} calls, and at most ${MAX_CALLS} are taken: set max_batching_rows of the remote function to less`,
		);
	const values: Call[] = [];
	for (const [index, args] of calls.entries()) {
		if (!Array.isArray(args) || args.length !== 1)
			return refused(`calls[${index}] is ${kindOf(args)}, not an array with one argument: the function takes one STRING`);
		const [value] = args as readonly unknown[];
		if (value !== null && typeof value !== 'string')
			return refused(`calls[${index}][0] is ${kindOf(value)}, not a STRING: pass TO_JSON_STRING(entry)`);
		values.push(value);
	}
	return { kind: 'calls', calls: values, caller: { requestId: nameOf(body['requestId']), job: nameOf(body['caller']) } };
}

const refused = (detail: string): ParsedRequest => ({ kind: 'refused', detail });

/** What stands there, in a few words: none of the values that a sender may have made large. */
function kindOf(value: unknown): string {
	if (value === undefined) return 'missing';
	if (Array.isArray(value)) return `an array of ${value.length}`;
	return isFields(value) ? 'an object' : quote(value);
}

const nameOf = (value: unknown): string | null => (typeof value === 'string' ? value.slice(0, MAX_NAME).toWellFormed() : null);

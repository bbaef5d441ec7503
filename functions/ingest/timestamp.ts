import { parseTime } from '../policy/time.ts';

/** A moment as a row needs it. */
export interface Moment {
	/** RFC 3339 UTC, cut (not rounded) to microseconds, without trailing zeros in its fraction. */
	readonly utc: string;
	/** Milliseconds since 1970, cut as well. */
	readonly ms: number;
}

/** BigQuery's TIMESTAMP begins with the year 1. */
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z');

/** Parses an RFC 3339 time, in whatever offset and precision. `undefined` where it is none, or no date of the calendar. */
export function parseTimestamp(text: string): Moment | undefined {
	const [second, fraction = ''] = parseTime(text)?.slice(0, -1).split('.') ?? [];
	if (second === undefined) return undefined;
	const micros = fraction.slice(0, 6).replace(/0+$/, '');
	const ms = Date.parse(`${second}Z`) + Number(micros.slice(0, 3).padEnd(3, '0'));
	return ms < FIRST_MS ? undefined : { utc: `${second}${micros === '' ? '' : `.${micros}`}Z`, ms };
}

import { cutToMicros, parseTime } from '../policy/time.ts';

/** A moment as a row needs it. */
export interface Moment {
	/** RFC 3339 UTC, cut (not rounded) to microseconds, without trailing zeros in its fraction. */
	readonly utc: string;
	/** Milliseconds since 1970, cut as well. */
	readonly ms: number;
}

/** BigQuery's TIMESTAMP begins with the year 1. */
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z');

const MILLIS_END = '2026-03-04T05:06:07.123'.length;

/** Parses an RFC 3339 time, in whatever offset and precision. `undefined` where it is none, or no date of the calendar. */
export function parseTimestamp(text: string): Moment | undefined {
	const time = parseTime(text);
	if (time === undefined) return undefined;
	const utc = cutToMicros(time);
	// Date.parse reads milliseconds, and cuts what is beyond.
	const ms = Date.parse(time.length > MILLIS_END ? `${time.slice(0, MILLIS_END)}Z` : time);
	return ms < FIRST_MS ? undefined : { utc, ms };
}

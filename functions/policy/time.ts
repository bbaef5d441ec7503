/**
 * Times as snapshots need them: as text, because a log entry's time has nanoseconds and a Date has not.
 */

/** Date, time of day, the first nine digits of its fraction without zeros at their end, and the offset. */
const RFC_3339 =
	/^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))[Tt]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(?=\d)(\d{0,8}[1-9])?\d*)?([Zz]|[+-]\d\d:\d\d)$/;
const DATE_END = '2026-03-04'.length;
const SECOND_END = '2026-03-04T05:06:07'.length;
const MICROS_END = '2026-03-04T05:06:07.123456'.length;
/** How a folder or a canonical file is named: `2023-09-23T142057Z`. Colons, which not every file system has, are read too. */
const TIME_NAME = /^(\d{4}-\d\d-\d\dT)(\d\d):?(\d\d):?(\d\d(?:\.\d{1,9})?Z)$/;

/** The same moment as RFC 3339 UTC without trailing zeros in its fraction: equal moments have equal texts. `undefined` where it is no time. */
export function parseTime(text: string): string | undefined {
	const parts = RFC_3339.exec(text);
	if (parts === null) return undefined;
	const [, date = '', time = '', digits, offset = ''] = parts;
	// Date.parse takes 31 February for 3 March.
	if (!isDate(date)) return undefined;
	const rest = digits === undefined ? 'Z' : `.${digits}Z`;
	// Nearly every time is spelled like this already, and an entry has several.
	if (text.length === SECOND_END + rest.length && text.endsWith('Z') && text[DATE_END] === 'T') return text;
	if (offset === 'Z' || offset === 'z') return `${date}T${time}${rest}`;
	const shift = offsetMs(offset);
	if (shift === undefined) return undefined;
	const second = new Date(Date.parse(`${date}T${time}Z`) - shift).toISOString();
	return /^\d{4}-/.test(second) ? `${second.slice(0, SECOND_END)}${rest}` : undefined;
}

/** Of a month from 01 to 12 and a day from 01 to 31: whether that month has that day. Every month has the 28th. */
const isDate = (date: string): boolean => date.slice(8) <= '28' || new Date(`${date}T00:00:00Z`).toISOString().startsWith(date);

function offsetMs(offset: string): number | undefined {
	const hours = Number(offset.slice(1, 3));
	const minutes = Number(offset.slice(4));
	if (hours > 23 || minutes > 59) return undefined;
	return (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

/** What is beyond microseconds is cut, as BigQuery has them, and zeros that then stand at the end. Takes what `parseTime` returned. */
export const cutToMicros = (time: string): string => (time.length > MICROS_END + 1 ? `${withoutZeros(time.slice(0, MICROS_END))}Z` : time);

const withoutZeros = (time: string): string => (time.endsWith('0') ? time.replace(/\.?0+$/, '') : time);

/** A text that sorts as the moment does. Takes what `parseTime` returned. */
export function sortableTime(time: string): string {
	const [second = '', fraction = ''] = time.slice(0, -1).split('.');
	return `${second}.${fraction.padEnd(9, '0')}`;
}

/** The time that a folder's or a file's name says, as `parseTime` writes it. */
export function parseTimeName(name: string): string | undefined {
	const [, date, hours, minutes, seconds] = TIME_NAME.exec(name) ?? [];
	return date === undefined ? undefined : parseTime(`${date}${hours}:${minutes}:${seconds}`);
}

/** A time as it names folders, files and snapshot ids. Takes what `parseTime` returned. */
export const formatTimeName = (time: string): string => time.replaceAll(':', '');

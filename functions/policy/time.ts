/**
 * Times as snapshots need them: as text, because a log entry's time has nanoseconds and a Date has not.
 */

const RFC_3339 = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)$/;
/** How a folder or a canonical file is named: `2023-09-23T142057Z`. Colons, which not every file system has, are read too. */
const TIME_NAME = /^(\d{4}-\d\d-\d\dT)(\d\d):?(\d\d):?(\d\d(?:\.\d{1,9})?Z)$/;

/** The same moment as RFC 3339 UTC without trailing zeros in its fraction: equal moments have equal texts. `undefined` where it is no time. */
export function parseTime(text: string): string | undefined {
	const [, date, time, fraction = '', offset] = RFC_3339.exec(text) ?? [];
	if (date === undefined || time === undefined || offset === undefined) return undefined;
	// Date.parse takes 31 February for 3 March.
	if (!isDate(date) || !isTimeOfDay(time)) return undefined;
	const digits = fraction.replace(/0+$/, '');
	const rest = digits === '' ? 'Z' : `.${digits}Z`;
	// Nearly every time is UTC already, and an entry has several.
	if (offset === 'Z' || offset === 'z') return `${date}T${time}${rest}`;
	const shift = offsetMs(offset);
	if (shift === undefined) return undefined;
	const second = new Date(Date.parse(`${date}T${time}Z`) - shift).toISOString();
	return /^\d{4}-/.test(second) ? `${second.slice(0, 19)}${rest}` : undefined;
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isDate(date: string): boolean {
	const [year, month, day] = [Number(date.slice(0, 4)), Number(date.slice(5, 7)), Number(date.slice(8))];
	const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
	return day >= 1 && day <= (month === 2 && isLeap ? 29 : (DAYS[month - 1] ?? 0));
}

const isTimeOfDay = (time: string): boolean => time < '24' && time.slice(3, 5) < '60' && time.slice(6) < '60';

function offsetMs(offset: string): number | undefined {
	const hours = Number(offset.slice(1, 3));
	const minutes = Number(offset.slice(4));
	if (hours > 23 || minutes > 59) return undefined;
	return (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

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

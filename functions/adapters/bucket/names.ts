import { formatTimeName, parseTime, parseTimeName, sortableTime } from '../../policy/time.ts';
import type { ClusterKey } from '../../ports.ts';

/**
 * Where snapshots lie in a bucket, for those who read them and those who write them. Each cluster has a folder:
 *
 *     clusters/<project>/<location>/<name>/2026-03-04T050607Z.json.gz   a snapshot, named by its `validFrom`; never changed
 *     clusters/<project>/<location>/<name>/latest.json                  the newest one's name, and until when it was seen unchanged
 *     clusters/<project>/<location>/<name>/collecting.json              who collects, and until when others leave it to them
 *
 * A snapshot is written before `latest.json` names it, so what that names is there.
 */

/** The newest snapshot of a cluster. */
export interface Latest {
	/** `<time>.json.gz`, in the same folder. */
	readonly name: string;
	/** The snapshot's id. */
	readonly id: string;
	/** RFC 3339 UTC. */
	readonly seenUntil: string;
}

export const LATEST_NAME = 'latest.json';
export const COLLECTING_NAME = 'collecting.json';
/** Of both. */
export const MAX_LATEST_BYTES = 64 * 1024;
const LATEST_FORMAT = 1;

/** Bucket names of objects end at 1024 bytes. */
const MAX_FOLDER = 900;

/** The folder, with its `/`; `undefined` where it is not known or can hold nothing: no project, or a name that no cluster has. */
export function clusterFolder({ project = '', location, name }: ClusterKey, prefix = ''): string | undefined {
	if (project === '' || location === '' || name === '') return undefined;
	const base = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
	const folder = `${base}clusters/${encodePart(project)}/${encodePart(location)}/${encodePart(name)}/`;
	return folder.length > MAX_FOLDER ? undefined : folder;
}

/**
 * Different names stay different, and none leaves its place in the path: what is no letter, digit, `-`, `_` or `.` becomes `~` and four hex
 * digits, and so do the dots of `.` and `..`. Total, also for halves of surrogate pairs, which encodeURIComponent refuses.
 */
const encodePart = (text: string): string => text.replace(text === '.' || text === '..' ? /\./g : /[^\w.-]/g, hex);

const hex = (character: string): string => `~${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

const EXTENSION = '.json.gz';

/** How a snapshot's object is named. Takes what `parseTime` returned. */
export const snapshotName = (validFrom: string): string => `${formatTimeName(validFrom)}${EXTENSION}`;

/** The time that a snapshot's name says, as `parseTime` writes it; `undefined` where `snapshotName` writes no such name. */
export function snapshotTime(name: string): string | undefined {
	const time = name.endsWith(EXTENSION) ? parseTimeName(name.slice(0, -EXTENSION.length)) : undefined;
	return time === undefined || snapshotName(time) !== name ? undefined : time;
}

/** A snapshot in a folder. */
export interface NamedSnapshot {
	readonly name: string;
	/** The time in the name, as `sortableTime` writes it. The names themselves do not sort by time where it has fractions. */
	readonly from: string;
}

/** Only names that `snapshotName` writes. */
export function parseSnapshotName(name: string): NamedSnapshot | undefined {
	const time = snapshotTime(name);
	return time === undefined ? undefined : { name, from: sortableTime(time) };
}

/** The snapshots among the names, the earliest first. */
export const orderSnapshots = (names: readonly string[]): NamedSnapshot[] =>
	names
		.map(parseSnapshotName)
		.filter((named) => named !== undefined)
		.sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));

const DAY_MS = 24 * 60 * 60_000;

/** What the names of that day (UTC) begin with, or of one some days later. */
export const dayOf = (ms: number, later = 0): string => new Date(ms + later * DAY_MS).toISOString().slice(0, 10);

/** The content of `latest.json`. */
export const formatLatest = ({ name, id, seenUntil }: Latest): string =>
	`${JSON.stringify({ format: LATEST_FORMAT, name, id, seenUntil })}\n`;

/** Reads it, or says what is wrong with it. */
export function parseLatest(document: unknown): (Latest & NamedSnapshot) | string {
	if (typeof document !== 'object' || document === null || Array.isArray(document)) return 'is no object';
	const { format, name, id, seenUntil }: Partial<Record<string, unknown>> = { ...document };
	if (format !== LATEST_FORMAT) return `is of a format that this version does not read: ${JSON.stringify(format)?.slice(0, 40)}`;
	const named = typeof name === 'string' ? parseSnapshotName(name) : undefined;
	if (!named) return 'names no snapshot';
	if (typeof id !== 'string') return 'has no id';
	const seen = typeof seenUntil === 'string' ? parseTime(seenUntil) : undefined;
	return seen === undefined ? 'says no time until when it was seen' : { ...named, id, seenUntil: seen };
}

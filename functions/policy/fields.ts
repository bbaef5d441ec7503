/**
 * Reading a Kubernetes object of any shape, as the API server's decoder does: null is the same as absent, a wrong type is a problem.
 * Only own properties count, so that a key such as `__proto__` or `constructor` is a key like any other.
 */

export type Fields = Readonly<Record<string, unknown>>;

/** Something to say about a place in an object: `spec.ingress[0].ports[0].port` and what is wrong there. */
export interface Remark {
	readonly path: string;
	readonly message: string;
}

/** What is found while an object is read. `strict`: as today's API server takes a manifest, not as an older one stored it. */
export interface Reading {
	readonly strict: boolean;
	readonly problems: Remark[];
	readonly warnings: Remark[];
}

/** Of one object; a hostile one could have millions. */
const MAX_REMARKS = 100;
const SHOWN_LENGTH = 60;

export const startReading = (strict: boolean): Reading => ({ strict, problems: [], warnings: [] });

export function refuse({ problems }: Reading, path: string, message: string): void {
	if (problems.length < MAX_REMARKS) problems.push({ path, message });
}

export function warn({ warnings }: Reading, path: string, message: string): void {
	if (warnings.length < MAX_REMARKS) warnings.push({ path, message });
}

/** `path: message`, as it is printed. */
export const formatRemark = ({ path, message }: Remark): string => (path === '' ? message : `${path}: ${message}`);

/** A value as a message shows it: short, quoted, and nothing of what is inside lists and objects. */
export function shown(value: unknown): string {
	if (typeof value === 'string') return JSON.stringify(value.length > SHOWN_LENGTH ? `${value.slice(0, SHOWN_LENGTH)}…` : value);
	if (Array.isArray(value)) return 'a list';
	if (value === null || value === undefined) return 'null';
	if (typeof value === 'object') return 'an object';
	return String(value).slice(0, SHOWN_LENGTH);
}

export const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The field of an object, `undefined` where it is absent or null. */
export function field(object: Fields, key: string): unknown {
	return Object.hasOwn(object, key) ? (object[key] ?? undefined) : undefined;
}

/** A path's next step; a key that would not read well with a dot stands in brackets. */
export const at = (path: string, key: string): string =>
	/^[\w-]+$/.test(key) ? (path === '' ? key : `${path}.${key}`) : `${path}[${shown(key)}]`;

/** The object there; empty where it is absent. `undefined` and a problem where it is none. */
export function readObject(value: unknown, path: string, reading: Reading): Fields | undefined {
	if (value === undefined || value === null) return {};
	if (isFields(value)) return value;
	refuse(reading, path, `must be an object (${shown(value)})`);
	return undefined;
}

/** The list there; empty where it is absent. `undefined` and a problem where it is none. */
export function readList(value: unknown, path: string, reading: Reading): readonly unknown[] | undefined {
	if (value === undefined || value === null) return [];
	if (Array.isArray(value)) return value;
	refuse(reading, path, `must be a list (${shown(value)})`);
	return undefined;
}

/** The text there; empty where it is absent, as in Go. `undefined` and a problem where it is none. */
export function readText(value: unknown, path: string, reading: Reading): string | undefined {
	if (value === undefined || value === null) return '';
	if (typeof value === 'string') return value;
	const quoted = typeof value === 'object' ? '' : ': put it in quotes';
	refuse(reading, path, `must be a string (${shown(value)})${quoted}`);
	return undefined;
}

/** A map of texts, such as labels. `undefined` and a problem for each value that is none. */
export function readTexts(value: unknown, path: string, reading: Reading): Readonly<Record<string, string>> | undefined {
	const object = readObject(value, path, reading);
	if (!object) return undefined;
	const entries = Object.keys(object).map((key) => [key, readText(object[key], at(path, key), reading)] as const);
	// fromEntries defines properties and never calls a setter: a key `__proto__` stays a key.
	return entries.every((entry): entry is readonly [string, string] => entry[1] !== undefined) ? Object.fromEntries(entries) : undefined;
}

/** Warns of each field that the API does not know: the API server drops it. `effect` says what that means here. */
export function warnUnknown(object: Fields, allowed: readonly string[], where: { path: string; effect?: string; reading: Reading }): void {
	for (const key of Object.keys(object)) {
		if (allowed.includes(key) || object[key] === undefined) continue;
		const effect = where.effect ? `, and ${where.effect}` : '';
		warn(where.reading, at(where.path, key), `is not a field: the API server drops it${effect} (fields here: ${allowed.join(', ')})`);
	}
}

import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { isFields } from '../policy/fields.ts';
import type { RowRange } from './database.ts';

/** How far a replay has come, so that the same command can go on from there. */
export interface Checkpoint {
	readonly version: 1;
	/** What was asked for, as it was typed, paths whole: whoever asks for something else does not go on. */
	readonly asked: Readonly<Record<string, string>>;
	/** RFC 3339: what was asked for when it began. */
	readonly since: string;
	readonly until: string;
	/** RFC 3339: the rows of all entries up to this time are durable; null before the first. */
	readonly reached: string | null;
	/** How many entries that were. */
	readonly entries: number;
	/** Where their rows are in a local database: what stands between and after these is of others, or is written again. */
	readonly rows: readonly Required<RowRange>[];
}

/** `undefined` where there is none; a text: why it is of no use. */
export async function readCheckpoint(path: string): Promise<Checkpoint | string | undefined> {
	let text: string;
	try {
		text = await readFile(path, 'utf8');
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
		return `${path} cannot be read: ${(error as Error).message}`;
	}
	return parse(text) ?? `${path} is not the state of a replay; name another file, or remove that one`;
}

/** Why a checkpoint is none of what is asked for; `undefined` where it is. */
export function findDifference(found: Checkpoint, { path, asked }: { path: string; asked: Checkpoint['asked'] }): string | undefined {
	if (isDeepStrictEqual(found.asked, asked)) return undefined;
	const differing = Object.keys({ ...found.asked, ...asked }).filter((key) => found.asked[key] !== asked[key]);
	const both = differing.map((key) => `--${key} was ${shown(found.asked[key])} and is ${shown(asked[key])}`);
	return `${path} is the state of an unfinished replay that asked for something else (${both.join(', ')}); the same command as then goes on with it, --restart starts anew`;
}

/** A hundred snapshots may be named one by one. */
const shown = (value = 'absent'): string => (value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : value);
const SHOWN = 300;

function parse(text: string): Checkpoint | undefined {
	try {
		const value = JSON.parse(text) as Partial<Checkpoint> | null;
		const whole =
			value?.version === 1 &&
			isFields(value.asked) &&
			typeof value.since === 'string' &&
			typeof value.until === 'string' &&
			(value.reached === null || typeof value.reached === 'string') &&
			Number.isSafeInteger(value.entries) &&
			Array.isArray(value.rows) &&
			value.rows.every((range: unknown) => isFields(range) && isEnds(range['from']) && isEnds(range['to']));
		return whole ? (value as Checkpoint) : undefined;
	} catch {
		return undefined;
	}
}

/** These numbers become part of SQL. */
const isEnds = (value: unknown): boolean =>
	isFields(value) && Number.isSafeInteger(value['verdicts']) && Number.isSafeInteger(value['rejects']);

/** Puts it in the place of the one before, whole or not at all. Rejects with a sentence where it cannot. */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
	// Of this process alone: another one that keeps its state there must not take away what is being written.
	const beside = `${path}.${process.pid}.new`;
	try {
		const file = await open(beside, 'w');
		try {
			await file.writeFile(`${JSON.stringify(checkpoint, null, '\t')}\n`);
			await file.sync();
		} finally {
			await file.close();
		}
		await rename(beside, path);
	} catch (cause) {
		await rm(beside, { force: true }).catch(() => {});
		// With the system's code, which says that this is no bug.
		const { code, message } = cause as NodeJS.ErrnoException;
		throw Object.assign(new Error(`the state of the replay cannot be kept in ${path}: ${message}`, { cause }), { code });
	}
}

/** Removes it, and what processes that were killed over it had begun to write. */
export async function removeCheckpoint(path: string): Promise<void> {
	const [folder, name] = [dirname(path), basename(path)];
	const names = await readdir(folder);
	const begun = names.filter((found) => found.startsWith(name) && /^\.\d+\.new$/.test(found.slice(name.length)));
	for (const found of [name, ...begun]) await rm(join(folder, found), { force: true });
}

import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterState } from '../policy/model.ts';
import { formatTimeName, parseTime, parseTimeName, sortableTime } from '../policy/time.ts';
import { readText } from './bytes.ts';
import { createSnapshot, encodeSnapshot } from './canonical.ts';

/** What became of a state. `path`: the file that holds it. */
export interface FolderWrite {
	readonly kind: 'written' | 'unchanged';
	readonly path: string;
}

/** Times are RFC 3339. */
export interface FolderState {
	readonly state: ClusterState;
	readonly collectedAt: string;
	readonly validFrom: string;
}

const EXTENSION = '.json.gz';
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * Keeps a state as `<time>.json.gz` in a folder, which is made where it is missing, unless the newest
 * snapshot there until then is of the same state.
 * All or nothing: a run that is killed leaves no half file under that name. Rejects as the file system does.
 */
export async function writeToFolder(folder: string, { state, collectedAt, validFrom }: FolderState): Promise<FolderWrite> {
	await mkdir(folder, { recursive: true });
	const from = parseTime(validFrom) ?? validFrom;
	const newest = await findNewest(folder, from);
	const kept = newest && (await readId(newest.path));
	const snapshot = createSnapshot({ state, validFrom, collectedAt });
	if (newest && kept !== undefined && snapshot.id.endsWith(kept.slice(kept.lastIndexOf('-'))))
		return { kind: 'unchanged', path: newest.path };
	const path = join(folder, `${formatTimeName(from)}${EXTENSION}`);
	const beside = join(folder, `.${randomUUID()}.tmp`);
	try {
		const file = await open(beside, 'wx');
		try {
			await file.writeFile(encodeSnapshot(snapshot));
			await file.sync();
		} finally {
			await file.close();
		}
		await rename(beside, path);
	} catch (error) {
		await rm(beside, { force: true });
		throw error;
	}
	return { kind: 'written', path };
}

/** Of the files that are named by a time, the latest that is not after that one. */
async function findNewest(folder: string, until: string): Promise<{ readonly path: string } | undefined> {
	const timed = (await readdir(folder)).flatMap((name) => {
		const time = name.endsWith(EXTENSION) ? parseTimeName(name.slice(0, -EXTENSION.length)) : undefined;
		return time === undefined ? [] : [{ path: join(folder, name), from: sortableTime(time) }];
	});
	return timed.filter(({ from }) => from <= sortableTime(until)).sort((a, b) => (a.from < b.from ? 1 : -1))[0];
}

/** The snapshot's id; `undefined` where the file is none, so that it is not relied on. */
async function readId(path: string): Promise<string | undefined> {
	const read = await readText(path, MAX_BYTES);
	if (read.kind === 'failed') return undefined;
	try {
		const { id } = JSON.parse(read.text) as { id?: unknown };
		return typeof id === 'string' ? id : undefined;
	} catch {
		return undefined;
	}
}

import type { ClusterFacts, Snapshot } from '../policy/model.ts';
import { isSnapshotDocument, parseSnapshot } from '../policy/snapshot.ts';
import { MAX_FILE_BYTES, readText } from './bytes.ts';
import { createSnapshot } from './canonical.ts';
import { parseDocuments } from './documents.ts';
import { findLayout, type Group } from './layout.ts';
import { createReducer, type Reducer } from './objects.ts';
import { append, type Place, type Problem } from './problem.ts';

/** What was read from disk. */
export interface ReadSnapshots {
	readonly snapshots: readonly Snapshot[];
	/** What was refused; the rest was read nevertheless. */
	readonly problems: readonly Problem[];
	/** What was taken, and yet probably not meant. */
	readonly warnings: readonly Problem[];
	/** What a reader should know of how the input was understood. */
	readonly notes: readonly string[];
	/** Where each NetworkPolicy of a snapshot stands: by the snapshot's id, then by `namespace/name`. Canonical documents have no such places. */
	readonly origins: ReadonlyMap<string, ReadonlyMap<string, Place>>;
}

export interface ReadOptions {
	/** Of a file, uncompressed. */
	readonly maxBytes?: number;
}

/** What has been read so far. */
interface Session {
	readonly maxBytes: number;
	/** With the path that it came from. By cluster and time: what two snapshots cannot have in common. */
	readonly found: Map<string, { readonly snapshot: Snapshot; readonly path: string }>;
	readonly problems: Problem[];
	readonly warnings: Problem[];
	readonly notes: string[];
	readonly ignored: Map<string, number>;
	readonly origins: Map<string, ReadonlyMap<string, Place>>;
}

/** A path's objects without a time. */
interface Plain {
	readonly path: string;
	readonly reducer: Reducer;
	readonly files: number;
	/** There were no objects, and nothing was said yet of why. */
	readonly isEmpty: boolean;
	/** Beside snapshots with a time, so that they belong to none. */
	readonly stray: boolean;
}

/**
 * Reads snapshots from files and folders. A folder or file named by a time (`2023-09-23T142057Z`) is the snapshot from that time on, at any
 * depth below a path; a canonical document is one by itself; all other objects of all paths together are one that is valid at any time.
 * Never rejects: what cannot be read is a problem.
 */
export async function readSnapshots(paths: readonly string[], { maxBytes = MAX_FILE_BYTES }: ReadOptions = {}): Promise<ReadSnapshots> {
	const session: Session = { maxBytes, found: new Map(), problems: [], warnings: [], notes: [], ignored: new Map(), origins: new Map() };
	const plain: Plain[] = [];
	for (const path of paths) {
		const layout = await findLayout(path);
		append(session.problems, layout.problems);
		for (const group of layout.timed) await readTimed(group, session);
		const stray = layout.timed.length > 0;
		if (layout.plain.files.length > 0) plain.push({ ...(await readGroup(layout.plain, session)), stray });
		else if (!stray && layout.problems.length === 0) session.problems.push({ file: path, message: NO_FILES });
	}
	for (const { path, reducer } of plain.filter(({ stray }) => stray)) reportStray(path, reducer, session);
	for (const group of groupByCluster(plain.filter(({ stray }) => !stray))) finishPlain(group, session);
	const { found, problems, warnings, notes, origins } = session;
	noteIgnored(session);
	return { snapshots: [...found.values()].map(({ snapshot }) => snapshot), problems, warnings, notes, origins };
}

async function readTimed(group: Group, session: Session): Promise<void> {
	const { reducer, isEmpty, files } = await readGroup(group, session);
	if (files === 0) session.problems.push({ file: group.path, message: NO_FILES });
	else if (isEmpty) session.problems.push({ file: group.path, message: NO_OBJECTS });
	finish(reducer, { path: group.path, session, validFrom: group.time });
}

const NO_FILES = 'has no .yaml, .yml or .json files';
const NO_OBJECTS = 'has no Kubernetes objects that policies depend on';

/** Reads a group's files, one after the other: they can be large. Canonical documents go to the session at once. */
async function readGroup({ path, files }: Group, session: Session): Promise<Omit<Plain, 'stray'>> {
	const reducer = createReducer();
	const saidBefore = session.problems.length;
	let canonical = 0;
	for (const file of files) {
		const read = await readText(file, session.maxBytes);
		if (read.kind === 'failed') {
			session.problems.push({ file, message: read.message });
			continue;
		}
		const { documents, problems } = parseDocuments(read.text, file);
		append(session.problems, problems);
		for (const { content, origin } of documents) {
			if (!isSnapshotDocument(content)) reducer.add(content, origin);
			else {
				canonical++;
				readCanonical(content, { file, session });
			}
		}
	}
	const { kept, problems } = reducer.gathered;
	const isEmpty = kept.size + problems.length + canonical === 0 && session.problems.length === saidBefore;
	return { path, reducer, isEmpty, files: files.length };
}

function readCanonical(content: unknown, { file, session }: { file: string; session: Session }): void {
	const parsed = parseSnapshot(content);
	if (typeof parsed === 'string') {
		session.problems.push({ file, message: parsed });
		return;
	}
	// Made anew: a document that somebody edited keeps neither its order nor its id.
	const snapshot = createSnapshot(parsed);
	if (snapshot.id !== parsed.id) {
		session.notes.push(
			`${file}: its id ${parsed.id} does not belong to its content, which somebody may have edited: it counts as ${snapshot.id}`,
		);
	}
	accept(snapshot, file, session);
}

/** What clusters a snapshot serves, and from when. */
function slotOf({ validFrom, state: { cluster } }: Snapshot): string {
	return JSON.stringify([clusterKey(cluster), validFrom ?? 'any']);
}

const clusterKey = (cluster: ClusterFacts | undefined): string =>
	cluster ? JSON.stringify([cluster.project ?? '', cluster.location, cluster.name]) : '';

function accept(snapshot: Snapshot, path: string, { found, problems, notes }: Session): void {
	const slot = slotOf(snapshot);
	const before = found.get(slot);
	if (!before) found.set(slot, { snapshot, path });
	else if (before.snapshot.id === snapshot.id) notes.push(`${path}: the same snapshot as ${before.path}`);
	else {
		const when = snapshot.validFrom ? `from ${snapshot.validFrom}` : 'without a time';
		const { cluster } = snapshot.state;
		const whose = cluster ? `cluster ${cluster.location}/${cluster.name}` : 'any cluster';
		problems.push({ file: path, message: `is left out: it is a snapshot of ${whose} ${when}, and so is ${before.path}` });
	}
}

/** Ends a reducer: all that is to be said about its objects, and their snapshot if there are any. Whether there are. */
function finish(
	reducer: Reducer,
	{ path, session, validFrom }: { path: string; session: Session; validFrom?: string | undefined },
): boolean {
	const { state, problems, warnings, ignored, origins, count } = reducer.finish();
	append(session.problems, problems);
	append(session.warnings, warnings);
	for (const [kind, number] of ignored) session.ignored.set(kind, (session.ignored.get(kind) ?? 0) + number);
	if (count === 0) return false;
	const snapshot = createSnapshot({ state, ...(validFrom !== undefined && { validFrom }) });
	session.origins.set(snapshot.id, origins);
	accept(snapshot, path, session);
	return true;
}

function reportStray(path: string, reducer: Reducer, { problems }: Session): void {
	const { kept } = reducer.gathered;
	if (kept.size === 0) return;
	const file = kept.values().next().value?.place.file ?? path;
	problems.push({
		file,
		message: `is left out, as are ${kept.size} objects in all: beside folders named by time in ${path} they belong to no snapshot`,
	});
}

/**
 * Objects without a time belong together, from however many paths they come: a folder of policies and a file of Pods, say. Unless they
 * describe several clusters: then each cluster's paths do, and those that describe none.
 */
function groupByCluster(plain: readonly Plain[]): Plain[][] {
	const keys = new Set(plain.map(({ reducer }) => clusterKey(reducer.cluster())).filter((key) => key !== ''));
	if (keys.size <= 1) return plain.length > 0 ? [[...plain]] : [];
	return [...Map.groupBy(plain, ({ reducer }) => clusterKey(reducer.cluster())).values()];
}

function finishPlain(group: readonly Plain[], session: Session): void {
	const reducer = createReducer();
	for (const plain of group) {
		reducer.absorb(plain.reducer);
		if (plain.isEmpty) session.problems.push({ file: plain.path, message: NO_OBJECTS });
	}
	const path = group.map((plain) => plain.path).join(' and ');
	const taken = finish(reducer, { path, session });
	if (taken) session.notes.push(`${path}: objects without a time, taken as one snapshot that is valid at any time`);
}

function noteIgnored({ ignored, notes }: Session): void {
	if (ignored.size === 0) return;
	const kinds = [...ignored].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, count]) => `${count} ${kind}`);
	notes.push(`other objects, which policies do not depend on, were left out: ${kinds.join(', ')}`);
}

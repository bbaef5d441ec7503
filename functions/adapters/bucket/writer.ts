import { randomUUID } from 'node:crypto';
import type { ClusterKey, Lease, NewestSnapshot, SnapshotStore } from '../../ports.ts';
import { bytesOf, type Parsed, parseJson } from './document.ts';
import {
	COLLECTING_NAME,
	clusterFolder,
	formatLatest,
	LATEST_NAME,
	MAX_LATEST_BYTES,
	parseLatest,
	snapshotName,
	snapshotTime,
} from './names.ts';
import { ABSENT, type VersionedObject, type VersionedObjects } from './versions.ts';

/** No collection takes this long: who says so has a wrong clock, and must not keep others out for ever. */
const MAX_LEASE_MS = 60 * 60_000;

/** A `latest.json` that says nothing. */
export interface UnreadableLine {
	readonly severity: 'ERROR';
	readonly message: string;
	readonly object: string;
	readonly reason: string;
}

export interface WriterOptions {
	/** Of clusters whose key names no project. */
	readonly projectId?: string | undefined;
	/** The folder in which all others are, such as `audit`. */
	readonly prefix?: string | undefined;
	readonly now: () => Date;
	readonly log: (line: UnreadableLine) => void;
}

/**
 * Snapshots in a bucket, laid out as `names.ts` says. Everything is written under a precondition, so that of those who race one wins.
 * `write` also says `false` where an attempt that was not heard of had stored the very same bytes: whoever needs to tell reads the object,
 * or takes the next time, after which that object is a copy that is no harm.
 */
export function createWriter(objects: VersionedObjects, { projectId, prefix, now, log }: WriterOptions): SnapshotStore {
	function folderOf({ project = projectId, location, name }: ClusterKey): string {
		const folder = clusterFolder({ ...(project !== undefined && { project }), location, name }, prefix);
		if (folder === undefined) throw new Error(`no folder for the cluster ${JSON.stringify({ project, location, name }).slice(0, 500)}`);
		return folder;
	}

	/** The new version; `undefined` where it was replaced by others since it was at that one. */
	async function replace(
		name: string,
		{ text, version }: { readonly text: string; readonly version: string },
	): Promise<string | undefined> {
		const bytes = Buffer.from(text);
		const written = await objects.write(name, { bytes, type: 'application/json', version });
		if (written.kind === 'stored') return written.version;
		if (!written.doubtful) return undefined;
		const found = await objects.read(name, MAX_LATEST_BYTES);
		return found.object.kind === 'ok' && found.object.bytes.equals(bytes) ? found.version : undefined;
	}

	async function release(name: string, version: string): Promise<void> {
		try {
			await replace(name, { text: formatLease(now().getTime()), version });
		} catch {
			// It ends by itself.
		}
	}

	return {
		async readNewest(cluster) {
			const object = `${folderOf(cluster)}${LATEST_NAME}`;
			const found = await objects.read(object, MAX_LATEST_BYTES);
			if (found.version === ABSENT) return { newest: undefined, version: ABSENT };
			const newest = parseNewest(found);
			if (newest.kind === 'ok') return { newest: newest.value, version: found.version };
			const { reason } = newest;
			log({ severity: 'ERROR', message: `newest snapshot not known: ${object} ${reason}`, object, reason });
			return { newest: undefined, version: found.version };
		},

		async write(cluster, { validFrom, bytes }) {
			// Without a content encoding: what has one is uncompressed on its way to the reader, where nothing bounds it.
			const content = { bytes: new Uint8Array(bytes), type: 'application/gzip', version: ABSENT };
			return (await objects.write(`${folderOf(cluster)}${snapshotName(validFrom)}`, content)).kind === 'stored';
		},

		async replaceNewest(cluster, { id, validFrom, seenUntil }, version) {
			const text = formatLatest({ name: snapshotName(validFrom), id, seenUntil });
			return (await replace(`${folderOf(cluster)}${LATEST_NAME}`, { text, version })) !== undefined;
		},

		async lease(cluster, untilMs): Promise<Lease | undefined> {
			const name = `${folderOf(cluster)}${COLLECTING_NAME}`;
			const found = await objects.read(name, MAX_LATEST_BYTES);
			const nowMs = now().getTime();
			const heldMs = parseLease(found) - nowMs;
			if (heldMs > 0 && heldMs <= MAX_LEASE_MS) return undefined;
			const version = await replace(name, { text: formatLease(Math.min(untilMs, nowMs + MAX_LEASE_MS)), version: found.version });
			return version === undefined ? undefined : { release: () => release(name, version) };
		},
	};
}

function parseNewest({ object }: VersionedObject): Parsed<NewestSnapshot> {
	const bytes = bytesOf(object, MAX_LATEST_BYTES);
	const document = bytes.kind === 'ok' ? parseJson(bytes.value) : bytes;
	if (document.kind === 'bad') return document;
	const latest = parseLatest(document.value);
	if (typeof latest === 'string') return { kind: 'bad', reason: latest };
	// The name is one that has a time.
	return { kind: 'ok', value: { id: latest.id, validFrom: snapshotTime(latest.name) ?? '', seenUntil: latest.seenUntil } };
}

/** Its holder is what tells a lease from another one that ends at the same time. */
const formatLease = (untilMs: number): string => `${JSON.stringify({ until: new Date(untilMs).toISOString(), holder: randomUUID() })}\n`;

/** Until when, in ms since 1970. What cannot be read holds nobody up. */
function parseLease({ object }: VersionedObject): number {
	const document = object.kind === 'ok' ? parseJson(object.bytes) : undefined;
	const value = document?.kind === 'ok' ? document.value : undefined;
	const until = typeof value === 'object' && value !== null && 'until' in value ? Date.parse(String(value.until)) : Number.NaN;
	return Number.isNaN(until) ? 0 : until;
}

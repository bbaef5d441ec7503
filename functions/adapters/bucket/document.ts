import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Snapshot } from '../../policy/model.ts';
import { parseSnapshot } from '../../policy/snapshot.ts';
import { parseTime } from '../../policy/time.ts';
import type { ClusterKey } from '../../ports.ts';
import { snapshotName } from './names.ts';
import type { ReadObject } from './objects.ts';

/** `bad`: what is wrong with it, as words that follow the object's name. */
export type Parsed<T> = { readonly kind: 'ok'; readonly value: T } | { readonly kind: 'bad'; readonly reason: string };

const bad = (reason: string): Parsed<never> => ({ kind: 'bad', reason });

const tooLarge = (maxBytes: number): Parsed<never> => bad(`is larger than ${maxBytes} bytes`);
const NO_GZIP = bad('is not complete gzip');

/** What was read of an object of which its name is known. */
export function bytesOf(read: ReadObject, maxBytes: number): Parsed<Buffer> {
	switch (read.kind) {
		case 'ok':
			return { kind: 'ok', value: read.bytes };
		case 'missing':
			return bad('is not there');
		case 'too-large':
			return tooLarge(maxBytes);
		case 'corrupt':
			return NO_GZIP;
		default:
			return read satisfies never;
	}
}

/** A snapshot and how many bytes its JSON has. */
export interface SnapshotDocument {
	readonly snapshot: Snapshot;
	readonly bytes: number;
}

export interface Expected {
	/** Of the object, without its folder. */
	readonly name: string;
	/** Whose folder it lies in. */
	readonly cluster: ClusterKey;
	/** Of the uncompressed JSON. */
	readonly maxBytes: number;
}

/** Opens a snapshot's object, compressed or not. Never rejects, whatever the bytes are. */
export async function openSnapshot(bytes: Buffer, { name, cluster, maxBytes }: Expected): Promise<Parsed<SnapshotDocument>> {
	const plain = await uncompress(bytes, maxBytes);
	if (plain.kind === 'bad') return plain;
	const document = parseJson(plain.value);
	if (document.kind === 'bad') return document;
	const snapshot = parseSnapshot(document.value);
	if (typeof snapshot === 'string') return bad(snapshot);
	const from = snapshot.validFrom === undefined ? undefined : parseTime(snapshot.validFrom);
	if (from === undefined || snapshotName(from) !== name)
		return bad(`is valid from ${snapshot.validFrom ?? 'any time'}, which is not its name`);
	if (!isOf(snapshot, cluster)) return bad('is of another cluster than its folder');
	return { kind: 'ok', value: { snapshot, bytes: plain.value.length } };
}

/** What the snapshot does not know of its cluster cannot differ. */
function isOf({ state }: Snapshot, { project, location, name }: ClusterKey): boolean {
	const facts = state.cluster;
	if (!facts) return true;
	return facts.location === location && facts.name === name && (facts.project === undefined || facts.project === project);
}

const isGzip = (bytes: Buffer): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

async function uncompress(bytes: Buffer, maxBytes: number): Promise<Parsed<Buffer>> {
	if (!isGzip(bytes)) return bytes.length > maxBytes ? tooLarge(maxBytes) : { kind: 'ok', value: bytes };
	try {
		return { kind: 'ok', value: await promisify(gunzip)(bytes, { maxOutputLength: maxBytes }) };
	} catch (error) {
		const code = error instanceof Error && 'code' in error ? error.code : undefined;
		return code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge(maxBytes) : NO_GZIP;
	}
}

/** JSON in UTF-8. */
export function parseJson(bytes: Buffer): Parsed<unknown> {
	try {
		return { kind: 'ok', value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) };
	} catch {
		// The words of the parser hold pieces of the text.
		return bad(bytes.length === 0 ? 'is empty' : 'is not JSON in UTF-8');
	}
}

import { type BucketOptions, createConnection, isMissing } from './connection.ts';
import { type ReadObject, readObject } from './objects.ts';
import { type Answer, type Content, readBody } from './request.ts';

/** The version of what is not there. */
export const ABSENT = '0';

export interface VersionedObject {
	readonly object: ReadObject;
	/** The object's generation: its content of that moment, and of no other. */
	readonly version: string;
}

/** `stored`: its version now. `conflict`: it is at another version. */
export type Written =
	| { readonly kind: 'stored'; readonly version: string }
	/** `doubtful`: that other version may be our own, from an attempt that was not heard of. */
	| { readonly kind: 'conflict'; readonly doubtful: boolean };

export interface Replacement extends Content {
	/** Of what is replaced. */
	readonly version: string;
}

/** Objects that are replaced only by those who know what they replace. Rejects where it is not known what is there. */
export interface VersionedObjects {
	read(name: string, maxBytes: number): Promise<VersionedObject>;
	/** All or nothing, where the object is at that version. */
	write(name: string, replacement: Replacement): Promise<Written>;
}

const READ_DEADLINE_MS = 20_000;
/** A snapshot of 30,000 Pods is some 6 MB: seconds at most inside of Google, and half a minute over a slow line. */
const WRITE_DEADLINE_MS = 90_000;
const WRITE_ATTEMPT_MS = 30_000;
const MAX_ANSWER_BYTES = 256 * 1024;

export interface VersionsOptions extends BucketOptions {
	/** How long one attempt to write may take. */
	readonly attemptMs?: number;
	readonly pausesMs?: readonly number[];
}

/** Objects of Google Cloud Storage under preconditions. */
export function openVersions({ deadlineMs, attemptMs = WRITE_ATTEMPT_MS, pausesMs, ...options }: VersionsOptions): VersionedObjects {
	const { objects, uploads, send, failure } = createConnection(options);
	return {
		async read(name, maxBytes) {
			const answer: Answer<VersionedObject> = await send(`${objects}/${encodeURIComponent(name)}?alt=media`, {
				read: async (response) => {
					// One answer has both: a second request might be answered of another version.
					const version = readVersion(response.headers.get('x-goog-generation'));
					return { object: await readObject(response, maxBytes), version };
				},
				endMs: performance.now() + (deadlineMs ?? READ_DEADLINE_MS),
				pausesMs,
			});
			if (answer.kind === 'ok') return answer.value;
			if (isMissing(answer)) return { object: { kind: 'missing' }, version: ABSENT };
			throw failure('read', name, answer);
		},

		async write(name, { version, ...content }) {
			const query = new URLSearchParams({ uploadType: 'media', name, ifGenerationMatch: version, fields: 'generation' });
			const answer: Answer<string> = await send(`${uploads}?${query}`, {
				read: readGeneration,
				content,
				endMs: performance.now() + (deadlineMs ?? WRITE_DEADLINE_MS),
				attemptMs,
				pausesMs,
			});
			if (answer.kind === 'ok') return { kind: 'stored', version: answer.value };
			if (answer.status === 412) return { kind: 'conflict', doubtful: answer.doubtful };
			throw failure('write', name, answer);
		},
	};
}

/** Throws where it is none, which makes the request fail: whoever answered is not Google Cloud Storage, or not to its end. */
function readVersion(text: unknown): string {
	if (typeof text !== 'string' || !/^[1-9]\d{0,19}$/.test(text)) throw new Error('the answer says no generation of the object');
	return text;
}

async function readGeneration(response: Response): Promise<string> {
	const bytes = await readBody(response, MAX_ANSWER_BYTES);
	let generation: unknown;
	try {
		generation = bytes && (JSON.parse(bytes.toString('utf8')) as { generation?: unknown } | null)?.generation;
	} catch {
		// No JSON: said below, without pieces of it.
	}
	return readVersion(generation);
}

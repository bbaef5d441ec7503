import { type BucketOptions, createConnection, isMissing } from './connection.ts';
import { type Answer, readBody } from './request.ts';

/** `too-large`: there are more bytes than were asked for. `corrupt`: they are stored as compressed, and are not. */
export type ReadObject =
	| { readonly kind: 'ok'; readonly bytes: Buffer }
	| { readonly kind: 'missing' }
	| { readonly kind: 'too-large' }
	| { readonly kind: 'corrupt' };

/** Names in a folder, by their code units. */
export interface Range {
	/** The first that may be answered. */
	readonly from: string;
	/** Answered is at least the first one that is not before this, if there is one. */
	readonly until: string;
}

/** The objects of a bucket. Rejects where it is not known what is there: no access, no answer, trouble at the other side. */
export interface ObjectStore {
	read(name: string, maxBytes: number): Promise<ReadObject>;
	/** Names without their folder. A folder that is not there is empty. */
	list(folder: string, range: Range): Promise<readonly string[]>;
}

const DEADLINE_MS = 20_000;
const MAX_PAGE_BYTES = 16 * 1024 * 1024;

/** Objects of Google Cloud Storage. */
export function openBucket({ deadlineMs = DEADLINE_MS, ...options }: BucketOptions): ObjectStore {
	const { objects, send, failure } = createConnection(options);
	return {
		async read(name, maxBytes) {
			const answer: Answer<ReadObject> = await send(`${objects}/${encodeURIComponent(name)}?alt=media`, {
				read: (response) => readObject(response, maxBytes),
				endMs: performance.now() + deadlineMs,
			});
			if (answer.kind === 'ok') return answer.value;
			if (isMissing(answer)) return { kind: 'missing' };
			throw failure('read', name, answer);
		},

		async list(folder, { from, until }) {
			const endMs = performance.now() + deadlineMs;
			const query = new URLSearchParams({ prefix: folder, startOffset: `${folder}${from}`, fields: 'items(name),nextPageToken' });
			const names: string[] = [];
			for (;;) {
				const answer: Answer<Page> = await send(`${objects}?${query}`, { read: readPage, endMs });
				if (answer.kind === 'failed') throw failure('read', folder, answer);
				for (const name of answer.value.names) if (name.startsWith(folder)) names.push(name.slice(folder.length));
				if (answer.value.next === undefined || (names.at(-1) ?? '') >= until) return names;
				query.set('pageToken', answer.value.next);
			}
		},
	};
}

/** The content of an object that is there. */
export async function readObject(response: Response, maxBytes: number): Promise<ReadObject> {
	try {
		const bytes = await readBody(response, maxBytes);
		return bytes ? { kind: 'ok', bytes } : { kind: 'too-large' };
	} catch (error) {
		// What has a content encoding is uncompressed on the way: to try again would not help.
		if (isGzipError(error) || (error instanceof Error && isGzipError(error.cause))) return { kind: 'corrupt' };
		throw error;
	}
}

const isGzipError = (error: unknown): boolean => error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');

interface Page {
	readonly names: readonly string[];
	readonly next?: string | undefined;
}

async function readPage(response: Response): Promise<Page> {
	const bytes = await readBody(response, MAX_PAGE_BYTES);
	if (!bytes) throw new Error('a page of the list is too large');
	const { items = [], nextPageToken: next } = JSON.parse(bytes.toString('utf8')) as {
		items?: readonly { readonly name: string }[];
		nextPageToken?: string;
	};
	return { names: items.map(({ name }) => name), next };
}

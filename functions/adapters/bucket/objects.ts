import { type Access, type Answer, type Failure, readBody, request } from './request.ts';

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

export interface BucketOptions {
	readonly bucket: string;
	/** Of another server than Google's; it is sent no credentials. */
	readonly apiEndpoint?: string | undefined;
	readonly projectId?: string | undefined;
	/** How long one read or one list may take, with all its attempts. */
	readonly deadlineMs?: number;
}

const DEADLINE_MS = 20_000;
const MAX_PAGE_BYTES = 16 * 1024 * 1024;

/**
 * Objects of Google Cloud Storage. Endpoint and credentials are the client's; it is loaded and made when it is first needed, because it
 * costs 0.2 s. Requests are our own: a stream of the client (8.4.0, with teeny-request 11.1.1) ends the process under Node 24 where it is
 * tried again or broken off (googleapis/google-cloud-node#8670, #9242), has no time-out, and takes others' connections with it.
 */
export function openBucket({ bucket, apiEndpoint, projectId, deadlineMs = DEADLINE_MS }: BucketOptions): ObjectStore {
	let opening: Promise<Access> | undefined;
	const open = (): Promise<Access> => {
		opening ??= openAccess({ apiEndpoint, projectId });
		return opening;
	};
	const objects = `/storage/v1/b/${encodeURIComponent(bucket)}/o`;
	const failed = (name: string, { detail }: Failure): Error => new Error(`cannot read gs://${bucket}/${name}: ${detail}`);

	return {
		async read(name, maxBytes) {
			const answer: Answer<ReadObject> = await request(await open(), `${objects}/${encodeURIComponent(name)}?alt=media`, {
				read: (response) => readObject(response, maxBytes),
				endMs: performance.now() + deadlineMs,
			});
			if (answer.kind === 'ok') return answer.value;
			if (answer.status === 404 && !NO_BUCKET.test(answer.detail)) return { kind: 'missing' };
			throw failed(name, answer);
		},

		async list(folder, { from, until }) {
			const access = await open();
			const endMs = performance.now() + deadlineMs;
			const query = new URLSearchParams({ prefix: folder, startOffset: `${folder}${from}`, fields: 'items(name),nextPageToken' });
			const names: string[] = [];
			for (;;) {
				const answer: Answer<Page> = await request(access, `${objects}?${query}`, { read: readPage, endMs });
				if (answer.kind === 'failed') throw failed(folder, answer);
				for (const name of answer.value.names) if (name.startsWith(folder)) names.push(name.slice(folder.length));
				if (answer.value.next === undefined || (names.at(-1) ?? '') >= until) return names;
				query.set('pageToken', answer.value.next);
			}
		},
	};
}

async function openAccess({ apiEndpoint, projectId }: Pick<BucketOptions, 'apiEndpoint' | 'projectId'>): Promise<Access> {
	const { Storage } = await import('@google-cloud/storage');
	const storage = new Storage({ ...(apiEndpoint !== undefined && { apiEndpoint }), ...(projectId !== undefined && { projectId }) });
	return {
		endpoint: storage.apiEndpoint,
		headers: async () => (storage.customEndpoint ? new Headers() : storage.authClient.getRequestHeaders()),
	};
}

/** Google's words for a bucket that is not there: a mistake of the deployment, while an object may well be missing. */
const NO_BUCKET = /bucket does not exist/i;

async function readObject(response: Response, maxBytes: number): Promise<ReadObject> {
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

import { type Access, type Answer, type Failure, type RequestOptions, request } from './request.ts';

export interface BucketOptions {
	readonly bucket: string;
	/** Of another server than Google's; it is sent no credentials. */
	readonly apiEndpoint?: string | undefined;
	readonly projectId?: string | undefined;
	/** How long one read, one list or one write may take, with all its attempts. */
	readonly deadlineMs?: number;
}

/** A bucket as requests name it. */
export interface Connection {
	/** Path of its objects, for reading. */
	readonly objects: string;
	/** Path that new content is sent to. */
	readonly uploads: string;
	/** Rejects where there is no client; whatever else goes wrong is an answer. */
	send<T>(target: string, options: RequestOptions<T>): Promise<Answer<T>>;
	/** Words for what went wrong with an object or a folder. */
	failure(what: 'read' | 'write', name: string, failed: Pick<Failure, 'detail'>): Error;
}

/**
 * Endpoint and credentials are the client's; it is loaded and made when it is first needed, because it costs 0.2 s. Requests are our own: a
 * stream of the client (8.4.0, with teeny-request 11.1.1) ends the process under Node 24 where it is tried again or broken off
 * (googleapis/google-cloud-node#8670, #9242), has no time-out, and takes others' connections with it.
 */
export function createConnection({ bucket, apiEndpoint, projectId }: BucketOptions): Connection {
	let opening: Promise<Access> | undefined;
	const path = `/storage/v1/b/${encodeURIComponent(bucket)}/o`;
	return {
		objects: path,
		uploads: `/upload${path}`,
		async send(target, options) {
			opening ??= openAccess({ apiEndpoint, projectId });
			return request(await opening, target, options);
		},
		failure: (what, name, { detail }) => new Error(`cannot ${what} gs://${bucket}/${name}: ${detail}`),
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

/** Whether an object is known not to be there. */
export const isMissing = ({ status, detail }: Failure): boolean => status === 404 && !NO_BUCKET.test(detail);

/** A bucket on loopback: the two requests of the JSON API by which snapshots are read, and what may go wrong with them. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { clusterFolder, formatLatest, LATEST_NAME, snapshotName } from '../../functions/adapters/bucket/names.ts';
import { CLUSTER, SEEN_UNTIL, SNAPSHOT_ID, snapshotBytes, VALID_FROM } from '../servers/messages.ts';

/** `empty`: it has no objects yet. A hanging request is never answered. */
export type BucketFault =
	| { readonly kind: 'status'; readonly status: number }
	| { readonly kind: 'hang' }
	| { readonly kind: 'slow'; readonly ms: number }
	| { readonly kind: 'empty' };

export interface Bucket {
	readonly url: string;
	close(): Promise<void>;
}

const PATH = /^\/storage\/v1\/b\/[^/]+\/o(?:\/([^/]+))?$/;

/** The bucket with the one snapshot of the cluster. The faults are asked with the number of the request, from 0. */
export async function startBucket(faults?: (number: number) => BucketFault | undefined): Promise<Bucket> {
	const folder = clusterFolder(CLUSTER) ?? '';
	const name = snapshotName(VALID_FROM);
	const objects = new Map([
		[`${folder}${name}`, snapshotBytes()],
		[`${folder}${LATEST_NAME}`, Buffer.from(formatLatest({ name, id: SNAPSHOT_ID, seenUntil: SEEN_UNTIL }))],
	]);
	let requests = 0;

	async function answer(target: string, response: ServerResponse): Promise<void> {
		const fault = faults?.(requests++);
		if (fault?.kind === 'hang') return;
		if (fault?.kind === 'slow') await wait(fault.ms);
		if (fault?.kind === 'status') return sendError(response, fault.status, 'told to fail');
		const { pathname, searchParams } = new URL(target, 'http://bucket');
		const [matched, object] = PATH.exec(pathname) ?? [];
		if (matched === undefined) return sendError(response, 400, 'no such method');
		const held = fault?.kind === 'empty' ? new Map<string, Buffer>() : objects;
		if (object !== undefined) {
			const bytes = held.get(decodeURIComponent(object));
			if (!bytes) return sendError(response, 404, `No such object: ${decodeURIComponent(object)}`);
			return void response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(bytes);
		}
		const [prefix, from] = [searchParams.get('prefix') ?? '', searchParams.get('startOffset') ?? ''];
		const items = [...held.keys()].filter((key) => key.startsWith(prefix) && key >= from).sort();
		response.writeHead(200, { 'content-type': 'application/json' });
		response.end(JSON.stringify({ items: items.map((key) => ({ name: key })) }));
	}

	const server = createServer((request, response) => {
		request.resume();
		answer(request.url ?? '', response).catch(() => response.destroy());
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		async close() {
			const closed = once(server, 'close');
			server.close();
			server.closeAllConnections();
			await closed;
		},
	};
}

function sendError(response: ServerResponse, code: number, message: string): void {
	const error = { code, message, errors: [{ message, domain: 'global', reason: code === 404 ? 'notFound' : 'backendError' }] };
	response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
}

/** A bucket on loopback that is written to: the requests of the JSON API that the store makes, and what may go wrong with them. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** `after`: what was asked for is done, and then this happens. `nonsense`: 200, and not the answer of Google Cloud Storage. */
export interface ServerFault {
	readonly after?: true;
	readonly kind: number | 'reset' | 'hang' | 'cut' | 'nonsense';
}

/** A request as it came. */
export interface SeenRequest {
	readonly method: string;
	readonly path: string;
	readonly query: Readonly<Record<string, string>>;
	readonly headers: IncomingMessage['headers'];
}

export interface Stored {
	readonly bytes: Buffer;
	readonly generation: number;
}

export interface BucketServer {
	readonly url: string;
	readonly objects: Map<string, Stored>;
	readonly requests: SeenRequest[];
	/** What happens to the next requests, one each; then they are answered. */
	readonly faults: (ServerFault | undefined)[];
	close(): Promise<void>;
}

const OBJECT = /^\/storage\/v1\/b\/b\/o\/([^/]+)$/;
const UPLOAD = '/upload/storage/v1/b/b/o';

export async function startBucketServer(): Promise<BucketServer> {
	const objects = new Map<string, Stored>();
	const requests: SeenRequest[] = [];
	const faults: (ServerFault | undefined)[] = [];
	let generation = 1_700_000_000_000_000;

	/** What is answered, after it was done. */
	async function act(request: IncomingMessage): Promise<ToAnswer> {
		const { pathname, searchParams } = new URL(request.url ?? '', 'http://b');
		const method = request.method ?? '';
		requests.push({ method, path: pathname, query: Object.fromEntries(searchParams), headers: request.headers });
		if (method === 'POST' && pathname === UPLOAD) {
			const bytes = await buffer(request);
			const name = searchParams.get('name') ?? '';
			if (String(objects.get(name)?.generation ?? 0) !== searchParams.get('ifGenerationMatch')) return refused(412, 'conditionNotMet');
			objects.set(name, { bytes, generation: ++generation });
			return { status: 200, body: JSON.stringify({ generation: String(generation) }) };
		}
		const [, encoded] = OBJECT.exec(pathname) ?? [];
		if (method !== 'GET' || encoded === undefined) return refused(400, 'invalid');
		const found = objects.get(decodeURIComponent(encoded));
		if (!found) return refused(404, 'notFound');
		return { status: 200, body: found.bytes, headers: { 'x-goog-generation': String(found.generation) } };
	}

	async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const fault = faults.shift();
		const done = fault && !fault.after ? undefined : await act(request);
		if (!done) {
			requests.push({ method: request.method ?? '', path: request.url ?? '', query: {}, headers: request.headers });
			await buffer(request);
		}
		const kind = fault?.kind;
		if (kind === 'hang') return;
		if (kind === 'reset') return void request.socket.resetAndDestroy();
		if (kind === 'nonsense') return void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>welcome</html>');
		if (typeof kind === 'number') {
			const { status, body } = refused(kind, 'backendError');
			return void response.writeHead(status).end(body);
		}
		const { status, body, headers } = done ?? refused(500, 'backendError');
		if (kind === 'cut') {
			response.writeHead(status, { ...headers, 'content-length': String(body.length) }).write(body.slice(0, -1));
			setTimeout(() => request.socket.destroy(), 20);
			return;
		}
		response.writeHead(status, headers).end(body);
	}

	const server = createServer((request, response) => {
		answer(request, response).catch(() => response.destroy());
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		objects,
		requests,
		faults,
		async close() {
			const closed = once(server, 'close');
			server.close();
			server.closeAllConnections();
			await closed;
		},
	};
}

interface ToAnswer {
	readonly status: number;
	readonly body: Buffer | string;
	readonly headers?: Record<string, string>;
}

const refused = (code: number, reason: string): ToAnswer => ({
	status: code,
	body: JSON.stringify({ error: { code, message: 'told to fail', errors: [{ message: 'told to fail', domain: 'global', reason }] } }),
});

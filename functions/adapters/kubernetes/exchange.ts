import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** How the API server and we prove who we are. PEM, as `node:tls` takes it. */
export interface TlsOptions {
	readonly ca?: string | Buffer | string[];
	readonly cert?: string | Buffer;
	readonly key?: string | Buffer;
	/** The certificate is not checked. */
	readonly insecure?: boolean;
	/** The name that the certificate must have, where that is not the endpoint's. */
	readonly servername?: string;
	/** Connects in another way than directly, such as through a proxy. */
	readonly agent?: http.Agent;
}

/** What became of one request at one endpoint. `detail`: words that may hold anything that was sent. */
export type Exchange =
	| { readonly kind: 'answered'; readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }
	/** There was no connection: no such host, refused, no answer in time, or a certificate that is not trusted. */
	| { readonly kind: 'unreachable'; readonly detail: string }
	/** The connection broke off, or the answer took too long. */
	| { readonly kind: 'broken'; readonly detail: string }
	/** To ask again would bring the same. */
	| { readonly kind: 'too-large'; readonly detail: string };

export interface Connection {
	/** Never rejects. */
	get(path: string, headers: Headers): Promise<Exchange>;
}

interface Limits {
	readonly tls: TlsOptions;
	readonly timeoutMs: number;
	readonly connectTimeoutMs: number;
	readonly maxBytes: number;
}

/** An endpoint, with its connections kept open. */
export function createConnection(server: string, limits: Limits): Connection {
	const { ca, cert, key, insecure, servername, agent: given } = limits.tls;
	const base = new URL(server);
	if (!/^https?:$/.test(base.protocol)) throw new Error(`the API server's address must begin with https:// or http://`);
	const secure = base.protocol === 'https:';
	const identity = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }), ...(servername && { servername }) };
	const tls = { ...identity, ...(insecure && { rejectUnauthorized: false }) };
	const agent = given ?? (secure ? new https.Agent({ keepAlive: true, ...tls }) : new http.Agent({ keepAlive: true }));
	const prefix = base.pathname.replace(/\/+$/, '');
	const send = (path: string, headers: Headers, signal: AbortSignal) =>
		(secure ? https : http).request({
			...tls,
			agent,
			signal,
			hostname: base.hostname.replace(/^\[|\]$/g, ''),
			port: base.port === '' ? (secure ? 443 : 80) : Number(base.port),
			path: `${prefix}${path}`,
			headers: { ...Object.fromEntries(headers), accept: 'application/json', 'accept-encoding': 'gzip' },
		});

	return {
		async get(path, headers) {
			const controller = new AbortController();
			// Over the whole of it: a body that trickles would pass a time-out of its socket.
			const whole = setTimeout(() => controller.abort(), limits.timeoutMs);
			const connecting = setTimeout(() => controller.abort(), limits.connectTimeoutMs);
			let connected = false;
			const reached = (): void => {
				connected = true;
				clearTimeout(connecting);
			};
			try {
				const request = send(path, headers, controller.signal);
				request.on('socket', (socket) => {
					if (request.reusedSocket) reached();
					else socket.once(secure ? 'secureConnect' : 'connect', reached);
				});
				const response = await responseOf(request);
				reached();
				const body = await readBody(response, limits.maxBytes);
				const { statusCode: status = 0, headers: received } = response;
				if (body) return { kind: 'answered', status, headers: received, body };
				request.destroy();
				return { kind: 'too-large', detail: `${status}, with a body of more than ${limits.maxBytes} bytes` };
			} catch (error) {
				const detail = controller.signal.aborted ? 'no answer in time' : wordsOf(error);
				return { kind: connected ? 'broken' : 'unreachable', detail };
			} finally {
				clearTimeout(whole);
				clearTimeout(connecting);
			}
		},
	};
}

function responseOf(request: http.ClientRequest): Promise<IncomingMessage> {
	const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
	// The listener stays: an error without one would end the process.
	request.on('response', resolve).on('error', reject).end();
	return promise;
}

/** `undefined` where there is more. */
async function readBody(response: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
	const chunks: Buffer[] = [];
	let length = 0;
	for await (const chunk of plain(response)) {
		length += (chunk as Buffer).length;
		if (length > maxBytes) return undefined;
		chunks.push(chunk as Buffer);
	}
	return Buffer.concat(chunks);
}

function plain(response: IncomingMessage): Readable {
	if (response.headers['content-encoding'] !== 'gzip') return response;
	const gunzip = createGunzip();
	response.on('error', (error) => gunzip.destroy(error));
	// What is no gzip is not read to its end, which would leave the connection open.
	gunzip.on('error', () => response.destroy());
	return response.pipe(gunzip);
}

/** Errors of several addresses of one host have no message of their own. */
function wordsOf(error: unknown): string {
	if (error instanceof AggregateError && error.message === '') return [...new Set(error.errors.map(wordsOf))].join('; ');
	return error instanceof Error ? error.message || error.name : String(error);
}

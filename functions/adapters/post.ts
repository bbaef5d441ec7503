import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { VERSION } from '../version.ts';

/** What became of one POST. No `detail` has a word of the address, of a header or of an answer. */
export type Exchange =
	/** `body`: UTF-8; `undefined` where it broke off, took too long, or is longer than is read. */
	| { readonly kind: 'answered'; readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string | undefined }
	/** There was no connection, so nothing was sent. */
	| { readonly kind: 'unreachable'; readonly detail: string }
	/** It was sent, or some of it, and no answer came: whether it was taken is not known. */
	| { readonly kind: 'unanswered'; readonly detail: string };

export interface PostOptions {
	/** As `parseAddress` returned it. */
	readonly address: URL;
	readonly headers?: Readonly<Record<string, string>>;
	/** Of one attempt, its answer included. */
	readonly timeoutMs?: number;
	/** Until there is a connection. */
	readonly connectTimeoutMs?: number;
}

/** Sends one text of JSON. Never rejects. */
export type Post = (json: string, headers?: Readonly<Record<string, string>>) => Promise<Exchange>;

const TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** Slack repeats the message in its answer. */
const MAX_BYTES = 512 * 1024;

/** Posts to an address. Redirects are answers like others. */
export function createPost({ address, headers, timeoutMs = TIMEOUT_MS, connectTimeoutMs = CONNECT_TIMEOUT_MS }: PostOptions): Post {
	const secure = address.protocol === 'https:';
	// A new connection each time: of one that was kept, a reset does not tell whether the request was read.
	const agent = secure ? new https.Agent({ keepAlive: false }) : new http.Agent({ keepAlive: false });
	const fixed = { 'content-type': 'application/json; charset=utf-8', 'user-agent': `policy-action-audit/${VERSION}`, ...headers };

	return async (json, more) => {
		const controller = new AbortController();
		// Over the whole of it: an answer that trickles would pass a time-out of its socket.
		const whole = setTimeout(() => controller.abort(), timeoutMs);
		const connecting = setTimeout(() => controller.abort(), connectTimeoutMs);
		let connected = false;
		try {
			const bytes = Buffer.from(json);
			const request = (secure ? https : http).request(address, {
				method: 'POST',
				agent,
				signal: controller.signal,
				headers: { ...fixed, ...more, 'content-length': bytes.length },
			});
			request.on('socket', (socket) =>
				socket.once(secure ? 'secureConnect' : 'connect', () => {
					connected = true;
					clearTimeout(connecting);
				}),
			);
			const response = await responseOf(request, bytes);
			const body = await readBody(response).catch(() => undefined);
			request.destroy();
			return { kind: 'answered', status: response.statusCode ?? 0, headers: response.headers, body };
		} catch (error) {
			const detail = controller.signal.aborted ? (connected ? 'no answer in time' : 'no connection in time') : codeOf(error);
			return { kind: connected ? 'unanswered' : 'unreachable', detail };
		} finally {
			clearTimeout(whole);
			clearTimeout(connecting);
		}
	};
}

function responseOf(request: http.ClientRequest, bytes: Buffer): Promise<IncomingMessage> {
	const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
	// The listener stays: an error without one would end the process.
	request.on('response', resolve).on('error', reject).end(bytes);
	return promise;
}

/** `undefined` where there is more. */
async function readBody(response: IncomingMessage): Promise<string | undefined> {
	const chunks: Buffer[] = [];
	let length = 0;
	for await (const chunk of response) {
		length += (chunk as Buffer).length;
		if (length > MAX_BYTES) return undefined;
		chunks.push(chunk as Buffer);
	}
	return Buffer.concat(chunks).toString('utf8');
}

/** The system's own word, such as ECONNREFUSED; messages may have the address in them. */
function codeOf(error: unknown): string {
	const code = error instanceof Error && 'code' in error ? String(error.code) : '';
	return /^[A-Z][A-Z0-9_]*$/.test(code) ? code : 'the connection broke';
}

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * An address that may be posted to: https, or http of this machine. Throws where it is none, with its name but never with the address,
 * which is a secret.
 */
export function parseAddress(text: string, name: string): URL {
	const trimmed = text.trim();
	const refuse = (what: string): Error => new Error(`${name} ${what}`);
	if (trimmed === '') throw refuse('is empty');
	// URL would drop what is no part of one without a word.
	const address = /^[\x21-\x7e]+$/.test(trimmed) ? URL.parse(trimmed) : null;
	if (address === null) throw refuse('is not an address such as https://example.com/path');
	const mayBePlain = address.protocol === 'http:' && LOOPBACK.has(address.hostname);
	if (address.protocol !== 'https:' && !mayBePlain) throw refuse('must begin with https://, or nobody may know what is sent');
	if (address.username !== '' || address.password !== '') throw refuse('must not have a user name or a password in it');
	return address;
}

/** A token that may stand in a header. Throws as `parseAddress` does. */
export function parseToken(text: string, name: string): string {
	const token = text.trim();
	if (token === '') throw new Error(`${name} is empty`);
	if (!/^[\x21-\x7e]+$/.test(token)) throw new Error(`${name} has characters in it that no token has, such as blanks or line ends`);
	return token;
}

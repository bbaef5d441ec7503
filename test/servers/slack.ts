/**
 * Slack on loopback: an incoming webhook and chat.postMessage of one channel, with the limits and answers that Slack documents
 * (docs.slack.dev: rate limits, chat.postMessage, incoming webhooks), failing as it is told to.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { findProblems } from '../alert/message/limits.ts';

/** A message that stands in the channel. */
export interface SlackMessage {
	readonly atMs: number;
	readonly ts: string;
	/** Of the message in whose thread it stands. */
	readonly thread: string | undefined;
	/** As it was sent, without `channel` and `thread_ts`. */
	readonly body: Readonly<Record<string, unknown>>;
}

/** A request that was read, and what was answered: a status, with an error's name where there was one. */
export interface SlackAttempt {
	readonly atMs: number;
	readonly answer: string;
	readonly headers: IncomingMessage['headers'];
}

export type SlackFault =
	/** Connections are refused. */
	| { readonly kind: 'down' }
	/** Nothing is answered. `taken`: the message stands in the channel all the same. */
	| { readonly kind: 'hang'; readonly taken?: boolean }
	/** The connection is reset once the request was read. */
	| { readonly kind: 'reset'; readonly taken?: boolean }
	/** Another answer, as it is. */
	| {
			readonly kind: 'status';
			readonly status: number;
			readonly body?: string;
			readonly headers?: Readonly<Record<string, string>>;
			readonly taken?: boolean;
	  }
	/** One of Slack's errors, as webhook or method answer it. `status`: of the webhook; 400 without. */
	| { readonly kind: 'error'; readonly error: string; readonly status?: number; readonly more?: object };

export interface SlackOptions {
	/** In ms since 1970. */
	readonly now?: () => number;
	/** So many messages at once; then one a second. */
	readonly burst?: number;
}

export interface Slack {
	/** Holds a secret. */
	readonly webhookUrl: string;
	readonly apiEndpoint: string;
	readonly token: string;
	readonly channel: string;
	/** All that stand in the channel, in order. */
	readonly messages: readonly SlackMessage[];
	/** All that came, in order, taken or not. */
	readonly attempts: readonly SlackAttempt[];
	/** How the next `times` requests fail, all without; `undefined` mends it. `down` holds until it is mended. */
	fault(fault: SlackFault | undefined, times?: number): Promise<void>;
	/** Takes a message out of the channel: nothing can be said in its thread any more. */
	remove(ts: string): void;
	close(): Promise<void>;
}

const WEBHOOK = '/services/T0LOOPBACK/B0LOOPBACK/secret-of-the-webhook';
const METHOD = '/api/chat.postMessage';
const TOKEN = 'xoxb-token-of-the-bot';
const CHANNEL = 'C0LOOPBACK';

type Json = Readonly<Record<string, unknown>>;

export async function startSlack({ now = Date.now, burst = 1 }: SlackOptions = {}): Promise<Slack> {
	const messages: SlackMessage[] = [];
	const attempts: SlackAttempt[] = [];
	const removed = new Set<string>();
	let failing: { readonly fault: SlackFault; left: number } | undefined;
	let bucket = { tokens: burst, atMs: now() };

	/** What is left of a second is what one has to wait; 0 where a message may be posted. */
	function waitMs(): number {
		const tokens = Math.min(burst, bucket.tokens + (now() - bucket.atMs) / 1000);
		bucket = { tokens, atMs: now() };
		return tokens >= 1 ? 0 : (1 - tokens) * 1000;
	}

	function take({ channel: _, thread_ts: thread, ...body }: Json): SlackMessage {
		bucket = { ...bucket, tokens: bucket.tokens - 1 };
		const atMs = now();
		const ts = `${Math.floor(atMs / 1000)}.${String(messages.length + 1).padStart(6, '0')}`;
		const message = { atMs, ts, thread: typeof thread === 'string' ? thread : undefined, body };
		messages.push(message);
		return message;
	}

	/** The error of a request, and with which status a webhook says it; `undefined` where the message is taken. */
	function findError(request: IncomingMessage, body: Json | undefined): Refusal | undefined {
		const method = request.url === METHOD;
		if (method && request.headers.authorization !== `Bearer ${TOKEN}`) return { error: 'invalid_auth', status: 403 };
		if (!body || !request.headers['content-type']?.startsWith('application/json'))
			return { error: method ? 'invalid_json' : 'invalid_payload', status: 400 };
		const { channel, thread_ts: thread, ...message } = body;
		if (method && channel !== CHANNEL) return { error: 'channel_not_found', status: 404 };
		if (method && thread !== undefined && !(messages.some(({ ts }) => ts === thread) && !removed.has(String(thread))))
			return { error: 'thread_not_found', status: 404 };
		const problems = findProblems(method ? message : body);
		if (problems.length === 0) return undefined;
		return {
			error: 'invalid_blocks',
			status: 400,
			more: { response_metadata: { messages: problems.map((problem) => `[ERROR] ${problem}`) } },
		};
	}

	async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const body = parse(await readBody(request));
		const method = request.url === METHOD;
		const answer = (status: number, text: string, { headers = {}, name = '' }: { headers?: object; name?: string } = {}): void => {
			attempts.push({ atMs: now(), answer: name === '' ? `${status}` : `${status} ${name}`, headers: request.headers });
			response.writeHead(status, { 'content-type': method ? 'application/json' : 'text/plain', ...headers }).end(text);
		};
		const refuse = ({ error, status, more }: Refusal): void => {
			if (method) answer(200, JSON.stringify({ ok: false, error, ...more }), { name: error });
			else answer(status, error, { name: error });
		};
		if (request.method !== 'POST' || !(method || request.url === WEBHOOK))
			return answer(404, method ? '' : 'no_service', { name: 'no_service' });
		const fault = failing?.fault;
		if (failing && --failing.left <= 0) failing = undefined;
		switch (fault?.kind) {
			case 'hang':
			case 'reset':
				attempts.push({ atMs: now(), answer: fault.kind, headers: request.headers });
				if (fault.taken && body) take(body);
				if (fault.kind === 'reset') response.destroy();
				return;
			case 'status':
				if (fault.taken && body) take(body);
				return answer(fault.status, fault.body ?? '', { headers: fault.headers ?? {} });
			case 'error':
				return refuse({ error: fault.error, status: fault.status ?? 400, more: fault.more ?? {} });
			case 'down':
			case undefined:
				break;
			default:
				fault satisfies never;
		}
		const error = findError(request, body);
		if (error || !body) return refuse(error ?? { error: 'invalid_payload', status: 400 });
		const ms = waitMs();
		if (ms > 0) {
			const text = method ? JSON.stringify({ ok: false, error: 'ratelimited' }) : 'rate_limited';
			return answer(429, text, { headers: { 'retry-after': `${Math.ceil(ms / 1000)}` }, name: 'ratelimited' });
		}
		const { ts, body: message } = take(body);
		answer(200, method ? JSON.stringify({ ok: true, channel: CHANNEL, ts, message }) : 'ok');
	}

	const server = createServer((request, response) => {
		handle(request, response).catch(() => response.destroy());
	});
	const listen = async (port: number): Promise<void> => {
		server.listen(port, '127.0.0.1');
		await once(server, 'listening');
	};
	const stop = async (): Promise<void> => {
		if (!server.listening) return;
		server.close();
		server.closeAllConnections();
		await once(server, 'close');
	};
	await listen(0);
	const { port } = server.address() as AddressInfo;
	const base = `http://127.0.0.1:${port}`;
	return {
		webhookUrl: `${base}${WEBHOOK}`,
		apiEndpoint: `${base}/api`,
		token: TOKEN,
		channel: CHANNEL,
		messages,
		attempts,
		async fault(fault, times = Number.POSITIVE_INFINITY) {
			failing = fault && { fault, left: times };
			if (fault?.kind === 'down') await stop();
			else if (!server.listening) await listen(port);
		},
		remove: (ts) => removed.add(ts),
		close: stop,
	};
}

interface Refusal {
	readonly error: string;
	readonly status: number;
	readonly more?: object;
}

async function readBody(request: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): Json | undefined {
	try {
		const document: unknown = JSON.parse(text);
		return typeof document === 'object' && document !== null && !Array.isArray(document) ? (document as Json) : undefined;
	} catch {
		return undefined;
	}
}

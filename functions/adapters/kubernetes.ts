import { setTimeout as wait } from 'node:timers/promises';
import type { KubernetesAnswer, KubernetesApi } from '../ports.ts';
import { isTransient, retryAfterMs, unlessAborted } from './attempt.ts';
import { toAnswer } from './kubernetes/answer.ts';
import { createConnection, type Exchange, type TlsOptions } from './kubernetes/exchange.ts';
import { createRedaction } from './kubernetes/redaction.ts';

export interface KubernetesOptions extends TlsOptions {
	/** Endpoints of one API server, such as `https://10.0.0.2`, in the order in which they are tried. The first that can be reached is kept. */
	readonly servers: readonly string[];
	/** Of a request: those with the credentials. */
	headers(): Promise<Headers>;
	/** Of one attempt, its body included. */
	readonly timeoutMs?: number;
	/** Until an endpoint counts as one that cannot be reached. */
	readonly connectTimeoutMs?: number;
	/** For how long it is asked at all, from now on: then every `get` rejects. Absent: without end. */
	readonly patienceMs?: number;
	/** Of a body, uncompressed. */
	readonly maxBytes?: number;
	/** In ms since 1970. */
	readonly now?: () => number;
	readonly sleep?: (ms: number) => Promise<unknown>;
	/** From 0 to 1: how much of the random half of a pause is waited. */
	readonly random?: () => number;
}

const TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;
const MAX_BYTES = 64 * 1024 * 1024;
/** Before the second and the third attempt, half of it at random. */
const PAUSES_MS = [500, 2000];
/** A server that wants to be left alone for longer is not there. */
const MAX_PAUSE_MS = 30_000;

/**
 * A Kubernetes API server over HTTP. Tries again where that may help: after 429, 5xx, and where no answer came. Requests are plain GETs and
 * bodies are left as they are, because the typed objects of Kubernetes' client are not the wire form. Errors have the path without its
 * query, the status and some words; no headers and no tokens.
 */
export function createKubernetesApi(options: KubernetesOptions): KubernetesApi {
	const { servers, timeoutMs = TIMEOUT_MS, connectTimeoutMs = CONNECT_TIMEOUT_MS, maxBytes = MAX_BYTES } = options;
	const { now = Date.now, sleep = wait, random = Math.random, patienceMs = Number.POSITIVE_INFINITY } = options;
	const endMs = now() + patienceMs;
	if (servers.length === 0) throw new Error('no endpoint of the Kubernetes API server is given');
	const connections = servers.map((server) => createConnection(server, { tls: options, timeoutMs, connectTimeoutMs, maxBytes }));
	let kept: (typeof connections)[number] | undefined;

	/** One attempt, at the endpoint that answered before, else at one after the other. */
	async function attempt(path: string, headers: Headers): Promise<Exchange> {
		let last: Exchange = { kind: 'unreachable', detail: 'no endpoint' };
		for (const connection of kept ? [kept] : connections) {
			last = await connection.get(path, headers);
			if (last.kind === 'unreachable') continue;
			kept = connection;
			return last;
		}
		return last;
	}

	return {
		async get(path) {
			const plain = path.split('?', 1)[0] ?? '';
			for (let number = 0; ; number++) {
				if (now() >= endMs) throw new Error(`GET ${plain}: not all was read within ${patienceMs / 1000} s`);
				const headers = await readHeaders(options, { plain, timeoutMs });
				const exchange = await attempt(path, headers);
				const redact = createRedaction(path, headers);
				const atMost = PAUSES_MS[number];
				if (atMost === undefined || !mayHelp(exchange)) return settle(exchange, { plain, redact });
				const pauseMs = Math.max(wantedPauseMs(exchange, now()), (atMost * (1 + random())) / 2);
				if (now() + pauseMs >= endMs) return settle(exchange, { plain, redact });
				await sleep(pauseMs);
			}
		},
	};
}

async function readHeaders({ headers }: KubernetesOptions, told: { readonly plain: string; readonly timeoutMs: number }): Promise<Headers> {
	try {
		return await unlessAborted(headers(), AbortSignal.timeout(told.timeoutMs));
	} catch (error) {
		// The error itself may hold the request that it asked for a token with: only its words go on.
		const redact = createRedaction(told.plain, new Headers());
		throw new Error(`GET ${told.plain}: no credentials: ${redact(error instanceof Error ? error.message : String(error))}`);
	}
}

const mayHelp = (exchange: Exchange): boolean =>
	exchange.kind === 'answered' ? isTransient(exchange.status) : exchange.kind === 'unreachable' || exchange.kind === 'broken';

/** How long the server wants to be left alone, as far as that is waited for. */
const wantedPauseMs = (exchange: Exchange, nowMs: number): number =>
	exchange.kind === 'answered' ? Math.min(retryAfterMs(exchange.headers['retry-after'], nowMs), MAX_PAUSE_MS) : 0;

function settle(
	exchange: Exchange,
	{ plain, redact }: { readonly plain: string; readonly redact: (text: string) => string },
): KubernetesAnswer {
	if (exchange.kind === 'too-large') return { kind: 'too-large', detail: exchange.detail };
	if (exchange.kind !== 'answered') throw new Error(`GET ${plain}: ${redact(exchange.detail)}`);
	const answer = toAnswer(exchange.status, exchange.body);
	if (typeof answer !== 'string') return answer;
	if (exchange.status >= 500) return { kind: 'unavailable', detail: redact(answer) };
	throw Object.assign(new Error(`GET ${plain}: ${redact(answer)}`), { status: exchange.status });
}

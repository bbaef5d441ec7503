import { setTimeout as sleep } from 'node:timers/promises';
import { isTransient, unlessAborted } from '../attempt.ts';

/** Where requests go, and what allows them. */
export interface Access {
	readonly endpoint: string;
	/** Of a request: those with the credentials. */
	headers(): Promise<Headers>;
}

export interface Failure {
	readonly kind: 'failed';
	/** Absent: there was no answer. */
	readonly status?: number;
	/** A sentence for a log: status, reason and the begin of what was answered; no headers, no tokens. */
	readonly detail: string;
	/** An attempt before this answer may have done what it was to do: it was not heard of, or failed at the other side. */
	readonly doubtful: boolean;
}

export type Answer<T> = { readonly kind: 'ok'; readonly value: T } | Failure;

export interface RequestOptions<T> {
	/** Reads the body of a good answer. */
	readonly read: (response: Response) => Promise<T>;
	/** When it is given up, with all its attempts: a time as `performance.now()` tells it. */
	readonly endMs: number;
	/** How long one attempt may take. */
	readonly attemptMs?: number | undefined;
	/** Before each attempt after the first: at most so long and at least half of it, so that those who met do not meet again. */
	readonly pausesMs?: readonly number[] | undefined;
	/** What is POSTed; without it the request is a GET. */
	readonly content?: Content;
}

export interface Content {
	readonly bytes: Uint8Array<ArrayBuffer>;
	readonly type: string;
}

/** A connection may be dead after the platform had stopped the CPU: then another one may not be. */
const ATTEMPT_MS = 9_000;
/** Short trouble is waited for; longer is Pub/Sub's to try again. */
const PAUSES_MS = [250, 750];
const MAX_TEXT = 2048;

/** Asks, and tries again where that may help and there is time. Never rejects. */
export async function request<T>(access: Access, target: string, options: RequestOptions<T>): Promise<Answer<T>> {
	const { endMs, attemptMs = ATTEMPT_MS, pausesMs = PAUSES_MS } = options;
	let doubtful = false;
	for (let attempt = 0; ; attempt++) {
		const { again, answer } = await tryOnce(access, target, { ...options, endMs: Math.min(endMs, performance.now() + attemptMs) });
		if (answer.kind === 'ok') return answer;
		const pauseMs = (pausesMs[attempt] ?? Number.POSITIVE_INFINITY) * (0.5 + Math.random() / 2);
		if (!again || performance.now() + pauseMs >= endMs) return { ...answer, doubtful };
		doubtful ||= answer.doubtful;
		await sleep(pauseMs);
	}
}

interface Attempt<T> {
	/** `doubtful`: of this attempt itself. */
	readonly answer: Answer<T>;
	readonly again: boolean;
}

async function tryOnce<T>(access: Access, target: string, { read, endMs, content }: RequestOptions<T>): Promise<Attempt<T>> {
	const signal = AbortSignal.timeout(Math.max(1, Math.ceil(endMs - performance.now())));
	try {
		const headers = new Headers(await unlessAborted(access.headers(), signal));
		if (content) headers.set('content-type', content.type);
		const sent = content && { method: 'POST', body: content.bytes };
		const response = await fetch(`${access.endpoint}${target}`, { ...sent, headers, signal, redirect: 'error' });
		if (response.ok) return { answer: { kind: 'ok', value: await read(response) }, again: false };
		const { status } = response;
		const detail = describeStatus(response, await readText(response));
		return { answer: { kind: 'failed', status, detail, doubtful: status >= 500 || status === 408 }, again: isTransient(status) };
	} catch (error) {
		const detail = signal.aborted ? 'no answer in time' : describeError(error);
		return { answer: { kind: 'failed', detail, doubtful: true }, again: true };
	}
}

/** The body of an answer; `undefined` where there is more. */
export async function readBody(response: Response, maxBytes: number): Promise<Buffer | undefined> {
	const chunks: Uint8Array[] = [];
	let length = 0;
	for await (const chunk of response.body ?? []) {
		chunks.push(chunk);
		length += chunk.length;
		// To leave the loop breaks off the answer.
		if (length > maxBytes) return undefined;
	}
	return Buffer.concat(chunks);
}

/** The begin of an error's body. */
async function readText(response: Response): Promise<string> {
	const chunks: Uint8Array[] = [];
	let length = 0;
	for await (const chunk of response.body ?? []) {
		chunks.push(chunk);
		length += chunk.length;
		if (length > 16 * MAX_TEXT) break;
	}
	return Buffer.concat(chunks).toString('utf8');
}

function describeStatus({ status, statusText }: Response, body: string): string {
	const { reason = statusText, message = body } = googleError(body);
	return `${[`${status}`, reason].filter(Boolean).join(' ')}${message.trim() === '' ? '' : `: ${shown(message)}`}`;
}

/** What Google's errors say: `{ error: { message, errors: [{ reason }] } }`. */
function googleError(body: string): { reason?: string; message?: string } {
	try {
		const { error } = JSON.parse(body) as { error?: { message?: unknown; errors?: readonly { reason?: unknown }[] } };
		const reason = error?.errors?.[0]?.reason;
		return {
			...(typeof reason === 'string' && { reason }),
			...(typeof error?.message === 'string' && { message: error.message }),
		};
	} catch {
		return {};
	}
}

/** The words alone: an error of the credentials holds the request that it asked with. */
function describeError(error: unknown): string {
	if (!(error instanceof Error)) return shown(String(error));
	const { message, cause } = error;
	return shown(cause instanceof Error ? `${message}: ${cause.message || ('code' in cause ? String(cause.code) : cause.name)}` : message);
}

const TOKEN = /\bBearer\s+\S+|\bya29\.[\w.-]+/g;

function shown(text: string): string {
	const plain = text.replaceAll(TOKEN, '…').trim();
	return plain.length > MAX_TEXT ? `${plain.slice(0, MAX_TEXT)}…` : plain;
}

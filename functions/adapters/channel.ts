import { setTimeout as wait } from 'node:timers/promises';
import type { AlertChannel, Posted } from '../ports.ts';
import { isTransient, retryAfterMs } from './attempt.ts';
import type { Exchange } from './post.ts';

export interface Timekeeping {
	/** In ms since 1970. */
	readonly now?: () => number;
	readonly sleep?: (ms: number) => Promise<unknown>;
	/** From 0 to 1: how much of the random half of a pause is waited. */
	readonly random?: () => number;
}

/** What one attempt came to. */
export type Attempt =
	| Posted
	/** Not taken, and may be after a pause, of at least `afterMs` where the other side says so. */
	| { readonly kind: 'again'; readonly detail: string; readonly afterMs?: number }
	/** Not taken in that thread, and may be outside of it. */
	| { readonly kind: 'threadless'; readonly detail: string };

export interface ChannelOptions extends Timekeeping {
	readonly threads: boolean;
	/** One attempt. Never rejects. */
	attempt(body: object, thread: string | undefined): Promise<Attempt>;
}

/** From one answer to the next message: Slack takes about one a second and channel. */
const SPACING_MS = 1000;
/** The first pause, doubled each time, up to the longest. */
const [FIRST_PAUSE_MS, MAX_PAUSE_MS] = [1000, 30_000];
/** Who wants to be left alone for longer is asked again all the same: the channel of an alert is not given up for a day. */
const MAX_WANTED_MS = 5 * 60_000;

/**
 * Posts one message at a time, at most one a second, and tries again what was not taken. A pause that the other side asks for holds for
 * the messages that follow too. No attempt begins at or after `untilMs`; one that has begun is not cut off by it, since then nobody would
 * know whether it was taken.
 */
export function createChannel(options: ChannelOptions): AlertChannel {
	const { threads, attempt, now = Date.now, sleep = wait, random = Math.random } = options;
	let freeMs = Number.NEGATIVE_INFINITY;
	let turn: Promise<unknown> = Promise.resolve();

	/** Waits until a message may be sent; `false` where that is too late. */
	async function mayStart(fromMs: number, untilMs: number): Promise<boolean> {
		const startMs = Math.max(fromMs, freeMs);
		if (Math.max(startMs, now()) >= untilMs) return false;
		// Timers may be early.
		while (now() < startMs) await sleep(startMs - now());
		return now() < untilMs;
	}

	async function deliver(body: object, { thread, untilMs }: { thread?: string; untilMs: number }): Promise<Posted> {
		let standing = threads ? thread : undefined;
		let fromMs = Number.NEGATIVE_INFINITY;
		let pauseMs = FIRST_PAUSE_MS;
		let last = 'its turn did not come in time';
		while (await mayStart(fromMs, untilMs)) {
			const result = await attempt(body, standing);
			freeMs = now() + SPACING_MS;
			if (result.kind === 'threadless' && standing === undefined) return { kind: 'broken', detail: result.detail };
			if (result.kind !== 'again' && result.kind !== 'threadless') return result;
			last = result.detail;
			if (result.kind === 'threadless') standing = undefined;
			else if (result.afterMs !== undefined) freeMs = now() + Math.min(Math.max(result.afterMs, SPACING_MS), MAX_WANTED_MS);
			else {
				fromMs = now() + (pauseMs * (1 + random())) / 2;
				pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
			}
		}
		return { kind: 'later', detail: last };
	}

	return {
		threads,
		post(body, given) {
			const posted = turn.then(() => deliver(body, given));
			turn = posted;
			return posted;
		},
	};
}

/** What an exchange came to. `read`: what an answer says of itself; where it does not, what is to be said beside its status. */
export function judgeExchange(exchange: Exchange, { now, read }: Reading): Attempt {
	if (exchange.kind === 'unreachable') return { kind: 'again', detail: `it cannot be reached: ${exchange.detail}` };
	if (exchange.kind === 'unanswered') return unknown(exchange.detail);
	const said = read(exchange);
	if (typeof said !== 'string') return said;
	const { status, headers } = exchange;
	const detail = said === '' ? `${status}` : `${status} ${said}`;
	// What stands between has lost the answer, and the message may have been taken before.
	if (status === 502 || status === 504) return unknown(detail);
	if (isTransient(status)) return { kind: 'again', detail, ...pauseOf(headers['retry-after'], now()) };
	if (status >= 300 && status < 400) return { kind: 'broken', detail: `${detail}: a redirect, and none is followed` };
	// `broken` also where it is not known what it means: that keeps every message and is heard of, where `refused` gives them up one by one.
	return { kind: OF_MESSAGE.has(status) ? 'refused' : 'broken', detail };
}

interface Reading {
	readonly now: () => number;
	readonly read: (answered: Answered) => Attempt | string;
}

export type Answered = Extract<Exchange, { kind: 'answered' }>;

/** Statuses that are about the message, not about who sends it or where. */
const OF_MESSAGE: ReadonlySet<number> = new Set([400, 411, 413, 414, 415, 422, 431]);

export const isSuccess = (status: number): boolean => status >= 200 && status < 300;

/** Not sent again by the same call: if it was taken, that would be a double of our own. */
export const unknown = (detail: string): Posted => ({
	kind: 'later',
	detail: `it was sent, and whether it was taken is not known (${detail})`,
});

/** What the other side asks for in Retry-After. */
export function pauseOf(header: string | undefined, nowMs: number): { readonly afterMs?: number } {
	const afterMs = retryAfterMs(header, nowMs);
	return afterMs > 0 ? { afterMs } : {};
}

/** The body as JSON; a refusal where it is none. */
export function encode(body: object): string | Extract<Posted, { kind: 'refused' }> {
	try {
		return JSON.stringify(body);
	} catch {
		return { kind: 'refused', detail: 'the message cannot be written as JSON' };
	}
}

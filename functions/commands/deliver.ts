import { createHash } from 'node:crypto';
import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EntryMessage, EntryRead } from './entries.ts';

/** How a delivery went. Entries are counted as often as they were delivered. */
export interface Delivery {
	readonly delivered: number;
	readonly acknowledged: number;
	/** Never acknowledged, and why the last of them was not. */
	readonly failed: number;
	readonly lastFailure?: string;
	/** What kept an input from being read, one line each. */
	readonly problems: readonly string[];
	readonly notes: readonly string[];
	/** Ended before the input did: by the signal, or because nothing was acknowledged any more. */
	readonly stopped: 'no' | 'interrupted' | 'failing';
}

export interface DeliverySettings {
	readonly url: string;
	/** Requests in flight at once. */
	readonly concurrency: number;
	readonly signal: AbortSignal;
	readonly onDelivered: () => void;
	/** The pause before an attempt is repeated, in ms. */
	readonly backoffMs: (attempt: number) => number;
}

export const DELIVERY = { concurrency: 128, backoffMs: (attempt: number) => 50 * 2 ** attempt } as const;

const ATTEMPTS = 5;
/** After so many failures in a row the function will not recover while we wait. */
const FAILURES_IN_A_ROW = 32;
/** What Pub/Sub takes for an acknowledgement. */
const ACKNOWLEDGEMENTS: ReadonlySet<number | undefined> = new Set([102, 200, 201, 202, 204]);
const SUBSCRIPTION = 'projects/local/subscriptions/replay';

/**
 * Delivers entries as a Pub/Sub push subscription does: many at once, each until it is acknowledged or has failed a few times. Never
 * rejects: what went wrong is counted.
 */
export async function deliver(reads: AsyncGenerator<EntryRead>, settings: DeliverySettings): Promise<Delivery> {
	const agent = new Agent({ keepAlive: true, maxSockets: settings.concurrency });
	const tally = { delivered: 0, acknowledged: 0, failed: 0, inARow: 0, lastFailure: undefined as string | undefined };
	const problems: string[] = [];
	const notes: string[] = [];
	const aborted = new Promise<undefined>((resolve) => settings.signal.addEventListener('abort', () => resolve(undefined), { once: true }));
	const failing = (): boolean => tally.inARow >= FAILURES_IN_A_ROW;

	async function worker(): Promise<void> {
		while (!settings.signal.aborted && !failing()) {
			const next = await Promise.race([reads.next(), aborted]);
			if (!next || next.done) return;
			if (next.value.kind !== 'message') (next.value.kind === 'problem' ? problems : notes).push(next.value.detail);
			else await deliverOne(next.value.message);
		}
	}

	async function deliverOne(message: EntryMessage): Promise<void> {
		const failure = await push(message, { ...settings, agent });
		tally.delivered++;
		if (failure === undefined) {
			tally.acknowledged++;
			tally.inARow = 0;
		} else {
			tally.failed++;
			tally.inARow++;
			tally.lastFailure = failure;
		}
		settings.onDelivered();
	}

	try {
		await Promise.all(Array.from({ length: settings.concurrency }, worker));
	} finally {
		agent.destroy();
		// Closes the files. Not awaited: an interrupted read may never come to its end.
		reads.return(undefined).catch(() => {});
	}
	const { delivered, acknowledged, failed, lastFailure } = tally;
	const stopped = settings.signal.aborted ? 'interrupted' : failing() ? 'failing' : 'no';
	return { delivered, acknowledged, failed, ...(lastFailure !== undefined && { lastFailure }), problems, notes, stopped };
}

/** Pushes a message until it is acknowledged. Answers why it was not. */
async function push(message: EntryMessage, { url, backoffMs, agent }: DeliverySettings & { agent: Agent }): Promise<string | undefined> {
	const body = Buffer.from(pushBody(message));
	let failure = '';
	for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
		if (attempt > 0) await sleep(backoffMs(attempt));
		try {
			const response = await post(url, body, agent);
			if (ACKNOWLEDGEMENTS.has(response.statusCode)) {
				response.resume();
				return undefined;
			}
			failure = `${response.statusCode} ${(await text(response)).trim()}`;
		} catch (error) {
			failure = (error as Error).message;
		}
	}
	return failure;
}

/** Not `fetch`, which takes twice the time of the function itself. */
const post = (url: string, body: Buffer, agent: Agent): Promise<IncomingMessage> =>
	new Promise((resolve, reject) => {
		const headers = { 'content-type': 'application/json', 'content-length': body.length };
		request(url, { method: 'POST', agent, headers }, resolve).on('error', reject).end(body);
	});

/** A push request as Pub/Sub makes it. The id is the hash of the bytes, so that what is delivered twice is the same message. */
export function pushBody({ data, attributes, publishTime }: EntryMessage): string {
	const id = messageId(data);
	const published = publishTime === undefined ? {} : { publishTime, publish_time: publishTime };
	return JSON.stringify({
		message: { data: data.toString('base64'), attributes, messageId: id, message_id: id, ...published },
		subscription: SUBSCRIPTION,
	});
}

/** Lower-case hexadecimal SHA-256. */
export const messageId = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

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

/** Takes a message to its end once, and answers with why it was not acknowledged; `undefined` where it was. May reject. */
export type Attempt = (message: EntryMessage) => Promise<string | undefined>;

export interface DeliverySettings {
	readonly attempt: Attempt;
	/** Messages under way at once. */
	readonly concurrency: number;
	/** Bytes under way at once, but for a message that is larger by itself. */
	readonly maxBytes: number;
	readonly signal: AbortSignal;
	readonly onDelivered: () => void;
	/** Told of each mark once all messages before it are acknowledged, in the order of the marks. */
	readonly onMark?: (mark: string) => Promise<void>;
	/** The pause before an attempt is repeated, in ms. */
	readonly backoffMs: (attempt: number) => number;
}

export const DELIVERY = { maxBytes: 64_000_000, backoffMs: (attempt: number) => 50 * 2 ** attempt } as const;

const ATTEMPTS = 5;
/** After so many failures in a row the function will not recover while we wait. */
const FAILURES_IN_A_ROW = 32;

/**
 * Delivers entries as a Pub/Sub push subscription does: many at once, each until it is acknowledged or has failed a few times. Rejects only
 * where `onMark` does: what went wrong with an entry is counted.
 */
export async function deliver(reads: AsyncGenerator<EntryRead>, settings: DeliverySettings): Promise<Delivery> {
	const { signal, concurrency, maxBytes, onMark, onDelivered } = settings;
	const tally = { delivered: 0, acknowledged: 0, failed: 0, inARow: 0, lastFailure: undefined as string | undefined };
	const problems: string[] = [];
	const notes: string[] = [];
	const underWay = { messages: 0, bytes: 0, mark: Promise.resolve() };
	/** Of the messages since the last mark. */
	let sinceMark: Promise<void>[] = [];
	let wake = (): void => {};
	let interrupt = (): void => {};
	const failing = (): boolean => tally.inARow >= FAILURES_IN_A_ROW;
	const onAbort = (): void => interrupt();
	signal.addEventListener('abort', onAbort, { once: true });

	/** What the promise gives, or `undefined` when interrupted. Leaves nothing behind: a race with one promise for all would, each time. */
	const unlessInterrupted = <T>(promise: Promise<T>): Promise<T | undefined> =>
		new Promise((resolve, reject) => {
			interrupt = () => resolve(undefined);
			// While the promise was made, perhaps.
			if (signal.aborted) interrupt();
			promise.then(resolve, reject);
		});
	const change = (): Promise<void> => new Promise((resolve) => (wake = resolve));

	async function deliverOne(message: EntryMessage): Promise<void> {
		const failure = await repeat(message, settings);
		tally.delivered++;
		if (failure === undefined) {
			tally.acknowledged++;
			tally.inARow = 0;
		} else {
			tally.failed++;
			tally.inARow++;
			tally.lastFailure = failure;
		}
		onDelivered();
		underWay.messages--;
		underWay.bytes -= message.data.length;
		wake();
	}

	async function reach(mark: string, messages: readonly Promise<void>[], before: Promise<void>): Promise<void> {
		await before;
		await Promise.all(messages);
		// What was not acknowledged is lost to whoever goes on from here.
		if (tally.failed === 0) await onMark?.(mark);
	}

	function take(read: EntryRead): void {
		switch (read.kind) {
			case 'message': {
				underWay.messages++;
				underWay.bytes += read.message.data.length;
				const delivered = deliverOne(read.message);
				if (onMark) sinceMark.push(delivered);
				return;
			}
			case 'mark':
				underWay.mark = reach(read.mark, sinceMark, underWay.mark);
				// Rejects below; until then it is nobody's.
				underWay.mark.catch(() => {});
				sinceMark = [];
				return;
			case 'problem':
				problems.push(read.detail);
				return;
			case 'note':
				notes.push(read.detail);
				return;
			default:
				read satisfies never;
		}
	}

	try {
		while (!signal.aborted && !failing()) {
			const next = await unlessInterrupted(reads.next());
			if (!next || next.done) break;
			take(next.value);
			while (underWay.messages > 0 && (underWay.messages >= concurrency || underWay.bytes >= maxBytes)) await change();
		}
		while (underWay.messages > 0) await change();
		await underWay.mark;
	} finally {
		signal.removeEventListener('abort', onAbort);
		// Closes the files. Not awaited: an interrupted read may never come to its end.
		reads.return(undefined).catch(() => {});
	}
	const { delivered, acknowledged, failed, lastFailure } = tally;
	const stopped = signal.aborted ? 'interrupted' : failing() ? 'failing' : 'no';
	return { delivered, acknowledged, failed, ...(lastFailure !== undefined && { lastFailure }), problems, notes, stopped };
}

/** Tries until the message is acknowledged. Answers why it was not. */
async function repeat(message: EntryMessage, { attempt, backoffMs }: DeliverySettings): Promise<string | undefined> {
	let failure: string | undefined = '';
	for (let count = 0; count < ATTEMPTS && failure !== undefined; count++) {
		if (count > 0) await sleep(backoffMs(count));
		failure = await attempt(message).catch((error: Error) => error.message);
	}
	return failure;
}

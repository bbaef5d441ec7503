import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Entry } from '../ingest/decode.ts';
import { type Answer, type AnswerPorts, answerEntry, type Call, type RejectedCall, readCall } from './answer.ts';

export interface BatchPorts extends AnswerPorts {
	/** How long a batch may wait for its snapshots, from its arrival; absent: as long as it takes. */
	readonly patienceMs?: number;
	readonly limits?: Partial<BatchLimits>;
}

export interface BatchLimits {
	/** Rows that may wait for a snapshot at the same time: as many snapshots of a cluster's history may be in memory at once, and no more. */
	readonly lanes: number;
	/** Calls that are read, and rows that are judged, before others have their turn: a few milliseconds. */
	readonly rowsPerTurn: number;
	/** Of the rows in a reply, as they are sent. BigQuery takes 15 MB from a function on Cloud Run; the rest is for what stands between. */
	readonly replyBytes: number;
}

const LIMITS: BatchLimits = { lanes: 8, rowsPerTurn: 100, replyBytes: 12_000_000 };

export interface BatchCounts {
	readonly judged: number;
	/** Of those judged. */
	readonly undecidable: number;
	readonly rejected: number;
}

export type BatchOutcome =
	/** One reply a call, in their order, each a JSON string literal. `bug`: the first that kept an entry from its row. */
	| { readonly kind: 'ok'; readonly replies: readonly string[]; readonly counts: BatchCounts; readonly bug?: unknown }
	/** A snapshot could not be read: the batch may be sent again. */
	| { readonly kind: 'failed'; readonly error: unknown };

/**
 * Judges the calls of one request, in the order of their clusters and times: a batch of history goes through more snapshots than memory
 * holds, and each is to be read once. Never rejects.
 */
export type RejudgeBatch = (calls: readonly Call[]) => Promise<BatchOutcome>;

export function createRejudgeBatch(ports: BatchPorts): RejudgeBatch {
	const { now, patienceMs = Number.POSITIVE_INFINITY } = ports;
	const limits = { ...LIMITS, ...ports.limits };

	return async function rejudgeBatch(calls) {
		const untilMs = now().getTime() + patienceMs;
		const replies = createReplies(calls.length, limits.replyBytes);
		const waiting: Waiting[] = [];
		let next = 0;
		let inThisTurn = 0;
		let turn: Promise<void> | undefined;
		let failure: Extract<Answer, { kind: 'failed' }> | undefined;

		/** A large batch must not keep the others waiting, nor who asks whether the function is alive. All lanes wait, or they would fill the turn. */
		function waitForTurn(): Promise<void> | undefined {
			if (inThisTurn < limits.rowsPerTurn) return undefined;
			turn ??= nextTurn().then(() => {
				inThisTurn = 0;
				turn = undefined;
			});
			return turn;
		}

		/** Rejects what is no entry, and orders the others. */
		async function read(): Promise<void> {
			for (const [index, call] of calls.entries()) {
				const pause = waitForTurn();
				if (pause) await pause;
				inThisTurn++;
				const entry = readCall(call);
				if ('kind' in entry) replies.put(index, entry);
				else waiting.push({ index, entry });
			}
			waiting.sort(bySnapshot);
		}

		/** Answers one entry after the other of those that no other lane has begun. */
		async function drive(): Promise<void> {
			while (!failure && next < waiting.length) {
				const pause = waitForTurn();
				if (pause) {
					await pause;
					continue;
				}
				inThisTurn++;
				const { index, entry } = waiting[next++] as Waiting;
				const answering = answerEntry(entry, { ports, untilMs });
				const answer = answering instanceof Promise ? await answering : answering;
				if (answer.kind === 'failed') failure = answer;
				else replies.put(index, answer);
			}
		}

		await read();
		await Promise.all(Array.from({ length: limits.lanes }, drive));
		return failure ?? { kind: 'ok', ...replies.all() };
	};
}

/** An entry and its place in the batch. */
interface Waiting {
	readonly index: number;
	readonly entry: Entry;
}

/** By cluster and time, so that entries of one snapshot stand together. */
function bySnapshot({ entry: a }: Waiting, { entry: b }: Waiting): number {
	return (
		compare(a.cluster.name, b.cluster.name) ||
		compare(a.cluster.location, b.cluster.location) ||
		compare(a.cluster.project ?? '', b.cluster.project ?? '') ||
		a.timestamp.ms - b.timestamp.ms
	);
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

type Settled = Exclude<Answer, { kind: 'failed' }>;

/** Collects the replies of a batch, as long as there is room. */
function createReplies(length: number, replyBytes: number) {
	const replies = new Array<string>(length);
	const counts = { judged: 0, undecidable: 0, rejected: 0 };
	let room = replyBytes;
	let bug: unknown;

	const reject = (index: number, reason: RejectedCall, detail: string): void => {
		counts.rejected++;
		replies[index] = literal({ rejected: { reason, detail } });
	};

	return {
		put(index: number, answer: Settled): void {
			if (answer.kind === 'rejected') {
				bug ??= answer.bug;
				reject(index, answer.reason, answer.detail);
				return;
			}
			const reply = literal(answer.row);
			const bytes = Buffer.byteLength(reply);
			if (bytes > replyBytes) reject(index, 'oversize', `the row has ${bytes} bytes, and a reply ${replyBytes} at most`);
			// The entry stays as it was judged before, so that the next query asks for it again.
			else if (bytes > room) reject(index, 'reply-full', `the rows of one reply have ${replyBytes} bytes at most`);
			else {
				room -= bytes;
				replies[index] = reply;
				counts.judged++;
				if (answer.finding === 'undecidable') counts.undecidable++;
			}
		},
		all: () => ({ replies, counts, ...(bug !== undefined && { bug }) }),
	};
}

/** A STRING of BigQuery that holds JSON, as it stands in a JSON document. */
const literal = (value: object): string => JSON.stringify(JSON.stringify(value));

import { hash } from 'node:crypto';
import type { Finding, Judgement } from '../policy/finding.ts';
import type { Mask } from '../policy/semantics.ts';
import type { Appended, Delivery, FoundSnapshot, RequestReason, Row, SnapshotSource, TableName, Warehouse } from '../ports.ts';
import type { Message } from '../push/envelope.ts';
import { engineVersion } from '../version.ts';
import type { Entry, Rejected } from './decode.ts';
import { decodeMessage } from './message.ts';
import { type RejectReason, refuse } from './refusal.ts';
import { snapshotAgeMs, toRejectRow } from './row.ts';
import type { AskForSnapshot } from './snapshot-requests.ts';
import { judgeFound, toVerdict } from './verdict.ts';
import { within } from './within.ts';

/**
 * How a message ends. `drop`: judged, and confirmed traffic that is not kept. `retry` is the only one that is not acknowledged: what may
 * succeed later.
 */
export type Outcome =
	| {
			readonly kind: 'ok' | 'drop';
			readonly entryId: string;
			readonly snapshotId: string | null;
			readonly snapshotAgeMs: number | null;
			readonly finding: Finding;
	  }
	| { readonly kind: 'reject'; readonly reason: RejectReason; readonly detail: string }
	| {
			readonly kind: 'retry';
			readonly reason: RetryReason;
			readonly entryId: string | null;
			readonly snapshotId: string | null;
			readonly error: unknown;
	  };

/** `internal-error` is a bug of ours: the entry is not lost, Pub/Sub keeps it until it is dead-lettered. */
export type RetryReason = 'warehouse-unavailable' | 'snapshots-unavailable' | 'queue-full' | 'internal-error';

/** The times, relative to now, that a table accepts. */
export interface AcceptedTimes {
	readonly pastMs: number;
	readonly futureMs: number;
}

export interface IngestPorts {
	readonly snapshots: SnapshotSource;
	readonly warehouse: Warehouse;
	/** Absent where nobody takes snapshots. */
	readonly askForSnapshot?: AskForSnapshot;
	/** What Dataplane V2 may be. */
	readonly candidates: Mask;
	readonly now: () => Date;
	/** Of confirmed traffic one entry in so many is kept, and stands for all of them; 0: none. Absent: all. */
	readonly keepConfirmed?: number;
	/**
	 * Entries beyond are rejected as `bad-timestamp`, because the table would refuse them for ever. Absent: every time is accepted, as by
	 * DuckDB. BigQuery streams into day partitions from 10 years back to 1 year ahead.
	 */
	readonly acceptedTimes?: AcceptedTimes;
	/** How long a message may wait for its row to be durable, from its arrival; absent: as long as it takes. */
	readonly patienceMs?: number;
}

/** Takes one message to its end: a durable row, or a reason to try again. Settles once. */
export type IngestMessage = (message: Message, settle: (outcome: Outcome) => void) => void;

export function createIngestMessage(ports: IngestPorts): IngestMessage {
	return function ingestMessage(message, settle) {
		const untilMs = ports.now().getTime() + (ports.patienceMs ?? Number.POSITIVE_INFINITY);
		const context: Context = { message, ports, untilMs, settle };
		try {
			const decoded = decodeMessage(message.data);
			const rejected = decoded.kind === 'rejected' ? decoded : outsideAcceptedTimes(decoded.entry, ports);
			if (rejected) rejectMessage(rejected, context);
			else if (decoded.kind === 'ok') judgeEntry(decoded.entry, context);
		} catch (error) {
			settle(retry('internal-error', error));
		}
	};
}

/** A message on its way. */
interface Context {
	readonly message: Message;
	readonly ports: IngestPorts;
	readonly untilMs: number;
	readonly settle: (outcome: Outcome) => void;
}

const retry = (reason: RetryReason, error: unknown, known?: { entryId: string; snapshotId: string | null }): Outcome => ({
	kind: 'retry',
	reason,
	entryId: known?.entryId ?? null,
	snapshotId: known?.snapshotId ?? null,
	error,
});

function outsideAcceptedTimes({ timestamp, logName }: Entry, { acceptedTimes, now }: IngestPorts): Rejected | undefined {
	if (!acceptedTimes) return undefined;
	const ageMs = now().getTime() - timestamp.ms;
	if (ageMs <= acceptedTimes.pastMs && ageMs >= -acceptedTimes.futureMs) return undefined;
	const detail = `timestamp ${timestamp.utc} is outside the times that the table accepts`;
	return { kind: 'rejected', ...refuse('bad-timestamp', detail), logName, timestamp };
}

function rejectMessage(rejected: Rejected, context: Context): void {
	const { message, ports } = context;
	try {
		const row = toRejectRow({ message, rejected, candidates: ports.candidates, rejectedAt: ports.now() });
		const identity = [message.subscription ?? '', message.id];
		append('rejects_v1', row, { context, identity, settle: (appended) => context.settle(rejectedOutcome(appended, rejected)) });
	} catch (error) {
		context.settle(retry('internal-error', error));
	}
}

function rejectedOutcome(appended: Appended, { reason, detail }: Rejected): Outcome {
	if (appended.kind === 'stored') return { kind: 'reject', reason, detail };
	if (appended.kind !== 'refused') return retryAppend(appended);
	return retry('warehouse-unavailable', new Error(`the table rejects_v1 refuses the row: ${appended.detail}`));
}

function judgeEntry(entry: Entry, context: Context): void {
	const search = context.ports.snapshots.find(entry.cluster, entry.observation.timestamp);
	if (!(search instanceof Promise)) {
		judgeBy(search, entry, context);
		return;
	}
	const leftMs = context.untilMs - context.ports.now().getTime();
	// The answer must arrive before Pub/Sub gives the push up: a search that takes longer is left.
	within(leftMs, search, notInTime).then(
		(found) => judgeBy(found, entry, context),
		(error: unknown) => context.settle(retry('snapshots-unavailable', error, { entryId: entry.id, snapshotId: null })),
	);
}

/** Of the entry and its row nothing is kept while the row waits but what `settleVerdict` is told: a thousand of them may wait. */
function judgeBy(found: FoundSnapshot | undefined, entry: Entry, context: Context): void {
	const { ports } = context;
	const known = { entryId: entry.id, snapshotId: found?.snapshot.id ?? null };
	try {
		const judgement = judgeFound(entry, { found, ports });
		const reason = reasonToAsk(found, judgement);
		const asked = reason && ports.askForSnapshot?.(entry.cluster, reason);
		const stored = { finding: judgement.finding, snapshotAgeMs: snapshotAgeMs(entry, found?.snapshot) };
		const weight = judgement.finding === 'confirmed' ? weightOf(entry.id, ports.keepConfirmed) : 1;
		if (weight === 0) {
			context.settle({ kind: 'drop', ...known, ...stored });
			return;
		}
		const row = toVerdict(entry, { found, ports, judgement, weight });
		const settle = settleVerdict({ known, stored, asked, logName: entry.logName, timestamp: entry.timestamp }, context);
		append('verdicts_v1', row, { context, identity: [entry.id, known.snapshotId ?? ''], settle });
	} catch (error) {
		context.settle(retry('internal-error', error, known));
	}
}

/**
 * For how many entries this one stands, 0 where it is not kept. By the entry's identity, which is a hash: each delivery of it and each
 * instance decides alike.
 */
function weightOf(id: string, keepConfirmed = 1): number {
	if (keepConfirmed <= 1) return keepConfirmed;
	return Buffer.from(id, 'base64url').readUIntBE(0, 6) % keepConfirmed === 0 ? keepConfirmed : 0;
}

interface Judged extends Pick<Entry, 'logName' | 'timestamp'> {
	readonly known: { readonly entryId: string; readonly snapshotId: string | null };
	readonly stored: { readonly finding: Finding; readonly snapshotAgeMs: number | null };
	/** Of a snapshot that was asked for beside the row. */
	readonly asked: Promise<void> | undefined;
}

function settleVerdict({ known, stored, asked, logName, timestamp }: Judged, context: Context): Delivery['settle'] {
	const settle = (appended: Appended): void => {
		if (appended.kind === 'refused') {
			const refused = refuse('row-refused', `the table verdicts_v1 refuses the row: ${appended.detail}`);
			rejectMessage({ kind: 'rejected', ...refused, logName, timestamp }, context);
		} else if (appended.kind === 'stored') context.settle({ kind: 'ok', ...known, ...stored });
		else context.settle(retryAppend(appended, known));
	};
	return asked ? (appended) => void asked.then(() => settle(appended)) : settle;
}

type NotStored = Exclude<Appended, { readonly kind: 'stored' | 'refused' }>;

const retryAppend = (appended: NotStored, known?: Judged['known']): Outcome =>
	appended.kind === 'queue-full' ? retry('queue-full', QUEUE_FULL, known) : retry('warehouse-unavailable', appended.error, known);

function reasonToAsk(found: FoundSnapshot | undefined, { flagged }: Judgement): RequestReason | undefined {
	if (!found) return 'no-snapshot';
	return found.stale ? 'stale-snapshot' : flagged ? 'flagged' : undefined;
}

const notInTime = (): Promise<never> => Promise.reject(new Error('the snapshot was not found in time'));

const QUEUE_FULL = new Error('too many rows wait to be written');

interface Sending {
	readonly context: Context;
	/** What the same message has again when it is delivered again. */
	readonly identity: readonly string[];
	readonly settle: Delivery['settle'];
}

/** The row is durable when `stored` is settled; nothing may be acknowledged before. */
function append(table: TableName, row: Row, { context: { ports, untilMs }, identity, settle }: Sending): void {
	// The same message with the same snapshot and engine gives the same row, so a copy of it is recognised.
	const insertId = hash('sha256', JSON.stringify([...identity, engineVersion(ports.candidates)]), 'base64url');
	ports.warehouse.append(table, row, { insertId, untilMs, settle });
}

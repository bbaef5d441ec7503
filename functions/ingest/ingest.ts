import { createHash } from 'node:crypto';
import type { Finding, Judgement } from '../policy/finding.ts';
import { judge, judgeStale } from '../policy/judge.ts';
import type { Mask } from '../policy/semantics.ts';
import type { Appended, FoundSnapshot, RequestReason, Row, SnapshotSource, TableName, Warehouse } from '../ports.ts';
import { engineVersion } from '../version.ts';
import type { Entry, Rejected } from './decode.ts';
import type { Message } from './envelope.ts';
import { decodeMessage } from './message.ts';
import { type RejectReason, refuse } from './refusal.ts';
import { toRejectRow, toVerdictRow } from './row.ts';
import type { AskForSnapshot } from './snapshot-requests.ts';
import { within } from './within.ts';

/** How a message ends. `retry` is the only one that is not acknowledged: what may succeed later. */
export type Outcome =
	| {
			readonly kind: 'ok';
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
	/**
	 * Entries beyond are rejected as `bad-timestamp`, because the table would refuse them for ever. Absent: every time is accepted, as by
	 * DuckDB. BigQuery streams into day partitions from 10 years back to 1 year ahead.
	 */
	readonly acceptedTimes?: AcceptedTimes;
	/** How long a message may wait for its row to be durable, from its arrival; absent: as long as it takes. */
	readonly patienceMs?: number;
}

export type IngestMessage = (message: Message) => Promise<Outcome>;

/** Makes the function that takes one message to its end: a durable row, or a reason to try again. The function never rejects. */
export function createIngestMessage(ports: IngestPorts): IngestMessage {
	return async function ingestMessage(message) {
		const untilMs = ports.now().getTime() + (ports.patienceMs ?? Number.POSITIVE_INFINITY);
		try {
			const decoded = decodeMessage(message.data);
			if (decoded.kind === 'rejected') return await rejectMessage(message, decoded, { ports, untilMs });
			const late = outsideAcceptedTimes(decoded.entry, ports);
			if (late) return await rejectMessage(message, late, { ports, untilMs });
			return await judgeEntry(message, decoded.entry, { ports, untilMs });
		} catch (error) {
			return retry('internal-error', error);
		}
	};
}

interface Context {
	readonly ports: IngestPorts;
	readonly untilMs: number;
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

async function rejectMessage(message: Message, rejected: Rejected, context: Context): Promise<Outcome> {
	const { candidates, now } = context.ports;
	const row = toRejectRow({ message, rejected, candidates, rejectedAt: now() });
	const appended = await append('rejects_v1', row, { ...context, identity: [message.subscription ?? '', message.id] });
	switch (appended.kind) {
		case 'stored':
			return { kind: 'reject', reason: rejected.reason, detail: rejected.detail };
		case 'refused':
			return retry('warehouse-unavailable', new Error(`the table rejects_v1 refuses the row: ${appended.detail}`));
		case 'queue-full':
			return retry('queue-full', QUEUE_FULL);
		case 'failed':
			return retry('warehouse-unavailable', appended.cause);
		default:
			return appended satisfies never;
	}
}

async function judgeEntry(message: Message, entry: Entry, context: Context): Promise<Outcome> {
	const { snapshots, candidates, now } = context.ports;
	let found: FoundSnapshot | undefined;
	try {
		// The answer must arrive before Pub/Sub gives the push up: a search that takes longer is left.
		const leftMs = context.untilMs - now().getTime();
		found = await within(leftMs, snapshots.find(entry.cluster, entry.observation.timestamp), notInTime);
	} catch (error) {
		return retry('snapshots-unavailable', error, { entryId: entry.id, snapshotId: null });
	}
	const known = { entryId: entry.id, snapshotId: found?.snapshot.id ?? null };
	let row: Row;
	let judgement: Judgement;
	try {
		judgement = found?.stale
			? judgeStale(found.snapshot, entry.observation, candidates)
			: judge(found?.snapshot, entry.observation, candidates);
		row = toVerdictRow({ entry, judgement, snapshot: found?.snapshot, candidates, judgedAt: now() });
	} catch (error) {
		return retry('internal-error', error, known);
	}
	const reason = reasonToAsk(found, judgement);
	const asked = reason && context.ports.askForSnapshot?.(entry.cluster, reason);
	const appended = await append('verdicts_v1', row, { ...context, identity: [entry.id, known.snapshotId ?? ''] });
	await asked;
	switch (appended.kind) {
		case 'stored':
			return { kind: 'ok', ...known, snapshotAgeMs: row['snapshot_age_ms'] as number | null, finding: judgement.finding };
		case 'refused': {
			const refused = refuse('row-refused', `the table verdicts_v1 refuses the row: ${appended.detail}`);
			return await rejectMessage(message, { kind: 'rejected', ...refused, logName: entry.logName, timestamp: entry.timestamp }, context);
		}
		case 'queue-full':
			return retry('queue-full', QUEUE_FULL, known);
		case 'failed':
			return retry('warehouse-unavailable', appended.cause, known);
		default:
			return appended satisfies never;
	}
}

function reasonToAsk(found: FoundSnapshot | undefined, { flagged }: Judgement): RequestReason | undefined {
	if (!found) return 'no-snapshot';
	return found.stale ? 'stale-snapshot' : flagged ? 'flagged' : undefined;
}

const notInTime = (): Promise<never> => Promise.reject(new Error('the snapshot was not found in time'));

const QUEUE_FULL = new Error('too many rows wait to be written');

/** The row is durable when this answers `stored`; nothing may be acknowledged before. */
async function append(
	table: TableName,
	row: Row,
	{ ports: { warehouse, candidates }, untilMs, identity }: Context & { readonly identity: readonly string[] },
): Promise<Appended | { readonly kind: 'failed'; readonly cause: unknown }> {
	// The same message with the same snapshot and engine gives the same row, so a copy of it is recognised.
	const insertId = createHash('sha256')
		.update(JSON.stringify([...identity, engineVersion(candidates)]))
		.digest('base64url');
	try {
		return await warehouse.append(table, row, { insertId, untilMs });
	} catch (cause) {
		return { kind: 'failed', cause };
	}
}

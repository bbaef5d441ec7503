import type { CompiledSnapshot } from '../policy/compile.ts';
import type { Finding } from '../policy/finding.ts';
import { judge } from '../policy/judge.ts';
import type { Mask } from '../policy/semantics.ts';
import type { Row, SnapshotSource, TableName, Warehouse } from '../ports.ts';
import type { Entry, Rejected } from './decode.ts';
import type { Message } from './envelope.ts';
import { decodeMessage } from './message.ts';
import { type RejectReason, refuse } from './refusal.ts';
import { toRejectRow, toVerdictRow } from './row.ts';

/** How a message ends. `retry` is the only one that is not acknowledged: what may succeed later. */
export type Outcome =
	| { readonly kind: 'ok'; readonly entryId: string; readonly snapshotId: string | null; readonly finding: Finding }
	| { readonly kind: 'reject'; readonly reason: RejectReason; readonly detail: string }
	| {
			readonly kind: 'retry';
			readonly reason: RetryReason;
			readonly entryId: string | null;
			readonly snapshotId: string | null;
			readonly error: unknown;
	  };

/** `internal-error` is a bug of ours: the entry is not lost, Pub/Sub keeps it until it is dead-lettered. */
export type RetryReason = 'warehouse-unavailable' | 'snapshots-unavailable' | 'internal-error';

/** The times, relative to now, that a table accepts. */
export interface AcceptedTimes {
	readonly pastMs: number;
	readonly futureMs: number;
}

export interface IngestPorts {
	readonly snapshots: SnapshotSource;
	readonly warehouse: Warehouse;
	/** What Dataplane V2 may be. */
	readonly candidates: Mask;
	readonly now: () => Date;
	/**
	 * Entries beyond are rejected as `bad-timestamp`, because the table would refuse them for ever. Absent: every time is accepted, as by
	 * DuckDB. BigQuery streams into day partitions from 10 years back to 1 year ahead.
	 */
	readonly acceptedTimes?: AcceptedTimes;
}

export type IngestMessage = (message: Message) => Promise<Outcome>;

/** Makes the function that takes one message to its end: a durable row, or a reason to try again. The function never rejects. */
export function createIngestMessage(ports: IngestPorts): IngestMessage {
	return async function ingestMessage(message) {
		try {
			const decoded = decodeMessage(message.data);
			if (decoded.kind === 'rejected') return await rejectMessage(message, decoded, ports);
			const late = outsideAcceptedTimes(decoded.entry, ports);
			return late ? await rejectMessage(message, late, ports) : await judgeEntry(decoded.entry, ports);
		} catch (error) {
			return retry('internal-error', error);
		}
	};
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

async function rejectMessage(message: Message, rejected: Rejected, ports: IngestPorts): Promise<Outcome> {
	const row = toRejectRow({ message, rejected, candidates: ports.candidates, rejectedAt: ports.now() });
	const failure = await appendFailure('rejects_v1', row, ports);
	return failure ? retry('warehouse-unavailable', failure.cause) : { kind: 'reject', reason: rejected.reason, detail: rejected.detail };
}

async function judgeEntry(entry: Entry, ports: IngestPorts): Promise<Outcome> {
	let snapshot: CompiledSnapshot | undefined;
	try {
		snapshot = await ports.snapshots.find(entry.cluster, entry.observation.timestamp);
	} catch (error) {
		return retry('snapshots-unavailable', error, { entryId: entry.id, snapshotId: null });
	}
	const known = { entryId: entry.id, snapshotId: snapshot?.id ?? null };
	let row: Row;
	let finding: Finding;
	try {
		const judgement = judge(snapshot, entry.observation, ports.candidates);
		finding = judgement.finding;
		row = toVerdictRow({ entry, judgement, snapshot, candidates: ports.candidates, judgedAt: ports.now() });
	} catch (error) {
		return retry('internal-error', error, known);
	}
	const failure = await appendFailure('verdicts_v1', row, ports);
	return failure ? retry('warehouse-unavailable', failure.cause, known) : { kind: 'ok', ...known, finding };
}

/** The row is durable when this answers `undefined`; nothing may be acknowledged before. */
async function appendFailure(table: TableName, row: Row, { warehouse }: IngestPorts): Promise<{ readonly cause: unknown } | undefined> {
	try {
		await warehouse.append(table, row);
		return undefined;
	} catch (cause) {
		return { cause };
	}
}

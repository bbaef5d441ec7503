import type { CompiledSnapshot } from '../policy/compile.ts';
import { verdictUnder } from '../policy/evaluate.ts';
import { evidenceOf } from '../policy/evidence.ts';
import { detailOf, fingerprint, summarize } from '../policy/explain.ts';
import type { End, Evidence, Judgement, Verdicts } from '../policy/finding.ts';
import type { Flow } from '../policy/model.ts';
import { bit, idsOf, type Mask, SEMANTICS } from '../policy/semantics.ts';
import type { Row } from '../ports.ts';
import { engineVersion } from '../version.ts';
import type { Entry, Rejected } from './decode.ts';
import type { Message } from './envelope.ts';
import { type Moment, parseTimestamp } from './timestamp.ts';

export interface Judged {
	readonly entry: Entry;
	readonly judgement: Judgement;
	/** What it was judged with. */
	readonly snapshot: CompiledSnapshot | undefined;
	readonly candidates: Mask;
	readonly judgedAt: Date;
}

/** A row of `verdicts_v1`: the same entry, snapshot, engine and candidates give the same row, `judged_at` apart. Keys in schema order. */
export function toVerdictRow({ entry, judgement, snapshot, candidates, judgedAt }: Judged): Row {
	const { observation } = entry;
	return {
		entry_id: entry.id,
		insert_id: entry.insertId,
		log_name: entry.logName,
		timestamp: entry.timestamp.utc,
		receive_timestamp: entry.receiveTimestamp?.utc ?? null,
		project_id: entry.cluster.project ?? null,
		location: entry.cluster.location,
		cluster_name: entry.cluster.name,
		node_name: entry.node ?? null,
		direction: observation.flow.direction,
		disposition: observation.disposition,
		count: entry.count ?? null,
		weight: 1,
		...flowColumns(observation.flow),
		...subjectColumns(judgement.subject),
		...peerColumns(judgement.peer),
		logged_policies: observation.policies.map(({ kind, namespace, name }) => ({ kind: kind ?? null, namespace: namespace ?? null, name })),
		finding: judgement.finding,
		flagged: judgement.flagged,
		certainty: judgement.certainty,
		constructs: [...judgement.constructs],
		reasons: [...judgement.reasons],
		summary: summarize(judgement),
		evidence: evidenceOf(judgement).map((piece) => evidenceRecord(piece, judgement)),
		verdicts: judgement.verdicts ? verdictRecords(judgement.verdicts) : [],
		fingerprint: fingerprint(judgement, entry.cluster),
		...snapshotColumns(entry, snapshot),
		engine_version: engineVersion(candidates),
		judged_at: judgedAt.toISOString(),
		// As parsed, not as received: what no column can hold has been replaced.
		entry: entry.raw,
	};
}

const flowColumns = ({ protocol, source, destination, sourcePort, port }: Flow): Row => ({
	protocol,
	source_ip: source.ip ?? null,
	source_port: sourcePort ?? null,
	destination_ip: destination.ip ?? null,
	destination_port: port ?? null,
});

// Written out twice: keys put together at run time made a tenth of a row's cost.
const subjectColumns = ({ kind, ip, endpoint: { namespace, name, workload } }: End): Row => ({
	subject_kind: kind,
	subject_namespace: namespace ?? null,
	subject_name: name ?? null,
	subject_workload_kind: workload?.kind ?? null,
	subject_workload: workload?.name ?? null,
	subject_ip: ip ?? null,
});

const peerColumns = ({ kind, ip, endpoint: { namespace, name, workload } }: End): Row => ({
	peer_kind: kind,
	peer_namespace: namespace ?? null,
	peer_name: name ?? null,
	peer_workload_kind: workload?.kind ?? null,
	peer_workload: workload?.name ?? null,
	peer_ip: ip ?? null,
});

const evidenceRecord = (piece: Evidence, judgement: Judgement): Row => ({
	role: piece.role,
	policy_kind: piece.policyKind ?? null,
	policy_namespace: piece.policyNamespace ?? null,
	policy_name: piece.policyName ?? null,
	direction: piece.direction ?? null,
	rule: piece.rule ?? null,
	peer: piece.peer ?? null,
	port: piece.port ?? null,
	clause: piece.clause ?? null,
	construct: piece.construct ?? null,
	semantics: piece.semantics === undefined ? null : idsOf(piece.semantics).join(','),
	detail: detailOf(piece, judgement),
});

const verdictRecords = (verdicts: Verdicts): Row[] =>
	SEMANTICS.map((semantics) => ({ semantics, ...verdictUnder(verdicts, bit(semantics)) }));

/** Parsed once a snapshot: there are few of them, and many rows. */
const validFroms = new WeakMap<CompiledSnapshot, Moment | undefined>();

function validFromOf(snapshot: CompiledSnapshot): Moment | undefined {
	if (!validFroms.has(snapshot)) validFroms.set(snapshot, parseTimestamp(snapshot.validFrom ?? ''));
	return validFroms.get(snapshot);
}

function snapshotColumns(entry: Entry, snapshot: CompiledSnapshot | undefined): Row {
	const validFrom = snapshot && validFromOf(snapshot);
	return {
		snapshot_id: snapshot?.id ?? null,
		snapshot_valid_from: validFrom?.utc ?? null,
		snapshot_age_ms: validFrom ? entry.timestamp.ms - validFrom.ms : null,
	};
}

export interface Refused {
	readonly message: Message;
	readonly rejected: Rejected;
	readonly candidates: Mask;
	readonly rejectedAt: Date;
}

/** What `rejects_v1.raw` keeps of a message. */
const RAW_BYTES = 1_000_000;
/**
 * Where a publisher says what the message was made from, a file and a line for instance, its rejection repeats it.
 * Replays set it; a log sink does not.
 */
export const ORIGIN_ATTRIBUTE = 'policy-audit-origin';

/** A row of `rejects_v1`. Keys in schema order. */
export function toRejectRow({ message, rejected, candidates, rejectedAt }: Refused): Row {
	const origin = message.attributes[ORIGIN_ATTRIBUTE];
	return {
		message_id: message.id,
		reason: rejected.reason,
		detail: origin === undefined ? rejected.detail : `${origin}: ${rejected.detail}`,
		log_name: rejected.logName ?? null,
		timestamp: rejected.timestamp?.utc ?? null,
		subscription: message.subscription ?? null,
		publish_time: parseTimestamp(message.publishTime ?? '')?.utc ?? null,
		attributes: message.attributes,
		size_bytes: message.data.byteLength,
		raw: Buffer.from(message.data.buffer, message.data.byteOffset, Math.min(message.data.byteLength, RAW_BYTES)).toString('base64'),
		engine_version: engineVersion(candidates),
		rejected_at: rejectedAt.toISOString(),
	};
}

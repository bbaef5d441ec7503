import type { CompiledSnapshot } from '../policy/compile.ts';
import { ONE_VERDICTS, type OneVerdict, verdictUnder } from '../policy/evaluate.ts';
import { detailOf, evidenceOf, fingerprint, summarize } from '../policy/explain.ts';
import type { Evidence, Judgement, Verdicts } from '../policy/finding.ts';
import { bit, idsOf, type Mask, SEMANTICS } from '../policy/semantics.ts';
import type { Row } from '../ports.ts';
import type { Message } from '../push/envelope.ts';
import { engineVersion } from '../version.ts';
import type { Entry, Rejected } from './decode.ts';
import { labelText } from './labels.ts';
import { type Moment, parseTimestamp } from './timestamp.ts';

export interface Judged {
	readonly entry: Entry;
	readonly judgement: Judgement;
	/** What it was judged with. */
	readonly snapshot: CompiledSnapshot | undefined;
	readonly candidates: Mask;
	readonly judgedAt: Date;
	/** For how many entries it stands; absent: for itself. */
	readonly weight?: number;
}

/** A row of `verdicts_v1`: the same entry, snapshot, engine and candidates give the same row, `judged_at` apart. Keys in schema order. */
export function toVerdictRow({ entry, judgement, snapshot, candidates, judgedAt, weight = 1 }: Judged): Row {
	const { flow, disposition, policies } = entry.observation;
	const { subject, peer } = judgement;
	const evidence = evidenceOf(judgement);
	const validFrom = snapshot && validFromOf(snapshot);
	// One literal: columns that are spread into it make a fifth of its cost.
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
		direction: flow.direction,
		disposition,
		count: entry.count ?? null,
		weight,
		protocol: flow.protocol,
		source_ip: flow.source.ip ?? null,
		source_port: flow.sourcePort ?? null,
		destination_ip: flow.destination.ip ?? null,
		destination_port: flow.port ?? null,
		subject_kind: subject.kind,
		subject_namespace: subject.endpoint.namespace ?? null,
		subject_name: subject.endpoint.name ?? null,
		subject_workload_kind: subject.endpoint.workload?.kind ?? null,
		subject_workload: subject.endpoint.workload?.name ?? null,
		subject_ip: subject.ip ?? null,
		peer_kind: peer.kind,
		peer_namespace: peer.endpoint.namespace ?? null,
		peer_name: peer.endpoint.name ?? null,
		peer_workload_kind: peer.endpoint.workload?.kind ?? null,
		peer_workload: peer.endpoint.workload?.name ?? null,
		peer_ip: peer.ip ?? null,
		peer_labels: peer.kind === 'pod' && peer.endpoint.pod ? labelText(peer.endpoint.pod.labels) : null,
		logged_policies: policies.map(({ kind, namespace, name }) => ({ kind: kind ?? null, namespace: namespace ?? null, name })),
		finding: judgement.finding,
		flagged: judgement.flagged,
		certainty: judgement.certainty,
		constructs: judgement.constructs,
		reasons: judgement.reasons,
		summary: summarize(judgement, evidence),
		evidence: evidence.map(evidenceRecord),
		verdicts: judgement.verdicts ? verdictRecords(judgement.verdicts) : [],
		fingerprint: fingerprint(judgement, entry.cluster),
		snapshot_id: snapshot?.id ?? null,
		snapshot_valid_from: validFrom?.utc ?? null,
		snapshot_age_ms: snapshotAgeMs(entry, snapshot),
		engine_version: engineVersion(candidates),
		judged_at: textOf(judgedAt),
		// As parsed, not as received: what no column can hold has been replaced.
		entry: entry.raw,
	};
}

let lastTime = { ms: Number.NaN, text: '' };

/** RFC 3339 UTC. Entries come many in a millisecond. */
function textOf(time: Date): string {
	const ms = time.getTime();
	if (ms !== lastTime.ms) lastTime = { ms, text: time.toISOString() };
	return lastTime.text;
}

const evidenceRecord = (piece: Evidence): Row => ({
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
	detail: detailOf(piece),
});

/** Made once: a row has one of each semantics. */
const VERDICT_RECORDS = SEMANTICS.map((semantics) => ({
	one: bit(semantics),
	recordOf: new Map<OneVerdict, Row>(ONE_VERDICTS.map((verdict) => [verdict, { semantics, ...verdict }])),
}));

const verdictRecords = (verdicts: Verdicts): (Row | undefined)[] =>
	VERDICT_RECORDS.map(({ one, recordOf }) => recordOf.get(verdictUnder(verdicts, one)));

/** The entry's time minus the time from which its snapshot is valid; null where there is no such time. */
export function snapshotAgeMs({ timestamp }: Entry, snapshot: CompiledSnapshot | undefined): number | null {
	const validFrom = snapshot && validFromOf(snapshot);
	return validFrom ? timestamp.ms - validFrom.ms : null;
}

/** Parsed once a snapshot: there are few of them, and many rows. */
const validFroms = new WeakMap<CompiledSnapshot, Moment | undefined>();

function validFromOf(snapshot: CompiledSnapshot): Moment | undefined {
	if (!validFroms.has(snapshot)) validFroms.set(snapshot, parseTimestamp(snapshot.validFrom ?? ''));
	return validFroms.get(snapshot);
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
		rejected_at: textOf(rejectedAt),
	};
}

import type { CompiledSnapshot } from './policy/compile.ts';
import type { Certainty, Finding } from './policy/finding.ts';

/** A row in BigQuery's JSON form: times RFC 3339 UTC strings, integers numbers, JSON columns values, BYTES base64, REPEATED arrays. */
export type Row = Record<string, unknown>;

/** Tables that the functions append to. Each is defined by `schemas/tables/<name>.json`. */
export type TableName = 'verdicts_v1' | 'rejects_v1' | 'policy_findings_v1' | 'snapshots_v1';

/** What a warehouse needs to know of a row beside its columns. */
export interface Delivery {
	/** A copy of the row that arrives within about a minute under the same id is dropped, as far as the warehouse can. */
	readonly insertId: string;
	/** Until when it is tried again, in ms since 1970. */
	readonly untilMs: number;
	/** Is told once what became of the row, and not before that is known. */
	readonly settle: (appended: Appended) => void;
}

/** `queue-full`: nothing was tried. */
export type Appended = RowResult | { readonly kind: 'queue-full' };

/**
 * Where rows become durable: BigQuery when deployed, DuckDB on a laptop. With a callback: in the `node:domain` in which the framework runs
 * each request, the promises on the way of a row cost as much as judging it.
 */
export interface Warehouse {
	append(table: TableName, row: Row, delivery: Delivery): void;
}

/** A row as a sink sends it. */
export interface EncodedRow {
	readonly kind: 'encoded';
	readonly text: string;
	/** Of the text in UTF-8. */
	readonly bytes: number;
}

/** `refused`: the row can never be stored, and why. */
export interface RefusedRow {
	readonly kind: 'refused';
	readonly detail: string;
}

/** `failed`: the row is not stored, or that is not known; it may be tried again. */
export type RowResult = { readonly kind: 'stored' } | RefusedRow | { readonly kind: 'failed'; readonly error: Error };

/** Writes many rows at once. */
export interface RowSink {
	/** Once a row, when it comes: the text is all that is kept of it while it waits. */
	encode(table: TableName, row: Row, insertId: string): EncodedRow | RefusedRow;
	/** One result a row, in their order. What may succeed is tried again until `untilMs` (ms since 1970). Never rejects. */
	insert(table: TableName, rows: readonly EncodedRow[], untilMs: number): Promise<readonly RowResult[]>;
}

/** A cluster as a log entry names it. */
export interface ClusterKey {
	readonly project?: string;
	readonly location: string;
	readonly name: string;
}

/** A snapshot, and how sure it is. */
export interface FoundSnapshot {
	readonly snapshot: CompiledSnapshot;
	/** The state was last seen too long before the time asked for: it may have changed since. */
	readonly stale: boolean;
}

/** Where the snapshot of a moment comes from: files on a laptop, a bucket when deployed. */
export interface SnapshotSource {
	/**
	 * The snapshot of that cluster valid at that time (RFC 3339); `undefined` when there is none. Without a promise where it is at hand: nearly
	 * every entry's is, and a promise costs as much as the judgement.
	 */
	find(cluster: ClusterKey, at: string): FoundSnapshot | undefined | Promise<FoundSnapshot | undefined>;
}

/** Why a snapshot is wanted: there is none, it was last seen too long before the entry, or a finding waits for the state after it. */
export type RequestReason = 'no-snapshot' | 'stale-snapshot' | 'flagged';

/** Why a cluster is collected: asked for by ingest, by its schedule, because a policy was changed, or by a person. */
export type CollectionReason = RequestReason | 'schedule' | 'policy-change' | 'manual';

/** What is published to whoever takes snapshots. */
export interface SnapshotRequest {
	readonly cluster: ClusterKey;
	readonly reason: RequestReason;
	/** RFC 3339. */
	readonly requestedAt: string;
}

/** What a Kubernetes API server says to one GET. */
export type KubernetesAnswer =
	/** The parsed body, as the server sent it. */
	| { readonly kind: 'ok'; readonly document: unknown }
	/** 404: the server has no such path. */
	| { readonly kind: 'absent' }
	/** 403: it does not tell us. */
	| { readonly kind: 'forbidden' }
	/** 410: the list has changed too much since its first page. It can be continued with this token, where there is one. */
	| { readonly kind: 'expired'; readonly continueWith: string | undefined }
	/** 5xx, also when asked again: what answers for this path is down, such as an aggregated API server. `detail`: the status and some words. */
	| { readonly kind: 'unavailable'; readonly detail: string }
	/** There are more bytes than are read at once. */
	| { readonly kind: 'too-large'; readonly detail: string };

/** A Kubernetes API server. */
export interface KubernetesApi {
	/** `path` with its query, such as `/api/v1/pods?limit=500`. Rejects where there is no answer, or another one than these. */
	get(path: string): Promise<KubernetesAnswer>;
}

/** The newest snapshot of a cluster. Times are RFC 3339 UTC, as `parseTime` writes them. */
export interface NewestSnapshot {
	readonly id: string;
	readonly validFrom: string;
	/** Until when its state was seen unchanged. */
	readonly seenUntil: string;
}

/** Where snapshots are kept by time. Every function rejects where it is not known what is there. */
export interface SnapshotStore {
	/** `newest`: `undefined` where there is none, or where what says so cannot be read. `version` is what `replaceNewest` wants. */
	readNewest(cluster: ClusterKey): Promise<{ readonly newest: NewestSnapshot | undefined; readonly version: string }>;
	/** Keeps a snapshot's bytes under its time. All or nothing, and never changed afterwards: `false` where there is one of that time. */
	write(cluster: ClusterKey, snapshot: { readonly validFrom: string; readonly bytes: Uint8Array }): Promise<boolean>;
	/** `false`, and nothing changes, where it was replaced since that version was read. */
	replaceNewest(cluster: ClusterKey, newest: NewestSnapshot, version: string): Promise<boolean>;
	/** The right to collect that cluster until then (ms since 1970); `undefined` where somebody else has it. */
	lease(cluster: ClusterKey, untilMs: number): Promise<Lease | undefined>;
}

/** A right that ends by itself, or is given back. */
export interface Lease {
	/** Never rejects. */
	release(): Promise<void>;
}

/** What answers BigQuery SQL, which names tables as the files of `schemas/` do. Rejects with the engine's words. */
export interface SqlEngine {
	/** One statement; `@name` parameters are STRING. Rows as `Row` describes; none of a statement that changes rows. */
	query(sql: string, parameters?: Readonly<Record<string, string>>): Promise<readonly Row[]>;
}

/** The flagged entries of one fingerprint that may be told of, over the time asked about. Times are RFC 3339 UTC. */
export interface Problem {
	readonly fingerprint: string;
	readonly cluster: ClusterKey;
	readonly finding: Finding;
	readonly firstSeen: string;
	readonly lastSeen: string;
	/** Log entries, weights counted. */
	readonly entries: number;
	/** Of denied attempts, summed; `null` where nothing was denied. */
	readonly packets: number | null;
	/** Addresses that it came from. */
	readonly sources: number;
	/** None of its entries is settled (its cluster seen since, and no change waiting to be judged): the settle time is over. */
	readonly unsettled: boolean;
	/** Problems of its rule in all, of which the last seen are read; absent where that is not known. */
	readonly ofRule?: number;
}

export interface ProblemsRead {
	readonly problems: readonly Problem[];
	/** Whether every rule with a problem is among them: there is a limit. */
	readonly complete: boolean;
}

/** What a message says of a problem: columns of the view `findings`, of its latest day where nothing else is said. */
export interface ProblemDetail {
	readonly fingerprint: string;
	readonly direction: 'ingress' | 'egress';
	readonly disposition: 'allow' | 'deny';
	readonly subjectNamespace: string | null;
	readonly subjectWorkloadKind: string | null;
	readonly subjectWorkload: string | null;
	readonly subjectName: string | null;
	readonly subjectIp: string | null;
	readonly peerKind: string | null;
	readonly peerNamespace: string | null;
	readonly peerWorkloadKind: string | null;
	readonly peerWorkload: string | null;
	readonly peerName: string | null;
	readonly peerIp: string | null;
	/** `key=value` separated by commas; of a Pod. */
	readonly peerLabels: string | null;
	readonly protocol: string | null;
	readonly port: number | null;
	readonly certainty: Certainty | null;
	readonly reasons: readonly string[];
	/** Of the first piece of its evidence, which decides; `rule`, `peer` and `portEntry` are indices from 0. */
	readonly policyKind: string | null;
	readonly policyNamespace: string | null;
	readonly policyName: string | null;
	/** Absent where the policy as a whole decides. */
	readonly policyDirection: string | null;
	readonly rule: number | null;
	readonly peer: number | null;
	readonly portEntry: number | null;
	readonly clause: string | null;
	readonly construct: string | null;
	readonly summary: string;
	/** Of all days since the one asked about. */
	readonly firstSeen: string;
	readonly lastSeen: string;
	readonly entries: number;
	readonly packets: number | null;
}

/** A silence that holds now. All that is given has to match. */
export interface Silence {
	readonly id: string;
	readonly fingerprint: string | null;
	readonly projectId: string | null;
	readonly location: string | null;
	readonly clusterName: string | null;
	readonly subjectNamespace: string | null;
	readonly subjectWorkload: string | null;
	readonly construct: string | null;
	readonly policyNamespace: string | null;
	readonly policyName: string | null;
}

/** What an event says of a group: new, with more problems than were told, told once more, or over. */
export type AlertState = 'firing' | 'update' | 'repeat' | 'resolved';

/** A row of `alerts_v1`: what an event says of one problem. Keys in schema order; times RFC 3339 UTC. */
export interface AlertRow extends Row {
	readonly alert_id: string;
	readonly fingerprint: string;
	readonly state: AlertState;
	readonly claimed_by: string;
	readonly claimed_at: string;
	readonly posted_at: string | null;
	readonly group_id: string;
	readonly message_id: string;
}

/** What became of an event before, of one problem. */
export interface AlertMemory {
	readonly alertId: string;
	readonly groupId: string;
	readonly messageId: string;
	readonly fingerprint: string;
	readonly state: AlertState;
	readonly claimedAt: string;
	readonly postedAt: string | null;
	readonly error: string | null;
	readonly firstSeen: string;
	readonly lastSeen: string;
	readonly entries: number;
	readonly packets: number | null;
	readonly sources: number | null;
	readonly cluster: ClusterKey;
	readonly finding: Finding;
	readonly construct: string | null;
	readonly direction: string | null;
	readonly policyNamespace: string | null;
	readonly policyName: string | null;
	readonly clause: string | null;
	/** Of the message that opened the alert: what follows is said in its thread. */
	readonly threadTs: string | null;
	/** Of a `resolved`: from when on a snapshot had the rule no more. */
	readonly fixedAt: string | null;
}

/** A clause of a policy, as the linter finds it. */
export interface Clause {
	readonly cluster: ClusterKey;
	readonly construct: string;
	readonly policyNamespace: string | null;
	readonly policyName: string;
	readonly direction: string | null;
	readonly clause: string;
}

/** A clause that was in a state of its cluster, and is not in the newest one: `at` is from when on. RFC 3339 UTC. */
export interface FixedClause extends Clause {
	readonly at: string;
}

/** Where alerts are remembered, and what they are about is read: BigQuery. Times are RFC 3339 UTC. Every function rejects where it is not known. */
export interface AlertStore {
	/**
	 * Problems with entries from `since` on, some hundred of each rule at most. Entries older than `settledBefore` may be told of whether or not
	 * their cluster was seen since.
	 */
	readProblems(window: { readonly since: string; readonly settledBefore: string }): Promise<ProblemsRead>;
	/** By fingerprint; what is not found is left out. */
	readDetails(fingerprints: readonly string[], since: string): Promise<ReadonlyMap<string, ProblemDetail>>;
	/**
	 * Events claimed from `since` on. Of each group and problem the last that was posted since the group's last `resolved`, that `resolved`, and
	 * all that was claimed from `recent` on or not posted.
	 */
	readMemory(window: { readonly since: string; readonly recent: string }): Promise<readonly AlertMemory[]>;
	readSilences(at: string): Promise<readonly Silence[]>;
	/**
	 * Which of these clauses the linter found in a state collected from `since` on and in none after it: `at` is the `valid_from` of the first
	 * state after the last that had it. States of which it is not known what the linter found (`policy_findings` is null) count for nothing; a
	 * clause that was found in no state, or is in the newest, is left out.
	 */
	readFixed(clauses: readonly Clause[], since: string): Promise<readonly FixedClause[]>;
	/** Removes what is left of attempts at these groups (failed, or claimed before `expired`), then adds the rows. */
	claim(rows: readonly AlertRow[], expired: string): Promise<void>;
	/** Events of others in these groups, claimed from `since` on. */
	readRivals(groups: readonly string[], options: { readonly run: string; readonly since: string }): Promise<readonly AlertMemory[]>;
	/** Takes back what this run has claimed and not posted of these groups. */
	withdraw(groups: readonly string[], run: string): Promise<void>;
	/** Notes that a message was accepted, and where it stands, as far as Slack says: it is the thread of rows that name none. `error`: it was given up. */
	settle(messageId: string, posted: SettledMessage): Promise<void>;
	/** Notes that a message could not be posted: it is claimed anew by the next run. */
	release(messageId: string, error: string): Promise<void>;
}

export interface SettledMessage {
	/** RFC 3339 UTC. */
	readonly at: string;
	readonly channel?: string;
	readonly ts?: string;
	readonly error?: string;
}

/** What became of a message. */
export type Posted =
	| { readonly kind: 'posted'; readonly channel?: string; readonly ts?: string }
	/** Nothing is taken now: it was too much, or the other side is down. It may have been taken all the same where no answer came. */
	| { readonly kind: 'later'; readonly detail: string }
	/** This message is never taken: its form is wrong. */
	| { readonly kind: 'refused'; readonly detail: string }
	/** Nothing is taken until somebody mends it: the webhook was revoked, the channel is gone, the token is wrong. */
	| { readonly kind: 'broken'; readonly detail: string };

/** Where alerts are told: a channel of Slack, another webhook, or the log. */
export interface AlertChannel {
	/** Whether what follows can be said in the thread of what came before. */
	readonly threads: boolean;
	/** Posts a body that was made for it. `untilMs` (ms since 1970): until when it is tried. Never rejects. */
	post(body: object, options: { readonly thread?: string; readonly untilMs: number }): Promise<Posted>;
}

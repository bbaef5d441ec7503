import { hash } from 'node:crypto';
import { type Fields, isFields } from '../policy/fields.ts';
import type { Disposition, LoggedPolicy, Observation } from '../policy/model.ts';
import type { ClusterKey } from '../ports.ts';
import { decodeFlow } from './connection.ts';
import { fieldsAt, isRefusal, quote, type Refusal, refuse, textAt } from './refusal.ts';
import { type Moment, parseTimestamp } from './timestamp.ts';

/** A policy-action entry, as far as it is judged and kept. */
export interface Entry {
	/** base64url SHA-256 of `logName`, `timestamp` exactly as sent, and `insertId`. */
	readonly id: string;
	readonly insertId: string;
	readonly logName: string;
	readonly timestamp: Moment;
	readonly receiveTimestamp: Moment | undefined;
	readonly cluster: ClusterKey;
	readonly node: string | undefined;
	/** 1 for an allowed connection, packets for a denied one. */
	readonly count: number | undefined;
	readonly observation: Observation;
	/** The entry as received. */
	readonly raw: Fields;
}

export interface Rejected extends Refusal {
	readonly kind: 'rejected';
	/** What the entry says of itself, as far as it can be read. */
	readonly logName?: string;
	readonly timestamp?: Moment;
}

export type Decoded = { readonly kind: 'ok'; readonly entry: Entry } | Rejected;

/** BigQuery takes 500 levels of JSON; an entry has five. Also what keeps recursive readers of the entry safe. */
const MAX_DEPTH = 100;
const POLICY_ACTION = 'policy-action';

/**
 * Decodes a parsed LogEntry: tolerant of what it does not know, strict about what the judgement and the entry's identity need.
 * Source of the shape: Cloud Logging's LogEntry, and "Use network policy logging" of GKE.
 */
export function decodeEntry(value: unknown): Decoded {
	const entry = readEntry(value);
	return isRefusal(entry) ? { kind: 'rejected', ...entry, ...(isFields(value) && saysOfItself(value)) } : { kind: 'ok', entry };
}

function saysOfItself(value: Fields): Pick<Rejected, 'logName' | 'timestamp'> {
	const logName = textAt(value, 'logName');
	const timestamp = parseTimestamp(textAt(value, 'timestamp') ?? '');
	return { ...(logName !== undefined && { logName }), ...(timestamp && { timestamp }) };
}

function readEntry(value: unknown): Entry | Refusal {
	const logName = readLogName(value);
	if (isRefusal(logName)) return logName;
	const raw = value as Fields;
	const sent = textAt(raw, 'timestamp');
	const timestamp = sent === undefined ? undefined : parseTimestamp(sent);
	if (sent === undefined || !timestamp) return refuse('bad-timestamp', `timestamp is ${quote(raw['timestamp'])}, not an RFC 3339 time`);
	const insertId = textAt(raw, 'insertId');
	if (!insertId) return refuse('no-insert-id', 'insertId is missing: the entry could not be told from others of the same time');
	const cluster = readCluster(raw, logName);
	if (isRefusal(cluster)) return cluster;
	const payload = fieldsAt(raw, 'jsonPayload');
	const node = textAt(cluster.labels, 'node_name') ?? (payload && textAt(payload, 'node_name'));
	const observation = readObservation(payload, { sent, ms: timestamp.ms, node });
	if (isRefusal(observation)) return observation;
	const count = readCount(payload?.['count']);
	if (isRefusal(count)) return count;
	return {
		id: entryId(logName, sent, insertId),
		insertId,
		logName,
		timestamp,
		receiveTimestamp: parseTimestamp(textAt(raw, 'receiveTimestamp') ?? ''),
		cluster: cluster.key,
		node,
		count,
		observation,
		raw,
	};
}

/** The identity of an entry. JSON keeps the three apart, whatever characters they hold. */
export const entryId = (logName: string, timestamp: string, insertId: string): string =>
	hash('sha256', JSON.stringify([logName, timestamp, insertId]), 'base64url');

function readLogName(value: unknown): string | Refusal {
	if (!isFields(value))
		return refuse('not-an-entry', `a log entry is a JSON object, this is ${Array.isArray(value) ? 'an array' : quote(value)}`);
	if (isDeeper(value, MAX_DEPTH)) return refuse('too-deep', `the entry nests deeper than ${MAX_DEPTH} levels`);
	const logName = textAt(value, 'logName');
	if (logName === undefined) return refuse('not-an-entry', 'logName is missing: this is no log entry');
	if (!logName.endsWith(`/logs/${POLICY_ACTION}`) && logId(logName) !== POLICY_ACTION)
		return refuse('other-log', `logName is ${quote(logName)}, not that of a ${POLICY_ACTION} log`);
	const split = fieldsAt(value, 'split');
	if (split && split['totalSplits'] !== 1)
		return refuse('split-entry', `split is ${quote(split)}: Cloud Logging cut the entry up, this is a part of it`);
	return logName;
}

/** What stands after `/logs/`, where Cloud Logging percent-encodes. */
function logId(logName: string): string {
	const id = logName.slice(logName.lastIndexOf('/logs/') + '/logs/'.length);
	try {
		return logName.includes('/logs/') ? decodeURIComponent(id) : '';
	} catch {
		return id;
	}
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Whether a parsed JSON value nests deeper than that. Goes no deeper itself: the depth is the sender's choice. */
function isDeeper(value: object, limit: number): boolean {
	for (const key in value) {
		if (limit === 0) return true;
		const inner = (value as Fields)[key];
		if (isObject(inner) && isDeeper(inner, limit - 1)) return true;
	}
	return false;
}

/** When the entry was written, and where. */
interface Writing {
	readonly sent: string;
	/** The same in ms since 1970. */
	readonly ms: number;
	readonly node: string | undefined;
}

interface NamedCluster {
	readonly key: ClusterKey;
	readonly labels: Fields;
}

function readCluster(raw: Fields, logName: string): NamedCluster | Refusal {
	const labels = fieldsAt(fieldsAt(raw, 'resource') ?? {}, 'labels') ?? {};
	const name = textAt(labels, 'cluster_name');
	const location = textAt(labels, 'location');
	if (!name) return refuse('no-cluster', 'resource.labels.cluster_name is missing');
	if (!location) return refuse('no-cluster', 'resource.labels.location is missing');
	const project = textAt(labels, 'project_id') ?? /^projects\/([^/]+)\/logs\//.exec(logName)?.[1];
	return { key: project === undefined ? { location, name } : { project, location, name }, labels };
}

function readObservation(payload: Fields | undefined, { sent, ms, node }: Writing): Observation | Refusal {
	const connection = payload && fieldsAt(payload, 'connection');
	if (!connection) return refuse('no-connection', `jsonPayload${payload ? '.connection' : ''} is missing: there is no connection to judge`);
	const flow = decodeFlow({ payload, connection, node });
	if (isRefusal(flow)) return flow;
	const disposition = payload['disposition'];
	if (!isDisposition(disposition))
		return refuse('bad-disposition', `jsonPayload.disposition is ${quote(disposition)}, neither allow nor deny`);
	return { flow, disposition, policies: readPolicies(payload['policies']), timestamp: sent, timestampMs: ms };
}

const isDisposition = (value: unknown): value is Disposition => value === 'allow' || value === 'deny';

/** Policies are read as far as they can be: what the entry names is a reason and a hint, never what the judgement rests on. */
function readPolicies(value: unknown): LoggedPolicy[] {
	if (!Array.isArray(value)) return [];
	return value.filter(isFields).flatMap((policy) => {
		const [kind, namespace, name] = [textAt(policy, 'kind'), textAt(policy, 'namespace'), textAt(policy, 'name')];
		if (name === undefined) return [];
		return [{ ...(kind !== undefined && { kind }), ...(namespace !== undefined && { namespace }), name }];
	});
}

/** A 64-bit integer may come as a string in JSON. */
function readCount(value: unknown): number | undefined | Refusal {
	if (value === undefined || value === null) return undefined;
	const count = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
	if (typeof count === 'number' && Number.isSafeInteger(count) && count >= 0) return count;
	return refuse('bad-count', `jsonPayload.count is ${quote(value)}, not a non-negative integer`);
}

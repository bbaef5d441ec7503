import { type Fields, field, isFields } from '../policy/fields.ts';
import { parseTime } from '../policy/time.ts';
import type { ClusterKey, CollectionReason } from '../ports.ts';
import type { Message } from '../push/envelope.ts';

/** What asks for a collection. Times are RFC 3339 UTC, as `parseTime` writes them. */
export interface Trigger {
	readonly cluster: ClusterKey;
	readonly reason: CollectionReason;
	/** A collection that began at or after this time answers it. */
	readonly requestedAt: string;
	/** When a policy was changed, where the audit log says so: the state that is collected is valid from then on. */
	readonly changedAt?: string;
}

/** `ignored`: it concerns no snapshot. `refused`: it cannot be understood, and will not be by trying again. */
export type ParsedTrigger =
	| { readonly kind: 'trigger'; readonly trigger: Trigger }
	| { readonly kind: 'ignored' | 'refused'; readonly detail: string };

const refused = (detail: string): ParsedTrigger => ({ kind: 'refused', detail });
const ignored = (detail: string): ParsedTrigger => ({ kind: 'ignored', detail });

const REASONS: ReadonlySet<string> = new Set<CollectionReason>(['schedule', 'no-snapshot', 'stale-snapshot', 'flagged', 'manual']);

/**
 * Reads a message of the topic of snapshot requests. It has three sources: Cloud Scheduler and ingest publish
 * `{cluster, reason, requestedAt?}`, where the cluster is `projects/P/locations/L/clusters/C` or `{project, location, name}`; a log sink
 * publishes entries of GKE's audit log. `receivedAt`: for messages that say no time.
 */
export function parseTrigger(message: Message, receivedAt: string): ParsedTrigger {
	const document = parseJson(message.data);
	if (!isFields(document)) return refused('the message is no JSON object');
	const published = parseTime(message.publishTime ?? '') ?? receivedAt;
	if (field(document, 'protoPayload') !== undefined) return parseAuditEntry(document, published);
	const cluster = readCluster(field(document, 'cluster'));
	if (!cluster) return refused('cluster must be projects/PROJECT/locations/LOCATION/clusters/NAME, or have a location and a name');
	const reason = field(document, 'reason') ?? 'manual';
	if (typeof reason !== 'string' || !REASONS.has(reason)) return refused(`reason must be one of ${[...REASONS].join(', ')}`);
	const requestedAt = parseTime(textOf(document, 'requestedAt') ?? '') ?? published;
	return { kind: 'trigger', trigger: { cluster, reason: reason as CollectionReason, requestedAt } };
}

function parseJson(data: Uint8Array): unknown {
	try {
		return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
	} catch {
		return undefined;
	}
}

function textOf(object: Fields, key: string): string | undefined {
	const value = field(object, key);
	return typeof value === 'string' && value !== '' ? value : undefined;
}

/**
 * What a cluster, a location or a project can be called. Names go into paths of Google's API, of objects and into logs; and a cluster that
 * none can be would be tried for as long as Pub/Sub delivers.
 */
const NAME = /^[\da-z](?:[\w.:-]{0,98}[\da-z])?$/i;

type Named = Readonly<Record<'project' | 'location' | 'name', string | undefined>>;

/** `undefined` where it is none, or none that can be. */
function clusterOf({ project, location, name }: Named): ClusterKey | undefined {
	if (location === undefined || name === undefined) return undefined;
	if (![project ?? 'none', location, name].every((part) => NAME.test(part))) return undefined;
	return project === undefined ? { location, name } : { project, location, name };
}

const CLUSTER = /^projects\/([^/]+)\/(?:locations|zones|regions)\/([^/]+)\/clusters\/([^/]+)$/;

/** `projects/P/locations/L/clusters/C`; `undefined` where it is none. */
export function parseClusterName(text: string): Required<ClusterKey> | undefined {
	const [, project, location, name] = CLUSTER.exec(text) ?? [];
	const cluster = clusterOf({ project, location, name });
	return cluster && project !== undefined ? { ...cluster, project } : undefined;
}

/** As `parseClusterName` reads it. */
export const formatClusterName = ({ project, location, name }: ClusterKey): string =>
	`${project === undefined ? '' : `projects/${project}/`}locations/${location}/clusters/${name}`;

function readCluster(value: unknown): ClusterKey | undefined {
	if (typeof value === 'string') return parseClusterName(value);
	if (!isFields(value)) return undefined;
	return clusterOf({ project: textOf(value, 'project'), location: textOf(value, 'location'), name: textOf(value, 'name') });
}

const CHANGES: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);
/** What a snapshot says of policy. Pods, Nodes and Services change all the time: the next scheduled collection sees them. */
export const POLICY_RESOURCES: ReadonlySet<string> = new Set([
	'networkpolicies',
	'namespaces',
	'networkloggings',
	'fqdnnetworkpolicies',
	'ciliumnetworkpolicies',
	'ciliumclusterwidenetworkpolicies',
	'clusternetworkpolicies',
	'adminnetworkpolicies',
	'baselineadminnetworkpolicies',
	'globalnetworkpolicies',
	'networksets',
	'globalnetworksets',
	'tiers',
]);

/** `methodName` is `io.k8s.networking.v1.networkpolicies.patch`; of custom resources without `io.k8s.`. */
function parseAuditEntry(entry: Fields, published: string): ParsedTrigger {
	const payload = partOf(entry, 'protoPayload');
	const method = textOf(payload, 'methodName') ?? '';
	const [verb = '', resource = ''] = method.split('.').reverse();
	if (!CHANGES.has(verb) || !POLICY_RESOURCES.has(resource))
		return ignored(`${method || 'an audit entry without a method'} changes no policy`);
	if (/\/(status|finalize)$/.test(textOf(payload, 'resourceName') ?? '')) return ignored(`${method} changes a status`);
	const code = field(partOf(payload, 'status'), 'code') ?? 0;
	if (code !== 0) return ignored(`${method} was refused`);
	const labels = partOf(partOf(entry, 'resource'), 'labels');
	const [project, location, name] = [textOf(labels, 'project_id'), textOf(labels, 'location'), textOf(labels, 'cluster_name')];
	const cluster = clusterOf({ project, location, name });
	if (!cluster) return refused('the audit entry names no cluster: resource.labels has no location or cluster_name, or none that can be');
	const changedAt = parseTime(textOf(entry, 'timestamp') ?? '') ?? published;
	return { kind: 'trigger', trigger: { cluster, reason: 'policy-change', requestedAt: changedAt, changedAt } };
}

function partOf(object: Fields, key: string): Fields {
	const value = field(object, key);
	return isFields(value) ? value : {};
}

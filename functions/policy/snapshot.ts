import { field, isFields, shown } from './fields.ts';
import { parseAddress, parseCidr } from './ip.ts';
import { SNAPSHOT_FORMAT, type Snapshot } from './model.ts';
import { isPortNumber } from './names.ts';
import { anything, list, oneOf, record, text, texts, that } from './shape.ts';
import { parseTime } from './time.ts';

/** Specs of other kinds are kept as they are. Nothing in a snapshot is nested deeper than this. */
const MAX_DEPTH = 100;
const MAX_NAME = 253;
const ID = /^(any|\d{4}-\d\d-\d\dT\d{6}(\.\d{1,9})?Z)-[0-9a-f]{12}$/;

const name = text('must be a name', (value) => value !== '' && value.length <= MAX_NAME);
const string = text('must be a string', () => true);
const address = text('must be an address', (value) => parseAddress(value) !== undefined);
const cidr = text('must be a network such as 10.9.8.0/24', (value) => typeof parseCidr(value, false) !== 'string');
const time = text('must be an RFC 3339 time in UTC', (value) => value.endsWith('Z') && parseTime(value) !== undefined);
const id = text('must be a snapshot id such as any-0123456789ab', (value) => ID.test(value));
const port = that('must be a port number', isPortNumber);
const portOrName = that('must be a port number or name', (value) => isPortNumber(value) || (typeof value === 'string' && value !== ''));
const truth = that('must be true or false', (value) => typeof value === 'boolean');
const marked = that('must be true or absent', (value) => value === true);
const protocol = oneOf('TCP', 'UDP', 'SCTP');
const direction = oneOf('ingress', 'egress');
const owner = record({ kind: name, name });

const requirement = record({ key: name, operator: oneOf('In', 'NotIn', 'Exists', 'DoesNotExist'), values: list(string) }, {}, (object) => {
	const operator = field(object, 'operator');
	const wanted = operator === 'In' || operator === 'NotIn';
	const given = (field(object, 'values') as readonly unknown[]).length > 0;
	return wanted === given ? undefined : `must ${wanted ? 'have values' : 'have no values'} with the operator ${operator}`;
});
const selector = record({ matchLabels: texts, matchExpressions: list(requirement) });
const peer = record({}, { ipBlock: record({ cidr, except: list(cidr) }), podSelector: selector, namespaceSelector: selector }, (object) => {
	const block = field(object, 'ipBlock') !== undefined;
	const selects = field(object, 'podSelector') !== undefined || field(object, 'namespaceSelector') !== undefined;
	return block === selects ? 'must have either an ipBlock or selectors' : undefined;
});
const policyPort = record({ protocol }, { port: portOrName, endPort: port }, (object) => {
	const [first, last] = [field(object, 'port'), field(object, 'endPort')];
	return last === undefined || (typeof first === 'number' && first <= (last as number))
		? undefined
		: 'must have a port that is not above its endPort';
});
const rule = record({ peers: list(peer), ports: list(policyPort) });
const types = list(direction, (given) =>
	given.length > 0 && new Set(given).size === given.length ? undefined : 'must name at least one direction, and each only once',
);
const policy = record(
	{ namespace: name, name, podSelector: selector, types, ingress: list(rule), egress: list(rule) },
	{ annotations: texts },
);

const namedPort = record({ name, port, protocol }, { init: oneOf('init', 'sidecar') });
const pod = record(
	{ namespace: name, name, labels: texts, ips: list(address) },
	{ node: name, hostNetwork: marked, finished: marked, ports: list(namedPort), owner, createdAt: time },
);
const service = record(
	{ namespace: name, name },
	{ type: string, clusterIps: list(address), selector: texts, externalTrafficPolicy: string },
);
const cluster = record(
	{ location: name, name },
	{
		project: name,
		datapathProvider: string,
		nodeLocalDns: truth,
		fqdnPolicies: truth,
		clusterwidePolicies: truth,
		podRanges: list(cidr),
		serviceRanges: list(cidr),
		controlPlaneVersion: string,
		nodeVersions: list(string),
	},
);
const state = record(
	{
		namespaces: list(record({ name, labels: texts })),
		nodes: list(record({ name, ips: list(address) })),
		pods: list(pod),
		services: list(service),
		policies: list(policy),
		unreadablePolicies: list(record({ namespace: name, name, reason: string }, { podSelector: selector })),
		otherPolicies: list(record({ apiVersion: name, kind: name, name, spec: anything }, { namespace: name })),
		unreadableKinds: list(name),
	},
	{ cluster, networkLogging: anything },
);
const snapshot = record({ format: anything, id, state }, { validFrom: time, collectedAt: time, previous: record({ id, seenUntil: time }) });

/**
 * Checks a canonical document of any origin: the snapshot (the same object), or what is wrong first, with its path. Fields that are not
 * known are left alone: a newer version may have added them, and one that changes the meaning of others changes the format. Never throws.
 */
export function parseSnapshot(document: unknown): Snapshot | string {
	if (!isFields(document)) return `is no snapshot: it must be an object (${shown(document)})`;
	const format = field(document, 'format');
	if (format === undefined) return 'is no snapshot: it has no format';
	if (format !== SNAPSHOT_FORMAT) return formatProblem(format);
	if (isDeeper(document, MAX_DEPTH)) return `is nested deeper than ${MAX_DEPTH}`;
	return snapshot(document, '') ?? (document as unknown as Snapshot);
}

/** Whether it looks like a canonical document, of whatever format, and not like a Kubernetes object. */
export const isSnapshotDocument = (document: unknown): boolean =>
	isFields(document) &&
	field(document, 'format') !== undefined &&
	isFields(field(document, 'state')) &&
	field(document, 'kind') === undefined;

function formatProblem(format: unknown): string {
	const remedy = typeof format === 'number' && format > SNAPSHOT_FORMAT ? 'update policy-action-audit' : 'take the snapshot again';
	return `format: this version reads snapshots of format ${SNAPSHOT_FORMAT}, and this is one of format ${shown(format)}: ${remedy}`;
}

function isDeeper(value: unknown, levels: number): boolean {
	if (typeof value !== 'object' || value === null) return false;
	return levels === 0 || Object.values(value).some((item) => isDeeper(item, levels - 1));
}

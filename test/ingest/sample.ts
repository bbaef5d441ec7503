import { createIngestMessage, type IngestPorts, type Outcome } from '../../functions/ingest/ingest.ts';
import { type CompiledSnapshot, compileSnapshot } from '../../functions/policy/compile.ts';
import { DEFAULT_CANDIDATES } from '../../functions/policy/semantics.ts';
import type { Delivery, Row, Appended as Settled, TableName, Warehouse } from '../../functions/ports.ts';
import type { Message } from '../../functions/push/envelope.ts';

type Fields = Record<string, unknown>;

const connection: Fields = {
	src_ip: '10.0.0.1',
	src_port: 40000,
	dest_ip: '10.0.0.2',
	dest_port: 80,
	protocol: 'tcp',
	direction: 'ingress',
};

const payload: Fields = {
	connection,
	disposition: 'deny',
	count: 3,
	node_name: 'node-1',
	src: { pod_name: 'client', pod_namespace: 'shop', namespace: 'shop' },
	dest: { pod_name: 'server', pod_namespace: 'shop', namespace: 'shop', workload_kind: 'Deployment', workload_name: 'server' },
};

export const entry: Fields = {
	insertId: 'id1',
	jsonPayload: payload,
	resource: { type: 'k8s_node', labels: { project_id: 'p', location: 'europe-west1', cluster_name: 'c', node_name: 'node-1' } },
	timestamp: '2026-03-04T05:06:07.123456789Z',
	logName: 'projects/p/logs/policy-action',
	receiveTimestamp: '2026-03-04T05:06:08.5Z',
};

/** The sample entry with other fields in its payload or connection; `undefined` leaves one out. */
export const entryWith = (changes: { entry?: Fields; payload?: Fields; connection?: Fields }): Fields =>
	JSON.parse(
		JSON.stringify({
			...entry,
			jsonPayload: { ...payload, connection: { ...connection, ...changes.connection }, ...changes.payload },
			...changes.entry,
		}),
	);

export const messageOf = (value: unknown, changes: Partial<Message> = {}): Message => ({
	id: 'm1',
	data: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
	attributes: {},
	...changes,
});

const pod = (name: string, ip: string) => ({ namespace: 'shop', name, labels: { app: name }, ips: [ip], node: 'node-1' });

/** Two Pods, and a policy whose only rule is void on Dataplane V2: it admits the client by its address. */
export const snapshot: CompiledSnapshot = compileSnapshot({
	format: 1,
	id: '2026-03-04T050000Z-0123456789ab',
	validFrom: '2026-03-04T05:00:00Z',
	state: {
		namespaces: [{ name: 'shop', labels: { 'kubernetes.io/metadata.name': 'shop' } }],
		nodes: [{ name: 'node-1', ips: ['10.128.0.1'] }],
		pods: [pod('client', '10.0.0.1'), pod('server', '10.0.0.2')],
		services: [],
		policies: [
			{
				namespace: 'shop',
				name: 'by-address',
				podSelector: { matchLabels: {}, matchExpressions: [] },
				types: ['ingress'],
				ingress: [{ peers: [{ ipBlock: { cidr: '10.0.0.1/32', except: [] } }], ports: [] }],
				egress: [],
			},
		],
		unreadablePolicies: [],
		otherPolicies: [],
		unreadableKinds: [],
	},
});

export interface Appended {
	readonly table: TableName;
	readonly row: Row;
}

const NOW = '2026-03-04T05:10:00.000Z';

/** A warehouse that answers as the promise does; a rejection is a failure. */
export const warehouseOf = (append: (table: TableName, row: Row, delivery: Delivery) => Promise<Settled>): Warehouse => ({
	append(table, row, delivery) {
		append(table, row, delivery).then(delivery.settle, (error: Error) => delivery.settle({ kind: 'failed', error }));
	},
});

/** Takes a message to its end. */
export const ingestWith =
	(ports: IngestPorts) =>
	(message: Message): Promise<Outcome> =>
		new Promise((resolve) => createIngestMessage(ports)(message, resolve));

/** Ports that find the snapshot above, and a list of what was appended. */
export function portsWith(changes: Partial<IngestPorts> = {}): IngestPorts & { readonly appended: Appended[] } {
	const appended: Appended[] = [];
	return {
		snapshots: { find: () => ({ snapshot, stale: false }) },
		warehouse: warehouseOf(async (table, row) => {
			appended.push({ table, row });
			return { kind: 'stored' };
		}),
		candidates: DEFAULT_CANDIDATES,
		now: () => new Date(NOW),
		...changes,
		appended,
	};
}

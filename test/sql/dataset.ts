/** Rows that the project's own functions make of `scenario.yaml`: collections through the Kubernetes API, entries through ingest. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { createTimeline } from '../../functions/adapters/bucket/timeline.ts';
import { createWriter } from '../../functions/adapters/bucket/writer.ts';
import { createKubernetesApi } from '../../functions/adapters/kubernetes.ts';
import { createIngestMessage } from '../../functions/ingest/ingest.ts';
import { DEFAULT_CANDIDATES } from '../../functions/policy/semantics.ts';
import type { CollectionReason, Row, Warehouse } from '../../functions/ports.ts';
import { createCollection } from '../../functions/snapshot/collection.ts';
import { createMemory } from '../adapters/bucket/memory.ts';
import { type ShortObjects, toObjects } from '../cases/manifests.ts';
import { type RawObject, startKubeApi } from '../servers/kube-api.ts';
import { alertsOf, SILENCES } from './alerts.ts';

/** Rows by table. */
export type Dataset = Readonly<Record<string, readonly Row[]>>;

interface Cluster {
	readonly project: string;
	readonly location: string;
	readonly name: string;
}

type WrittenEnd = string | { readonly pod: string; readonly ip: string; readonly node: string };

interface WrittenEntry {
	readonly id: string;
	readonly cluster?: string;
	/** `namespace/name` of a Pod, an address, or a Pod that no state has. */
	readonly from: WrittenEnd;
	readonly to: WrittenEnd;
	readonly port: number;
	readonly direction?: 'ingress' | 'egress';
	readonly deny?: number;
	readonly allow?: number;
	readonly policies?: readonly object[];
	/** The message was given up, and never judged. */
	readonly dead?: true;
}

type Step = { readonly at: string } & (
	| { readonly collect: string; readonly reason?: CollectionReason; readonly changed?: string }
	| { readonly again: string }
	| { readonly message: string }
	| { readonly dead: string }
	| WrittenEntry
);

interface Scenario {
	readonly clusters: Readonly<Record<string, Cluster>>;
	readonly objects: ShortObjects;
	readonly workloads: Readonly<Record<string, string>>;
	readonly states: Readonly<Record<string, ShortObjects>>;
	readonly steps: readonly Step[];
}

/** An entry reaches ingest so long after it was logged. */
const ON_ITS_WAY_MS = 3000;

let made: Promise<Dataset> | undefined;

/** The same rows each time. */
export function readDataset(): Promise<Dataset> {
	made ??= play(parse(readFileSync(new URL('scenario.yaml', import.meta.url), 'utf8')) as Scenario);
	return made;
}

async function play(scenario: Scenario): Promise<Dataset> {
	const rows: Record<string, Row[]> = {};
	const clock = { ms: 0 };
	const now = (): Date => new Date(clock.ms);
	const log = (line: object): never => {
		throw new Error(`the scenario has no fault, and here is one: ${JSON.stringify(line)}`);
	};
	const warehouse: Warehouse = {
		append(table, row, { settle }) {
			rows[table] ??= [];
			rows[table].push(row);
			settle({ kind: 'stored' });
		},
	};
	const memory = createMemory();
	const objects: RawObject[] = [];
	const server = await startKubeApi({ objects });
	const api = createKubernetesApi({ servers: [server.url], headers: async () => new Headers() });
	const prod = scenario.clusters['prod'] as Cluster;
	const collect = createCollection({
		open: async () => ({ api, description: describeCluster(prod) }),
		store: createWriter(memory.writing, { now, log }),
		warehouse,
		candidates: DEFAULT_CANDIDATES,
		patienceMs: 1000,
		now,
		onRefused: (table, detail) => log({ table, detail }),
	});
	const sent = new Map<string, Buffer>();
	let messages = 0;

	/** A source of its own each time, as by an instance that has just started: nothing is remembered. */
	const deliver = (data: Buffer): Promise<void> =>
		new Promise((resolve) => {
			const snapshots = createTimeline(memory.reading, { maxObjectBytes: 1_000_000, freshMs: 5000, now, log });
			createIngestMessage({ snapshots, warehouse, candidates: DEFAULT_CANDIDATES, now })(
				{ id: `message-${++messages}`, data, attributes: {}, publishTime: now().toISOString() },
				(outcome) => (outcome.kind === 'retry' ? log({ ...outcome, error: String(outcome.error) }) : resolve()),
			);
		});

	const giveUp = (data: Buffer): void => {
		rows['dead_letters_v1'] ??= [];
		rows['dead_letters_v1'].push({
			subscription_name: 'projects/shop-prod/subscriptions/dead-letters',
			message_id: `dead-${rows['dead_letters_v1'].length + 1}`,
			publish_time: now().toISOString(),
			data: data.toString('base64'),
			attributes: {},
		});
	};

	async function take(step: Step): Promise<void> {
		clock.ms = Date.parse(step.at);
		if ('collect' in step) {
			const state = toObjects(scenario.objects, stateOf(scenario, step.collect)) as RawObject[];
			objects.splice(0, objects.length, ...state.map((object) => withOwner(object, scenario)));
			await collect(prod, {
				cluster: prod,
				reason: step.reason ?? 'schedule',
				requestedAt: now().toISOString(),
				...(step.changed !== undefined && { changedAt: step.changed }),
			});
			return;
		}
		if ('message' in step) return deliver(Buffer.from(step.message));
		if ('again' in step) return deliver(dataOf(sent, step.again));
		if (!('id' in step)) return giveUp(dataOf(sent, step.dead));
		const data = Buffer.from(JSON.stringify(toEntry(step, scenario)));
		sent.set(step.id, data);
		clock.ms += ON_ITS_WAY_MS;
		if (step.dead) giveUp(data);
		else await deliver(data);
	}

	try {
		for (const step of scenario.steps) await take(step);
	} finally {
		await server.close();
	}
	return { ...rows, alerts_v1: alertsOf(rows['verdicts_v1'] ?? []), silences_v1: SILENCES };
}

/** A Pod with what its controller gives it: the reference to it, and of a Deployment's the label of its ReplicaSet. */
function withOwner(object: RawObject, { workloads }: Scenario): RawObject {
	const { kind, metadata } = object;
	const [owner = '', name = ''] = (kind === 'Pod' ? workloads[metadata.name] : undefined)?.split('/') ?? [];
	if (name === '') return object;
	const reference = owner === 'Deployment' ? { kind: 'ReplicaSet', name: `${name}-${REVISION}` } : { kind: owner, name };
	const labels = { ...metadata.labels, ...(owner === 'Deployment' && { 'pod-template-hash': REVISION }) };
	return { ...object, metadata: { ...metadata, labels, ownerReferences: [{ ...reference, controller: true }] } } as RawObject;
}

const REVISION = '5d9c7b4f6d';

function stateOf({ states }: Scenario, name: string): ShortObjects {
	const state = states[name];
	if (!state) throw new Error(`the scenario has no state ${name}`);
	return state;
}

function dataOf(sent: ReadonlyMap<string, Buffer>, id: string): Buffer {
	const data = sent.get(id);
	if (!data) throw new Error(`no entry ${id} was sent before`);
	return data;
}

/** What GKE's API says of the cluster. */
const describeCluster = ({ project, location, name }: Cluster): object => ({
	name,
	location,
	selfLink: `https://container.googleapis.com/v1/projects/${project}/locations/${location}/clusters/${name}`,
	clusterIpv4Cidr: '10.8.0.0/14',
	servicesIpv4Cidr: '10.12.0.0/20',
	currentMasterVersion: '1.33.2-gke.1000000',
	networkConfig: { datapathProvider: 'ADVANCED_DATAPATH' },
	nodePools: [],
});

interface EntryEnd {
	readonly ip: string;
	readonly node?: string;
	readonly fields?: object;
}

function toEntry({ at, id, cluster: key = 'prod', ...written }: WrittenEntry & { readonly at: string }, scenario: Scenario): object {
	const { direction = 'ingress', deny, allow, policies } = written;
	const cluster = scenario.clusters[key] as Cluster;
	const [from, to] = [toEnd(written.from, scenario), toEnd(written.to, scenario)];
	const node = (direction === 'ingress' ? to : from).node ?? 'n1';
	return {
		insertId: id,
		jsonPayload: {
			connection: { src_ip: from.ip, src_port: 40_000, dest_ip: to.ip, dest_port: written.port, protocol: 'tcp', direction },
			disposition: deny === undefined ? 'allow' : 'deny',
			count: deny ?? allow,
			node_name: node,
			...(from.fields ? { src: from.fields } : { src: { instance: from.ip } }),
			...(to.fields ? { dest: to.fields } : { dest: { instance: to.ip } }),
			...(policies && { policies }),
		},
		resource: {
			type: 'k8s_node',
			labels: { project_id: cluster.project, location: cluster.location, cluster_name: cluster.name, node_name: node },
		},
		timestamp: at,
		logName: `projects/${cluster.project}/logs/policy-action`,
		receiveTimestamp: new Date(Date.parse(at) + 1000).toISOString(),
	};
}

function toEnd(end: WrittenEnd, { objects, workloads }: Scenario): EntryEnd {
	if (typeof end !== 'string') return { ip: end.ip, node: end.node, fields: podFields(end.pod, undefined) };
	if (!end.includes('/')) return { ip: end };
	const pod = objects.pods?.find(({ ns, name }) => `${ns}/${name}` === end);
	if (pod?.ip === undefined || pod.node === undefined) throw new Error(`the scenario has no Pod ${end}`);
	return { ip: pod.ip, node: pod.node, fields: podFields(end, workloads[pod.name]) };
}

function podFields(pod: string, workload: string | undefined): object {
	const [namespace, name] = pod.split('/');
	const [kind, owner] = workload?.split('/') ?? [];
	return {
		pod_name: name,
		pod_namespace: namespace,
		namespace,
		...(kind !== undefined && { workload_kind: kind, workload_name: owner }),
	};
}

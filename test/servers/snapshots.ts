/**
 * `npm run test:snapshots`: two instances of the built function `snapshot`, a GCS server and BigQuery's emulator; GKE's API and the cluster's
 * API server are stand-ins on loopback. Requests of one cluster become one collection, an unchanged state no second object, a changed policy
 * a snapshot from the time of its audit entry on, and what ingest reads is what was kept. Needs GCS_API_ENDPOINT and BIGQUERY_EMULATOR_HOST.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { createBucketSnapshots } from '../../functions/adapters/bucket.ts';
import { readSchemas } from '../../functions/adapters/schemas.ts';
import { createEmulator } from '../sql/emulator.ts';
import { installArtefact, type Running } from './artefact.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from './certificate.ts';
import { createChecks } from './checks.ts';
import { type RawObject, startKubeApi } from './kube-api.ts';

const { GCS_API_ENDPOINT: gcs, BIGQUERY_EMULATOR_HOST: host } = process.env;
if (!gcs || !host) {
	console.log('skipped: test/servers/snapshots.ts needs GCS_API_ENDPOINT and BIGQUERY_EMULATOR_HOST');
	console.log('0 passed, 0 failed');
	process.exit();
}

const CLUSTER = { project: 'p', location: 'europe-west1', name: 'c' };
const NAME = 'projects/p/locations/europe-west1/clusters/c';
const SECRET = 'planted-secret';

const { check, finish } = createChecks();

const pod = (name: string, ip: string) => ({
	apiVersion: 'v1',
	kind: 'Pod',
	metadata: { name, namespace: 'shop', labels: { app: name }, annotations: { note: SECRET } },
	spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i', env: [{ name: 'TOKEN', value: SECRET }] }] },
	status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] },
});
const policy = (name: string, cidr: string) => ({
	apiVersion: 'networking.k8s.io/v1',
	kind: 'NetworkPolicy',
	metadata: { name, namespace: 'shop' },
	spec: { podSelector: { matchLabels: { app: 'server' } }, policyTypes: ['Ingress'], ingress: [{ from: [{ ipBlock: { cidr } }] }] },
});
const objects: RawObject[] = [
	{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } },
	pod('client', '10.4.0.1'),
	pod('server', '10.4.0.2'),
	policy('by-address', '10.4.0.0/14'),
];

const kube = await startKubeApi({ objects, tls: { cert: CERTIFICATE, key: CERTIFICATE_KEY } });
const description = {
	name: CLUSTER.name,
	location: CLUSTER.location,
	selfLink: `https://container.googleapis.com/v1/${NAME}`,
	clusterIpv4Cidr: '10.4.0.0/14',
	networkConfig: { datapathProvider: 'ADVANCED_DATAPATH' },
	controlPlaneEndpointsConfig: { dnsEndpointConfig: { endpoint: new URL(kube.url).host, allowExternalTraffic: true } },
	masterAuth: { clusterCaCertificate: Buffer.from(CERTIFICATE).toString('base64') },
};
const gke = createServer((_, response) => {
	response.setHeader('content-type', 'application/json');
	response.end(JSON.stringify(description));
});
await new Promise<void>((resolve) => gke.listen(0, '127.0.0.1', resolve));

const bucket = `collected-${process.pid}`;
const schemas = await readSchemas();
const emulator = await createEmulator({ host, project: process.env['BIGQUERY_EMULATOR_PROJECT'] ?? 'test-project' }, schemas);
const artefact = await installArtefact('snapshot');
const instances: Running[] = [];
let published = 0;

/** The status of the answer to a message that Pub/Sub pushes. */
async function push(instance: Running | undefined, document: unknown): Promise<number> {
	const data = Buffer.from(JSON.stringify(document)).toString('base64');
	const message = { data, messageId: `${++published}`, publishTime: new Date().toISOString() };
	const response = await fetch(instance?.url ?? '', {
		method: 'POST',
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify({ message, subscription: 's' }),
	});
	return response.status;
}

const audit = (timestamp: string) => ({
	timestamp,
	protoPayload: {
		methodName: 'io.k8s.networking.v1.networkpolicies.create',
		resourceName: 'networking.k8s.io/v1/namespaces/shop/networkpolicies/x',
	},
	resource: { type: 'k8s_cluster', labels: { project_id: CLUSTER.project, location: CLUSTER.location, cluster_name: CLUSTER.name } },
});
const lines = () => instances.flatMap((instance) => instance.lines());
const outcomes = () => lines().flatMap(({ outcome }) => (typeof outcome === 'string' ? [outcome] : []));
const lists = () => kube.requests.filter(({ path }) => path === '/api/v1/pods').length;

async function objectsInBucket(): Promise<string[]> {
	const answer = (await (await fetch(`${gcs}/storage/v1/b/${bucket}/o`)).json()) as { items?: { name: string }[] };
	return (answer.items ?? []).map(({ name }) => name.slice(name.lastIndexOf('/') + 1)).sort();
}

const rowsOf = (sql: string) => emulator.query(sql.replaceAll('@', `${emulator.dataset}.`));

try {
	await fetch(`${gcs}/storage/v1/b?project=p`, {
		method: 'POST',
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify({ name: bucket }),
	});
	for (let instance = 0; instance < 2; instance++)
		instances.push(
			await artefact.start({
				SNAPSHOTS: `gs://${bucket}`,
				DATASET: emulator.dataset,
				GCS_API_ENDPOINT: gcs,
				BIGQUERY_EMULATOR_HOST: host,
				GKE_API_ENDPOINT: `http://127.0.0.1:${(gke.address() as AddressInfo).port}`,
			}),
		);
	const [one, two] = instances;

	const requests = [{ cluster: NAME, reason: 'schedule' }, { cluster: CLUSTER, reason: 'flagged' }, audit(new Date().toISOString())];
	const statuses = await Promise.all([...requests, ...requests].map((request, index) => push(index % 2 === 0 ? one : two, request)));
	check(
		statuses.every((status) => status === 204),
		`six requests at once, to two instances: ${statuses.join(' ')}`,
	);
	check(lists() === 1, `${lists()} collection for all of them (${outcomes().join(', ')})`);
	const first = await objectsInBucket();
	check(
		first.filter((name) => name.endsWith('.json.gz')).length === 1 && first.includes('latest.json'),
		`in the bucket: ${first.join(', ')}`,
	);

	const findings = await rowsOf('SELECT construct, policy_name, affected_pods, summary FROM `@policy_findings`');
	check(
		findings.some(({ construct }) => construct === 'ipblock-pod'),
		`linted: ${findings.map(({ summary }) => summary).join(' ')}`,
	);

	check((await push(one, { cluster: NAME, reason: 'schedule' })) === 204 && outcomes().at(-1) !== undefined, 'asked again');
	check(outcomes().includes('unchanged'), 'an unchanged state is said to be one');
	check((await objectsInBucket()).join() === first.join(), 'and no second object is written');

	objects.push(policy('another', '192.0.2.0/24'));
	const changedAt = new Date().toISOString();
	check((await push(two, audit(changedAt))) === 204, 'a policy is created, and its audit entry arrives');
	const snapshots = await rowsOf(
		'SELECT snapshot_id, state_hash, valid_from, changed, previous_snapshot_id, reason, policies FROM `@snapshots` ORDER BY collected_at',
	);
	const last = snapshots.at(-1);
	check(
		last?.['changed'] === true && last?.['policies'] === 2 && Date.parse(String(last?.['valid_from'])) === Date.parse(changedAt),
		`valid from the entry's time on: ${JSON.stringify(last)}`,
	);
	check(last?.['previous_snapshot_id'] === snapshots[0]?.['snapshot_id'], 'after the one before');
	check(snapshots.length === 3, `${snapshots.length} rows of snapshots, one a collection`);

	const source = createBucketSnapshots({
		bucket,
		apiEndpoint: gcs,
		projectId: 'p',
		maxObjectBytes: 1_000_000,
		freshMs: 0,
		now: () => new Date(),
		log: (line) => console.log(JSON.stringify(line)),
	});
	const idAt = async (time: string) => (await source.find(CLUSTER, time))?.snapshot.id;
	const [before, after] = [
		await idAt(new Date(Date.parse(changedAt) - 1).toISOString()),
		await idAt(new Date(Date.parse(changedAt) + 1).toISOString()),
	];
	check(
		before === snapshots[0]?.['snapshot_id'] && after === last?.['snapshot_id'],
		`ingest finds ${before} before the change, and ${after} after it`,
	);

	await kube.close();
	const kept = await objectsInBucket();
	check((await push(one, { cluster: NAME, reason: 'schedule' })) === 503, 'a cluster that cannot be reached is answered with 503');
	const trouble = lines().find(({ outcome }) => outcome === 'retry');
	check(/was not collected: GET \/api/.test(String(trouble?.['message'])), `the log says why: ${trouble?.['message']}`);
	check((await objectsInBucket()).join() === kept.join(), 'and its snapshots stay');
	check(
		(await push(one, { cluster: 'c' })) === 204 && outcomes().includes('refused'),
		'what nobody understands is acknowledged, with an error in the log',
	);

	const plain = await Promise.all(
		kept
			.filter((name) => name.endsWith('.gz'))
			.map(async (name) => {
				const answer = await fetch(`${gcs}/storage/v1/b/${bucket}/o/${encodeURIComponent(`clusters/p/europe-west1/c/${name}`)}?alt=media`);
				return gunzipSync(Buffer.from(await answer.arrayBuffer())).toString();
			}),
	);
	const everything = [...plain, ...instances.map((instance) => instance.text()), JSON.stringify(lines()), JSON.stringify(snapshots)].join(
		'\n',
	);
	check(plain.length === 2 && !everything.includes(SECRET), 'no planted secret in snapshots, logs or rows');
} finally {
	for (const instance of instances) await instance.stop();
	await kube.close();
	gke.closeAllConnections();
	gke.close();
	await emulator.remove();
	await artefact.remove();
}
finish();

/**
 * `npm run test:delivery [-- --minutes N]`: from a denied entry to Slack through what is deployed. Pub/Sub's emulator pushes entries to the
 * built `ingest`, whose flagged rows ask the built `snapshot` for the state after them; the built `alert` is called as by Cloud Scheduler; a
 * bucket, BigQuery's emulator and Slack are servers on loopback, GKE's API and the clusters' API server stand-ins. Every problem begins at a
 * time of its own and comes again as a client that retries. Without `--minutes` a run comes every few seconds and some of them are killed; with
 * it everything is as it is by default, a run a minute, and what is measured is how long each problem takes from its first entry to Slack.
 *
 * Needs PUBSUB_EMULATOR_HOST, GCS_API_ENDPOINT and BIGQUERY_EMULATOR_HOST.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { readSchemas } from '../../functions/adapters/schemas.ts';
import { hardware } from '../bench/figures.ts';
import { createRandom } from '../random.ts';
import { createEmulator } from '../sql/emulator.ts';
import { installArtefact, type Running } from './artefact.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from './certificate.ts';
import { createChecks } from './checks.ts';
import { type RawObject, startKubeApi } from './kube-api.ts';
import { startSlack } from './slack.ts';

const { PUBSUB_EMULATOR_HOST: pubsub, GCS_API_ENDPOINT: gcs, BIGQUERY_EMULATOR_HOST: host } = process.env;
if (!pubsub || !gcs || !host) {
	console.log('skipped: test/servers/alerts.ts needs PUBSUB_EMULATOR_HOST, GCS_API_ENDPOINT and BIGQUERY_EMULATOR_HOST');
	console.log('0 passed, 0 failed');
	process.exit();
}

const { values } = parseArgs({ options: { minutes: { type: 'string' } } });
const measures = values.minutes !== undefined;
const SEED = 20261125;
/** A run, and a collection on schedule, each so often. */
const EVERY_MS = measures ? 60_000 : 3000;
const COLLECT_MS = measures ? 300_000 : 6000;
const DURATION_MS = measures ? Number(values.minutes) * 60_000 : 24_000;
/** The last that begins is told of within these. */
const AFTER_MS = measures ? 150_000 : 20_000;
/** A connection that is not answered is tried again after so many seconds, by TCP's own rule. */
const RETRIES_S = measures ? [0, 1, 3, 7, 15, 31, 63] : [0, 1, 3, 7];
const CLUSTERS = ['prod', 'staging', 'edge', 'lab'];
const PROBLEMS = measures ? 40 : 16;
const SECRET = 'planted-secret';

const clusterOf = (index: number): string => CLUSTERS[index % CLUSTERS.length] as string;
const nameOf = (cluster: string): string => `projects/p/locations/europe-west1/clusters/${cluster}`;
const topicOf = (what: string): string => `projects/p/topics/${what}-${process.pid}`;

const { check, finish } = createChecks();
const random = createRandom(SEED);

async function call(url: string, method: string, body: object = {}): Promise<unknown> {
	const response = await fetch(url, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
	const text = await response.text();
	if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text.slice(0, 500)}`);
	return text === '' ? undefined : JSON.parse(text);
}

const publish = (what: string, document: object): Promise<unknown> =>
	call(`http://${pubsub}/v1/${topicOf(what)}:publish`, 'POST', {
		messages: [{ data: Buffer.from(JSON.stringify(document)).toString('base64') }],
	});

/** The clusters are alike: a client, and servers whose policies admit the whole range of Pods by its addresses. */
const pod = (name: string, ip: string): RawObject =>
	({
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { name, namespace: 'shop', labels: { app: name } },
		spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
		status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] },
	}) as RawObject;
const policy = (name: string): RawObject =>
	({
		apiVersion: 'networking.k8s.io/v1',
		kind: 'NetworkPolicy',
		metadata: { name: `to-${name}`, namespace: 'shop' },
		spec: {
			podSelector: { matchLabels: { app: name } },
			policyTypes: ['Ingress'],
			ingress: [{ from: [{ ipBlock: { cidr: '10.4.0.0/14' } }] }],
		},
	}) as RawObject;
const serverIp = (index: number): string => `10.4.1.${index + 1}`;
const servers = Array.from({ length: PROBLEMS }, (_, index) => `server-${index}`);
const objects = [
	{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } },
	pod('client', '10.4.0.1'),
	...servers.map((name, index) => pod(name, serverIp(index))),
	...servers.map(policy),
];

const describeCluster = (name: string, endpoint: string): object => ({
	name,
	location: 'europe-west1',
	selfLink: `https://container.googleapis.com/v1/${nameOf(name)}`,
	clusterIpv4Cidr: '10.4.0.0/14',
	networkConfig: { datapathProvider: 'ADVANCED_DATAPATH' },
	controlPlaneEndpointsConfig: { dnsEndpointConfig: { endpoint, allowExternalTraffic: true } },
	masterAuth: { clusterCaCertificate: Buffer.from(CERTIFICATE).toString('base64') },
});

let entries = 0;

/** A denial of now. */
function entryOf(index: number): object {
	const timestamp = new Date().toISOString();
	return {
		insertId: `entry-${++entries}`,
		jsonPayload: {
			connection: {
				src_ip: '10.4.0.1',
				src_port: 40_000 + entries,
				dest_ip: serverIp(index),
				dest_port: 5432,
				protocol: 'tcp',
				direction: 'ingress',
			},
			disposition: 'deny',
			count: 1,
			node_name: 'n',
			src: { pod_name: 'client', pod_namespace: 'shop' },
			dest: { pod_name: servers[index], pod_namespace: 'shop' },
		},
		resource: {
			type: 'k8s_node',
			labels: { project_id: 'p', location: 'europe-west1', cluster_name: clusterOf(index), node_name: 'n' },
		},
		timestamp,
		logName: 'projects/p/logs/policy-action',
		receiveTimestamp: timestamp,
	};
}

interface Begun {
	readonly policy: string;
	readonly atMs: number;
}

const begun: Begun[] = [];

async function begin(index: number, afterMs: number): Promise<void> {
	await sleep(afterMs);
	begun.push({ policy: `shop/to-${servers[index]}`, atMs: Date.now() });
	let at = 0;
	for (const second of RETRIES_S) {
		await sleep((second - at) * 1000);
		at = second;
		await publish('entries', entryOf(index));
	}
}

const percentile = (sorted: readonly number[], share: number): number =>
	sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;

const kube = await startKubeApi({ objects, tls: { cert: CERTIFICATE, key: CERTIFICATE_KEY } });
const gke = createServer((request, response) => {
	const name = /clusters\/([a-z]+)/.exec(request.url ?? '')?.[1] ?? '';
	response.setHeader('content-type', 'application/json');
	response.end(JSON.stringify(describeCluster(name, new URL(kube.url).host)));
});
await new Promise<void>((resolve) => gke.listen(0, '127.0.0.1', resolve));
const slack = await startSlack();
const bucket = `alerts-${process.pid}`;
const emulator = await createEmulator({ host, project: process.env['BIGQUERY_EMULATOR_PROJECT'] ?? 'test-project' }, await readSchemas());
const artefacts = {
	ingest: await installArtefact('ingest'),
	snapshot: await installArtefact('snapshot'),
	alert: await installArtefact('alert'),
};
const running: Running[] = [];

try {
	await call(`${gcs}/storage/v1/b?project=p`, 'POST', { name: bucket });
	for (const what of ['entries', 'requests']) await call(`http://${pubsub}/v1/${topicOf(what)}`, 'PUT');
	const common = { SNAPSHOTS: `gs://${bucket}`, DATASET: emulator.dataset, GCS_API_ENDPOINT: gcs, BIGQUERY_EMULATOR_HOST: host };
	const ingest = await artefacts.ingest.start({ ...common, PUBSUB_EMULATOR_HOST: pubsub, SNAPSHOT_TOPIC: topicOf('requests') });
	running.push(ingest);
	const snapshot = await artefacts.snapshot.start({
		...common,
		GKE_API_ENDPOINT: `http://127.0.0.1:${(gke.address() as AddressInfo).port}`,
	});
	running.push(snapshot);
	const alertEnv = {
		DATASET: emulator.dataset,
		BIGQUERY_EMULATOR_HOST: host,
		SLACK_TOKEN: slack.token,
		SLACK_CHANNEL: slack.channel,
		SLACK_API_ENDPOINT: slack.apiEndpoint,
		...(!measures && { ALERT_GROUP_WAIT_SECONDS: '1' }),
	};
	let alert = await artefacts.alert.start(alertEnv);
	running.push(alert);
	for (const [what, { url }] of [
		['entries', ingest],
		['requests', snapshot],
	] as const)
		await call(`http://${pubsub}/v1/projects/p/subscriptions/${what}-${process.pid}`, 'PUT', {
			topic: topicOf(what),
			ackDeadlineSeconds: 60,
			pushConfig: { pushEndpoint: url },
		});
	const collectAll = (): Promise<unknown> =>
		Promise.all(CLUSTERS.map((cluster) => publish('requests', { cluster: nameOf(cluster), reason: 'schedule' })));
	const lines = () => running.flatMap((one) => one.lines());
	const collected = () => lines().filter(({ outcome }) => outcome === 'changed' || outcome === 'first' || outcome === 'unchanged').length;
	await collectAll();
	for (let tries = 0; collected() < CLUSTERS.length && tries < 300; tries++) await sleep(100);
	check(collected() >= CLUSTERS.length, `${collected()} collections before the first entry`);

	const startMs = Date.now();
	const endMs = startMs + DURATION_MS + AFTER_MS;
	const beginnings = servers.map((_, index) => begin(index, random.next() * DURATION_MS));
	const answers: number[] = [];
	let kills = 0;
	const schedule = async (everyMs: number, work: () => Promise<unknown>): Promise<void> => {
		for (let at = startMs + everyMs; at <= endMs; at += everyMs) {
			await sleep(Math.max(0, at - Date.now()));
			await work();
		}
	};
	const runAlert = async (): Promise<void> => {
		// Killed while Slack has not answered yet: claimed, not noted.
		const kill = !measures && kills < 2 && begun.length >= 6 * (kills + 1);
		if (kill) {
			kills++;
			await slack.fault({ kind: 'hang' });
			const dying = fetch(alert.url, { method: 'POST' }).catch(() => undefined);
			const before = slack.attempts.length;
			for (let tries = 0; slack.attempts.length === before && tries < 100; tries++) await sleep(50);
			await alert.stop('SIGKILL');
			await dying;
			await slack.fault(undefined);
			// What would take five minutes: its claims are no more.
			await emulator.query(
				`UPDATE \`${emulator.dataset}.alerts_v1\` SET claimed_at = TIMESTAMP_SUB(claimed_at, INTERVAL 6 MINUTE) WHERE posted_at IS NULL`,
			);
			alert = await artefacts.alert.start(alertEnv);
			running.push(alert);
			return;
		}
		const twins = !measures && random.below(3) === 0 ? 2 : 1;
		const statuses = await Promise.all(
			Array.from({ length: twins }, () => fetch(alert.url, { method: 'POST' }).then(({ status }) => status)),
		);
		answers.push(...statuses);
	};
	await Promise.all([...beginnings, schedule(EVERY_MS, runAlert), schedule(COLLECT_MS, collectAll)]);

	const textsOf = slack.messages.map(({ body, atMs }) => ({ atMs, text: JSON.stringify(body) }));
	const isNamed = (text: string, name: string): boolean => new RegExp(`${name}(?![0-9])`).test(text);
	const told = begun.map((problem) => ({
		...problem,
		messages: textsOf.filter(({ text }) => isNamed(text, problem.policy)),
	}));
	const untold = told.filter(({ messages }) => messages.length === 0);
	const twice = told.filter(({ messages }) => messages.length > 1);
	check(begun.length === PROBLEMS, `${PROBLEMS} problems began, ${entries} entries`);
	check(untold.length === 0, `${untold.length} problems of which Slack was not told${untold[0] ? `, such as ${untold[0].policy}` : ''}`);
	check(twice.length === 0, `${twice.length} told of twice${twice[0] ? `, such as ${twice[0].policy}` : ''}`);
	check(
		answers.every((status) => status === 200),
		`${answers.length} runs: ${[...new Set(answers)].join(' ')}`,
	);
	if (!measures) check(kills === 2, `${kills} runs were killed between claim and post`);
	check(
		slack.attempts.every(({ answer }) => answer === '200' || answer === 'ok' || /^(200|hang|no answer)/.test(answer)),
		`Slack answered ${[...new Set(slack.attempts.map(({ answer }) => answer))].join(', ')}`,
	);
	const rows = await emulator.query(`SELECT finding, COUNT(*) AS entries FROM \`${emulator.dataset}.verdicts\` GROUP BY finding`);
	check(rows.length === 1 && rows[0]?.['finding'] === 'void-rule', `findings: ${JSON.stringify(rows)}`);
	const everything = [...running.map((one) => one.text()), JSON.stringify(lines()), JSON.stringify(rows)].join('\n');
	check(!everything.includes(slack.token) && !everything.includes(SECRET), 'no token in logs or rows');
	const took = told.flatMap(({ atMs, messages }) => (messages[0] ? [(messages[0].atMs - atMs) / 1000] : [])).sort((a, b) => a - b);
	const [p50, p90, worst] = [percentile(took, 0.5), percentile(took, 0.9), took.at(-1) ?? Number.NaN];
	const runs = alert
		.lines()
		.flatMap(({ took_ms }) => (typeof took_ms === 'number' ? [took_ms] : []))
		.sort((a, b) => a - b);
	console.log(
		`from the first entry of a problem to its message, ${took.length} problems, ${slack.messages.length} messages: p50 ${p50.toFixed(1)} s, p90 ${p90.toFixed(1)} s, worst ${worst.toFixed(1)} s; a run takes ${percentile(runs, 0.5)} ms (median), ${runs.at(-1)} ms at most`,
	);
	if (measures) {
		const { cpu, cores, memoryGb, platform, node } = hardware();
		console.log(
			`${cpu}, ${cores} cores, ${memoryGb} GB, ${platform}, Node ${node}, seed ${SEED}; state unchanged, defaults, a run a minute`,
		);
		check(p50 <= 60, `p50 ${p50.toFixed(1)} s, at most 60`);
		check(worst <= 120, `worst ${worst.toFixed(1)} s, at most 120`);
	}
	if (untold.length > 0 || twice.length > 0) for (const line of alert.lines().slice(-20)) console.log(JSON.stringify(line).slice(0, 600));
} finally {
	for (const one of running) await one.stop();
	await kube.close();
	gke.closeAllConnections();
	gke.close();
	await slack.close();
	await emulator.remove();
	for (const artefact of Object.values(artefacts)) await artefact.remove();
}
finish();

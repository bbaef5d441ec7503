/**
 * `npm run test:servers`: entries through the real servers. Pub/Sub's emulator pushes to the built artefact, which finds its snapshot in a
 * GCS server and writes to BigQuery's emulator. Every good entry must be in the view `verdicts` exactly once with the right finding, every
 * malformed one in `rejects`. Needs PUBSUB_EMULATOR_HOST, GCS_API_ENDPOINT and BIGQUERY_EMULATOR_HOST, and skips where one is missing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterFolder, formatLatest, LATEST_NAME, snapshotName } from '../../functions/adapters/bucket/names.ts';
import { readSchemas } from '../../functions/adapters/schemas.ts';
import { createEmulator } from '../sql/emulator.ts';
import { installArtefact, type Running } from './artefact.ts';
import { createChecks } from './checks.ts';
import { CLUSTER, generateMessages, type Published, SEEN_UNTIL, SNAPSHOT_ID, snapshotBytes, VALID_FROM } from './messages.ts';

const MESSAGES = 2000;
/** A subscription of the emulator has one or two pushes under way, so that several are needed. */
const TOPICS = 8;
const WAIT_MS = 180_000;

const { PUBSUB_EMULATOR_HOST: pubsub, GCS_API_ENDPOINT: gcs, BIGQUERY_EMULATOR_HOST: host } = process.env;
if (!pubsub || !gcs || !host) {
	console.log('skipped: test/servers/pipeline.ts needs PUBSUB_EMULATOR_HOST, GCS_API_ENDPOINT and BIGQUERY_EMULATOR_HOST');
	console.log('0 passed, 0 failed');
	process.exit();
}

async function call(url: string, method: string, body: string | Buffer, type = 'application/json'): Promise<void> {
	const response = await fetch(url, { method, body: new Uint8Array(Buffer.from(body)), headers: { 'content-type': type } });
	const text = await response.text();
	if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text.slice(0, 500)}`);
}

/** The bucket with the one snapshot of the cluster. */
async function fillBucket(bucket: string): Promise<void> {
	await call(`${gcs}/storage/v1/b?project=p`, 'POST', JSON.stringify({ name: bucket }));
	const folder = clusterFolder(CLUSTER) ?? '';
	const upload = (name: string, bytes: string | Buffer, type: string) =>
		call(`${gcs}/upload/storage/v1/b/${bucket}/o?uploadType=media&name=${encodeURIComponent(folder + name)}`, 'POST', bytes, type);
	const name = snapshotName(VALID_FROM);
	await upload(name, snapshotBytes(), 'application/gzip');
	await upload(LATEST_NAME, formatLatest({ name, id: SNAPSHOT_ID, seenUntil: SEEN_UNTIL }), 'application/json');
}

const topicOf = (index: number): string => `projects/p/topics/entries-${process.pid}-${index}`;

async function subscribe(url: string): Promise<void> {
	for (let index = 0; index < TOPICS; index++) {
		await call(`http://${pubsub}/v1/${topicOf(index)}`, 'PUT', '{}');
		const subscription = { topic: topicOf(index), ackDeadlineSeconds: 60, pushConfig: { pushEndpoint: url } };
		await call(`http://${pubsub}/v1/projects/p/subscriptions/entries-${process.pid}-${index}`, 'PUT', JSON.stringify(subscription));
	}
}

/** One in ten is published twice. */
async function publish(messages: readonly Published[]): Promise<number> {
	const all = messages.flatMap((message, index) => (index % 10 === 3 ? [message, message] : [message]));
	for (let topic = 0; topic < TOPICS; topic++) {
		const batch = all.filter((_, index) => index % TOPICS === topic).map(({ data }) => ({ data: Buffer.from(data).toString('base64') }));
		await call(`http://${pubsub}/v1/${topicOf(topic)}:publish`, 'POST', JSON.stringify({ messages: batch }));
	}
	return all.length;
}

/** The replies to one batch, as BigQuery reads them. */
async function judgeAgain(url: string, calls: readonly (readonly unknown[])[]): Promise<readonly string[]> {
	const body = JSON.stringify({
		requestId: '1',
		caller: '//bigquery.googleapis.com/projects/p/jobs/j',
		sessionUser: 'u@example.com',
		calls,
	});
	const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
	const text = await response.text();
	if (!response.ok) throw new Error(`rejudge: ${response.status} ${text.slice(0, 500)}`);
	return (JSON.parse(text) as { readonly replies: readonly string[] }).replies;
}

const { check, problems, finish } = createChecks();

const started = Date.now();
const artefact = await installArtefact('ingest');
const remote = await installArtefact('rejudge');
const emulator = await createEmulator({ host, project: process.env['BIGQUERY_EMULATOR_PROJECT'] ?? 'test-project' }, await readSchemas());
const bucket = `snapshots-${process.pid}`;
let running: Running | undefined;
let answering: Running | undefined;
try {
	await fillBucket(bucket);
	const env = { SNAPSHOTS: `gs://${bucket}`, DATASET: emulator.dataset, GCS_API_ENDPOINT: gcs };
	running = await artefact.start({ ...env, BIGQUERY_EMULATOR_HOST: host, LOG_LINES_PER_SECOND: '100000' });
	answering = await remote.start(env);
	await subscribe(running.url);
	const messages = generateMessages(MESSAGES, 20261125);
	const published = await publish(messages);
	const { lines } = running;
	const ended = () => lines().filter(({ outcome }) => outcome === 'ok' || outcome === 'reject').length;
	while (ended() < published && Date.now() - started < WAIT_MS) await sleep(200);
	console.log(`${published} messages published, ${ended()} ended in ${((Date.now() - started) / 1000).toFixed(0)} s`);

	const good = messages.filter(({ finding }) => finding !== 'reject');
	const verdicts = await emulator.query(
		`SELECT insert_id, finding, snapshot_id, summary, TO_JSON_STRING(entry) AS logged FROM \`${emulator.dataset}.verdicts\``,
	);
	const seen = Map.groupBy(verdicts, ({ insert_id }) => String(insert_id));
	const lost = good.filter(({ key }) => !seen.has(key)).length;
	const doubled = [...seen.values()].filter((rows) => rows.length > 1).length;
	check(lost === 0, `${good.length} good entries in verdicts, ${lost} lost`);
	check(doubled === 0 && verdicts.length === good.length, `${doubled} doubled, ${verdicts.length} rows in the view`);
	const wrong = good.filter(({ key, finding }) => seen.get(key)?.[0]?.['finding'] !== finding);
	check(wrong.length === 0, `${wrong.length} with another finding than expected${wrong[0] ? `, such as ${wrong[0].key}` : ''}`);
	check(
		verdicts.every(({ snapshot_id }) => snapshot_id === SNAPSHOT_ID),
		'all judged by the snapshot of the bucket',
	);
	// What the table holds of an entry is what a query would send to the remote function.
	let same = 0;
	for (let from = 0; from < verdicts.length; from += 500) {
		const some = verdicts.slice(from, from + 500);
		for (const [index, reply] of (
			await judgeAgain(
				answering.url,
				some.map(({ logged }) => [logged]),
			)
		).entries()) {
			const [row, known] = [JSON.parse(reply) as Record<string, unknown>, some[index] ?? {}];
			if (['insert_id', 'finding', 'snapshot_id', 'summary'].every((column) => row[column] === known[column])) same++;
		}
	}
	check(same === good.length, `${same} of ${good.length} judged again, by the built remote function, as they were`);
	const rejects = await emulator.query(`SELECT message_id, raw FROM \`${emulator.dataset}.rejects\``);
	// BYTES come back encoded twice: the emulator stores what was sent as it is.
	const decode = (text: string): string => Buffer.from(text, 'base64').toString();
	const raws = rejects.map(({ raw }) => decode(decode(String(raw))));
	const bad = messages.filter(({ finding }) => finding === 'reject');
	const missing = bad.filter(({ data }) => !raws.includes(data));
	check(missing.length === 0, `${bad.length} malformed messages in rejects, ${missing.length} lost`);
	check(rejects.length === new Set(rejects.map(({ message_id }) => message_id)).size, `${rejects.length} rejects, each message once`);
	const unexpected = lines().filter(({ outcome }) => outcome === 'retry');
	check(
		unexpected.length === 0,
		`${unexpected.length} messages that had to be delivered again${unexpected[0] ? `: ${JSON.stringify(unexpected[0]).slice(0, 300)}` : ''}`,
	);
} finally {
	await running?.stop();
	await answering?.stop();
	await emulator.remove();
	await artefact.remove();
	await remote.remove();
}
console.log(`${MESSAGES} messages: ${problems.length === 0 ? 'nothing lost, nothing doubled' : problems.join('; ')}`);
finish();

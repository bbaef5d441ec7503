import * as assert from 'uvu/assert';
import { type Config, parseConfig } from '../functions/config.ts';
import { DEFAULT_CANDIDATES, maskOf } from '../functions/policy/semantics.ts';
import { describe } from './describe.ts';

const good = { SNAPSHOTS: 'gs://my-bucket', DATASET: 'my-project.audit' };

function config(env: Record<string, string>): Config {
	const parsed = parseConfig(env);
	if (parsed.kind === 'refused') throw new Error(parsed.problems.join('; '));
	return parsed.config;
}

function problems(env: Record<string, string>): readonly string[] {
	const parsed = parseConfig(env);
	return parsed.kind === 'refused' ? parsed.problems : [];
}

describe('parseConfig', (it) => {
	it('reads what is needed, and has a default for the rest', () =>
		assert.equal(config(good), {
			bucket: { bucket: 'my-bucket', prefix: '', apiEndpoint: undefined },
			dataset: { projectId: 'my-project', datasetId: 'audit', apiEndpoint: undefined },
			snapshotTopic: undefined,
			gkeApiEndpoint: undefined,
			candidates: DEFAULT_CANDIDATES,
			keepConfirmed: 1,
			patienceMs: 50_000,
			group: { lingerMs: 20, maxRows: 500, maxBytes: 5_000_000, maxInserts: 4, queueRows: 10_000, queueBytes: 64_000_000 },
			logLinesPerSecond: 50,
		}));

	it('reads folders, domains, emulators and a topic', () => {
		const endpoints = { GCS_API_ENDPOINT: 'http://127.0.0.1:1', BIGQUERY_EMULATOR_HOST: '127.0.0.1:2' };
		const { bucket, dataset } = config({ SNAPSHOTS: 'gs://my-bucket/a/b/', DATASET: 'example.com:my-project.a_1', ...endpoints });
		assert.equal(bucket, { bucket: 'my-bucket', prefix: 'a/b', apiEndpoint: 'http://127.0.0.1:1' });
		assert.equal(dataset, { projectId: 'example.com:my-project', datasetId: 'a_1', apiEndpoint: 'http://127.0.0.1:2' });
		const SNAPSHOT_TOPIC = 'projects/p-1/topics/snapshot-requests';
		assert.is(config({ ...good, SNAPSHOT_TOPIC }).snapshotTopic, SNAPSHOT_TOPIC);
		assert.match(problems({ ...good, SNAPSHOT_TOPIC: 'snapshot-requests' })[0] ?? '', /SNAPSHOT_TOPIC is no topic/);
	});

	it('reads what is kept of confirmed traffic', () => {
		const read = (KEEP_CONFIRMED: string): number => config({ ...good, KEEP_CONFIRMED }).keepConfirmed;
		assert.equal(['', 'all', 'none', '1/1', '1/100'].map(read), [1, 1, 0, 1, 100]);
		for (const wrong of ['some', '1/0', '0.1', '10%', '1/1000000', '2/3'])
			assert.match(problems({ ...good, KEEP_CONFIRMED: wrong })[0] ?? '', /^KEEP_CONFIRMED cannot be read .*: what is kept/, wrong);
	});

	it('reads the bounds of groups and patience', () => {
		const env = {
			PATIENCE_SECONDS: '9',
			LINGER_MS: '0',
			GROUP_ROWS: '1',
			GROUP_BYTES: '1000',
			INSERTS: '2',
			QUEUE_ROWS: '3',
			QUEUE_BYTES: '4000',
		};
		const { patienceMs, group } = config({ ...good, ...env });
		assert.equal([patienceMs, ...Object.values(group)], [9000, 0, 1, 1000, 2, 3, 4000]);
	});

	it('refuses numbers that are none or out of bounds, and places that are none', () => {
		for (const [name, value] of [
			['LINGER_MS', '1001'],
			['LINGER_MS', '-1'],
			['LINGER_MS', 'x'],
			['LINGER_MS', '1.5'],
			['GROUP_ROWS', '0'],
			['GROUP_BYTES', '10000000'],
			['PATIENCE_SECONDS', '591'],
		] as const)
			assert.match(problems({ ...good, [name]: value }).join('; '), new RegExp(`^${name}`), `${name}=${value}`);
		for (const DATASET of ['audit', 'p.audit', 'my-project.', 'my-project:audit', 'my-project.a-b'])
			assert.match(problems({ ...good, DATASET })[0] ?? '', /DATASET cannot be read/, DATASET);
		for (const SNAPSHOTS of ['gs://', 'gs://A', 'gs://a/', 'snapshots'])
			assert.match(problems({ ...good, SNAPSHOTS })[0] ?? '', /SNAPSHOTS cannot be read/, SNAPSHOTS);
	});

	it('reads candidates in any order', () => {
		assert.is(config({ ...good, CANDIDATES: 'cilium-1.20, cilium-1.16' }).candidates, maskOf(['cilium-1.16', 'cilium-1.20']));
	});

	it('takes an empty variable for none', () => assert.is(config({ ...good, CANDIDATES: '' }).candidates, DEFAULT_CANDIDATES));

	it('names everything that is wrong at once', () => {
		const found = problems({ SNAPSHOTS: '', CANDIDATES: 'calico,cilium-2' });
		assert.equal(
			found.map((problem) => problem.split(/[ :]/)[0]),
			['SNAPSHOTS', 'DATASET', 'CANDIDATES'],
		);
		assert.match(found[2] ?? '', /"calico", "cilium-2" are no candidates for Dataplane V2; choose among cilium-1\.12/);
	});
});

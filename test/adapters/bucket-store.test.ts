import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { openBucket } from '../../functions/adapters/bucket/objects.ts';
import { createBucketSnapshots, createBucketStore } from '../../functions/adapters/bucket.ts';
import type { SnapshotStore } from '../../functions/ports.ts';
import { encodeSnapshot } from '../../functions/snapshot/canonical.ts';
import { saveCollected } from '../../functions/snapshot/store.ts';
import { describe } from '../describe.ts';
import { stateOf } from '../snapshot/kept.ts';
import { startSlowLine } from './bucket/slow-line.ts';
import { at, CLUSTER, FOLDER, snapshotAt } from './bucket/store.ts';

const configured = process.env['GCS_API_ENDPOINT'];

describe('bucket store: Google Cloud Storage', (it) => {
	if (configured === undefined) {
		console.log(
			'skipped: test/adapters/bucket-store.test.ts writes to a bucket where GCS_API_ENDPOINT names a server of Google Cloud Storage',
		);
		return;
	}
	const apiEndpoint = configured;

	async function createFixture() {
		const { Storage } = await import('@google-cloud/storage');
		const bucket = `store-${randomUUID()}`;
		const client = new Storage({ apiEndpoint, projectId: 'p' }).bucket(bucket);
		await client.create();
		const lines: object[] = [];
		const options = {
			bucket,
			apiEndpoint,
			projectId: 'p',
			now: () => new Date(at('06:00:00')),
			log: (line: object) => void lines.push(line),
		};
		const store: SnapshotStore = createBucketStore(options);
		const list = () => openBucket(options).list(FOLDER, { from: '', until: '~' });
		/** The snapshot of a time, as who judges finds it. */
		const find = async (time: string) =>
			createBucketSnapshots({ ...options, maxObjectBytes: 1_000_000, freshMs: 0 }).find(CLUSTER, at(time));
		const save = (name: string, time: string) => saveCollected(store, { cluster: CLUSTER, state: stateOf(name), collectedAt: at(time) });
		return { bucket, client, store, list, find, save, lines };
	}

	it('of twenty who write one snapshot, or replace the newest, one wins', async () => {
		const { client, store, list } = await createFixture();
		const snapshots = Array.from({ length: 20 }, (_, index) => Buffer.from(`snapshot ${index}`));
		const written = await Promise.all(snapshots.map((bytes) => store.write(CLUSTER, { validFrom: at('05:00:00'), bytes })));
		assert.is(written.filter(Boolean).length, 1);
		const [content] = await client.file(`${FOLDER}2026-03-04T050000Z.json.gz`).download();
		assert.equal(content, snapshots[written.indexOf(true)]);
		const { version } = await store.readNewest(CLUSTER);
		for (const before of [version, undefined]) {
			const from = before ?? (await store.readNewest(CLUSTER)).version;
			const newest = snapshots.map((_, index) => ({ id: `id-${index}`, validFrom: at('05:00:00'), seenUntil: at('05:00:00') }));
			const replaced = await Promise.all(newest.map((one) => store.replaceNewest(CLUSTER, one, from)));
			assert.is(replaced.filter(Boolean).length, 1);
			assert.equal((await store.readNewest(CLUSTER)).newest, newest[replaced.indexOf(true)]);
		}
		assert.equal(await list(), ['2026-03-04T050000Z.json.gz', 'latest.json']);
	});

	it('stores bytes as they are: gzip, without a content encoding', async () => {
		const { client, store } = await createFixture();
		const bytes = encodeSnapshot(snapshotAt('05:00:00'));
		assert.is(await store.write(CLUSTER, { validFrom: at('05:00:00'), bytes }), true);
		const [metadata] = await client.file(`${FOLDER}2026-03-04T050000Z.json.gz`).getMetadata();
		assert.equal([metadata.contentType, metadata.contentEncoding, Number(metadata.size)], ['application/gzip', undefined, bytes.length]);
	});

	it('keeps what is collected, and finds it by time', async () => {
		const { save, find, list, lines } = await createFixture();
		const kinds = [];
		for (const [name, time] of [
			['a', '05:00:00'],
			['a', '05:05:00'],
			['b', '05:10:00'],
			['a', '05:09:00'],
		] as const)
			kinds.push((await save(name, time)).kind);
		assert.equal(kinds, ['changed', 'unchanged', 'changed', 'older']);
		assert.equal(await list(), ['2026-03-04T050000Z.json.gz', '2026-03-04T051000Z.json.gz', 'latest.json']);
		for (const [time, hour] of [
			['05:09:59', '050000'],
			['05:20:00', '051000'],
		] as const) {
			const found = await find(time);
			assert.equal([found?.snapshot.id.includes(hour), found?.stale], [true, false]);
		}
		assert.equal(lines, []);
	});

	it('replaces a newest that cannot be read', async () => {
		const { client, save, store, lines } = await createFixture();
		await client.file(`${FOLDER}latest.json`).save('{"format":9}', { resumable: false });
		const saved = await save('a', '05:00:00');
		assert.equal(
			[saved.kind, (await store.readNewest(CLUSTER)).newest?.id, lines.length],
			['changed', 'newest' in saved && saved.newest.id, 1],
		);
	});

	it('two who save at once leave a newest that is there, round after round', async () => {
		const { save, find, store } = await createFixture();
		for (let round = 0; round < 10; round++) {
			const [one, two] = [`05:${String(10 + round)}:00`, round % 2 === 0 ? `05:${String(10 + round)}:00` : `05:${String(10 + round)}:01`];
			const saved = await Promise.all([save(`a${round}`, one), save(`b${round}`, two)]);
			assert.ok(saved.some(({ kind }) => kind === 'changed'));
			const { newest } = await store.readNewest(CLUSTER);
			const found = await find('06:00:00');
			assert.equal([found?.snapshot.id, newest?.id], [newest?.id, found?.snapshot.id]);
			for (const one of saved)
				if (one.kind === 'changed') assert.is((await find(one.snapshot.validFrom ?? ''))?.snapshot.id, one.snapshot.id);
		}
	});

	it('of twenty who want the lease one gets it, and gives it back', async () => {
		const { store, list, find } = await createFixture();
		const untilMs = Date.parse(at('06:01:00'));
		for (let round = 0; round < 2; round++) {
			const leases = (await Promise.all(Array.from({ length: 20 }, () => store.lease(CLUSTER, untilMs)))).filter((lease) => lease);
			assert.is(leases.length, 1);
			await leases[0]?.release();
		}
		assert.equal([await list(), await find('05:00:00')], [['collecting.json'], undefined]);
	});

	it('killed in the middle of an upload: nothing is half there, and the next one writes it', async () => {
		const { bucket, store, list, save } = await createFixture();
		await save('a', '05:00:00');
		const before = [await list(), await store.readNewest(CLUSTER)];
		const line = await startSlowLine(apiEndpoint, 2 * 1024 * 1024);
		const script = fileURLToPath(new URL('bucket/killed.ts', import.meta.url));
		const child = spawn(process.execPath, [script, line.url, bucket], { stdio: ['ignore', 'pipe', 'inherit'], timeout: 30_000 });
		const said: string[] = [];
		child.stdout.on('data', (text) => said.push(String(text)));
		await Promise.race([line.held, once(child, 'exit')]);
		child.kill('SIGKILL');
		const [, signal] = child.exitCode === null && child.signalCode === null ? await once(child, 'exit') : [null, child.signalCode];
		await line.close();
		// What the server does with what it has takes it a moment.
		await wait(300);
		assert.equal([signal, said], ['SIGKILL', []]);
		assert.equal([await list(), await store.readNewest(CLUSTER)], before);
		assert.is((await save('b', '06:00:00')).kind, 'changed');
	});
});

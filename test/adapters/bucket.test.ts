import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Bucket } from '@google-cloud/storage';
import * as assert from 'uvu/assert';
import { openBucket } from '../../functions/adapters/bucket/objects.ts';
import { type BucketSnapshotsOptions, createBucketSnapshots } from '../../functions/adapters/bucket.ts';
import { encodeSnapshot } from '../../functions/snapshot/canonical.ts';
import { describe } from '../describe.ts';
import { at, CLUSTER, FOLDER, folderOf, latest, pathOf, seen, snapshotAt } from './bucket/store.ts';

const MB = 1024 * 1024;
const first = snapshotAt('05:00:00');
const second = snapshotAt('06:00:00', { previous: seen(first, '05:55:00') });
const third = snapshotAt('07:00:00', { previous: seen(second, '06:58:00') });

/** A source over the bucket, whose clock stands still, and what it logs. */
function open(options: Partial<BucketSnapshotsOptions> & { readonly bucket: string; readonly apiEndpoint: string }) {
	const lines: { object: string; reason: string }[] = [];
	const source = createBucketSnapshots({
		projectId: 'p',
		maxObjectBytes: MB,
		freshMs: 5_000,
		now: () => new Date('2026-03-04T12:00:00Z'),
		log: (line) => lines.push(line),
		...options,
	});
	const find = async (time: string, cluster: { project?: string; location: string; name: string } = CLUSTER) => {
		const found = await source.find(cluster, at(time));
		return found && [found.snapshot.id, found.stale];
	};
	return { find, lines };
}

async function reasonOf(promise: Promise<unknown>): Promise<string> {
	const [result] = await Promise.allSettled([promise]);
	assert.is(result.status, 'rejected');
	const error: unknown = result.status === 'rejected' ? result.reason : undefined;
	assert.instance(error, Error);
	// Whatever else an error of the client holds is not passed on.
	assert.equal([Object.keys(error as Error), (error as Error).cause], [[], undefined]);
	return (error as Error).message;
}

const configured = process.env['GCS_API_ENDPOINT'];

describe('bucket: Google Cloud Storage', (it) => {
	if (configured === undefined) {
		console.log('skipped: test/adapters/bucket.test.ts reads a bucket where GCS_API_ENDPOINT names a server of Google Cloud Storage');
		return;
	}
	const endpoint = configured;

	async function createBucket(objects: ReadonlyMap<string, Buffer | string | Error> = new Map()): Promise<Bucket> {
		const { Storage } = await import('@google-cloud/storage');
		const bucket = new Storage({ apiEndpoint: endpoint, projectId: 'p' }).bucket(`snapshots-${randomUUID()}`);
		await bucket.create();
		for (const [name, content] of objects) await bucket.file(name).save(content as Buffer | string, { resumable: false });
		return bucket;
	}
	const openFresh = async (objects: ReadonlyMap<string, Buffer | string | Error>) =>
		open({ bucket: (await createBucket(objects)).name, apiEndpoint: endpoint });

	it('finds the snapshot of a moment', async () => {
		const { find, lines } = await openFresh(folderOf([first, second, third], '08:00:00'));
		assert.equal(await find('07:30:00'), [third.id, false]);
		assert.equal(await find('08:30:00'), [third.id, true]);
		assert.equal(await find('06:30:00'), [second.id, false]);
		assert.equal(await find('05:30:00'), [first.id, false]);
		assert.is(await find('04:30:00'), undefined);
		assert.is(await find('07:30:00', { ...CLUSTER, name: 'd' }), undefined);
		assert.equal(await find('07:30:00', { location: 'l', name: 'c' }), [third.id, false]);
		assert.equal(lines, []);
	});

	it('answers many at once', async () => {
		const { find } = await openFresh(folderOf([first, second, third], '08:00:00'));
		const found = await Promise.all(Array.from({ length: 100 }, (_, index) => find(index % 2 === 0 ? '07:30:00' : '05:30:00')));
		assert.equal(
			found.map((one) => one?.[0]),
			found.map((_, index) => (index % 2 === 0 ? third.id : first.id)),
		);
	});

	it('passes over bad objects: cut off, a bomb, too large, empty', async () => {
		const [fourth, fifth, sixth] = [snapshotAt('08:00:00'), snapshotAt('09:00:00'), snapshotAt('10:00:00')];
		const objects = folderOf([first, second, third, fourth, fifth, sixth], '11:00:00')
			.set(pathOf(third), encodeSnapshot(third).subarray(0, -9))
			.set(pathOf(fourth), gzipSync(Buffer.alloc(50 * MB)))
			.set(pathOf(fifth), Buffer.alloc(2 * MB, 0x20))
			.set(pathOf(sixth), '');
		const { find, lines } = await openFresh(objects);
		assert.equal(await find('10:30:00'), [second.id, true]);
		assert.equal(
			lines.map(({ object, reason }) => [object, reason]),
			[
				[pathOf(sixth), 'is empty'],
				[pathOf(fifth), `is larger than ${MB} bytes`],
				[pathOf(fourth), `is larger than ${MB} bytes`],
				[pathOf(third), 'is not complete gzip'],
			],
		);
	});

	it('reads what was stored with a content encoding, and names with special characters', async () => {
		const cluster = { project: 'example.com:p', location: 'l', name: 'a/../b%41 é' };
		const snapshot = snapshotAt('05:00:00', { cluster });
		const folder = 'audit/clusters/example.com~003ap/l/a~002f..~002fb~002541~0020~00e9/';
		const bucket = await createBucket(new Map([[`${folder}latest.json`, latest(snapshot, '06:00:00')]]));
		await bucket.file(pathOf(snapshot).replace(FOLDER, folder)).save(encodeSnapshot(snapshot), {
			resumable: false,
			metadata: { contentEncoding: 'gzip', contentType: 'application/json' },
		});
		const { find, lines } = open({ bucket: bucket.name, apiEndpoint: endpoint, prefix: 'audit' });
		assert.equal([await find('05:30:00', cluster), lines], [[snapshot.id, false], []]);
	});

	it('passes over what is stored with a content encoding that it has not', async () => {
		const bucket = await createBucket(folderOf([first, second], '08:00:00'));
		const metadata = { contentEncoding: 'gzip', contentType: 'application/json' };
		for (const content of [encodeSnapshot(second).subarray(0, -30), Buffer.from('hello'), gzipSync(Buffer.alloc(50 * MB))]) {
			await bucket.file(pathOf(second)).save(content, { resumable: false, metadata });
			const { find, lines } = open({ bucket: bucket.name, apiEndpoint: endpoint });
			assert.equal(await find('07:30:00'), [first.id, true]);
			assert.match(lines.map(({ reason }) => reason).join(), /^is (not complete gzip|larger than 1048576 bytes|not JSON in UTF-8)$/);
		}
	});

	it('lists page after page, and no further than it must', async () => {
		const names = Array.from({ length: 30 }, (_, day) => `2026-01-${String(day + 1).padStart(2, '0')}T000000Z.json.gz`);
		const bucket = await createBucket(new Map(names.map((name) => [`f/${name}`, 'x'])));
		const store = openBucket({ bucket: bucket.name, apiEndpoint: endpoint, projectId: 'p' });
		assert.equal(await store.list('f/', { from: '', until: '~' }), names);
		assert.equal(await store.list('f/', { from: '2026-01-10', until: '~' }), names.slice(9));
		assert.equal(await store.list('g/', { from: '', until: '~' }), []);
		assert.equal(await store.read('f/x', 10), { kind: 'missing' });
		assert.equal(await store.read(`f/${names[0]}`, 1), { kind: 'ok', bytes: Buffer.from('x') });
		assert.equal(await store.read(`f/${names[0]}`, 0), { kind: 'too-large' });
	});

	it('rejects where there is no such bucket to list', async () => {
		const store = openBucket({ bucket: `none-${randomUUID()}`, apiEndpoint: endpoint, projectId: 'p' });
		assert.match(await reasonOf(store.list('f/', { from: '', until: '~' })), /^cannot read gs:\/\/none-[^/]+\/f\/: 404 notFound: /);
	});
});

/** Answers every request so, on loopback. */
async function withServer(answer: RequestListener, run: (apiEndpoint: string, requests: string[]) => Promise<void>): Promise<void> {
	const requests: string[] = [];
	const server = createServer((request, response) => {
		requests.push(request.url ?? '');
		answer(request, response);
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	try {
		await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests);
	} finally {
		server.closeAllConnections();
		server.close();
	}
}

const errorBody = (code: number, reason: string, message: string): string =>
	JSON.stringify({ error: { code, message, errors: [{ message, domain: 'global', reason }] } });

describe('bucket: a server in trouble', (it) => {
	const cases: [number, string, RegExp, number][] = [
		[401, 'Invalid Credentials', /: 401 Unauthorized: Invalid Credentials$/, 1],
		[
			403,
			errorBody(403, 'forbidden', 'ingest@p does not have storage.objects.get access'),
			/: 403 forbidden: ingest@p does not have storage\.objects\.get access$/,
			1,
		],
		[404, 'The specified bucket does not exist.', /: 404 Not Found: The specified bucket does not exist\.$/, 1],
		[500, '', /: 500 Internal Server Error$/, 3],
		[503, '<html>try later</html>', /: 503 Service Unavailable: <html>try later<\/html>$/, 3],
	];
	for (const [status, body, complaint, attempts] of cases)
		it(`${status}: rejects, after ${attempts} attempts`, () =>
			withServer(
				(_, response) => response.writeHead(status, { 'content-type': 'text/plain' }).end(body),
				async (apiEndpoint, requests) => {
					const { find, lines } = open({ bucket: 'b', apiEndpoint });
					const message = await reasonOf(find('05:30:00'));
					assert.match(message, complaint);
					assert.ok(message.startsWith(`cannot read gs://b/${FOLDER}latest.json: `), message);
					assert.equal([requests.length, lines], [attempts, []]);
				},
			));

	it('403 to a list: rejects, with the reason that Google gives', () =>
		withServer(
			(_, response) => response.writeHead(403, { 'content-type': 'application/json' }).end(errorBody(403, 'forbidden', 'no list')),
			async (apiEndpoint) => {
				const message = await reasonOf(openBucket({ bucket: 'b', apiEndpoint }).list('f/', { from: '', until: '~' }));
				assert.is(message, 'cannot read gs://b/f/: 403 forbidden: no list');
			},
		));

	it('a long answer, and one that holds a token: 2 KB of it, without the token', () =>
		withServer(
			(_, response) => response.writeHead(403).end(`Authorization: Bearer secret-1 and ya29.secret-2 ${'x'.repeat(100_000)}`),
			async (apiEndpoint) => {
				const message = await reasonOf(open({ bucket: 'b', apiEndpoint }).find('05:30:00'));
				assert.ok(message.length < 2300, `${message.length}`);
				assert.is(message.includes('secret'), false);
			},
		));

	it('no object: there is no snapshot', () =>
		withServer(
			(_, response) => response.writeHead(404).end('No such object: b/clusters/p/l/c/latest.json'),
			async (apiEndpoint) => assert.is(await open({ bucket: 'b', apiEndpoint }).find('05:30:00'), undefined),
		));

	it('no answer, half an answer, and none for the list: rejects in time', () =>
		withServer(
			(request, response) => {
				if (request.url?.includes('half')) response.writeHead(200, { 'content-length': '1000' }).write('x');
			},
			async (apiEndpoint) => {
				const store = openBucket({ bucket: 'b', apiEndpoint, deadlineMs: 300 });
				const started = Date.now();
				const late = await Promise.all(
					[store.read('x', 10), store.read('half', 1000), store.list('f/', { from: '', until: '~' })].map(reasonOf),
				);
				assert.equal(
					late,
					['x', 'half', 'f/'].map((name) => `cannot read gs://b/${name}: no answer in time`),
				);
				assert.ok(Date.now() - started < 2_000);
			},
		));

	it('no credentials: rejects, and asks nobody', async () => {
		const { GOOGLE_APPLICATION_CREDENTIALS: before } = process.env;
		process.env['GOOGLE_APPLICATION_CREDENTIALS'] = '/nowhere/key.json';
		try {
			const store = openBucket({ bucket: 'b', deadlineMs: 200 });
			assert.match(await reasonOf(store.read('x', 10)), /^cannot read gs:\/\/b\/x: .*\/nowhere\/key\.json/);
		} finally {
			if (before === undefined) delete process.env['GOOGLE_APPLICATION_CREDENTIALS'];
			else process.env['GOOGLE_APPLICATION_CREDENTIALS'] = before;
		}
	});

	it('a connection that is cut: rejects', () =>
		withServer(
			(request) => request.socket.destroy(),
			async (apiEndpoint) => {
				assert.match(
					await reasonOf(open({ bucket: 'b', apiEndpoint }).find('05:30:00')),
					/^cannot read gs:\/\/b\/.*latest\.json: fetch failed: /,
				);
			},
		));

	it('pages: follows them to the end, asking for names only', () =>
		withServer(
			(request, response) => {
				const { searchParams } = new URL(request.url ?? '', 'http://h');
				const page = Number(searchParams.get('pageToken') ?? 0);
				const next = page < 4 ? { nextPageToken: `${page + 1}` } : {};
				const items = page === 2 ? {} : { items: [{ name: `f/2026-01-0${page + 1}` }] };
				response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ...items, ...next }));
			},
			async (apiEndpoint, requests) => {
				const store = openBucket({ bucket: 'b', apiEndpoint });
				const [one, two, four, five] = [1, 2, 4, 5].map((day) => `2026-01-0${day}`);
				assert.equal(await store.list('f/', { from: '2026', until: '~' }), [one, two, four, five]);
				const { searchParams, pathname } = new URL(requests[1] ?? '', 'http://h');
				assert.equal(
					[pathname, Object.fromEntries(searchParams)],
					['/storage/v1/b/b/o', { prefix: 'f/', startOffset: 'f/2026', fields: 'items(name),nextPageToken', pageToken: '1' }],
				);
				requests.length = 0;
				assert.equal(await store.list('f/', { from: '2026', until: '2026-01-02' }), [one, two]);
				assert.is(requests.length, 2);
			},
		));
});

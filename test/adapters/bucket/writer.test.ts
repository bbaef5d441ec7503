import * as assert from 'uvu/assert';
import { formatLatest, snapshotName } from '../../../functions/adapters/bucket/names.ts';
import { openBucket } from '../../../functions/adapters/bucket/objects.ts';
import { createTimeline } from '../../../functions/adapters/bucket/timeline.ts';
import { createBucketStore } from '../../../functions/adapters/bucket.ts';
import type { NewestSnapshot } from '../../../functions/ports.ts';
import { encodeSnapshot } from '../../../functions/snapshot/canonical.ts';
import { saveCollected } from '../../../functions/snapshot/store.ts';
import { describe } from '../../describe.ts';
import { stateOf } from '../../snapshot/kept.ts';
import { refusal } from '../refusal.ts';
import { type BucketServer, type ServerFault, startBucketServer } from './server.ts';
import { at, CLUSTER, createFixture, FOLDER, folderOf, snapshotAt } from './store.ts';

const LATEST = `${FOLDER}latest.json`;
const COLLECTING = `${FOLDER}collecting.json`;
const first = snapshotAt('05:00:00');
const NEWEST: NewestSnapshot = { id: first.id, validFrom: at('05:00:00'), seenUntil: at('05:05:00') };
const latest = formatLatest({ name: snapshotName(NEWEST.validFrom), ...NEWEST });

interface Fixture extends BucketServer {
	readonly store: ReturnType<typeof createBucketStore>;
	readonly clock: { ms: number };
	readonly lines: { object: string; reason: string }[];
	put(name: string, content: string | Buffer): string;
}

/** A store over the bucket on loopback. A request that is not answered is tried again soon. */
const withStore =
	(run: (fixture: Fixture) => Promise<void>, more: { prefix?: string; deadlineMs?: number } = {}) =>
	async (): Promise<void> => {
		const server = await startBucketServer();
		const clock = { ms: Date.parse(at('06:00:00')) };
		const lines: Fixture['lines'] = [];
		const log = (line: Fixture['lines'][number]): void => void lines.push(line);
		const now = () => new Date(clock.ms);
		const store = createBucketStore({ bucket: 'b', apiEndpoint: server.url, attemptMs: 100, pausesMs: [10, 20], now, log, ...more });
		let generation = 41;
		function put(name: string, content: string | Buffer): string {
			generation++;
			server.objects.set(name, { bytes: Buffer.from(content), generation });
			return String(generation);
		}
		try {
			await run({ ...server, store, clock, lines, put });
		} finally {
			await server.close();
		}
	};

describe('bucket store: the newest', (it) => {
	it(
		'is what latest.json says, with its generation',
		withStore(async ({ store, put, requests }) => {
			const version = put(LATEST, latest);
			assert.equal(await store.readNewest(CLUSTER), { newest: NEWEST, version });
			assert.is(requests.length, 1);
		}),
	);
	it(
		'is none, at the version of what is not there',
		withStore(async ({ store, lines }) => {
			assert.equal([await store.readNewest(CLUSTER), lines], [{ newest: undefined, version: '0' }, []]);
		}),
	);
	const bad: [string, string | Buffer, RegExp][] = [
		['no JSON', '{', /is not JSON in UTF-8/],
		['nothing', '', /is empty/],
		['another format', latest.replace('"format":1', '"format":2'), /is of a format that this version does not read: 2/],
		['no time', latest.replace(NEWEST.seenUntil, 'yesterday'), /says no time/],
		['too much', Buffer.alloc(70_000, 0x20), /is larger than 65536 bytes/],
	];
	for (const [name, content, complaint] of bad)
		it(
			`is not known where latest.json holds ${name}: said in the log, and it can be replaced`,
			withStore(async ({ store, put, lines, objects }) => {
				const version = put(LATEST, content);
				assert.equal(await store.readNewest(CLUSTER), { newest: undefined, version });
				assert.equal([lines.length, lines[0]?.object], [1, LATEST]);
				assert.match(lines[0]?.reason ?? '', complaint);
				assert.is(await store.replaceNewest(CLUSTER, NEWEST, version), true);
				assert.is(objects.get(LATEST)?.bytes.toString(), latest);
			}),
		);
	for (const kind of [503, 'reset', 'cut', 'nonsense'] as const)
		it(
			`is read again after: ${kind}`,
			withStore(async ({ store, put, faults, requests }) => {
				const version = put(LATEST, latest);
				faults.push({ kind, after: true });
				assert.equal(await store.readNewest(CLUSTER), { newest: NEWEST, version });
				assert.is(requests.length, 2);
			}),
		);
	it(
		'is not guessed where another server answers',
		withStore(async ({ store, faults }) => {
			for (let times = 0; times < 3; times++) faults.push({ kind: 'nonsense' });
			const words = await refusal(store.readNewest(CLUSTER));
			assert.is(words, `cannot read gs://b/${LATEST}: the answer says no generation of the object`);
		}),
	);
	it(
		'is looked for in the folder of the cluster',
		withStore(
			async ({ store, put }) => {
				put(`audit/${LATEST}`, latest);
				assert.is((await store.readNewest(CLUSTER)).newest?.id, NEWEST.id);
				assert.match(
					await refusal(store.readNewest({ location: 'l', name: 'c' })),
					/^no folder for the cluster \{"location":"l","name":"c"\}$/,
				);
			},
			{ prefix: 'audit' },
		),
	);
});

const bytes = encodeSnapshot(first);
const OBJECT = `${FOLDER}${snapshotName(NEWEST.validFrom)}`;

/** What makes an attempt doubtful, when the object is stored by then. */
const STORED: readonly ServerFault[] = (['reset', 'hang', 'cut', 'nonsense', 503, 500] as const).map((kind) => ({ kind, after: true }));
const NOT_STORED: readonly ServerFault[] = (['reset', 'hang', 'nonsense', 503, 429, 408] as const).map((kind) => ({ kind }));

describe('bucket store: write', (it) => {
	it(
		'sends the bytes as they are, where there is nothing yet',
		withStore(async ({ store, objects, requests }) => {
			assert.is(await store.write(CLUSTER, { validFrom: NEWEST.validFrom, bytes }), true);
			assert.equal(objects.get(OBJECT)?.bytes, bytes);
			const [{ method, path, query, headers } = {} as never] = requests;
			assert.equal([method, path], ['POST', '/upload/storage/v1/b/b/o']);
			assert.equal(query, { uploadType: 'media', name: OBJECT, ifGenerationMatch: '0', fields: 'generation' });
			assert.equal(
				[headers['content-type'], headers['content-length'], headers['content-encoding'], headers.authorization],
				['application/gzip', String(bytes.length), undefined, undefined],
			);
		}),
	);
	it(
		'changes nothing where there is a snapshot of that time',
		withStore(async ({ store, objects, put, requests }) => {
			put(OBJECT, 'x');
			assert.is(await store.write(CLUSTER, { validFrom: NEWEST.validFrom, bytes }), false);
			assert.equal([objects.get(OBJECT)?.bytes.toString(), requests.length], ['x', 1]);
		}),
	);
	for (const fault of NOT_STORED)
		it(
			`tries again after ${fault.kind}`,
			withStore(async ({ store, objects, faults }) => {
				faults.push(fault);
				assert.is(await store.write(CLUSTER, { validFrom: NEWEST.validFrom, bytes }), true);
				assert.equal(objects.get(OBJECT)?.bytes, bytes);
			}),
		);
	for (const fault of STORED)
		it(
			`says that there is one where its own attempt was stored, and then: ${fault.kind}`,
			withStore(async ({ store, objects, faults }) => {
				faults.push(fault);
				assert.is(await store.write(CLUSTER, { validFrom: NEWEST.validFrom, bytes }), false);
				assert.equal(objects.get(OBJECT)?.bytes, bytes);
			}),
		);
	const refusals: [number, number, RegExp][] = [
		[503, 3, /: 503 backendError: told to fail$/],
		[403, 1, /: 403 backendError: told to fail$/],
		[404, 1, /: 404 backendError: told to fail$/],
	];
	for (const [status, attempts, complaint] of refusals)
		it(
			`${status}: rejects, after ${attempts} attempts`,
			withStore(async ({ store, faults, requests, objects }) => {
				for (let attempt = 0; attempt < attempts; attempt++) faults.push({ kind: status });
				const words = await refusal(store.write(CLUSTER, { validFrom: NEWEST.validFrom, bytes }));
				assert.ok(words.startsWith(`cannot write gs://b/${OBJECT}: `), words);
				assert.match(words, complaint);
				assert.equal([requests.length, objects.size], [attempts, 0]);
			}),
		);
	it(
		'no answer: rejects in time',
		withStore(
			async ({ store, faults }) => {
				for (let attempt = 0; attempt < 3; attempt++) faults.push({ kind: 'hang' });
				const started = Date.now();
				const words = await refusal(store.write(CLUSTER, { validFrom: NEWEST.validFrom, bytes }));
				assert.is(words, `cannot write gs://b/${OBJECT}: no answer in time`);
				assert.ok(Date.now() - started < 2_000);
			},
			{ deadlineMs: 300 },
		),
	);
	it('no credentials: rejects, and asks nobody', async () => {
		const { GOOGLE_APPLICATION_CREDENTIALS: before } = process.env;
		process.env['GOOGLE_APPLICATION_CREDENTIALS'] = '/nowhere/key.json';
		try {
			const store = createBucketStore({ bucket: 'b', deadlineMs: 200, now: () => new Date(0), log: () => undefined });
			const words = await refusal(store.write(CLUSTER, { validFrom: NEWEST.validFrom, bytes }));
			assert.match(words, /^cannot write gs:\/\/b\/.*: .*\/nowhere\/key\.json/);
		} finally {
			if (before === undefined) delete process.env['GOOGLE_APPLICATION_CREDENTIALS'];
			else process.env['GOOGLE_APPLICATION_CREDENTIALS'] = before;
		}
	});
});

describe('bucket store: replace the newest', (it) => {
	it(
		'where it is at that version',
		withStore(async ({ store, objects, put, requests }) => {
			assert.is(await store.replaceNewest(CLUSTER, NEWEST, '0'), true);
			const version = put(LATEST, 'old');
			assert.is(await store.replaceNewest(CLUSTER, NEWEST, version), true);
			assert.is(await store.replaceNewest(CLUSTER, { ...NEWEST, seenUntil: at('07:00:00') }, version), false);
			assert.is(await store.replaceNewest(CLUSTER, { ...NEWEST, seenUntil: at('07:00:00') }, '0'), false);
			assert.is(objects.get(LATEST)?.bytes.toString(), latest);
			assert.equal([requests.length, requests[0]?.headers['content-type']], [4, 'application/json']);
		}),
	);
	for (const fault of NOT_STORED)
		it(
			`tries again after ${fault.kind}`,
			withStore(async ({ store, objects, faults, put }) => {
				const version = put(LATEST, 'old');
				faults.push(fault);
				assert.is(await store.replaceNewest(CLUSTER, NEWEST, version), true);
				assert.is(objects.get(LATEST)?.bytes.toString(), latest);
			}),
		);
	for (const fault of STORED)
		it(
			`knows its own where it was stored, and then: ${fault.kind}`,
			withStore(async ({ store, objects, faults, put, requests }) => {
				const version = put(LATEST, 'old');
				faults.push(fault);
				assert.is(await store.replaceNewest(CLUSTER, NEWEST, version), true);
				assert.is(objects.get(LATEST)?.bytes.toString(), latest);
				assert.equal(
					requests.map(({ method }) => method),
					['POST', 'POST', 'GET'],
				);
			}),
		);
	it(
		"knows another's where its own attempt was not heard of",
		withStore(async ({ store, objects, faults, put }) => {
			put(LATEST, 'another');
			faults.push({ kind: 503 });
			assert.is(await store.replaceNewest(CLUSTER, NEWEST, '41'), false);
			assert.is(objects.get(LATEST)?.bytes.toString(), 'another');
		}),
	);
	it(
		'rejects where it cannot be known whose it is',
		withStore(async ({ store, faults, put }) => {
			const version = put(LATEST, 'old');
			faults.push({ kind: 503, after: true }, undefined, { kind: 403 });
			assert.match(await refusal(store.replaceNewest(CLUSTER, NEWEST, version)), /^cannot read gs:\/\/b\/.*latest\.json: 403/);
		}),
	);
});

const until = (text: string | undefined): unknown => (JSON.parse(text ?? '{}') as { until?: unknown }).until;

describe('bucket store: lease', (it) => {
	it(
		'one has it, until it ends or is given back',
		withStore(async ({ store, clock, objects }) => {
			const held = await store.lease(CLUSTER, clock.ms + 60_000);
			assert.ok(held);
			assert.is(until(objects.get(COLLECTING)?.bytes.toString()), '2026-03-04T06:01:00.000Z');
			assert.is(await store.lease(CLUSTER, clock.ms + 60_000), undefined);
			assert.ok(await store.lease({ ...CLUSTER, name: 'd' }, clock.ms + 60_000));
			await held?.release();
			const next = await store.lease(CLUSTER, clock.ms + 60_000);
			assert.ok(next);
			clock.ms += 60_000;
			const late = await store.lease(CLUSTER, clock.ms + 60_000);
			assert.ok(late);
			// It is not the holder's any more.
			await next?.release();
			assert.is(await store.lease(CLUSTER, clock.ms + 60_000), undefined);
		}),
	);
	it(
		'of twenty who want it one gets it, also in the very same millisecond',
		withStore(async ({ store, clock }) => {
			const leases = await Promise.all(Array.from({ length: 20 }, () => store.lease(CLUSTER, clock.ms + 60_000)));
			assert.is(leases.filter((lease) => lease).length, 1);
		}),
	);
	for (const content of ['', '{', 'null', '{"until":5}', '{"until":"soon"}', '{"until":"2099-01-01T00:00:00Z"}'])
		it(
			`is free where it says ${JSON.stringify(content)}`,
			withStore(async ({ store, clock, put }) => {
				put(COLLECTING, content);
				assert.ok(await store.lease(CLUSTER, clock.ms + 60_000));
				assert.is(await store.lease(CLUSTER, clock.ms + 60_000), undefined);
			}),
		);
	it(
		'lasts an hour at most',
		withStore(async ({ store, clock, objects }) => {
			await store.lease(CLUSTER, clock.ms + 86_400_000);
			assert.is(until(objects.get(COLLECTING)?.bytes.toString()), '2026-03-04T07:00:00.000Z');
		}),
	);
	for (const fault of STORED)
		it(
			`is had where it was stored, and then: ${fault.kind}`,
			withStore(async ({ store, clock, faults }) => {
				faults.push(undefined, fault);
				const held = await store.lease(CLUSTER, clock.ms + 60_000);
				assert.ok(held);
				await held?.release();
				assert.ok(await store.lease(CLUSTER, clock.ms + 60_000));
			}),
		);
	it(
		'is given back without a word, whatever happens',
		withStore(async ({ store, clock, faults }) => {
			const held = await store.lease(CLUSTER, clock.ms + 60_000);
			faults.push({ kind: 403 });
			await held?.release();
			assert.is(await store.lease(CLUSTER, clock.ms + 60_000), undefined);
		}),
	);
});

describe('bucket store: what it writes is read', (it) => {
	it('leaves the lease out of the snapshots', async () => {
		const objects = folderOf([first, snapshotAt('05:30:00')], '06:00:00').set(COLLECTING, '{"until":"2026-03-04T06:01:00.000Z"}');
		const { find, reads, lines } = createFixture(objects);
		assert.equal([await find('04:00:00'), (await find('05:10:00'))?.id, lines], [undefined, first.id, []]);
		assert.is(reads.includes(COLLECTING), false);
	});
	it(
		'through all of it: saved, seen again, changed',
		withStore(async ({ store, url, faults, lines }) => {
			const save = (name: string, time: string) =>
				saveCollected(store, { cluster: CLUSTER, state: stateOf(name), collectedAt: at(time) }).then(({ kind }) => kind);
			faults.push(undefined, { kind: 503, after: true });
			assert.is(await save('a', '05:00:00'), 'changed');
			faults.push(undefined, { kind: 'reset', after: true });
			assert.equal([await save('a', '05:05:00'), await save('b', '05:10:00')], ['unchanged', 'changed']);
			const objects = openBucket({ bucket: 'b', apiEndpoint: url });
			const { newest } = await store.readNewest(CLUSTER);
			const log = (line: Fixture['lines'][number]): void => void lines.push(line);
			const timeline = createTimeline(objects, { maxObjectBytes: 1_000_000, freshMs: 0, now: () => new Date(0), log });
			const found = await timeline.find(CLUSTER, at('05:12:00'));
			assert.equal([found?.snapshot.id, found?.stale, lines], [newest?.id, false, []]);
		}),
	);
});

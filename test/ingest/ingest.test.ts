import * as assert from 'uvu/assert';
import type { IngestPorts } from '../../functions/ingest/ingest.ts';
import type { CompiledSnapshot } from '../../functions/policy/compile.ts';
import { maskOf } from '../../functions/policy/semantics.ts';
import type { Appended, Delivery, Row } from '../../functions/ports.ts';
import type { Message } from '../../functions/push/envelope.ts';
import { describe } from '../describe.ts';
import { entry, entryWith, ingestWith, messageOf, portsWith, snapshot, warehouseOf } from './sample.ts';

const DAY_MS = 86_400_000;

describe('ingestMessage', (it) => {
	it('ends with ok when the row of an entry is durable', async () => {
		const ports = portsWith();
		const outcome = await ingestWith(ports)(messageOf(entry));
		assert.is(outcome.kind, 'ok');
		if (outcome.kind !== 'ok') return;
		assert.equal([outcome.finding, outcome.snapshotId], ['void-rule', snapshot.id]);
		assert.is(ports.appended.length, 1);
		assert.is(ports.appended[0]?.table, 'verdicts_v1');
		assert.is(ports.appended[0]?.row['entry_id'], outcome.entryId);
	});

	it('asks for the snapshot of the cluster at the time of the entry', async () => {
		const asked: unknown[] = [];
		const snapshots = {
			find: async (...question: unknown[]) => {
				asked.push(question);
				return undefined;
			},
		};
		await ingestWith(portsWith({ snapshots }))(messageOf(entry));
		assert.equal(asked, [[{ project: 'p', location: 'europe-west1', name: 'c' }, '2026-03-04T05:06:07.123456789Z']]);
	});

	it('judges without a snapshot: that is no failure', async () => {
		const ports = portsWith({ snapshots: { find: async () => undefined } });
		const outcome = await ingestWith(ports)(messageOf(entry));
		assert.is(outcome.kind === 'ok' && outcome.finding, 'undecidable');
		assert.equal(ports.appended[0]?.row['reasons'], ['no-snapshot']);
	});

	it('ends with reject when the row of the refusal is durable', async () => {
		const ports = portsWith();
		const outcome = await ingestWith(ports)(messageOf('{'));
		assert.is(outcome.kind === 'reject' && outcome.reason, 'not-json');
		assert.is(ports.appended[0]?.table, 'rejects_v1');
	});

	it('tries again when the warehouse does not take a row, of either table', async () => {
		const warehouse = warehouseOf(async () => {
			throw new Error('no space');
		});
		for (const message of [messageOf(entry), messageOf('{')]) {
			const outcome = await ingestWith(portsWith({ warehouse }))(message);
			assert.is(outcome.kind === 'retry' && outcome.reason, 'warehouse-unavailable');
			assert.is(outcome.kind === 'retry' && (outcome.error as Error).message, 'no space');
		}
	});

	it('tries again when the snapshots do not answer', async () => {
		const snapshots = {
			find: async (): Promise<undefined> => {
				throw new Error('bucket');
			},
		};
		const ports = portsWith({ snapshots });
		const outcome = await ingestWith(ports)(messageOf(entry));
		assert.is(outcome.kind === 'retry' && outcome.reason, 'snapshots-unavailable');
		assert.equal(ports.appended, []);
	});

	it('does not wait for a snapshot longer than the message may wait, and leaves no timer where it came', async () => {
		const hanging = portsWith({ snapshots: { find: () => new Promise(() => {}) }, patienceMs: 5 });
		const outcome = await ingestWith(hanging)(messageOf(entry));
		assert.equal([outcome.kind, outcome.kind === 'retry' && outcome.reason], ['retry', 'snapshots-unavailable']);
		assert.match(outcome.kind === 'retry' ? (outcome.error as Error).message : '', 'not found in time');
		const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
		const before = timers();
		assert.is((await ingestWith(portsWith({ patienceMs: 60_000 }))(messageOf(entry))).kind, 'ok');
		assert.is(timers(), before);
	});

	it('does not lose the message to a bug of the engine', async () => {
		const ports = portsWith({ snapshots: { find: async () => ({ snapshot: { id: 'broken' } as CompiledSnapshot, stale: false }) } });
		const outcome = await ingestWith(ports)(messageOf(entry));
		assert.is(outcome.kind === 'retry' && outcome.reason, 'internal-error');
		assert.is(outcome.kind === 'retry' && outcome.snapshotId, 'broken');
		assert.equal(ports.appended, []);
	});

	it('answers only when the row is durable', async () => {
		let done = (): void => {};
		const durable = new Promise<Appended>((resolve) => {
			done = () => resolve({ kind: 'stored' });
		});
		let answered = false;
		const running = ingestWith(portsWith({ warehouse: warehouseOf(() => durable) }))(messageOf(entry)).then((outcome) => {
			answered = true;
			return outcome;
		});
		await new Promise((resolve) => setImmediate(resolve));
		assert.is(answered, false);
		done();
		assert.is((await running).kind, 'ok');
	});

	it('judges by a stale snapshot only to say what it would have been', async () => {
		const ports = portsWith({ snapshots: { find: async () => ({ snapshot, stale: true }) } });
		const outcome = await ingestWith(ports)(messageOf(entry));
		assert.equal([outcome.kind, outcome.kind === 'ok' && outcome.finding], ['ok', 'undecidable']);
		assert.equal(ports.appended[0]?.row['reasons'], ['stale-snapshot']);
		assert.is(ports.appended[0]?.row['snapshot_id'], snapshot.id);
	});

	it('gives every row an id by what makes it the same row, and a time until which it is tried', async () => {
		const seen: Delivery[] = [];
		const warehouse = warehouseOf(async (_table, _row, delivery) => {
			seen.push(delivery);
			return { kind: 'stored' };
		});
		const other = { ...snapshot, id: 'other' };
		const withSnapshot = (found: typeof snapshot | undefined) =>
			portsWith({ warehouse, patienceMs: 50_000, snapshots: { find: async () => found && { snapshot: found, stale: false } } });
		const idOf = async (ports: IngestPorts, message = messageOf(entry)): Promise<string | undefined> => {
			await ingestWith(ports)(message);
			return seen.at(-1)?.insertId;
		};
		const first = await idOf(withSnapshot(snapshot));
		assert.match(first ?? '', /^[\w-]{43}$/);
		assert.is(await idOf(withSnapshot(snapshot), messageOf(entry, { id: 'm2' })), first);
		const others = [
			await idOf(withSnapshot(other)),
			await idOf(withSnapshot(undefined)),
			await idOf({ ...withSnapshot(snapshot), candidates: maskOf(['cilium-1.16']) }),
			await idOf(withSnapshot(snapshot), messageOf(entryWith({ entry: { insertId: 'id2' } }))),
			await idOf(withSnapshot(snapshot), messageOf('{')),
			await idOf(withSnapshot(snapshot), messageOf('{', { id: 'm2' })),
			await idOf(withSnapshot(snapshot), messageOf('{', { subscription: 's' })),
		];
		assert.is(new Set([first, ...others]).size, 8);
		assert.is(await idOf(withSnapshot(snapshot), messageOf('[', { id: 'm2' })), others[5]);
		assert.equal(new Set(seen.map(({ untilMs }) => untilMs)), new Set([Date.parse('2026-03-04T05:10:00Z') + 50_000]));
		await idOf(portsWith({ warehouse }));
		assert.is(seen.at(-1)?.untilMs, Number.POSITIVE_INFINITY);
	});

	it('asks for a snapshot where there is none, a stale one, or a row is flagged, and for no other', async () => {
		const asked: unknown[] = [];
		const askForSnapshot: IngestPorts['askForSnapshot'] = async (cluster, reason) => {
			asked.push([cluster.name, reason]);
		};
		const confirmed = entryWith({ payload: { disposition: 'allow' }, connection: { direction: 'egress' } });
		const finds = [undefined, { snapshot, stale: true }, { snapshot, stale: false }];
		for (const found of finds) {
			const ports = portsWith({ askForSnapshot, snapshots: { find: async () => found } });
			for (const each of [entry, confirmed]) await ingestWith(ports)(messageOf(each));
		}
		await ingestWith(portsWith({ askForSnapshot }))(messageOf('{'));
		assert.is((await ingestWith(portsWith())(messageOf(confirmed))).kind === 'ok', true);
		assert.equal(
			asked.map((each) => JSON.stringify(each)),
			[...Array(2).fill('["c","no-snapshot"]'), ...Array(2).fill('["c","stale-snapshot"]'), '["c","flagged"]'],
		);
	});

	it('asks beside the insert, and answers only when both have ended', async () => {
		const order: string[] = [];
		let published = (): void => {};
		const ports = portsWith({
			askForSnapshot: () =>
				new Promise((resolve) => {
					order.push('asked');
					published = resolve;
				}),
			warehouse: warehouseOf(async () => {
				order.push('appended');
				return { kind: 'stored' };
			}),
		});
		const running = ingestWith(ports)(messageOf(entry)).then(({ kind }) => order.push(kind));
		await new Promise((resolve) => setImmediate(resolve));
		assert.equal(order, ['asked', 'appended']);
		published();
		await running;
		assert.equal(order, ['asked', 'appended', 'ok']);
	});

	it('keeps a row that the warehouse refuses as a rejection, with the reason', async () => {
		const appended: { table: string; row: Row }[] = [];
		const warehouse = warehouseOf(async (table, row) => {
			appended.push({ table, row });
			return table === 'verdicts_v1' ? { kind: 'refused', detail: 'invalid: no such field (x)' } : { kind: 'stored' };
		});
		const outcome = await ingestWith(portsWith({ warehouse }))(messageOf(entry));
		assert.equal([outcome.kind, outcome.kind === 'reject' && outcome.reason], ['reject', 'row-refused']);
		assert.equal(
			appended.map(({ table }) => table),
			['verdicts_v1', 'rejects_v1'],
		);
		const row: Row = appended[1]?.row ?? {};
		assert.equal([row['reason'], row['log_name'], row['timestamp']], ['row-refused', entry['logName'], '2026-03-04T05:06:07.123456Z']);
		assert.match(String(row['detail']), 'invalid: no such field (x)');
		assert.equal(JSON.parse(Buffer.from(String(row['raw']), 'base64').toString()), entry);
	});

	it('does not acknowledge what not even the rejections take, nor what finds the queue full', async () => {
		for (const [kind, reason] of [
			['refused', 'warehouse-unavailable'],
			['queue-full', 'queue-full'],
		] as const)
			for (const message of [messageOf(entry), messageOf('{')]) {
				const warehouse = warehouseOf(async () => ({ kind, detail: 'x' }) as Appended);
				const outcome = await ingestWith(portsWith({ warehouse }))(message);
				assert.equal([outcome.kind, outcome.kind === 'retry' && outcome.reason], ['retry', reason]);
			}
	});

	it('rejects a time that the table would never take, where there is such a bound', async () => {
		const acceptedTimes = { pastMs: 3650 * DAY_MS, futureMs: 365 * DAY_MS };
		const outcomeAt = (timestamp: string) => ingestWith(portsWith({ acceptedTimes }))(messageOf(entryWith({ entry: { timestamp } })));
		for (const timestamp of ['2016-01-01T00:00:00Z', '2027-06-01T00:00:00Z']) {
			const outcome = await outcomeAt(timestamp);
			assert.is(outcome.kind === 'reject' && outcome.reason, 'bad-timestamp', timestamp);
		}
		for (const timestamp of ['2016-06-01T00:00:00Z', '2027-01-01T00:00:00Z']) assert.is((await outcomeAt(timestamp)).kind, 'ok', timestamp);
		const unbounded = await ingestWith(portsWith())(messageOf(entryWith({ entry: { timestamp: '1999-01-01T00:00:00Z' } })));
		assert.is(unbounded.kind, 'ok');
	});

	it('keeps one in so many of what is confirmed, by the identity of the entry, and all the rest', async () => {
		const allowed = (id: number): Message =>
			messageOf(entryWith({ entry: { insertId: `id${id}` }, payload: { disposition: 'allow' }, connection: { direction: 'egress' } }));
		const decide = async (keepConfirmed: number | undefined): Promise<[string[], Row[]]> => {
			const ports = portsWith(keepConfirmed === undefined ? {} : { keepConfirmed });
			const outcomes = await Promise.all(Array.from({ length: 2000 }, (_, id) => ingestWith(ports)(allowed(id))));
			for (const outcome of outcomes) if (outcome.kind !== 'retry' && outcome.kind !== 'reject') assert.is(outcome.finding, 'confirmed');
			return [outcomes.map(({ kind }) => kind), ports.appended.map(({ row }) => row)];
		};
		const [kinds, rows] = await decide(10);
		assert.is(kinds.filter((kind) => kind === 'ok').length, rows.length);
		assert.is(kinds.filter((kind) => kind === 'drop').length, 2000 - rows.length);
		assert.ok(rows.length > 150 && rows.length < 250, `${rows.length} of 2000`);
		assert.ok(rows.every(({ weight }) => weight === 10));
		assert.equal((await decide(10))[0], kinds, 'the same entries each time');
		assert.equal((await decide(0))[1], []);
		for (const all of [1, undefined]) assert.equal(new Set((await decide(all))[1].map(({ weight }) => weight)), new Set([1]));
		const ports = portsWith({ keepConfirmed: 0 });
		assert.is((await ingestWith(ports)(messageOf(entry))).kind, 'ok');
		assert.equal(
			ports.appended.map(({ row }) => [row['finding'], row['weight']]),
			[['void-rule', 1]],
		);
	});
});

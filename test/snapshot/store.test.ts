import { gunzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import { snapshotName } from '../../functions/adapters/bucket/names.ts';
import type { Snapshot } from '../../functions/policy/model.ts';
import type { NewestSnapshot, SnapshotStore } from '../../functions/ports.ts';
import { createSnapshot, stateHash } from '../../functions/snapshot/canonical.ts';
import { type Collected, type Saved, type SeenAgain, type Stored, saveCollected } from '../../functions/snapshot/store.ts';
import { at, CLUSTER, FOLDER } from '../adapters/bucket/store.ts';
import { refusal } from '../adapters/refusal.ts';
import { describe } from '../describe.ts';
import { createKept, stateOf } from './kept.ts';

const day = (date: string): string => `${date}T05:00:00Z`;

/** A store, and the saving of the state of that name, collected at that time of 2026-03-04. */
function createFixture() {
	const kept = createKept();
	const save = (name: string, time: string, more: Partial<Collected> = {}): Promise<Saved> =>
		saveCollected(kept.store, { cluster: CLUSTER, state: stateOf(name), collectedAt: at(time), ...more });
	const kindOf = async (name: string, time: string, more: Partial<Collected> = {}) => (await save(name, time, more)).kind;
	const newest = async (): Promise<NewestSnapshot | undefined> => (await kept.store.readNewest(CLUSTER)).newest;
	const read = (time: string): Snapshot =>
		JSON.parse(gunzipSync(kept.memory.held.get(`${FOLDER}${time}.json.gz`)?.bytes ?? '').toString()) as Snapshot;
	return { ...kept, save, kindOf, newest, read };
}

const idOf = (name: string, time: string): string => createSnapshot({ state: stateOf(name), validFrom: at(time) }).id;

describe('the first snapshot', (it) => {
	it('is valid from when it was collected', async () => {
		const { save, newest, read, find } = createFixture();
		const saved = await save('a', '05:00:00');
		const snapshot = createSnapshot({ state: stateOf('a'), validFrom: at('05:00:00'), collectedAt: at('05:00:00') });
		const now = { id: idOf('a', '05:00:00'), validFrom: at('05:00:00'), seenUntil: at('05:00:00') };
		assert.equal(saved, { kind: 'changed', snapshot, stateHash: stateHash(snapshot.state), replaced: undefined, newest: now });
		assert.equal([read('2026-03-04T050000Z'), await newest()], [snapshot, now]);
		assert.equal(await find('05:10:00'), { state: 'a', stale: false, id: snapshot.id });
	});
	it('is written where latest.json cannot be read, which is replaced', async () => {
		const { save, kindOf, newest, memory, lines } = createFixture();
		await save('a', '05:00:00');
		memory.held.set(`${FOLDER}latest.json`, { bytes: Buffer.from('{'), version: '7' });
		assert.equal([await kindOf('a', '05:05:00'), lines.length], ['changed', 1]);
		assert.is((await newest())?.id, idOf('a', '05:05:00'));
	});
	it('replaces one that only a clock far ahead can have written', async () => {
		const { save, kindOf, newest } = createFixture();
		await save('a', '2027-03-04T05:00:00Z');
		assert.is(await kindOf('b', '05:05:00'), 'changed');
		assert.equal([(await newest())?.id, (await newest())?.seenUntil], [idOf('b', '05:05:00'), at('05:05:00')]);
		assert.is(await kindOf('b', '05:10:00'), 'unchanged');
	});
	it('does not replace one that is ahead by as much as clocks may differ', async () => {
		const { save, kindOf } = createFixture();
		await save('a', '05:59:00');
		assert.is(await kindOf('b', '05:00:00'), 'older');
	});
	it('is refused where its time is none', async () => {
		const { save, memory } = createFixture();
		assert.is(await refusal(save('a', 'T')), 'not an RFC 3339 time: "T"');
		assert.equal(memory.names(), []);
	});
});

describe('an unchanged state', (it) => {
	it('is no second object: it was seen later', async () => {
		const { save, newest, times, find } = createFixture();
		await save('a', '05:00:00');
		const saved = await save('a', '05:05:00');
		const now = { id: idOf('a', '05:00:00'), validFrom: at('05:00:00'), seenUntil: at('05:05:00') };
		assert.equal(saved, { kind: 'unchanged', stateHash: stateHash(stateOf('a')), newest: now });
		assert.equal([await newest(), times()], [now, ['2026-03-04T050000Z']]);
		assert.is((await find('05:20:00'))?.stale, false);
	});
	it('does not depend on the order in which its objects were read', async () => {
		const { save, kindOf } = createFixture();
		const namespaces = ['x', 'y'].map((name) => ({ name, labels: {} }));
		await save('a', '05:00:00', { state: { ...stateOf('a'), namespaces } });
		assert.is(await kindOf('a', '05:05:00', { state: { ...stateOf('a'), namespaces: [...namespaces].reverse() } }), 'unchanged');
	});
	it('is not seen earlier by a collection that comes late', async () => {
		const { save, kindOf, newest } = createFixture();
		for (const time of ['05:00:00', '05:10:00']) await save('a', time);
		assert.equal([await kindOf('a', '05:05:00'), await kindOf('a', '05:10:00')], ['unchanged', 'unchanged']);
		assert.is((await newest())?.seenUntil, at('05:10:00'));
	});
	it('is written again after a week, and the one before it was seen until then', async () => {
		const { save, kindOf, times, read, find } = createFixture();
		await save('a', day('2026-03-01'));
		assert.is(await kindOf('a', day('2026-03-08')), 'unchanged');
		const again = await save('a', '2026-03-08T05:00:00.001Z');
		assert.equal([again.kind, times()], ['rewritten', ['2026-03-01T050000Z', '2026-03-08T050000.001Z']]);
		assert.equal(read('2026-03-08T050000.001Z').previous, { id: idOf('a', day('2026-03-01')), seenUntil: '2026-03-08T05:00:00.001Z' });
		assert.equal(await find('2026-03-05T05:00:00Z'), { state: 'a', stale: false, id: idOf('a', day('2026-03-01')) });
		assert.is(await kindOf('a', day('2026-03-09')), 'unchanged');
	});
});

describe('a changed state', (it) => {
	it('is a new object that says until when the one before it was seen', async () => {
		const { save, newest, read, find } = createFixture();
		for (const time of ['05:00:00', '05:05:00']) await save('a', time);
		const saved = await save('b', '05:10:00');
		assert.equal(
			[saved.kind, saved.kind === 'changed' && saved.replaced],
			['changed', { id: idOf('a', '05:00:00'), validFrom: at('05:00:00'), seenUntil: at('05:05:00') }],
		);
		assert.equal(read('2026-03-04T051000Z').previous, { id: idOf('a', '05:00:00'), seenUntil: at('05:05:00') });
		assert.equal(await newest(), { id: idOf('b', '05:10:00'), validFrom: at('05:10:00'), seenUntil: at('05:10:00') });
		assert.equal([(await find('05:09:59'))?.state, (await find('05:10:00'))?.state], ['a', 'b']);
	});
	const cases: [string, string, string][] = [
		['after the one before it was seen', '05:07:30.123456789', '05:07:30.123456789'],
		['just when it was collected', '05:10:00', '05:10:00'],
		['in another zone', '2026-03-04T06:07:00+01:00', '05:07:00'],
		['when the one before it was still seen', '05:05:00', '05:10:00'],
		['before the one before it', '04:00:00', '05:10:00'],
		['after it was collected', '05:10:00.001', '05:10:00'],
		['never', 'T', '05:10:00'],
	];
	for (const [name, changedAt, validFrom] of cases)
		it(`that the audit log says is so since ${name}: is valid from ${validFrom}`, async () => {
			const { save, newest } = createFixture();
			for (const time of ['05:00:00', '05:05:00']) await save('a', time);
			const saved = await save('b', '05:10:00', { changedAt: at(changedAt) });
			assert.is(saved.kind === 'changed' && saved.snapshot.validFrom, at(validFrom));
			assert.equal(await newest(), { id: idOf('b', validFrom), validFrom: at(validFrom), seenUntil: at('05:10:00') });
		});
	it('that the audit log says is so for hours: is not known to have stayed so, and valid from when it was collected', async () => {
		const { save, find } = createFixture();
		await save('a', '05:00:00');
		const saved = await save('b', '08:00:00', { changedAt: at('05:10:00') });
		assert.is(saved.kind === 'changed' && saved.snapshot.validFrom, at('08:00:00'));
		const found = await find('06:00:00');
		assert.equal([found?.state, found?.stale], ['a', true]);
	});
	it('of the very time of another one: a millisecond later', async () => {
		const { save, newest, times, find } = createFixture();
		for (const name of ['a', 'b', 'c']) await save(name, '05:00:00.0005');
		assert.equal(times(), ['2026-03-04T050000.0005Z', '2026-03-04T050000.001Z']);
		assert.equal(
			[(await newest())?.id, (await find('05:00:00.002'))?.state, (await find('05:00:00.0007'))?.state],
			[idOf('b', '05:00:00.001'), 'b', 'a'],
		);
	});
	it('takes the next time where an object is in its place, and gives up after twenty', async () => {
		const { save, store, times } = createFixture();
		await store.write(CLUSTER, { validFrom: at('05:00:00'), bytes: Buffer.from('x') });
		const saved = await save('a', '05:00:00');
		assert.is(saved.kind === 'changed' && saved.newest.seenUntil, at('05:00:00.001'));
		for (let ms = 0; ms < 20; ms++)
			await store.write(CLUSTER, { validFrom: at(`06:00:00.${String(100 + ms)}`.replace(/0+$/, '')), bytes: Buffer.from('x') });
		assert.is(await refusal(save('b', '06:00:00.1')), 'there are 20 snapshots from 2026-03-04T06:00:00.1Z on, a millisecond apart');
		assert.is(times().length, 22);
	});
});

describe('a collection that comes late', (it) => {
	it('changes nothing where the cluster was seen later in another state', async () => {
		const { save, newest, times, find } = createFixture();
		await save('a', '05:00:00');
		await save('b', '05:10:00', { changedAt: at('05:06:00') });
		const before = await newest();
		for (const [name, time] of [
			['a', '05:05:00'],
			['b', '05:05:00'],
			['c', '05:05:00'],
			['c', '05:08:00'],
		] as const) {
			const saved = await save(name, time);
			assert.equal([saved.kind, 'snapshot' in saved, saved.newest], ['older', false, before]);
		}
		assert.is(times().length, 2);
		assert.equal([(await find('05:05:30'))?.state, (await find('05:08:00'))?.state], ['a', 'b']);
	});
});

/** Which snapshot is to come after which one. */
const describeStored = (stored: Stored | SeenAgain): string =>
	stored.kind === 'unchanged' ? 'unchanged' : `${stored.snapshot.validFrom} after ${stored.replaced?.validFrom}`;

describe('before the newest is told', (it) => {
	it('the snapshot is stored, and the newest is the one before it', async () => {
		const { save, newest, times } = createFixture();
		await save('a', '05:00:00');
		const calls: [Stored | SeenAgain, NewestSnapshot | undefined, string[]][] = [];
		const saved = await save('b', '05:10:00', { beforeNewest: async (stored) => void calls.push([stored, await newest(), times()]) });
		assert.is(calls.length, 1);
		const [[stored, then, names] = []] = calls;
		const { newest: _, ...rest } = saved as Stored & { newest: NewestSnapshot };
		assert.equal([stored, then?.id, names?.length], [rest, idOf('a', '05:00:00'), 2]);
	});
	it('and before it is told that it was seen later', async () => {
		const { save, newest } = createFixture();
		await save('a', '05:00:00');
		const told: (Stored | SeenAgain)[] = [];
		const before = await newest();
		const saved = await save('a', '05:05:00', {
			async beforeNewest(seen) {
				told.push(seen);
				assert.equal(await newest(), before);
			},
		});
		assert.equal([saved.kind, told], ['unchanged', [saved]]);
		assert.is(await refusal(save('a', '05:10:00', { beforeNewest: () => Promise.reject(new Error('no rows')) })), 'no rows');
		assert.is((await newest())?.seenUntil, at('05:05:00'));
	});
	it('is not asked where nothing is told', async () => {
		const { save } = createFixture();
		const beforeNewest = () => assert.unreachable() as never;
		for (const time of ['05:00:00', '05:05:00']) await save('a', time);
		for (const name of ['a', 'b']) await save(name, '05:04:00', { beforeNewest });
	});
	it('where it fails the newest stays, and the next collection repeats it', async () => {
		const { save, kindOf, newest, find } = createFixture();
		await save('a', '05:00:00');
		const failing = save('b', '05:10:00', { beforeNewest: () => Promise.reject(new Error('no rows')) });
		assert.is(await refusal(failing), 'no rows');
		assert.is((await newest())?.id, idOf('a', '05:00:00'));
		const seen: string[] = [];
		const again = await kindOf('b', '05:11:00', { beforeNewest: async (stored) => void seen.push(describeStored(stored)) });
		assert.equal([again, seen, (await find('05:11:30'))?.state], ['changed', [`${at('05:11:00')} after ${at('05:00:00')}`], 'b']);
	});
});

/** The store, and what others do once before its newest is replaced. */
const meanwhile = (store: SnapshotStore, others: () => Promise<unknown>): SnapshotStore => {
	let done = false;
	return {
		...store,
		async replaceNewest(...replacement) {
			if (!done) await others();
			done = true;
			return store.replaceNewest(...replacement);
		},
	};
};

describe('two at once', (it) => {
	const first = { cluster: CLUSTER, state: stateOf('b'), collectedAt: at('05:10:00') };
	const cases: [string, string, string, Saved['kind'], string][] = [
		['the other saw it later, in another state', 'c', '05:11:00', 'older', 'c'],
		['the other saw it earlier, in another state', 'c', '05:09:00', 'changed', 'b'],
		['the other saw the same state earlier', 'b', '05:09:00', 'rewritten', 'b'],
		['the other saw the same state later', 'b', '05:11:00', 'older', 'b'],
		['the other saw no change, earlier', 'a', '05:09:00', 'changed', 'b'],
		['the other saw no change, later', 'a', '05:11:00', 'changed', 'b'],
		['the other saw another state at the same time', 'c', '05:10:00', 'older', 'c'],
	];
	for (const [name, state, time, kind, left] of cases)
		it(name, async () => {
			const { store, save, newest, times, find } = createFixture();
			await save('a', '05:00:00');
			const told: string[] = [];
			const saved = await saveCollected(
				meanwhile(store, () => save(state, time)),
				{
					...first,
					beforeNewest: async (stored) => void told.push(describeStored(stored)),
				},
			);
			assert.is(saved.kind, kind);
			assert.is('snapshot' in saved && saved.snapshot?.id, idOf('b', '05:10:00'));
			assert.equal([told.length, told[0]], [kind === 'older' ? 1 : 2, `${at('05:10:00')} after ${at('05:00:00')}`]);
			const found = await find((await newest())?.validFrom ?? '');
			assert.equal([found?.state, times().length <= 3], [left, true]);
			// What is stored and is not the newest lies before it, where it hides nothing.
			assert.is(`${times().at(-1)}.json.gz`, snapshotName((await newest())?.validFrom ?? ''));
		});
	it('the time that the audit log says was overtaken', async () => {
		const { store, save, read } = createFixture();
		await save('a', '05:00:00');
		const saved = await saveCollected(
			meanwhile(store, () => save('c', '05:09:00')),
			{ ...first, changedAt: at('05:08:00') },
		);
		assert.is(saved.kind === 'changed' && saved.snapshot.validFrom, at('05:10:00'));
		assert.equal(read('2026-03-04T051000Z').previous, { id: idOf('c', '05:09:00'), seenUntil: at('05:09:00') });
	});
	it('gives up where others are always quicker', async () => {
		const { store, save } = createFixture();
		await save('a', '05:00:00');
		const losing: SnapshotStore = { ...store, replaceNewest: async () => false };
		const refused = await refusal(saveCollected(losing, first));
		assert.is(refused, 'the newest snapshot was replaced by others 10 times in a row');
		assert.is(await refusal(saveCollected(losing, { ...first, state: stateOf('a') })), refused);
	});
});

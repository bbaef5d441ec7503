import { gzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import { STALE_AFTER_MS } from '../../../functions/adapters/bucket/timeline.ts';
import { compileSnapshot } from '../../../functions/policy/compile.ts';
import { encodeSnapshot } from '../../../functions/snapshot/canonical.ts';
import { describe } from '../../describe.ts';
import { at, CLUSTER, createFixture, FOLDER, folderOf, latest, type Objects, pathOf, seen, snapshotAt } from './store.ts';

const LATEST = `${FOLDER}latest.json`;

/** Three states: the first was seen until 05:55, the second until 06:58, the third until 08:00. */
const first = snapshotAt('05:00:00');
const second = snapshotAt('06:00:00', { previous: seen(first, '05:55:00') });
const third = snapshotAt('07:00:00', { previous: seen(second, '06:58:00') });
const three = () => folderOf([first, second, third], '08:00:00');

const NAMES = new Map([first, second, third].map(({ id }, index) => [id, ['first', 'second', 'third'][index]]));
const shown = (found: { id: string; stale: boolean } | undefined): string =>
	found ? `${NAMES.get(found.id) ?? found.id}${found.stale ? ', stale' : ''}` : 'none';

describe('bucket: by time', (it) => {
	const cases: [string, string][] = [
		['04:59:59.999999999', 'none'],
		['05:00:00', 'first'],
		['05:15:00', 'first'],
		['05:59:59.999999999', 'first'],
		['06:00:00', 'second'],
		['06:59:00', 'second'],
		['07:00:00', 'third'],
		['08:15:00', 'third'],
		['08:15:00.001', 'third, stale'],
		['2027-01-01T00:00:00Z', 'third, stale'],
		['2026-03-04T07:30:00+02:00', 'first'],
		['2020-01-01T00:00:00Z', 'none'],
		['yesterday', 'none'],
		['9999-12-31T23:59:59Z', 'third, stale'],
	];
	for (const [time, expected] of cases)
		it(time, async () => {
			const { find, lines } = createFixture(three());
			assert.equal([shown(await find(time)), lines], [expected, []]);
		});

	it('tells names apart that do not sort by time', async () => {
		const fraction = snapshotAt('05:00:00.5');
		const { find } = createFixture(folderOf([first, fraction, second], '06:30:00'));
		assert.equal([(await find('05:00:00.499999999'))?.id, (await find('05:00:00.5'))?.id], [first.id, fraction.id]);
	});

	it('asks for no list where the newest is valid, and for one object each', async () => {
		const { find, reads, lists } = createFixture(three());
		for (let minute = 10; minute < 60; minute++) assert.is(shown(await find(`07:${minute}:00`)), 'third');
		assert.equal([reads, lists], [[LATEST, pathOf(third)], []]);
	});

	it('lists the days before an older entry, and all where they hold none', async () => {
		const old = snapshotAt('2026-01-01T00:00:00Z');
		const { find, lists } = createFixture(folderOf([old, third], '08:00:00'));
		assert.is((await find('2026-03-04T06:00:00Z'))?.id, old.id);
		assert.equal(lists, [`${FOLDER}2026-02-24`, FOLDER]);
		assert.is((await find('2026-01-02T06:00:00Z'))?.id, old.id);
		assert.equal(lists, [`${FOLDER}2026-02-24`, FOLDER, `${FOLDER}2025-12-25`]);
	});
});

describe('bucket: stale', (it) => {
	it('is after a quarter of an hour', () => assert.is(STALE_AFTER_MS, 15 * 60 * 1000));

	const ended = snapshotAt('06:00:00', { previous: seen(first, '05:20:00') });
	const silent = snapshotAt('06:00:00');
	const stranger = snapshotAt('06:00:00', { previous: { id: 'any-0123456789ab', seenUntil: at('05:59:00') } });
	const collected = snapshotAt('05:00:00', { collectedAt: at('05:10:00') });
	const undated = (() => {
		const { collectedAt: _, ...rest } = first;
		return rest;
	})();
	const cases: [string, Objects, string, boolean][] = [
		['the newest, seen long ago', folderOf([first], '05:20:00'), '05:35:00.001', true],
		['the newest, seen just a quarter of an hour ago', folderOf([first], '05:20:00'), '05:35:00', false],
		['the newest, collected later than latest.json says', folderOf([collected], '05:00:00'), '05:25:00', false],
		['an older one by its successor', folderOf([first, ended], '06:30:00'), '05:36:00', true],
		['an older one, soon enough by its successor', folderOf([first, ended], '06:30:00'), '05:34:00', false],
		['a successor that names no predecessor: soon after its own time', folderOf([first, silent], '06:30:00'), '05:14:00', false],
		['a successor that names no predecessor: later', folderOf([first, silent], '06:30:00'), '05:16:00', true],
		['a successor that names another predecessor', folderOf([first, stranger], '06:30:00'), '05:16:00', true],
		['its own collection counts', folderOf([collected, silent], '06:30:00'), '05:24:00', false],
		['one that does not say when it was collected', folderOf([undated, silent], '06:30:00'), '05:16:00', true],
		['one that does not say when it was collected, soon', folderOf([undated, silent], '06:30:00'), '05:14:00', false],
	];
	for (const [name, objects, time, stale] of cases)
		it(name, async () => assert.is((await createFixture(objects).find(time))?.stale, stale));

	it('does not trust the time of another state than the one it found', async () => {
		const objects = folderOf([first]).set(LATEST, latest({ ...first, id: 'any-0123456789ab' }, '08:00:00'));
		assert.equal(await createFixture(objects).find('07:00:00'), { id: first.id, stale: true });
	});

	it('opens no successor where it cannot matter', async () => {
		const { find, reads } = createFixture(three());
		assert.is(shown(await find('05:10:00')), 'first');
		assert.equal(reads, [LATEST, pathOf(first)]);
		assert.is(shown(await find('05:30:00')), 'first');
		assert.equal(reads, [LATEST, pathOf(first), pathOf(second)]);
	});
});

describe('bucket: clusters', (it) => {
	it('has none where there is no folder, and does not ask again at once', async () => {
		const { find, reads, lists, clock, lines } = createFixture(three());
		const other = { ...CLUSTER, name: 'd' };
		assert.is(await find('07:30:00', other), undefined);
		assert.is(await find('07:30:00', other), undefined);
		assert.equal([reads, lists, lines], [['clusters/p/l/d/latest.json'], [], []]);
		clock.ms += 5_000;
		await find('07:30:00', other);
		assert.is(reads.length, 2);
	});

	it('takes the configured project where the entry names none, and has none without both', async () => {
		const { project: _, ...rest } = CLUSTER;
		assert.is(shown(await createFixture(three(), { projectId: 'p' }).find('07:30:00', rest)), 'third');
		assert.is(shown(await createFixture(three(), { projectId: 'q' }).find('07:30:00', rest)), 'none');
		assert.is(shown(await createFixture(three(), { projectId: 'q' }).find('07:30:00')), 'third');
		const unknown = createFixture(three());
		assert.equal([await unknown.find('07:30:00', rest), unknown.reads], [undefined, []]);
	});

	it('looks below its prefix', async () => {
		const objects: Objects = new Map([...three()].map(([name, bytes]) => [`audit/${name}`, bytes]));
		assert.is(shown(await createFixture(objects, { prefix: 'audit' }).find('05:30:00')), 'first');
		assert.is(shown(await createFixture(objects).find('05:30:00')), 'none');
	});

	it('asks for nothing outside of clusters/, whatever an entry names', async () => {
		const { find, reads } = createFixture(three());
		for (const name of ['../../x', '..', '\ud800', 'x'.repeat(5000), '', '/'])
			assert.is(await find('07:30:00', { project: name, location: name, name }), undefined);
		for (const read of reads) assert.match(read, /^clusters\/[\w.~-]+\/[\w.~-]+\/[\w.~-]+\/latest\.json$/);
	});
});

describe('bucket: fresh', (it) => {
	it('finds a new snapshot within seconds, without a timer', async () => {
		const objects = folderOf([first, second], '06:50:00');
		const { find, clock, reads } = createFixture(objects);
		assert.is(shown(await find('07:00:01')), 'second');
		for (const [name, bytes] of three()) objects.set(name, bytes);
		clock.ms += 4_999;
		assert.is(shown(await find('07:00:01')), 'second');
		clock.ms += 1;
		assert.is(shown(await find('07:00:01')), 'third');
		assert.equal(reads, [LATEST, pathOf(second), LATEST, pathOf(third)]);
	});

	it('sees that an unchanged state was seen again', async () => {
		const objects = folderOf([first], '05:20:00');
		const { find, clock } = createFixture(objects);
		assert.is(shown(await find('06:00:00')), 'first, stale');
		objects.set(LATEST, latest(first, '05:50:00'));
		clock.ms += 5_000;
		assert.is(shown(await find('06:00:00')), 'first');
	});

	it('lists once for the entries of a day, and again when there is a newer snapshot', async () => {
		const objects = folderOf([first, second], '06:50:00');
		const { find, clock, lists } = createFixture(objects);
		for (let minute = 0; minute < 60; minute++) await find(`05:${String(minute).padStart(2, '0')}:00`);
		assert.is(lists.length, 1);
		for (const [name, bytes] of three()) objects.set(name, bytes);
		clock.ms += 5_000;
		assert.is(shown(await find('06:30:00')), 'second');
		assert.is(lists.length, 2);
		clock.ms += 1;
		await find('05:30:00');
		assert.is(lists.length, 2);
		clock.ms += 5_000;
		await find('05:30:00');
		assert.is(lists.length, 3);
	});

	it('reads each object once for a hundred at once', async () => {
		const { find, source, reads, lists } = createFixture(three());
		const found = await Promise.all(Array.from({ length: 100 }, (_, index) => find(index % 2 === 0 ? '07:30:00' : '05:30:00')));
		assert.equal([...new Set(found.map(shown))].sort(), ['first', 'third']);
		assert.equal([[...reads].sort(), lists.length], [[LATEST, pathOf(first), pathOf(second), pathOf(third)].sort(), 1]);
		const [one, again] = [await source.find(CLUSTER, at('07:30:00')), await source.find(CLUSTER, at('07:31:00'))];
		assert.is(one?.snapshot, again?.snapshot);
	});

	it('compiles each once', async () => {
		const compiled: string[] = [];
		const { find } = createFixture(three(), {
			compile: (snapshot) => {
				compiled.push(snapshot.id);
				return compileSnapshot(snapshot);
			},
		});
		await Promise.all(Array.from({ length: 50 }, () => find('07:30:00')));
		await find('07:31:00');
		assert.equal(compiled, [third.id]);
	});

	it('keeps as much JSON as it may, the last used, and serves what is larger', async () => {
		const size = JSON.stringify(third).length + 1;
		const two = createFixture(three(), { maxBytes: 2 * size });
		const times = { first: '05:10:00', second: '06:10:00', third: '07:10:00' };
		for (const name of ['first', 'second', 'first', 'third', 'first', 'second'] as const)
			assert.is(shown(await two.find(times[name])), name);
		assert.equal(two.reads.slice(1), [first, second, third, second].map(pathOf));
		const none = createFixture(three(), { maxBytes: size / 2 });
		for (const name of ['third', 'third'] as const) assert.is(shown(await none.find(times[name])), name);
		assert.equal(none.reads, [LATEST, pathOf(third), pathOf(third)]);
	});
});

const GZIP = encodeSnapshot(third);
const cut = (bytes: Buffer, at: number, value: number): Buffer => Buffer.from(bytes).fill(value, at, at + 8);
const changed = (change: object): Buffer => gzipSync(JSON.stringify({ ...third, ...change }));

/** What is wrong with the newest snapshot, and what is said of it. */
const BAD: [string, Buffer | string, RegExp][] = [
	['empty', '', /is empty$/],
	['no gzip and no JSON', 'hello', /is not JSON in UTF-8$/],
	['gzip of nothing', gzipSync(''), /is empty$/],
	['gzip of what is no JSON', gzipSync('{"format":1'), /is not JSON/],
	['gzip of what is no UTF-8', gzipSync(Buffer.from([0x22, 0xff, 0x22])), /is not JSON/],
	['cut off', GZIP.subarray(0, -20), /is not complete gzip$/],
	['cut off in its header', GZIP.subarray(0, 5), /is not complete gzip$/],
	['bits turned over', cut(GZIP, 40, 0xaa), /is not complete gzip$/],
	['wrong checksum', cut(GZIP, GZIP.length - 8, 0), /is not complete gzip$/],
	['a bomb', gzipSync(Buffer.alloc(50_000_000)), /is larger than 1000000 bytes$/],
	['a large object', Buffer.alloc(1_000_001, 0x20), /is larger than 1000000 bytes$/],
	['another document', gzipSync('[]'), /is no snapshot/],
	['another format', changed({ format: 2 }), /this version reads snapshots of format 1, and this is one of format 2/],
	['bad fields', changed({ state: { ...third.state, pods: [{ name: 5 }] } }), /state\.pods\[0\]/],
	['nested too deep', gzipSync(`${'['.repeat(100_000)}${']'.repeat(100_000)}`), /is no snapshot|is not JSON/],
	[
		'another cluster',
		encodeSnapshot(snapshotAt('07:00:00', { cluster: { ...CLUSTER, name: 'd' } })),
		/is of another cluster than its folder$/,
	],
	['another location', encodeSnapshot(snapshotAt('07:00:00', { cluster: { ...CLUSTER, location: 'm' } })), /another cluster/],
	['another project', encodeSnapshot(snapshotAt('07:00:00', { cluster: { ...CLUSTER, project: 'q' } })), /another cluster/],
	['another time', encodeSnapshot(snapshotAt('07:00:01')), /is valid from 2026-03-04T07:00:01Z, which is not its name$/],
	['no time', encodeSnapshot((({ validFrom: _, ...rest }) => rest)(third)), /is valid from any time, which is not its name$/],
];

describe('bucket: bad snapshots', (it) => {
	for (const [name, bytes, complaint] of BAD)
		it(`${name}: the one before it, with one line in the log`, async () => {
			const { find, lines, reads, clock } = createFixture(three().set(pathOf(third), bytes));
			for (let times = 0; times < 3; times++) assert.is(shown(await find('07:30:00')), 'second, stale');
			assert.equal(
				lines.map(({ severity, object }) => [severity, object]),
				[['ERROR', pathOf(third)]],
			);
			assert.match(lines[0]?.reason ?? '', complaint);
			assert.is(lines[0]?.message, `snapshot skipped: ${pathOf(third)} ${lines[0]?.reason}`);
			assert.equal(reads, [LATEST, pathOf(third), pathOf(second)]);
			// It is looked at again after some time, and spoken of again.
			clock.ms += 5 * 60_000;
			await find('07:30:00');
			assert.equal([lines.length, reads.filter((read) => read === pathOf(third)).length], [2, 2]);
		});

	it('does not decide by a state that is known to have been replaced, however soon', async () => {
		const { find } = createFixture(three().set(pathOf(third), 'x'));
		assert.is(shown(await find('07:00:01')), 'second, stale');
	});

	it('takes none of it for proof that the one before was seen', async () => {
		const { find } = createFixture(three().set(pathOf(second), 'x'));
		assert.equal([shown(await find('05:14:00')), shown(await find('05:16:00'))], ['first', 'first, stale']);
	});

	it('goes on to the next older one, and ends at the first', async () => {
		const objects = three().set(pathOf(third), 'x').set(pathOf(second), 'x');
		const { find, lines } = createFixture(objects);
		assert.is(shown(await find('07:30:00')), 'first, stale');
		assert.is(lines.length, 2);
		const none = createFixture(objects.set(pathOf(first), 'x'));
		assert.equal([shown(await none.find('07:30:00')), none.lines.length], ['none', 3]);
	});

	it('gives up after ten', async () => {
		const many = Array.from({ length: 30 }, (_, minute) => snapshotAt(`06:${String(minute).padStart(2, '0')}:00`));
		const objects = folderOf(many, '06:30:00');
		for (const snapshot of many.slice(15)) objects.set(pathOf(snapshot), 'x');
		const { find, reads, lines } = createFixture(objects);
		assert.is(await find('06:40:00'), undefined);
		assert.equal([reads.length, lines.length], [11, 10]);
		assert.is((await find('06:20:00'))?.id, many[14]?.id);
	});

	it('looks beyond the first days where all of these are bad', async () => {
		const old = snapshotAt('2026-01-01T00:00:00Z');
		const { find, lines } = createFixture(folderOf([old, third], '08:00:00').set(pathOf(third), 'x'));
		assert.equal([await find('07:30:00'), lines.length], [{ id: old.id, stale: true }, 1]);
	});

	it('accepts one that does not know its project, or its cluster, or is not compressed', async () => {
		const { project: _, ...facts } = CLUSTER;
		for (const snapshot of [
			snapshotAt('07:00:00', { cluster: facts }),
			{ ...third, state: (({ cluster: _, ...rest }) => rest)(third.state) },
		]) {
			const { find, lines } = createFixture(folderOf([first, snapshot], '08:00:00').set(pathOf(snapshot), JSON.stringify(snapshot)));
			assert.equal([await find('07:30:00'), lines], [{ id: snapshot.id, stale: false }, []]);
		}
	});

	it('passes over one that is not there', async () => {
		const objects = three();
		objects.delete(pathOf(third));
		const { find, lines } = createFixture(objects);
		assert.is(shown(await find('07:30:00')), 'second, stale');
		assert.equal(
			lines.map(({ message }) => message),
			[`snapshot skipped: ${pathOf(third)} is not there`],
		);
	});

	it('passes over one that the engine fails on', async () => {
		const { find, lines } = createFixture(three(), {
			compile: (snapshot) => {
				if (snapshot.id === third.id) throw new RangeError('too many');
				return compileSnapshot(snapshot);
			},
		});
		assert.is(shown(await find('07:30:00')), 'second, stale');
		assert.equal(
			lines.map(({ reason }) => reason),
			['cannot be compiled: too many'],
		);
	});

	it('says no more than 500 characters of it', async () => {
		const { find, lines } = createFixture(three(), {
			compile: () => {
				throw new Error('x'.repeat(100_000));
			},
		});
		await find('07:30:00');
		assert.is(lines[0]?.reason.length, 500);
	});
});

describe('bucket: bad latest.json', (it) => {
	const cases: [string, Buffer | string][] = [
		['no JSON', '{'],
		['empty', ''],
		['another format', latest(third, '08:00:00').replace('"format":1', '"format":2')],
		['a name outside', latest(third, '08:00:00').replace('"name":"', '"name":"../d/')],
		['no object', 'null'],
		['large', Buffer.alloc(70_000, 0x20)],
	];
	for (const [name, bytes] of cases)
		it(`${name}: the folder says what is there, with one line in the log`, async () => {
			const { find, lines, clock } = createFixture(three().set(LATEST, bytes));
			const found = [];
			for (const time of ['07:10:00', '07:20:00', '05:30:00', '04:00:00']) found.push(shown(await find(time)));
			clock.ms += 6_000;
			found.push(shown(await find('07:10:00')));
			assert.equal(found, ['third', 'third, stale', 'first', 'none', 'third']);
			assert.equal(
				lines.map(({ severity, object }) => [severity, object]),
				[['ERROR', LATEST]],
			);
		});
});

describe('bucket: no answer', (it) => {
	const trouble = new Error('cannot read gs://b/x: 503');
	const cases: [string, string, string][] = [
		['latest.json', LATEST, '07:30:00'],
		['the newest', pathOf(third), '07:30:00'],
		['an older one', pathOf(first), '05:30:00'],
		['its successor, which is asked for', pathOf(second), '05:30:00'],
	];
	for (const [name, object, time] of cases)
		it(`${name}: it rejects, for all who wait, and tries again at once`, async () => {
			const objects = three();
			const good = objects.get(object) as Buffer;
			const { find, lines, reads } = createFixture(objects.set(object, trouble));
			const results = await Promise.allSettled(Array.from({ length: 20 }, () => find(time)));
			for (const result of results) assert.is(result.status === 'rejected' && result.reason, trouble);
			assert.is(reads.filter((read) => read === object).length, 1);
			assert.equal(lines, []);
			objects.set(object, good);
			assert.match(shown(await find(time)), /^(first|third)$/);
		});

	it('a list: it rejects, and an entry that needs none is answered', async () => {
		const objects = three().set(FOLDER, trouble);
		const { find, lists, lines } = createFixture(objects);
		assert.is(shown(await find('07:30:00')), 'third');
		const results = await Promise.allSettled([find('05:30:00'), find('05:40:00')]);
		for (const result of results) assert.is(result.status === 'rejected' && result.reason, trouble);
		assert.equal([lists.length, lines], [1, []]);
		objects.delete(FOLDER);
		assert.is(shown(await find('05:30:00')), 'first');
	});
});

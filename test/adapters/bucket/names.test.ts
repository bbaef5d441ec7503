import * as assert from 'uvu/assert';
import {
	clusterFolder,
	formatLatest,
	orderSnapshots,
	parseLatest,
	parseSnapshotName,
	snapshotName,
} from '../../../functions/adapters/bucket/names.ts';
import { describe } from '../../describe.ts';

const folder = (project: string, location = 'l', name = 'c', prefix?: string) => clusterFolder({ project, location, name }, prefix);

describe('bucket: folders', (it) => {
	const cases: [string, string | undefined, string | undefined][] = [
		['a usual one', folder('my-project', 'europe-west1-b', 'prod_1'), 'clusters/my-project/europe-west1-b/prod_1/'],
		['a project of a domain', folder('example.com:p'), 'clusters/example.com~003ap/l/c/'],
		['a prefix', folder('p', 'l', 'c', 'audit'), 'audit/clusters/p/l/c/'],
		['a prefix with its slash', folder('p', 'l', 'c', 'a/b/'), 'a/b/clusters/p/l/c/'],
		['a slash', folder('p', 'l', 'a/b'), 'clusters/p/l/a~002fb/'],
		['two dots', folder('..', '.', '...'), 'clusters/~002e~002e/~002e/.../'],
		['half a surrogate pair', folder('p', 'l', '\ud800'), 'clusters/p/l/~d800/'],
		['a line break, a null and a wildcard', folder('p', 'l', '\n\0*'), 'clusters/p/l/~000a~0000~002a/'],
		['no project', folder(''), undefined],
		['an absent project', clusterFolder({ location: 'l', name: 'c' }), undefined],
		['no name', folder('p', 'l', ''), undefined],
		['no location', folder('p', ''), undefined],
		['a name longer than an object may have', folder('p', 'l', 'x'.repeat(2000)), undefined],
	];
	for (const [name, actual, expected] of cases) it(name, () => assert.is(actual, expected));

	it('keeps different clusters apart', () => {
		const names = [
			'.',
			'~002e',
			'..',
			'...',
			'a/b',
			'a~002fb',
			'a',
			'A',
			'a b',
			'a%20b',
			'é',
			'e\u0301',
			'\ud800',
			'\udc00',
			'\ufffd',
			'__proto__',
		];
		const folders = names.flatMap((name) => [folder(name), folder('p', name), folder('p', 'l', name)]);
		assert.is(new Set(folders).size, folders.length);
		for (const path of folders) assert.match(path ?? '', /^clusters(\/(?!\.{1,2}\/)[\w.~-]+){3}\/$/);
	});
});

describe('bucket: names', (it) => {
	it('are times', () => {
		assert.is(snapshotName('2026-03-04T05:06:07Z'), '2026-03-04T050607Z.json.gz');
		assert.equal(parseSnapshotName('2026-03-04T050607.5Z.json.gz'), {
			name: '2026-03-04T050607.5Z.json.gz',
			from: '2026-03-04T05:06:07.500000000',
		});
	});
	for (const name of [
		'latest.json',
		'2026-03-04T05:06:07Z.json.gz',
		'2026-03-04T050607.50Z.json.gz',
		'2026-02-31T050607Z.json.gz',
		'../2026-03-04T050607Z.json.gz',
		'sub/2026-03-04T050607Z.json.gz',
		'2026-03-04T050607Z.json',
		'.json.gz',
		'',
	])
		it(`leave out ${JSON.stringify(name)}`, () => assert.is(parseSnapshotName(name), undefined));

	it('are ordered by time, which is not their own order', () => {
		const names = ['2026-03-04T050607.5Z.json.gz', '2026-03-04T050607Z.json.gz', 'latest.json', '2026-03-04T050606.9Z.json.gz'];
		assert.equal(
			orderSnapshots(names).map(({ name }) => name),
			['2026-03-04T050606.9Z.json.gz', '2026-03-04T050607Z.json.gz', '2026-03-04T050607.5Z.json.gz'],
		);
	});
});

describe('bucket: latest.json', (it) => {
	const good = { format: 1, name: '2026-03-04T050607Z.json.gz', id: '2026-03-04T050607Z-0123456789ab', seenUntil: '2026-03-04T06:00:00Z' };
	it('is read as it is written', () => {
		assert.equal(JSON.parse(formatLatest(good)), good);
		const { format: _, ...latest } = good;
		assert.equal(parseLatest(JSON.parse(formatLatest(good))), { ...latest, from: '2026-03-04T05:06:07.000000000' });
	});
	const bad: [unknown, RegExp][] = [
		[null, /no object/],
		[[good], /no object/],
		['x', /no object/],
		[{}, /format/],
		[{ ...good, format: 2 }, /format that this version does not read: 2/],
		[{ ...good, format: 'x'.repeat(1000) }, /format.{0,90}$/],
		[{ ...good, name: '../other/2026-03-04T050607Z.json.gz' }, /names no snapshot/],
		[{ ...good, name: 5 }, /names no snapshot/],
		[{ ...good, id: undefined }, /no id/],
		[{ ...good, seenUntil: 'yesterday' }, /no time/],
		[{ ...good, seenUntil: undefined }, /no time/],
	];
	for (const [document, complaint] of bad)
		it(`refuses ${JSON.stringify(document).slice(0, 60)}: ${complaint}`, () => assert.match(String(parseLatest(document)), complaint));
});

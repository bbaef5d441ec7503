import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import { canonicalJson, encodeSnapshot } from '../../functions/snapshot/canonical.ts';
import { type ReadOptions, readSnapshots } from '../../functions/snapshot/files.ts';
import { formatProblem } from '../../functions/snapshot/problem.ts';
import { describe } from '../describe.ts';
import { fixture, object, pod, policy } from './raw.ts';

type Files = Readonly<Record<string, string | Buffer>>;
const json = (...items: unknown[]): string => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
const CLUSTER = JSON.stringify({ name: 'c', location: 'l', currentMasterVersion: '1.30.1' });
const EARLY = '2026-01-01T000000Z';
const LATE = '2026-01-02T000000Z';

/** Writes files into a new folder, reads the paths in it, and says what came of it with the folder's name taken out. */
async function readFiles(files: Files, paths: readonly string[] = ['.'], options: ReadOptions = {}) {
	const folder = await mkdtemp(join(tmpdir(), 'snapshots-'));
	try {
		for (const [name, content] of Object.entries(files)) {
			await mkdir(join(folder, name, '..'), { recursive: true });
			if (name.endsWith('/')) await mkdir(join(folder, name), { recursive: true });
			else await writeFile(join(folder, name), content);
		}
		const read = await readSnapshots(
			paths.map((path) => join(folder, path)),
			options,
		);
		const short = (text: string) => text.replaceAll(`${folder}/`, '').replaceAll(folder, '.');
		return {
			...read,
			times: read.snapshots.map(({ validFrom }) => validFrom ?? 'any'),
			said: read.problems.map((problem) => short(formatProblem(problem))),
			warned: read.warnings.map((problem) => short(formatProblem(problem))),
			noted: read.notes.map(short),
		};
	} finally {
		await rm(folder, { recursive: true });
	}
}

const namesOf = ({ snapshots }: { snapshots: Awaited<ReturnType<typeof readSnapshots>>['snapshots'] }) =>
	snapshots.map(({ state }) => state.pods.map(({ name }) => name));

describe('files: the founding experiment', (it) => {
	it('two snapshots, as the folders say', async () => {
		const { snapshots, problems, warnings, notes, origins } = await readSnapshots(['examples/seed/snapshots']);
		assert.equal([problems, warnings, notes], [[], [], []]);
		assert.equal(
			snapshots.map(({ validFrom }) => validFrom),
			['2023-09-23T14:20:57Z', '2023-09-25T01:40:00Z'],
		);
		const [first, second] = snapshots;
		assert.match(first?.id ?? '', /^2023-09-23T142057Z-[0-9a-f]{12}$/);
		assert.equal(
			first?.state.pods.map(({ name, ips }) => [name, ...ips]),
			[
				['pod1', '10.32.2.8'],
				['pod2', '10.32.2.9'],
				['pod3', '10.32.2.10'],
			],
		);
		assert.equal(
			first?.state.policies.map(({ name, types, egress }) => [name, types, egress]),
			[['test-network-policy', ['ingress'], [{ peers: [], ports: [] }]]],
		);
		assert.equal(
			second?.state.policies.map(({ namespace, name }) => [namespace, name]),
			[['default', 'default-deny-all']],
		);
		assert.is(first?.state.cluster?.project, undefined);
		const place = origins.get(second?.id ?? '')?.get('default/default-deny-all');
		assert.match(place ? formatProblem({ ...place, message: 'here' }) : '', /default-deny-all\.yaml:1:1: here$/);
	});
	it('the folder above, with log entries and a README beside', async () => {
		const { snapshots, problems } = await readSnapshots(['examples/seed']);
		assert.equal([snapshots.length, problems], [2, []]);
	});
	it('read again from .json.gz: equal documents and ids', async () => {
		const { snapshots } = await readSnapshots(['examples/seed']);
		const files = Object.fromEntries(snapshots.map((snapshot) => [`prod/${snapshot.id.slice(0, 18)}.json.gz`, encodeSnapshot(snapshot)]));
		const again = await readFiles({ ...files, 'prod/latest.json': '{"name":"x","seenUntil":"y"}' });
		assert.equal([again.said, again.noted], [[], []]);
		assert.equal(again.snapshots, snapshots);
		assert.equal(
			again.snapshots.map((snapshot) => JSON.stringify(snapshot)),
			snapshots.map(canonicalJson),
		);
	});
	it('the same folder as one file of JSON, one file a object, or YAML', async () => {
		const objects = [pod('a'), pod('b'), policy('p'), object('v1', 'Namespace')];
		const ids = async (files: Files) => (await readFiles(files)).snapshots.map(({ id }) => id);
		const one = await ids({ [`${EARLY}/all.json`]: json(...objects) });
		assert.equal(
			await ids(Object.fromEntries(objects.map((item, index) => [`${EARLY}/sub/${9 - index}.json`, JSON.stringify(item)]))),
			one,
		);
		assert.equal(
			await ids({
				[`${EARLY}/all.yml`]: objects
					.map((item) => JSON.stringify(item))
					.reverse()
					.join('\n---\n'),
			}),
			one,
		);
		assert.equal(await ids({ [`${EARLY}.json.gz`]: gzipSync(json(...objects)) }), one);
	});
});

describe('files: layouts', (it) => {
	it('several clusters side by side, at any depth', async () => {
		const cluster = (name: string) => JSON.stringify({ name, location: 'l', currentMasterVersion: '1' });
		const read = await readFiles({
			[`eu/a/${EARLY}/cluster.json`]: cluster('a'),
			[`eu/a/${LATE}/cluster.json`]: cluster('a'),
			[`us/b/${EARLY}/cluster.json`]: cluster('b'),
		});
		assert.equal(
			read.snapshots.map(({ validFrom, state }) => [state.cluster?.name, validFrom?.slice(0, 10)]),
			[
				['a', '2026-01-01'],
				['a', '2026-01-02'],
				['b', '2026-01-01'],
			],
		);
		assert.equal(read.said, []);
	});
	it('a snapshot folder by itself', async () =>
		assert.equal((await readFiles({ [`${EARLY}/a.json`]: json(pod('a')) }, [EARLY])).times, ['2026-01-01T00:00:00Z']));
	it('milliseconds in a name', async () => {
		const { snapshots } = await readFiles({ '2026-01-01T000000.250Z/a.json': json(pod('a')) });
		assert.match(snapshots[0]?.id ?? '', /^2026-01-01T000000\.25Z-/);
	});
	it('a plain folder is valid at any time, and says so', async () => {
		const read = await readFiles({
			'a.yaml': JSON.stringify(pod('a')),
			'sub/b.json': JSON.stringify(pod('b')),
			'README.md': '#',
			'.hidden.yaml': 'x: [',
		});
		assert.equal([read.times, namesOf(read), read.said], [['any'], [['a', 'b']], []]);
		assert.equal(read.noted, ['.: objects without a time, taken as one snapshot that is valid at any time']);
		assert.match(read.snapshots[0]?.id ?? '', /^any-/);
	});
	it('plain paths belong together', async () => {
		const files = { 'p/a.json': json(policy('p')), 'pods.txt': json(pod('a')), 'cluster.json': CLUSTER };
		const { snapshots, said } = await readFiles(files, ['p', 'pods.txt', 'cluster.json']);
		assert.equal(said, []);
		assert.equal(
			snapshots.map(({ state }) => [state.cluster?.name, state.policies.length, state.pods.length]),
			[['c', 1, 1]],
		);
	});
	it('plain paths of two clusters do not', async () => {
		const files = {
			'a/c.json': CLUSTER,
			'a/p.json': json(pod('a')),
			'b/c.json': CLUSTER.replace('"c"', '"d"'),
			'c/p.json': json(pod('c')),
		};
		const read = await readFiles(files, ['a', 'b', 'c']);
		assert.equal(
			read.snapshots.map(({ state }) => [state.cluster?.name, ...state.pods.map(({ name }) => name)]),
			[['c', 'a'], ['d'], [undefined, 'c']],
		);
		assert.equal(read.said, []);
	});
	it('objects beside snapshot folders belong to none', async () => {
		const read = await readFiles({
			[`${EARLY}/a.json`]: json(pod('a')),
			'b.json': json(pod('b'), policy('p')),
			'package.json': '{"name":"x"}',
		});
		assert.equal(namesOf(read), [['a']]);
		assert.equal(read.said, ['b.json: is left out, as are 2 objects in all: beside folders named by time in . they belong to no snapshot']);
	});
	it('a folder whose name is almost a time', async () => {
		const read = await readFiles({ '2026-01-01/a.json': json(pod('a')), [`${EARLY}/a.json`]: json(pod('a')) });
		assert.equal(read.said, ['2026-01-01: is no snapshot folder: its name must be a time such as 2023-09-23T142057Z (UTC)']);
		assert.is(read.snapshots.length, 1);
	});
	it('a canonical document among plain objects is a snapshot by itself', async () => {
		const [snapshot] = (await readFiles({ [`${EARLY}/a.json`]: json(pod('a')) })).snapshots;
		assert.ok(snapshot);
		const read = await readFiles({ 'saved.json': JSON.stringify(snapshot), 'b.json': json(pod('b')) });
		assert.equal([read.times.sort(), read.said], [['2026-01-01T00:00:00Z', 'any'], []]);
	});
	it('links are followed, but not in a circle', async () => {
		const folder = await mkdtemp(join(tmpdir(), 'snapshots-'));
		await writeFile(join(folder, 'a.json'), json(pod('a')));
		await symlink(folder, join(folder, 'again'));
		await symlink(join(folder, 'nowhere'), join(folder, 'b.json'));
		const { snapshots, problems } = await readSnapshots([folder]);
		await rm(folder, { recursive: true });
		assert.equal([snapshots.length, problems.map(({ message }) => message)], [1, ['does not exist']]);
	});
	it('warnings and counts of what was left out', async () => {
		const read = await readFiles({
			'a.yaml': 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec:\n  ingress:\n  - to: []\n',
			'b.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {token: aHVudGVyMg==}\n',
		});
		assert.equal(read.warned, [
			'a.yaml:6:5: NetworkPolicy p: spec.ingress[0].to: is not a field: the API server drops it, and without from the rule admits every peer (fields here: from, ports)',
		]);
		assert.is(read.noted.at(-1), 'other objects, which policies do not depend on, were left out: 1 Secret');
		assert.is(JSON.stringify(read).includes('aHVudGVyMg'), false);
	});
});

describe('files: what cannot be read', (it) => {
	const good = { [`${EARLY}/a.json`]: json(pod('a')) };
	const cases: [string, Files, readonly string[], readonly string[]][] = [
		['a path that is not there', {}, ['.', 'none'], ['none: does not exist']],
		['an empty folder', { 'empty/': '' }, ['.', 'empty'], ['empty: has no .yaml, .yml or .json files']],
		['an empty snapshot folder', { [`${LATE}/`]: '' }, ['.'], [`${LATE}: has no .yaml, .yml or .json files`]],
		['an empty file', { [`${LATE}/a.yaml`]: '', [`${LATE}/b.json`]: json(pod('b')) }, ['.'], [`${LATE}/a.yaml: is empty`]],
		[
			'JSON that is none',
			{ [`${LATE}/a.json`]: '{"a":', [`${LATE}/b.json`]: json(pod('b')) },
			['.'],
			[`${LATE}/a.json:1:6: is not JSON: it ends in the middle`],
		],
		[
			'YAML that is none',
			{ [`${LATE}/a.yaml`]: 'a: 1\nb: [\n', [`${LATE}/b.json`]: json(pod('b')) },
			['.'],
			[`${LATE}/a.yaml:3:1: is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]`],
		],
		['text, and no object', { 'x.txt': 'hello' }, ['.', 'x.txt'], ['x.txt:1:1: is no Kubernetes object, but a string']],
		[
			'only other objects',
			{ [`${LATE}/a.json`]: json(object('v1', 'Secret')) },
			['.'],
			[`${LATE}: has no Kubernetes objects that policies depend on`],
		],
		['bytes that are no text', { 'x.yaml': Buffer.from([0x61, 0xff, 0xfe, 0x00]) }, ['.', 'x.yaml'], ['x.yaml: is not text in UTF-8']],
		[
			'gzip that is cut',
			{ [`${LATE}.json.gz`]: gzipSync(json(pod('b'))).subarray(0, 30) },
			['.'],
			[`${LATE}.json.gz: is not complete gzip`],
		],
		[
			'a snapshot of a later format',
			{ [`${LATE}.json`]: '{"format":2,"state":{}}' },
			['.'],
			[`${LATE}.json: format: this version reads snapshots of format 1, and this is one of format 2: update policy-action-audit`],
		],
		[
			'a page of an API list, and its error',
			{ [`${LATE}/a.json`]: JSON.stringify(fixture('error-403-secrets')) },
			['.'],
			[`${LATE}/a.json: Status (no name): is an API server's answer and no list: Forbidden`],
		],
	];
	for (const [name, files, paths, messages] of cases) {
		it(`${name}: one message, and the rest is read`, async () => {
			const read = await readFiles({ ...good, ...files }, paths);
			// A file that stands beside the snapshots is read twice: there, and by its own path.
			assert.equal([...new Set(read.said)], messages);
			assert.ok(namesOf(read).flat().includes('a'));
		});
	}
	it('a file, and a gzip bomb, that are larger than allowed', async () => {
		const large = json(pod('a'), object('v1', 'ConfigMap', { data: { x: 'x'.repeat(3_000_000) } }));
		const { said, snapshots } = await readFiles({ 'a.json': large, 'b.json.gz': gzipSync(large), 'c.json': json(pod('c')) }, ['.'], {
			maxBytes: 2 * 1024 * 1024,
		});
		assert.equal(said, ['a.json: is too large: at most 2 MB are read', 'b.json.gz: is too large: at most 2 MB uncompressed are read']);
		assert.is(snapshots.length, 1);
	});
	it('UTF-16, as older PowerShells write it', async () => {
		const text = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(json(pod('a')), 'utf16le')]);
		assert.equal(namesOf(await readFiles({ 'a.json': text })), [['a']]);
	});
	it('two snapshots of a cluster at one time: both are named', async () => {
		const read = await readFiles({ [`x/${EARLY}/a.json`]: json(pod('a')), [`y/${EARLY}/a.json`]: json(pod('b')) });
		assert.equal(read.said, [`y/${EARLY}: is left out: it is a snapshot of any cluster from 2026-01-01T00:00:00Z, and so is x/${EARLY}`]);
		assert.equal(namesOf(read), [['a']]);
	});
	it('the same snapshot twice', async () => {
		const read = await readFiles(good, ['.', EARLY]);
		assert.equal([read.snapshots.length, read.said, read.noted], [1, [], [`${EARLY}: the same snapshot as ${EARLY}`]]);
	});
	it('a canonical document that was edited counts by its content', async () => {
		const [snapshot] = (await readFiles(good)).snapshots;
		assert.ok(snapshot);
		const edited = { ...snapshot, state: { ...snapshot.state, pods: [] } };
		const read = await readFiles({ [`${EARLY}.json`]: JSON.stringify(edited) });
		assert.is.not(read.snapshots[0]?.id, snapshot.id);
		assert.match(read.noted[0] ?? '', /its id 2026-01-01T000000Z-\w+ does not belong to its content/);
	});
	it('very many problems', async () => {
		const broken = Array.from({ length: 200_000 }, () => ({ apiVersion: 'v1', kind: 'Pod' }));
		const { said } = await readFiles({ 'a.json': JSON.stringify(broken) });
		assert.is(said.length, 200_000);
	});
	it('no paths at all', async () => assert.equal((await readSnapshots([])).snapshots, []));
});

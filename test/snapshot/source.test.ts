import * as assert from 'uvu/assert';
import { compileSnapshot } from '../../functions/policy/compile.ts';
import type { ClusterFacts, Snapshot } from '../../functions/policy/model.ts';
import { createSnapshot } from '../../functions/snapshot/canonical.ts';
import { createFileSnapshots } from '../../functions/snapshot/source.ts';
import { describe } from '../describe.ts';
import { reduce } from './raw.ts';

const { state } = reduce([]);
const snapshot = (validFrom?: string, cluster?: ClusterFacts): Snapshot =>
	createSnapshot({ state: { ...state, ...(cluster && { cluster }) }, ...(validFrom !== undefined && { validFrom }) });

const C = { location: 'l', name: 'c' };
const AT = '2026-01-01T12:00:00Z';

/** Which of the snapshots is found, by its place in the list. */
async function found(
	snapshots: readonly Snapshot[],
	at = AT,
	cluster: { project?: string; location: string; name: string } = C,
): Promise<number> {
	const answer = await createFileSnapshots(snapshots).find(cluster, at);
	assert.is(answer?.stale ?? false, false, 'files are never stale');
	return snapshots.findIndex(({ id }) => id === answer?.snapshot.id);
}

describe('source: by time', (it) => {
	const days = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z', '2026-01-03T00:00:00.5Z'].map((time) => snapshot(time));
	const cases: [string, number][] = [
		['2025-12-31T23:59:59.999999999Z', -1],
		['2026-01-01T00:00:00Z', 0],
		['2026-01-01T23:59:59.999999999Z', 0],
		['2026-01-02T00:00:00.000000000Z', 1],
		['2026-01-03T00:00:00.499999999Z', 1],
		['2026-01-03T00:00:00.500000000Z', 2],
		['2026-01-03T00:00:00.5Z', 2],
		['2030-01-01T00:00:00Z', 2],
		['2026-01-02T01:00:00+02:00', 0],
		['yesterday', -1],
	];
	for (const [at, expected] of cases) {
		it(at, async () => {
			assert.is(await found(days, at), expected);
			const [first, second, third] = days as [Snapshot, Snapshot, Snapshot];
			const shuffled = [third, first, second];
			assert.is(shuffled[await found(shuffled, at)]?.id, days[expected]?.id);
		});
	}
	it('one without a time serves where there is none with', async () => {
		const mixed = [snapshot(), ...days];
		assert.is(await found(mixed, '2025-01-01T00:00:00Z'), 0);
		assert.is(await found(mixed, '2026-01-02T05:00:00Z'), 2);
		assert.is(await found(mixed, 'yesterday'), 0);
	});
});

describe('source: by cluster', (it) => {
	const T = '2026-01-01T00:00:00Z';
	const cases: [string, readonly Snapshot[], Parameters<typeof found>[2], number][] = [
		['its own', [snapshot(T, { ...C, name: 'd' }), snapshot(T, C)], C, 1],
		['another cluster', [snapshot(T, { ...C, name: 'd' })], C, -1],
		['another location', [snapshot(T, { ...C, location: 'm' })], C, -1],
		['a snapshot without facts serves every cluster', [snapshot(T)], C, 0],
		['its own is preferred', [snapshot(T), snapshot('2025-06-01T00:00:00Z', C)], C, 1],
		['its own without a time is preferred', [snapshot(T), snapshot(undefined, C)], C, 1],
		['its own is later: none, though there is one for every cluster', [snapshot(T), snapshot('2026-06-01T00:00:00Z', C)], C, -1],
		[
			'the project too, where both know it',
			[snapshot(T, { ...C, project: 'q' }), snapshot(T, { ...C, project: 'p' })],
			{ ...C, project: 'p' },
			1,
		],
		['another project', [snapshot(T, { ...C, project: 'q' })], { ...C, project: 'p' }, -1],
		['a snapshot that does not know its project', [snapshot(T, C)], { ...C, project: 'p' }, 0],
		['an entry that does not know its project', [snapshot(T, { ...C, project: 'q' })], C, 0],
		[
			'with and without a project: the latest',
			[snapshot(T, C), snapshot('2025-06-01T00:00:00Z', { ...C, project: 'p' })],
			{ ...C, project: 'p' },
			0,
		],
		['with and without a project at one time', [snapshot(T, C), snapshot(T, { ...C, project: 'p' })], { ...C, project: 'p' }, 1],
		['none at all', [], C, -1],
	];
	for (const [name, snapshots, cluster, expected] of cases) it(name, async () => assert.is(await found(snapshots, AT, cluster), expected));

	it('compiles a snapshot once, and only when it is needed', async () => {
		const compiled: string[] = [];
		const source = createFileSnapshots([snapshot(T), snapshot('2026-01-02T00:00:00Z')], (given) => {
			compiled.push(given.validFrom ?? '');
			return compileSnapshot(given);
		});
		assert.equal(compiled, []);
		const [first, again] = [await source.find(C, AT), await source.find({ ...C, name: 'd' }, AT)];
		assert.ok(first);
		assert.is(first.snapshot, again?.snapshot);
		assert.equal(compiled, [T]);
	});
});

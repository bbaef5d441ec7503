import { equal, is, ok } from 'uvu/assert';
import { createSnapshotRequests, type RequestLimits } from '../../functions/ingest/snapshot-requests.ts';
import type { SnapshotRequest } from '../../functions/ports.ts';
import { describe } from '../describe.ts';

const CLUSTER = { project: 'p', location: 'l', name: 'c' };

function createRequests(publish: (request: SnapshotRequest) => Promise<void> = async () => {}, limits: Partial<RequestLimits> = {}) {
	const clock = { ms: Date.parse('2026-03-04T05:00:00Z') };
	const published: SnapshotRequest[] = [];
	const failures: string[] = [];
	const ask = createSnapshotRequests({
		publish: (request) => {
			published.push(request);
			return publish(request);
		},
		onFailure: ({ cluster }, error) => failures.push(`${cluster.name}: ${(error as Error).message}`),
		now: () => new Date(clock.ms),
		limits,
	});
	return { ask, clock, published, failures };
}

describe('requests for snapshots', (it) => {
	it('say which cluster, why and when', async () => {
		const { ask, published } = createRequests();
		await ask(CLUSTER, 'no-snapshot');
		equal(published, [{ cluster: CLUSTER, reason: 'no-snapshot', requestedAt: '2026-03-04T05:00:00.000Z' }]);
	});

	it('are one a cluster and interval, whatever the reason', async () => {
		const { ask, clock, published } = createRequests();
		await Promise.all([ask(CLUSTER, 'flagged'), ask(CLUSTER, 'flagged'), ask(CLUSTER, 'no-snapshot')]);
		await Promise.all(['location', 'name', 'project'].map((key) => ask({ ...CLUSTER, [key]: 'x' }, 'flagged')));
		await ask({ location: 'l', name: 'c' }, 'flagged');
		is(published.length, 5);
		clock.ms += 59_999;
		await ask(CLUSTER, 'flagged');
		is(published.length, 5);
		clock.ms += 1;
		await ask(CLUSTER, 'flagged');
		is(published.length, 6);
	});

	it('that fail are heard of, change nothing, and are made again before long', async () => {
		const { ask, clock, published, failures } = createRequests(async () => {
			throw new Error('no topic');
		});
		await ask(CLUSTER, 'flagged');
		await ask(CLUSTER, 'flagged');
		equal([failures, published.length], [['c: no topic'], 1]);
		clock.ms += 10_000;
		await ask(CLUSTER, 'flagged');
		is(published.length, 2);
	});

	it('that throw are failures too', async () => {
		const { ask, failures } = createRequests(() => {
			throw new Error('bug');
		});
		await ask(CLUSTER, 'flagged');
		equal(failures, ['c: bug']);
	});

	it('are not waited for when the publisher hangs, and no timer is left when it does not', async () => {
		const { ask } = createRequests(() => new Promise(() => {}), { waitMs: 5 });
		await ask(CLUSTER, 'flagged');
		const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
		const before = timers();
		await createRequests().ask(CLUSTER, 'flagged');
		is(timers(), before);
	});

	it('remember so many clusters, the oldest is forgotten first', async () => {
		const { ask, published } = createRequests(undefined, { clusters: 2 });
		for (const name of ['a', 'b', 'c', 'b', 'c', 'a']) await ask({ ...CLUSTER, name }, 'flagged');
		equal(
			published.map(({ cluster }) => cluster.name),
			['a', 'b', 'c', 'a'],
		);
		ok(published.every(({ reason }) => reason === 'flagged'));
	});
});

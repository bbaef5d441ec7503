import { equal, is, match } from 'uvu/assert';
import { createKubernetesApi } from '../../functions/adapters/kubernetes.ts';
import { DEFAULT_CANDIDATES } from '../../functions/policy/semantics.ts';
import type { Appended, KubernetesApi, Row, TableName } from '../../functions/ports.ts';
import { type CollectionPorts, createCollection } from '../../functions/snapshot/collection.ts';
import { CLUSTER } from '../adapters/bucket/store.ts';
import { refusal } from '../adapters/refusal.ts';
import { describe } from '../describe.ts';
import { startKubeApi } from '../servers/kube-api.ts';
import { createKept } from './kept.ts';
import { object, pod } from './raw.ts';

const DESCRIPTION = { ...CLUSTER, nodePools: [] };
const wrong = object('networking.k8s.io/v1', 'NetworkPolicy', {
	metadata: { name: 'by-address', namespace: 'shop' },
	spec: { podSelector: {}, policyTypes: ['Ingress'], ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }] },
});

/** Collects a cluster with one policy that the linter has something to say of, from 05:00 of 2026-03-04 on. */
async function withCluster(
	{ answer = () => ({ kind: 'stored' }), ...ports }: Partial<CollectionPorts> & { readonly answer?: (table: TableName) => Appended },
	use: (bench: {
		readonly collect: () => Promise<unknown>;
		readonly rows: readonly (readonly [TableName, Row])[];
		readonly refused: readonly string[];
		readonly kept: ReturnType<typeof createKept>;
	}) => Promise<void>,
): Promise<void> {
	const server = await startKubeApi({ objects: [object('v1', 'Namespace', { metadata: { name: 'shop' } }), pod('a'), wrong] as never });
	const api: KubernetesApi = createKubernetesApi({ servers: [server.url], headers: async () => new Headers() });
	const kept = createKept();
	const rows: [TableName, Row][] = [];
	const refused: string[] = [];
	let nowMs = Date.parse('2026-03-04T05:00:00Z');
	const collect = createCollection({
		open: async () => ({ api, description: DESCRIPTION }),
		store: kept.store,
		warehouse: {
			append(table, row, { settle }) {
				rows.push([table, row]);
				settle(answer(table));
			},
		},
		candidates: DEFAULT_CANDIDATES,
		patienceMs: 1000,
		now: () => new Date(nowMs),
		onRefused: (table, detail) => refused.push(`${table}: ${detail}`),
		...ports,
	});
	try {
		await use({
			collect: () => {
				nowMs += 60_000;
				return collect(CLUSTER, { cluster: CLUSTER, reason: 'manual', requestedAt: '2026-03-04T05:00:00Z' });
			},
			rows,
			refused,
			kept,
		});
	} finally {
		await server.close();
	}
}

/** Of each collection. */
const findingsSaid = (rows: readonly (readonly [TableName, Row])[]) =>
	rows.flatMap(([table, row]) => (table === 'snapshots_v1' ? [row['policy_findings']] : []));

const newestOf = async (kept: ReturnType<typeof createKept>) => (await kept.store.readNewest(CLUSTER)).newest;

describe('a collection', (it) => {
	it('writes findings of a new state, and a row each time', () =>
		withCluster({}, async ({ collect, rows, kept }) => {
			await collect();
			equal([...new Set(rows.map(([table]) => table))], ['policy_findings_v1', 'snapshots_v1']);
			const before = rows.length;
			equal(findingsSaid(rows), [before - 1]);
			await collect();
			equal(
				rows.slice(before).map(([table, row]) => [table, row['changed'], row['policy_findings']]),
				[['snapshots_v1', false, null]],
			);
			is(kept.times().length, 1);
		}));

	it('is kept where its rows are refused for ever', () =>
		withCluster({ answer: () => ({ kind: 'refused', detail: 'no such field' }) }, async ({ collect, rows, refused, kept }) => {
			await collect();
			equal(findingsSaid(rows), [null], 'not all findings are kept');
			match(refused.join('\n'), /^policy_findings_v1: no such field[\s\S]*snapshots_v1: no such field$/);
			is((await newestOf(kept))?.validFrom, '2026-03-04T05:01:00Z');
		}));

	it('says so where the linter found nothing, and counts equal clauses of one rule once', async () => {
		const one = {
			construct: 'end-port',
			policyKind: 'NetworkPolicy',
			policyName: 'p',
			affected: { count: 0, sample: [] },
			semantics: 1,
			clause: 'c',
		};
		for (const [found, said] of [
			[[], 0],
			[[one, one, { ...one, clause: 'd' }], 2],
		] as const)
			await withCluster({ lint: () => found as never }, async ({ collect, rows }) => {
				await collect();
				equal(findingsSaid(rows), [said]);
			});
	});

	it('is not where its rows may be stored later', () =>
		withCluster({ answer: () => ({ kind: 'failed', error: new Error('no answer') }) }, async ({ collect, kept }) => {
			is(await refusal(collect()), 'no answer');
			is(await newestOf(kept), undefined);
		}));

	it('is kept where the linter fails: a bug of ours must not keep the cluster without snapshots for ever', () => {
		const lint = (): never => {
			throw new Error('a bug');
		};
		return withCluster({ lint }, async ({ collect, rows, refused, kept }) => {
			await collect();
			equal(refused, ['policy_findings_v1: the linter failed: a bug']);
			equal(
				rows.map(([table]) => table),
				['snapshots_v1'],
			);
			equal(findingsSaid(rows), [null], 'it does not look like one that found nothing');
			is((await newestOf(kept))?.validFrom, '2026-03-04T05:01:00Z');
		});
	});

	it('keeps so many findings of a snapshot as somebody may read, a few at a time, and says how many there were', async () => {
		const one = {
			construct: 'ipblock-pod',
			policyKind: 'NetworkPolicy',
			policyName: 'p',
			affected: { count: 0, sample: [] },
			semantics: 1,
		};
		const lint = () => Array.from({ length: 12_000 }, (_, index) => ({ ...one, clause: `${index}` })) as never;
		let waiting = 0;
		let most = 0;
		await withCluster({ lint, queueRows: 70 }, async ({ collect, rows, refused }) => {
			await collect();
			is(rows.filter(([table]) => table === 'policy_findings_v1').length, 5000);
			equal(refused, ['policy_findings_v1: 12000 findings, of which the first 5000 are kept']);
			equal(findingsSaid(rows), [null]);
		});
		const warehouse: CollectionPorts['warehouse'] = {
			append(_table, _row, { settle }) {
				most = Math.max(most, ++waiting);
				setImmediate(() => {
					waiting--;
					settle({ kind: 'stored' });
				});
			},
		};
		await withCluster({ lint, queueRows: 70, warehouse }, async ({ collect }) => void (await collect()));
		is(most, 70);
	});
});

import { setTimeout as sleep } from 'node:timers/promises';
import findings from '../../schemas/tables/policy_findings_v1.json' with { type: 'json' };
import snapshots from '../../schemas/tables/snapshots_v1.json' with { type: 'json' };
import { createBigquery } from '../adapters/bigquery.ts';
import { createBucketStore } from '../adapters/bucket.ts';
import { createGke } from '../adapters/gke.ts';
import { createKubernetesApi } from '../adapters/kubernetes.ts';
import type { Field } from '../adapters/schemas.ts';
import { createGroupCommit } from '../ingest/group-commit.ts';
import type { ClusterKey } from '../ports.ts';
import { createCollection, type OpenCluster } from '../snapshot/collection.ts';
import { createCollector } from '../snapshot/collector.ts';
import { endpointsOf, NO_ENDPOINT } from '../snapshot/endpoints.ts';
import { createSnapshotFunction } from '../snapshot/handler.ts';
import { log, now, readConfig } from './process.ts';

/** Of reading a cluster: with what comes before and after it less than a lease, and than any ack deadline. */
const READ_MS = 150_000;
/** Of a collection's rows. */
const PATIENCE_MS = 60_000;

const { bucket, dataset, group, candidates, gkeApiEndpoint } = readConfig();
const { projectId } = dataset;
const tables = new Map<string, readonly Field[]>([
	['snapshots_v1', snapshots as readonly Field[]],
	['policy_findings_v1', findings as readonly Field[]],
]);
const store = createBucketStore({ ...bucket, projectId, now, log });
const warehouse = createGroupCommit({ sink: createBigquery({ ...dataset, tables }), now: () => now().getTime(), limits: group });
const gke = createGke({ apiEndpoint: gkeApiEndpoint });

async function open({ project = projectId, location, name }: ClusterKey): Promise<OpenCluster> {
	const description = await gke.describe({ project, location, name });
	const endpoints = endpointsOf(description);
	if (endpoints.servers.length === 0) throw new Error(NO_ENDPOINT);
	return { description, api: createKubernetesApi({ ...endpoints, headers: () => gke.headers(), patienceMs: READ_MS }) };
}

const collect = createCollection({
	open,
	store,
	warehouse,
	candidates,
	patienceMs: PATIENCE_MS,
	queueRows: group.queueRows,
	now,
	onRefused: (table, detail) => log({ severity: 'ERROR', message: `the table ${table} refuses a row: ${detail}` }),
});

/** The function that the subscription of requests for snapshots pushes to. Exported under the name of its entry point. */
export const snapshot = createSnapshotFunction({ answer: createCollector({ store, collect, now, sleep }), log, now, projectId });

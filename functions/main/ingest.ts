import rejects from '../../schemas/tables/rejects_v1.json' with { type: 'json' };
import verdicts from '../../schemas/tables/verdicts_v1.json' with { type: 'json' };
import { createBigquery } from '../adapters/bigquery.ts';
import { createBucketSnapshots } from '../adapters/bucket.ts';
import { createSnapshotPublisher } from '../adapters/pubsub.ts';
import type { Field } from '../adapters/schemas.ts';
import { createGroupCommit } from '../ingest/group-commit.ts';
import { createIngest } from '../ingest/handler.ts';
import type { AcceptedTimes } from '../ingest/ingest.ts';
import { createIngestLog } from '../ingest/log.ts';
import { createSnapshotRequests } from '../ingest/snapshot-requests.ts';
import { log, now, readConfig } from './process.ts';

const DAY_MS = 86_400_000;
/** BigQuery streams into day partitions from 10 years back to 1 year ahead, leap days not counted. */
const BIGQUERY_TIMES: AcceptedTimes = { pastMs: 3650 * DAY_MS, futureMs: 365 * DAY_MS };
/** New snapshots are found this soon. */
const FRESH_MS = 5000;
/** Of a snapshot's JSON: a cluster of 30,000 Pods is some 60 MB. */
const MAX_SNAPSHOT_BYTES = 256 * 1024 * 1024;

const { bucket, dataset, group, snapshotTopic, candidates, patienceMs, logLinesPerSecond } = readConfig();
const tables = new Map<string, readonly Field[]>([
	['verdicts_v1', verdicts as readonly Field[]],
	['rejects_v1', rejects as readonly Field[]],
]);
const snapshots = createBucketSnapshots({
	...bucket,
	projectId: dataset.projectId,
	maxObjectBytes: MAX_SNAPSHOT_BYTES,
	freshMs: FRESH_MS,
	now,
	log,
});
const warehouse = createGroupCommit({ sink: createBigquery({ ...dataset, tables }), now: () => now().getTime(), limits: group });
const askForSnapshot =
	snapshotTopic === undefined
		? undefined
		: createSnapshotRequests({
				publish: createSnapshotPublisher({ topic: snapshotTopic }),
				onFailure: ({ cluster, reason }, error) =>
					log({ severity: 'ERROR', message: `no snapshot could be asked for: ${(error as Error).message}`, cluster: cluster.name, reason }),
				now,
			});

/** The function that the subscription of policy-action entries pushes to. Exported under the name of its entry point. */
export const ingest = createIngest({
	traceProject: dataset.projectId,
	snapshots,
	warehouse,
	candidates,
	patienceMs,
	now,
	log: createIngestLog({ write: log, now: () => now().getTime(), depth: warehouse.depth, limits: { linesPerSecond: logLinesPerSecond } }),
	...(askForSnapshot && { askForSnapshot }),
	acceptedTimes: BIGQUERY_TIMES,
});

import rejects from '../../schemas/tables/rejects_v1.json' with { type: 'json' };
import verdicts from '../../schemas/tables/verdicts_v1.json' with { type: 'json' };
import { createBigquery } from '../adapters/bigquery.ts';
import { createSnapshotPublisher } from '../adapters/pubsub.ts';
import type { Field } from '../adapters/schemas.ts';
import { BIGQUERY_TIMES } from '../ingest/accepted-times.ts';
import { createGroupCommit } from '../ingest/group-commit.ts';
import { createIngest } from '../ingest/handler.ts';
import { createIngestLog } from '../ingest/log.ts';
import { createSnapshotRequests } from '../ingest/snapshot-requests.ts';
import { log, now, readConfig } from './process.ts';
import { openSnapshots } from './snapshot-source.ts';

const config = readConfig();
const { dataset, group, snapshotTopic, candidates, keepConfirmed, patienceMs, logLinesPerSecond } = config;
const tables = new Map<string, readonly Field[]>([
	['verdicts_v1', verdicts as readonly Field[]],
	['rejects_v1', rejects as readonly Field[]],
]);
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
	snapshots: openSnapshots(config),
	warehouse,
	candidates,
	keepConfirmed,
	patienceMs,
	now,
	log: createIngestLog({ write: log, now: () => now().getTime(), depth: warehouse.depth, limits: { linesPerSecond: logLinesPerSecond } }),
	...(askForSnapshot && { askForSnapshot }),
	acceptedTimes: BIGQUERY_TIMES,
});

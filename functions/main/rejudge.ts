import { createRejudge } from '../rejudge/handler.ts';
import { log, now, readConfig } from './process.ts';
import { openSnapshots } from './snapshot-source.ts';

const config = readConfig();

/** The function behind BigQuery's remote function. It writes no rows: its answers are rows. Exported under the name of its entry point. */
export const rejudge = createRejudge({
	traceProject: config.dataset.projectId,
	snapshots: openSnapshots(config),
	candidates: config.candidates,
	patienceMs: config.patienceMs,
	now,
	log,
});

import { createBucketSnapshots } from '../adapters/bucket.ts';
import type { Config } from '../config.ts';
import type { SnapshotSource } from '../ports.ts';
import { log, now } from './process.ts';

/** New snapshots are found this soon. `schemas/rejudge/` allows for it. */
const FRESH_MS = 5000;
/** Of a snapshot's JSON: a cluster of 30,000 Pods is some 60 MB. */
const MAX_SNAPSHOT_BYTES = 256 * 1024 * 1024;

/** What entries are judged by, whichever function judges them. */
export const openSnapshots = ({ bucket, dataset }: Config): SnapshotSource =>
	createBucketSnapshots({
		...bucket,
		projectId: dataset.projectId,
		maxObjectBytes: MAX_SNAPSHOT_BYTES,
		freshMs: FRESH_MS,
		now,
		log,
	});

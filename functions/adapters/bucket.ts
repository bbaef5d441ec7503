import type { SnapshotSource } from '../ports.ts';
import { type BucketOptions, openBucket } from './bucket/objects.ts';
import { createTimeline, type TimelineOptions } from './bucket/timeline.ts';

export type BucketSnapshotsOptions = BucketOptions & TimelineOptions;

/** The snapshots of a bucket of Google Cloud Storage. It is first asked when a snapshot is needed, and works only while one is waited for. */
export const createBucketSnapshots = (options: BucketSnapshotsOptions): SnapshotSource => createTimeline(openBucket(options), options);

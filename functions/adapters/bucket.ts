import type { SnapshotSource, SnapshotStore } from '../ports.ts';
import type { BucketOptions } from './bucket/connection.ts';
import { openBucket } from './bucket/objects.ts';
import { createTimeline, type TimelineOptions } from './bucket/timeline.ts';
import { openVersions, type VersionsOptions } from './bucket/versions.ts';
import { createWriter, type WriterOptions } from './bucket/writer.ts';

export type BucketSnapshotsOptions = BucketOptions & TimelineOptions;

/** The snapshots of a bucket of Google Cloud Storage. It is first asked when a snapshot is needed, and works only while one is waited for. */
export const createBucketSnapshots = (options: BucketSnapshotsOptions): SnapshotSource => createTimeline(openBucket(options), options);

/** Where snapshots are kept in a bucket of Google Cloud Storage: what `createBucketSnapshots` reads. */
export const createBucketStore = (options: VersionsOptions & WriterOptions): SnapshotStore => createWriter(openVersions(options), options);

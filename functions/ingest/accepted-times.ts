import type { AcceptedTimes } from './ingest.ts';

const DAY_MS = 86_400_000;

/** BigQuery streams into day partitions from 10 years back to 1 year ahead, leap days not counted. */
export const BIGQUERY_TIMES: AcceptedTimes = { pastMs: 3650 * DAY_MS, futureMs: 365 * DAY_MS };

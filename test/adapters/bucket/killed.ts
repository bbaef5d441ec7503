/** Saves a snapshot of many bytes, and says when it is done: `killed.ts ENDPOINT BUCKET`. Made to be killed before. */
import { randomBytes } from 'node:crypto';
import { createBucketStore } from '../../../functions/adapters/bucket.ts';
import { at, CLUSTER } from './store.ts';

const [apiEndpoint = '', bucket = ''] = process.argv.slice(2);
const store = createBucketStore({ bucket, apiEndpoint, projectId: 'p', now: () => new Date(), log: () => undefined });
const { version } = await store.readNewest(CLUSTER);
const validFrom = at('06:00:00');
await store.write(CLUSTER, { validFrom, bytes: randomBytes(16 * 1024 * 1024) });
await store.replaceNewest(CLUSTER, { id: 'x', validFrom, seenUntil: validFrom }, version);
console.log('done');

import { createSnapshot, encodeSnapshot } from '../../functions/snapshot/canonical.ts';
import { entryWith, snapshot } from '../ingest/sample.ts';
import { createRandom } from '../random.ts';

/** The cluster of the sample entries. */
export const CLUSTER = { project: 'p', location: 'europe-west1', name: 'c' };

/** Its snapshot as it lies in a bucket: valid and seen around the time of the entries. */
export const VALID_FROM = '2026-03-04T05:00:00Z';
export const SEEN_UNTIL = '2026-03-04T05:10:00Z';
export const snapshotBytes = (): Buffer =>
	encodeSnapshot(createSnapshot({ state: { ...snapshot.state, cluster: CLUSTER }, validFrom: VALID_FROM, collectedAt: VALID_FROM }));
export const SNAPSHOT_ID = createSnapshot({ state: { ...snapshot.state, cluster: CLUSTER }, validFrom: VALID_FROM }).id;

/** A message to publish, and how it must end. */
export interface Published {
	readonly data: string;
	/** The entry's `insertId`; of a malformed message, a text that stands in it. */
	readonly key: string;
	readonly finding: string;
}

/** Entries of each kind of finding, and what they must be found to be. */
const KINDS: readonly (readonly [Parameters<typeof entryWith>[0], string])[] = [
	[{}, 'void-rule'],
	[{ connection: { src_ip: '203.0.113.7' }, payload: { src: undefined } }, 'explained'],
	[{ connection: { direction: 'egress' }, payload: { disposition: 'allow' } }, 'confirmed'],
	[{ connection: { direction: 'egress' } }, 'not-isolated'],
];

const MALFORMED: readonly ((key: string) => string)[] = [
	(key) => `not json ${key}`,
	(key) => `{"cut": "${key}`,
	(key) => JSON.stringify({ insertId: key, textPayload: 'another log' }),
	(key) => JSON.stringify(entryWith({ entry: { insertId: key, timestamp: 'yesterday' } })),
];

/** Messages, one in a hundred malformed, each different; seeded. */
export function generateMessages(count: number, seed: number): Published[] {
	const random = createRandom(seed);
	return Array.from({ length: count }, (_, index) => {
		const key = `message-${String(index).padStart(6, '0')}`;
		if (index % 100 === 50) return { data: random.pick(MALFORMED)(key), key, finding: 'reject' };
		const [changes, finding] = random.pick(KINDS);
		return { data: JSON.stringify(entryWith({ ...changes, entry: { insertId: key } })), key, finding };
	});
}

import { hash } from 'node:crypto';
import { createIngestMessage, type IngestMessage, type IngestPorts, type Outcome } from '../ingest/ingest.ts';
import type { Attempt } from './deliver.ts';
import type { EntryMessage } from './entries.ts';

/** A Pub/Sub message. */
type Message = Parameters<IngestMessage>[0];

/** What entries are delivered to. */
export interface Ingestion {
	readonly attempt: Attempt;
	/** How many entries may be under way at once. */
	readonly concurrency: number;
	/** Where it listens; absent: it is called. */
	readonly url?: string;
	close(): Promise<void>;
}

const SUBSCRIPTION = 'projects/local/subscriptions/replay';
/** Of the rows of one group in the database, twice: the next one is judged while the last one is written. */
const CONCURRENCY = 10_000;

/** The function's own way from a message to a row, without HTTP, which costs several times as much as all the rest. */
export function createIngestion(ports: IngestPorts, { onOutcome = (_: Outcome): void => {} } = {}): Ingestion {
	const ingestMessage = createIngestMessage(ports);
	return {
		attempt: (message) =>
			new Promise((resolve) => {
				ingestMessage(toMessage(message), (outcome) => {
					onOutcome(outcome);
					if (outcome.kind !== 'retry') resolve(undefined);
					else resolve(`${outcome.reason}: ${outcome.error instanceof Error ? outcome.error.message : String(outcome.error)}`);
				});
			}),
		concurrency: CONCURRENCY,
		close: async () => {},
	};
}

/** A message as Pub/Sub makes it. The id is the hash of the bytes, so that what is delivered twice is the same message. */
export const toMessage = ({ data, attributes, publishTime }: EntryMessage): Message => ({
	id: hash('sha256', data, 'hex'),
	data,
	attributes,
	...(publishTime !== undefined && { publishTime }),
	subscription: SUBSCRIPTION,
});

import { nameTables } from './table-names.ts';

/** A message that was given up. */
export interface DeadLetter {
	readonly messageId: string;
	readonly data: Uint8Array;
	readonly attributes: Readonly<Record<string, string>>;
}

export interface DeadLettersOptions {
	readonly projectId: string;
	readonly datasetId: string;
	/** RFC 3339: those given up from then on. */
	readonly since: string;
}

const SQL = `SELECT message_id, data, TO_JSON_STRING(attributes) AS attributes
FROM \`\${dataset}.dead_letters_v1\`
WHERE publish_time >= TIMESTAMP(@since)
ORDER BY publish_time, message_id`;

/** Reads the dead letters from BigQuery, the oldest first, page by page. Rejects where the table cannot be read. */
export async function* readDeadLetters({ projectId, datasetId, since }: DeadLettersOptions): AsyncGenerator<DeadLetter, void> {
	const { BigQuery } = await import('@google-cloud/bigquery');
	const client = new BigQuery({ projectId });
	const rows = client.createQueryStream({ query: nameTables(SQL, `${projectId}.${datasetId}`), params: { since } });
	for await (const row of rows as AsyncIterable<{ message_id: string; data: Buffer | null; attributes: string | null }>)
		yield { messageId: row.message_id, data: row.data ?? new Uint8Array(), attributes: parseAttributes(row.attributes) };
}

function parseAttributes(json: string | null): Record<string, string> {
	const value: unknown = JSON.parse(json ?? '{}');
	const pairs = Object.entries(typeof value === 'object' && value !== null ? value : {});
	return Object.fromEntries(pairs.filter((pair): pair is [string, string] => typeof pair[1] === 'string'));
}

import { setTimeout as wait } from 'node:timers/promises';
import type { RowResult, RowSink, TableName } from '../ports.ts';
import { type Answer, toRowAnswers } from './bigquery/answer.ts';
import { type Authorize, createAuthorize } from './bigquery/credentials.ts';
import { createPost } from './bigquery/request.ts';
import { encodeRow, type PlacedRow, toBatches } from './bigquery/rows.ts';
import type { Field } from './schemas.ts';

export interface BigqueryOptions {
	readonly projectId: string;
	readonly datasetId: string;
	/** With its scheme; absent: Google's. A plain http one is an emulator's and is sent no credentials. */
	readonly apiEndpoint?: string | undefined;
	/** Columns by table, for those that are JSON. */
	readonly tables: ReadonlyMap<string, readonly Field[]>;
	/** In ms since 1970. */
	readonly now?: () => number;
	readonly sleep?: (ms: number) => Promise<unknown>;
	/** From 0 to 1, 1 excluded. */
	readonly random?: () => number;
	/** How long one request may take at most. */
	readonly requestTimeoutMs?: number;
	/** Headers that carry credentials; absent: the application default credentials. */
	readonly authorize?: Authorize;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/** Writes rows by insertAll, every row under the same insertId however often it is sent. */
export function createBigquery(options: BigqueryOptions): RowSink {
	const { tables, now = Date.now, sleep = wait, random = Math.random } = options;
	const apiEndpoint = options.apiEndpoint ?? 'https://bigquery.googleapis.com';
	const authorize = options.authorize ?? createAuthorize({ apiEndpoint, projectId: options.projectId });
	const post = createPost({ requestTimeoutMs: 10_000, ...options, apiEndpoint, authorize, now });

	/** Half of each pause is drawn, so that instances that failed together do not come back together. */
	const pauseAfter = (attempt: number, retryAfterMs = 0): number =>
		Math.max(retryAfterMs, Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt) * (0.5 + random() / 2));

	async function write(batch: readonly PlacedRow[], job: Job): Promise<void> {
		let rows = batch;
		let error = new Error('the time for these rows was over before BigQuery was asked');
		for (let attempt = 0; rows.length > 0; ) {
			const leftMs = job.untilMs - now();
			if (leftMs <= 0) return failAll(rows, error, job);
			const answer = await post(job.table, rows, leftMs);
			if (answer.kind === 'failed') return failAll(rows, answer.error, job);
			if (answer.kind === 'rows-refused') return splitRows(rows, answer.error, job);
			const rest = answer.kind === 'answered' ? settleRows(rows, answer, job) : { ...answer, rows };
			rows = rest.rows;
			if (rest.error === undefined) continue;
			error = rest.error;
			const pauseMs = pauseAfter(attempt++, rest.retryAfterMs);
			// There would be no time to ask again after it.
			if (now() + pauseMs >= job.untilMs) return failAll(rows, error, job);
			await sleep(pauseMs);
		}
	}

	/** A request that is refused as a whole does not say for which row: it is halved until that row stands alone. */
	async function splitRows(rows: readonly PlacedRow[], error: Error, job: Job): Promise<void> {
		const [only] = rows;
		if (rows.length === 1 && only) return job.settle(only, { kind: 'refused', detail: error.message });
		const middle = rows.length >> 1;
		await write(rows.slice(0, middle), job);
		await write(rows.slice(middle), job);
	}

	return {
		encode(table, row, insertId) {
			const fields = tables.get(table);
			if (!fields) throw new Error(`${table}: no such table in schemas/tables`);
			return encodeRow(row, { insertId, fields });
		},
		async insert(table, rows, untilMs) {
			const results: (RowResult | undefined)[] = rows.map(() => undefined);
			const settle: Job['settle'] = (row, result) => {
				results[row.index] = result;
			};
			let error = new Error('BigQuery said nothing of this row');
			try {
				const placed = rows.map(({ kind, text, bytes }, index): PlacedRow => ({ kind, text, bytes, index }));
				for (const batch of toBatches(placed)) await write(batch, { table, untilMs, settle });
			} catch (cause) {
				// A bug of ours. What is known of rows by then stays known.
				error = cause instanceof Error ? cause : new Error(String(cause));
			}
			return results.map((result) => result ?? { kind: 'failed', error });
		},
	};
}

/** One call of `insert`. */
interface Job {
	readonly table: TableName;
	readonly untilMs: number;
	readonly settle: (row: PlacedRow, result: RowResult) => void;
}

/** What is to be sent again. With an error it has to wait, without one it goes at once. */
interface Rest {
	readonly rows: readonly PlacedRow[];
	readonly error?: Error;
	readonly retryAfterMs?: number;
}

function failAll(rows: readonly PlacedRow[], error: Error, job: Job): void {
	for (const row of rows) job.settle(row, { kind: 'failed', error });
}

/** Rows that the answer does not name are stored. */
function settleRows(rows: readonly PlacedRow[], { insertErrors }: Extract<Answer, { kind: 'answered' }>, job: Job): Rest {
	const answers = toRowAnswers(insertErrors);
	const again: PlacedRow[] = [];
	let refused = false;
	let error: Error | undefined;
	for (const [position, row] of rows.entries()) {
		const answer = answers.get(position);
		if (answer === undefined) job.settle(row, { kind: 'stored' });
		else if (answer.kind === 'refused') job.settle(row, answer);
		else again.push(row);
		refused ||= answer?.kind === 'refused';
		if (answer?.kind === 'unavailable') error = answer.error;
	}
	// Rows that were stopped although none is to blame would be sent for ever without a pause.
	if (again.length > 0 && !refused) error ??= new Error('BigQuery stopped the rows and refused none of them');
	return error ? { rows: again, error } : { rows: again };
}

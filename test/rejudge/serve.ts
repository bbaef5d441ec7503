import type { AddressInfo } from 'node:net';
import { http } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import { createIngestMessage } from '../../functions/ingest/ingest.ts';
import { DEFAULT_CANDIDATES } from '../../functions/policy/semantics.ts';
import type { Row } from '../../functions/ports.ts';
import type { BatchPorts } from '../../functions/rejudge/batch.ts';
import { createRejudge, type RejudgeLine } from '../../functions/rejudge/handler.ts';
import { messageOf, snapshot } from '../ingest/sample.ts';

export interface Answer {
	readonly status: number;
	readonly text: string;
	readonly headers: Headers;
}

export interface Served {
	readonly url: string;
	readonly lines: readonly RejudgeLine[];
	send(request: RequestInit, path?: string): Promise<Answer>;
	/** What BigQuery would send for these arguments. */
	post(calls: unknown, more?: object): Promise<Answer>;
	/** The replies to these arguments, as BigQuery reads them. */
	ask(calls: readonly (string | null)[]): Promise<readonly string[]>;
	close(): void;
}

const NOW = '2026-03-04T05:10:00.000Z';

export const ports = (changes: Partial<BatchPorts> = {}): BatchPorts => ({
	snapshots: { find: () => ({ snapshot, stale: false }) },
	candidates: DEFAULT_CANDIDATES,
	now: () => new Date(NOW),
	...changes,
});

/** Serves the function on a free port of the loopback interface, by the framework that serves it when it is deployed. */
export async function serve(options: BatchPorts = ports(), traceProject?: string): Promise<Served> {
	const lines: RejudgeLine[] = [];
	http('rejudge', createRejudge({ ...options, log: (line) => lines.push(line), ...(traceProject !== undefined && { traceProject }) }));
	const server = getTestServer('rejudge');
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
	const send: Served['send'] = async (request, path = '') => {
		const response = await fetch(`${url}${path}`, request);
		return { status: response.status, text: await response.text(), headers: response.headers };
	};
	const post: Served['post'] = (calls, more = {}) => {
		const body = {
			requestId: '124ab1c',
			caller: '//bigquery.googleapis.com/projects/p/jobs/p:EU.job_1',
			sessionUser: 'somebody@example.com',
			userDefinedContext: {},
			calls,
			...more,
		};
		return send({ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
	};
	return {
		url,
		lines,
		send,
		post,
		async ask(calls) {
			const { status, text } = await post(calls.map((call) => [call]));
			if (status !== 200) throw new Error(`${status} ${text}`);
			const { replies } = JSON.parse(text) as { readonly replies: readonly string[] };
			if (replies.length !== calls.length) throw new Error(`${replies.length} replies to ${calls.length} calls`);
			return replies;
		},
		close() {
			server.closeAllConnections();
			server.close();
		},
	};
}

/** Serves it, and closes it whatever happens. */
export async function withServed<T>(options: BatchPorts, use: (served: Served) => Promise<T>): Promise<T> {
	const served = await serve(options);
	try {
		return await use(served);
	} finally {
		served.close();
	}
}

/** The row, or the rejection, that ingest writes for each text. */
export async function ingestAll(texts: readonly string[], { snapshots, candidates, now }: BatchPorts): Promise<Row[]> {
	const rows: Row[] = [];
	const warehouse = {
		append: (_table: string, row: Row, { settle }: { settle: (appended: { readonly kind: 'stored' }) => void }) => {
			rows.push(row);
			settle({ kind: 'stored' });
		},
	};
	const ingest = createIngestMessage({ snapshots, warehouse, candidates, now });
	for (const text of texts) await new Promise((resolve) => ingest(messageOf(text), resolve));
	return rows;
}

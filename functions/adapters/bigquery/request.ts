import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import type { EncodedRow, TableName } from '../../ports.ts';
import { retryAfterMs, unlessAborted } from '../attempt.ts';
import { type Answer, toAnswer, toNetworkAnswer } from './answer.ts';
import { type Authorize, toCredentialsAnswer } from './credentials.ts';

export interface PostOptions {
	readonly projectId: string;
	readonly datasetId: string;
	readonly apiEndpoint: string;
	readonly authorize: Authorize;
	readonly requestTimeoutMs: number;
	readonly now: () => number;
}

/** Sends one request, once. Never rejects. */
export type Post = (table: TableName, rows: readonly EncodedRow[], leftMs: number) => Promise<Answer>;

/**
 * Google's client gives the credentials but does not send the rows (seen in 9.3.0): its `timeout` does nothing, so that a server that hangs
 * holds sockets and rows for ever; it replaces `{{projectId}}` inside the data; it copies all rows three times; and it drops the location
 * of an error.
 */
export function createPost({ projectId, datasetId, apiEndpoint, authorize, requestTimeoutMs, now }: PostOptions): Post {
	const tables = `/bigquery/v2/projects/${encodeURIComponent(projectId)}/datasets/${encodeURIComponent(datasetId)}/tables/`;
	return async function post(table, rows, leftMs) {
		const timeoutMs = Math.max(1, Math.ceil(Math.min(requestTimeoutMs, leftMs)));
		const signal = AbortSignal.timeout(timeoutMs);
		let headers: Headers;
		try {
			headers = new Headers(await unlessAborted(authorize(), signal));
		} catch (cause) {
			return signal.aborted ? toNetworkAnswer(cause, timeoutMs) : toCredentialsAnswer(cause);
		}
		headers.set('content-type', 'application/json');
		// skipInvalidRows and ignoreUnknownValues would hide what we have to hear of.
		const body = `{"skipInvalidRows":false,"ignoreUnknownValues":false,"rows":[${rows.map((row) => row.text).join(',')}]}`;
		const url = new URL(`${tables}${table}/insertAll?prettyPrint=false`, apiEndpoint);
		try {
			const response = await send(url, { headers: Object.fromEntries(headers), body, signal });
			const pauseMs = retryAfterMs(response.headers['retry-after'], now());
			return toAnswer({ status: response.statusCode ?? 0, body: await text(response), retryAfterMs: pauseMs, rowCount: rows.length });
		} catch (cause) {
			return toNetworkAnswer(signal.aborted ? signal.reason : cause, timeoutMs);
		}
	};
}

interface Sent {
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string;
	readonly signal: AbortSignal;
}

/** Not `fetch`, which copies the body twice on its way to the socket, and follows redirects. */
function send(url: URL, { headers, body, signal }: Sent): Promise<IncomingMessage> {
	const { request } = url.protocol === 'https:' ? https : http;
	return new Promise((resolve, reject) => {
		request(url, { method: 'POST', headers, signal }, resolve).on('error', reject).end(body);
	});
}

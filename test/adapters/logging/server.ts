import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json as readJson } from 'node:stream/consumers';

/** An entry as the server has it: the JSON of a LogEntry. */
export type StoredEntry = Readonly<Record<string, unknown>> & { readonly timestamp: string };

export interface ListRequest {
	readonly resourceNames?: readonly string[];
	readonly filter?: string;
	readonly orderBy?: string;
	readonly pageSize?: number;
	readonly pageToken?: string;
}

/** What the server does instead of an answer: `empty`: a page of nothing with a token, which is legal; `hang`: nothing, ever. */
export type LoggingFault =
	| 'empty'
	| 'hang'
	| { readonly status: number; readonly code: string; readonly message: string; readonly retryAfter?: string };

export interface LoggingServer {
	/** `http://127.0.0.1:PORT`. */
	readonly url: string;
	readonly requests: readonly ListRequest[];
	close(): void;
}

export interface Stored {
	readonly length: number;
	/** The entry at that place, by time. */
	at(index: number): StoredEntry;
}

/**
 * Serves `entries:list` as Cloud Logging documents it: entries by time, between the two times of the filter, in pages, the next one behind an
 * opaque token. `fault`: told of each request, and how many came before it.
 */
export async function startLoggingServer(
	stored: Stored,
	fault: (request: ListRequest, before: number) => LoggingFault | undefined = () => undefined,
): Promise<LoggingServer> {
	const requests: ListRequest[] = [];
	const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
		const asked = (await readJson(request)) as ListRequest;
		const wrong = fault(asked, requests.length);
		requests.push(asked);
		if (!request.url?.startsWith('/v2/entries:list')) fail(response, { status: 404, code: 'NOT_FOUND', message: 'no such method' });
		else if (wrong === 'hang') return;
		else if (wrong === 'empty') reply(response, 200, { nextPageToken: asked.pageToken || tokenOf(firstIndex(stored, asked)) });
		else if (wrong) fail(response, wrong);
		else list(stored, asked, response);
	};
	const server = createServer((request, response) => void answer(request, response));
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		requests,
		close: () => {
			server.closeAllConnections();
			server.close();
		},
	};
}

function list(stored: Stored, asked: ListRequest, response: ServerResponse): void {
	const { pageToken, pageSize = 50, orderBy } = asked;
	if (orderBy !== 'timestamp asc') {
		fail(response, { status: 400, code: 'INVALID_ARGUMENT', message: `orderBy ${orderBy}` });
		return;
	}
	const [, until = ''] = /timestamp < "([^"]+)"/.exec(asked.filter ?? '') ?? [];
	const from = pageToken ? indexOf(pageToken) : firstIndex(stored, asked);
	const entries: StoredEntry[] = [];
	for (let index = from; index < stored.length && entries.length < Math.min(pageSize, 1000); index++) {
		const entry = stored.at(index);
		if (sortable(entry.timestamp) >= sortable(until)) break;
		entries.push(entry);
	}
	const next = from + entries.length;
	const more = next < stored.length && sortable(stored.at(next).timestamp) < sortable(until);
	reply(response, 200, { entries, ...(more && { nextPageToken: tokenOf(next) }) });
}

/** The first entry at or after the filter's time. */
function firstIndex(stored: Stored, { filter = '' }: ListRequest): number {
	const [, since = ''] = /timestamp >= "([^"]+)"/.exec(filter) ?? [];
	let [low, high] = [0, stored.length];
	while (low < high) {
		const middle = (low + high) >>> 1;
		if (sortable(stored.at(middle).timestamp) < sortable(since)) low = middle + 1;
		else high = middle;
	}
	return low;
}

const sortable = (time: string): string => {
	const [second = '', fraction = ''] = time.slice(0, -1).split('.');
	return `${second}.${fraction.padEnd(9, '0')}`;
};

const tokenOf = (index: number): string => Buffer.from(`page ${index}`).toString('base64url');
const indexOf = (token: string): number => Number(Buffer.from(token, 'base64url').toString().slice('page '.length));

function fail(response: ServerResponse, { status, code, message, retryAfter }: Exclude<LoggingFault, string>): void {
	const details = retryAfter === undefined ? [] : [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: retryAfter }];
	reply(response, status, { error: { code: status, message, status: code, details } });
}

const reply = (response: ServerResponse, status: number, body: unknown): void => {
	response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};

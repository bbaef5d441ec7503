import { Agent, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { http } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import { createIngest } from '../ingest/handler.ts';
import type { IngestPorts } from '../ingest/ingest.ts';
import type { Attempt } from './deliver.ts';
import type { EntryMessage } from './entries.ts';
import { type Ingestion, toMessage } from './ingestion.ts';

const CONCURRENCY = 128;

/**
 * Serves `ingest` as the deployed function is served, by the same framework, on a free port of the loopback interface, and pushes to it as
 * Pub/Sub does. (The framework's own command would listen on every interface.)
 */
export async function serveIngestion(ports: IngestPorts): Promise<Ingestion & { readonly url: string }> {
	http('ingest', createIngest({ ...ports, log: () => {} }));
	const server = getTestServer('ingest').listen(0, '127.0.0.1');
	await listening(server);
	const { port } = server.address() as AddressInfo;
	const url = `http://127.0.0.1:${port}`;
	const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
	return {
		url,
		attempt: createPush(url, agent),
		concurrency: CONCURRENCY,
		close: () =>
			new Promise((resolve) => {
				agent.destroy();
				server.close(() => resolve());
				server.closeAllConnections();
			}),
	};
}

const listening = (server: Server): Promise<void> =>
	new Promise((resolve, reject) => {
		server.once('listening', () => resolve());
		server.once('error', reject);
	});

/** What Pub/Sub takes for an acknowledgement. */
const ACKNOWLEDGEMENTS: ReadonlySet<number | undefined> = new Set([102, 200, 201, 202, 204]);

/** Pushes a message once. */
export const createPush =
	(url: string, agent: Agent): Attempt =>
	async (message) => {
		const response = await post(url, Buffer.from(pushBody(message)), agent);
		if (!ACKNOWLEDGEMENTS.has(response.statusCode)) return `${response.statusCode} ${(await text(response)).trim()}`;
		response.resume();
		return undefined;
	};

/** Not `fetch`, which takes twice the time of the function itself. */
const post = (url: string, body: Buffer, agent: Agent): Promise<IncomingMessage> =>
	new Promise((resolve, reject) => {
		const headers = { 'content-type': 'application/json', 'content-length': body.length };
		request(url, { method: 'POST', agent, headers }, resolve).on('error', reject).end(body);
	});

/** A push request as Pub/Sub makes it. */
export function pushBody(entry: EntryMessage): string {
	const { id, data, attributes, publishTime, subscription } = toMessage(entry);
	const published = publishTime === undefined ? {} : { publishTime, publish_time: publishTime };
	const message = { data: Buffer.from(data).toString('base64'), attributes, messageId: id, message_id: id, ...published };
	return JSON.stringify({ message, subscription });
}

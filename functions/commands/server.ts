import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { http } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import { createIngest, type HandlerPorts } from '../ingest/handler.ts';

/** The function, served on a free port of the loopback interface. */
export interface LocalFunction {
	/** `http://127.0.0.1:PORT`. */
	readonly url: string;
	close(): Promise<void>;
}

/** Serves `ingest` as the deployed function is served, by the same framework. (Its command would listen on every interface.) */
export async function serveIngest(ports: HandlerPorts): Promise<LocalFunction> {
	http('ingest', createIngest(ports));
	const server = getTestServer('ingest').listen(0, '127.0.0.1');
	await listening(server);
	const { port } = server.address() as AddressInfo;
	return {
		url: `http://127.0.0.1:${port}`,
		close: () =>
			new Promise((resolve) => {
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

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A line to a server that lets some bytes of each connection through, and holds back the rest. */
export interface SlowLine {
	readonly url: string;
	/** That so many bytes of one connection went through. */
	readonly held: Promise<void>;
	close(): Promise<void>;
}

export async function startSlowLine(to: string, maxBytes: number): Promise<SlowLine> {
	const { hostname, port } = new URL(to);
	const { promise: held, resolve } = Promise.withResolvers<void>();
	const open = new Set<Socket>();
	const server = createServer((near) => {
		const far = connect(Number(port), hostname);
		let through = 0;
		near.on('data', (chunk) => {
			through += chunk.length;
			far.write(chunk);
			if (through < maxBytes) return;
			near.pause();
			resolve();
		});
		far.on('data', (chunk) => near.write(chunk));
		for (const socket of [near, far]) {
			open.add(socket);
			socket.on('error', () => undefined);
			socket.on('close', () => {
				near.destroy();
				far.destroy();
			});
		}
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		held,
		async close() {
			const closed = once(server, 'close');
			server.close();
			// One that is held back does not notice that the other end is gone.
			for (const socket of open) socket.destroy();
			await closed;
		},
	};
}

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A kept-alive connection with one request under way at most. */
interface Connection {
	/** The status of the answer; 0 where there was none. */
	send(request: Buffer): Promise<number>;
	close(): void;
}

/**
 * HTTP by hand: a client of Node costs more than the server that it asks, and would be what is measured where it has no core of its own.
 * Reads what Express sends: a head, and a body of a given length.
 */
export async function openConnection(port: number): Promise<Connection> {
	const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
	let settle: ((status: number) => void) | undefined;
	let head = '';
	/** Of the answer; `undefined` while its head is not complete. */
	let left: number | undefined;
	const answer = (status: number): void => {
		head = '';
		left = undefined;
		const waiting = settle;
		settle = undefined;
		waiting?.(status);
	};
	await once(socket, 'connect');
	socket.setEncoding('latin1');
	socket.on('data', (chunk: string) => {
		if (left !== undefined) left -= chunk.length;
		else {
			head += chunk;
			const end = head.indexOf('\r\n\r\n');
			if (end === -1) return;
			left = end + 4 + Number(/^content-length: *(\d+)/im.exec(head.slice(0, end))?.[1] ?? 0) - head.length;
		}
		if (left <= 0) answer(Number(head.slice(9, 12)));
	});
	socket.on('error', () => {});
	socket.on('close', () => answer(0));
	return {
		send(request) {
			if (socket.destroyed) return Promise.resolve(0);
			return new Promise((resolve) => {
				settle = resolve;
				socket.write(request);
			});
		},
		close: () => socket.destroy(),
	};
}

export interface Target {
	readonly port: number;
	/** The bytes of the next request. */
	readonly next: () => Buffer;
}

export interface Loaded {
	/** Answers a second within the time measured. */
	readonly rate: number;
	/** All that were answered, by status. */
	readonly statuses: ReadonlyMap<number, number>;
}

/** Until the connections are busy in a steady way. */
const RAMP_MS = 500;

/** As fast as the function answers, on that many connections, for some time or for some requests. */
export async function loadFully(target: Target, { connections, ms, requests = Number.POSITIVE_INFINITY }: LoadOptions): Promise<Loaded> {
	const statuses = new Map<number, number>();
	const fromMs = performance.now() + RAMP_MS;
	const untilMs = fromMs + ms;
	let measured = 0;
	let sent = 0;
	let lastMs = fromMs;
	const drive = async (connection: Connection): Promise<void> => {
		while (performance.now() < untilMs && sent < requests) {
			sent++;
			count(statuses, await connection.send(target.next()));
			const nowMs = performance.now();
			if (nowMs < fromMs || nowMs > untilMs) continue;
			measured++;
			lastMs = nowMs;
		}
	};
	await withConnections(target.port, connections, (all) => Promise.all(all.map(drive)));
	return { rate: (measured / ((requests === Number.POSITIVE_INFINITY ? untilMs : lastMs) - fromMs)) * 1000, statuses };
}

interface LoadOptions {
	readonly connections: number;
	readonly ms: number;
	readonly requests?: number;
}

export interface Paced {
	/** From the time that a request was due, in ms: what waits for a connection waits already. */
	readonly p50Ms: number;
	readonly p99Ms: number;
	readonly maxMs: number;
	readonly statuses: ReadonlyMap<number, number>;
}

/** At a given rate, however long the answers take. */
export async function loadPaced(target: Target, { connections, ms, rate }: LoadOptions & { readonly rate: number }): Promise<Paced> {
	const statuses = new Map<number, number>();
	const times: number[] = [];
	await withConnections(target.port, connections, async (all) => {
		const free = [...all];
		const due: number[] = [];
		const under = new Set<Promise<void>>();
		const pump = (): void => {
			while (due.length > 0 && free.length > 0) {
				const [connection, atMs] = [free.pop() as Connection, due.shift() as number];
				const answered = connection.send(target.next()).then((status) => {
					count(statuses, status);
					times.push(performance.now() - atMs);
					free.push(connection);
					under.delete(answered);
					pump();
				});
				under.add(answered);
			}
		};
		const fromMs = performance.now();
		for (let made = 0; performance.now() < fromMs + ms; await sleep(1)) {
			const wanted = ((performance.now() - fromMs) * rate) / 1000;
			for (; made < wanted; made++) due.push(fromMs + (made / rate) * 1000);
			pump();
		}
		while (under.size > 0) await Promise.all(under);
	});
	times.sort((a, b) => a - b);
	const at = (part: number): number => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;
	return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), statuses };
}

const count = (statuses: Map<number, number>, status: number): void => void statuses.set(status, (statuses.get(status) ?? 0) + 1);

async function withConnections(port: number, connections: number, use: (all: readonly Connection[]) => Promise<unknown>): Promise<void> {
	const all: Connection[] = [];
	try {
		// One after the other: a server's backlog is finite.
		while (all.length < connections) all.push(await openConnection(port));
		await use(all);
	} finally {
		for (const connection of all) connection.close();
	}
}

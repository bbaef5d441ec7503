/** A server on loopback that speaks insertAll as Google documents it (Storage Write API (REST)), and fails as it is told to. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Field } from '../../functions/adapters/schemas.ts';
import type { Row } from '../../functions/ports.ts';
import { findRowErrors, type RowError } from './row-errors.ts';

export interface InsertedRow {
	readonly insertId?: string;
	readonly json: Row;
}

export interface InsertAllRequest {
	/** From 0, over all tables. */
	readonly number: number;
	readonly table: string;
	readonly rows: readonly InsertedRow[];
	readonly headers: IncomingMessage['headers'];
}

/** `stored`: whether the rows are stored all the same. Without `afterMs` a hanging request is never answered. */
export type Fault =
	| {
			readonly kind: 'status';
			readonly status: number;
			readonly reason?: string;
			readonly headers?: Readonly<Record<string, string>>;
			/** Instead of an error as Google writes it. */
			readonly body?: string;
			readonly stored?: boolean;
	  }
	| { readonly kind: 'reset'; readonly stored: boolean }
	| { readonly kind: 'hang'; readonly stored: boolean; readonly afterMs?: number }
	/** These rows, by insertId, are bad as if they did not fit the schema. */
	| { readonly kind: 'refuse'; readonly insertIds: readonly string[]; readonly reason?: string; readonly message?: string };

export interface InsertAllOptions {
	readonly tables: ReadonlyMap<string, readonly Field[]>;
	readonly faults?: (request: InsertAllRequest) => Fault | undefined;
	/** Before each answer. */
	readonly latencyMs?: number;
	/** How long an insertId is remembered. */
	readonly dedupMs?: number;
	readonly now?: () => number;
	/** Good rows beside bad ones are stored and not stopped, as the emulator has it. */
	readonly lenient?: boolean;
}

export interface InsertAllServer {
	readonly url: string;
	/** All that came, in order. */
	readonly requests: readonly InsertAllRequest[];
	rows(table: string): readonly InsertedRow[];
	/** Requests that were neither answered nor given up by the client. */
	open(): number;
	close(): Promise<void>;
}

const LIMIT_BYTES = 10 * 1024 * 1024;
const LIMIT_ROWS = 50_000;
const PATH = /^\/bigquery\/v2\/projects\/[^/]+\/datasets\/[^/]+\/tables\/([^/?]+)\/insertAll(?:\?|$)/;

export async function startInsertAll(options: InsertAllOptions): Promise<InsertAllServer> {
	const { tables, faults, latencyMs = 0 } = options;
	const requests: InsertAllRequest[] = [];
	const stores = new Map([...tables.keys()].map((table) => [table, createStore(options)]));
	let open = 0;

	async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const body = await readBody(request);
		const table = PATH.exec(request.url ?? '')?.[1] ?? '';
		const [fields, store] = [tables.get(table), stores.get(table)];
		if (request.method !== 'POST' || !fields || !store) return sendError(response, { status: 404, reason: 'notFound' });
		const parsed = parseRequest(body);
		if (!parsed) return sendError(response, { status: 400, reason: 'parseError' });
		const received = { number: requests.length, table, rows: parsed.rows, headers: request.headers };
		requests.push(received);
		if (body.length > LIMIT_BYTES) return sendError(response, { status: 413, reason: 'uploadTooLarge' });
		const fault = faults?.(received);
		if (latencyMs > 0) await wait(latencyMs);

		if (fault && 'stored' in fault && fault.stored) store.add(parsed.rows);
		switch (fault?.kind) {
			case 'status':
				return sendError(response, fault);
			case 'reset':
				return void response.destroy();
			case 'hang':
				if (fault.afterMs === undefined) return;
				await wait(fault.afterMs);
				return send(response, { kind: 'bigquery#tableDataInsertAllResponse' });
			case 'refuse':
			case undefined:
				break;
			default:
				fault satisfies never;
		}
		if (parsed.rows.length === 0 || parsed.rows.length > LIMIT_ROWS) return sendError(response, { status: 400, reason: 'invalid' });

		const bad = new Map<number, readonly RowError[]>();
		for (const [index, { insertId = '', json }] of parsed.rows.entries()) {
			const errors = [...refusalsOf(fault, insertId), ...findRowErrors(fields, json)];
			if (errors.length > 0) bad.set(index, errors);
		}
		// "If there is a schema mismatch in any row, none of the rows are inserted", unless skipInvalidRows.
		const skips = options.lenient || parsed.skipInvalidRows === true;
		if (bad.size === 0 || skips) store.add(parsed.rows.filter((_, index) => !bad.has(index)));
		const stopped: RowError = { reason: 'stopped', location: '', debugInfo: '', message: '' };
		const insertErrors = parsed.rows.flatMap((_, index) => {
			const errors = bad.get(index) ?? (bad.size > 0 && !skips ? [stopped] : []);
			return errors.length > 0 ? [{ index, errors }] : [];
		});
		send(response, { kind: 'bigquery#tableDataInsertAllResponse', ...(insertErrors.length > 0 && { insertErrors }) });
	}

	const server = createServer((request, response) => {
		open++;
		response.on('close', () => open--);
		answer(request, response).catch(() => response.destroy());
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		requests,
		rows: (table) => stores.get(table)?.rows ?? [],
		open: () => open,
		async close() {
			const closed = once(server, 'close');
			server.close();
			server.closeAllConnections();
			await closed;
		},
	};
}

interface Store {
	readonly rows: InsertedRow[];
	add(rows: readonly InsertedRow[]): void;
}

/** Drops a row whose insertId it saw within the last minute. */
function createStore({ dedupMs = 60_000, now = Date.now }: InsertAllOptions): Store {
	const seen = new Map<string, number>();
	const rows: InsertedRow[] = [];
	return {
		rows,
		add(added) {
			for (const row of added) {
				const { insertId } = row;
				if (insertId !== undefined && now() - (seen.get(insertId) ?? Number.NEGATIVE_INFINITY) < dedupMs) continue;
				if (insertId !== undefined) seen.set(insertId, now());
				rows.push(row);
			}
		},
	};
}

function refusalsOf(fault: Fault | undefined, insertId: string): RowError[] {
	if (fault?.kind !== 'refuse' || !fault.insertIds.includes(insertId)) return [];
	return [{ reason: fault.reason ?? 'invalid', location: 'a', debugInfo: '', message: fault.message ?? 'told to refuse it' }];
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks);
}

function parseRequest(body: Buffer): { readonly rows: InsertedRow[]; readonly skipInvalidRows?: boolean } | undefined {
	try {
		const parsed = JSON.parse(body.toString()) as { rows?: InsertedRow[]; skipInvalidRows?: boolean };
		return { ...parsed, rows: parsed.rows ?? [] };
	} catch {
		return undefined;
	}
}

function send(response: ServerResponse, body: object): void {
	response.writeHead(200, { 'content-type': 'application/json; charset=UTF-8' }).end(JSON.stringify(body));
}

function sendError(response: ServerResponse, { status, reason, headers, body }: Omit<Extract<Fault, { kind: 'status' }>, 'kind'>): void {
	const message = `told to answer ${status}`;
	const error = { code: status, message, errors: [{ message, domain: 'global', reason }] };
	response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8', ...headers }).end(body ?? JSON.stringify({ error }));
}

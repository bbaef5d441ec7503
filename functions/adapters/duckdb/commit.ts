import { setTimeout as sleep } from 'node:timers/promises';
import type { DuckDBAppender, DuckDBConnection, DuckDBType, DuckDBValue } from '@duckdb/node-api';

/** Writes rows that are appended at the same time in the same transaction: the disk is awaited once a group, not once a row. */
export interface Group {
	/** Resolves once the transaction that holds the row is on disk; rejects with the row's own error. */
	append(table: string, values: readonly DuckDBValue[]): Promise<void>;
	/** Resolves when nothing is left to write. */
	flushed(): Promise<void>;
}

interface Pending {
	readonly table: string;
	readonly values: readonly DuckDBValue[];
	readonly resolve: () => void;
	readonly reject: (cause: unknown) => void;
}

/** Writing is synchronous up to the commit, and the event loop of a server should not stand still for long. */
const GROUP_ROWS = 1000;
/** How long a group waits for others: a transaction costs about as much as a hundred rows. */
const LINGER_MS = 5;

/** Takes the connection for itself: a statement of anybody else would land inside its transactions. */
export function createGroup(connection: DuckDBConnection): Group {
	const queue: Pending[] = [];
	let writing: Promise<void> | undefined;

	async function drain(): Promise<void> {
		do {
			await sleep(LINGER_MS);
			await writeOrSplit(connection, queue.splice(0, GROUP_ROWS));
		} while (queue.length > 0);
		writing = undefined;
	}

	return {
		append: (table, values) =>
			new Promise((resolve, reject) => {
				queue.push({ table, values, resolve, reject });
				writing ??= drain();
			}),
		flushed: () => writing ?? Promise.resolve(),
	};
}

/** A row that DuckDB refuses must not take others with it, so a group that fails is halved until the row stands alone. */
async function writeOrSplit(connection: DuckDBConnection, group: readonly Pending[]): Promise<void> {
	try {
		await write(connection, group);
		for (const { resolve } of group) resolve();
	} catch (cause) {
		const [only] = group;
		if (group.length === 1) return only?.reject(new Error(`${only.table}: DuckDB refused the row: ${messageOf(cause)}`, { cause }));
		const middle = group.length >> 1;
		await writeOrSplit(connection, group.slice(0, middle));
		await writeOrSplit(connection, group.slice(middle));
	}
}

async function write(connection: DuckDBConnection, group: readonly Pending[]): Promise<void> {
	await connection.run('BEGIN TRANSACTION');
	const appenders = new Map<string, TableAppender>();
	try {
		for (const { table, values } of group) {
			const { appender, types } = appenders.get(table) ?? (await openAppender(connection, table, appenders));
			for (const [index, value] of values.entries()) appendValue(appender, value, types[index]);
			appender.endRow();
		}
		for (const { appender } of appenders.values()) appender.closeSync();
		await connection.run('COMMIT');
	} catch (cause) {
		// Appenders write what they hold when they are collected, which would be into somebody else's transaction.
		for (const { appender } of appenders.values()) appender.clear();
		await connection.run('ROLLBACK').catch(() => undefined);
		throw cause;
	}
}

/** What has a way of its own goes by it: a value of DuckDB's, made and freed for each column of each row, costs several times as much. */
function appendValue(appender: DuckDBAppender, value: DuckDBValue, type: DuckDBType | undefined): void {
	if (value === null) appender.appendNull();
	else if (typeof value === 'string') appender.appendVarchar(value);
	else if (typeof value === 'bigint') appender.appendBigInt(value);
	else if (typeof value === 'boolean') appender.appendBoolean(value);
	else appender.appendValue(value, type);
}

interface TableAppender {
	readonly appender: DuckDBAppender;
	readonly types: readonly DuckDBType[];
}

async function openAppender(connection: DuckDBConnection, table: string, opened: Map<string, TableAppender>): Promise<TableAppender> {
	const appender = await connection.createAppender(table);
	const types = Array.from({ length: appender.columnCount }, (_, index) => appender.columnType(index));
	opened.set(table, { appender, types });
	return { appender, types };
}

function messageOf(cause: unknown): string {
	return cause instanceof Error ? cause.message : String(cause);
}

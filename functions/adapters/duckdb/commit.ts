import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { quoted } from './values.ts';

/** Writes rows that are appended at the same time in the same transaction: the disk is awaited once a group, not once a row. */
export interface Group {
	/** Resolves once the transaction that holds the row, one JSON object, is on disk; rejects with the row's own error. */
	append(table: string, json: string): Promise<void>;
	/** Resolves when nothing is left to write. */
	flushed(): Promise<void>;
	/** Waits for what is left to write, and removes the folder of its own. */
	close(): Promise<void>;
}

interface Pending {
	readonly table: string;
	readonly json: string;
	readonly resolve: () => void;
	readonly reject: (cause: unknown) => void;
}

/** A transaction costs as much as a thousand rows; and what is not written yet is in memory. */
const GROUP_ROWS = 5000;
const GROUP_CHARACTERS = 32_000_000;
/** How long a group waits for others. */
const LINGER_MS = 5;

/**
 * Takes the connection for itself: a statement of anybody else would land inside its transactions. The rows of a group go through a file,
 * because DuckDB reads JSON from one on its own threads, and ten times as fast as it takes values one by one. `prefix`: what the path of the
 * file's folder begins with; without it, a folder among the system's temporary files.
 */
export function createGroup(connection: DuckDBConnection, prefix?: string): Group {
	const queue: Pending[] = [];
	let writing: Promise<void> | undefined;
	let folder: Promise<string> | undefined;
	const columnsOf = new Map<string, Columns>();

	async function drain(): Promise<void> {
		do {
			await sleep(LINGER_MS);
			folder ??= mkdtemp(prefix ?? join(tmpdir(), 'policy-audit-rows-'));
			// Where there was no room for it, there may be later.
			folder.catch(() => {
				folder = undefined;
			});
			await writeOrSplit({ connection, folder, columnsOf }, takeGroup(queue));
		} while (queue.length > 0);
		writing = undefined;
	}

	const flushed = (): Promise<void> => writing ?? Promise.resolve();
	return {
		append: (table, json) =>
			new Promise((resolve, reject) => {
				queue.push({ table, json, resolve, reject });
				writing ??= drain();
			}),
		flushed,
		async close() {
			await flushed();
			const made = await folder?.catch(() => undefined);
			if (made !== undefined) await rm(made, { recursive: true, force: true });
		},
	};
}

function takeGroup(queue: Pending[]): Pending[] {
	let [rows, characters] = [0, 0];
	while (rows < queue.length && rows < GROUP_ROWS && characters < GROUP_CHARACTERS) characters += (queue[rows++] as Pending).json.length;
	return queue.splice(0, rows);
}

interface Place {
	readonly connection: DuckDBConnection;
	/** Rejects where there is no room for one. */
	readonly folder: Promise<string>;
	/** By table, once it was asked for. */
	readonly columnsOf: Map<string, Columns>;
}

/** A row that DuckDB refuses must not take others with it, so a group that fails is halved until the row stands alone. */
async function writeOrSplit(place: Place, group: readonly Pending[]): Promise<void> {
	try {
		await write(place, group);
		for (const { resolve } of group) resolve();
	} catch (cause) {
		const [only] = group;
		if (!isOfARow(cause)) {
			// Smaller groups would fail of the same, one by one.
			for (const { table, reject } of group) reject(new Error(`${table}: ${messageOf(cause)}`, { cause }));
			return;
		}
		if (group.length === 1) return only?.reject(new Error(`${only.table}: DuckDB refused the row: ${messageOf(cause)}`, { cause }));
		const middle = group.length >> 1;
		await writeOrSplit(place, group.slice(0, middle));
		await writeOrSplit(place, group.slice(middle));
	}
}

/** Not of the disk, of memory, or of the database as a whole. What the system says has a code. */
const isOfARow = (cause: unknown): boolean =>
	cause instanceof Error &&
	!('code' in cause) &&
	!/^(TransactionContext|IO|Out of Memory|FATAL|INTERNAL|Connection)\b/i.test(cause.message);

async function write(place: Place, group: readonly Pending[]): Promise<void> {
	const { connection } = place;
	await connection.run('BEGIN TRANSACTION');
	try {
		for (const [table, rows] of Map.groupBy(group, (row) => row.table)) await insert(place, table, rows);
		await connection.run('COMMIT');
	} catch (cause) {
		await connection.run('ROLLBACK').catch(() => undefined);
		throw cause;
	}
}

/** Each reader of the file has a buffer of twice this, so it is as small as the rows allow. */
const OBJECT_BYTES = 1_000_000;
const BYTES_A_CHARACTER = 3;

async function insert({ connection, folder, columnsOf }: Place, table: string, rows: readonly Pending[]): Promise<void> {
	const columns = columnsOf.get(table) ?? (await describeColumns(connection, table));
	columnsOf.set(table, columns);
	const path = join(await folder, 'rows.ndjson');
	await writeFile(path, rows.map(({ json }) => json).join('\n'));
	const longest = rows.reduce((most, { json }) => Math.max(most, json.length), 0);
	const size = Math.max(OBJECT_BYTES, longest * BYTES_A_CHARACTER + 1);
	await connection.run(
		`INSERT INTO ${quoted(table)} BY NAME SELECT ${columns.selected} FROM read_json(${literal(path)}, format = 'newline_delimited', ` +
			`maximum_object_size = ${size}, columns = ${columns.read})`,
	);
}

/** What `read_json` is told of the columns of a table, and what is made of what it reads. */
interface Columns {
	/** `{'name': 'TYPE', …}`, as DuckDB itself has the types. */
	readonly read: string;
	readonly selected: string;
}

async function describeColumns(connection: DuckDBConnection, table: string): Promise<Columns> {
	const sql = `SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = $table AND database_name = current_database() ORDER BY column_index`;
	const rows = (await connection.runAndReadAll(sql, { table })).getRows();
	if (rows.length === 0) throw new Error('there is no such table');
	const columns = rows.map(([name, type]) => ({ name: String(name), type: String(type) }));
	// Of bytes it would take base64 for the bytes themselves.
	const read = columns.map(({ name, type }) => `${literal(name)}: ${literal(type === 'BLOB' ? 'VARCHAR' : type)}`);
	const selected = columns.map(({ name, type }) => (type === 'BLOB' ? `from_base64(${quoted(name)}) AS ${quoted(name)}` : quoted(name)));
	return { read: `{${read.join(', ')}}`, selected: selected.join(', ') };
}

/** An SQL string. */
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

function messageOf(cause: unknown): string {
	return cause instanceof Error ? cause.message : String(cause);
}

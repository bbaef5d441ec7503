import { randomUUID } from 'node:crypto';
import { access, open, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { DuckDBConnection, DuckDBInstance, DuckDBResult } from '@duckdb/node-api';
import type { Row, TableName, Warehouse } from '../ports.ts';
import { readSchemas, SCHEMAS } from './schemas.ts';
import { nameTables } from './table-names.ts';

/** Values of the `@name` parameters of a query. A time is a string; the SQL wraps it in `TIMESTAMP()`. */
export type Parameters = Readonly<Record<string, string | number | boolean | null>>;

/** The warehouse of a laptop: the tables and views of `schemas/` in a DuckDB file or in memory. */
export interface LocalWarehouse extends Warehouse {
	/** Resolves once the row is durable. Never tries again and drops no copy, so it needs to know nothing of a delivery. */
	write(table: TableName, row: Row): Promise<void>;
	/** Answers one statement of BigQuery SQL, which names tables as the files of `schemas/views` do: `` `${dataset}.verdicts` ``. One that changes rows answers with none. */
	query(sql: string, parameters?: Parameters): Promise<Row[]>;
	/** The same row by row, for answers that memory should not hold. Sees the rows that were durable when it began. */
	scan(sql: string, parameters?: Parameters): AsyncGenerator<Row, void>;
	/** Waits for the rows under way, then gives the file back. A scan left open keeps the file until it ends. */
	close(): Promise<void>;
}

/**
 * Opens the file, or a warehouse in memory without one, and creates what it lacks. Throws where the folder is missing, where the file is no
 * DuckDB database, is in use by another process, or holds tables with other columns than `schemas/tables`.
 */
export async function openDuckdb(path?: string, folder: URL = SCHEMAS): Promise<LocalWarehouse> {
	// Loaded here, because the two libraries cost 0.3 s and a WebAssembly module of 23 MB, and most commands open no warehouse.
	const [schemas, transpile] = await Promise.all([readSchemas(folder), loadTranspiler()]);
	const [{ ResultReturnType }, { createGroup }, { createTables, createViews }, { toRow, toText }] = await Promise.all([
		import('@duckdb/node-api'),
		import('./duckdb/commit.ts'),
		import('./duckdb/tables.ts'),
		import('./duckdb/values.ts'),
	]);
	const instance = await openInstance(path);
	const writer = await connectTo(instance);
	try {
		await createTables(writer, schemas.tables);
		await createViews(writer, schemas.views, transpile);
	} catch (cause) {
		writer.closeSync();
		instance.closeSync();
		throw openError(path, cause);
	}
	if (path !== undefined) await removeLeftRows(path);
	const group = createGroup(writer, path === undefined ? undefined : `${rowsBeside(path)}${PROCESS}-`);
	let closing: Promise<void> | undefined;
	let largeScans = 0;
	const assertOpen = (): void => {
		if (closing) throw new Error('the local warehouse is closed');
	};

	async function* scan(sql: string, parameters?: Parameters): AsyncGenerator<Row, void> {
		assertOpen();
		yield* rowsOf(sql, { parameters, large: true });
	}

	async function* rowsOf(sql: string, { parameters = {}, large = false }: Asked): AsyncGenerator<Row, void> {
		assertOpen();
		// A connection of its own: a stream ends as soon as its connection runs another statement.
		const reader = await connectTo(instance);
		let result: DuckDBResult | undefined;
		if (large) largeScans++;
		try {
			if (large) await reader.run(`SET memory_limit = '${LARGE_MEMORY}'`);
			result = await reader.stream(transpile(nameTables(sql)), { ...parameters });
			// How many rows a statement changed, which has to be read for it to be done.
			const counts = result.returnType === ResultReturnType.CHANGED_ROWS;
			// The types of the result, not those of its chunks, which forget that a string is JSON.
			const [names, types] = [result.deduplicatedColumnNames(), result.columnTypes()];
			for await (const rows of result.yieldRows()) for (const row of rows) if (!counts) yield toRow(names, types, row);
		} finally {
			// A stream that was not read to its end holds the file until it is collected, unless it fails.
			reader.interrupt();
			await result?.fetchAllChunks().catch(() => undefined);
			// The limit is the database's, not the connection's. Where more than that is in use, it stays as it is.
			if (large && --largeScans === 0) await reader.run(`SET memory_limit = '${MEMORY}'`).catch(() => undefined);
			reader.closeSync();
		}
	}

	async function write(table: TableName, row: Row): Promise<void> {
		assertOpen();
		const fields = schemas.tables.get(table);
		if (fields === undefined) throw new Error(`${table}: no such table in schemas/tables`);
		await group.append(table, toText(table, fields, row));
	}

	return {
		write,
		append(table, row, { settle }) {
			write(table, row).then(
				() => settle({ kind: 'stored' }),
				(error: Error) => settle({ kind: 'failed', error }),
			);
		},
		async query(sql, parameters) {
			const rows: Row[] = [];
			for await (const row of rowsOf(sql, { parameters })) rows.push(row);
			return rows;
		},
		scan,
		close() {
			closing ??= group.close().then(() => {
				writer.closeSync();
				instance.closeSync();
			});
			return closing;
		},
	};
}

/** What does not fit goes to disk. Left to itself, DuckDB takes four fifths of the machine. */
const MEMORY = '500MB';
/** For whole rows in order: DuckDB does not sort a million of them with less. */
const LARGE_MEMORY = '1GB';

interface Asked {
	readonly parameters: Parameters | undefined;
	/** Whether the answer may be all rows in order. */
	readonly large?: boolean;
}

async function openInstance(path: string | undefined): Promise<DuckDBInstance> {
	const { DuckDBInstance } = await import('@duckdb/node-api');
	const options = { autoinstall_known_extensions: 'false', memory_limit: MEMORY };
	// Beside no file, DuckDB would put what memory does not hold into the working directory.
	if (path === undefined)
		return DuckDBInstance.create(':memory:', { ...options, temp_directory: join(tmpdir(), `policy-audit-${randomUUID()}`) });
	const folder = dirname(resolve(path));
	await access(folder).catch((cause: unknown) => {
		throw new Error(`cannot open ${path}: the folder ${folder} does not exist or cannot be read`, { cause });
	});
	if (!(await mayBeDatabase(path))) throw new Error(`cannot open ${path}: ${NO_DATABASE}`);
	// From the cache, because a second instance of the same file in one process would not see the first one's lock.
	return DuckDBInstance.fromCache(resolve(path), options).catch((cause: unknown) => {
		throw openError(path, cause);
	});
}

/** Tells the folders of this process from those of others; its id would not, which comes again. */
const PROCESS = randomUUID().slice(0, 8);

/** What the names of folders begin with that hold rows on their way into the file. */
const rowsBeside = (path: string): string => `${resolve(path)}.rows-`;

/** Removes what killed processes left. The file is open, so no other process has it, and none but those that have it write rows. */
async function removeLeftRows(path: string): Promise<void> {
	const [folder, prefix] = [dirname(resolve(path)), basename(rowsBeside(path))];
	const names = (await readdir(folder).catch(() => [])).filter(
		(name) => name.startsWith(prefix) && !name.startsWith(`${prefix}${PROCESS}-`),
	);
	// What cannot be removed is in nobody's way.
	for (const name of names) await rm(join(folder, name), { recursive: true, force: true }).catch(() => {});
}

const NO_DATABASE = 'it is not a DuckDB database; name another file, or one that does not exist yet';

/** Whether there is no such file, or one that begins as DuckDB's do. Any other text it would open as a view of it, in memory. */
async function mayBeDatabase(path: string): Promise<boolean> {
	const found = await stat(path).catch(() => undefined);
	// What is no file, or cannot be read, DuckDB itself has the better words for.
	const file = found?.isFile() ? await open(path).catch(() => undefined) : undefined;
	if (!file) return true;
	try {
		const { buffer } = await file.read(Buffer.alloc(12), 0, 12, 0);
		return buffer.toString('latin1', 8) === 'DUCK';
	} finally {
		await file.close();
	}
}

async function connectTo(instance: DuckDBInstance): Promise<DuckDBConnection> {
	const connection = await instance.connect();
	// Days and casts of times are UTC in BigQuery; here they follow the session.
	await connection.run(`SET TimeZone = 'UTC'`);
	return connection;
}

/** DuckDB's own words follow ours: they name the process that holds a lock. */
function openError(path: string | undefined, cause: unknown): Error {
	const message = cause instanceof Error ? cause.message : String(cause);
	const why = message.includes('not a valid DuckDB database')
		? NO_DATABASE
		: message.includes('Could not set lock')
			? `another process has it open; close that one first, or name another file (${message})`
			: message;
	return new Error(`cannot open ${path ?? 'the warehouse in memory'}: ${why}`, { cause });
}

/** Strings, names in backticks and comments, which are left alone; or a parameter. */
const TOKENS = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`|--[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/|@(\w+)/g;

/** BigQuery SQL to DuckDB's. Right only for the functions that `test/schemas/views.test.ts` allows. Throws where it cannot be parsed. */
async function loadTranspiler(): Promise<(sql: string) => string> {
	// The transpiler is 23 MB of WebAssembly, of which a few statements are needed: to optimise it costs 3 s of both cores and 600 MB.
	setFlagsFromString('--no-wasm-dynamic-tiering');
	setFlagsFromString('--no-wasm-tier-up');
	const { Dialect, transpile } = await import('@polyglot-sql/sdk');
	return (sql) => {
		// The transpiler takes @name for an absolute value.
		const parameterised = sql.replace(TOKENS, (token, name: string | undefined) => (name === undefined ? token : `$${name}`));
		const { sql: statements, error } = transpile(parameterised, Dialect.BigQuery, Dialect.DuckDB);
		const [statement] = statements ?? [];
		if (statement === undefined || statements?.length !== 1)
			throw new Error(`not one statement of BigQuery SQL: ${error ?? sql.slice(0, 200)}`);
		return statement;
	};
}

import { readdir, readFile } from 'node:fs/promises';
import { REFERENCE } from './table-names.ts';

/**
 * Reads `schemas/`, the one definition of tables and views that the code, the SQL and Terraform share.
 *
 * A view is one BigQuery query in a file, without `CREATE VIEW`. It names tables and other views as `` `${dataset}.verdicts_v1` ``, always in
 * backticks and always by that placeholder. Terraform's `templatefile` fills it with `project.dataset`; the local warehouse, which has one
 * dataset only, drops it. So a SQL file holds no other `${` and no `%{`, which `templatefile` would read as its own.
 */

/** A column as BigQuery's JSON schema files write it. */
export interface Field {
	readonly name: string;
	readonly type: string;
	readonly mode?: 'REQUIRED' | 'NULLABLE' | 'REPEATED';
	readonly description?: string;
	/** The members of a RECORD. */
	readonly fields?: readonly Field[];
}

export interface Schemas {
	/** Columns by table name, in the order of the file. */
	readonly tables: ReadonlyMap<string, readonly Field[]>;
	/** BigQuery SQL by view name; a view stands after those that it reads. */
	readonly views: ReadonlyMap<string, string>;
}

export const SCHEMAS = new URL('../../schemas/', import.meta.url);

/** Reads every table and view below the folder. Throws where a file cannot be read or views read each other in a circle. */
export async function readSchemas(folder: URL = SCHEMAS): Promise<Schemas> {
	const tables = await readFolder(new URL('tables/', folder), '.json');
	const views = await readFolder(new URL('views/', folder), '.sql');
	return { tables: new Map([...tables].map(([name, text]) => [name, JSON.parse(text) as Field[]])), views: orderViews(views) };
}

async function readFolder(folder: URL, extension: string): Promise<Map<string, string>> {
	const names = (await readdir(folder)).filter((name) => name.endsWith(extension)).sort();
	const texts = await Promise.all(names.map((name) => readFile(new URL(name, folder), 'utf8')));
	return new Map(names.map((name, index) => [name.slice(0, -extension.length), texts[index] ?? '']));
}

/** Both engines bind a view when it is created, so what it reads has to be there before it. */
function orderViews(views: ReadonlyMap<string, string>): Map<string, string> {
	const ordered = new Map<string, string>();
	const place = (name: string, readers: readonly string[]): void => {
		const sql = views.get(name);
		if (sql === undefined || ordered.has(name)) return;
		if (readers.includes(name)) throw new Error(`schemas/views read each other in a circle: ${[...readers, name].join(' -> ')}`);
		for (const [, read] of sql.matchAll(REFERENCE)) if (read !== undefined) place(read, [...readers, name]);
		ordered.set(name, sql);
	};
	for (const name of views.keys()) place(name, []);
	return ordered;
}

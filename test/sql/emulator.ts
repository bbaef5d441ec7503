import { randomUUID } from 'node:crypto';
import { createBigquerySql } from '../../functions/adapters/bigquery-sql.ts';
import type { Field, Schemas } from '../../functions/adapters/schemas.ts';
import { nameTables } from '../../functions/adapters/table-names.ts';
import type { Row, SqlEngine } from '../../functions/ports.ts';

/**
 * A dataset of its own in a BigQuery emulator. Queries go as the functions ask BigQuery; tables and rows by what REST says of them.
 */
export interface Emulator extends SqlEngine {
	/** `project.dataset`. */
	readonly dataset: string;
	insert(table: string, rows: readonly Row[]): Promise<void>;
	remove(): Promise<void>;
}

type Call = (method: string, path: string, body?: object) => Promise<unknown>;

export async function createEmulator(
	{ host, project }: { readonly host: string; readonly project: string },
	schemas: Schemas,
): Promise<Emulator> {
	const datasetId = `audit_${randomUUID().replaceAll('-', '')}`;
	const apiEndpoint = /^https?:/.test(host) ? host : `http://${host}`;
	const base = `${apiEndpoint}/bigquery/v2/projects/${project}`;
	const call: Call = async (method, path, body) => {
		const response = await fetch(`${base}${path}`, {
			method,
			headers: { 'content-type': 'application/json' },
			body: body ? JSON.stringify(body) : null,
		});
		const text = await response.text();
		if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 1000)}`);
		return text === '' ? undefined : JSON.parse(text);
	};
	await call('POST', '/datasets', { datasetReference: { projectId: project, datasetId } });
	await createTables(call, { project, datasetId }, schemas);
	return {
		...createBigquerySql({ projectId: project, datasetId, apiEndpoint }),
		dataset: `${project}.${datasetId}`,
		async insert(table, rows) {
			const fields = schemas.tables.get(table) ?? [];
			const body = { rows: rows.map((row) => ({ json: toWire(row, fields) })) };
			const { insertErrors } = (await call('POST', `/datasets/${datasetId}/tables/${table}/insertAll`, body)) as {
				insertErrors?: unknown[];
			};
			if (insertErrors) throw new Error(`insertAll: ${JSON.stringify(insertErrors).slice(0, 1000)}`);
		},
		async remove() {
			await call('DELETE', `/datasets/${datasetId}?deleteContents=true`);
		},
	};
}

async function createTables(
	call: Call,
	{ project, datasetId }: { readonly project: string; readonly datasetId: string },
	{ tables, views }: Schemas,
): Promise<void> {
	const reference = (tableId: string): object => ({ tableReference: { projectId: project, datasetId, tableId } });
	for (const [name, fields] of tables) await call('POST', `/datasets/${datasetId}/tables`, { ...reference(name), schema: { fields } });
	for (const [name, sql] of views) {
		const query = nameTables(sql, `${project}.${datasetId}`);
		await call('POST', `/datasets/${datasetId}/tables`, { ...reference(name), view: { query, useLegacySql: false } });
	}
}

/** insertAll takes a JSON column as text, and no null for a REPEATED one. The emulator does not decode base64: it takes text for BYTES. */
function toWire(row: Row, fields: readonly Field[]): Row {
	const present = fields.filter(({ name }) => row[name] !== undefined && row[name] !== null);
	const value = ({ name, type }: Field): unknown => {
		if (type === 'JSON') return JSON.stringify(row[name]);
		return type === 'BYTES' ? Buffer.from(String(row[name]), 'base64').toString() : row[name];
	};
	return Object.fromEntries(present.map((field) => [field.name, value(field)]));
}

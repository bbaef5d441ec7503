import { randomUUID } from 'node:crypto';
import { BigQuery, BigQueryDate, BigQueryInt, BigQueryTimestamp } from '@google-cloud/bigquery';
import type { Field, Schemas } from '../../functions/adapters/schemas.ts';
import { nameTables } from '../../functions/adapters/table-names.ts';
import type { Row, SqlEngine } from '../../functions/ports.ts';

/**
 * A dataset of its own in a BigQuery emulator. Queries go by Google's client, as a user's do; tables and rows by what REST says, because the
 * emulator takes BYTES as text, and the client would encode them.
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
	const base = `${/^https?:/.test(host) ? '' : 'http://'}${host}/bigquery/v2/projects/${project}`;
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
	const client = new BigQuery({ projectId: project, apiEndpoint: /^https?:/.test(host) ? host : `http://${host}` });
	return {
		dataset: `${project}.${datasetId}`,
		async insert(table, rows) {
			const fields = schemas.tables.get(table) ?? [];
			const body = { rows: rows.map((row) => ({ json: toWire(row, fields) })) };
			const { insertErrors } = (await call('POST', `/datasets/${datasetId}/tables/${table}/insertAll`, body)) as {
				insertErrors?: unknown[];
			};
			if (insertErrors) throw new Error(`insertAll: ${JSON.stringify(insertErrors).slice(0, 1000)}`);
		},
		async query(sql, parameters = {}) {
			const [rows] = await client.query({ query: nameTables(sql, `${project}.${datasetId}`), params: parameters, parseJSON: true });
			return (rows as Row[]).map((row) => fromClient(row) as Row);
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

/** The client wraps times, dates and numbers that no double can hold. */
function fromClient(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(fromClient);
	if (value instanceof Buffer) return value.toString('base64');
	if (value instanceof BigQueryTimestamp)
		return value.value.replace(/\.0*Z$/, 'Z').replace(/\.(\d+)Z$/, (_, digits: string) => `.${digits.padEnd(6, '0').slice(0, 6)}Z`);
	if (value instanceof BigQueryDate || value instanceof BigQueryInt) return value.value;
	if (typeof value === 'object' && value !== null)
		return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, fromClient(each)]));
	return value;
}

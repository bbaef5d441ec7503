import { randomUUID } from 'node:crypto';
import { type Field, nameTables, type Schemas } from '../../functions/adapters/schemas.ts';
import type { Row } from '../../functions/ports.ts';

/** A dataset of its own in a BigQuery emulator, spoken to as REST says it, so that no client library stands between. */
export interface Emulator {
	/** `project.dataset`, for the placeholder of the SQL files. */
	readonly dataset: string;
	insert(table: string, rows: readonly Row[]): Promise<void>;
	/** Rows in the JSON form that `Row` describes. */
	query(sql: string): Promise<Row[]>;
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
		async query(sql) {
			const answer = (await call('POST', '/queries', { query: sql, useLegacySql: false })) as Answer;
			return (answer.rows ?? []).map((row) => toRow(row, answer.schema.fields));
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

interface Cells {
	readonly f: readonly { readonly v: unknown }[];
}

interface Answer {
	readonly schema: { readonly fields: readonly Field[] };
	readonly rows?: readonly Cells[];
}

function toRow({ f }: Cells, fields: readonly Field[]): Row {
	return Object.fromEntries(fields.map((field, index) => [field.name, toValue(f[index]?.v, field)]));
}

/** The REST form has every scalar as text, times as seconds since 1970 with a fraction. */
function toValue(value: unknown, field: Field): unknown {
	if (field.mode === 'REPEATED') return ((value ?? []) as { v: unknown }[]).map(({ v }) => toValue(v, { ...field, mode: 'NULLABLE' }));
	if (value === null || value === undefined) return null;
	switch (field.type) {
		case 'RECORD':
		case 'STRUCT':
			return toRow(value as Cells, field.fields ?? []);
		case 'INTEGER':
		case 'INT64':
		case 'FLOAT':
		case 'FLOAT64':
			return Number(value);
		case 'BOOLEAN':
		case 'BOOL':
			return value === 'true';
		case 'JSON':
			return JSON.parse(String(value));
		case 'TIMESTAMP':
			return timeOf(String(value));
		default:
			return value;
	}
}

function timeOf(seconds: string): string {
	const [whole = '', fraction = ''] = seconds.split('.');
	const micros = fraction.padEnd(6, '0');
	return `${new Date(Number(whole) * 1000).toISOString().slice(0, 19)}${Number(micros) === 0 ? '' : `.${micros}`}Z`;
}

import {
	DuckDBBlobValue,
	DuckDBDecimalValue,
	type DuckDBListType,
	DuckDBListValue,
	type DuckDBStructType,
	DuckDBStructValue,
	DuckDBTimestampTZValue,
	DuckDBTimestampValue,
	type DuckDBType,
	DuckDBTypeId,
	type DuckDBValue,
} from '@duckdb/node-api';
import type { Row } from '../../ports.ts';
import type { Field } from '../schemas.ts';

const DUCKDB_TYPES: Readonly<Record<string, string>> = {
	STRING: 'VARCHAR',
	INTEGER: 'BIGINT',
	INT64: 'BIGINT',
	FLOAT: 'DOUBLE',
	FLOAT64: 'DOUBLE',
	BOOLEAN: 'BOOLEAN',
	BOOL: 'BOOLEAN',
	TIMESTAMP: 'TIMESTAMP WITH TIME ZONE',
	DATE: 'DATE',
	JSON: 'JSON',
	BYTES: 'BLOB',
};

/** `name TYPE [NOT NULL], …` for CREATE TABLE. A REPEATED column is never null, as in BigQuery, where an absent array is an empty one. */
export function columnsOf(fields: readonly Field[]): string {
	const column = (field: Field): string =>
		`${quoted(field.name)} ${duckdbType(field)}${(field.mode ?? 'NULLABLE') === 'NULLABLE' ? '' : ' NOT NULL'}`;
	return fields.map(column).join(', ');
}

/** An SQL identifier. */
export function quoted(name: string): string {
	return `"${name.replaceAll('"', '""')}"`;
}

function duckdbType(field: Field): string {
	const members = (field.fields ?? []).map((member) => `${quoted(member.name)} ${duckdbType(member)}`).join(', ');
	const type = isRecord(field) ? `STRUCT(${members})` : DUCKDB_TYPES[field.type];
	if (type === undefined) throw new Error(`${field.name}: the local warehouse has no type for ${field.type}`);
	return field.mode === 'REPEATED' ? `${type}[]` : type;
}

function isRecord(field: Field): boolean {
	return field.type === 'RECORD' || field.type === 'STRUCT';
}

/**
 * The row as one JSON object that DuckDB reads into the columns. Throws an error that names table and column where the row does not fit the
 * table.
 */
export function toText(table: string, fields: readonly Field[], row: Row): string {
	// A lone surrogate has no UTF-8 form; replaced here, as every JSON encoder on the way to BigQuery would.
	const json = JSON.stringify(toMembers(fields, row, table));
	return json.includes('\\ud') ? json.replace(LONE_SURROGATE, (_, escaped?: string) => escaped ?? '\ufffd') : json;
}

/** As JSON.stringify writes it, for it leaves whole pairs as they are; or an escaped backslash, which may stand before the same letters. */
const LONE_SURROGATE = /(\\\\)|\\ud[89a-f][\da-f]{2}/g;

type Members = Record<string, unknown>;

function toMembers(fields: readonly Field[], record: Readonly<Members>, path: string): Members {
	const members: Members = {};
	let found = 0;
	for (const field of fields) {
		const value = Object.hasOwn(record, field.name) ? record[field.name] : undefined;
		if (value !== undefined) found++;
		members[field.name] = toValue(field, value, path);
	}
	for (const name in record) if (record[name] !== undefined && Object.hasOwn(record, name)) found--;
	if (found < 0) throw new Error(`${path}.${shown(strayName(fields, record))}: no such column`);
	return members;
}

const strayName = (fields: readonly Field[], record: Readonly<Members>): string | undefined =>
	Object.keys(record).find((key) => record[key] !== undefined && !fields.some(({ name }) => name === key));

/** `path`: of the record that the field is in. */
function toValue(field: Field, value: unknown, path: string): unknown {
	if (field.mode !== 'REPEATED') return toElement(field, value, path);
	if (value === undefined || value === null) return [];
	if (!Array.isArray(value)) return unfit(`${path}.${field.name}`, 'an array', value);
	return value.map((item, index) => {
		if (item === undefined || item === null) throw new Error(`${path}.${field.name}[${index}]: a value is REQUIRED`);
		return toElement(field, item, path, index);
	});
}

function toElement(field: Field, value: unknown, record: string, index?: number): unknown {
	if (value === undefined || value === null) {
		if (field.mode === 'REQUIRED') throw new Error(`${record}.${field.name}: a value is REQUIRED`);
		return null;
	}
	// Made only where it is needed: a row has a hundred of them.
	const path = (): string => `${record}.${field.name}${index === undefined ? '' : `[${index}]`}`;
	switch (field.type) {
		case 'RECORD':
		case 'STRUCT':
			if (typeof value !== 'object' || Array.isArray(value)) return unfit(path(), 'an object', value);
			return toMembers(field.fields ?? [], value as Members, path());
		case 'STRING':
			return typeof value === 'string' ? value : unfit(path(), 'a string', value);
		case 'INTEGER':
		case 'INT64':
			return toInteger(value) ?? unfit(path(), 'an integer of 64 bits', value);
		case 'FLOAT':
		case 'FLOAT64':
			return typeof value === 'number' ? value : unfit(path(), 'a number', value);
		case 'BOOLEAN':
		case 'BOOL':
			return typeof value === 'boolean' ? value : unfit(path(), 'true or false', value);
		case 'TIMESTAMP':
			return toTimestamp(value) ?? unfit(path(), 'an RFC 3339 time with at most six digits of a second', value);
		case 'DATE':
			return isDate(value) ? value : unfit(path(), 'a date such as 2026-01-31', value);
		case 'JSON':
			return toJson(value) === undefined ? unfit(path(), 'a value that JSON can hold', value) : value;
		case 'BYTES':
			return toBytes(value) ?? unfit(path(), 'bytes in base64', value);
		default:
			return unfit(path(), `a ${field.type}`, value);
	}
}

/** A number where it is exact as one, else digits, which DuckDB reads as well. */
function toInteger(value: unknown): number | string | undefined {
	if (Number.isSafeInteger(value)) return value as number;
	if (typeof value !== 'bigint' && !(typeof value === 'number' && Number.isInteger(value))) return undefined;
	const integer = BigInt(value);
	return BigInt.asIntN(64, integer) === integer ? `${integer}` : undefined;
}

/** BigQuery's times begin in the year 1. */
const TIME = /^((?!0000)\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

function toTimestamp(value: unknown): string | undefined {
	const [text, date] = (typeof value === 'string' && TIME.exec(value)) || [];
	return isDate(date) ? text : undefined;
}

function isDate(value: unknown): value is string {
	if (typeof value !== 'string' || !/^(?!0000)\d{4}-\d\d-\d\d$/.test(value)) return false;
	const at = Date.parse(`${value}T00:00:00Z`);
	// Date.parse takes 2026-02-30 for the second of March.
	return !Number.isNaN(at) && new Date(at).toISOString().startsWith(value);
}

function toJson(value: unknown): string | undefined {
	try {
		return JSON.stringify(value);
	} catch {
		return undefined;
	}
}

function toBytes(value: unknown): string | undefined {
	if (typeof value !== 'string') return undefined;
	// Buffer skips what is not base64; whatever does not come back the same was something else.
	return Buffer.from(value, 'base64').toString('base64') === value ? value : undefined;
}

function unfit(path: string, expected: string, value: unknown): never {
	throw new Error(`${path}: expected ${expected}, got ${shown(value)}`);
}

/** A value as an error shows it: cut, and with its control characters escaped, since it may come from a hostile log entry. */
function shown(value: unknown): string {
	if (typeof value === 'bigint') return `${value}`;
	const text = toJson(value) ?? typeof value;
	return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** An answer's row in BigQuery's JSON form, which `Row` describes. An integer beyond 2^53 is a string of digits, so that none is lost. */
export function toRow(names: readonly string[], types: readonly DuckDBType[], values: readonly DuckDBValue[]): Row {
	return Object.fromEntries(names.map((name, index) => [name, fromValue(values[index] ?? null, types[index] as DuckDBType)]));
}

function fromValue(value: DuckDBValue, type: DuckDBType): unknown {
	if (type.typeId === DuckDBTypeId.LIST) return fromList(value, type);
	if (value === null) return null;
	if (value instanceof DuckDBStructValue) return fromStruct(value, type as DuckDBStructType);
	if (value instanceof DuckDBTimestampTZValue || value instanceof DuckDBTimestampValue) return timeOf(value.micros);
	if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes).toString('base64');
	if (value instanceof DuckDBDecimalValue) return value.toDouble();
	if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : `${value}`;
	if (typeof value === 'string') return type.alias === 'JSON' ? JSON.parse(value) : value;
	return typeof value === 'object' ? value.toString() : value;
}

function fromList(value: DuckDBValue, type: DuckDBListType): unknown[] {
	return value instanceof DuckDBListValue ? value.items.map((item) => fromValue(item, type.valueType)) : [];
}

function fromStruct(value: DuckDBStructValue, type: DuckDBStructType): Row {
	const values = type.entryNames.map((name) => value.entries[name] ?? null);
	return toRow(type.entryNames, type.entryTypes, values);
}

/** RFC 3339 in UTC, with six digits of a second where there is a fraction at all. */
function timeOf(micros: bigint): string {
	const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
	const seconds = new Date(Number((micros - fraction) / 1000n)).toISOString().slice(0, -'.000Z'.length);
	return fraction === 0n ? `${seconds}Z` : `${seconds}.${`${fraction}`.padStart(6, '0')}Z`;
}

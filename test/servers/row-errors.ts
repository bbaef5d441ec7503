import type { Field } from '../../functions/adapters/schemas.ts';
import type { Row } from '../../functions/ports.ts';

/** An error of a row as insertAll words it. */
export interface RowError {
	readonly reason: string;
	readonly location: string;
	readonly debugInfo: string;
	readonly message: string;
}

/** Where a row does not fit the table. */
export function findRowErrors(fields: readonly Field[], row: Row, path = ''): RowError[] {
	const invalid = (name: string, message: string): RowError => ({ reason: 'invalid', location: `${path}${name}`, debugInfo: '', message });
	const unknown = Object.keys(row).filter((name) => !fields.some((field) => field.name === name));
	const errors = unknown.map((name) => invalid(name, `no such field: ${path}${name}.`));
	for (const field of fields) {
		const value = row[field.name];
		const missing = value === undefined || value === null;
		if (field.mode === 'REPEATED') {
			if (value === null) errors.push(invalid(field.name, 'Field value cannot be null.'));
			else if (value !== undefined && !Array.isArray(value)) errors.push(invalid(field.name, `Field is repeated: ${path}${field.name}.`));
			else for (const item of (value ?? []) as unknown[]) errors.push(...findValueErrors(field, item, path));
		} else if (missing && field.mode === 'REQUIRED') errors.push(invalid(field.name, `Missing required field: ${path}${field.name}.`));
		else if (!missing) errors.push(...findValueErrors(field, value, path));
	}
	return errors;
}

function findValueErrors(field: Field, value: unknown, path: string): RowError[] {
	const location = `${path}${field.name}`;
	const invalid = (message: string): RowError[] => [{ reason: 'invalid', location, debugInfo: '', message }];
	if (Array.isArray(value)) return invalid(`Array specified for non-repeated field: ${location}.`);
	if (field.type === 'RECORD') {
		if (typeof value !== 'object' || value === null) return invalid(`This field: ${location} is not a record.`);
		return findRowErrors(field.fields ?? [], value as Row, `${location}.`);
	}
	if (typeof value === 'object') return invalid(`This field: ${location} is not a record.`);
	return isOfType(field.type, value)
		? []
		: invalid(`Cannot convert value to ${field.type.toLowerCase()} (bad value): ${String(value).slice(0, 100)}`);
}

function isOfType(type: string, value: unknown): boolean {
	switch (type) {
		case 'INTEGER':
			return /^-?\d{1,19}$/.test(String(value));
		case 'BOOLEAN':
			return value === true || value === false || value === 'true' || value === 'false';
		case 'TIMESTAMP':
			return !Number.isNaN(Date.parse(String(value)));
		case 'BYTES':
			return /^[A-Za-z0-9+/]*={0,2}$/.test(String(value));
		case 'JSON':
			return isJson(String(value));
		default:
			return typeof value !== 'boolean';
	}
}

function isJson(text: string): boolean {
	try {
		JSON.parse(text);
		return true;
	} catch {
		return false;
	}
}

import type { Field } from '../../functions/adapters/schemas.ts';

type Values = Readonly<Record<string, unknown>>;

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const FITS: Readonly<Record<string, (value: unknown) => boolean>> = {
	STRING: (value) => typeof value === 'string',
	INTEGER: (value) => Number.isSafeInteger(value),
	BOOLEAN: (value) => typeof value === 'boolean',
	TIMESTAMP: (value) => typeof value === 'string' && TIME.test(value),
	BYTES: (value) => typeof value === 'string' && BASE64.test(value),
	JSON: (value) => JSON.stringify(value) !== undefined,
};

/** Where a row departs from the columns of its table: exactly those keys, in that order, each of its type and mode. */
export function departures(fields: readonly Field[], row: Values, path = ''): string[] {
	const keys = Object.keys(row).join(', ');
	const names = fields.map(({ name }) => name).join(', ');
	const order = keys === names ? [] : [`${path || 'row'}: has ${keys}; the schema has ${names}`];
	return [...order, ...fields.flatMap((field) => fieldDepartures(field, row[field.name], `${path}${path && '.'}${field.name}`))];
}

function fieldDepartures(field: Field, value: unknown, path: string): string[] {
	if (field.mode === 'REPEATED') {
		if (!Array.isArray(value)) return [`${path}: a REPEATED column that is no array`];
		return value.flatMap((item, index) => elementDepartures(field, item, `${path}[${index}]`));
	}
	if (value === null) return field.mode === 'REQUIRED' ? [`${path}: REQUIRED, and null`] : [];
	return elementDepartures(field, value, path);
}

function elementDepartures(field: Field, value: unknown, path: string): string[] {
	if (field.type === 'RECORD') return departures(field.fields ?? [], value as Values, path);
	return FITS[field.type]?.(value) ? [] : [`${path}: ${JSON.stringify(value)} is no ${field.type}`];
}

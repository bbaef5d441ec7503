import type { Row } from '../../ports.ts';
import type { Field } from '../schemas.ts';

/** A row as jobs.query sends it: values in the order of the columns, texts nearly all of them. */
export interface WireRow {
	readonly f: readonly { readonly v: unknown }[];
}

/** The JSON form that `Row` describes. An integer beyond 2^53 stays the text that it is, so that none is lost. */
export function fromWire(fields: readonly Field[], { f }: WireRow): Row {
	return Object.fromEntries(fields.map((field, index) => [field.name, fromCell(field, f[index]?.v)]));
}

function fromCell(field: Field, value: unknown): unknown {
	if (field.mode !== 'REPEATED') return fromValue(field, value);
	return Array.isArray(value) ? value.map((element: { readonly v: unknown }) => fromValue(field, element.v)) : [];
}

function fromValue({ type, fields = [] }: Field, value: unknown): unknown {
	if (value === null || value === undefined) return null;
	switch (type) {
		case 'RECORD':
		case 'STRUCT':
			return fromWire(fields, value as WireRow);
		case 'INTEGER':
		case 'INT64':
			return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
		case 'FLOAT':
		case 'FLOAT64':
		case 'NUMERIC':
		case 'BIGNUMERIC':
			return Number(value);
		case 'BOOLEAN':
		case 'BOOL':
			return String(value) === 'true';
		case 'JSON':
			return JSON.parse(String(value));
		case 'TIMESTAMP':
			return timeOf(BigInt(String(value)));
		default:
			return value;
	}
}

/** From microseconds since 1970: RFC 3339 in UTC, with six digits of a second where there is a fraction at all. */
function timeOf(micros: bigint): string {
	const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
	const seconds = new Date(Number((micros - fraction) / 1000n)).toISOString().slice(0, -'.000Z'.length);
	return fraction === 0n ? `${seconds}Z` : `${seconds}.${`${fraction}`.padStart(6, '0')}Z`;
}

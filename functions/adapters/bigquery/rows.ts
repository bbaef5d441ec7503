import type { EncodedRow, RefusedRow, Row } from '../../ports.ts';
import type { Field } from '../schemas.ts';

/** A row, and where it stands in the call of `insert`. */
export interface PlacedRow extends EncodedRow {
	readonly index: number;
}

/** "Maximum row size: 10 MB", read as MiB: what may be stored has to be tried. */
const ROW_BYTES = 10 * 1024 * 1024;
/** "HTTP request size limit: 10 MB", read as MB and with room for what stands around the rows. */
const REQUEST_BYTES = 9_990_000;
/** "Maximum rows per request: 50,000 rows. A maximum of 500 rows is recommended." */
const REQUEST_ROWS = 500;

const refused = (detail: string): RefusedRow => ({ kind: 'refused', detail });

/** A row as one element of `rows`. Columns of the type JSON take text: of a value BigQuery says that the column is not a record. */
export function encodeRow(
	row: Row,
	{ insertId, fields }: { readonly insertId: string; readonly fields: readonly Field[] },
): EncodedRow | RefusedRow {
	const json = { ...row };
	try {
		for (const { name, type } of fields)
			if (type === 'JSON' && json[name] !== null && json[name] !== undefined) json[name] = JSON.stringify(json[name]);
		const text = JSON.stringify({ insertId, json });
		const bytes = Buffer.byteLength(text);
		return bytes > ROW_BYTES
			? refused(`the row has ${bytes} bytes, and BigQuery takes ${ROW_BYTES} at most`)
			: { kind: 'encoded', text, bytes };
	} catch (cause) {
		return refused(`the row cannot be written as JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
	}
}

/** As few batches as fit the limits of a request, in order; a row beyond the limit goes alone. */
export function toBatches(rows: readonly PlacedRow[]): PlacedRow[][] {
	const batches: PlacedRow[][] = [];
	let last: PlacedRow[] = [];
	let bytes = 0;
	for (const row of rows) {
		if (last.length === 0 || last.length >= REQUEST_ROWS || bytes + row.bytes > REQUEST_BYTES) {
			last = [];
			bytes = 0;
			batches.push(last);
		}
		last.push(row);
		bytes += row.bytes + ','.length;
	}
	return batches;
}

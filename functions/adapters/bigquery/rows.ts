import type { PendingRow } from '../../ports.ts';
import type { Field } from '../schemas.ts';

/** A row as the body of a request holds it. */
export interface WireRow {
	readonly kind: 'wire';
	/** Where it stands in the call of `insert`. */
	readonly index: number;
	readonly text: string;
	readonly bytes: number;
}

type Encoded = WireRow | { readonly kind: 'refused'; readonly index: number; readonly detail: string };

/** "Maximum row size: 10 MB", read as MiB: what may be stored has to be tried. */
const ROW_BYTES = 10 * 1024 * 1024;
/** "HTTP request size limit: 10 MB", read as MB and with room for what stands around the rows. */
const REQUEST_BYTES = 9_990_000;
/** "Maximum rows per request: 50,000 rows. A maximum of 500 rows is recommended." */
const REQUEST_ROWS = 500;

export function encodeRow({ row, insertId }: PendingRow, place: { readonly index: number; readonly fields: readonly Field[] }): Encoded {
	const { index, fields } = place;
	const refused = (detail: string): Encoded => ({ kind: 'refused', index, detail });
	const json: Record<string, unknown> = {};
	try {
		// Absent is null, and an empty array where a column is REPEATED, which takes no null.
		for (const [name, value] of Object.entries(row)) if (value !== null && value !== undefined) json[name] = value;
		// A JSON column takes text: of a value BigQuery says that the column is not a record.
		for (const { name, type } of fields) if (type === 'JSON' && name in json) json[name] = JSON.stringify(json[name]);
		const text = JSON.stringify({ insertId, json });
		const bytes = Buffer.byteLength(text);
		if (bytes > ROW_BYTES) return refused(`the row has ${bytes} bytes, and BigQuery takes ${ROW_BYTES} at most`);
		return { kind: 'wire', index, text, bytes };
	} catch (cause) {
		return refused(`the row cannot be written as JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
	}
}

/** As few batches as fit the limits of a request, in order; a row beyond the limit goes alone. */
export function toBatches(rows: readonly WireRow[]): WireRow[][] {
	const batches: WireRow[][] = [];
	let last: WireRow[] = [];
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

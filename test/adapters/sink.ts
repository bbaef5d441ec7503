import type { EncodedRow, RefusedRow, Row, RowResult, RowSink, TableName } from '../../functions/ports.ts';

/** A row before it is encoded. */
export interface PlainRow {
	readonly row: Row;
	readonly insertId: string;
}

/** Encodes rows and writes those that can be, as group commit does: one result a row, in their order. */
export async function writeRows(
	sink: RowSink,
	table: TableName,
	{ rows, untilMs }: { readonly rows: readonly PlainRow[]; readonly untilMs: number },
): Promise<readonly RowResult[]> {
	const encoded: readonly (EncodedRow | RefusedRow)[] = rows.map(({ row, insertId }) => sink.encode(table, row, insertId));
	const results = await sink.insert(
		table,
		encoded.filter((row) => row.kind === 'encoded'),
		untilMs,
	);
	let next = 0;
	return encoded.map((row) => (row.kind === 'refused' ? row : (results[next++] as RowResult)));
}

import { readFile } from 'node:fs/promises';
import { equal } from 'uvu/assert';
import { type Field, readSchemas, SCHEMAS } from '../../functions/adapters/schemas.ts';
import { describe } from '../describe.ts';

const { tables } = await readSchemas();
const columns = tables.get('verdicts_v1') ?? [];
const text = await readFile(new URL('routines/verdict_row.sql', SCHEMAS), 'utf8');

/** How a value of that type is read from JSON text by BigQuery. */
const READ: Readonly<Record<string, (value: string) => string>> = {
	STRING: (value) => value,
	INTEGER: (value) => `CAST(${value} AS INT64)`,
	BOOLEAN: (value) => `CAST(${value} AS BOOL)`,
	TIMESTAMP: (value) => `TIMESTAMP(${value})`,
};

/** The lines that make one column. */
function linesOf({ name, type, mode, fields = [] }: Field, from = 'reply'): string[] {
	if (mode !== 'REPEATED') {
		if (type === 'JSON') return [`PARSE_JSON(JSON_QUERY(${from}, '$.${name}'), wide_number_mode => 'round') AS ${name}`];
		return [`${READ[type]?.(`JSON_VALUE(${from}, '$.${name}')`)} AS ${name}`];
	}
	if (type !== 'RECORD') return [`JSON_VALUE_ARRAY(${from}, '$.${name}') AS ${name}`];
	const unnested = [`FROM UNNEST(JSON_QUERY_ARRAY(${from}, '$.${name}')) AS one WITH OFFSET AS place`, 'ORDER BY place'];
	return ['ARRAY(', 'SELECT AS STRUCT', ...fields.flatMap((field) => linesOf(field, 'one')), ...unnested, `) AS ${name}`];
}

describe('schemas/routines/verdict_row.sql', (it) => {
	it('reads every column of the table, in its order, as its type', () => {
		const lines = text
			.replace(/^--.*\n/gm, '')
			.split('\n')
			.map((line) => line.trim().replace(/,$/, ''))
			.filter((line) => line !== '');
		equal(lines, ['(SELECT AS STRUCT', ...columns.flatMap((field) => linesOf(field)), ')']);
	});
});

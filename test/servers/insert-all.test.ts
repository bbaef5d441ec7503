import { equal, is } from 'uvu/assert';
import { createBigquery } from '../../functions/adapters/bigquery.ts';
import { type Field, readSchemas } from '../../functions/adapters/schemas.ts';
import type { Row } from '../../functions/ports.ts';
import { writeRows } from '../adapters/sink.ts';
import { describe } from '../describe.ts';
import { rejectRow, verdictRow } from '../schemas/rows.ts';
import { startInsertAll } from './insert-all.ts';

const schemas = await readSchemas();
const TABLE = 'verdicts_v1';

describe('the server that speaks insertAll', (it) => {
	it('remembers an insertId for a minute, by table', async () => {
		let at = Date.parse('2026-03-02T10:00:00Z');
		const server = await startInsertAll({ tables: schemas.tables, now: () => at });
		try {
			const sink = createBigquery({ projectId: 'p', datasetId: 'd', apiEndpoint: server.url, tables: schemas.tables });
			const rows = [{ insertId: '0', row: verdictRow() }];
			const insert = () => writeRows(sink, TABLE, { rows, untilMs: Date.now() + 10_000 });
			await insert();
			at += 59_999;
			await insert();
			is(server.rows(TABLE).length, 1);
			await writeRows(sink, 'rejects_v1', { rows: [{ insertId: '0', row: rejectRow() }], untilMs: Date.now() + 10_000 });
			is(server.rows('rejects_v1').length, 1);
			at += 1;
			await insert();
			is(server.rows(TABLE).length, 2);
		} finally {
			await server.close();
		}
	});

	it('finds what does not fit a table', async () => {
		const fields: Field[] = [{ name: 'j', type: 'JSON' }, ...(schemas.tables.get(TABLE) ?? [])];
		const server = await startInsertAll({ tables: new Map([[TABLE, fields]]) });
		try {
			const bad: Row[] = [
				{ j: { a: 1 } },
				{ flagged: 'perhaps' },
				{ timestamp: 'noon' },
				{ constructs: 'a' },
				{ constructs: null },
				{ summary: ['a'] },
				{ evidence: [{ rule: 'first' }] },
				{ evidence: [{ rules: 1 }] },
			];
			const rows = bad.map((tweaks) => ({ insertId: 'x', json: { ...verdictRow({ entry: '{}' }), ...tweaks } }));
			const response = await fetch(`${server.url}/bigquery/v2/projects/p/datasets/d/tables/${TABLE}/insertAll`, {
				method: 'POST',
				body: JSON.stringify({ rows }),
			});
			const { insertErrors } = (await response.json()) as { insertErrors: { errors: { message: string }[] }[] };
			equal(
				insertErrors.map(({ errors }) => errors.map(({ message }) => message).join()),
				[
					'This field: j is not a record.',
					'Cannot convert value to boolean (bad value): perhaps',
					'Cannot convert value to timestamp (bad value): noon',
					'Field is repeated: constructs.',
					'Field value cannot be null.',
					'Array specified for non-repeated field: summary.',
					'Cannot convert value to integer (bad value): first',
					'no such field: evidence.rules.',
				],
			);
		} finally {
			await server.close();
		}
	});
});

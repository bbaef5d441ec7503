import { equal, is, match } from 'uvu/assert';
import { openDuckdb } from '../../../functions/adapters/duckdb.ts';
import { readSchemas } from '../../../functions/adapters/schemas.ts';
import type { Row } from '../../../functions/ports.ts';
import { describe } from '../../describe.ts';
import { rejectRow, verdictRow } from '../../schemas/rows.ts';
import { refusal } from '../refusal.ts';

const ALL = 'SELECT * FROM `${dataset}.verdicts_v1`';

const memory = await openDuckdb();
let trips = 0;

/** The row of `verdicts_v1` that comes back for a row. */
async function roundTrip(row: Row): Promise<Row> {
	const id = `trip-${trips++}`;
	await memory.write('verdicts_v1', { ...row, entry_id: id });
	const rows = await memory.query('SELECT * FROM `${dataset}.verdicts_v1` WHERE entry_id = @id', { id });
	is(rows.length, 1);
	return { ...rows[0], entry_id: row['entry_id'] };
}

describe('a row in the local warehouse', (it) => {
	it('comes back with every column of every type', async () => {
		const row = {
			...(await roundTrip(verdictRow())),
			insert_id: 'x',
			timestamp: '2026-03-02T10:00:00.000001Z',
			receive_timestamp: '1969-12-31T23:59:59.999999Z',
			count: 9007199254740991,
			weight: -1,
			source_port: 65535,
			flagged: false,
			certainty: 'likely',
			constructs: ['ipblock-pod', 'end-port'],
			logged_policies: [{ kind: 'NetworkPolicy', namespace: 'a', name: 'b' }],
			evidence: [
				{
					role: 'void',
					policy_kind: 'NetworkPolicy',
					policy_namespace: 'a',
					policy_name: 'b',
					direction: 'ingress',
					rule: 0,
					peer: 1,
					port: 2,
					clause: 'ipBlock 10.0.0.0/8',
					construct: 'ipblock-pod',
					semantics: 'cilium-1.12,cilium-1.13',
					detail: 'A sentence.',
				},
			],
			verdicts: [
				{ semantics: 'calico', verdict: 'allow', basis: 'rule' },
				{ semantics: 'cilium-1.12', verdict: 'unknown', basis: null },
			],
			entry: { a: [1, 2.5, null, true, { b: 'c' }], insertId: 'x', empty: {} },
		};
		equal(await roundTrip(row), row);
	});

	it('has every column in the order of the schema, absent ones null, absent arrays empty', async () => {
		const row = await roundTrip(verdictRow({ insert_id: null, constructs: null, evidence: [{ role: 'isolates' }] }));
		const columns = (await readSchemas()).tables.get('verdicts_v1') ?? [];
		equal(
			Object.keys(row),
			columns.map(({ name }) => name),
		);
		is(row['insert_id'], null);
		is(row['fingerprint'], null);
		equal(row['constructs'], []);
		equal(row['reasons'], []);
		const [piece] = row['evidence'] as Row[];
		equal(
			Object.keys(piece ?? {}),
			columns.find(({ name }) => name === 'evidence')?.fields?.map(({ name }) => name),
		);
		is(piece?.['rule'], null);
	});

	it('keeps quotes, control characters and every script', async () => {
		for (const text of [
			`'"\`\\ ; -- $x @x`,
			'\u0000\u0001\t\r\n\u001b[31m\u007f',
			'ä 漢字 \u{1f600} \u202e',
			'',
			' ',
			'null',
			'x'.repeat(100_000),
		]) {
			const row = await roundTrip(verdictRow({ summary: text, constructs: [text], evidence: [{ detail: text }], entry: { [text]: text } }));
			is(row['summary'], text);
			equal(row['constructs'], [text]);
			is((row['evidence'] as Row[])[0]?.['detail'], text);
			equal(row['entry'], { [text]: text });
		}
		is((await roundTrip(verdictRow({ summary: 'a\ud800b' })))['summary'], 'a\ufffdb');
	});

	it('keeps integers of 64 bits, those that a number cannot hold as digits', async () => {
		const read = async (count: unknown): Promise<unknown> => (await roundTrip(verdictRow({ count })))['count'];
		is(await read(0), 0);
		is(await read(-5n), -5);
		is(await read(Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
		is(await read(9223372036854775807n), '9223372036854775807');
		is(await read(-9223372036854775808n), '-9223372036854775808');
	});

	it('keeps times to the microsecond, in UTC', async () => {
		const read = async (time: string): Promise<unknown> => (await roundTrip(verdictRow({ receive_timestamp: time })))['receive_timestamp'];
		is(await read('2026-03-02T10:00:00Z'), '2026-03-02T10:00:00Z');
		is(await read('2026-03-02T10:00:00.000Z'), '2026-03-02T10:00:00Z');
		is(await read('2026-03-02T10:00:00.5Z'), '2026-03-02T10:00:00.500000Z');
		is(await read('2026-03-02T10:00:00.123456Z'), '2026-03-02T10:00:00.123456Z');
		is(await read('2026-03-01T00:30:00.000001+01:00'), '2026-02-28T23:30:00.000001Z');
		is(await read('0001-01-01T00:00:00Z'), '0001-01-01T00:00:00Z');
		is(await read('1969-12-31T23:59:59.000001Z'), '1969-12-31T23:59:59.000001Z');
		is(await read('9999-12-31T23:59:59.999999Z'), '9999-12-31T23:59:59.999999Z');
	});

	it('keeps bytes, and JSON of any kind', async () => {
		const warehouse = await openDuckdb();
		const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index)).toString('base64');
		const values = [{ a: 1 }, [], 'text', 0, false, { nested: { array: [{}] } }];
		for (const [index, attributes] of values.entries()) {
			await warehouse.write('rejects_v1', rejectRow({ message_id: `${index}`, raw: bytes, attributes }));
		}
		await warehouse.write('rejects_v1', rejectRow({ message_id: 'z', raw: '', attributes: null }));
		const rows = await warehouse.query('SELECT attributes, raw FROM `${dataset}.rejects` ORDER BY message_id');
		await warehouse.close();
		equal(rows, [...values.map((attributes) => ({ attributes, raw: bytes })), { attributes: null, raw: '' }]);
	});
});

describe('a row that does not fit', (it) => {
	it.after(() => memory.close());

	const cases: readonly [tweaks: Row, message: RegExp][] = [
		[{ entry_id: undefined }, /^verdicts_v1\.entry_id: a value is REQUIRED$/],
		[{ entry_id: null }, /^verdicts_v1\.entry_id: a value is REQUIRED$/],
		[{ unheard_of: 1 }, /^verdicts_v1\."unheard_of": no such column$/],
		[{ '\u001b[2J': 1 }, /^verdicts_v1\."\\u001b\[2J": no such column$/],
		[{ summary: 5 }, /^verdicts_v1\.summary: expected a string, got 5$/],
		[{ count: '5' }, /^verdicts_v1\.count: expected an integer of 64 bits, got "5"$/],
		[{ count: 1.5 }, /^verdicts_v1\.count: /],
		[{ count: Number.NaN }, /^verdicts_v1\.count: /],
		[{ count: 2n ** 63n }, /^verdicts_v1\.count: .* got 9223372036854775808$/],
		[{ count: 1e300 }, /^verdicts_v1\.count: /],
		[{ flagged: 'true' }, /^verdicts_v1\.flagged: expected true or false, got "true"$/],
		[{ timestamp: 1772445600 }, /^verdicts_v1\.timestamp: expected an RFC 3339 time/],
		[{ timestamp: '2026-03-02' }, /^verdicts_v1\.timestamp: /],
		[{ timestamp: '2026-03-02T10:00:00' }, /^verdicts_v1\.timestamp: /],
		[{ timestamp: '2026-02-30T10:00:00Z' }, /^verdicts_v1\.timestamp: /],
		[{ timestamp: '2026-03-02T24:00:00Z' }, /^verdicts_v1\.timestamp: /],
		[{ timestamp: '0000-03-02T10:00:00Z' }, /^verdicts_v1\.timestamp: /],
		[{ timestamp: '2026-03-02T10:00:00.1234567Z' }, /^verdicts_v1\.timestamp: .*six digits/],
		[{ constructs: 'end-port' }, /^verdicts_v1\.constructs: expected an array, got "end-port"$/],
		[{ constructs: ['a', null] }, /^verdicts_v1\.constructs\[1\]: a value is REQUIRED$/],
		[{ evidence: { role: 'void' } }, /^verdicts_v1\.evidence: expected an array, got \{"role":"void"\}$/],
		[{ evidence: ['void'] }, /^verdicts_v1\.evidence\[0\]: expected an object, got "void"$/],
		[{ evidence: [{}, { rule: 'first' }] }, /^verdicts_v1\.evidence\[1\]\.rule: expected an integer of 64 bits, got "first"$/],
		[{ evidence: [{ rules: 1 }] }, /^verdicts_v1\.evidence\[0\]\."rules": no such column$/],
		[{ entry: undefined }, /^verdicts_v1\.entry: a value is REQUIRED$/],
		[{ entry: { big: 1n } }, /^verdicts_v1\.entry: expected a value that JSON can hold, got object$/],
		[{ summary: { text: 'x'.repeat(1000) } }, /^verdicts_v1\.summary: expected a string, got .{80}…$/],
	];

	it('is refused with the table and the column', async () => {
		const before = (await memory.query(ALL)).length;
		for (const [tweaks, message] of cases) match(await refusal(memory.write('verdicts_v1', verdictRow(tweaks))), message);
		match(await refusal(memory.write('rejects_v1', rejectRow({ raw: 'no base64!' }))), /^rejects_v1\.raw: expected bytes in base64/);
		match(await refusal(memory.write('verdicts_v2' as 'verdicts_v1', verdictRow())), /^verdicts_v2: no such table/);
		is((await memory.query(ALL)).length, before);
	});

	it('takes undefined for absent', async () => {
		is((await roundTrip(verdictRow({ insert_id: undefined, unheard_of: undefined })))['insert_id'], null);
	});
});

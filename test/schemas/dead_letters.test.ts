import { equal } from 'uvu/assert';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import type { Row, TableName } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { rejectRow, verdictRow } from './rows.ts';

/** Pub/Sub itself writes the table, so it is none of those that the functions append to. */
const DEAD_LETTERS = 'dead_letters_v1' as string as TableName;
const LOG = 'projects/p/logs/policy-action';
const AT = '2026-03-02T10:00:00.123456Z';

const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString('base64');
const letterOf = (data: string | Uint8Array | null, tweaks: Row = {}): Row => ({
	message_id: 'm',
	publish_time: '2026-03-02T12:00:00Z',
	data: data === null ? null : base64(data),
	...tweaks,
});
const entryOf = (timestamp: string, insertId = 'a'): string =>
	JSON.stringify({ insertId, jsonPayload: { a: 'ü' }, logName: LOG, timestamp });
const judged = (tweaks: Row = {}): Row => verdictRow({ log_name: LOG, insert_id: 'a', timestamp: AT, ...tweaks });

interface Tables {
	readonly letters: readonly Row[];
	readonly verdicts?: readonly Row[];
	readonly rejects?: readonly Row[];
}

async function answer({ letters, verdicts = [], rejects = [] }: Tables, columns = 'recovered'): Promise<Row[]> {
	const warehouse = await openDuckdb();
	for (const row of letters) await warehouse.write(DEAD_LETTERS, row);
	for (const row of verdicts) await warehouse.write('verdicts_v1', row);
	for (const row of rejects) await warehouse.write('rejects_v1', row);
	const rows = await warehouse.query(`SELECT ${columns} FROM \`\${dataset}.dead_letters\` ORDER BY message_id`);
	await warehouse.close();
	return rows;
}

const recovered = async (tables: Tables): Promise<unknown[]> => (await answer(tables)).map((row) => row['recovered']);

describe('view dead_letters', (it) => {
	it('is empty where nothing was given up', async () => {
		equal(await answer({ letters: [], verdicts: [judged()] }), []);
	});

	it('shows a message once, as it was published last', async () => {
		const letters = [
			letterOf('x', { subscription_name: 'first' }),
			letterOf('x', { subscription_name: 'last', publish_time: '2026-03-02T13:00:00Z' }),
			letterOf('x', { subscription_name: 'timeless', publish_time: null }),
			letterOf('y', { message_id: 'n', subscription_name: 'other' }),
		];
		const expected = [
			{ message_id: 'm', subscription_name: 'last', recovered: false },
			{ message_id: 'n', subscription_name: 'other', recovered: false },
		];
		equal(await answer({ letters }, 'message_id, subscription_name, recovered'), expected);
		equal(await answer({ letters: letters.toReversed() }, 'message_id, subscription_name, recovered'), expected);
	});

	it('is recovered where its entry was judged, to the microsecond', async () => {
		const cases: readonly (readonly [sent: string, stored: string, boolean])[] = [
			[AT, AT, true],
			['2026-03-02T10:00:00.123456789Z', AT, true],
			['2026-03-02T10:00:00.123457Z', AT, false],
			['2026-03-02T10:00:00Z', '2026-03-02T10:00:00Z', true],
			['2026-03-02T10:00:00.5Z', '2026-03-02T10:00:00.5Z', true],
			['2026-03-02T10:00:00.5Z', '2026-03-02T10:00:00.05Z', false],
			['2026-03-02T10:00:01Z', '2026-03-02T10:00:00Z', false],
		];
		for (const [sent, stored, expected] of cases)
			equal(await recovered({ letters: [letterOf(entryOf(sent))], verdicts: [judged({ timestamp: stored })] }), [expected], sent);
	});

	it('is not recovered by an entry of another log or id, or of none', async () => {
		const verdicts = [judged({ insert_id: 'b' }), judged({ log_name: 'projects/q/logs/policy-action' }), judged({ insert_id: null })];
		equal(await recovered({ letters: [letterOf(entryOf(AT))], verdicts }), [false]);
		equal(await recovered({ letters: [letterOf(entryOf(AT))], verdicts: [...verdicts, judged({ insert_id: 'ü' }), judged(), judged()] }), [
			true,
		]);
	});

	it('reads JSON with spaces and lines, and its receiveTimestamp for no timestamp', async () => {
		const entry = { receiveTimestamp: '2026-03-02T11:00:00Z', timestamp: AT, logName: LOG, insertId: 'a' };
		equal(await recovered({ letters: [letterOf(JSON.stringify(entry, null, '\t'))], verdicts: [judged()] }), [true]);
	});

	it('is recovered where the same bytes were refused', async () => {
		const bytes = Uint8Array.of(0xff, 0x22, 0x00, 0x5c);
		const letters = [letterOf(bytes), letterOf('other', { message_id: 'n' }), letterOf(null, { message_id: 'o' })];
		equal(await recovered({ letters, rejects: [rejectRow({ raw: base64(bytes) }), rejectRow({ raw: null })] }), [true, false, false]);
	});

	it('does not fail at a message that is no JSON', async () => {
		const texts = [
			'',
			'nonsense',
			'{"insertId":"a"',
			'"',
			Uint8Array.of(0xff, 0xfe),
			'\\x22',
			'{"insertId":1,"logName":null,"timestamp":{}}',
			null,
		];
		const letters = texts.map((text, index) => letterOf(text, { message_id: `m${index}` }));
		equal(
			await recovered({ letters, verdicts: [judged()] }),
			texts.map(() => false),
		);
	});
});

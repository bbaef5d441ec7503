import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import type { Field } from '../../functions/adapters/schemas.ts';
import { describe } from '../describe.ts';
import { meanBytes, SEED_ENTRIES, seedRows } from './bytes.ts';
import { bytesOf, formatSection, withSection } from './page.ts';

const FIELDS: readonly Field[] = [
	{ name: 'words', type: 'STRING' },
	{ name: 'number', type: 'INTEGER' },
	{ name: 'flag', type: 'BOOLEAN' },
	{ name: 'raw', type: 'JSON' },
	{ name: 'tags', type: 'STRING', mode: 'REPEATED' },
	{
		name: 'pieces',
		type: 'RECORD',
		mode: 'REPEATED',
		fields: [
			{ name: 'role', type: 'STRING' },
			{ name: 'rule', type: 'INTEGER' },
		],
	},
];

const ROW = {
	words: 'aü',
	number: 7,
	flag: false,
	raw: { a: 1 },
	tags: ['x', 'yz'],
	pieces: [
		{ role: 'void', rule: 0 },
		{ role: 'admits', rule: null },
	],
};
const EMPTY = { words: null, number: null, flag: null, raw: null, tags: [], pieces: [] };

const sizes = (...rows: readonly (typeof ROW | typeof EMPTY)[]) => Object.fromEntries(meanBytes(FIELDS, rows));
const WHOLE = { words: 5, number: 8, flag: 1, raw: 7, tags: 7, pieces: 22, 'pieces.role': 14, 'pieces.rule': 8 };

describe('meanBytes', (it) => {
	it('counts as BigQuery does, members of records beside their sum', () => assert.equal(sizes(ROW), WHOLE));

	it('is the mean, with nothing for what is null', () => {
		assert.equal(sizes(ROW, EMPTY), Object.fromEntries(Object.entries(WHOLE).map(([name, size]) => [name, size / 2])));
	});

	it('refuses a type that it does not know', () => {
		assert.throws(() => meanBytes([{ name: 'place', type: 'GEOGRAPHY' }], [{ place: 'x' }]), /a GEOGRAPHY has no size/);
	});

	it('has the rows of examples/seed, one an entry', async () => {
		const rows = await seedRows(JSON.parse(readFileSync(SEED_ENTRIES, 'utf8')));
		assert.equal(
			rows.map(({ finding }) => finding),
			['confirmed', 'void-rule', 'explained'],
		);
	});

	it('refuses an entry that becomes no row', async () => {
		const error = await seedRows([{}]).catch((thrown: Error) => thrown);
		assert.match(String(error), /entry 0 of examples\/seed ends as reject/);
	});
});

describe('the page of what is read', (it) => {
	const bytes = new Map([
		['timestamp', 8],
		['evidence', 300],
		['evidence.role', 100],
	]);
	const read = { table: 'verdicts_v1', through: [], columns: ['evidence.role', 'timestamp'], bound: undefined };
	const section = (reads = [read]) => formatSection([{ name: 'one', reads }], { bytes, rows: 3 });

	it('prices the members that are read, and a table as often as it is read', () => {
		assert.is(bytesOf([read], bytes), 108);
		assert.is(bytesOf([read, read, { ...read, table: 'rejects_v1' }], bytes), 216);
	});

	it('counts a record once in a whole row', () => assert.match(section(), 'A whole row has 308 bytes, most of them in `evidence` (300).'));

	it('has a line for each, with other tables by name', () => {
		assert.match(section(), "| `one` | 108 | 1 | its reader's |  |");
		assert.match(section([{ ...read, table: 'rejects_v1' }]), '| `one` | 0 | 0 |  | `rejects_v1` |');
	});

	it('is written between its marks, and leaves the rest as it is', () => {
		const page = withSection(undefined, section());
		assert.is(
			withSection(`Before.\n${page}After.\n`, section([read, read])),
			`Before.\n${withSection(undefined, section([read, read]))}After.\n`,
		);
	});

	it('refuses a page that lost its marks', () => assert.throws(() => withSection('# The warehouse\n', section()), /has no/));
});

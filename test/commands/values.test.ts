import * as assert from 'uvu/assert';
import { createSplitter, MAX_VALUE_BYTES } from '../../functions/commands/values.ts';
import { describe } from '../describe.ts';

interface Split {
	readonly values: readonly string[];
	readonly lines: readonly number[];
	readonly cut: boolean;
}

/** Splits the text as it comes in pieces of that many bytes. */
function split(text: string, pieceBytes: number): Split {
	const splitter = createSplitter();
	const bytes = Buffer.from(text);
	const found = [];
	for (let index = 0; index < bytes.length; index += pieceBytes) found.push(...splitter.push(bytes.subarray(index, index + pieceBytes)));
	const { values, cut } = splitter.end();
	found.push(...values);
	return { values: found.map((value) => value.bytes.toString()), lines: found.map(({ line }) => line), cut };
}

const CASES: readonly [what: string, text: string, values: readonly string[], lines?: readonly number[]][] = [
	['nothing', '', []],
	['blanks', ' \n\t\r\n ', []],
	['an array in one line', '[{"a":1},{"a":[2,{}]}]', ['{"a":1}', '{"a":[2,{}]}'], [1, 1]],
	['an empty array', '[]\n', []],
	['a formatted array', '[\n {\n  "a": 1\n },\n {\n  "a": 2\n }\n]\n', ['{\n  "a": 1\n }', '{\n  "a": 2\n }'], [2, 5]],
	['brackets and quotes in texts', '[{"a":"]}\\"{"},{"b":"\\\\"}]', ['{"a":"]}\\"{"}', '{"b":"\\\\"}']],
	['scalars in an array', '[1, "a b", null\n,true ]', ['1', '"a b"', 'null', 'true'], [1, 1, 1, 2]],
	['arrays in an array', '[[1,2],[]]', ['[1,2]', '[]']],
	['a document a line', '{"a":1}\n{"a":2}\r\n\n  {"a":3}', ['{"a":1}', '{"a":2}', '{"a":3}'], [1, 2, 4]],
	['one formatted document', '{\n "a": {\n  "b": [\n   1\n  ]\n }\n}\n', ['{\n "a": {\n  "b": [\n   1\n  ]\n }\n}'], [1]],
	['formatted documents', '{\n "a": 1\n}\n{\n "a": 2\n}\n', ['{\n "a": 1\n}', '{\n "a": 2\n}'], [1, 4]],
	['a document that opens in its first line', '{"a": {\n  "b": 1 },\n "c": 2}\n', ['{"a": {\n  "b": 1 },\n "c": 2}'], [1]],
	['two arrays', '[{"a":1}]\n[{"a":2}]\n', ['{"a":1}', '{"a":2}'], [1, 2]],
	['an array between lines', '{"a":1}\n[{"a":2}]\n{"a":3}\n', ['{"a":1}', '{"a":2}', '{"a":3}'], [1, 2, 3]],
	['a broken line', '{"a":1}\noops\n{"a":2}\n', ['{"a":1}', 'oops', '{"a":2}'], [1, 2, 3]],
	['a line broken off in a text', '{"a":"x\n{"a":2}\n', ['{"a":"x', '{"a":2}'], [1, 2]],
	['a line broken off after a comma', '{"a":1,\n{"a":2}\n', ['{"a":1,', '{"a":2}'], [1, 2]],
	['a line broken off after a colon, twice', '{"a":\n{"b":\n{"c":1}\n', ['{"a":', '{"b":', '{"c":1}'], [1, 2, 3]],
	['a bracket that opens nothing', '{\n{"a":1}\n', ['{', '{"a":1}'], [1, 2]],
	['a bracket that closes nothing', '[}]\n{"a":1}', ['}', '{"a":1}'], [1, 2]],
	['a broken element', '[{"a":1},oops,{"a":2}]', ['{"a":1}', 'oops', '{"a":2}']],
	['a text broken off in an array', '["x\n,{"a":1}]', ['"x', '{"a":1}'], [1, 2]],
	['letters of more than one byte', '[{"a":"é→😀"}]\n{"b":"é→😀"}', ['{"a":"é→😀"}', '{"b":"é→😀"}']],
];

describe('createSplitter', (it) => {
	for (const [what, text, values, lines] of CASES) {
		it(`splits ${what}, however it comes`, () => {
			for (const pieceBytes of [1, 2, 3, 7, 1000]) {
				const found = split(text, pieceBytes);
				assert.equal(found.values, values, `in pieces of ${pieceBytes}`);
				if (lines) assert.equal(found.lines, lines, `in pieces of ${pieceBytes}`);
				assert.is(found.cut, false);
			}
		});
	}

	it('says that an array was cut off', () => {
		assert.equal(split('[{"a":1},{"a":', 3), { values: ['{"a":1}', '{"a":'], lines: [1, 1], cut: true });
		assert.equal(split('[{"a":1},\n', 3), { values: ['{"a":1}'], lines: [1], cut: true });
	});

	it('holds no more of a value than a message may have', () => {
		const long = 'x'.repeat(MAX_VALUE_BYTES + 1000);
		for (const text of [`${long}\n{"a":1}\n`, `["${long}",{"a":1}]`]) {
			const { values } = split(text, 1_000_003);
			assert.equal([values.length, values[0]?.length, values[1]], [2, MAX_VALUE_BYTES, '{"a":1}']);
		}
	});

	it('knows an empty array from nothing', () => {
		const [empty, nothing] = [createSplitter(), createSplitter()];
		empty.push(Buffer.from(' []'));
		nothing.push(Buffer.from(' '));
		assert.equal([empty.sawArray(), nothing.sawArray()], [true, false]);
	});
});

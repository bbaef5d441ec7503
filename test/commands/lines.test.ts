import { constants } from 'node:buffer';
import { createReadStream } from 'node:fs';
import * as assert from 'uvu/assert';
import { type Line, MAX_LINE_BYTES, readLines } from '../../functions/commands/lines.ts';
import { describe } from '../describe.ts';

/** The lines of a text that comes in pieces of that many bytes. */
async function linesOf(text: string, pieceBytes: number, maxBytes?: number): Promise<Line[]> {
	async function* pieces(): AsyncGenerator<Buffer> {
		const bytes = Buffer.from(text);
		for (let index = 0; index < bytes.length; index += pieceBytes) yield bytes.subarray(index, index + pieceBytes);
	}
	const lines: Line[] = [];
	for await (const line of readLines(pieces(), maxBytes)) lines.push(line);
	return lines;
}

describe('readLines', (it) => {
	it('reads lines in whatever pieces, the last one without an end too', async () => {
		for (const pieceBytes of [1, 2, 3, 100]) {
			const lines = await linesOf('é\n\na\u2028b\nlast', pieceBytes);
			assert.equal(lines, [
				{ number: 1, text: 'é' },
				{ number: 2, text: '' },
				{ number: 3, text: 'a\u2028b' },
				{ number: 4, text: 'last' },
			]);
		}
		assert.equal(await linesOf('', 1), []);
	});

	it('goes on after a line that is too long, and holds none of it', async () => {
		for (const pieceBytes of [1, 4, 100]) {
			const lines = await linesOf('12345\n123456\n1\n1234567', pieceBytes, 5);
			assert.equal(
				lines.map(({ text }) => text),
				['12345', undefined, '1', undefined],
			);
		}
	});

	it('goes on after a line that no string could hold', async () => {
		const lines: Line[] = [];
		async function* chunks(): AsyncGenerator<Buffer> {
			const zeroes = createReadStream('/dev/zero', { end: 600_000_000, highWaterMark: 4_000_000 });
			for await (const chunk of zeroes) yield chunk as Buffer;
			yield Buffer.from('\ngood\n');
		}
		for await (const line of readLines(chunks())) lines.push(line);
		assert.equal(lines, [
			{ number: 1, text: undefined },
			{ number: 2, text: 'good' },
		]);
		assert.ok(MAX_LINE_BYTES < constants.MAX_STRING_LENGTH);
	});
});

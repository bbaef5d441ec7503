import * as assert from 'uvu/assert';
import { csvLine } from '../../functions/commands/csv.ts';
import { jsonLine } from '../../functions/commands/json.ts';
import { printable } from '../../functions/commands/terminal.ts';
import { describe } from '../describe.ts';

const HOSTILE = 'a\u001b[31m\u0007\n\r\t\u007f\u009b2J\u202e\u200b\u2028\ufeff\u{e0041}\ud800z';

describe('text from outside', (it) => {
	it('is spelled where a terminal would obey it', () => {
		assert.is(printable('a\u001b[2Jb\nc'), 'a\\u{1b}[2Jb\\u{a}c');
		assert.match(printable(HOSTILE), /^[ -~]+$/);
	});

	it('is left alone where it only shows', () => {
		const plain = 'shop/é→日本語 😀 “x”';
		assert.is(printable(plain), plain);
		assert.is(jsonLine(plain), `"${plain}"\n`);
	});

	it('keeps its value in JSON', () => {
		const line = jsonLine({ [HOSTILE]: HOSTILE });
		assert.match(line, /^[ -~]+\n$/);
		assert.equal(JSON.parse(line), { [HOSTILE]: HOSTILE });
	});
});

describe('csvLine', (it) => {
	it('writes texts, numbers, booleans, nothing, and what is nested as JSON', () => {
		assert.is(
			csvLine(['a,b', 'say "x"', 7, -7, true, null, undefined, ['x'], { a: 1 }]),
			'"a,b","say ""x""",7,-7,true,,,"[""x""]","{""a"":1}"\n',
		);
	});

	it('lets no text be a formula', () => {
		for (const text of ['=1+1', '+1', '-1', '@sum', '\t=1', '\r=1', '=HYPERLINK("x","y")']) {
			const line = csvLine([text]);
			assert.match(line, /^"?'/, JSON.stringify(line));
		}
	});

	it('is one line, whatever the text', () => assert.match(csvLine([HOSTILE, [HOSTILE]]), /^[ -~]+\n$/));
});

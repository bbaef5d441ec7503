import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { code, cut, fence, link, logText, plain, prose, shellText, sqlText } from '../../../functions/alert/message/escape.ts';
import { describe } from '../../describe.ts';

const JOINER = '\u2060';

describe('text from outside in a message', (it) => {
	it('has entities for what Slack reads as markup', () => {
		assert.is(prose('a & <b>', 100), 'a &amp; &lt;b&gt;');
		assert.is(prose('&amp;', 100), '&amp;amp;');
	});

	it('does not mention, link or become an emoji', () => {
		assert.is(prose('@here #general', 100), `@${JOINER}here #${JOINER}general`);
		assert.is(prose('https://evil.example', 100), `https:${JOINER}//evil.example`);
		assert.is(prose('2001:db8:100::7', 100), `2001:${JOINER}db8:${JOINER}100:${JOINER}:7`.replace(`${JOINER}:7`, ':7'));
		assert.is(prose('10.0.0.1:8080', 100), '10.0.0.1:8080');
	});

	it('spells what does not show, or turns text around', () => {
		assert.is(prose('a\nb\0c\u202ed\u200be\ud800f\u{e0041}', 100), 'a\\u{a}b\\u{0}c\\u{202e}d\\u{200b}e\\u{d800}f\\u{e0041}');
		assert.is(prose(`a${JOINER}b`, 100), 'a\\u{2060}b');
	});

	it('does not end the code or the bold that it stands in', () => {
		assert.is(code('a`b```c', 100), '`aˋbˋˋˋc`');
		assert.is(prose('*a* `b`', 100), '∗a∗ ˋbˋ');
		assert.is(code('', 100), '`–`');
		assert.is(fence('a ``` b', 100), undefined);
	});

	it('is cut between characters and entities, with an ellipsis', () => {
		assert.is(cut('abcd', 4), 'abcd');
		assert.is(cut('abcde', 4), 'abc…');
		assert.is(cut('ab😀de', 4), 'ab…');
		assert.is(prose('a<<<<', 11), 'a&lt;&lt;…');
		assert.is(prose('a<<<<', 9), 'a&lt;…');
		assert.is(prose('😀😀😀', 4), '😀…');
		assert.is(fence('12345', 13), '```\n12345\n```');
		assert.is(fence('12345', 12), undefined);
	});

	it('is never longer than it may be, nor broken', () => {
		const sign = fc.constantFrom('<', '&', '>', '`', '@', ':', 'a', '😀', '\ud800', '\n', '€');
		const text = fc.array(sign, { maxLength: 60 }).map((signs) => signs.join(''));
		fc.assert(
			fc.property(text, fc.integer({ min: 4, max: 60 }), (wild, length) => {
				for (const shown of [prose(wild, length), code(wild, length), plain(wild, length)]) {
					assert.ok(shown.length <= length, JSON.stringify(shown));
					assert.ok(shown.isWellFormed());
				}
				for (const shown of [prose(wild, length), code(wild, length)]) assert.not.match(shown.replace(/&(amp|lt|gt);/g, ''), /[<>&]/);
				assert.not.match(plain(wild, length), /[<>&`]/);
			}),
			{ seed: 20261125, numRuns: 2_000 },
		);
	});

	it('is a literal of GoogleSQL in ASCII, whatever it is', () => {
		assert.is(
			sqlText('it\'s \\ "x" `y` <a> & @b'),
			"'it\\u0027s \\u005c \\u0022x\\u0022 \\u0060y\\u0060 \\u003ca\\u003e \\u0026 \\u0040b'",
		);
		assert.is(sqlText('é😀\n'), "'\\u00e9\\U0001f600\\u000a'");
		assert.is(sqlText('\ud800'), "'\\ufffd'");
	});

	it('is one word of a shell', () => {
		assert.is(shellText('a/b|c-1'), "'a/b|c-1'");
		assert.is(shellText("it's"), "$'it\\u0027s'");
	});

	it('is a string of the Logging query language', () => {
		assert.is(logText('a"b\\c\n'), '"a\\"b\\\\c\\\\u{a}"');
	});

	it('cannot end a link', () => {
		assert.is(link('https://x.example/a|b>c d&e', 'a link'), '<https://x.example/a%7Cb%3Ec%20d&amp;e|a link>');
	});
});

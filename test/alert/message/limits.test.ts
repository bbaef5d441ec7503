import * as assert from 'uvu/assert';
import { describe } from '../../describe.ts';
import { findProblems, lengthOfTexts } from './limits.ts';

const mrkdwn = (text: string) => ({ type: 'mrkdwn', text });
const section = (text: string) => ({ type: 'section', text: mrkdwn(text) });
const header = (text: string) => ({ type: 'header', text: { type: 'plain_text', text } });
const message = (...blocks: unknown[]) => ({ text: 'fallback', blocks });

/** What Slack takes, at its limits. */
const TAKEN: Readonly<Record<string, unknown>> = {
	'text alone': { text: 'a' },
	'blocks alone': { blocks: [section('a')] },
	'a long header': message(header('x'.repeat(150))),
	'a long section': message(section('x'.repeat(3_000))),
	'many fields': message({ type: 'section', fields: Array.from({ length: 10 }, () => mrkdwn('x')) }),
	'a long field': message({ type: 'section', fields: [mrkdwn('x'.repeat(2_000))] }),
	'many elements': message({ type: 'context', elements: Array.from({ length: 10 }, () => mrkdwn('x')) }),
	'many blocks': message(...Array.from({ length: 50 }, () => ({ type: 'divider' }))),
	'all texts': { text: 'x'.repeat(1_000), blocks: [section('x'.repeat(3_000)), section('y'.repeat(3_000)), section('z'.repeat(3_000))] },
	'entities and a link': message(section('a &amp; &lt;b&gt; <https://example.com/?a=1&amp;b=2|a link>')),
	'a block of code': message(section('```\na < b\n```'.replace('<', '&lt;'))),
	'a thread of a channel': { channel: 'C1', thread_ts: '1.2', text: 'a' },
};

const REFUSED: Readonly<Record<string, readonly [unknown, RegExp]>> = {
	'no object': ['text', /no object/],
	nothing: [{}, /neither text nor blocks/],
	'an empty text': [{ text: ' ' }, /text: empty/],
	'a long text': [{ text: 'x'.repeat(4_001) }, /more than 4000/],
	'no blocks': [{ text: 'a', blocks: [] }, /none/],
	'blocks that are no list': [{ text: 'a', blocks: {} }, /no list/],
	'51 blocks': [message(...Array.from({ length: 51 }, () => ({ type: 'divider' }))), /51 are more than 50/],
	'an unknown block': [message({ type: 'banner' }), /unknown type "banner"/],
	'a block that is none': [message(null), /unknown type/],
	'a key that a block has not': [message({ ...section('a'), colour: 'red' }), /a section has no colour/],
	'a long header': [message(header('x'.repeat(151))), /151 characters are more than 150/],
	'a header of mrkdwn': [message({ type: 'header', text: mrkdwn('a') }), /type "mrkdwn" is none of plain_text/],
	'an empty section': [message({ type: 'section' }), /neither text nor fields/],
	'an empty text in a section': [message(section('')), /empty/],
	'a long section': [message(section('x'.repeat(3_001))), /more than 3000/],
	'eleven fields': [message({ type: 'section', fields: Array.from({ length: 11 }, () => mrkdwn('x')) }), /11 fields are more than 10/],
	'no fields': [message({ type: 'section', fields: [] }), /no fields/],
	'a long field': [message({ type: 'section', fields: [mrkdwn('x'.repeat(2_001))] }), /more than 2000/],
	'eleven elements': [message({ type: 'context', elements: Array.from({ length: 11 }, () => mrkdwn('x')) }), /11 elements/],
	'a text that is none': [message({ type: 'section', text: 'a' }), /is none of/],
	'a key of the other text': [message({ type: 'section', text: { ...mrkdwn('a'), emoji: true } }), /a mrkdwn has no emoji/],
	'more than all texts': [message(...Array.from({ length: 4 }, () => section('x'.repeat(3_000)))), /more than 10000/],
	'a ping': [message(section('<!channel> down')), /unescaped </],
	'a mention': [{ text: '<@U123>' }, /unescaped </],
	'a link without a text': [{ text: '<https://example.com>' }, /unescaped </],
	'a link to elsewhere': [{ text: '<javascript:x|a>' }, /unescaped </],
	'a bare ampersand': [{ text: 'a & b' }, /unescaped &/],
	'half an entity': [{ text: 'a &am' }, /unescaped &/],
	'a long link': [{ text: `<https://example.com/${'x'.repeat(3_000)}|a>` }, /a link of 3020 characters/],
	'an open block of code': [message(section('```\na')), /does not end/],
	'half a character': [{ text: 'a\ud800' }, /lone surrogate/],
};

describe('the limits of Slack', (it) => {
	for (const [name, body] of Object.entries(TAKEN)) it(`take ${name}`, () => assert.equal(findProblems(body), []));
	for (const [name, [body, problem]] of Object.entries(REFUSED))
		it(`refuse ${name}`, () => {
			assert.match(findProblems(body).join('\n'), problem);
		});

	it('count all texts, with their markup', () => {
		assert.is(lengthOfTexts({ text: 'ab', blocks: [section('&lt;'), header('cd'), { type: 'context', elements: [mrkdwn('e')] }] }), 9);
	});
});

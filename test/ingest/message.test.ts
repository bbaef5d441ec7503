import * as assert from 'uvu/assert';
import { decodeMessage, MAX_MESSAGE_BYTES } from '../../functions/ingest/message.ts';
import { describe } from '../describe.ts';
import { entry, entryWith } from './sample.ts';

const reasonOf = (data: Uint8Array): string => {
	const decoded = decodeMessage(data);
	return decoded.kind === 'ok' ? 'ok' : decoded.reason;
};

/** The entry's text with something in the place of the Pod's name, as a sender may spell it. */
const named = (spelling: string): Buffer =>
	Buffer.from(JSON.stringify(entryWith({ payload: { src: { pod_name: 'NAME', pod_namespace: 'n' } } })).replace('NAME', spelling));
const nameOf = (spelling: string): string | undefined => {
	const decoded = decodeMessage(named(spelling));
	return decoded.kind === 'ok' ? decoded.entry.observation.flow.source.pod?.name : decoded.reason;
};

describe('decodeMessage', (it) => {
	it('decodes an entry', () => assert.is(reasonOf(Buffer.from(JSON.stringify(entry))), 'ok'));
	it('refuses nothing', () => assert.is(reasonOf(Buffer.alloc(0)), 'empty'));
	it('refuses what is no JSON', () => {
		for (const text of ['x', '{', '{"a":1}}', '{"a":1}{"b":2}', "{'a':1}", ' ']) assert.is(reasonOf(Buffer.from(text)), 'not-json', text);
	});
	it('refuses what is no UTF-8', () => assert.is(reasonOf(Buffer.from([0x22, 0xff, 0x22])), 'not-json'));
	it('passes JSON that is no entry on', () => assert.is(reasonOf(Buffer.from('[]')), 'not-an-entry'));

	it('takes a message of the largest size, and names one beyond it', () => {
		const text = JSON.stringify(entry);
		assert.is(reasonOf(Buffer.from(text.padEnd(MAX_MESSAGE_BYTES))), 'ok');
		assert.is(reasonOf(Buffer.from(text.padEnd(MAX_MESSAGE_BYTES + 1))), 'oversize');
	});

	it('survives brackets without end', () => {
		assert.is(reasonOf(Buffer.from('['.repeat(500_000))), 'not-json');
		assert.is(reasonOf(Buffer.from(`${'['.repeat(400_000)}${']'.repeat(400_000)}`)), 'not-an-entry');
		assert.is(reasonOf(Buffer.from(`{"logName":${'['.repeat(400_000)}${']'.repeat(400_000)}}`)), 'too-deep');
	});

	it('replaces what no column can hold, and nothing else', () => {
		assert.is(nameOf('a\\u0000b'), 'a\ufffdb');
		assert.is(nameOf('a\\ud83db'), 'a\ufffdb');
		assert.is(nameOf('a\\uDE00b'), 'a\ufffdb');
		assert.is(nameOf('\\ud83d\\ud83d\\ude00'), '\ufffd\u{1f600}');
		assert.is(nameOf('\\ud83d\\ude00'), '\u{1f600}');
		assert.is(nameOf('\u{1f600}'), '\u{1f600}');
		assert.is(nameOf('a\\\\ud83d'), 'a\\ud83d');
		assert.is(nameOf('a\\\\\\ud83d'), 'a\\\ufffd');
		assert.is(nameOf('a\\\\u0000'), 'a\\u0000');
		assert.is(nameOf('\\u001b[2J'), '\u001b[2J');
	});
});

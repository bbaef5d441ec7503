import * as assert from 'uvu/assert';
import { type Message, parseEnvelope } from '../../functions/push/envelope.ts';
import { describe } from '../describe.ts';

function message(body: unknown): Message {
	const envelope = parseEnvelope(body);
	if (envelope.kind === 'refused') throw new Error(envelope.detail);
	return envelope.message;
}

const data = Buffer.from('{"a":1}').toString('base64');

const REFUSED: readonly [what: string, body: unknown, detail: string][] = [
	['nothing', undefined, 'no message object'],
	['null', null, 'no message object'],
	['a text', 'x', 'no message object'],
	['a list', [{ message: { messageId: '1' } }], 'no message object'],
	['a log entry', { logName: 'projects/p/logs/policy-action' }, 'no message object'],
	['a message that is a text', { message: 'x' }, 'no message object'],
	['a message without an id', { message: { data } }, 'no messageId'],
	['a message with an empty id', { message: { data, messageId: '' } }, 'no messageId'],
	['data that is no text', { message: { data: 7, messageId: '1' } }, 'message 1 has data that is not base64'],
	['data that is no base64', { message: { data: '{"a":1}', messageId: '1' } }, 'message 1 has data that is not base64'],
];

describe('parseEnvelope', (it) => {
	for (const [what, body, detail] of REFUSED) {
		it(`refuses ${what}`, () => {
			const envelope = parseEnvelope(body);
			assert.is(envelope.kind, 'refused');
			if (envelope.kind === 'refused') assert.ok(envelope.detail.includes(detail), envelope.detail);
		});
	}

	it('reads a push request as Pub/Sub sends it', () => {
		const body = {
			deliveryAttempt: 5,
			message: {
				attributes: { 'logging.googleapis.com/timestamp': '2026-01-01T00:00:00Z' },
				data,
				messageId: '11',
				message_id: '11',
				publishTime: '2026-01-01T00:00:01Z',
				publish_time: '2026-01-01T00:00:01Z',
				orderingKey: 'x',
			},
			subscription: 'projects/p/subscriptions/s',
		};
		const read = message(body);
		assert.is(Buffer.from(read.data).toString(), '{"a":1}');
		assert.equal(
			{ ...read, data: 0 },
			{
				id: '11',
				data: 0,
				attributes: { 'logging.googleapis.com/timestamp': '2026-01-01T00:00:00Z' },
				publishTime: '2026-01-01T00:00:01Z',
				subscription: 'projects/p/subscriptions/s',
				deliveryAttempt: 5,
			},
		);
	});

	it('reads the names with underscores alone', () => {
		const read = message({ message: { data, message_id: '12', publish_time: '2026-01-01T00:00:01Z' } });
		assert.equal([read.id, read.publishTime, read.subscription], ['12', '2026-01-01T00:00:01Z', undefined]);
	});

	it('takes a message that has no data, which is legal', () => {
		for (const body of [
			{ message: { messageId: '1' } },
			{ message: { messageId: '1', data: '' } },
			{ message: { messageId: '1', data: null } },
		]) {
			assert.is(message(body).data.byteLength, 0);
		}
	});

	it('passes over attributes that are no texts', () => {
		assert.equal(message({ message: { messageId: '1', attributes: { a: 'b', c: 1, d: null } } }).attributes, { a: 'b' });
		assert.equal(message({ message: { messageId: '1', attributes: [1] } }).attributes, {});
	});
});

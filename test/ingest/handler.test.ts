import type { AddressInfo } from 'node:net';
import { http } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import * as assert from 'uvu/assert';
import { createIngest, type LogLine } from '../../functions/ingest/handler.ts';
import type { IngestPorts } from '../../functions/ingest/ingest.ts';
import type { CompiledSnapshot } from '../../functions/policy/compile.ts';
import { describe } from '../describe.ts';
import { entry, portsWith, warehouseOf } from './sample.ts';

interface Answer {
	readonly status: number;
	readonly text: string;
	readonly allow: string | null;
	readonly lines: readonly LogLine[];
}

/** Serves the function as it is deployed, and sends it one request. */
async function send(
	request: RequestInit,
	ports: IngestPorts = portsWith(),
	{ path = '', traceProject }: { readonly path?: string; readonly traceProject?: string } = {},
): Promise<Answer> {
	const lines: LogLine[] = [];
	http('ingest', createIngest({ ...ports, log: (line) => lines.push(line), ...(traceProject !== undefined && { traceProject }) }));
	const server = getTestServer('ingest');
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	try {
		const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${path}`, request);
		return { status: response.status, text: await response.text(), allow: response.headers.get('allow'), lines };
	} finally {
		server.closeAllConnections();
		server.close();
	}
}

const json = { 'content-type': 'application/json' };
const pushed = (data: string | undefined): string =>
	JSON.stringify({ message: { data: data && Buffer.from(data).toString('base64'), messageId: '77', attributes: {} }, subscription: 's' });
const push = (data: string | undefined, ports?: IngestPorts) => send({ method: 'POST', headers: json, body: pushed(data) }, ports);
const failing: Partial<IngestPorts> = {
	warehouse: warehouseOf(async () => {
		throw new Error('disk full');
	}),
};

describe('the ingest function', (it) => {
	it('acknowledges an entry whose row is durable, with one line in the log', async () => {
		const ports = portsWith();
		const { status, text, lines } = await push(JSON.stringify(entry), ports);
		assert.equal([status, text, ports.appended.length], [204, '', 1]);
		assert.equal(lines, [
			{
				severity: 'INFO',
				message: 'judged: void-rule',
				outcome: 'ok',
				reason: null,
				message_id: '77',
				delivery_attempt: null,
				entry_id: ports.appended[0]?.row['entry_id'],
				snapshot_id: '2026-03-04T050000Z-0123456789ab',
				finding: 'void-rule',
				snapshot_age_ms: 367_123,
				took_ms: 0,
			} as LogLine,
		]);
	});

	it('acknowledges what can never succeed, once it is kept', async () => {
		const ports = portsWith();
		const { status, lines } = await push('not json', ports);
		assert.equal([status, ports.appended[0]?.table, lines.length], [204, 'rejects_v1', 1]);
		assert.equal([lines[0]?.severity, lines[0]?.outcome, lines[0]?.reason], ['WARNING', 'reject', 'not-json']);
	});

	it('acknowledges a message without data', async () => {
		const ports = portsWith();
		assert.is((await push(undefined, ports)).status, 204);
		assert.is(ports.appended[0]?.row['reason'], 'empty');
	});

	it('does not acknowledge what is not durable', async () => {
		const { status, text, lines } = await push(JSON.stringify(entry), portsWith(failing));
		assert.equal([status, text, lines.length], [503, 'warehouse-unavailable\n', 1]);
		assert.equal(
			[lines[0]?.severity, lines[0]?.outcome, lines[0]?.message],
			['ERROR', 'retry', 'not acknowledged: warehouse-unavailable: disk full'],
		);
		assert.ok(lines[0]?.stack?.includes('disk full'));
	});

	it('says that its queue is full with another status, which is no acknowledgement either', async () => {
		const { status, text, lines } = await push(
			JSON.stringify(entry),
			portsWith({ warehouse: warehouseOf(async () => ({ kind: 'queue-full' })) }),
		);
		assert.equal([status, text, lines[0]?.reason], [429, 'queue-full\n', 'queue-full']);
	});

	it('says how often the message was delivered', async () => {
		const body = JSON.stringify({ ...JSON.parse(pushed(JSON.stringify(entry))), deliveryAttempt: 3 });
		const { lines } = await send({ method: 'POST', headers: json, body });
		assert.is(lines[0]?.delivery_attempt, 3);
	});

	it('reads messages that are not wrapped: the body is the entry, headers say the rest', async () => {
		const metadata = {
			'x-goog-pubsub-message-id': '78',
			'x-goog-pubsub-publish-time': '2026-03-04T05:06:09Z',
			'x-goog-pubsub-subscription-name': 'projects/p/subscriptions/s',
			'policy-audit-origin': 'entries.json:3',
			authorization: 'Bearer secret',
		};
		for (const type of ['application/json', 'application/octet-stream', 'text/plain', 'application/x-www-form-urlencoded']) {
			const ports = portsWith();
			const headers = { ...metadata, 'content-type': type };
			const good = await send({ method: 'POST', headers, body: JSON.stringify(entry) }, ports);
			assert.equal([good.status, good.lines[0]?.message_id, good.lines[0]?.finding], [204, '78', 'void-rule'], type);
		}
		const ports = portsWith();
		const bad = await send({ method: 'POST', headers: { ...metadata, 'content-type': 'application/octet-stream' }, body: '{"a":' }, ports);
		const row = ports.appended[0]?.row;
		assert.equal([bad.status, row?.['reason'], row?.['message_id'], row?.['size_bytes']], [204, 'not-json', '78', 5]);
		assert.equal([row?.['subscription'], row?.['publish_time']], ['projects/p/subscriptions/s', '2026-03-04T05:06:09Z']);
		assert.equal(row?.['attributes'], { 'policy-audit-origin': 'entries.json:3' });
		const empty = await send({ method: 'POST', headers: metadata }, portsWith());
		assert.equal([empty.status, empty.lines[0]?.reason], [204, 'empty']);
	});

	it('does not acknowledge what met a bug, and tells the caller nothing of it', async () => {
		const { status, text, lines } = await push(
			JSON.stringify(entry),
			portsWith({ snapshots: { find: async () => ({ snapshot: { id: 'x' } as CompiledSnapshot, stale: false }) } }),
		);
		assert.equal([status, text, lines[0]?.reason, lines[0]?.severity], [503, 'internal-error\n', 'internal-error', 'ERROR']);
	});

	it('says that it is alive, without a line in the log', async () => {
		const { status, text, lines } = await send({ method: 'GET' }, portsWith(), { path: 'health' });
		assert.equal([status, text, lines], [200, 'ok\n', []]);
		assert.is((await send({ method: 'POST', headers: json, body: '{}' }, portsWith(), { path: 'health' })).status, 400);
	});

	it('names the trace of the request in the form of Cloud Logging, where that is one', async () => {
		const id = '0123456789abcdef0123456789abcdef';
		const traceWith = async (context: string, traceProject?: string) => {
			const headers = { ...json, 'x-cloud-trace-context': context };
			const { lines } = await send({ method: 'POST', headers, body: pushed('{') }, portsWith(), { ...(traceProject && { traceProject }) });
			return lines[0]?.['logging.googleapis.com/trace'];
		};
		assert.is(await traceWith(`${id}/123;o=1`, 'my-project'), `projects/my-project/traces/${id}`);
		assert.is(await traceWith(`${id}/123;o=1`), undefined);
		for (const context of ['', 'x', `${id}0`, '../../x']) assert.is(await traceWith(context, 'my-project'), undefined, context);
	});

	it('refuses another method', async () => {
		const { status, allow, lines } = await send({ method: 'GET' });
		assert.equal([status, allow, lines.length, lines[0]?.outcome], [405, 'POST', 1, 'refused']);
	});

	it('refuses a body that is no push request', async () => {
		for (const body of ['{}', JSON.stringify(entry), '[]']) {
			const { status, text } = await send({ method: 'POST', headers: json, body });
			assert.is(status, 400, body);
			if (body === '{}') assert.ok(text.includes('no Pub/Sub push request'), text);
		}
		const { status, lines } = await send({ method: 'POST', body: 'hello', headers: { 'content-type': 'text/plain' } });
		assert.equal([status, lines[0]?.outcome], [400, 'refused']);
	});

	it('reads a push request of any content type', async () => {
		for (const type of ['application/octet-stream', 'text/plain', 'application/cloudevents+json']) {
			const { status } = await send({ method: 'POST', headers: { 'content-type': type }, body: pushed(JSON.stringify(entry)) });
			assert.is(status, 204, type);
		}
	});

	it('names a message that is too large, and keeps its beginning', async () => {
		const ports = portsWith();
		const { status } = await push('x'.repeat(5_000_000), ports);
		assert.equal([status, ports.appended[0]?.row['reason'], ports.appended[0]?.row['size_bytes']], [204, 'oversize', 5_000_000]);
	});
});

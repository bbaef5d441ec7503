import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { equal, is, match } from 'uvu/assert';
import { createJsonWebhook } from '../../functions/adapters/json-webhook.ts';
import type { AlertChannel, Posted } from '../../functions/ports.ts';
import { describe } from '../describe.ts';

const NOW = Date.parse('2026-03-02T10:00:00Z');
const PATH = '/hooks/secret-of-the-address?key=another-secret';

interface Received {
	readonly headers: IncomingHttpHeaders;
	readonly body: string;
}

/** Answers by turns; after the last, as the last. `hang` and `reset` are no answers. */
type Turn = { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string } | 'hang' | 'reset';

interface Bench {
	readonly received: readonly Received[];
	readonly sleeps: readonly number[];
	post(body?: object, forMs?: number): Promise<Posted>;
}

async function withReceiver(turns: readonly Turn[], use: (bench: Bench) => Promise<void>): Promise<void> {
	let ms = NOW;
	const sleeps: number[] = [];
	const received: Received[] = [];
	const server = createServer((request, response) => {
		text(request).then((body) => {
			const turn = turns[Math.min(received.length, turns.length - 1)];
			received.push({ headers: request.headers, body });
			if (turn === 'reset') response.destroy();
			else if (turn !== 'hang' && turn) response.writeHead(turn.status, turn.headers).end(turn.body);
		}, console.error);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const sleep = async (pause: number): Promise<void> => {
		sleeps.push(pause);
		ms += pause;
	};
	const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${PATH}\n`;
	try {
		const channel: AlertChannel = createJsonWebhook({ url, now: () => ms, sleep, random: () => 1, timeoutMs: 60 });
		is(channel.threads, false);
		await use({
			received,
			sleeps,
			post: (body = { id: 'm1' }, forMs = 20_000) => channel.post(body, { thread: '1.2', untilMs: ms + forMs }),
		});
	} finally {
		server.closeAllConnections();
		server.close();
		await once(server, 'close');
	}
}

describe('a webhook of JSON', (it) => {
	it('is sent the body as it is, with the id that tells it from others', () =>
		withReceiver([{ status: 204 }], async ({ received, post }) => {
			equal(await post({ id: 'm-1', state: 'firing' }), { kind: 'posted' });
			const [{ headers, body } = { headers: {}, body: '' }] = received;
			is(body, '{"id":"m-1","state":"firing"}');
			equal([headers.authorization, headers['idempotency-key']], [undefined, 'm-1']);
			match(String(headers['content-type']), 'application/json');
		}));

	it('is sent no id where there is none, or none that may stand in a header', () =>
		withReceiver([{ status: 200 }], async ({ received, post }) => {
			for (const body of [{}, { id: 'a\r\nx-injected: 1' }, { id: 7 }]) is((await post(body)).kind, 'posted');
			for (const { headers } of received) equal([headers['idempotency-key'], headers['x-injected']], [undefined, undefined]);
		}));

	it('has taken what it answers with 2xx, whatever it says', async () => {
		for (const turn of [{ status: 200, body: '<html>' }, { status: 201 }, { status: 202, body: 'queued' }])
			await withReceiver([turn], async ({ post }) => equal(await post(), { kind: 'posted' }));
	});

	it('is sent it again where it was not taken and may be, as the same message', () =>
		withReceiver([{ status: 503 }, { status: 408 }, { status: 429, headers: { 'retry-after': '5' } }, { status: 200 }], async (bench) => {
			equal(await bench.post(), { kind: 'posted' });
			equal(bench.sleeps, [1000, 2000, 5000]);
			equal(
				bench.received.map(({ headers }) => headers['idempotency-key']),
				['m1', 'm1', 'm1', 'm1'],
			);
		}));

	it('is given up for now where it stays so, or wants to be left alone for longer', async () => {
		await withReceiver([{ status: 500 }], async ({ post }) => equal(await post(), { kind: 'later', detail: '500' }));
		await withReceiver([{ status: 429, headers: { 'retry-after': '21' } }], async ({ post, received, sleeps }) => {
			equal(await post(), { kind: 'later', detail: '429' });
			equal([received.length, sleeps.length], [1, 0]);
		});
		const date = new Date(NOW + 5000).toUTCString();
		await withReceiver([{ status: 503, headers: { 'retry-after': date } }, { status: 200 }], async ({ post, sleeps }) => {
			equal(await post(), { kind: 'posted' });
			equal(sleeps, [5000]);
		});
	});

	it('is sent nothing twice where it is not known whether it was taken', async () => {
		for (const [turn, why] of [
			['hang', 'no answer in time'],
			['reset', 'ECONNRESET'],
			[{ status: 502 }, '502'],
			[{ status: 504 }, '504'],
		] as const)
			await withReceiver([turn], async ({ post, received }) => {
				equal(await post(), { kind: 'later', detail: `it was sent, and whether it was taken is not known (${why})` });
				is(received.length, 1);
			});
	});

	it('tells a message that is not taken from a receiver that takes none', async () => {
		for (const status of [400, 413, 415, 422])
			await withReceiver([{ status }], async ({ post }) => equal(await post(), { kind: 'refused', detail: `${status}` }));
		for (const status of [401, 403, 404, 405, 410, 418])
			await withReceiver([{ status }], async ({ post }) => equal(await post(), { kind: 'broken', detail: `${status}` }));
		await withReceiver([{ status: 301, headers: { location: 'http://127.0.0.1:1/' } }], async ({ post, received }) => {
			equal(await post(), { kind: 'broken', detail: '301: a redirect, and none is followed' });
			is(received.length, 1);
		});
	});

	it('never has a secret in what it says', async () => {
		const said: unknown[] = [];
		const echo = `http://127.0.0.1${PATH}`;
		for (const status of [302, 400, 401, 404, 418, 429, 500, 502])
			await withReceiver(
				[{ status, body: echo, headers: { location: echo, 'retry-after': echo } }],
				async ({ post }) => void said.push(await post({}, 2000)),
			);
		for (const turn of ['hang', 'reset'] as const) await withReceiver([turn], async ({ post }) => void said.push(await post({}, 2000)));
		const create = (url: string): void => {
			try {
				createJsonWebhook({ url });
				said.push('was not refused');
			} catch (error) {
				said.push(error);
			}
		};
		create(`http://example.com${PATH}`);
		create(`example.com${PATH}`);
		is(said.length, 12);
		is(said.includes('was not refused'), false);
		const all = said.map((each) => inspect(each, { depth: 10, showHidden: true })).join('\n');
		for (const secret of ['secret-of-the-address', 'another-secret']) is(all.includes(secret), false, secret);
	});
});

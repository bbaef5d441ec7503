import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as assert from 'uvu/assert';
import { type Delivery, deliver } from '../../functions/commands/deliver.ts';
import type { EntryMessage, EntryRead } from '../../functions/commands/entries.ts';
import { createPush, pushBody } from '../../functions/commands/server.ts';
import { parseEnvelope } from '../../functions/push/envelope.ts';
import { describe } from '../describe.ts';

type Handle = (data: string, response: ServerResponse) => void;

async function bodyOf(request: IncomingMessage): Promise<string> {
	let body = '';
	for await (const chunk of request) body += chunk;
	return body;
}

/** Delivers to a server that handles each message so. */
async function deliverTo(
	handle: Handle,
	reads: AsyncGenerator<EntryRead>,
	changes: { signal?: AbortSignal; concurrency?: number } = {},
): Promise<Delivery> {
	const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
		const envelope = parseEnvelope(JSON.parse(await bodyOf(request)));
		if (envelope.kind === 'message') handle(Buffer.from(envelope.message.data).toString(), response);
		else response.writeHead(400).end();
	};
	const server = createServer((request, response) => void answer(request, response));
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const agent = new Agent({ keepAlive: true });
	try {
		return await deliver(reads, {
			attempt: createPush(url, agent),
			concurrency: 4,
			maxBytes: 1000,
			signal: new AbortController().signal,
			onDelivered: () => {},
			backoffMs: () => 0,
			...changes,
		});
	} finally {
		agent.destroy();
		server.closeAllConnections();
		server.close();
	}
}

async function* messages(count: number, taken: number[] = []): AsyncGenerator<EntryRead> {
	for (let index = 0; index < count; index++) {
		taken.push(index);
		yield { kind: 'message', message: { data: Buffer.from(String(index)), attributes: {} } };
	}
}

const acknowledge = (response: ServerResponse): unknown => response.writeHead(204).end();
const refuse = (response: ServerResponse): unknown => response.writeHead(503).end('warehouse-unavailable\n');

describe('deliver', (it) => {
	it('delivers each once where each is acknowledged', async () => {
		const seen: string[] = [];
		const delivery = await deliverTo((data, response) => {
			seen.push(data);
			acknowledge(response);
		}, messages(50));
		assert.equal(delivery, { delivered: 50, acknowledged: 50, failed: 0, problems: [], notes: [], stopped: 'no' });
		assert.equal(new Set(seen).size, 50);
	});

	it('has no more in flight than it may', async () => {
		let [inFlight, most] = [0, 0];
		await deliverTo((_, response) => {
			most = Math.max(most, ++inFlight);
			setImmediate(() => {
				inFlight--;
				acknowledge(response);
			});
		}, messages(40));
		assert.ok(most <= 4, String(most));
	});

	it('repeats what was not acknowledged', async () => {
		const attempts = new Map<string, number>();
		const delivery = await deliverTo((data, response) => {
			attempts.set(data, (attempts.get(data) ?? 0) + 1);
			if (attempts.get(data) === 3) acknowledge(response);
			else refuse(response);
		}, messages(5));
		assert.equal([delivery.acknowledged, delivery.failed, [...attempts.values()]], [5, 0, [3, 3, 3, 3, 3]]);
	});

	it('counts what never is, says why, and goes on', async () => {
		const delivery = await deliverTo((data, response) => (data === '2' ? refuse(response) : acknowledge(response)), messages(5));
		assert.equal([delivery.delivered, delivery.acknowledged, delivery.failed, delivery.stopped], [5, 4, 1, 'no']);
		assert.is(delivery.lastFailure, '503 warehouse-unavailable');
	});

	it('gives up where nothing is acknowledged', async () => {
		const delivery = await deliverTo((_, response) => refuse(response), messages(10_000));
		assert.equal([delivery.acknowledged, delivery.stopped], [0, 'failing']);
		assert.ok(delivery.delivered < 100, String(delivery.delivered));
	});

	it('stops taking entries when interrupted, and waits for those under way', async () => {
		const controller = new AbortController();
		const taken: number[] = [];
		let answered = 0;
		const delivery = await deliverTo(
			(data, response) => {
				if (data === '10') controller.abort();
				setImmediate(() => {
					answered++;
					acknowledge(response);
				});
			},
			messages(10_000, taken),
			{ signal: controller.signal },
		);
		assert.is(delivery.stopped, 'interrupted');
		assert.is(delivery.acknowledged, answered);
		assert.ok(taken.length < 50, String(taken.length));
	});

	it('does not wait for input that never comes when interrupted', async () => {
		const controller = new AbortController();
		async function* silent(): AsyncGenerator<EntryRead> {
			controller.abort();
			await new Promise(() => {});
			yield* messages(1);
		}
		const delivery = await deliverTo((_, response) => acknowledge(response), silent(), { signal: controller.signal });
		assert.equal([delivery.delivered, delivery.stopped], [0, 'interrupted']);
	});

	it('tells of a mark once all before it are acknowledged, in order, and of none after a failure', async () => {
		const acknowledged = new Set<number>();
		const told: [mark: string, before: number][] = [];
		async function* marked(): AsyncGenerator<EntryRead> {
			for (let index = 0; index < 40; index++) {
				yield { kind: 'message', message: { data: Buffer.from(String(index)), attributes: {} } };
				if (index % 10 === 9) yield { kind: 'mark', mark: String(index) };
			}
		}
		const settings = {
			concurrency: 25,
			maxBytes: 1000,
			signal: new AbortController().signal,
			onDelivered: () => {},
			backoffMs: () => 0,
			onMark: async (mark: string) => {
				const before = Array.from({ length: Number(mark) + 1 }, (_, index) => index);
				told.push([mark, before.filter((index) => acknowledged.has(index)).length]);
			},
		};
		// The later ones of ten are answered first.
		const attempt = async ({ data }: EntryMessage): Promise<string | undefined> => {
			const index = Number(data.toString());
			for (let turns = 10 - (index % 10); turns > 0; turns--) await new Promise(setImmediate);
			if (index === 35) return 'no';
			acknowledged.add(index);
			return undefined;
		};
		const { failed } = await deliver(marked(), { ...settings, attempt });
		assert.equal(
			[told, failed],
			[
				[
					['9', 10],
					['19', 20],
					['29', 30],
				],
				1,
			],
		);
	});

	it('collects what could not be read', async () => {
		async function* reads(): AsyncGenerator<EntryRead> {
			yield { kind: 'problem', detail: 'a' };
			yield { kind: 'note', detail: 'b' };
		}
		const { problems, notes } = await deliverTo((_, response) => acknowledge(response), reads());
		assert.equal([problems, notes], [['a'], ['b']]);
	});
});

describe('pushBody', (it) => {
	it('names a message by its bytes', () => {
		const body = JSON.parse(pushBody({ data: Buffer.from('x'), attributes: { a: 'b' }, publishTime: '2026-01-01T00:00:00Z' }));
		const id = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881';
		assert.equal(body.message, {
			data: 'eA==',
			attributes: { a: 'b' },
			messageId: id,
			message_id: id,
			publishTime: '2026-01-01T00:00:00Z',
			publish_time: '2026-01-01T00:00:00Z',
		});
	});
});

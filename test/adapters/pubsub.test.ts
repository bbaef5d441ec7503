import { equal, is } from 'uvu/assert';
import { readDeadLetters } from '../../functions/adapters/dead-letters.ts';
import { createPublisher, createSnapshotPublisher } from '../../functions/adapters/pubsub.ts';
import { readSchemas } from '../../functions/adapters/schemas.ts';
import { describe } from '../describe.ts';
import { createEmulator } from '../sql/emulator.ts';

process.env['METADATA_SERVER_DETECTION'] = 'none';
const { PUBSUB_EMULATOR_HOST: pubsub, BIGQUERY_EMULATOR_HOST: bigquery } = process.env;

async function call(path: string, method: string, body: object): Promise<Record<string, unknown>> {
	const headers = { 'content-type': 'application/json' };
	const response = await fetch(`http://${pubsub}/v1/${path}`, { method, headers, body: JSON.stringify(body) });
	if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
	return (await response.json()) as Record<string, unknown>;
}

interface Received {
	readonly message: { readonly data: string; readonly attributes: Record<string, string> };
}

describe('a publisher', (it) => {
	if (pubsub === undefined) {
		console.log('skipped: test/adapters/pubsub.test.ts publishes where PUBSUB_EMULATOR_HOST names a Pub/Sub emulator');
		return;
	}
	const name = `test-${process.pid}-${Date.now()}`;
	const topic = `projects/p/topics/${name}`;
	const subscription = `projects/p/subscriptions/${name}`;
	const pull = async (): Promise<Received[]> => {
		const { receivedMessages = [] } = await call(`${subscription}:pull`, 'POST', { maxMessages: 10 });
		return receivedMessages as Received[];
	};

	it('hands messages and requests for snapshots to Pub/Sub', async () => {
		await call(topic, 'PUT', {});
		await call(subscription, 'PUT', { topic });
		await createPublisher({ topic })({ data: Buffer.from('{"a":1}'), attributes: { key: 'ü' } });
		const [message, ...more] = await pull();
		equal([message?.message.attributes, more.length], [{ key: 'ü' }, 0]);
		is(Buffer.from(message?.message.data ?? '', 'base64').toString(), '{"a":1}');

		await call(topic, 'DELETE', {});
		await call(topic, 'PUT', {});
		await call(`${subscription}-2`, 'PUT', { topic });
		const cluster = { project: 'p', location: 'l', name: 'c' };
		const request = { cluster, reason: 'flagged', requestedAt: '2026-03-04T05:00:00.000Z' } as const;
		await createSnapshotPublisher({ topic })(request);
		const { receivedMessages } = await call(`${subscription}-2:pull`, 'POST', { maxMessages: 10 });
		const [received] = receivedMessages as Received[];
		equal(JSON.parse(Buffer.from(received?.message.data ?? '', 'base64').toString()), request);
		equal(received?.message.attributes, { cluster: 'projects/p/locations/l/clusters/c' });
	});

	it('says in its own time that there is no such topic', async () => {
		let message = '';
		await createPublisher({ topic: `projects/p/topics/none-${name}` })({ data: Buffer.from('x'), attributes: {} }).catch((error: Error) => {
			({ message } = error);
		});
		is(/not.?found/i.test(message), true, message);
	});
});

describe('dead letters', (it) => {
	if (bigquery === undefined) {
		console.log('skipped: test/adapters/pubsub.test.ts reads dead letters where BIGQUERY_EMULATOR_HOST names a BigQuery emulator');
		return;
	}

	it('are read from their table, from a time on, the oldest first', async () => {
		const project = process.env['BIGQUERY_EMULATOR_PROJECT'] ?? 'test-project';
		const emulator = await createEmulator({ host: bigquery, project }, await readSchemas());
		try {
			const row = (message_id: string, minute: string, data: string | null) => ({
				subscription_name: 'projects/p/subscriptions/dead-letters',
				message_id,
				publish_time: `2026-03-04T05:${minute}:00Z`,
				data: data && Buffer.from(data).toString('base64'),
				attributes: { CloudPubSubDeadLetterSourceSubscription: 's', minute },
			});
			await emulator.insert('dead_letters_v1', [row('c', '03', null), row('a', '00', 'x'), row('b', '02', '{"a":"ü"}')]);
			const [projectId = '', datasetId = ''] = emulator.dataset.split('.');
			const letters = [];
			for await (const letter of readDeadLetters({ projectId, datasetId, since: '2026-03-04T05:01:00Z' })) letters.push(letter);
			equal(
				letters.map(({ messageId, attributes }) => [messageId, attributes['minute']]),
				[
					['b', '02'],
					['c', '03'],
				],
			);
			is(Buffer.from(letters[0]?.data ?? []).toString(), '{"a":"ü"}');
			is(letters[1]?.data.byteLength, 0);
		} finally {
			await emulator.remove();
		}
	});
});

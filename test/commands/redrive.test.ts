import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { equal, is, match } from 'uvu/assert';
import type { DeadLetter } from '../../functions/adapters/dead-letters.ts';
import type { Outgoing, Publish } from '../../functions/adapters/pubsub.ts';
import { redrive } from '../../functions/commands/redrive.ts';
import { describe } from '../describe.ts';
import { run } from './run.ts';

const letter = (messageId: string, attributes: DeadLetter['attributes'] = {}): DeadLetter => ({
	messageId,
	data: Buffer.from(`data of ${messageId}`),
	attributes,
});

interface Given {
	readonly letters: Iterable<DeadLetter> | AsyncIterable<DeadLetter>;
	readonly publish?: Publish;
	readonly dryRun?: boolean;
	readonly signal?: AbortSignal;
}

async function redriven({ letters, publish = async () => {}, dryRun = false, signal = new AbortController().signal }: Given) {
	const published: Outgoing[] = [];
	const [stdout, stderr] = [new PassThrough(), new PassThrough()];
	const outputs = Promise.all([text(stdout), text(stderr)]);
	const keep: Publish = async (message) => {
		await publish(message);
		published.push(message);
	};
	const surroundings = { stdin: Readable.from([]), stdout, stderr, signal, now: () => new Date() };
	const code = await redrive({ letters: Readable.from(letters), publish: keep, dryRun }, surroundings);
	stdout.end();
	stderr.end();
	const [out, err] = await outputs;
	return { code, published, out, err };
}

const many = (count: number): DeadLetter[] => Array.from({ length: count }, (_, index) => letter(`${index}`));

describe('redrive', (it) => {
	it('publishes each dead letter again, as it was, marked and without the marks of its death', async () => {
		const attributes = { 'logging.googleapis.com/timestamp': 't', CloudPubSubDeadLetterSourceSubscription: 's' };
		const { code, published, out } = await redriven({ letters: [letter('a', attributes)] });
		equal([code, out], [0, '1 dead letters, 1 published again\n']);
		equal(published[0]?.attributes, { 'logging.googleapis.com/timestamp': 't', 'policy-audit-redriven': 'a' });
		is(Buffer.from(published[0]?.data ?? []).toString(), 'data of a');
	});

	it('publishes what was stored twice once', async () => {
		const { published } = await redriven({ letters: [letter('a'), letter('b'), letter('a')] });
		is(published.length, 2);
	});

	it('publishes nothing on a dry run', async () => {
		const { code, published, out } = await redriven({ letters: many(3), dryRun: true });
		equal([code, published.length, out], [0, 0, '3 dead letters, none published\n']);
	});

	it('says which could not be published, and goes on', async () => {
		const publish: Publish = async ({ data }) => {
			if (Buffer.from(data).toString().endsWith('7')) throw new Error('too large');
		};
		const { code, published, err } = await redriven({ letters: many(200), publish });
		equal([code, published.length], [3, 180]);
		is(err.split('\n')[0], 'policy-audit: message 7 was not published: too large');
	});

	it('gives up where nothing can be published', async () => {
		let tries = 0;
		const publish: Publish = async () => {
			tries++;
			throw new Error('no such topic');
		};
		const { code, err } = await redriven({ letters: many(1000), publish });
		is(code, 2);
		match(err, 'given up after 10 failures in a row');
		is(tries < 200, true, `${tries} tries`);
	});

	it('has so many under way at most', async () => {
		let [underWay, most] = [0, 0];
		const publish: Publish = async () => {
			most = Math.max(most, ++underWay);
			await new Promise((resolve) => setImmediate(resolve));
			underWay--;
		};
		is((await redriven({ letters: many(300), publish })).published.length, 300);
		is(most, 50);
	});

	it('says what cannot be read, and what was done before it', async () => {
		async function* letters() {
			yield letter('a');
			throw new Error('Not found: Table dead_letters_v1');
		}
		const { code, published, err } = await redriven({ letters: letters() });
		equal([code, published.length], [3, 1]);
		match(err, 'the dead letters cannot be read: Not found: Table dead_letters_v1');
	});

	it('ends where it is interrupted', async () => {
		const { code, published } = await redriven({ letters: many(10), signal: AbortSignal.abort() });
		equal([code, published.length], [130, 0]);
	});

	it('refuses names and times that are none', async () => {
		const good = { dataset: 'p.d', topic: 'projects/p/topics/t', since: '2026-03-04T05:00:00Z' };
		const argv = (given: typeof good) => ['redrive', ...Object.entries(given).flatMap(([name, value]) => [`--${name}`, value])];
		for (const [name, value] of [
			['dataset', 'd'],
			['topic', 't'],
			['since', 'yesterday'],
		] as const) {
			const { code, stderr } = await run(argv({ ...good, [name]: value }));
			is(code, 2);
			match(stderr, `option '--${name}`);
		}
		const { code, stderr } = await run(['redrive', '--dataset', 'p.d']);
		equal([code, /required option/.test(stderr)], [2, true]);
	});
});

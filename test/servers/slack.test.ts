import { equal, is, match } from 'uvu/assert';
import { describe } from '../describe.ts';
import { type Slack, type SlackOptions, startSlack } from './slack.ts';

async function withSlack(use: (slack: Slack) => Promise<void>, options?: SlackOptions): Promise<void> {
	const slack = await startSlack(options);
	try {
		await use(slack);
	} finally {
		await slack.close();
	}
}

const json = { 'content-type': 'application/json' };
const toWebhook = ({ webhookUrl }: Slack, body: unknown) =>
	fetch(webhookUrl, { method: 'POST', headers: json, body: JSON.stringify(body) });
const toMethod = ({ apiEndpoint, token, channel }: Slack, body: object, bearer = token) =>
	fetch(`${apiEndpoint}/chat.postMessage`, {
		method: 'POST',
		headers: { ...json, authorization: `Bearer ${bearer}` },
		body: JSON.stringify({ channel, ...body }),
	}).then((answer) => answer.json() as Promise<Record<string, unknown>>);

describe('the loopback Slack', (it) => {
	it('keeps what it takes, by time and thread', () => {
		let ms = 0;
		return withSlack(
			async (slack) => {
				const first = await toMethod(slack, { text: 'a' });
				equal([first['ok'], first['channel']], [true, slack.channel]);
				ms += 1000;
				await toMethod(slack, { text: 'b', thread_ts: first['ts'] });
				ms += 1000;
				is(await (await toWebhook(slack, { text: 'c' })).text(), 'ok');
				equal(
					slack.messages.map(({ atMs, thread, body }) => [atMs, thread, body]),
					[
						[0, undefined, { text: 'a' }],
						[1000, first['ts'], { text: 'b' }],
						[2000, undefined, { text: 'c' }],
					],
				);
			},
			{ now: () => ms },
		);
	});

	it('takes one message a second, after a burst where it is told so', () => {
		let ms = 0;
		return withSlack(
			async (slack) => {
				const statuses: number[] = [];
				const post = async () => {
					const answer = await toWebhook(slack, { text: 'a' });
					if (answer.status === 429) is(answer.headers.get('retry-after'), '1');
					statuses.push(answer.status);
				};
				for (let count = 0; count < 3; count++) await post();
				ms += 999;
				await post();
				ms += 1;
				await post();
				await post();
				equal(statuses, [200, 200, 429, 429, 200, 429]);
			},
			{ now: () => ms, burst: 2 },
		);
	});

	it('refuses what Slack refuses', () =>
		withSlack(async (slack) => {
			const wrong = await toWebhook(slack, { blocks: [{ type: 'banner' }] });
			equal([wrong.status, await wrong.text()], [400, 'invalid_blocks']);
			is(await (await toWebhook(slack, [])).text(), 'invalid_payload');
			is((await fetch(`${slack.webhookUrl}x`, { method: 'POST' })).status, 404);
			const blocks = await toMethod(slack, { blocks: [{ type: 'banner' }] });
			is(blocks['error'], 'invalid_blocks');
			match(JSON.stringify(blocks['response_metadata']), 'banner');
			is((await toMethod(slack, { text: 'a' }, 'xoxb-another'))['error'], 'invalid_auth');
			is((await toMethod(slack, { text: 'a', channel: 'C1' }))['error'], 'channel_not_found');
			is((await toMethod(slack, { text: 'a', thread_ts: '1.000001' }))['error'], 'thread_not_found');
			const { ts } = await toMethod(slack, { text: 'a' });
			slack.remove(String(ts));
			is((await toMethod(slack, { text: 'a', thread_ts: ts }))['error'], 'thread_not_found');
			is(slack.messages.length, 1);
		}));

	it('fails as it is told to, and is mended', () => {
		let ms = 0;
		return withSlack(
			async (slack) => {
				const outcome = async (): Promise<string> => {
					ms += 1000;
					return toWebhook(slack, { text: 'a' }).then(
						async (answer) => `${answer.status} ${await answer.text()}`,
						() => 'no answer',
					);
				};
				await slack.fault({ kind: 'down' });
				is(await outcome(), 'no answer');
				await slack.fault({ kind: 'status', status: 503, body: 'busy' }, 2);
				equal([await outcome(), await outcome(), await outcome()], ['503 busy', '503 busy', '200 ok']);
				await slack.fault({ kind: 'error', error: 'action_prohibited', status: 403 }, 1);
				is(await outcome(), '403 action_prohibited');
				await slack.fault({ kind: 'reset', taken: true }, 1);
				is(await outcome(), 'no answer');
				is(slack.messages.length, 2);
				await slack.fault({ kind: 'reset' });
				is(await outcome(), 'no answer');
				await slack.fault(undefined);
				is(await outcome(), '200 ok');
				is(slack.messages.length, 3);
				equal(
					slack.attempts.map(({ answer }) => answer),
					['503', '503', '200', '403 action_prohibited', 'reset', 'reset', '200'],
				);
			},
			{ now: () => ms },
		);
	});
});

import { type AddressInfo, createServer, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { equal, is, match, not, ok } from 'uvu/assert';
import { createSlackBot, createSlackWebhook, type SlackWebhookOptions } from '../../functions/adapters/slack.ts';
import type { AlertChannel, Posted } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { type Slack, type SlackFault, startSlack } from '../servers/slack.ts';

const NOW = Date.parse('2026-03-02T10:00:00Z');
const PATIENCE_MS = 20_000;

interface Bench {
	readonly slack: Slack;
	readonly webhook: AlertChannel;
	readonly bot: AlertChannel;
	readonly sleeps: readonly number[];
	readonly now: () => number;
	/** Posts by the channel, with `PATIENCE_MS`. */
	post(channel: AlertChannel, body?: object, options?: { readonly thread?: string; readonly forMs?: number }): Promise<Posted>;
}

/** Both channels in front of one Slack, all by one clock, which only pauses move. `random` is 1: pauses are whole. */
async function withSlack(use: (bench: Bench) => Promise<void>, more: Partial<SlackWebhookOptions> = {}): Promise<void> {
	let ms = NOW;
	const sleeps: number[] = [];
	const now = (): number => ms;
	const sleep = async (pause: number): Promise<void> => {
		sleeps.push(pause);
		ms += pause;
	};
	const slack = await startSlack({ now });
	const time = { now, sleep, random: () => 1, ...more };
	try {
		await use({
			slack,
			sleeps,
			now,
			webhook: createSlackWebhook({ url: slack.webhookUrl, ...time }),
			bot: createSlackBot({ ...slack, ...time }),
			post: (channel, body = { text: 'a' }, { thread, forMs = PATIENCE_MS } = {}) =>
				channel.post(body, { ...(thread !== undefined && { thread }), untilMs: ms + forMs }),
		});
	} finally {
		await slack.close();
	}
}

const error = (name: string, more?: object): SlackFault => ({ kind: 'error', error: name, ...(more && { more }) });

/** A server that treats each connection by hand. */
async function withRawServer(onSocket: (socket: Socket) => void, use: (url: string) => Promise<void>): Promise<void> {
	const server = createServer();
	const sockets = new Set<Socket>();
	server.on('connection', (socket) => {
		sockets.add(socket);
		onSocket(socket);
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	try {
		await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/services/T/B/secret-of-the-webhook`);
	} finally {
		for (const socket of sockets) socket.destroy();
		await new Promise((resolve) => server.close(resolve));
	}
}

describe('a channel of Slack', (it) => {
	it('is posted to by the webhook, which has no threads', () =>
		withSlack(async ({ slack, webhook, post }) => {
			is(webhook.threads, false);
			equal(await post(webhook, { text: 'a', blocks: [{ type: 'divider' }] }, { thread: '1.2' }), { kind: 'posted' });
			equal(
				slack.messages.map(({ body, thread }) => [body, thread]),
				[[{ text: 'a', blocks: [{ type: 'divider' }] }, undefined]],
			);
			match(String(slack.attempts[0]?.headers['user-agent']), /^policy-action-audit\/\d/);
		}));

	it('is posted to by the bot, in threads, and it says where the message stands', () =>
		withSlack(async ({ slack, bot, post }) => {
			is(bot.threads, true);
			const first = await post(bot, { text: 'a' });
			const [message] = slack.messages;
			equal(first, { kind: 'posted', channel: slack.channel, ts: message?.ts });
			const second = await post(bot, { text: 'b' }, { thread: message?.ts ?? '' });
			equal(second, { kind: 'posted', channel: slack.channel, ts: slack.messages[1]?.ts });
			is(slack.messages[1]?.thread, message?.ts);
			not.equal(slack.messages[1]?.ts, message?.ts);
		}));

	for (const name of ['webhook', 'bot'] as const)
		it(`gets at most one message a second from the ${name}, however many it is given at once`, () =>
			withSlack(async ({ slack, post, ...channels }) => {
				const texts = ['0', '1', '2', '3', '4'];
				const posted = await Promise.all(texts.map((text) => post(channels[name], { text })));
				equal(new Set(posted.map(({ kind }) => kind)), new Set(['posted']));
				const { messages, attempts } = slack;
				equal(
					messages.map(({ body, atMs }) => [body['text'], atMs]),
					texts.map((text, index) => [text, NOW + index * 1000]),
				);
				is(attempts.length, texts.length, 'and Slack never had to say so');
			}));

	it('is left alone for as long as it says, also with the messages that follow', () =>
		withSlack(async ({ slack, webhook, post, sleeps }) => {
			await slack.fault({ kind: 'status', status: 429, headers: { 'retry-after': '7' } }, 1);
			is((await post(webhook)).kind, 'posted');
			equal(sleeps, [7000]);
			await slack.fault({ kind: 'status', status: 429, headers: { 'retry-after': '30' } }, 1);
			const late = await post(webhook);
			equal(late, { kind: 'later', detail: '429' });
			const tries = slack.attempts.length;
			equal(await post(webhook, {}, { forMs: 29_000 }), { kind: 'later', detail: 'its turn did not come in time' });
			equal([slack.attempts.length, slack.messages.length], [tries, 1], 'nothing is sent in a pause that was asked for');
			equal((await post(webhook, { text: 'b' }, { forMs: 31_000 })).kind, 'posted');
		}));

	it('is asked again after some minutes where it wants to be left alone for a day', () =>
		withSlack(async ({ slack, bot, post }) => {
			await slack.fault({ kind: 'status', status: 429, headers: { 'retry-after': '86400' } }, 1);
			is((await post(bot)).kind, 'later');
			is((await post(bot, { text: 'b' }, { forMs: 301_000 })).kind, 'posted');
		}));

	it('is tried again with longer and longer pauses where it is down, until it is too late', () =>
		withSlack(async ({ slack, webhook, bot, post, sleeps, now }) => {
			for (const [channel, fault, detail] of [
				[webhook, { kind: 'down' }, 'it cannot be reached: ECONNREFUSED'],
				[bot, { kind: 'down' }, 'it cannot be reached: ECONNREFUSED'],
				[webhook, { kind: 'status', status: 503 }, '503'],
				[bot, { kind: 'status', status: 500, body: 'oops' }, '500'],
				[bot, error('service_unavailable'), 'service_unavailable'],
				[bot, error('ratelimited'), 'ratelimited'],
			] as const) {
				await slack.fault(fault);
				const [from, untilMs] = [sleeps.length, now() + PATIENCE_MS];
				equal(await post(channel), { kind: 'later', detail });
				const made = sleeps.slice(from);
				equal(made.slice(-4), [1000, 2000, 4000, 8000]);
				ok(now() < untilMs);
				await slack.fault({ kind: 'status', status: 503 }, 1);
				is((await post(channel)).kind, 'posted', 'once it is there again');
			}
		}));

	it('jitters its pauses', () =>
		withSlack(
			async ({ slack, webhook, post, sleeps }) => {
				await slack.fault({ kind: 'status', status: 503 }, 3);
				is((await post(webhook)).kind, 'posted');
				// The first is no shorter than a second in any case.
				equal(sleeps, [1000, 1000, 2000]);
			},
			{ random: () => 0 },
		));

	it('is sent nothing twice where it is not known whether it was taken', () =>
		withSlack(
			async ({ slack, webhook, bot, post }) => {
				const faults: readonly [SlackFault, string][] = [
					[{ kind: 'hang', taken: true }, 'no answer in time'],
					[{ kind: 'hang' }, 'no answer in time'],
					[{ kind: 'reset', taken: true }, 'ECONNRESET'],
					[{ kind: 'reset' }, 'ECONNRESET'],
					[{ kind: 'status', status: 502, taken: true }, '502'],
					[{ kind: 'status', status: 504, taken: true }, '504'],
				];
				for (const channel of [webhook, bot]) {
					for (const [fault, why] of faults) {
						const [tries, taken] = [slack.attempts.length, slack.messages.length];
						await slack.fault(fault);
						const posted = await post(channel);
						equal(posted, { kind: 'later', detail: `it was sent, and whether it was taken is not known (${why})` });
						equal([slack.attempts.length - tries, slack.messages.length - taken], [1, 'taken' in fault ? 1 : 0]);
					}
				}
				for (const name of ['internal_error', 'fatal_error']) {
					const tries = slack.attempts.length;
					await slack.fault(error(name));
					equal(await post(bot), { kind: 'later', detail: `it was sent, and whether it was taken is not known (${name})` });
					is(slack.attempts.length - tries, 1);
				}
			},
			{ timeoutMs: 60 },
		));

	it('has not taken what a connection that never came about was meant for', () =>
		withRawServer(
			() => {},
			async (url) => {
				let ms = NOW;
				const time = { now: () => ms, sleep: async (pause: number) => (ms += pause), random: () => 1, connectTimeoutMs: 30 };
				// A handshake that is never answered: nothing of the message is sent before it.
				const webhook = createSlackWebhook({ url: url.replace('http:', 'https:'), ...time });
				equal(await webhook.post({ text: 'a' }, { untilMs: NOW + 2500 }), {
					kind: 'later',
					detail: 'it cannot be reached: no connection in time',
				});
				is(ms, NOW + 1000, 'it was tried twice');
			},
		));

	it('is not believed where its answer breaks off, trickles, is too long or is no HTTP', async () => {
		const unknown = (why: string): Posted => ({
			kind: 'later',
			detail: `it was sent, and whether it was taken is not known (${why})`,
		});
		const cases: readonly [(socket: Socket) => void, Posted][] = [
			[(socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no'), unknown('the answer broke off')],
			[(socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no'), unknown('the answer broke off')],
			[
				(socket) => socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n${'ok'.padStart(1_000_000)}`),
				unknown('the answer broke off'),
			],
			[(socket) => socket.write('HTTP/1.1 '), unknown('no answer in time')],
			[(socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'), unknown('HPE_INVALID_CONSTANT')],
		];
		for (const [answer, expected] of cases) {
			await withRawServer(
				(socket) => {
					socket.on('error', () => {});
					socket.once('data', () => answer(socket));
				},
				async (url) => {
					for (const channel of [
						createSlackWebhook({ url, timeoutMs: 150 }),
						createSlackBot({ token: 'xoxb-token-of-the-bot', channel: 'C1', apiEndpoint: url, timeoutMs: 150 }),
					])
						equal(await channel.post({ text: 'a' }, { untilMs: Date.now() + 500 }), expected);
				},
			);
		}
	});

	it('refuses a message in a wrong form, and others are taken', () =>
		withSlack(async ({ slack, webhook, bot, post }) => {
			equal(await post(webhook, { blocks: [{ type: 'banner' }] }), { kind: 'refused', detail: '400 invalid_blocks' });
			const refused = await post(bot, { blocks: [{ type: 'banner' }] });
			equal(refused, { kind: 'refused', detail: 'invalid_blocks: [ERROR] blocks[0]: unknown type "banner"' });
			const round: { self?: object } = {};
			round.self = round;
			for (const channel of [webhook, bot]) {
				for (const body of [round, { count: 1n }])
					equal(await post(channel, body), { kind: 'refused', detail: 'the message cannot be written as JSON' });
			}
			for (const name of ['msg_too_long', 'msg_blocks_too_long', 'too_many_attachments', 'no_text', 'invalid_payload']) {
				await slack.fault(error(name), 2);
				equal([(await post(webhook)).kind, (await post(bot)).kind], ['refused', 'refused'], name);
			}
			equal([(await post(webhook)).kind, (await post(bot)).kind], ['posted', 'posted']);
		}));

	it('says that it is broken where somebody has to mend it', () =>
		withSlack(async ({ slack, webhook, bot, post }) => {
			const ofWebhook: readonly [SlackFault, string][] = [
				[{ ...error('action_prohibited'), status: 403 } as SlackFault, '403 action_prohibited'],
				[{ ...error('no_service'), status: 404 } as SlackFault, '404 no_service'],
				[{ ...error('channel_not_found'), status: 404 } as SlackFault, '404 channel_not_found'],
				[{ ...error('channel_is_archived'), status: 410 } as SlackFault, '410 channel_is_archived'],
				[{ ...error('user_not_found'), status: 400 } as SlackFault, '400 user_not_found'],
				[{ ...error('something_new'), status: 402 } as SlackFault, '402 something_new'],
				[{ kind: 'status', status: 307, headers: { location: slack.webhookUrl } }, '307: a redirect, and none is followed'],
				[
					{ kind: 'status', status: 200, body: '<html>Log in</html>' },
					'200, but not with Slack’s “ok”: is it the address of a webhook of Slack?',
				],
				[{ kind: 'status', status: 200 }, '200, but not with Slack’s “ok”: is it the address of a webhook of Slack?'],
			];
			for (const [fault, detail] of ofWebhook) {
				await slack.fault(fault, 1);
				equal(await post(webhook), { kind: 'broken', detail });
			}
			const ofBot = ['invalid_auth', 'not_in_channel', 'token_revoked', 'account_inactive', 'is_archived', 'something_new'];
			for (const name of ofBot) {
				await slack.fault(error(name), 1);
				equal(await post(bot), { kind: 'broken', detail: name });
			}
			await slack.fault(error('missing_scope', { needed: 'chat:write', provided: 'files:read' }), 1);
			equal(await post(bot), { kind: 'broken', detail: 'missing_scope: needs chat:write' });
			await slack.fault({ kind: 'status', status: 200, body: 'ok' }, 1);
			equal(await post(bot), { kind: 'broken', detail: '200, but not as Slack answers: is it the address of Slack’s methods?' });
			is(slack.messages.length, 0);
		}));

	it('gets a message outside of a thread that is gone', () =>
		withSlack(async ({ slack, bot, post }) => {
			const { ts = '' } = (await post(bot)) as { ts?: string };
			slack.remove(ts);
			is((await post(bot, { text: 'b' }, { thread: ts })).kind, 'posted');
			for (const name of ['message_not_found', 'cannot_reply_to_message', 'restricted_action_thread_locked']) {
				await slack.fault(error(name), 1);
				is((await post(bot, { text: name }, { thread: ts })).kind, 'posted');
			}
			equal(
				slack.messages.map(({ body, thread }) => [body['text'], thread]),
				[
					['a', undefined],
					['b', undefined],
					['message_not_found', undefined],
					['cannot_reply_to_message', undefined],
					['restricted_action_thread_locked', undefined],
				],
			);
			await slack.fault(error('thread_not_found'));
			equal(await post(bot), { kind: 'broken', detail: 'thread_not_found' });
		}));

	it('is not tried at all once it is too late', () =>
		withSlack(async ({ slack, webhook, post }) => {
			equal(await post(webhook, {}, { forMs: 0 }), { kind: 'later', detail: 'its turn did not come in time' });
			is(slack.attempts.length, 0);
		}));

	it('never has the secret in what it says', () =>
		withSlack(
			async ({ slack, webhook, bot, post }) => {
				const said: unknown[] = [];
				for (const [channel, secret] of [
					[webhook, slack.webhookUrl],
					[webhook, SECRET],
					// What looks like the name of an error, and is a part of the secret.
					[webhook, 'secret'],
					[bot, slack.token],
					[bot, 'token'],
				] as const) {
					const all = `${secret} Bearer ${secret}`;
					const headers = { location: secret, 'retry-after': '1', 'x-echo': all };
					const bodies = [
						all,
						secret,
						JSON.stringify({ ok: false, error: secret, response_metadata: { messages: [all] } }),
						JSON.stringify({ ok: false, error: 'internal_error', secret }),
						JSON.stringify({ ok: false, error: 'missing_scope', needed: slack.token }),
						JSON.stringify({ ok: false, error: 'invalid_blocks', response_metadata: { messages: [slack.token, `Bearer ${slack.token}`] } }),
					];
					for (const status of [200, 201, 302, 400, 401, 403, 404, 408, 410, 413, 418, 429, 500, 502, 503, 504])
						for (const body of bodies) {
							await slack.fault({ kind: 'status', status, body, headers });
							said.push(await post(channel, { text: 'a' }, { forMs: 2000 }));
						}
					for (const kind of ['down', 'hang', 'reset'] as const) {
						await slack.fault({ kind });
						said.push(await post(channel, { text: 'a' }, { forMs: 2000 }));
					}
					await slack.fault(undefined);
				}
				said.push(...refusals());
				is(said.length > 400, true);
				const text = said.map((each) => inspect(each, { depth: 10, showHidden: true })).join('\n');
				for (const secret of [SECRET, new URL(slack.webhookUrl).pathname, slack.token, slack.token.slice('xoxb-'.length)])
					is(text.includes(secret), false, `${secret} is in what was said`);
				not.match(text, /detail: '(\d{3} )?(secret|token)\b/);
			},
			{ timeoutMs: 60 },
		));

	it('is refused at once where address, token or channel are none', () => {
		const messages = refusals().map((refusal) => (refusal as Error).message);
		equal(messages, [
			'the address of the Slack webhook is empty',
			'the address of the Slack webhook is empty',
			'the address of the Slack webhook is not an address such as https://example.com/path',
			'the address of the Slack webhook is not an address such as https://example.com/path',
			'the address of the Slack webhook is not an address such as https://example.com/path',
			'the address of the Slack webhook must begin with https://, or nobody may know what is sent',
			'the address of the Slack webhook must begin with https://, or nobody may know what is sent',
			'the address of the Slack webhook must begin with https://, or nobody may know what is sent',
			'the address of the Slack webhook must not have a user name or a password in it',
			'the token of the Slack bot is empty',
			'the token of the Slack bot has characters in it that no token has, such as blanks or line ends',
			'the token of the Slack bot is none of Slack’s: it should begin with xoxb-',
			'the channel of the Slack bot must be an id, such as C0123456789',
			'the channel of the Slack bot must be an id, such as C0123456789',
			'the address of Slack’s methods must begin with https://, or nobody may know what is sent',
		]);
	});

	it('takes a secret with the line end that files have', () =>
		withSlack(async ({ slack, post }) => {
			const webhook = createSlackWebhook({ url: `${slack.webhookUrl}\n`, now: () => NOW });
			const bot = createSlackBot({ ...slack, token: ` ${slack.token}\r\n`, channel: `${slack.channel}\n` });
			is((await post(webhook)).kind, 'posted');
			await slack.fault({ kind: 'status', status: 200, body: '{"ok":true}' }, 1);
			equal(await bot.post({ text: 'a' }, { untilMs: Date.now() + 10_000 }), { kind: 'posted' });
			is(slack.attempts[1]?.headers.authorization, `Bearer ${slack.token}`);
		}));
});

const SECRET = 'secret-of-the-webhook';

/** What is thrown where a channel cannot be made. */
function refusals(): unknown[] {
	const refusal = (create: () => unknown): unknown => {
		try {
			create();
		} catch (error) {
			return error;
		}
		throw new Error('was not refused');
	};
	const urls = [
		'',
		' \n',
		SECRET,
		`https://hooks.slack.com/services\n/${SECRET}`,
		`https://[${SECRET}`,
		`http://hooks.slack.com/services/${SECRET}`,
		`file:///${SECRET}`,
		`http://localhost.example.com/${SECRET}`,
		`https://user:${SECRET}@hooks.slack.com/services`,
	];
	const bot = { token: 'xoxb-token-of-the-bot', channel: 'C1' };
	const bots = [
		{ ...bot, token: '\n' },
		{ ...bot, token: `xoxb-${SECRET}\nx` },
		{ ...bot, token: `https://hooks.slack.com/${SECRET}` },
		{ ...bot, channel: ' ' },
		{ ...bot, channel: 'a b' },
		{ ...bot, apiEndpoint: 'http://slack.com/api' },
	];
	return [
		...urls.map((url) => refusal(() => createSlackWebhook({ url }))),
		...bots.map((options) => refusal(() => createSlackBot(options))),
	];
}

import type { AlertChannel } from '../ports.ts';
import { bounded, redact } from './attempt.ts';
import {
	type Answered,
	type Attempt,
	createChannel,
	encode,
	isSuccess,
	judgeExchange,
	pauseOf,
	type Timekeeping,
	unknown,
} from './channel.ts';
import { createPost, type PostOptions, parseAddress, parseToken } from './post.ts';
import { type Meaning, meaningOf, parseCode } from './slack/errors.ts';

interface SlackOptions extends Timekeeping, Pick<PostOptions, 'timeoutMs' | 'connectTimeoutMs'> {}

export interface SlackWebhookOptions extends SlackOptions {
	/** With its secret. */
	readonly url: string;
}

/**
 * An incoming webhook. It cannot post in threads and does not say where a message stands. Throws where the address is none, without it.
 * Written on node:http: the SDK drops Retry-After, and does not tell what was not sent from what was not answered.
 */
export function createSlackWebhook({ url, ...options }: SlackWebhookOptions): AlertChannel {
	const { now = Date.now } = options;
	const post = createPost({ ...options, address: parseAddress(url, 'the address of the Slack webhook') });

	const secret = url.trim();

	function read({ status, headers, body }: Answered): Attempt | string {
		if (isSuccess(status)) {
			if (body === undefined) return unknown('the answer broke off');
			return body.trim() === 'ok'
				? { kind: 'posted' }
				: { kind: 'broken', detail: `${status}, but not with Slack’s “ok”: is it the address of a webhook of Slack?` };
		}
		const code = codeIn(body, secret);
		const meaning = meaningOf(code);
		return code === undefined || !meaning ? (code ?? '') : attemptOf(meaning, { detail: `${status} ${code}`, headers, now });
	}

	return createChannel({
		...options,
		threads: false,
		async attempt(body) {
			const json = encode(body);
			return typeof json === 'string' ? judgeExchange(await post(json), { now, read }) : json;
		},
	});
}

export interface SlackBotOptions extends SlackOptions {
	/** Of the bot, with the scope `chat:write`. */
	readonly token: string;
	/** Its id, such as C0123456789. */
	readonly channel: string;
	/** Where the methods are; another than Slack's in tests. */
	readonly apiEndpoint?: string | undefined;
}

const API = 'https://slack.com/api';

/** A bot, by chat.postMessage: it posts in threads. Throws where token or channel are none, without the token. */
export function createSlackBot({ token: given, channel: named, apiEndpoint = API, ...options }: SlackBotOptions): AlertChannel {
	const { now = Date.now } = options;
	const token = parseToken(given, 'the token of the Slack bot');
	if (!token.startsWith('xox')) throw new Error('the token of the Slack bot is none of Slack’s: it should begin with xoxb-');
	const channel = named.trim();
	if (!/^#?[^\s#]{1,100}$/u.test(channel)) throw new Error('the channel of the Slack bot must be an id, such as C0123456789');
	const address = parseAddress(`${apiEndpoint.replace(/\/+$/, '')}/chat.postMessage`, 'the address of Slack’s methods');
	const post = createPost({ ...options, address, headers: { authorization: `Bearer ${token}` } });

	/** Errors come as 200 with `ok: false`, all but 429 and those of what stands between. */
	function read({ status, headers, body }: Answered): Attempt | string {
		if (isSuccess(status) && body === undefined) return unknown('the answer broke off');
		const document = parse(body);
		if (isSuccess(status) && document['ok'] === true) {
			const { channel: where, ts } = document;
			return { kind: 'posted', ...(typeof where === 'string' && { channel: where }), ...(typeof ts === 'string' && { ts }) };
		}
		const code = codeIn(document['error'], token);
		if (code === undefined) {
			const detail = `${status}, but not as Slack answers: is it the address of Slack’s methods?`;
			return isSuccess(status) ? { kind: 'broken', detail } : '';
		}
		const words = wordsOf(document, token);
		const detail = words === '' ? code : `${code}: ${words}`;
		const meaning = meaningOf(code) ?? (isSuccess(status) ? 'broken' : undefined);
		return meaning ? attemptOf(meaning, { detail, headers, now }) : detail;
	}

	return createChannel({
		...options,
		threads: true,
		async attempt(body, thread) {
			const json = encode({ ...body, channel, ...(thread !== undefined && { thread_ts: thread }) });
			return typeof json === 'string' ? judgeExchange(await post(json), { now, read }) : json;
		},
	});
}

interface Circumstances extends Pick<Answered, 'headers'> {
	readonly detail: string;
	readonly now: () => number;
}

function attemptOf(meaning: Meaning, { detail, headers, now }: Circumstances): Attempt {
	switch (meaning) {
		case 'again':
			return { kind: 'again', detail, ...pauseOf(headers['retry-after'], now()) };
		case 'unknown':
			return unknown(detail);
		case 'thread':
			return { kind: 'threadless', detail };
		case 'refused':
		case 'broken':
			return { kind: meaning, detail };
		default:
			return meaning satisfies never;
	}
}

/** An error's name, unless it is a part of the secret that somebody repeated. */
function codeIn(value: unknown, secret: string): string | undefined {
	const code = parseCode(value);
	return code !== undefined && !secret.includes(code) ? code : undefined;
}

const MAX_WORDS = 300;

/** What Slack says of an error beside its name: which block it was, or which scope is missing. */
function wordsOf({ needed, response_metadata: metadata }: Json, token: string): string {
	const messages = isObject(metadata) && Array.isArray(metadata['messages']) ? metadata['messages'] : [];
	const scope = typeof needed === 'string' ? [`needs ${needed}`] : [];
	const words = [...scope, ...messages.filter((message) => typeof message === 'string')].join('; ');
	return bounded(redact(words.replaceAll(token, '…')), MAX_WORDS);
}

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Empty where it is no object. */
function parse(body: string | undefined): Json {
	try {
		const document: unknown = JSON.parse(body ?? '');
		return isObject(document) ? document : {};
	} catch {
		return {};
	}
}

import type { AlertChannel } from '../ports.ts';
import { type Answered, type Attempt, createChannel, encode, isSuccess, judgeExchange, type Timekeeping } from './channel.ts';
import { createPost, type PostOptions, parseAddress } from './post.ts';

export interface JsonWebhookOptions extends Timekeeping, Pick<PostOptions, 'timeoutMs' | 'connectTimeoutMs'> {
	/** May hold a secret. */
	readonly url: string;
}

/**
 * Any receiver of JSON over HTTP: what it answers with 2xx it has taken. The body's own `id` is also sent as Idempotency-Key, so that a
 * message that is sent again can be told from another. Throws where the address is none, without it. Nothing of an answer's body is
 * read or shown.
 */
export function createJsonWebhook({ url, ...options }: JsonWebhookOptions): AlertChannel {
	const { now = Date.now } = options;
	const post = createPost({ ...options, address: parseAddress(url, 'the address of the webhook') });
	return createChannel({
		...options,
		threads: false,
		async attempt(body) {
			const json = encode(body);
			return typeof json === 'string' ? judgeExchange(await post(json, idempotencyKey(body)), { now, read }) : json;
		},
	});
}

const read = ({ status }: Answered): Attempt | string => (isSuccess(status) ? { kind: 'posted' } : '');

function idempotencyKey(body: object): Record<string, string> {
	const id = 'id' in body ? body.id : undefined;
	return typeof id === 'string' && /^[\w.:-]{1,200}$/.test(id) ? { 'idempotency-key': id } : {};
}

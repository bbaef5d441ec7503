/** A Pub/Sub message as it was delivered. */
export interface Message {
	readonly id: string;
	/** Empty where the message has attributes only, which is legal. */
	readonly data: Uint8Array;
	readonly attributes: Readonly<Record<string, string>>;
	/** RFC 3339, as sent. */
	readonly publishTime?: string;
	readonly subscription?: string;
	/** Absent where the subscription has no dead-letter policy. */
	readonly deliveryAttempt?: number;
}

/** `refused`: the body is no push request, so there is no message that could be acknowledged or kept. */
export type Envelope = { readonly kind: 'message'; readonly message: Message } | { readonly kind: 'refused'; readonly detail: string };

type Fields = Readonly<Record<string, unknown>>;

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

const refused = (detail: string): Envelope => ({ kind: 'refused', detail });
const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/**
 * Parses the body of a Pub/Sub push request in its wrapped form:
 * `{message: {data, messageId, message_id, attributes, publishTime, publish_time}, subscription, deliveryAttempt}`.
 * Which form arrives is a setting of the subscription; `parseUnwrapped` reads the other one.
 */
export function parseEnvelope(body: unknown): Envelope {
	if (!isObject(body) || !isObject(body['message'])) return refused('the body is no Pub/Sub push request: it has no message object');
	const { message } = body as { message: Fields };
	const id = text(message['messageId']) ?? text(message['message_id']);
	if (!id) return refused('the body is no Pub/Sub push request: its message has no messageId');
	const data = message['data'] ?? '';
	if (typeof data !== 'string' || !BASE64.test(data)) return refused(`message ${id} has data that is not base64`);
	const publishTime = text(message['publishTime']) ?? text(message['publish_time']);
	const subscription = text(body['subscription']);
	const attempt = body['deliveryAttempt'];
	return {
		kind: 'message',
		message: {
			id,
			data: Buffer.from(data, 'base64'),
			attributes: attributesOf(message['attributes']),
			...(publishTime !== undefined && { publishTime }),
			...(subscription !== undefined && { subscription }),
			...(typeof attempt === 'number' && { deliveryAttempt: attempt }),
		},
	};
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

const UNWRAPPED = 'x-goog-pubsub-';
/** Attributes of a message stand among the headers of the request: those of the dead-letter policy and our own are told apart by name. */
const ATTRIBUTE = /^(cloudpubsubdeadlettersource|policy-audit-)/;

/** Whether the payload is the body: only Pub/Sub sends these headers, and only for subscriptions that do not wrap and write metadata. */
export const isUnwrapped = (headers: Headers): boolean => text(headers[`${UNWRAPPED}message-id`]) !== undefined;

/** Parses a push request in its unwrapped form: the body is the payload, `x-goog-pubsub-*` headers say the rest. */
export function parseUnwrapped(headers: Headers, body: Uint8Array): Envelope {
	const id = text(headers[`${UNWRAPPED}message-id`]);
	if (!id) return refused('the request is no unwrapped Pub/Sub push: it has no message id among its headers');
	const publishTime = text(headers[`${UNWRAPPED}publish-time`]);
	const subscription = text(headers[`${UNWRAPPED}subscription-name`]);
	const attempt = Number(text(headers[`${UNWRAPPED}delivery-attempt`]));
	const attributes = Object.entries(headers).filter(
		(pair): pair is [string, string] => ATTRIBUTE.test(pair[0]) && typeof pair[1] === 'string',
	);
	return {
		kind: 'message',
		message: {
			id,
			data: body,
			attributes: Object.fromEntries(attributes),
			...(publishTime !== undefined && { publishTime }),
			...(subscription !== undefined && { subscription }),
			...(attempt > 0 && { deliveryAttempt: attempt }),
		},
	};
}

function attributesOf(value: unknown): Readonly<Record<string, string>> {
	if (!isObject(value)) return {};
	if (Object.values(value).every((each) => typeof each === 'string')) return value as Record<string, string>;
	return Object.fromEntries(Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string'));
}

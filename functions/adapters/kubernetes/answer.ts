import type { KubernetesAnswer } from '../../ports.ts';

/** What an answer of the API server means. A sentence where the port has nothing for it. */
export function toAnswer(status: number, body: Buffer): KubernetesAnswer | string {
	switch (status) {
		case 200: {
			const document = parse(body);
			return document === undefined ? '200, but its body is no JSON' : { kind: 'ok', document };
		}
		case 403:
			return { kind: 'forbidden' };
		case 404:
			return { kind: 'absent' };
		case 410: {
			const { metadata } = statusOf(body);
			const token = isObject(metadata) ? metadata['continue'] : undefined;
			return { kind: 'expired', continueWith: typeof token === 'string' && token !== '' ? token : undefined };
		}
		default: {
			const { reason, message } = statusOf(body);
			const words = [status, typeof reason === 'string' ? reason : ''].filter(Boolean).join(' ');
			return typeof message === 'string' ? `${words}: ${message}` : words;
		}
	}
}

/** `undefined` where it is none: a proxy's page, say. */
function parse(body: Buffer): unknown {
	try {
		return JSON.parse(body.toString('utf8'));
	} catch {
		return undefined;
	}
}

/** Errors come as an object of kind Status. Nothing is shown of a body that is none. */
function statusOf(body: Buffer): Readonly<Record<string, unknown>> {
	const document = parse(body);
	return isObject(document) && document['kind'] === 'Status' ? document : {};
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
	typeof value === 'object' && value !== null && !Array.isArray(value);

import type { HttpFunction, Request, Response } from '@google-cloud/functions-framework';
import { isUnwrapped, type Message, parseEnvelope, parseUnwrapped } from './envelope.ts';

/** By which Cloud Logging shows a line beside its request; empty where the request names no trace. */
export interface Trace {
	readonly 'logging.googleapis.com/trace'?: string;
}

/** What becomes of a message: acknowledged, or delivered again, at once refused because too many wait. */
export interface PushAnswer {
	readonly status: 204 | 429 | 503;
	/** Of what is not acknowledged, as an id. */
	readonly reason?: string;
}

export interface PushPorts {
	/** Takes a message to its end, and settles once. */
	readonly handle: (message: Message, settle: (answer: PushAnswer) => void, trace: Trace) => void;
	/** Hears of a request that holds no message. */
	readonly onRefused: (detail: string, trace: Trace) => void;
	/** The project whose traces the requests belong to. */
	readonly traceProject?: string | undefined;
}

/**
 * Makes the HTTP function that Pub/Sub pushes to, wrapped or not. 204 acknowledges a message; 503 and 429 have it delivered again; 400 and
 * 405: the request holds no message, so there is nothing to acknowledge or to keep.
 */
export function createPushFunction({ handle, onRefused, traceProject }: PushPorts): HttpFunction {
	return function receivePush(request: Request, response: Response): void {
		if (isHealthCheck(request)) {
			response.status(200).type('text/plain').send('ok\n');
			return;
		}
		const trace = traceOf(request, traceProject);
		const read = readRequest(request);
		if (read.kind === 'refused') {
			onRefused(read.detail, trace);
			if (read.status === 405) response.set('Allow', 'POST');
			response.status(read.status).type('text/plain').send(`${read.detail}\n`);
			return;
		}
		handle(
			read.message,
			({ status, reason }) => {
				if (status === 204) response.status(204).end();
				else response.status(status).type('text/plain').send(`${reason}\n`);
			},
			trace,
		);
	};
}

/** Of a load balancer or an uptime check. Cloud Run keeps paths that end in `z` for itself. */
export const isHealthCheck = ({ method, path }: Request): boolean => method === 'GET' && path === '/health';

export function traceOf({ headers }: Request, project: string | undefined): Trace {
	const [id = ''] = String(headers['x-cloud-trace-context'] ?? '').split('/');
	// It comes from outside, and goes into a name.
	if (project === undefined || !/^[\da-f]{32}$/.test(id)) return {};
	return { 'logging.googleapis.com/trace': `projects/${project}/traces/${id}` };
}

type Read =
	| { readonly kind: 'message'; readonly message: Message }
	| { readonly kind: 'refused'; readonly status: 400 | 405; readonly detail: string };

function readRequest({ method, headers, body, rawBody }: Request): Read {
	if (method !== 'POST')
		return { kind: 'refused', status: 405, detail: 'this is the target of a Pub/Sub push subscription: POST its messages here' };
	const envelope = isUnwrapped(headers) ? parseUnwrapped(headers, rawBody ?? Buffer.alloc(0)) : parseEnvelope(parseBody(body));
	return envelope.kind === 'message' ? envelope : { ...envelope, status: 400 };
}

/** The framework parses JSON where the content type says so; Pub/Sub's does, other senders' may not. `undefined` where it is no JSON. */
export function parseBody(body: unknown): unknown {
	if (!Buffer.isBuffer(body) && typeof body !== 'string') return body;
	try {
		return JSON.parse(body.toString());
	} catch {
		return undefined;
	}
}

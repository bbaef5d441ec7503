import { setTimeout as wait } from 'node:timers/promises';
import { unlessAborted } from './attempt.ts';
import { type Failure, toFailure } from './logging/answer.ts';
import { type LogEntryText, toLogEntry } from './logging/entry.ts';

export interface LogQuery {
	readonly project: string;
	/** In the Logging query language. */
	readonly filter: string;
	readonly signal: AbortSignal;
	/** Told of each pause that is longer than the usual one. */
	readonly onWait?: (waitMs: number, detail: string) => void;
	/** Of another server than Google's: `https://HOST`, or `http://HOST:PORT` of this machine, which is sent no credentials. */
	readonly apiEndpoint?: string | undefined;
	/** The least time from one request to the next. Google's quota is 60 requests a minute and project. */
	readonly intervalMs?: number;
	/** How long one request may take. */
	readonly timeoutMs?: number;
	/** For how long a request is asked again. */
	readonly patienceMs?: number;
	/** In ms since 1970. */
	readonly now?: () => number;
	readonly sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>;
	/** From 0 to 1, 1 excluded. */
	readonly random?: () => number;
}

export const REQUEST_INTERVAL_MS = 1000;

/** What the API takes at most. */
const PAGE_SIZE = 1000;
const FIRST_PAUSE_MS = { wait: 2000, again: 500 } as const;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Reads log entries, the earliest first, page by page. A page may be empty: the API may have searched for long and found nothing yet. Rejects
 * with one sentence where the entries cannot be read, or not any more. Ends where it is interrupted.
 */
export async function* readLog(query: LogQuery): AsyncGenerator<readonly LogEntryText[], void> {
	const { project, filter, signal, onWait = () => {}, intervalMs = REQUEST_INTERVAL_MS, patienceMs = 600_000, now = Date.now } = query;
	const { sleep = pause, random = Math.random } = query;
	const list = await openList(query);
	let pageToken = '';
	let notBefore = now();
	do {
		const untilMs = now() + patienceMs;
		let page: Page | undefined;
		for (let attempt = 0; page === undefined; attempt++) {
			await sleep(Math.max(0, notBefore - now()), signal);
			if (signal.aborted) return;
			notBefore = now() + intervalMs;
			const answer = await list({
				resourceNames: [`projects/${project}`],
				filter,
				orderBy: 'timestamp asc',
				pageSize: PAGE_SIZE,
				pageToken,
			});
			if (signal.aborted) return;
			if (answer.kind === 'page') page = answer;
			else {
				const pauseMs = pauseAfter(answer, attempt, random());
				if (answer.kind === 'never' || now() + pauseMs > untilMs) throw new Error(answer.detail);
				onWait(pauseMs, answer.detail);
				notBefore = Math.max(notBefore, now() + pauseMs);
			}
		}
		yield page.entries.map(toLogEntry);
		pageToken = page.nextPageToken;
	} while (pageToken !== '');
}

/** Half of each pause is drawn, so that commands that were refused together do not come back together. */
function pauseAfter({ kind, waitMs }: Failure, attempt: number, drawn: number): number {
	const first = kind === 'wait' ? FIRST_PAUSE_MS.wait : FIRST_PAUSE_MS.again;
	return Math.max(waitMs, Math.min(LONGEST_PAUSE_MS, first * 2 ** attempt) * (0.5 + drawn / 2));
}

const pause = (ms: number, signal: AbortSignal): Promise<unknown> => wait(ms, undefined, { signal }).catch(() => undefined);

interface Page {
	readonly kind: 'page';
	readonly entries: readonly unknown[];
	readonly nextPageToken: string;
}

interface ListRequest {
	readonly resourceNames: readonly string[];
	readonly filter: string;
	readonly orderBy: string;
	readonly pageSize: number;
	readonly pageToken: string;
}

type List = (request: ListRequest) => Promise<Page | Failure>;

/** As far as it is used: the package declares its generated clients as `any`. */
interface Client {
	listLogEntries(
		request: ListRequest,
		options: { readonly autoPaginate: false; readonly timeout: number; readonly retry: null },
	): Promise<readonly [readonly unknown[] | null, unknown, { readonly nextPageToken?: string | null } | null]>;
}

/** The client is loaded when it is needed; it asks by REST, without gRPC, and not again by itself: it would not wait long enough. */
async function openList({ project, apiEndpoint, signal, timeoutMs = 60_000 }: LogQuery): Promise<List> {
	const client = await openClient(apiEndpoint, signal).catch((cause: unknown) => {
		throw new Error(toFailure(cause, project).detail, { cause });
	});
	return async (request) => {
		try {
			const asked = client.listLogEntries(request, { autoPaginate: false, timeout: timeoutMs, retry: null });
			const [entries, , response] = await unlessAborted(asked, signal);
			return { kind: 'page', entries: entries ?? [], nextPageToken: response?.nextPageToken ?? '' };
		} catch (cause) {
			return toFailure(cause, project);
		}
	};
}

async function openClient(apiEndpoint: string | undefined, signal: AbortSignal): Promise<Client> {
	const endpoint = apiEndpoint === undefined ? undefined : parseEndpoint(apiEndpoint);
	const { v2 } = (await import('@google-cloud/logging')) as { v2: { LoggingServiceV2Client: new (options: object) => Client } };
	const { GoogleAuth, PassThroughClient } = await import('google-auth-library');
	if (endpoint?.protocol === 'http')
		return new v2.LoggingServiceV2Client({ fallback: true, ...endpoint, authClient: interruptible(new PassThroughClient(), signal) });
	const auth = new GoogleAuth({ scopes: SCOPE });
	// Asked for here, because the client leaves a rejection unhandled where there are no credentials, and the process ends.
	await auth.getClient();
	return new v2.LoggingServiceV2Client({ fallback: true, ...endpoint, auth: interruptible(auth, signal) });
}

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);
const PORTS = { http: 80, https: 443 } as const;

function parseEndpoint(text: string): { protocol: 'http' | 'https'; apiEndpoint: string; port: number } {
	const { protocol, hostname, port } = URL.parse(text) ?? {};
	if (hostname === undefined || (protocol !== 'https:' && !(protocol === 'http:' && LOOPBACK.has(hostname))))
		throw new Error(`LOGGING_API_ENDPOINT must be https://HOST, or http://HOST:PORT of this machine, and is ${JSON.stringify(text)}`);
	const scheme = protocol === 'https:' ? 'https' : 'http';
	return { protocol: scheme, apiEndpoint: hostname, port: Number(port) || PORTS[scheme] };
}

/** The client has no way to cancel a request, and one that hangs would keep an interrupted process alive. */
function interruptible<T extends { fetch(url: string, init?: { signal?: AbortSignal | null }): unknown }>(auth: T, signal: AbortSignal): T {
	const fetch = auth.fetch.bind(auth);
	auth.fetch = (url, init) => fetch(url, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, signal]) : signal });
	return auth;
}

const SCOPE = 'https://www.googleapis.com/auth/logging.read';

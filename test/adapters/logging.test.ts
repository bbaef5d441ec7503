import { readFileSync } from 'node:fs';
import { equal, is, match, not, ok } from 'uvu/assert';
import { type LogQuery, readLog } from '../../functions/adapters/logging.ts';
import { decodeEntry } from '../../functions/ingest/decode.ts';
import { describe } from '../describe.ts';
import { type LoggingFault, type LoggingServer, type Stored, type StoredEntry, startLoggingServer } from './logging/server.ts';

const SEED = JSON.parse(readFileSync(new URL('../../examples/seed/entries.json', import.meta.url), 'utf8')) as StoredEntry[];
const RANGE = 'timestamp >= "2023-01-01T00:00:00Z" AND timestamp < "2027-01-01T00:00:00Z"';

const many = (count: number): Stored => ({
	length: count,
	at: (index) => ({ ...(SEED[0] as StoredEntry), insertId: `i${index}`, timestamp: new Date(1_700_000_000_000 + index).toISOString() }),
});

interface Read {
	readonly entries: readonly Record<string, unknown>[];
	readonly texts: readonly string[];
	readonly pages: readonly number[];
	readonly pauses: readonly number[];
	readonly waits: readonly string[];
	readonly requests: LoggingServer['requests'];
	readonly error: string;
}

/** Reads all that a server with these faults has, without waiting: a clock of our own tells of the pauses. */
async function read(
	stored: Stored,
	{
		fault = (_before: number): LoggingFault | undefined => undefined,
		...changes
	}: Partial<LogQuery> & { fault?: (before: number) => LoggingFault | undefined } = {},
): Promise<Read> {
	const server = await startLoggingServer(stored, (_, before) => fault(before));
	const [texts, pages, pauses, waits]: [string[], number[], number[], string[]] = [[], [], [], []];
	let nowMs = 0;
	let error = '';
	try {
		const query = {
			project: 'p',
			filter: RANGE,
			signal: new AbortController().signal,
			apiEndpoint: server.url,
			now: () => nowMs,
			random: () => 0,
			sleep: async (ms: number) => {
				pauses.push(ms);
				nowMs += ms;
			},
			onWait: (_: number, detail: string) => void waits.push(detail),
			...changes,
		};
		for await (const page of readLog(query)) {
			pages.push(page.length);
			texts.push(...page.map(({ json }) => json));
		}
	} catch (cause) {
		error = (cause as Error).message;
	} finally {
		server.close();
	}
	return { entries: texts.map((text) => JSON.parse(text)), texts, pages, pauses, waits, requests: server.requests, error };
}

const error = (status: number, code: string, retryAfter?: string): LoggingFault => ({
	status,
	code,
	message: `${code} it says`,
	...(retryAfter !== undefined && { retryAfter }),
});

describe('an entry from Cloud Logging', (it) => {
	it('is what the sink sends: the same fields, times without zeros at their end', async () => {
		const { entries, texts } = await read({ length: SEED.length, at: (index) => SEED[index] as StoredEntry });
		const withoutZeros = (time: unknown): string => String(time).replace(/0+Z$/, 'Z');
		equal(
			entries,
			SEED.map((entry) => ({
				...entry,
				timestamp: withoutZeros(entry.timestamp),
				receiveTimestamp: withoutZeros(entry['receiveTimestamp']),
			})),
		);
		is(entries[2]?.['timestamp'], '2023-09-25T02:23:50.90349241Z');
		for (const text of texts) {
			const keys = Object.keys(JSON.parse(text));
			equal(keys, keys.toSorted());
			is(decodeEntry(JSON.parse(text)).kind, 'ok');
		}
	});

	it('has the identity of the same entry as it was streamed', async () => {
		const streamed = { ...(SEED[0] as StoredEntry), timestamp: '2026-03-04T05:06:07.12345678Z' };
		const { entries } = await read({ length: 1, at: () => streamed });
		const [a, b] = [decodeEntry(streamed), decodeEntry(entries[0])];
		ok(a.kind === 'ok' && b.kind === 'ok' && a.entry.id === b.entry.id);
	});

	it('keeps whatever else it holds, nulls, lists, and values that are defaults only of a field', async () => {
		const entry = {
			...(SEED[0] as StoredEntry),
			timestamp: '2026-03-04T05:06:07Z',
			severity: 'WARNING',
			labels: { empty: '', k: 'v' },
			jsonPayload: { zero: 0, no: false, text: '', nothing: null, list: [1, 'a', [], {}], half: 2.5, deep: { a: [{ b: -1 }] } },
			split: { uid: 'u', index: 1, totalSplits: 2 },
			operation: { id: 'o', first: true },
			httpRequest: { requestMethod: 'GET', status: 204, requestSize: '9007199254740993', latency: '1.5s' },
			trace: 'projects/p/traces/t',
		};
		const { entries } = await read({ length: 1, at: () => entry });
		equal(entries[0], entry);
	});

	it('keeps a text that is 0, and leaves out a 64-bit number that is', async () => {
		const entry = {
			...(SEED[0] as StoredEntry),
			timestamp: '2026-03-04T05:06:07Z',
			insertId: '0',
			spanId: '0',
			operation: { id: '0' },
			sourceLocation: { file: 'f', function: '0' },
			httpRequest: { userAgent: '0' },
		};
		const sent = { ...entry, sourceLocation: { ...entry.sourceLocation, line: '0' }, httpRequest: { userAgent: '0', requestSize: '0' } };
		const { entries } = await read({ length: 1, at: () => sent });
		equal(entries[0], { ...entry, receiveTimestamp: entries[0]?.['receiveTimestamp'] });
	});

	it('has no severity where it is the default', async () => {
		const { entries } = await read({ length: 1, at: () => ({ ...(SEED[0] as StoredEntry), severity: 'DEFAULT' }) });
		not.ok('severity' in (entries[0] ?? {}));
	});
});

describe('reading Cloud Logging', (it) => {
	it('asks for pages of a thousand, by time, one request a second at most', async () => {
		const { pages, requests, pauses, entries } = await read(many(2500));
		equal(pages, [1000, 1000, 500]);
		equal(
			entries.map(({ insertId }) => insertId),
			Array.from({ length: 2500 }, (_, index) => `i${index}`),
		);
		for (const { resourceNames, filter, orderBy, pageSize } of requests)
			equal(
				{ resourceNames, filter, orderBy, pageSize },
				{ resourceNames: ['projects/p'], filter: RANGE, orderBy: 'timestamp asc', pageSize: 1000 },
			);
		equal(pauses, [0, 1000, 1000]);
	});

	it('goes on after pages of nothing', async () => {
		const { entries, pages } = await read(many(10), { fault: (before) => (before < 3 ? 'empty' : undefined) });
		equal([entries.length, pages], [10, [0, 0, 0, 10]]);
	});

	it('waits where there were too many requests, for as long as it is told', async () => {
		const {
			entries,
			waits,
			pauses,
			error: failed,
		} = await read(many(1500), {
			fault: (before) =>
				before === 1 ? error(429, 'RESOURCE_EXHAUSTED', '30s') : before === 2 ? error(429, 'RESOURCE_EXHAUSTED') : undefined,
		});
		equal([entries.length, failed, waits.length], [1500, '', 2]);
		match(waits[0] ?? '', /no more requests of p for the moment/);
		equal(pauses, [0, 1000, 30_000, 2000]);
	});

	it('asks again where there is no answer, and gives up after a while', async () => {
		const once = await read(many(1500), { fault: (before) => (before === 1 ? error(503, 'UNAVAILABLE') : undefined) });
		equal([once.entries.length, once.error], [1500, '']);
		const never = await read(many(1500), { fault: (before) => (before >= 1 ? error(500, 'INTERNAL') : undefined), patienceMs: 60_000 });
		is(never.entries.length, 1000);
		match(never.error, /^Cloud Logging does not answer: INTERNAL it says$/);
		ok(never.requests.length > 4, String(never.requests.length));
	});

	it('asks again where a request hangs', async () => {
		const { entries, waits } = await read(many(5), { fault: (before) => (before === 0 ? 'hang' : undefined), timeoutMs: 200 });
		is(entries.length, 5);
		match(waits[0] ?? '', /does not answer: Deadline exceeded/);
	});

	it('says at once what to do about what will not pass', async () => {
		for (const [fault, words] of [
			[error(403, 'PERMISSION_DENIED'), /may not read the logs of p: grant them roles\/logging\.viewer there: PERMISSION_DENIED it says/],
			[error(404, 'NOT_FOUND'), /knows no project p/],
			[error(400, 'INVALID_ARGUMENT'), /cannot read the filter/],
			[error(401, 'UNAUTHENTICATED'), /refuses the credentials/],
		] as const) {
			const failed = await read(many(5), { fault: () => fault });
			equal([failed.requests.length, failed.entries.length], [1, 0]);
			match(failed.error, words);
		}
	});

	it('ends when interrupted, also while a request hangs', async () => {
		const controller = new AbortController();
		const { entries, error: failed } = await read(many(5), {
			signal: controller.signal,
			fault: () => {
				setImmediate(() => controller.abort());
				return 'hang';
			},
		});
		equal([entries.length, failed], [0, '']);
	});

	it('sends nothing in plain text to another machine', async () => {
		match((await read(many(1), { apiEndpoint: 'http://logging.example.com' })).error, /LOGGING_API_ENDPOINT must be https:/);
		match((await read(many(1), { apiEndpoint: 'nowhere' })).error, /LOGGING_API_ENDPOINT must be https:/);
	});
});

import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Request, Response } from '@google-cloud/functions-framework';
import * as assert from 'uvu/assert';
import { encodeRow } from '../../functions/adapters/bigquery/rows.ts';
import { readSchemas } from '../../functions/adapters/schemas.ts';
import { createIngest, type LogLine } from '../../functions/ingest/handler.ts';
import type { Row } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { createRandom, type Random } from '../random.ts';
import { findRowErrors, type RowError } from '../servers/row-errors.ts';
import { type Appended, entryWith, portsWith, snapshot } from './sample.ts';

const BODIES = Number(process.env['FUZZ_BODIES'] ?? 2000);
const SEED = Number(process.env['FUZZ_SEED'] ?? 20261124);
/** From here on it is worth a look at what stays in memory. */
const MANY = 100_000;
/** What may stay after that many bodies: far less than a kilobyte each. */
const KEPT_BYTES = 32_000_000;
const DAY_MS = 86_400_000;

const KEYS = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length', '', '\u0000', '\ud800', '0'];
const TEXTS = [
	'',
	'::1',
	'10.0.0.1',
	'ingress',
	'deny',
	'1e999',
	'99999999999999999999',
	'٣',
	'\u0000',
	'\udc00\ud800',
	'😀',
	'2026-02-30T00:00:00Z',
];

/** A JSON document with what parsers, prototypes and tables are afraid of. Text, because some of it no value can say. */
function wildText(random: Random, depth = 0): string {
	const list = (item: () => string) => Array.from({ length: random.below(4) }, item).join(',');
	switch (random.below(depth > 3 ? 8 : 10)) {
		case 0:
			return random.pick(['null', 'true', 'false', '-0', '1e999', '-1e-999', '9007199254740993', '65536', '0.1']);
		case 1:
			return String(random.below(2 ** 31));
		case 2:
			return JSON.stringify(random.pick(TEXTS));
		case 3:
			return random.pick(['"\\ud800"', '"\\u0000"', '"\\\\u0000"', '"\\uDFFF\\uD800"', '"\\u005f_proto__"']);
		case 4:
			return JSON.stringify(String.fromCharCode(...Array.from({ length: random.below(30) }, () => random.below(65_536))));
		case 5:
			return JSON.stringify('x'.repeat(random.below(random.below(100) === 0 ? 300_000 : 2000)));
		case 6:
			return nested(random);
		case 7:
			return JSON.stringify(random.pick(KEYS));
		case 8:
			return `[${list(() => wildText(random, depth + 1))}]`;
		default:
			return `{${list(() => `${JSON.stringify(random.pick(KEYS))}:${wildText(random, depth + 1)}`)}}`;
	}
}

/** Around the depths where entries are refused, and far beyond; not always closed. */
function nested(random: Random): string {
	const depth = random.pick([90, 98, 99, 100, 101, 499, 501, random.below(20) === 0 ? 50_000 : 1500]);
	const [open, close] = random.pick([
		['[', ']'],
		['{"a":', '}'],
		['{"__proto__":', '}'],
	] as const);
	return `${open.repeat(depth)}1${close.repeat(random.below(10) === 0 ? depth - 1 : depth)}`;
}

const isParent = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** A good entry with a few places replaced, removed or joined by something wild. */
function spoiltEntry(random: Random): string {
	const root = { document: entryWith({ entry: { insertId: `id${random.below(1e9)}` } }) };
	const wilds: string[] = [];
	for (let count = random.below(4); count > 0; count--) {
		let [parent, key]: [Record<string, unknown>, string] = [root, 'document'];
		for (let steps = 1 + random.below(4); steps > 0; steps--) {
			const inner = parent[key];
			const keys = isParent(inner) ? Object.keys(inner) : [];
			if (!isParent(inner) || keys.length === 0) break;
			[parent, key] = [inner, random.pick(keys)];
		}
		// The wild text takes the place of a mark once the rest is written.
		const mark = `mark-${wilds.push(wildText(random)) - 1}-`;
		if (random.below(5) === 0) delete parent[key];
		else parent[random.below(3) === 0 ? random.pick(KEYS) : key] = mark;
	}
	return JSON.stringify(root.document ?? null).replace(/"mark-(\d+)-"/g, (_, index: string) => wilds[Number(index)] ?? 'null');
}

const randomBytes = (random: Random, length: number): Buffer => Buffer.from(Array.from({ length }, () => random.below(256)));

/** The data of a message. */
function fuzzData(random: Random): Buffer {
	const entry = spoiltEntry(random);
	switch (random.below(10)) {
		case 0:
			return randomBytes(random, random.below(200));
		case 1:
			return Buffer.from(entry.slice(0, random.below(entry.length)));
		case 2:
			return Buffer.from(wildText(random));
		case 3: {
			const bytes = Buffer.from(entry);
			for (let flips = 1 + random.below(3); flips > 0; flips--) bytes[random.below(bytes.length)] = random.below(256);
			return bytes;
		}
		case 4: {
			// Surrogates, overlong forms and ends that are missing, as UTF-8 must not have them.
			const bad = random.pick([[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0xef, 0xbb, 0xbf], [0]]);
			const at = random.below(entry.length);
			return Buffer.concat([Buffer.from(entry.slice(0, at)), Buffer.from(bad), Buffer.from(entry.slice(at))]);
		}
		case 5:
			return random.below(20) === 0 ? hugeData(random, entry) : Buffer.alloc(0);
		default:
			return Buffer.from(entry);
	}
}

/** 10 MB, or just as many bytes as are still read. */
function hugeData(random: Random, entry: string): Buffer {
	const length = random.pick([999_999, 1_000_000, 1_000_001, 10_000_000]);
	const filled = Buffer.alloc(Math.max(length, Buffer.byteLength(entry)), random.pick([' ', '[', '"', 'x']));
	filled.write(entry);
	return filled;
}

interface Fuzzed {
	readonly request: Pick<Request, 'method' | 'path' | 'headers' | 'body' | 'rawBody'>;
	/** It holds a message for sure, so that it must be acknowledged. */
	readonly message: boolean;
}

const parse = (text: string): unknown => {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
};

function fuzzRequest(random: Random): Fuzzed {
	const data = fuzzData(random);
	const method = random.below(50) === 0 ? random.pick(['GET', 'PUT', 'HEAD', 'DELETE', 'post', '']) : 'POST';
	const message = method === 'POST';
	const base = { method, path: random.pick(['/', '/health', '/x']), headers: {} };
	if (random.below(2) === 0) {
		const headers = {
			'x-goog-pubsub-message-id': random.pick(['1', '__proto__', 'x'.repeat(5000)]),
			...(random.below(2) === 0 && { 'x-goog-pubsub-publish-time': random.pick(TEXTS) }),
			...(random.below(2) === 0 && { 'x-goog-pubsub-delivery-attempt': random.pick(['1', '-1', 'NaN', '1e999']) }),
			...(random.below(2) === 0 && { 'policy-audit-origin': random.pick(TEXTS), 'x-cloud-trace-context': random.pick(TEXTS) }),
		};
		return { request: { ...base, headers, body: parse(String(data)) ?? data, rawBody: data }, message };
	}
	const envelope = JSON.stringify({
		message: { data: data.toString('base64'), messageId: '1', attributes: { a: 'b' } },
		subscription: 's',
	});
	switch (random.below(5)) {
		case 0: {
			// The envelope itself is spoilt.
			const text = random.pick([
				wildText(random),
				`{"message":${wildText(random)}}`,
				`{"message":{"messageId":"1","data":${wildText(random)}}}`,
				`{"message":{"messageId":${wildText(random)},"attributes":${wildText(random)}},"subscription":${wildText(random)}}`,
				`{"message":{"messageId":"1","attributes":{"__proto__":"x","policy-audit-origin":"\\ud800"}},"deliveryAttempt":${wildText(random)}}`,
				envelope.slice(0, random.below(envelope.length)),
			]);
			return { request: { ...base, body: random.below(2) === 0 ? parse(text) : text }, message: false };
		}
		case 1:
			return { request: { ...base, body: random.pick<unknown>([data, String(data), undefined, null, 0, [], '']) }, message: false };
		case 2:
			return { request: { ...base, body: Buffer.from(envelope) }, message };
		default:
			return { request: { ...base, body: JSON.parse(envelope) as unknown }, message };
	}
}

interface Answer {
	readonly statuses: number[];
	ended: number;
}

/** As much of a response as the function uses, and how often it was answered. */
function fakeResponse(): { response: Response; answer: Answer } {
	const answer: Answer = { statuses: [], ended: 0 };
	const end = (): void => {
		answer.ended++;
	};
	const response = {
		status(code: number) {
			answer.statuses.push(code);
			return response;
		},
		type: () => response,
		set: () => response,
		send: end,
		end,
	};
	return { response: response as unknown as Response, answer };
}

/** In use after everything unreachable was freed. */
function liveBytes(): number {
	setFlagsFromString('--expose-gc');
	(runInNewContext('gc') as () => void)();
	const { heapUsed, external, arrayBuffers } = process.memoryUsage();
	return heapUsed + external + arrayBuffers;
}

describe('whatever is sent to the ingest function', (it) => {
	it(`${BODIES} fuzzed bodies: one answer each, and one row for each that is acknowledged`, async () => {
		const { tables } = await readSchemas();
		const random = createRandom(SEED);
		let appended: Appended[] = [];
		let lines: LogLine[] = [];
		const ingest = createIngest({
			...portsWith({
				snapshots: {
					find() {
						const found = random.pick([undefined, { snapshot, stale: false }, { snapshot, stale: true }]);
						return random.next() < 0.5 ? found : Promise.resolve(found);
					},
				},
				warehouse: {
					append: (table, row, { settle }) => {
						appended.push({ table, row });
						settle({ kind: 'stored' });
					},
				},
				acceptedTimes: { pastMs: 3650 * DAY_MS, futureMs: 365 * DAY_MS },
			}),
			traceProject: 'p',
			log: (line) => lines.push(line),
		});
		const ends = new Map<string, number>();
		let liveBefore = 0;
		for (let index = 0; index < BODIES; index++) {
			if (BODIES >= MANY && index === MANY >> 1) liveBefore = liveBytes();
			[appended, lines] = [[], []];
			const { request, message } = fuzzRequest(random);
			const { response, answer } = fakeResponse();
			ingest(request as Request, response);
			for (let turns = 0; turns < 100 && answer.ended === 0; turns++) await turn();

			const [status = 0] = answer.statuses;
			const name = (): string => `body ${index} of seed ${SEED}: ${JSON.stringify(lines)?.slice(0, 1000)}`;
			if (request.method === 'GET' && request.path === '/health') {
				assert.equal([answer.statuses, answer.ended, appended.length], [[200], 1, 0], name());
				continue;
			}
			if (answer.statuses.length !== 1 || answer.ended !== 1 || lines.length !== 1) assert.unreachable(`${name()}: no one answer`);
			if (![204, 400, 405].includes(status) || (message && status !== 204)) assert.unreachable(`${name()}: ${status}`);
			if (appended.length !== (status === 204 ? 1 : 0)) assert.unreachable(`${name()}: ${appended.length} rows`);
			const errors: RowError[] = [];
			for (const { table, row } of appended) {
				const fields = tables.get(table) ?? [];
				const encoded = encodeRow(row, { insertId: 'i', fields });
				if (encoded.kind === 'refused') assert.unreachable(`${name()}: ${encoded.detail}`);
				else errors.push(...findRowErrors(fields, (JSON.parse(encoded.text) as { json: Row }).json));
				if (errors.length > 0) assert.unreachable(`${name()}: ${JSON.stringify(errors)}`);
			}
			const end = appended[0]?.table === 'rejects_v1' ? `${appended[0].row['reason']}` : (appended[0]?.table ?? `${status}`);
			ends.set(end, (ends.get(end) ?? 0) + 1);
		}
		// That the bodies reach far: rows of both tables, and each way to be refused that a body can bring about.
		const expected = [
			'verdicts_v1',
			'400',
			'405',
			'empty',
			'not-json',
			'not-an-entry',
			'bad-timestamp',
			'too-deep',
			'no-cluster',
			'oversize',
		];
		if (BODIES >= 2000) for (const end of expected) assert.ok(ends.has(end), `no body ended as ${end}: ${[...ends].join(' ')}`);
		if (BODIES >= MANY) {
			console.log([...ends].sort(([, a], [, b]) => b - a).join(' '));
			const grown = liveBytes() - liveBefore;
			assert.ok(grown < KEPT_BYTES, `${grown} bytes more are in use than after the first ${MANY >> 1}`);
		}
		assert.equal(Object.keys(Object.prototype), []);
	});
});

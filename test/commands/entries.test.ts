import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import { type EntryMessage, type EntryRead, readEntries } from '../../functions/commands/entries.ts';
import { describe } from '../describe.ts';

interface Files {
	readonly [name: string]: string | Buffer;
}

/** Reads those files, in that order; `-` is what standard input says. */
async function read(files: Files): Promise<{ messages: EntryMessage[]; others: EntryRead[]; bytes: number }> {
	const folder = await mkdtemp(join(tmpdir(), 'entries-test-'));
	try {
		const paths = [];
		for (const [name, content] of Object.entries(files)) {
			if (name !== '-') await writeFile(join(folder, name), content);
			paths.push(name === '-' ? '-' : join(folder, name));
		}
		let bytes = 0;
		const onBytes = (more: number): void => {
			bytes += more;
		};
		const stdin = Readable.from([Buffer.from(files['-'] ?? '')]);
		const reads = await collect(readEntries({ paths, stdin, signal: new AbortController().signal, onBytes }));
		const messages = reads.flatMap((one) => (one.kind === 'message' ? [one.message] : []));
		const others = reads.filter(({ kind }) => kind !== 'message');
		const local = (text: string) => text.replaceAll(`${folder}/`, '');
		return {
			messages: messages.map((message) => JSON.parse(local(JSON.stringify(message)), revive)),
			others: others.map((one) => JSON.parse(local(JSON.stringify(one)))),
			bytes,
		};
	} finally {
		await rm(folder, { recursive: true });
	}
}

async function collect(reads: AsyncGenerator<EntryRead>): Promise<EntryRead[]> {
	const all: EntryRead[] = [];
	for await (const one of reads) all.push(one);
	return all;
}

const revive = (_: string, value: { type?: string; data?: number[] }) => (value?.type === 'Buffer' ? Buffer.from(value.data ?? []) : value);
const texts = (messages: readonly EntryMessage[]) => messages.map(({ data }) => data.toString());
const origins = (messages: readonly EntryMessage[]) => messages.map(({ attributes }) => attributes['policy-audit-origin']);
const entry = (id: number) => `{"logName":"l","insertId":"${id}"}`;
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('readEntries', (it) => {
	it('reads an array and says where each entry stood', async () => {
		const { messages, others } = await read({ 'a.json': `[\n${entry(1)},\n${entry(2)}]` });
		assert.equal([texts(messages), origins(messages), others], [[entry(1), entry(2)], ['a.json:2', 'a.json:3'], []]);
	});

	it('reads several files, and standard input among them', async () => {
		const { messages } = await read({ 'a.ndjson': `${entry(1)}\n${entry(2)}\n`, '-': entry(3), 'b.json': entry(4) });
		assert.equal(origins(messages), ['a.ndjson:1', 'a.ndjson:2', 'standard input:1', 'b.json:1']);
	});

	it('passes on what is no JSON as it is', async () => {
		const { messages, others } = await read({ 'a.ndjson': `${entry(1)}\noops\n${entry(2)}` });
		assert.equal([texts(messages), others], [[entry(1), 'oops', entry(2)], []]);
	});

	it('takes the entry out of a Pub/Sub message, as pushed, as pulled, and alone', async () => {
		const message = { data: base64(entry(1)), messageId: '1', attributes: { a: 'b', c: 1 }, publishTime: '2026-01-01T00:00:00Z' };
		for (const value of [{ message, subscription: 's' }, { ackId: 'x', message }, message]) {
			const { messages } = await read({ 'a.json': JSON.stringify([value]) });
			assert.equal(texts(messages), [entry(1)]);
			assert.equal(
				[messages[0]?.attributes, messages[0]?.publishTime],
				[{ a: 'b', 'policy-audit-origin': 'a.json:1' }, '2026-01-01T00:00:00Z'],
			);
		}
	});

	it('takes a Pub/Sub message without data for an empty one', async () => {
		assert.equal(texts((await read({ 'a.json': '{"message":{"messageId":"1"}}' })).messages), ['']);
	});

	it('takes no entry for a Pub/Sub message', async () => {
		const value = '{"logName":"l","data":"eA==","message":{"data":"eA=="}}';
		assert.equal(texts((await read({ 'a.json': value })).messages), [value]);
	});

	it('reads gzip, whatever the name, also of several members, also from standard input', async () => {
		const zipped = Buffer.concat([gzipSync(`${entry(1)}\n`), gzipSync(`${entry(2)}\n`)]);
		const { messages, bytes } = await read({ a: zipped });
		assert.equal([texts(messages), bytes], [[entry(1), entry(2)], zipped.length]);
		assert.equal(texts((await read({ '-': gzipSync(entry(3)) })).messages), [entry(3)]);
	});

	it('unpacks once: an archive may hold itself', async () => {
		const inner = gzipSync(entry(1));
		const { messages } = await read({ 'a.gz': gzipSync(inner) });
		assert.not.ok(texts(messages).includes(entry(1)));
		assert.equal([...(messages[0]?.data.subarray(0, 2) ?? [])], [0x1f, 0x8b]);
	});

	it('delivers what it got of a broken archive, then says so', async () => {
		const lines = Array.from({ length: 20_000 }, (_, index) => entry(index)).join('\n');
		const { messages, others } = await read({ 'a.gz': gzipSync(lines).subarray(0, -1000) });
		assert.ok(messages.length > 1000, String(messages.length));
		assert.is(others.length, 1);
		assert.match(JSON.stringify(others), /"problem".*a\.gz: cannot be read any further/);
	});

	it('reads what PowerShell writes, and passes over a byte order mark', async () => {
		const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(`[${entry(1)}]`, 'utf16le')]);
		assert.equal(texts((await read({ a: utf16, b: `\ufeff${entry(2)}` })).messages), [entry(1), entry(2)]);
		const bigEndian = Buffer.from(utf16).swap16();
		assert.equal(texts((await read({ a: bigEndian })).messages), [entry(1)]);
	});

	it('says that a file is empty, and that there was no entry', async () => {
		const { messages, others } = await read({ 'empty.json': ' \n', 'none.json': '[]', 'cut.json': `[${entry(1)},` });
		assert.is(messages.length, 1);
		assert.equal(
			others.map(({ kind }) => kind),
			['problem', 'note', 'problem'],
		);
		assert.match(JSON.stringify(others), /empty\.json: is empty.*none\.json: an empty array.*cut\.json: ends inside its array/);
	});
});

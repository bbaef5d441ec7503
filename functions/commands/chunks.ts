import { createReadStream } from 'node:fs';
import { addAbortSignal, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

export interface ChunkSource {
	/** `-` is standard input. */
	readonly path: string;
	readonly stdin: Readable;
	readonly signal: AbortSignal;
	/** Told of bytes as they are read, before decompression. */
	readonly onBytes?: (bytes: number) => void;
}

/** Reads a file, or standard input, piece by piece, decompressed and as UTF-8. Throws where it cannot be read any further. */
export function readChunks({ path, stdin, signal, onBytes = () => {} }: ChunkSource): AsyncGenerator<Buffer> {
	// Without the signal, waiting for input that never comes would keep an interrupted process alive.
	const source = path === '-' ? addAbortSignal(signal, stdin) : createReadStream(path, { signal });
	return decoded(counted(source, onBytes));
}

/** What a path is called in messages. */
export const nameOf = (path: string): string => (path === '-' ? 'standard input' : path);

async function* counted(source: AsyncIterable<unknown>, onBytes: (bytes: number) => void): AsyncGenerator<Buffer> {
	for await (const chunk of source) {
		const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer);
		onBytes(bytes.length);
		yield bytes;
	}
}

/** Undoes what a file may have been wrapped in: gzip, the UTF-16 that PowerShell's `>` writes, a byte order mark. */
async function* decoded(chunks: AsyncGenerator<Buffer>, gzip = true): AsyncGenerator<Buffer> {
	const first = await chunks.next();
	if (first.done) return;
	const head = first.value;
	const all = resumed(head, chunks);
	// Once: an archive may hold an archive of itself, without end.
	if (gzip && head[0] === 0x1f && head[1] === 0x8b) yield* decoded(gunzipped(all), false);
	else if (head[0] === 0xff && head[1] === 0xfe) yield* fromUtf16(all, 'utf-16le');
	else if (head[0] === 0xfe && head[1] === 0xff) yield* fromUtf16(all, 'utf-16be');
	else if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) yield* resumed(head.subarray(3), chunks);
	else yield* all;
}

async function* resumed(head: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
	yield head;
	yield* rest;
}

async function* gunzipped(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
	const gunzip = createGunzip();
	const whole = pipeline(Readable.from(chunks), gunzip);
	// The loop below throws what the pipeline failed of.
	whole.catch(() => {});
	for await (const chunk of gunzip) yield chunk as Buffer;
	await whole;
}

async function* fromUtf16(chunks: AsyncIterable<Buffer>, encoding: 'utf-16le' | 'utf-16be'): AsyncGenerator<Buffer> {
	const decoder = new TextDecoder(encoding);
	for await (const chunk of chunks) yield Buffer.from(decoder.decode(chunk, { stream: true }));
}

import { createReadStream } from 'node:fs';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

/** Of a file, uncompressed. A cluster of 30,000 Pods is some 60 MB of JSON. */
export const MAX_FILE_BYTES = 256 * 1024 * 1024;

/** A file's text, or what is wrong with it. */
export type ReadText = { readonly kind: 'ok'; readonly text: string } | { readonly kind: 'failed'; readonly message: string };

const failed = (message: string): ReadText => ({ kind: 'failed', message });

/** Reads a file, or a pipe, of at most that many bytes, compressed with gzip or not. Never rejects. */
export async function readText(path: string, maxBytes: number): Promise<ReadText> {
	try {
		const bytes = await readBytes(path, maxBytes);
		if (!bytes) return failed(tooLarge(maxBytes, ''));
		const plain = isGzip(bytes) ? await promisify(gunzip)(bytes, { maxOutputLength: maxBytes }) : bytes;
		return decode(plain);
	} catch (error) {
		return failed(explainError(error, maxBytes));
	}
}

/** `undefined` where there is more. */
async function readBytes(path: string, maxBytes: number): Promise<Buffer | undefined> {
	const chunks: Buffer[] = [];
	let length = 0;
	for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
		length += chunk.length;
		if (length > maxBytes) return undefined;
		chunks.push(chunk);
	}
	return Buffer.concat(chunks);
}

const isGzip = (bytes: Buffer): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** UTF-8; UTF-16 with its mark is what `>` writes in older PowerShells. */
function decode(bytes: Buffer): ReadText {
	const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8';
	try {
		return { kind: 'ok', text: new TextDecoder(encoding, { fatal: true }).decode(bytes) };
	} catch {
		return failed('is not text in UTF-8');
	}
}

const tooLarge = (maxBytes: number, how: string): string => `is too large: at most ${Math.floor(maxBytes / 1024 / 1024)} MB${how} are read`;

const REASONS: Readonly<Record<string, string>> = {
	ENOENT: 'does not exist',
	ENOTDIR: 'does not exist',
	EACCES: 'cannot be read: permission denied',
	EPERM: 'cannot be read: permission denied',
	ELOOP: 'cannot be read: its links go round in a circle',
	EISDIR: 'is a folder',
	EMFILE: 'cannot be read: too many open files',
};

/** An error of the file system or of gzip as a sentence that follows the file's name. */
export function explainError(error: unknown, maxBytes = MAX_FILE_BYTES): string {
	const code = error instanceof Error && 'code' in error ? String(error.code) : '';
	if (code === 'ERR_BUFFER_TOO_LARGE') return tooLarge(maxBytes, ' uncompressed');
	if (code.startsWith('Z_')) return 'is not complete gzip';
	return REASONS[code] ?? `cannot be read${code === '' ? '' : ` (${code})`}`;
}

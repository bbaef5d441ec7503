import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Writable } from 'node:stream';

/** Where a command's answer goes. */
export interface Output {
	/** Resolves when more may be written. After a reader has gone away (`| head`) it does nothing. */
	write(text: string): Promise<void>;
	/** Whether anyone still reads. */
	isOpen(): boolean;
	/** Ends it: `keep` puts a file in its place; without, the file is what it was. */
	close(keep: boolean): Promise<void>;
}

/**
 * Opens a file beside the path, which takes its place when all is written, so that what stands there is lost to nothing less than a whole
 * answer; or wraps the stream where there is no path. Rejects where the file cannot be written.
 */
export async function openOutput(path: string | undefined, stream: Writable): Promise<Output> {
	if (path === undefined) return toStream(stream);
	const target = await realPath(path);
	const found = await stat(target).catch(() => undefined);
	if (found?.isDirectory()) throw new Error(`${path} is a folder`);
	// A pipe or a device (/dev/stdout) is written to as it is: a file in its place would not be it.
	return found && !found.isFile() ? toFile(target) : toFile(join(dirname(target), `.${basename(target)}.${randomUUID()}`), target);
}

/** Without a target the file is the target itself. */
async function toFile(path: string, target?: string): Promise<Output> {
	const file = await open(path, target === undefined ? 'w' : 'wx');
	return {
		write: async (text) => {
			await file.appendFile(text);
		},
		isOpen: () => true,
		async close(keep) {
			await file.close();
			if (target === undefined) return;
			if (keep) await rename(path, target);
			else await rm(path, { force: true });
		},
	};
}

/** The path that a file has, or would have: links are followed as far as they lead. */
export async function realPath(path: string): Promise<string> {
	const whole = resolve(path);
	try {
		return await realpath(whole);
	} catch {
		return join(await realpath(dirname(whole)).catch(() => dirname(whole)), basename(whole));
	}
}

/** The first of the paths that is the same file. `-`, standard input, is none. */
export async function findSame(path: string, others: readonly string[]): Promise<string | undefined> {
	const wanted = await realPath(path);
	for (const other of others) if (other !== '-' && (await realPath(other)) === wanted) return other;
	return undefined;
}

function toStream(stream: Writable): Output {
	let failure: NodeJS.ErrnoException | undefined;
	const gone = new Promise<void>((resolve) => {
		stream.on('error', (error) => {
			failure = error;
			resolve();
		});
	});
	return {
		async write(text) {
			if (failure && failure.code !== 'EPIPE') throw failure;
			if (!failure && text !== '' && !stream.write(text)) await Promise.race([once(stream, 'drain'), gone]).catch(() => {});
		},
		isOpen: () => failure === undefined,
		close: async () => {},
	};
}

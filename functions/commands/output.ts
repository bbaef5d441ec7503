import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { findClash, type Paths, realPath } from './paths.ts';

/** Where a command's answer goes. */
export interface Output {
	/** Resolves when more may be written. After a reader has gone away (`| head`) it does nothing. */
	write(text: string): Promise<void>;
	/** Whether anyone still reads. */
	isOpen(): boolean;
	/** Ends it: `keep` puts a file in its place; without, the file is what it was. */
	close(keep: boolean): Promise<void>;
}

/** The output of a command that reads and writes these paths; or a reason (text) why there can be none. */
export async function openAnswer(paths: Paths, stream: Writable): Promise<Output | string> {
	const clash = await findClash(paths);
	return clash ?? openOutput(paths.out, stream).catch((error: Error) => `--out cannot be written: ${error.message}`);
}

/**
 * Opens a file beside the path, which takes its place when all is written, so that what stands there is lost to nothing less than a whole
 * answer; or wraps the stream where there is no path. Rejects where the file cannot be written.
 */
async function openOutput(path: string | undefined, stream: Writable): Promise<Output> {
	if (path === undefined) return toStream(stream);
	const target = await realPath(path);
	const found = await stat(target).catch(() => undefined);
	if (found?.isDirectory()) throw new Error(`${path} is a folder`);
	// A pipe or a device (/dev/stdout) is written to as it is: a file in its place would not be it.
	if (found && !found.isFile()) return toFile(await open(target, 'w'), async () => {});
	const beside = join(dirname(target), `.${basename(target)}.${randomUUID()}`);
	return toFile(await open(beside, 'wx', found?.mode), (keep) => (keep ? rename(beside, target) : rm(beside, { force: true })));
}

const toFile = (file: FileHandle, settle: (keep: boolean) => Promise<void>): Output => ({
	write: async (text) => {
		await file.appendFile(text);
	},
	isOpen: () => true,
	async close(keep) {
		await file.close();
		await settle(keep);
	},
});

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

import { once } from 'node:events';
import { open } from 'node:fs/promises';
import type { Writable } from 'node:stream';

/** Where a command's answer goes. */
export interface Output {
	/** Resolves when more may be written. After a reader has gone away (`| head`) it does nothing. */
	write(text: string): Promise<void>;
	/** Whether anyone still reads. */
	isOpen(): boolean;
	close(): Promise<void>;
}

/** Opens the file, or wraps the stream where there is no path. Rejects where the file cannot be written. */
export async function openOutput(path: string | undefined, stream: Writable): Promise<Output> {
	if (path === undefined) return toStream(stream);
	const file = await open(path, 'w');
	return {
		write: async (text) => {
			await file.appendFile(text);
		},
		isOpen: () => true,
		close: () => file.close(),
	};
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

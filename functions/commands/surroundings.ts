import type { Readable, Writable } from 'node:stream';
import { EXIT, type ExitCode } from './exit.ts';

/** What a command has of the process it runs in. */
export interface Surroundings {
	readonly stdin: Readable;
	readonly stdout: Writable & { readonly columns?: number };
	readonly stderr: Writable & { readonly isTTY?: boolean };
	/** Aborted by Ctrl-C. */
	readonly signal: AbortSignal;
	readonly now: () => Date;
}

/** Runs what a command does in the process's surroundings, and sets its exit code. Every command's file is given it. */
export type Execute = (run: (surroundings: Surroundings) => Promise<ExitCode>) => Promise<void>;

/** Pressed again after so many ms, Ctrl-C means it. Earlier it is the same one: npm passes on what the terminal already sent. */
const INSISTS_AFTER_MS = 1000;

/** A signal that Ctrl-C aborts, so that what is open can be closed. Insisting ends the process at once. */
export function interruptible(): AbortSignal {
	const controller = new AbortController();
	let firstMs: number | undefined;
	const onSignal = (): void => {
		if (firstMs !== undefined && Date.now() - firstMs > INSISTS_AFTER_MS) process.exit(EXIT.interrupted);
		firstMs ??= Date.now();
		controller.abort();
	};
	process.on('SIGINT', onSignal);
	process.on('SIGTERM', onSignal);
	return controller.signal;
}

import { stat } from 'node:fs/promises';
import { Presets, SingleBar } from 'cli-progress';
import type { Surroundings } from './surroundings.ts';

/** A bar on the terminal, or nothing where standard error is none. */
export interface Progress {
	/** Bytes of the input that were read. */
	addBytes(bytes: number): void;
	addEntry(): void;
	stop(): void;
}

const NOTHING: Progress = { addBytes: () => {}, addEntry: () => {}, stop: () => {} };

/**
 * Starts a bar over the bytes of the files, whose number of entries nobody knows. None for standard input, whose end is not known, and none
 * without files: what else is read has a measure of its own.
 */
export async function startProgress(paths: readonly string[], { stderr }: Pick<Surroundings, 'stderr'>): Promise<Progress> {
	if (!stderr.isTTY || paths.length === 0 || paths.includes('-')) return NOTHING;
	const sizes = await Promise.all(
		paths.map((path) =>
			stat(path).then(
				(file) => file.size,
				() => 0,
			),
		),
	);
	const total = sizes.reduce((sum, size) => sum + size, 0);
	const bar = new SingleBar(
		{
			stream: stderr as NodeJS.WriteStream,
			format: '{bar} {percentage}% | {entries} entries | {duration_formatted}',
			clearOnComplete: true,
		},
		Presets.shades_classic,
	);
	let entries = 0;
	bar.start(total, 0, { entries });
	return {
		addBytes: (bytes) => bar.increment(bytes, { entries }),
		addEntry: () => {
			entries++;
		},
		stop: () => bar.stop(),
	};
}

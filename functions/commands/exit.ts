/** Exit codes of every command. Where `failOn` and `refused` both hold, it is `failOn`. */
export const EXIT = {
	done: 0,
	/** Done, and something is at or above `--fail-on`. */
	failOn: 1,
	/** Nothing done: wrong usage, or no input that can be read. */
	nothing: 2,
	/** Done, but some of the input was refused. */
	refused: 3,
	/** Ended by Ctrl-C, as shells have it. */
	interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

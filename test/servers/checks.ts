/** What a run against servers finds out, a line each, and what all of it comes to. */
export interface Checks {
	check(right: boolean, what: string): void;
	/** What was not right. */
	readonly problems: readonly string[];
	/** Says the sum, as `.ci/run` reads it, and sets the exit code. */
	finish(): void;
}

export function createChecks(say: (line: string) => void = console.log): Checks {
	const problems: string[] = [];
	let checks = 0;
	return {
		problems,
		check(right, what) {
			checks++;
			if (!right) problems.push(what);
			say(`${right ? '✓' : '✘'} ${what}`);
		},
		finish() {
			say(`${checks - problems.length} passed, ${problems.length} failed`);
			process.exitCode = problems.length > 0 ? 1 : 0;
		},
	};
}

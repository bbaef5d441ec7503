import { stripVTControlCharacters } from 'node:util';

export interface End {
	readonly code: number | null;
	readonly signal: string | null;
	/** The least number of tests that must have run. */
	readonly floor: number;
	/** Seconds after which the run was killed. */
	readonly limit: number;
}

export interface Summary {
	readonly failed: number;
	/** What went wrong besides tests that say themselves that they failed, a sentence each. */
	readonly trouble: readonly string[];
	/** `N passed, N failed`, and `, N skipped` if any. */
	readonly line: string;
}

const TOTALS = /^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/gm;

/** What a run of uvu comes to, from what it wrote and how it ended. Whatever is not a complete success counts as one failure more. */
export function summarize(output: string, { code, signal, floor, limit }: End): Summary {
	const totals = [...stripVTControlCharacters(output).matchAll(TOTALS)].at(-1)?.slice(1).map(Number);
	const [total = 0, passed = 0, skipped = 0] = totals ?? [];
	const trouble: string[] = [];
	if (!totals) {
		const how = signal === 'SIGKILL' ? `was killed after ${limit} s` : signal ? `died of ${signal}` : `exited with ${code}`;
		trouble.push(`the run did not come to its end: it ${how}`);
	} else if (code !== 0 && passed === total) {
		trouble.push(`all tests passed, and yet the run ${signal ? `died of ${signal}` : `exited with ${code}`}`);
	} else if (code === 0 && passed < total) {
		trouble.push(`${total - passed} tests did not run, most likely because a before hook threw`);
	}
	if (totals && total < floor) trouble.push(`only ${total} tests ran, and there are at least ${floor}`);
	const broken = total - passed;
	const failed = broken || (trouble.length ? 1 : 0);
	return { failed, trouble, line: `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}` };
}

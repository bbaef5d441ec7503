import { suite, type Test } from 'uvu';

/** A suite that runs itself: uvu counts a suite without `.run()` as zero tests and passes. */
export function describe(name: string, define: (it: Test) => void): void {
	const it = suite(name);
	define(it);
	it.run();
}

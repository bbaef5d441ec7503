import * as assert from 'uvu/assert';
import type { Audit } from '../../functions/commands/audit.ts';
import { type Ending, exitCodeOf } from '../../functions/commands/closing.ts';
import { describe } from '../describe.ts';

const REJECT = { count: 1, listed: ['not-json: a'] };
const NONE = { count: 0, listed: [] };

/** The exit code where so many deliveries were acknowledged and have failed. */
function codeOf(
	{ acknowledged = 0, failed = 0, problems = [] as string[] },
	{ flagged = 0, rejects = NONE as Ending['rejects'] } = {},
): number {
	const delivery = { delivered: acknowledged + failed, acknowledged, failed, problems: [], notes: [], stopped: 'no' as const };
	const audit = { delivery, problems } as unknown as Audit;
	const counts = { entries: acknowledged, findings: new Map(), flagged: { any: flagged, likely: 0, certain: 0 } };
	return exitCodeOf({ audit, counts, rejects, failOn: 'any' });
}

describe('exitCodeOf', (it) => {
	it('is 2 where every delivery failed, 3 where some did', () => {
		assert.equal([codeOf({ failed: 3 }), codeOf({ acknowledged: 1, failed: 3 })], [2, 3]);
	});

	it('is 2 where no input could be read, 3 where some could not', () => {
		assert.equal([codeOf({ problems: ['x'] }), codeOf({ acknowledged: 1, problems: ['x'] })], [2, 3]);
	});

	it('is 3 where messages were refused, 1 where something is flagged as well', () => {
		assert.equal([codeOf({ acknowledged: 1 }, { rejects: REJECT }), codeOf({ acknowledged: 2 }, { rejects: REJECT, flagged: 1 })], [3, 1]);
	});

	it('is 0 where there was nothing wrong, even without an entry', () => {
		assert.equal([codeOf({ acknowledged: 1 }), codeOf({})], [0, 0]);
	});
});

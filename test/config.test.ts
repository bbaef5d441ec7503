import { delimiter } from 'node:path';
import * as assert from 'uvu/assert';
import { type Config, parseConfig } from '../functions/config.ts';
import { DEFAULT_CANDIDATES, maskOf } from '../functions/policy/semantics.ts';
import { describe } from './describe.ts';

const good = { SNAPSHOTS: ['a', 'b'].join(delimiter), DATABASE: 'audit.duckdb' };

function config(env: Record<string, string>): Config {
	const parsed = parseConfig(env);
	if (parsed.kind === 'refused') throw new Error(parsed.problems.join('; '));
	return parsed.config;
}

function problems(env: Record<string, string>): readonly string[] {
	const parsed = parseConfig(env);
	return parsed.kind === 'refused' ? parsed.problems : [];
}

describe('parseConfig', (it) => {
	it('reads what is needed', () =>
		assert.equal(config(good), { snapshots: ['a', 'b'], database: 'audit.duckdb', candidates: DEFAULT_CANDIDATES }));

	it('reads candidates in any order', () => {
		assert.is(config({ ...good, CANDIDATES: 'cilium-1.20, cilium-1.16' }).candidates, maskOf(['cilium-1.16', 'cilium-1.20']));
	});

	it('takes an empty variable for none', () => assert.is(config({ ...good, CANDIDATES: '' }).candidates, DEFAULT_CANDIDATES));

	it('names everything that is wrong at once', () => {
		const found = problems({ SNAPSHOTS: '', CANDIDATES: 'calico,cilium-2' });
		assert.equal(
			found.map((problem) => problem.split(/[ :]/)[0]),
			['SNAPSHOTS', 'DATABASE', 'CANDIDATES'],
		);
		assert.match(found[2] ?? '', /"calico", "cilium-2" are no candidates for Dataplane V2; choose among cilium-1\.12/);
	});
});

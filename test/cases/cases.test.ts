import * as assert from 'uvu/assert';
import { describe } from '../describe.ts';
import { answer } from '../oracle/oracle.ts';
import { type Case, type CaseFlow, expectationOf, parseCases, readCases } from './cases.ts';

const LEAST_CASES = 60;

/** What a case expects of `kubernetes`, and what the oracle says, in one line each. */
function checkWithOracle({ objects, quote }: Case, stated: CaseFlow): void {
	const expected = expectationOf(stated, 'kubernetes');
	if (expected === undefined) return;
	const got = answer(objects, stated.flow);
	const where = `${JSON.stringify(stated.flow)}\n“${quote}”`;
	assert.is(got.verdict, expected, where);
	if (stated.by) assert.equal(got.by, [...stated.by].sort(), where);
}

describe('the cases under kubernetes, by the oracle', (it) => {
	for (const written of readCases()) {
		it(`${written.file}: ${written.name}`, () => {
			assert.ok(written.quote && written.flows.length > 0, 'needs a quote and flows');
			for (const flow of written.flows) checkWithOracle(written, flow);
		});
	}

	it('are enough, and each has its own name', () => {
		const names = readCases().map(({ file, name }) => `${file}: ${name}`);
		assert.ok(names.length >= LEAST_CASES, `${names.length}`);
		assert.is(new Set(names).size, names.length);
	});
});

describe('expectations', (it) => {
	const flowWith = (expect: string): CaseFlow => {
		const flow = parseCases(`[{name: n, quote: q, flows: [{from: x/a, to: x/b, expect: ${expect}}]}]`, 'inline')[0]?.flows[0];
		if (!flow) throw new Error('no flow');
		return flow;
	};

	it('take the id before the range of releases before the group before all', () => {
		const flow = flowWith('{all: allow, specified: deny, cilium<=1.14: error, cilium-1.13+no-remote-node-identity: allow}');
		assert.is(expectationOf(flow, 'kubernetes'), 'deny');
		assert.is(expectationOf(flow, 'calico'), 'deny');
		assert.is(expectationOf(flow, 'cilium-1.13'), 'error');
		assert.is(expectationOf(flow, 'cilium-1.13+no-remote-node-identity'), 'allow');
		assert.is(expectationOf(flow, 'cilium-1.15+cidr-match-nodes'), 'allow');
	});

	it('read ranges with their variants', () => {
		assert.is(expectationOf(flowWith('{cilium>=1.16: deny}'), 'cilium-1.20+cidr-match-nodes-pods'), 'deny');
		assert.is(expectationOf(flowWith('{cilium=1.13: deny}'), 'cilium-1.13+no-remote-node-identity'), 'deny');
		assert.is(expectationOf(flowWith('{cilium=1.13: deny}'), 'cilium-1.14'), undefined);
		assert.is(expectationOf(flowWith('{cilium: deny}'), 'kubernetes'), undefined);
	});

	it('refuse what is misspelled', () => {
		assert.throws(() => flowWith('{kubernets: deny}'), /kubernets/);
		assert.throws(() => flowWith('{all: denied}'), /denied/);
		assert.throws(() => flowWith('{cilium>1.16: deny}'), /cilium>1\.16/);
	});
});

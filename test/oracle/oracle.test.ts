import * as assert from 'uvu/assert';
import { stringify } from 'yaml';
import { describe } from '../describe.ts';
import type { Scenario } from './objects.ts';
import { type Answer, answer } from './oracle.ts';
import { type RecordedVerdicts, readVectors } from './vectors.ts';

const GROUPS = ['difference', 'e2e', 'cyclonus', 'random'];
const MOST_REPORTS = 10;
/** The oracle reads every object for every flow: of the large scenario a part is enough. */
const SPEED_FLOWS = 2000;

interface Comparison {
	compared: number;
	/** How many of them with their list of policies. */
	named: number;
	leftOpen: number;
	readonly mismatches: string[];
}

function compare({ scenario, recorded }: { scenario: Scenario; recorded: RecordedVerdicts }, tally: Comparison, limit = Infinity): void {
	for (const [index, flow] of scenario.flows.slice(0, limit).entries()) {
		const expected = { verdict: recorded.verdicts[index] ?? 'missing', by: recorded.by?.[index] };
		const got = answer(scenario.objects, flow);
		if (expected.verdict.startsWith('error')) {
			tally.leftOpen++;
			continue;
		}
		tally.compared++;
		if (expected.by) tally.named++;
		if (!agrees(got, expected)) tally.mismatches.push(stringify({ id: scenario.id, flow, expected, got, objects: scenario.objects }));
	}
}

/** A recorded `by` of null names nobody, which says nothing: it is so for the own node even where a rule admits it too. */
function agrees(got: Answer, expected: { verdict: string; by: Answer['by'] | undefined }): boolean {
	return got.verdict === expected.verdict && (!expected.by || JSON.stringify(got.by) === JSON.stringify([...expected.by].sort()));
}

function report(name: string, tally: Comparison): void {
	const { compared, named, leftOpen, mismatches } = tally;
	console.log(`  ${name}: ${compared} flows compared, ${named} of them with their policies, ${leftOpen} left open`);
	for (const mismatch of mismatches.slice(0, MOST_REPORTS)) console.log(`---\n${mismatch}`);
	assert.is(mismatches.length, 0, `${mismatches.length} mismatches`);
	assert.ok(compared > 0, 'nothing was compared');
}

describe('the oracle against other engines', (it) => {
	for (const group of GROUPS) {
		it(`agrees on every judged flow of ${group}`, () => {
			const tally: Comparison = { compared: 0, named: 0, leftOpen: 0, mismatches: [] };
			for (const pair of readVectors(`scenarios/${group}.jsonl.gz`, `verdicts/${group}.kubernetes.jsonl.gz`)) compare(pair, tally);
			report(group, tally);
		});
	}

	it('agrees on a large cluster', () => {
		const tally: Comparison = { compared: 0, named: 0, leftOpen: 0, mismatches: [] };
		for (const pair of readVectors('speed/small.json.gz', 'speed/verdicts.kubernetes.jsonl.gz')) compare(pair, tally, SPEED_FLOWS);
		report('speed/small', tally);
	});
});

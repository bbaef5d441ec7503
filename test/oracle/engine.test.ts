import * as assert from 'uvu/assert';
import { parseScenario } from '../../functions/commands/scenario.ts';
import { answer } from '../../functions/policy/answer.ts';
import { SEMANTICS, type SemanticsId } from '../../functions/policy/semantics.ts';
import { type Case, expectationOf, readCases } from '../cases/cases.ts';
import { describe } from '../describe.ts';
import type { KubernetesObject, ScenarioFlow } from './objects.ts';
import type { Answer } from './oracle.ts';
import { assertAgreement, type Evaluate } from './property.ts';

const SEED = 20261123;
/** About a second; `FUZZ_RUNS=100000 FUZZ_SEED=…` for a night. */
const RUNS = 1000;

/** The engine as it is asked for the recorded scenarios: from raw objects, all the way through their reduction. */
const engineUnder =
	(semantics: SemanticsId): Evaluate =>
	(objects, flows) =>
		answersUnder([semantics], objects, flows).map(([only]) => only as Answer);

function answersUnder(semantics: readonly SemanticsId[], objects: readonly KubernetesObject[], flows: readonly ScenarioFlow[]): Answer[][] {
	const scenario = parseScenario({ id: 'generated', objects, flows });
	if (typeof scenario === 'string') throw new Error(scenario);
	const { snapshot, questions } = scenario;
	return questions.map((question) => answer(snapshot, question, semantics).map(({ verdict, by }) => ({ verdict: kindOf(verdict), by })));
}

const kindOf = (verdict: string): Answer['verdict'] => (verdict === 'allow' || verdict === 'deny' ? verdict : 'error');

function checkCase({ objects, flows, quote }: Case): void {
	const answers = answersUnder(
		SEMANTICS,
		objects,
		flows.map(({ flow }) => flow),
	);
	for (const [index, stated] of flows.entries()) {
		for (const [place, semantics] of SEMANTICS.entries()) {
			const expected = expectationOf(stated, semantics);
			const got = answers[index]?.[place];
			const where = `${semantics}: ${JSON.stringify(stated.flow)}\n“${quote}”`;
			if (expected !== undefined) assert.is(got?.verdict, expected, where);
			if (semantics === 'kubernetes' && stated.by) assert.equal(got?.by, [...stated.by].sort(), where);
		}
	}
}

describe('the engine against the oracle', (it) => {
	it('gives the same verdicts and policies on generated scenarios', () => {
		assertAgreement(engineUnder('kubernetes'), { runs: RUNS, seed: SEED });
	});
});

describe('the cases under every semantics, by the engine', (it) => {
	for (const written of readCases()) it(`${written.file}: ${written.name}`, () => checkCase(written));
});

import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { describe } from '../describe.ts';
import { scenarios } from './generate.ts';
import type { ScenarioFlow } from './objects.ts';
import { type Answer, answer } from './oracle.ts';

const SEED = 20261123;
const SCENARIOS = 600;
/** Below this share an outcome is too rare to be tested by it. */
const LEAST_PERCENT = {
	'not isolated': 30,
	'admitted by one': 10,
	'admitted by several': 2,
	'own node': 2,
	'host network': 3,
	denied: 15,
	'left open': 2,
};

function outcomeOf({ verdict, by }: Answer, flow: ScenarioFlow): keyof typeof LEAST_PERCENT {
	if (verdict === 'deny') return 'denied';
	if (verdict === 'error') return 'left open';
	if (by === null) return flow.src.node === undefined ? 'host network' : 'own node';
	return by.length === 0 ? 'not isolated' : by.length === 1 ? 'admitted by one' : 'admitted by several';
}

describe('the generator', (it) => {
	it('reaches every outcome often enough', () => {
		const counts = new Map<string, number>();
		let flows = 0;
		for (const scenario of fc.sample(scenarios(), { seed: SEED, numRuns: SCENARIOS })) {
			for (const flow of scenario.flows) {
				const outcome = outcomeOf(answer(scenario.objects, flow), flow);
				counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
				flows++;
			}
		}
		const percent = (outcome: string) => ((counts.get(outcome) ?? 0) * 100) / flows;
		console.log(
			`  ${flows} flows: ${Object.keys(LEAST_PERCENT)
				.map((outcome) => `${outcome} ${percent(outcome).toFixed(1)} %`)
				.join(', ')}`,
		);
		for (const [outcome, least] of Object.entries(LEAST_PERCENT)) assert.ok(percent(outcome) >= least, `${outcome}: ${percent(outcome)} %`);
	});

	it('repeats itself by its seed', () => {
		const sample = () => fc.sample(scenarios(), { seed: SEED, numRuns: 5 });
		assert.equal(sample(), sample());
	});
});

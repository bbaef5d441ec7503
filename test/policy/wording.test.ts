import * as assert from 'uvu/assert';
import { CONSTRUCTS } from '../../functions/policy/constructs.ts';
import { summarize } from '../../functions/policy/explain.ts';
import { FINDINGS, type Judgement } from '../../functions/policy/finding.ts';
import { judge } from '../../functions/policy/judge.ts';
import type { ClusterState, Disposition, Flow } from '../../functions/policy/model.ts';
import { bit, DEFAULT_CANDIDATES, maskOf } from '../../functions/policy/semantics.ts';
import { HINTS, MISSING } from '../../functions/policy/wording.ts';
import { describe } from '../describe.ts';
import { cluster, observe, policy } from './cluster.ts';
import { DECIDED } from './scenarios.ts';

const told = (disposition: Disposition, state: Partial<ClusterState>, flow: Partial<Flow> = {}, candidates = DEFAULT_CANDIDATES): string =>
	summarize(judge(cluster(state), observe(disposition, flow), candidates));
const DENY = policy();

describe('every summary', (it) => {
	const plain = (text: string, where: string) => {
		assert.not.match(text, /undefined|\[object|NaN|null/, where);
		assert.not.match(text, / {2}|\.\.|\( | \)|,,| \.|:\.|, but$/, where);
		assert.match(text, /^[A-Z].*\.$/, where);
	};

	it('is plain text for each construct under each narrower set of candidates and either disposition', () => {
		let summaries = 0;
		for (const { name, state, flow } of DECIDED)
			for (const disposition of ['allow', 'deny'] as const)
				for (const id of ['cilium-1.12', 'cilium-1.13', 'cilium-1.20', 'cilium-1.13+no-remote-node-identity'] as const)
					for (const candidates of [bit(id), maskOf([id, 'cilium-1.16'])]) {
						const judged = judge(cluster(state), observe(disposition, flow), candidates);
						plain(summarize(judged), `${name}, ${id}: ${summarize(judged)}`);
						for (const id of judged.constructs)
							assert.ok(mentions(summarize(judged), id, judged), `${name}: ${id} in ${summarize(judged)}`);
						summaries++;
					}
		assert.is(summaries, DECIDED.length * 2 * 4 * 2);
	});

	it('has a sentence for each missing fact and hint', () => {
		const judged = judge(cluster({ policies: [DENY] }), observe('deny'));
		for (const [fact, words] of Object.entries(MISSING)) {
			const text = summarize({ ...judged, finding: 'undecidable', reasons: [fact as keyof typeof MISSING] });
			assert.ok(text.endsWith(`because ${words}.`), text);
			plain(text, fact);
		}
		for (const [hint, sentence] of Object.entries(HINTS)) {
			plain(sentence, hint);
			for (const finding of FINDINGS)
				assert.ok(summarize({ ...judged, finding, reasons: [hint as keyof typeof HINTS] }).endsWith(` ${sentence}`), `${finding} ${hint}`);
		}
	});

	it('leaves names as they are', () => {
		const named = policy({ name: 'pWeird%|<b>', namespace: 'default' });
		assert.match(told('deny', { policies: [named] }), /default\/pWeird%\|<b> isolates/);
	});
});

/** Whether the summary says why: by the construct's explanation, or by the sentence of the piece itself. */
function mentions(text: string, id: keyof typeof CONSTRUCTS, { evidence }: Judgement): boolean {
	const lower = text.toLowerCase();
	const details = evidence.filter(({ construct }) => construct === id).map(({ detail }) => detail ?? CONSTRUCTS[id].explanation);
	return details.some((detail) => lower.includes(detail.toLowerCase()));
}

import * as assert from 'uvu/assert';
import { fingerprint, summarize } from '../../functions/policy/explain.ts';
import { judge, judgeStale } from '../../functions/policy/judge.ts';
import type { ClusterState, Disposition, Flow } from '../../functions/policy/model.ts';
import { bit } from '../../functions/policy/semantics.ts';
import { describe } from '../describe.ts';
import { block, cluster, labels, observe, other, pod, policy, rule } from './cluster.ts';

const BY_ADDRESS = policy({ ingress: [rule({ peers: [block('10.32.1.3/32')] })] });
const OPEN = policy({ ingress: [rule()] });
const BEYOND = policy({ egress: [rule()] });
const RANGE = policy({ ingress: [rule({ ports: [{ protocol: 'TCP', port: 8000, endPort: 9000 }] })] });

/** Each finding that a fresh snapshot would give. */
const FINDINGS: readonly [finding: string, disposition: Disposition, policies: ClusterState['policies'], flow: Partial<Flow>][] = [
	['void-rule', 'deny', [BY_ADDRESS], {}],
	['explained', 'deny', [policy()], {}],
	['not-isolated', 'deny', [], {}],
	['contradicted', 'deny', [OPEN], {}],
	['overreach', 'deny', [policy({ egress: [rule({ ports: [{ protocol: 'TCP', port: 443 }] })] })], { direction: 'egress' }],
	['contradicted', 'allow', [policy()], {}],
	['newly-open', 'allow', [BEYOND, policy({ name: 'deny', types: ['ingress', 'egress'] })], { direction: 'egress' }],
	['confirmed', 'allow', [OPEN], {}],
	['confirmed', 'allow', [], {}],
];

describe('a stale snapshot', (it) => {
	for (const [finding, disposition, policies, flow] of FINDINGS) {
		it(`does not decide: ${finding} (${disposition}, ${policies.length} policies)`, () => {
			const snapshot = cluster({ policies });
			const observation = observe(disposition, flow);
			const fresh = judge(snapshot, observation);
			assert.is(fresh.finding, finding);
			const stale = judgeStale(snapshot, observation);
			assert.equal([stale.finding, stale.flagged, stale.certainty], ['undecidable', false, null]);
			assert.equal(stale.reasons, ['stale-snapshot', ...fresh.reasons]);
			assert.equal(stale.evidence, [{ role: 'would-be', detail: finding }, ...fresh.evidence]);
			assert.equal(
				[stale.constructs, stale.verdicts, stale.subject, stale.peer, stale.flow],
				[fresh.constructs, fresh.verdicts, fresh.subject, fresh.peer, fresh.flow],
			);
			assert.is.not(fingerprint(stale, { location: 'l', name: 'c' }), fingerprint(fresh, { location: 'l', name: 'c' }));
		});
	}

	it('says so, and what would have been found', () => {
		assert.is(
			summarize(judgeStale(cluster({ policies: [policy()] }), observe('deny'))),
			'Not decided: default/client to default/web on TCP 8080, because the snapshot was last seen valid more than 15 minutes before the entry, ' +
				'or a newer one could not be read. If that makes no difference, it is explained.',
		);
		assert.match(summarize(judgeStale(cluster({ policies: [BY_ADDRESS] }), observe('deny'))), /it is void-rule\. .*default\/p/);
	});

	it('leaves alone what the entry says by itself', () => {
		const named = observe('deny', {}, [{ kind: 'CiliumClusterwideNetworkPolicy', name: 'lockdown' }]);
		const snapshot = cluster({ policies: [policy()] });
		assert.equal(judgeStale(snapshot, named), judge(snapshot, named));
		assert.is(judgeStale(snapshot, named).finding, 'explicit-deny');
	});

	it('is one reason more where nothing was decided anyway', () => {
		const itself = observe('deny', { source: pod('web'), destination: pod('web') });
		const snapshot = cluster({ policies: [policy()] });
		const [fresh, stale] = [judge(snapshot, itself), judgeStale(snapshot, itself)];
		assert.equal([stale.finding, stale.reasons], ['undecidable', ['stale-snapshot', 'self-traffic']]);
		assert.equal([stale.evidence, stale.verdicts], [fresh.evidence, fresh.verdicts]);
		assert.equal(
			stale.evidence.filter(({ role }) => role === 'would-be').map(({ detail }) => detail),
			['explained'],
		);

		const gone = observe('deny', { destination: pod('gone') });
		const some = cluster({ policies: [policy({ podSelector: labels({ app: 'web' }) })] });
		const unknown = judgeStale(some, gone);
		assert.equal([unknown.finding, unknown.reasons], ['undecidable', ['stale-snapshot', 'unknown-subject']]);
		assert.equal([unknown.evidence, unknown.verdicts], [[], undefined]);
		assert.match(summarize(unknown), /could not be read, and the end whose policies decide is no Pod of the snapshot\.$/);
	});

	it('keeps what may decide in front of what would be found', () => {
		const cilium = { spec: { endpointSelector: {}, ingressDeny: [{ fromEntities: ['all'] }] }, namespace: 'default' };
		const snapshot = cluster({ policies: [OPEN], otherPolicies: [other('CiliumNetworkPolicy', cilium.spec, { namespace: 'default' })] });
		const [fresh, stale] = [judge(snapshot, observe('allow')), judgeStale(snapshot, observe('allow'))];
		assert.is(fresh.finding, 'undecidable');
		assert.equal(stale.evidence, fresh.evidence);
		assert.equal(stale.reasons, ['stale-snapshot', ...fresh.reasons]);
	});

	it('keeps the hints, after the facts', () => {
		const late = judgeStale(cluster({ policies: [policy()] }), observe('deny', { sourcePort: 443, port: 51000 }));
		assert.equal(late.reasons, ['stale-snapshot', 'late-reply']);
	});

	it('counts the candidates that it is given', () => {
		const snapshot = cluster({ policies: [RANGE] });
		const wouldBe = (candidates?: number) => judgeStale(snapshot, observe('deny'), candidates).evidence[0]?.detail;
		assert.equal([wouldBe(), wouldBe(bit('cilium-1.20'))], ['void-rule', 'contradicted']);
	});

	it('changes nothing of the snapshot or of a judgement', () => {
		const snapshot = cluster({ policies: [BY_ADDRESS] });
		const before = judge(snapshot, observe('deny'));
		const copy = structuredClone(before.evidence);
		judgeStale(snapshot, observe('deny'));
		assert.equal(before.evidence, copy);
		assert.equal(judge(snapshot, observe('deny')).finding, 'void-rule');
	});
});

import * as assert from 'uvu/assert';
import { summarize } from '../../functions/policy/explain.ts';
import { judge } from '../../functions/policy/judge.ts';
import type { ClusterState, Disposition, Flow } from '../../functions/policy/model.ts';
import { describe } from '../describe.ts';
import { block, cluster, labels, observe, pod, policy, rule } from './cluster.ts';

const GONE = { destination: pod('gone') };
const judged = (disposition: Disposition, state: Partial<ClusterState>, tweaks: Partial<Flow> = GONE) =>
	judge(cluster(state), observe(disposition, tweaks));
const decided = (...given: Parameters<typeof judged>) => {
	const { finding, reasons } = judged(...given);
	return finding === 'undecidable' ? reasons : finding;
};
const UNKNOWN = ['unknown-subject'];
const DENY = policy();
const OPEN = policy({ ingress: [rule()] });
const SOME = { podSelector: labels({ app: 'web' }) };

describe('a subject that the snapshot does not hold', (it) => {
	it('is decided in a namespace without policies', () => {
		assert.equal([decided('deny', {}), decided('allow', {})], ['not-isolated', 'confirmed']);
		assert.is(decided('deny', { policies: [{ ...DENY, namespace: 'other' }] }), 'not-isolated');
		assert.is(decided('deny', { policies: [policy({ types: ['egress'] })] }), 'not-isolated');
		const { subject, summary } = { ...judged('deny', {}), summary: summarize(judged('deny', {})) };
		assert.equal([subject.kind, subject.endpoint.name], ['unknown', 'gone']);
		assert.match(summary, 'default/gone (not in the snapshot)');
	});

	it('is decided where every policy selects every Pod', () => {
		assert.equal([decided('deny', { policies: [DENY] }), decided('allow', { policies: [DENY] })], ['explained', 'contradicted']);
		assert.equal([decided('deny', { policies: [OPEN] }), decided('allow', { policies: [OPEN] })], ['contradicted', 'confirmed']);
		const voided = judged('deny', { policies: [policy({ ingress: [rule({ peers: [block('10.32.1.3/32')] })] })] });
		assert.equal([voided.finding, voided.constructs, voided.evidence[0]?.policyName], ['void-rule', ['ipblock-pod'], 'p']);
		const away = { direction: 'egress', source: pod('gone'), destination: { ip: '203.0.113.7' } } as const;
		assert.is(decided('deny', { policies: [policy({ types: ['egress'] })] }, away), 'explained');
	});

	it('is decided where other policies cannot change the finding', () => {
		assert.is(decided('allow', { policies: [OPEN, policy({ ...SOME, name: 'q' })] }), 'confirmed');
		assert.is(decided('deny', { policies: [DENY, policy({ ...SOME, name: 'q' })] }), 'explained');
	});

	it('is not decided where they can, and what would be found is left out', () => {
		for (const policies of [
			[policy(SOME)],
			[policy({ ...SOME, ingress: [rule()] })],
			[DENY, policy({ ...SOME, name: 'q', ingress: [rule()] })],
		])
			assert.equal(decided('deny', { policies }), UNKNOWN);
		assert.equal(decided('allow', { policies: [policy(SOME)] }), UNKNOWN);
		// Neither none nor both of the two deny, and one alone does.
		const apart = [policy(SOME), policy({ name: 'q', podSelector: labels({ app: 'db' }), ingress: [rule()] })];
		assert.equal(decided('allow', { policies: apart }), UNKNOWN);
		const { evidence, verdicts } = judged('deny', { policies: [policy(SOME)] });
		assert.equal([evidence, verdicts], [[], undefined]);
	});

	it('is not decided where its ports or its node can tell', () => {
		const named = policy({ ingress: [rule({ ports: [{ protocol: 'TCP', port: 'http' }] })] });
		assert.equal(decided('deny', { policies: [named] }), UNKNOWN);
		assert.is(decided('deny', { policies: [named] }, { ...GONE, protocol: 'UDP' }), 'explained');
		for (const source of [{ node: 'n1' }, { ip: '10.128.0.2' }, pod('agent', 'kube-system')]) {
			assert.equal(decided('allow', { policies: [DENY] }, { ...GONE, source }), UNKNOWN);
			assert.equal(decided('deny', { policies: [DENY] }, { ...GONE, source }), UNKNOWN);
		}
		assert.is(decided('allow', { policies: [DENY] }, { destination: { ...pod('gone'), node: 'n1' }, source: { node: 'n1' } }), 'confirmed');
	});

	it('is not decided where policies that are not evaluated may concern it', () => {
		const unreadable = { namespace: 'default', name: 'u', reason: 'spec: must be an object' };
		const wide = { apiVersion: 'cilium.io/v2', kind: 'CiliumNetworkPolicy', name: 'o', spec: { endpointSelector: {}, ingress: [{}] } };
		assert.equal(decided('deny', { unreadablePolicies: [unreadable] }), UNKNOWN);
		assert.equal(decided('deny', { otherPolicies: [wide] }), UNKNOWN);
		assert.equal(decided('deny', { otherPolicies: [{ ...wide, namespace: 'default' }] }), UNKNOWN);
		assert.equal(decided('deny', { unreadableKinds: ['x'] }), UNKNOWN);
		assert.is(decided('deny', { otherPolicies: [{ ...wide, namespace: 'other' }] }), 'not-isolated');
		assert.is(decided('deny', { unreadablePolicies: [{ ...unreadable, namespace: 'other' }] }), 'not-isolated');
	});

	it('is not decided where its namespace is not known, or nothing but its address', () => {
		assert.equal(decided('deny', {}, { destination: pod('gone', 'nowhere') }), UNKNOWN);
		const facts = { cluster: { location: 'l', name: 'c', podRanges: ['10.32.0.0/14'] } };
		assert.equal(decided('deny', facts, { destination: { ip: '10.32.7.7' } }), UNKNOWN);
		assert.match(summarize(judged('deny', facts, { destination: { ip: '10.32.7.7' } })), '10.32.7.7 (a Pod that is not in the snapshot)');
	});

	it('may speak to itself, and to another that is not held', () => {
		assert.equal(decided('deny', { policies: [DENY] }, { ...GONE, source: pod('gone') }), ['self-traffic']);
		assert.is(decided('deny', { policies: [DENY] }, { ...GONE, source: pod('away') }), 'explained');
		assert.is(decided('deny', { policies: [DENY] }, { ...GONE, source: { ip: '203.0.113.7' } }), 'explained');
		const selecting = policy({ ingress: [rule({ peers: [{ podSelector: labels({ app: 'client' }) }] })] });
		assert.ok(decided('deny', { policies: [selecting] }, { ...GONE, source: pod('away') }).includes('unknown-peer'));
	});
});

describe('a peer of which only the address is known, a Pod’s', (it) => {
	const facts = { cluster: { location: 'l', name: 'c', podRanges: ['10.32.0.0/14'] } };
	const source = { source: { ip: '10.32.7.7' } };

	it('may be selected, and is a Pod to an ipBlock', () => {
		const selecting = policy({ ingress: [rule({ peers: [{ podSelector: labels({ app: 'client' }) }] })] });
		assert.equal(decided('deny', { ...facts, policies: [selecting] }, source), ['unknown-peer']);
		const voided = policy({ ingress: [rule({ peers: [block('10.32.7.7/32')] })] });
		assert.is(decided('deny', { ...facts, policies: [voided] }, source), 'void-rule');
		assert.is(decided('deny', { policies: [voided] }, source), 'contradicted');
	});
});

import * as assert from 'uvu/assert';
import { answer } from '../../functions/policy/answer.ts';
import type { ClusterState, Flow } from '../../functions/policy/model.ts';
import { describe } from '../describe.ts';
import { block, cluster, flow, labels, pod, policy, rule } from './cluster.ts';

const BOTH = ['ingress', 'egress'] as const;
const asked = (state: Partial<ClusterState>, tweaks: Partial<Flow> = {}, directions: readonly Flow['direction'][] = ['ingress']) =>
	answer(cluster(state), { flow: flow(tweaks), directions }, ['kubernetes', 'calico', 'cilium-1.16']);
const all = (verdict: string, by: readonly string[] | null) => [1, 2, 3].map(() => ({ verdict, by }));
const OPEN = policy({ ingress: [rule()] });

describe('an answer under several semantics', (it) => {
	it('calls a policy as that semantics does: Cilium by an annotation, the newer one from 1.14 on', () => {
		const by = (annotations: Record<string, string>) => {
			const snapshot = cluster({ policies: [policy({ annotations, ingress: [rule()] })] });
			const { direction, ...tuple } = flow();
			const ids = ['kubernetes', 'calico', 'cilium-1.13', 'cilium-1.13+no-remote-node-identity', 'cilium-1.14', 'cilium-1.20'] as const;
			return answer(snapshot, { flow: tuple, directions: [direction] }, ids).map((one) => one.by?.join());
		};
		const p = 'default/p';
		const newer = { 'policy.cilium.io/name': 'new' };
		const older = { 'io.cilium.name': 'old' };
		assert.equal(by({}), [p, p, p, p, p, p]);
		assert.equal(by(newer), [p, p, p, p, 'default/new', 'default/new']);
		assert.equal(by(older), [p, p, 'default/old', 'default/old', 'default/old', 'default/old']);
		assert.equal(by({ ...newer, ...older }), [p, p, 'default/old', 'default/old', 'default/new', 'default/new']);
	});

	it('names the policies that admit, each once and sorted', () => {
		const policies = [policy({ name: 'z', ingress: [rule(), rule()] }), policy({ name: 'a', ingress: [rule()] }), policy({ name: 'm' })];
		assert.equal(asked({ policies }), all('allow', ['default/a', 'default/z']));
	});

	it('is the empty list where nothing isolates, null where the flow is denied or exempt', () => {
		assert.equal(asked({}), all('allow', []));
		assert.equal(asked({ policies: [policy()] }), all('deny', null));
		assert.equal(asked({ policies: [policy()] }, { source: { node: 'n1' } }), all('allow', null));
	});

	it('differs where they do', () => {
		const policies = [policy({ ingress: [rule({ peers: [block('10.32.1.3/32')] })] })];
		const allow = { verdict: 'allow', by: ['default/p'] };
		assert.equal(asked({ policies }), [allow, allow, { verdict: 'deny', by: null }]);
	});

	it('is an error for a subject that is not known, and unrestricted where that is no Pod or on the host network', () => {
		assert.equal(asked({}, { destination: pod('gone') }), all('error: unknown-subject', null));
		assert.equal(asked({ policies: [policy()] }, { destination: { ip: '203.0.113.7' } }), all('allow', []));
		assert.equal(asked({}, { destination: pod('agent', 'kube-system') }), all('allow', null));
	});

	it('is an error where it depends on a fact that is missing, under those semantics only', () => {
		const itself = { source: pod('web'), destination: pod('web') };
		const open = { verdict: 'error: self-traffic', by: null };
		assert.equal(asked({ policies: [policy()] }, itself), [open, open, { verdict: 'deny', by: null }]);
		const unreadablePolicies = [{ namespace: 'default', name: 'u', reason: 'r' }];
		assert.equal(asked({ unreadablePolicies, policies: [policy()] }), all('error: unreadable-policy', null));
		assert.equal(asked({ unreadablePolicies, policies: [OPEN] }), all('allow', ['default/p']));
	});

	it('of both ends is a denial where one denies, else an error where one is, else the union', () => {
		const out = policy({ name: 'out', types: ['egress'], egress: [rule()] });
		assert.equal(asked({ policies: [OPEN, out] }, {}, BOTH), all('allow', ['default/out', 'default/p']));
		assert.equal(asked({ policies: [OPEN, policy({ name: 'no', types: ['egress'] })] }, {}, BOTH), all('deny', null));
		assert.equal(asked({ policies: [OPEN] }, { source: pod('gone') }, BOTH), all('error: unknown-subject', null));
		assert.equal(asked({ policies: [policy()] }, { source: pod('gone') }, BOTH), all('deny', null));
		assert.equal(asked({ policies: [OPEN] }, { source: pod('agent', 'kube-system') }, BOTH), all('allow', ['default/p']));
		assert.equal(asked({}, { source: pod('agent', 'kube-system') }, BOTH), all('allow', null));
	});

	it('does not name the policies of one semantics under another', () => {
		const narrow = policy({ name: 'narrow', ingress: [rule({ peers: [block('10.32.1.3/32')] })] });
		const wide = policy({ name: 'wide', ingress: [rule({ peers: [{ podSelector: labels() }] })] });
		assert.equal(
			asked({ policies: [narrow, wide] }).map(({ by }) => by),
			[['default/narrow', 'default/wide'], ['default/narrow', 'default/wide'], ['default/wide']],
		);
	});
});

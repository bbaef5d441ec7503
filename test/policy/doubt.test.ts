import * as assert from 'uvu/assert';
import { doubtsOf, possibleVerdicts } from '../../functions/policy/doubt.ts';
import { evaluate } from '../../functions/policy/evaluate.ts';
import { resolveFlow } from '../../functions/policy/flow.ts';
import { judge } from '../../functions/policy/judge.ts';
import type { ClusterState, Flow, LabelRequirement, OtherPolicy } from '../../functions/policy/model.ts';
import { ALL, CALICO, CILIUM, NONE, SPECIFIED } from '../../functions/policy/semantics.ts';
import { describe } from '../describe.ts';
import { block, cluster, decided, flow, labels, observe, other, pod, policy, rule } from './cluster.ts';

const OPEN = policy({ ingress: [rule()] });
const DENY = policy();

describe('doubts', (it) => {
	const doubts = (state: Partial<ClusterState>, tweaks: Partial<Flow> = {}) => {
		const snapshot = cluster(state);
		return doubtsOf(evaluate(resolveFlow(snapshot, flow(tweaks)))).map(({ fact, isolates, admits, denies }) => [
			fact,
			isolates,
			admits,
			denies,
		]);
	};
	const unreadable = { namespace: 'default', name: 'u', reason: 'spec.podSelector: must be an object' };

	it('are none for nearly every flow', () => {
		assert.equal(doubts({ policies: [DENY] }), []);
		assert.equal(doubts({ unreadablePolicies: [{ ...unreadable, namespace: 'other' }] }), []);
		assert.equal(doubts({ unreadableKinds: ['x'] }, { destination: { ip: '203.0.113.7' } }), []);
	});

	it('say what an unreadable policy may do, under the semantics that see its selector', () => {
		assert.equal(doubts({ unreadablePolicies: [unreadable] }), [['unreadable-policy', ALL, ALL, NONE]]);
		const hashed = {
			...unreadable,
			podSelector: { matchLabels: {}, matchExpressions: [{ key: 'etcd_node', operator: 'NotIn', values: ['x'] } as const] },
		};
		assert.equal(doubts({ unreadablePolicies: [hashed] }), [['unreadable-policy', ALL, ALL, NONE]]);
		const pods = cluster().state.pods.map((each) => ({ ...each, labels: { etcd_node: 'x' } }));
		assert.equal(doubts({ pods, unreadablePolicies: [hashed] }), [['unreadable-policy', CILIUM, CILIUM, NONE]]);
		assert.equal(doubts({ unreadablePolicies: [{ ...unreadable, podSelector: labels({ app: 'db' }) }] }), []);
		const { evidence } = judge(cluster({ unreadablePolicies: [unreadable] }), observe('deny'));
		assert.equal([evidence[0]?.policyName, evidence[0]?.direction, evidence[0]?.detail], ['u', 'ingress', unreadable.reason]);
	});

	it('say what the labels of a namespace without an object may admit', () => {
		const namespaces = [{ name: 'default', labels: {} }];
		const from = { source: pod('far', 'other') };
		const by = (requirement: LabelRequirement | undefined, matchLabels: Record<string, string> = {}) =>
			policy({ ingress: [rule({ peers: [{ namespaceSelector: { matchLabels, matchExpressions: requirement ? [requirement] : [] } }] })] });
		const team = by(undefined, { team: 'red' });
		assert.equal(doubts({ namespaces, policies: [team] }, from), [['unknown-namespace', NONE, ALL, NONE]]);
		assert.equal(decided('deny', { namespaces, policies: [team] }, from), ['unknown-namespace']);
		const excluding = by({ key: 'team', operator: 'NotIn', values: ['red'] });
		assert.equal(decided('deny', { namespaces, policies: [excluding] }, from), ['unknown-namespace']);
		// Its name is known, and so is the label that the API server makes of it.
		assert.is(decided('deny', { namespaces, policies: [by(undefined, { 'kubernetes.io/metadata.name': 'x' })] }, from), 'explained');
		assert.is(decided('allow', { namespaces, policies: [by(undefined, { 'kubernetes.io/metadata.name': 'other' })] }, from), 'confirmed');
		assert.is(
			decided('deny', { namespaces, policies: [by(undefined, { 'kubernetes.io/metadata.name': 'x', team: 'red' })] }, from),
			'explained',
		);
		assert.is(decided('deny', { policies: [team] }, from), 'explained');
	});

	it('say what a peer’s labels and port names may admit', () => {
		const gone = { source: pod('gone') };
		const selecting = policy({ ingress: [rule({ peers: [{ podSelector: labels({ app: 'x' }) }] })] });
		assert.equal(doubts({ policies: [selecting] }, gone), [['unknown-peer', NONE, ALL, NONE]]);
		assert.equal(doubts({ policies: [DENY] }, gone), []);
		const named = policy({ types: ['egress'], egress: [rule({ ports: [{ protocol: 'TCP', port: 'grpc' }] })] });
		const out = { direction: 'egress', destination: pod('gone') } as const;
		assert.equal(decided('deny', { policies: [named] }, out), ['unknown-peer']);
		assert.is(decided('deny', { policies: [named] }, { ...out, protocol: 'UDP' }), 'explained');
	});

	it('say what NodeLocal DNSCache may admit', () => {
		const dns = { namespace: 'kube-system', name: 'kube-dns', labels: { 'k8s-app': 'kube-dns' }, ips: ['10.32.9.53'] };
		const egress = [rule({ peers: [block('169.254.20.10/32')] })];
		const state = { pods: [...cluster().state.pods, dns], policies: [policy({ types: ['egress'], egress })] };
		const out = { direction: 'egress', destination: pod('kube-dns', 'kube-system'), port: 53, protocol: 'UDP' } as const;
		assert.equal(doubts(state, out), [['dns-cache-unknown', NONE, CALICO, NONE]]);
		assert.equal(decided('deny', state, out), ['dns-cache-unknown']);
		assert.is(decided('deny', { ...state, cluster: { location: 'l', name: 'c', nodeLocalDns: false } }, out), 'explained');
		assert.is(decided('deny', { ...state, cluster: { location: 'l', name: 'c', nodeLocalDns: true } }, out), 'void-rule');
	});

	it('say so of a resolver that has vanished too', () => {
		const services = [{ namespace: 'kube-system', name: 'kube-dns', clusterIps: ['10.40.0.10'] }];
		const out = { direction: 'egress', destination: pod('kube-dns-5d9c7b8f6d-zzzzz', 'kube-system'), port: 53, protocol: 'UDP' } as const;
		const to = (cidr: string) => [policy({ types: ['egress'], egress: [rule({ peers: [block(cidr)] })] })];
		assert.equal(decided('deny', { services, policies: to('10.40.0.10/32') }, out), ['dns-cache-unknown']);
		assert.is(decided('deny', { services, policies: to('10.50.0.10/32') }, out), 'explained');
	});

	it('say that the specification leaves a Pod to itself open', () => {
		assert.equal(doubts({ policies: [DENY] }, { source: pod('web') }), [['self-traffic', NONE, SPECIFIED, NONE]]);
	});

	it('name only those that decide alone, or all where only together they do', () => {
		const admitting = other('AdminNetworkPolicy', { subject: { namespaces: {} }, ingress: [{ action: 'Allow' }] });
		const denying = other('AdminNetworkPolicy', { subject: { namespaces: {} }, ingress: [{ action: 'Deny' }] }, { name: 'd' });
		const names = (otherPolicies: OtherPolicy[], policies = [OPEN]) =>
			judge(cluster({ policies, otherPolicies }), observe('deny')).evidence.flatMap(({ role, policyName }) =>
				role === 'may-decide' ? policyName : [],
			);
		assert.equal(names([admitting, denying]), ['d']);
		// Each of the two may admit under one half of the candidates; only both together leave no candidate that denies.
		const key = 'apps.kubernetes.io/pod-index';
		const pods = cluster().state.pods.map((each) => ({ ...each, labels: { ...each.labels, [key]: '0' } }));
		const older = { ...unreadable, name: 'older', podSelector: labels({ [key]: '0' }) };
		const excluding = { matchLabels: {}, matchExpressions: [{ key, operator: 'NotIn', values: ['0'] } as const] };
		const newer = { ...unreadable, name: 'newer', podSelector: excluding };
		const voided = policy({ ingress: [rule({ peers: [block('10.32.1.3/32')] })] });
		const of = (...unreadablePolicies: (typeof newer | typeof older)[]) => {
			const { finding, evidence } = judge(cluster({ pods, policies: [voided], unreadablePolicies }), observe('deny'));
			return [finding, evidence.flatMap(({ role, policyName }) => (role === 'may-decide' ? policyName : []))];
		};
		assert.equal(
			[of(older), of(newer), of(older, newer)],
			[
				['void-rule', []],
				['void-rule', []],
				['undecidable', ['older', 'newer']],
			],
		);
	});

	it('open every combination of their effects, the first being none', () => {
		const verdicts = { isolated: 0b1, exempt: 0b10, admitted: 0b1, unknown: 0b1 };
		const doubt = (effect: object) => ({ fact: 'unreadable-kind', isolates: NONE, admits: NONE, denies: NONE, ...effect }) as const;
		assert.equal(possibleVerdicts([], verdicts), [{ ...verdicts, unknown: 0 }]);
		assert.equal(possibleVerdicts([doubt({ isolates: 0b100 })], verdicts), [
			{ ...verdicts, unknown: 0 },
			{ ...verdicts, isolated: 0b101, unknown: 0 },
		]);
		assert.equal(possibleVerdicts([doubt({ denies: 0b11 })], verdicts)[1], { isolated: 0b11, exempt: 0, admitted: 0, unknown: 0 });
		const three = [doubt({ isolates: 0b100 }), doubt({ admits: 0b1000 }), doubt({ denies: 0b1 })];
		assert.is(possibleVerdicts(three, verdicts).length, 8);
		assert.equal(possibleVerdicts(three, verdicts).at(-1), { isolated: 0b101, exempt: 0b10, admitted: 0b1000, unknown: 0 });
	});
});

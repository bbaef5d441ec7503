import * as assert from 'uvu/assert';
import { doubtsOf, possibleVerdicts } from '../../functions/policy/doubt.ts';
import { evaluate } from '../../functions/policy/evaluate.ts';
import { resolveFlow } from '../../functions/policy/flow.ts';
import { judge } from '../../functions/policy/judge.ts';
import type { ClusterState, Disposition, Flow, OtherPolicy } from '../../functions/policy/model.ts';
import { ALL, CALICO, CILIUM, NONE, SPECIFIED } from '../../functions/policy/semantics.ts';
import { describe } from '../describe.ts';
import { block, cluster, flow, labels, observe, pod, policy, rule } from './cluster.ts';

const decided = (disposition: Disposition, state: Partial<ClusterState>, tweaks: Partial<Flow> = {}) => {
	const { finding, reasons } = judge(cluster(state), observe(disposition, tweaks));
	return finding === 'undecidable' ? reasons : finding;
};
const other = (kind: string, spec: object, more: Partial<OtherPolicy> = {}): OtherPolicy => ({
	apiVersion: 'x/v1',
	kind,
	name: 'o',
	spec,
	...more,
});
const OPEN = policy({ ingress: [rule()] });
const DENY = policy();
const OTHER = ['other-policy-kind'];
const tcp = (port: number) => [{ ports: [{ port: `${port}`, protocol: 'TCP' }] }];

describe('a Cilium policy', (it) => {
	const ccnp = (spec: object) => [other('CiliumClusterwideNetworkPolicy', { endpointSelector: {}, ...spec })];

	it('that may deny decides whether a denial was explained', () => {
		const otherPolicies = ccnp({ ingressDeny: [{ toPorts: tcp(8080) }] });
		assert.equal(decided('deny', { otherPolicies, policies: [OPEN] }), OTHER);
		assert.equal(decided('deny', { otherPolicies }), OTHER);
	});

	it('that may deny but did not, and cannot admit, changes nothing for what is allowed or was denied', () => {
		const otherPolicies = ccnp({ ingressDeny: [{ toPorts: tcp(8080) }] });
		assert.is(decided('deny', { otherPolicies, policies: [DENY] }), 'explained');
		assert.equal(decided('allow', { otherPolicies, policies: [OPEN] }), OTHER);
	});

	it('of other ports or another direction decides nothing', () => {
		const otherPolicies = ccnp({ ingressDeny: [{ toPorts: tcp(443) }], enableDefaultDeny: { ingress: false } });
		assert.is(decided('deny', { otherPolicies, policies: [OPEN] }), 'contradicted');
		assert.is(decided('allow', { otherPolicies: ccnp({ egressDeny: [{}] }), policies: [OPEN] }), 'confirmed');
	});

	it('that isolates and admits decides what NetworkPolicies leave open', () => {
		const otherPolicies = ccnp({ ingress: [{ toPorts: tcp(8080) }] });
		assert.equal(decided('deny', { otherPolicies }), OTHER);
		assert.equal(decided('deny', { otherPolicies, policies: [DENY] }), OTHER);
		assert.is(decided('allow', { otherPolicies, policies: [OPEN] }), 'confirmed');
		assert.is(decided('deny', { otherPolicies: ccnp({ ingress: [{ toPorts: tcp(443) }] }), policies: [DENY] }), 'explained');
	});

	it('that selects other Pods decides nothing', () => {
		const otherPolicies = [other('CiliumNetworkPolicy', { endpointSelector: {}, ingressDeny: [{}] }, { namespace: 'other' })];
		assert.is(decided('deny', { otherPolicies, policies: [OPEN] }), 'contradicted');
		const elsewhere = ccnp({ endpointSelector: { matchLabels: { app: 'db' } }, ingressDeny: [{}] });
		assert.is(decided('deny', { otherPolicies: elsewhere, policies: [OPEN] }), 'contradicted');
	});

	it('concerns no host-network Pod', () => {
		const otherPolicies = ccnp({ ingressDeny: [{}] });
		assert.is(decided('deny', { otherPolicies }, { destination: pod('agent', 'kube-system') }), 'not-isolated');
	});
});

describe('an FQDNNetworkPolicy', (it) => {
	const ports = [{ protocol: 'TCP', port: 443 }];
	const state = (policies: ClusterState['policies'] = []): Partial<ClusterState> => ({
		policies,
		pods: [...cluster().state.pods, { namespace: 'kube-system', name: 'kube-dns', labels: { 'k8s-app': 'kube-dns' }, ips: ['10.32.9.53'] }],
		cluster: { location: 'l', name: 'c', nodeLocalDns: false },
		otherPolicies: [other('FQDNNetworkPolicy', { podSelector: {}, egress: [{ matches: [], ports }] }, { namespace: 'default' })],
	});
	const isolated = state([policy({ types: ['egress'] })]);
	const to = (destination: Flow['destination'], port: number, protocol = 'TCP') =>
		decided('deny', isolated, { direction: 'egress', destination, port, protocol });

	it('may admit its ports to outside addresses, not to Pods and nodes', () => {
		assert.equal(to({ ip: '203.0.113.7' }, 443), OTHER);
		assert.is(to({ ip: '203.0.113.7' }, 80), 'explained');
		for (const inside of [pod('web'), pod('agent', 'kube-system'), { node: 'n2' }]) assert.is(to(inside, 443), 'explained');
	});

	it('may admit DNS to the resolvers only', () => {
		assert.equal(to(pod('kube-dns', 'kube-system'), 53, 'UDP'), OTHER);
		assert.equal(to({ ip: '169.254.20.10' }, 53, 'UDP'), OTHER);
		assert.equal(to({ ip: '169.254.169.254' }, 53, 'UDP'), OTHER);
		assert.is(to(pod('web'), 53, 'UDP'), 'explained');
		assert.is(to({ ip: '8.8.8.8' }, 53, 'UDP'), 'explained');
		assert.is(to(pod('kube-dns', 'kube-system'), 54, 'UDP'), 'explained');
	});

	it('isolates whom it selects, and has no say for ingress', () => {
		assert.equal(decided('deny', state(), { direction: 'egress', destination: pod('web') }), OTHER);
		assert.is(decided('deny', state()), 'not-isolated');
	});
});

describe('a cluster-wide policy', (it) => {
	const admin = (action: string, more: object = {}) => [
		other('AdminNetworkPolicy', { subject: { namespaces: {} }, ingress: [{ action, ...more }] }),
	];

	it('may deny what is admitted, and admit what is denied', () => {
		assert.equal(decided('deny', { otherPolicies: admin('Deny'), policies: [OPEN] }), OTHER);
		assert.is(decided('deny', { otherPolicies: admin('Deny'), policies: [DENY] }), 'explained');
		assert.equal(decided('allow', { otherPolicies: admin('Allow'), policies: [DENY] }), OTHER);
		assert.is(decided('allow', { otherPolicies: admin('Allow'), policies: [OPEN] }), 'confirmed');
		assert.is(decided('deny', { otherPolicies: admin('Pass') }), 'not-isolated');
	});

	it('decides its own ports only', () => {
		const ports = (port: number) => ({ ports: [{ portNumber: { protocol: 'TCP', port } }] });
		assert.equal(decided('deny', { otherPolicies: admin('Deny', ports(8080)), policies: [OPEN] }), OTHER);
		assert.is(decided('deny', { otherPolicies: admin('Deny', ports(443)), policies: [OPEN] }), 'contradicted');
	});
});

describe('a policy of Calico’s', (it) => {
	const global = (spec: object) => [other('GlobalNetworkPolicy', spec, { apiVersion: 'crd.projectcalico.org/v1' })];

	it('may have isolated, admitted or denied before the move', () => {
		const denying = { policies: [DENY], otherPolicies: global({ ingress: [{ action: 'Allow' }] }) };
		assert.equal(decided('deny', denying), OTHER);
		assert.equal(decided('allow', { policies: [OPEN], otherPolicies: global({ ingress: [{ action: 'Deny' }] }) }), OTHER);
		assert.equal(decided('allow', { otherPolicies: global({ selector: 'app == "web"' }) }), OTHER);
		assert.is(decided('allow', { otherPolicies: global({ selector: 'app == "db"' }) }), 'confirmed');
		assert.is(decided('allow', { policies: [OPEN], otherPolicies: global({ ingress: [{ action: 'Allow' }] }) }), 'confirmed');
	});

	it('is evidence by kind and name, as what Dataplane V2 ignores', () => {
		const judged = judge(cluster({ policies: [DENY], otherPolicies: global({ ingress: [{ action: 'Allow' }] }) }), observe('deny'));
		assert.equal(judged.evidence.slice(0, 2), [
			{ role: 'would-be', detail: 'explained' },
			{ role: 'may-decide', policyKind: 'GlobalNetworkPolicy', policyName: 'o', direction: 'ingress', construct: 'calico-crd' },
		]);
	});
});

describe('a kind that could not be listed', (it) => {
	it('may hold anything, under Calico only where it is Calico’s', () => {
		for (const policies of [[], [OPEN], [DENY]])
			for (const disposition of ['allow', 'deny'] as const)
				assert.equal(decided(disposition, { policies, unreadableKinds: ['CiliumNetworkPolicy.cilium.io'] }).at(0), 'unreadable-kind');
		const calico = { unreadableKinds: ['GlobalNetworkPolicy.crd.projectcalico.org'] };
		assert.is(decided('deny', calico), 'not-isolated');
		assert.is(decided('deny', { ...calico, policies: [OPEN] }), 'contradicted');
		assert.equal(decided('deny', { ...calico, policies: [DENY] }), ['unreadable-kind']);
		assert.equal(judge(cluster(calico), observe('allow')).evidence[1], {
			role: 'may-decide',
			policyKind: 'GlobalNetworkPolicy.crd.projectcalico.org',
		});
	});
});

describe('doubts', (it) => {
	const doubts = (state: Partial<ClusterState>, tweaks: Partial<Flow> = {}) => {
		const snapshot = cluster(state);
		return doubtsOf(snapshot, evaluate(resolveFlow(snapshot, flow(tweaks)))).map(({ fact, isolates, admits, denies }) => [
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
		assert.equal([evidence[1]?.policyName, evidence[1]?.direction, evidence[1]?.detail], ['u', 'ingress', unreadable.reason]);
	});

	it('say what a peer’s labels and port names may admit', () => {
		const gone = { source: pod('gone') };
		const selecting = policy({ ingress: [rule({ peers: [{ podSelector: labels({ app: 'x' }) }] })] });
		assert.equal(doubts({ policies: [selecting] }, gone), [['unknown-peer', NONE, ALL, NONE]]);
		assert.equal(doubts({ policies: [DENY] }, gone), [['unknown-peer', NONE, NONE, NONE]]);
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

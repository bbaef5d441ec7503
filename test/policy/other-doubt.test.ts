import * as assert from 'uvu/assert';
import { judge } from '../../functions/policy/judge.ts';
import type { ClusterState, Flow } from '../../functions/policy/model.ts';
import { describe } from '../describe.ts';
import { cluster, decided, observe, other, pod, policy, rule } from './cluster.ts';

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
			{ role: 'may-decide', policyKind: 'GlobalNetworkPolicy', policyName: 'o', direction: 'ingress', construct: 'calico-crd' },
			{ role: 'would-be', detail: 'explained' },
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
		const half = { unreadableKinds: ['NetworkPolicy'] };
		for (const policies of [[], [OPEN], [DENY]]) assert.equal(decided('deny', { ...half, policies }), ['unreadable-kind']);
		assert.equal(judge(cluster(calico), observe('allow')).evidence[0], {
			role: 'may-decide',
			policyKind: 'GlobalNetworkPolicy.crd.projectcalico.org',
		});
	});
	it('decides nothing where it is only about what is logged', () => {
		const logging = { unreadableKinds: ['NetworkLogging.networking.gke.io'] };
		assert.is(decided('deny', logging), 'not-isolated');
		for (const policies of [[], [OPEN], [DENY]])
			for (const disposition of ['allow', 'deny'] as const)
				assert.equal(decided(disposition, { policies, ...logging }), decided(disposition, { policies }));
	});
});

import * as assert from 'uvu/assert';
import type { CompiledSnapshot } from '../../functions/policy/compile.ts';
import { denied, evaluate, verdictUnder } from '../../functions/policy/evaluate.ts';
import { resolveFlow } from '../../functions/policy/flow.ts';
import type { Flow } from '../../functions/policy/model.ts';
import {
	ALL,
	bit,
	CALICO,
	CILIUM,
	CILIUM_1_12,
	idsOf,
	NO_REMOTE_NODE_IDENTITY,
	NONE,
	SPECIFIED,
} from '../../functions/policy/semantics.ts';
import { describe } from '../describe.ts';
import { block, cluster, flow, labels, pod, policy, rule } from './cluster.ts';

const evaluated = (snapshot: CompiledSnapshot, tweaks: Partial<Flow> = {}) => evaluate(resolveFlow(snapshot, flow(tweaks)));
const under = (policies: Parameters<typeof cluster>[0], tweaks: Partial<Flow> = {}) => {
	const { isolated, exempt, admitted, unknown } = evaluated(cluster(policies), tweaks);
	return { isolated, exempt, admitted, unknown };
};
const WITHOUT = { isolated: NONE, exempt: NONE, admitted: NONE, unknown: NONE };

describe('a Pod is isolated', (it) => {
	it('by a policy that selects it and has the direction', () => {
		assert.equal(under({ policies: [policy()] }), { ...WITHOUT, isolated: ALL });
		assert.equal(under({ policies: [policy({ podSelector: labels({ app: 'web' }) })] }).isolated, ALL);
		for (const other of [{ podSelector: labels({ app: 'db' }) }, { namespace: 'other' }, { types: ['egress'] as const }])
			assert.equal(under({ policies: [policy(other)] }), WITHOUT, JSON.stringify(other));
	});

	it('for egress by the policies of the source', () => {
		const egress = { policies: [policy({ types: ['egress'], podSelector: labels({ app: 'client' }) })] };
		assert.is(under(egress, { direction: 'egress' }).isolated, ALL);
		assert.is(under(egress).isolated, NONE);
	});

	it('under Cilium also by rules of a direction that policyTypes leaves out, which admit too', () => {
		const beyond = policy({ egress: [rule({ ports: [{ protocol: 'TCP', port: 443 }] })] });
		assert.equal(under({ policies: [beyond] }, { direction: 'egress' }), { ...WITHOUT, isolated: CILIUM });
		assert.equal(under({ policies: [beyond] }, { direction: 'egress', port: 443 }), { ...WITHOUT, isolated: CILIUM, admitted: CILIUM });
		const ingressToo = policy({ types: ['egress'], ingress: [rule()] });
		assert.equal(under({ policies: [ingressToo] }), { ...WITHOUT, isolated: CILIUM, admitted: CILIUM });
	});

	it('not by a policy that 1.12 refuses for SCTP, in either direction, on any entry', () => {
		const sctp = rule({ ports: [{ protocol: 'TCP', port: 8080 }, { protocol: 'SCTP' }] });
		assert.equal(under({ policies: [policy({ ingress: [sctp] })] }), {
			...WITHOUT,
			isolated: ALL & ~CILIUM_1_12,
			admitted: ALL & ~CILIUM_1_12,
		});
		assert.is(under({ policies: [policy({ types: ['ingress', 'egress'], egress: [rule(), sctp] })] }).isolated, ALL & ~CILIUM_1_12);
		assert.is(under({ policies: [policy({ egress: [sctp] })] }).isolated, ALL & ~CILIUM_1_12);
	});

	it('never on the host network, nor where it is no Pod at all', () => {
		const everywhere = { policies: [policy(), policy({ namespace: 'kube-system' })] };
		for (const destination of [pod('agent', 'kube-system'), { node: 'n1' }, { ip: '203.0.113.7' }, pod('gone')])
			assert.equal(under(everywhere, { destination }), WITHOUT, JSON.stringify(destination));
	});

	it('not by a policy for another network', () => {
		const elsewhere = policy({ annotations: { 'networking.gke.io/network': 'blue' } });
		assert.equal(under({ policies: [elsewhere] }), WITHOUT);
		assert.is(under({ policies: [policy({ annotations: { 'networking.gke.io/network': 'default' } })] }).isolated, ALL);
	});
});

describe('a flow is admitted', (it) => {
	it('by any rule of any policy, and all of them are named in order', () => {
		const policies = [
			policy({ name: 'a', ingress: [rule({ peers: [block('203.0.113.0/24')] }), rule()] }),
			policy({ name: 'b' }),
			policy({ name: 'c', ingress: [rule({ ports: [{ protocol: 'TCP', port: 8080 }] })] }),
		];
		const { admissions, admitted, concerned } = evaluated(cluster({ policies }));
		assert.is(admitted, ALL);
		assert.equal(
			admissions.map(({ policy: { id }, rule: { index }, mask }) => [id, index, mask]),
			[
				['default/a', 1, ALL],
				['default/c', 0, ALL],
			],
		);
		assert.equal(
			concerned.policies.map(({ policy: { id } }) => id),
			['default/a', 'default/b', 'default/c'],
		);
	});

	it('where both a peer and a port of the same rule match, each list being ORed', () => {
		const both = rule({
			peers: [block('203.0.113.0/24'), { podSelector: labels({ app: 'client' }) }],
			ports: [
				{ protocol: 'TCP', port: 1 },
				{ protocol: 'TCP', port: 8080 },
			],
		});
		assert.is(under({ policies: [policy({ ingress: [both] })] }).admitted, ALL);
		assert.is(under({ policies: [policy({ ingress: [both] })] }, { port: 2 }).admitted, NONE);
		assert.is(under({ policies: [policy({ ingress: [both] })] }, { source: { ip: '198.51.100.1' } }).admitted, NONE);
	});

	it('under the union of what its peers and ports match', () => {
		const peers = [block('10.32.1.3/32'), { podSelector: labels({ 'pod-template-hash': 'x' }) }];
		assert.is(under({ policies: [policy({ ingress: [rule({ peers })] })] }).admitted, SPECIFIED | bit('cilium-1.20+cidr-match-nodes-pods'));
	});

	it('whatever its protocol by rules without ports only', () => {
		const open = { policies: [policy({ ingress: [rule()] })] };
		for (const protocol of ['ICMP', 'GRE', 'SCTP', 'UDP']) assert.is(under(open, { protocol }).admitted, ALL, protocol);
		const { port: _, ...portless } = flow({ protocol: 'ICMP' });
		assert.is(evaluate(resolveFlow(cluster(open), portless)).admitted, ALL);
	});
});

describe('a flow is exempt', (it) => {
	const isolating = { policies: [policy({ types: ['ingress', 'egress'] })] };

	it('from the own node, or a host-network Pod of it', () => {
		assert.is(under(isolating, { source: { node: 'n1' } }).exempt, ALL);
		assert.is(under(isolating, { source: { ip: '10.128.0.1' } }).exempt, ALL);
		assert.is(under(isolating, { source: pod('agent', 'kube-system'), destination: pod('far', 'other') }).exempt, ALL);
	});

	it('from other nodes where these have no identity', () => {
		assert.is(under(isolating, { source: { node: 'n2' } }).exempt, NO_REMOTE_NODE_IDENTITY);
		assert.is(under(isolating, { source: pod('agent', 'kube-system') }).exempt, NO_REMOTE_NODE_IDENTITY);
	});

	it('not from Pods of the own node, nor to it', () => {
		assert.is(under(isolating).exempt, NONE);
		assert.is(under(isolating, { direction: 'egress', destination: { node: 'n1' } }).exempt, NONE);
	});

	it('not where it is not known on which node the Pod is', () => {
		const pods = [{ namespace: 'default', name: 'web', labels: {}, ips: [] }];
		assert.is(under({ ...isolating, pods }, { source: { node: 'n1' } }).exempt, NO_REMOTE_NODE_IDENTITY);
	});
});

describe('a Pod to itself', (it) => {
	const itself = { source: pod('web'), destination: pod('web') };

	it('is left open by the API text only where it is isolated and no rule admits it', () => {
		assert.equal(under({ policies: [policy()] }, itself), { ...WITHOUT, isolated: ALL, unknown: SPECIFIED });
		assert.equal(under({ policies: [policy({ ingress: [rule()] })] }, itself), { ...WITHOUT, isolated: ALL, admitted: ALL });
		assert.equal(under({}, itself), WITHOUT);
		const beyond = policy({ types: ['egress'], ingress: [rule({ ports: [{ protocol: 'TCP', port: 1 }] })] });
		assert.equal(under({ policies: [beyond] }, itself), { ...WITHOUT, isolated: CILIUM });
	});

	it('is itself also where it is not in the snapshot any more, and its labels are a sibling’s', () => {
		const pods = [{ namespace: 'default', name: 'db-0', labels: {}, ips: [], owner: { kind: 'StatefulSet', name: 'db' } }];
		const of = (source: string) => under({ pods, policies: [policy()] }, { source: pod(source), destination: pod('db-1') }).unknown;
		assert.equal([of('db-1'), of('db-0'), of('db-2')], [SPECIFIED, NONE, NONE]);
	});
});

describe('the verdict under one semantics', (it) => {
	it('says by what, rule before exemption', () => {
		const verdicts = { isolated: 0b11110, exempt: 0b01100, admitted: 0b00110, unknown: 0b10000 };
		assert.equal(
			[0b00001, 0b00010, 0b00100, 0b01000, 0b10000].map((one) => verdictUnder(verdicts, one)),
			[
				{ verdict: 'allow', basis: 'not-isolated' },
				{ verdict: 'allow', basis: 'rule' },
				{ verdict: 'allow', basis: 'rule' },
				{ verdict: 'allow', basis: 'exempt' },
				{ verdict: 'unknown', basis: null },
			],
		);
		assert.equal(verdictUnder({ ...verdicts, unknown: 0 }, 0b10000), { verdict: 'deny', basis: 'no-rule' });
		assert.is(denied(verdicts), NONE);
		assert.equal(idsOf(denied({ ...verdicts, unknown: 0, isolated: CALICO | 0b10000 })), ['cilium-1.14']);
	});
});

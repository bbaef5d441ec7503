import * as assert from 'uvu/assert';
import { fingerprint } from '../../functions/policy/explain.ts';
import { parseFingerprint } from '../../functions/policy/fingerprint.ts';
import { hashText } from '../../functions/policy/hash.ts';
import { judge } from '../../functions/policy/judge.ts';
import type { ClusterState, Disposition, Flow, PodState } from '../../functions/policy/model.ts';
import { describe } from '../describe.ts';
import { block, cluster, labels, observe, pod, policy, rule } from './cluster.ts';

const CLUSTER = { project: 'p', location: 'l', name: 'c' };
const print = (
	state: Partial<ClusterState>,
	flow: Partial<Flow> = {},
	disposition: Disposition = 'deny',
	of = CLUSTER as { location: string; name: string },
) => fingerprint(judge(cluster(state), observe(disposition, flow)), of);

const owned = (name: string, owner: string, ip: string): PodState => ({
	namespace: 'default',
	name,
	labels: { app: owner },
	ips: [ip],
	node: 'n1',
	owner: { kind: 'Deployment', name: owner },
});
const PODS = [
	owned('web-1', 'web', '10.32.1.1'),
	owned('web-2', 'web', '10.32.1.2'),
	owned('api-1', 'api', '10.32.1.3'),
	owned('api-2', 'api', '10.32.1.4'),
];
const VOID = rule({ peers: [block('10.32.1.0/24')] });
const VOIDED = { pods: PODS, policies: [policy({ ingress: [VOID] })] };
const between = (source: string, destination: string, more: Partial<Flow> = {}) => ({
	source: pod(source),
	destination: pod(destination),
	...more,
});

describe('a fingerprint', (it) => {
	it('is what makes two findings the same problem, as one line', () => {
		assert.is(
			print(VOIDED, between('api-1', 'web-1')),
			`p/l/c|void-rule|ipblock-pod|ingress|default/Deployment/web|default/Deployment/api|8080|TCP|default/p|${hashText(JSON.stringify(VOID))}`,
		);
		assert.is(print({ policies: [policy()] }), 'p/l/c|explained|-|ingress|default/Pod/web|default/Pod/client|8080|TCP|default/p|-');
		assert.is(print({}, { destination: { ip: '203.0.113.7' } }), 'p/l/c|undecidable|-|ingress|-|default/Pod/client|8080|TCP|-|-');
	});

	it('is the same for two Pods of a workload, at either end, and for any source port', () => {
		const first = print(VOIDED, between('api-1', 'web-1'));
		assert.is(print(VOIDED, between('api-2', 'web-2')), first);
		assert.is(print(VOIDED, between('api-1', 'web-1', { sourcePort: 50123 })), first);
	});

	it('is the same when the rule moves to another index, and when another policy joins', () => {
		const first = print(VOIDED, between('api-1', 'web-1'));
		const moved = policy({ ingress: [rule({ ports: [{ protocol: 'UDP' }] }), VOID] });
		assert.is(print({ pods: PODS, policies: [moved] }, between('api-1', 'web-1')), first);
		assert.is(print({ pods: PODS, policies: [policy({ ingress: [VOID] }), policy({ name: 'z' })] }, between('api-1', 'web-1')), first);
	});

	it('is another for another policy, rule, port, protocol, workload, direction, finding or cluster', () => {
		const first = print(VOIDED, between('api-1', 'web-1'));
		const others = [
			print({ pods: PODS, policies: [policy({ name: 'q', ingress: [VOID] })] }, between('api-1', 'web-1')),
			print({ pods: PODS, policies: [policy({ ingress: [rule({ peers: [block('10.32.0.0/16')] })] })] }, between('api-1', 'web-1')),
			print(VOIDED, between('api-1', 'web-1', { port: 9090 })),
			print(VOIDED, between('api-1', 'web-1', { protocol: 'UDP' })),
			print(VOIDED, between('api-1', 'api-2')),
			print(VOIDED, between('web-1', 'web-2')),
			print({ pods: PODS, policies: [policy({ types: ['egress'], egress: [VOID] })] }, between('api-1', 'web-1', { direction: 'egress' })),
			print(VOIDED, between('api-1', 'web-1'), 'allow'),
			print(VOIDED, between('api-1', 'web-1'), 'deny', { ...CLUSTER, name: 'd' }),
			print(VOIDED, between('api-1', 'web-1'), 'deny', { location: 'l', name: 'c' }),
		];
		assert.is(new Set([first, ...others]).size, others.length + 1);
	});

	it('has `ephemeral` for the port of a late reply, and - for none', () => {
		const late = (port: number) => print({ policies: [policy()] }, { sourcePort: 443, port });
		assert.is(late(51000), late(60000));
		assert.is(late(51000).split('|')[6], 'ephemeral');
		const { port: _, ...icmp } = observe('deny', { protocol: 'ICMP' }).flow;
		const judged = judge(cluster({ policies: [policy()] }), { ...observe('deny'), flow: icmp });
		assert.equal(fingerprint(judged, CLUSTER).split('|').slice(6, 8), ['-', 'ICMP']);
	});

	it('has, for a peer that is no workload, the rule’s CIDR, or its kind', () => {
		const peerOf = (state: Partial<ClusterState>, flow: Partial<Flow>) => print(state, flow).split('|')[5];
		const range = policy({
			ingress: [rule({ peers: [block('203.0.113.0/24')], ports: [{ protocol: 'TCP', port: 8000, endPort: 9000 }] })],
		});
		assert.is(peerOf({ policies: [range] }, { source: { ip: '203.0.113.7' } }), 'external');
		assert.is(
			peerOf({ policies: [policy({ ingress: [rule({ peers: [block('10.128.0.0/20')] })] })] }, { source: { node: 'n2' } }),
			'10.128.0.0/20',
		);
		assert.is(peerOf({ policies: [policy()] }, { source: { node: 'n2' } }), 'node');
		assert.is(peerOf({ policies: [policy()] }, { source: { ip: '198.51.100.7' } }), 'external');
		assert.is(peerOf({ policies: [policy()] }, { source: { ip: '169.254.20.10' } }), 'well-known');
		const services = [{ namespace: 'default', name: 's', clusterIps: ['10.40.0.1'] }];
		assert.is(peerOf({ services, policies: [policy()] }, { source: { ip: '10.40.0.1' } }), 'service');
		assert.is(peerOf({ policies: [policy()] }, { source: pod('agent', 'kube-system') }), 'kube-system/Pod/agent');
		const selecting = policy({ ingress: [rule({ peers: [{ podSelector: labels() }] })] });
		assert.is(peerOf({ policies: [selecting] }, { source: pod('gone') }), 'default/Pod/gone');
		const workload = { kind: 'Job', name: 'gone' };
		assert.is(peerOf({ policies: [selecting] }, { source: { ...pod('gone-1'), workload } }), 'default/Job/gone');
	});

	it('is the same for all Pods of a workload that the snapshot does not hold, and without a snapshot', () => {
		const selecting = { policies: [policy({ ingress: [rule({ peers: [{ podSelector: labels() }] })] })] };
		const ends = (source: Flow['source'], snapshot: Parameters<typeof judge>[0]) =>
			fingerprint(judge(snapshot, observe('deny', { source })), CLUSTER).split('|')[5];
		for (const snapshot of [undefined, cluster(selecting)]) {
			for (const [name, stem] of [
				['gone-5d9c7b8f6d-x7k2p', 'gone'],
				['gone-28391299-x7k2p', 'gone'],
				['gone-x7k2p', 'gone'],
				['gone-12', 'gone'],
				['gone-online', 'gone-online'],
			] as const)
				assert.is(ends(pod(name), snapshot), `default/Pod/${stem}`, name);
			const of = (kind: string, name: string) => ends({ ...pod('gone-28391299-x7k2p'), workload: { kind, name } }, snapshot);
			assert.equal([of('Job', 'gone-28391299'), of('CronJob', 'gone')], ['default/CronJob/gone', 'default/CronJob/gone']);
			assert.is(ends({ ...pod('proxy-n7'), workload: { kind: 'Node', name: 'n7' } }, snapshot), 'default/Pod/proxy');
		}
		assert.is(print({}, { destination: pod('gone-x7k2p', 'nowhere') }).split('|')[4], 'nowhere/Pod/gone');
	});

	it('keeps the name of a Pod that nothing owns, and has one for a mirror Pod on whatever node', () => {
		const mirror = (node: string, ip: string) => ({ ...owned(`proxy-${node}`, node, ip), owner: { kind: 'Node', name: node } });
		const bare = { namespace: 'default', name: 'bare-x7k2p', labels: {}, ips: ['10.32.1.9'] };
		const pods = [mirror('gke-a', '10.32.1.7'), mirror('gke-b', '10.32.1.8'), bare];
		const of = (name: string) => print({ pods, policies: [policy()] }, { source: pod(name), destination: pod('bare-x7k2p') }).split('|');
		assert.equal([of('proxy-gke-a')[5], of('proxy-gke-b')[5]], ['default/Pod/proxy', 'default/Pod/proxy']);
		assert.is(of('proxy-gke-a')[4], 'default/Pod/bare-x7k2p');
	});

	it('has `pod` for one of which only the address is known', () => {
		const facts = { cluster: { location: 'l', name: 'c', podRanges: ['10.32.0.0/14'] }, policies: [policy()] };
		assert.is(print(facts, { source: { ip: '10.32.7.7' } }).split('|')[5], 'pod');
		assert.is(print(facts, { destination: { ip: '10.32.7.7' } }).split('|')[4], 'pod');
	});

	it('cannot be made equal by a | or a % in a name', () => {
		const named = (name: string) => print({ policies: [policy({ name })] });
		assert.is(named('a|b').split('|').length, named('p').split('|').length);
		assert.is(named('a|b%').split('|')[8], 'default/a%7Cb%25');
		assert.is(new Set(['a|b', 'a%7Cb', 'a%257Cb', 'a%25b'].map(named)).size, 4);
	});

	it('can be taken apart again, whatever is in a name', () => {
		assert.equal(parseFingerprint(print(VOIDED, between('api-1', 'web-1'))), {
			cluster: 'p/l/c',
			finding: 'void-rule',
			construct: 'ipblock-pod',
			direction: 'ingress',
			subject: 'default/Deployment/web',
			peer: 'default/Deployment/api',
			port: '8080',
			protocol: 'TCP',
			policy: 'default/p',
			ruleHash: hashText(JSON.stringify(VOID)),
		});
		for (const name of ['a|b', 'a%7Cb', 'a%257Cb', '%25', '-'])
			assert.is(parseFingerprint(print({ policies: [policy({ name })] }))?.policy, `default/${name}`);
		const { construct, policy: none, ruleHash } = parseFingerprint(print({}, { destination: { ip: '203.0.113.7' } })) ?? {};
		assert.equal([construct, none, ruleHash], [undefined, undefined, undefined]);
	});

	it('is nothing where another version or the linter made it', () => {
		const line = print(VOIDED, between('api-1', 'web-1'));
		for (const other of [
			'',
			`${line}|x`,
			line.replace('void-rule', 'lint'),
			line.replace('void-rule', 'toString'),
			line.replace('ipblock-pod', 'new-construct'),
			line.replace('ipblock-pod', 'constructor'),
		])
			assert.is(parseFingerprint(other), undefined, other);
	});
});

import * as assert from 'uvu/assert';
import { compileSnapshot } from '../../functions/policy/compile.ts';
import { clusterPorts, isForOtherNetwork } from '../../functions/policy/compiled-policy.ts';
import { evaluate } from '../../functions/policy/evaluate.ts';
import { resolveFlow } from '../../functions/policy/flow.ts';
import { policiesFor } from '../../functions/policy/identity.ts';
import type { Flow, PodState } from '../../functions/policy/model.ts';
import { resolveEnd } from '../../functions/policy/resolve.ts';
import { ALL, NONE } from '../../functions/policy/semantics.ts';
import { describe } from '../describe.ts';
import { block, cluster, flow, labels, pod, policy, rule } from './cluster.ts';

const at = (name: string, ...ips: string[]): PodState => ({ namespace: 'default', name, labels: {}, ips });
const found = (snapshot: ReturnType<typeof cluster>, ip: string) => {
	const { kind, endpoint } = resolveEnd(snapshot, { ip });
	return [kind, endpoint.name];
};
const admitted = (snapshot: ReturnType<typeof cluster>, tweaks: Partial<Flow>) => evaluate(resolveFlow(snapshot, flow(tweaks))).admitted;

describe('a compiled snapshot', (it) => {
	it('says of itself what the snapshot says', () => {
		const state = cluster().state;
		const times = { validFrom: '2026-11-24T10:00:00Z', collectedAt: '2026-11-24T10:00:01Z' };
		const full = compileSnapshot({ format: 1, id: 'x', ...times, state: { ...state, cluster: { location: 'l', name: 'c' } } });
		assert.equal(
			[full.id, full.validFrom, full.validFromMs, full.collectedMs, full.cluster],
			['x', times.validFrom, Date.parse(times.validFrom), Date.parse(times.collectedAt), { location: 'l', name: 'c' }],
		);
		const bare = compileSnapshot({ format: 1, id: 'x', state });
		for (const key of ['validFrom', 'cluster']) assert.is(key in bare, false, key);
		assert.equal([bare.validFromMs, bare.collectedMs], [Number.NaN, Number.NaN]);
		assert.is(bare.state, state);
	});

	it('has every namespace that something names, with the label that the API server gives to all', () => {
		const snapshot = cluster({
			namespaces: [{ name: 'default', labels: { team: 'red' } }],
			policies: [policy({ namespace: 'policies-only' })],
			unreadablePolicies: [{ namespace: 'unreadable-only', name: 'u', reason: 'r' }],
			services: [{ namespace: 'services-only', name: 's' }],
		});
		assert.equal([...snapshot.namespaces.keys()], ['default', 'other', 'kube-system', 'policies-only', 'unreadable-only', 'services-only']);
		assert.equal(snapshot.namespaces.get('default')?.labels, { 'kubernetes.io/metadata.name': 'default', team: 'red' });
		assert.equal(snapshot.namespaces.get('other')?.labels, { 'kubernetes.io/metadata.name': 'other' });
		assert.equal(
			[...snapshot.namespaces.values()].map(({ index }) => index),
			[0, 1, 2, 3, 4, 5],
		);
		assert.equal(snapshot.namespaces.get('services-only')?.services.length, 1);
	});

	it('selects by the labels of a namespace, not by its place in the list', () => {
		const namespaces = [
			{ name: 'other', labels: { team: 'red' } },
			{ name: 'default', labels: { team: 'blue' } },
		];
		const policies = [policy({ ingress: [rule({ peers: [{ namespaceSelector: labels({ team: 'red' }) }] })] })];
		assert.is(admitted(cluster({ namespaces, policies }), { source: pod('far', 'other') }), ALL);
		assert.is(admitted(cluster({ namespaces, policies }), {}), NONE);
	});

	it('keeps the policies of each namespace, other networks’ apart', () => {
		const blue = policy({ name: 'blue', annotations: { 'networking.gke.io/network': 'blue' } });
		const { policies, otherNetworks } = cluster({ policies: [policy(), blue] }).namespaces.get('default') ?? {};
		assert.equal([policies?.map(({ id }) => id), otherNetworks?.map(({ id }) => id)], [['default/p'], ['default/blue']]);
		assert.equal([policy(), blue, policy({ annotations: {} })].map(isForOtherNetwork), [false, true, false]);
	});

	it('knows the names that logs may give a policy', () => {
		const annotations = { 'policy.cilium.io/name': 'newer', 'io.cilium.name': 'older' };
		const loggedAs = (own: object) => cluster({ policies: [policy(own)] }).namespaces.get('default')?.policies[0]?.loggedAs;
		assert.equal(loggedAs({ annotations }), ['default/p', 'default/newer', 'default/older']);
		assert.equal(loggedAs({}), ['default/p']);
	});

	it('shares the port lists of Pods that declare the same, and of no others', () => {
		const named = (name: string, ...names: string[]): PodState => ({
			...at(name),
			ports: names.map((port) => ({ name: port, port: 80, protocol: 'TCP' })),
		});
		const { pods } = cluster({ pods: [named('a', 'x'), named('b', 'x'), named('c', 'x', 'y'), at('d')] }).namespaces.get('default') ?? {};
		const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => pods?.get(name)?.ports);
		assert.is(a, b);
		assert.equal([a?.map(({ name }) => name), c?.map(({ name }) => name), d], [['x'], ['x', 'y'], undefined]);
	});

	it('refuses a network that cannot be read rather than to read it as everything', () => {
		const wide = [policy({ ingress: [rule({ peers: [block('nonsense')] })] })];
		assert.throws(() => cluster({ policies: wide }), /"nonsense" has no prefix length/);
		assert.throws(() => cluster({ policies: [policy({ ingress: [rule({ peers: [block('10.0.0.0/8', '10/9')] })] })] }), /"10\/9"/);
	});
});

describe('the index of addresses', (it) => {
	it('has Pods before nodes before host-network Pods before Services before well-known ones', () => {
		const ip = '10.0.0.1';
		const node = { name: 'n', ips: [ip] };
		const host = { ...at('host', ip), hostNetwork: true } as const;
		const service = { namespace: 'default', name: 's', clusterIps: [ip] };
		assert.equal(found(cluster({ pods: [host, at('web', ip)], nodes: [node], services: [service] }), ip), ['pod', 'web']);
		assert.equal(found(cluster({ pods: [host], nodes: [node], services: [service] }), ip), ['node', 'n']);
		assert.equal(found(cluster({ pods: [host], nodes: [], services: [service] }), ip), ['host-network-pod', 'host']);
		assert.equal(found(cluster({ pods: [], nodes: [], services: [service] }), ip), ['service', 's']);
		const dns = '169.254.20.10';
		assert.equal(found(cluster({ services: [{ ...service, clusterIps: [dns] }] }), dns), ['service', 's']);
	});

	it('has nobody for an address that two Pods have', () => {
		const two = [at('a', '10.0.0.1'), at('b', '10.0.0.1')];
		assert.equal(found(cluster({ pods: two }), '10.0.0.1'), ['unknown', undefined]);
		assert.equal(found(cluster({ pods: [...two, at('c', '10.0.0.1')] }), '10.0.0.1'), ['unknown', undefined]);
		assert.equal(found(cluster({ pods: [at('twice', '10.0.0.1', '10.0.0.1')] }), '10.0.0.1'), ['pod', 'twice']);
		const hosts = two.map((each) => ({ ...each, hostNetwork: true }) as const);
		assert.equal(found(cluster({ pods: hosts, nodes: [] }), '10.0.0.1'), ['host-network-pod', 'a']);
	});

	it('leaves out finished Pods, which may have passed theirs on', () => {
		const finished = { ...at('done', '10.0.0.1'), finished: true } as const;
		assert.equal(found(cluster({ pods: [finished, at('web', '10.0.0.1')] }), '10.0.0.1'), ['pod', 'web']);
		assert.equal(found(cluster({ pods: [finished] }), '10.0.0.1'), ['external', undefined]);
		assert.is(cluster({ pods: [finished] }).namespaces.get('default')?.pods.size, 1);
	});

	it('has every address of a Pod and a node, in its one spelling, and leaves out what is none', () => {
		const snapshot = cluster({
			pods: [at('dual', '10.0.0.1', '2001:DB8:0::1', 'nonsense', '')],
			nodes: [{ name: 'n', ips: ['10.0.1.1', '::ffff:10.0.1.2'] }],
		});
		for (const ip of ['10.0.0.1', '2001:db8::1']) assert.equal(found(snapshot, ip), ['pod', 'dual'], ip);
		for (const ip of ['10.0.1.1', '10.0.1.2']) assert.equal(found(snapshot, ip), ['node', 'n'], ip);
		for (const ip of ['nonsense', '']) assert.equal(found(snapshot, ip), ['external', undefined], ip);
		assert.equal([...snapshot.endpoints.byIpv6.keys()], ['2001:db8::1']);
		assert.is(resolveEnd(snapshot, { ip: '10.0.0.1' }).endpoint, snapshot.namespaces.get('default')?.pods.get('dual'));
		assert.is(resolveEnd(snapshot, { ip: '2001:db8::1' }).mismatch, false);
	});
});

describe('identities', (it) => {
	it('are shared by Pods that no selector can tell apart', () => {
		const pods = ['a', 'b', 'c', 'd'].map((app) => ({ ...at(app), labels: { app, own: app } }));
		const policies = [policy({ podSelector: labels({ app: 'a' }) }), policy({ name: 'q', podSelector: labels({ app: 'b' }) })];
		const { namespaces, identities } = cluster({ pods: [...pods, { ...at('e'), namespace: 'other' }], policies });
		const of = (name: string) => namespaces.get('default')?.pods.get(name)?.identity;
		assert.is(of('c'), of('d'));
		assert.is.not(of('a'), of('b'));
		assert.is(identities.known.size, 4);
	});

	it('find their policies once, by direction', () => {
		const identity = cluster({ policies: [policy()] })
			.namespaces.get('default')
			?.pods.get('web')?.identity;
		if (!identity) throw new Error('no identity');
		assert.is(policiesFor(identity, 'ingress'), policiesFor(identity, 'ingress'));
		assert.is(policiesFor(identity, 'egress'), policiesFor(identity, 'egress'));
		assert.equal([policiesFor(identity, 'ingress').isolated, policiesFor(identity, 'egress').isolated], [ALL, NONE]);
	});
});

describe('the cluster’s table of named ports', (it) => {
	const http = (port: number, init?: 'init') => ({ name: 'http', port, protocol: 'TCP', ...(init && { init }) }) as const;
	const table = (...pods: PodState[]) => Object.fromEntries(clusterPorts(pods));

	it('has one number for a name and protocol, or none where Pods differ', () => {
		const udp = { name: 'http', port: 9, protocol: 'UDP' } as const;
		assert.equal(table({ ...at('a'), ports: [http(80), udp] }, { ...at('b'), ports: [http(80)] }), { 'TCP http': 80, 'UDP http': 9 });
		assert.equal(table({ ...at('a'), ports: [http(80)] }, { ...at('b'), ports: [http(81)] }, { ...at('c'), ports: [http(81)] }), {
			'TCP http': -1,
		});
	});

	it('is of endpoints only, and not of their init containers', () => {
		const ports = [http(80)];
		assert.equal(table(at('a'), { ...at('b'), ports, hostNetwork: true }, { ...at('c'), ports, finished: true }), {});
		assert.equal(table({ ...at('a'), ports: [http(80, 'init')] }), {});
	});
});

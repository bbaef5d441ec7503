import * as assert from 'uvu/assert';
import type { FlowEnd } from '../../functions/policy/model.ts';
import { resolveEnd } from '../../functions/policy/resolve.ts';
import { describe } from '../describe.ts';
import { cluster, pod } from './cluster.ts';

const SNAPSHOT = cluster({
	pods: [
		...cluster().state.pods,
		{ namespace: 'default', name: 'dual', labels: {}, ips: ['10.32.1.9', '2001:db8::9'], node: 'n1' },
		{ namespace: 'default', name: 'pending', labels: {}, ips: [] },
	],
	nodes: [
		{ name: 'n1', ips: ['10.128.0.1', '198.51.100.1'] },
		{ name: 'n2', ips: ['10.128.0.2'] },
	],
	services: [{ namespace: 'default', name: 'web', clusterIps: ['10.40.0.5', '2001:db8:1::5'] }],
});

const resolved = (end: FlowEnd) => {
	const { kind, ip, mismatch, endpoint } = resolveEnd(SNAPSHOT, end);
	const { namespace, name, node } = endpoint;
	return { kind, ...(namespace && { namespace }), name, ip, node, mismatch };
};

describe('an end with a Pod’s name', (it) => {
	it('is that Pod, with its first address', () => {
		assert.equal(resolved(pod('web')), { kind: 'pod', namespace: 'default', name: 'web', ip: '10.32.1.2', node: 'n1', mismatch: false });
		assert.equal(resolveEnd(SNAPSHOT, pod('web')), resolveEnd(SNAPSHOT, { ...pod('web'), ip: '10.32.1.2' }));
	});

	it('has the address of the flow, which is a mismatch where the Pod has not got it', () => {
		assert.equal(
			[resolved({ ...pod('dual'), ip: '2001:DB8:0::9' }), resolved({ ...pod('dual'), ip: '10.32.1.10' })].map(({ name, ip, mismatch }) => [
				name,
				ip,
				mismatch,
			]),
			[
				['dual', '2001:DB8:0::9', false],
				['dual', '10.32.1.10', true],
			],
		);
	});

	it('is no mismatch where the Pod has no address yet, or the flow’s is none', () => {
		assert.is(resolved({ ...pod('pending'), ip: '10.32.1.77' }).mismatch, false);
		assert.is(resolved({ ...pod('web'), ip: 'x' }).mismatch, false);
	});

	it('is a host-network Pod where it is one, and that no selector sees', () => {
		const end = resolveEnd(SNAPSHOT, pod('agent', 'kube-system'));
		assert.equal(
			[end.kind, end.endpoint.identity, end.endpoint.node, end.endpoint.workload],
			['host-network-pod', undefined, 'n2', { kind: 'Pod', name: 'agent' }],
		);
	});

	it('is unknown where the snapshot does not hold it, in whatever namespace', () => {
		const workload = { kind: 'Deployment', name: 'gone' };
		const end = resolveEnd(SNAPSHOT, { ...pod('gone'), ip: '10.32.1.2', workload });
		assert.equal(
			[end.kind, end.endpoint.namespace, end.endpoint.name, end.ip, end.endpoint.workload],
			['unknown', 'default', 'gone', '10.32.1.2', workload],
		);
		assert.is(resolved(pod('gone', 'nowhere')).kind, 'unknown');
	});
});

describe('an end with a node’s name', (it) => {
	it('is that node, with its first address or the one of the flow, and is never a mismatch', () => {
		assert.equal(resolved({ node: 'n1' }), { kind: 'node', name: 'n1', ip: '10.128.0.1', node: 'n1', mismatch: false });
		assert.equal(resolved({ node: 'n1', ip: '198.51.100.1' }).ip, '198.51.100.1');
		assert.equal(resolved({ node: 'n1', ip: '198.51.100.9' }), {
			kind: 'node',
			name: 'n1',
			ip: '198.51.100.9',
			node: 'n1',
			mismatch: false,
		});
	});

	it('is a node also where the snapshot does not hold it', () => {
		assert.equal(resolved({ node: 'n9', ip: '10.128.0.9' }), { kind: 'node', name: 'n9', ip: '10.128.0.9', node: 'n9', mismatch: false });
		assert.equal(resolved({ node: 'n9' }).ip, undefined);
	});
});

describe('an end with an address only', (it) => {
	const kinds: readonly (readonly [string, string, string | undefined])[] = [
		['10.32.1.2', 'pod', 'web'],
		['2001:db8::9', 'pod', 'dual'],
		['2001:DB8:0:0::9', 'pod', 'dual'],
		['::ffff:10.32.1.2', 'pod', 'web'],
		['10.128.0.1', 'node', 'n1'],
		['198.51.100.1', 'node', 'n1'],
		['10.128.0.2', 'node', 'n2'],
		['10.40.0.5', 'service', 'web'],
		['2001:db8:1::5', 'service', 'web'],
		['169.254.169.254', 'well-known', 'metadata server'],
		['169.254.169.252', 'well-known', 'metadata server'],
		['169.254.20.10', 'well-known', 'node-local DNS'],
		['203.0.113.7', 'external', undefined],
		['2001:db8::77', 'external', undefined],
		['nonsense', 'external', undefined],
		['non:sense', 'external', undefined],
	];
	for (const [ip, kind, name] of kinds)
		it(`${ip} is ${kind} ${name ?? ''}`, () => {
			const end = resolveEnd(SNAPSHOT, { ip });
			assert.equal([end.kind, end.endpoint.name], [kind, name]);
		});

	it('of a Pod is in the flow as it is given', () => {
		assert.is(resolved({ ip: '2001:db8::9' }).ip, '2001:db8::9');
	});

	it('is external where there is none at all', () => {
		assert.equal(resolved({}), { kind: 'external', name: undefined, ip: undefined, node: undefined, mismatch: false });
	});
});

describe('an address of the cluster’s Pod ranges', (it) => {
	const within = (podRanges: string[], ip: string) => {
		const { kind, ip: address, endpoint } = resolveEnd(cluster({ cluster: { location: 'l', name: 'c', podRanges } }), { ip });
		return [kind, endpoint.name, address];
	};

	it('that nothing has is of a Pod that the snapshot does not hold', () => {
		const ranges = ['10.32.0.0/14', '2001:db8:2::/64'];
		for (const ip of ['10.32.1.99', '10.35.255.255', '2001:db8:2::9', '::ffff:10.32.1.99'])
			assert.equal(within(ranges, ip), ['unknown', undefined, ip], ip);
		for (const ip of ['10.36.0.1', '203.0.113.7', '2001:db8:3::9', 'nonsense'])
			assert.equal(within(ranges, ip), ['external', undefined, ip]);
		assert.equal(within(ranges, '10.32.1.2'), ['pod', 'web', '10.32.1.2']);
	});

	it('is external where the ranges are not known or cannot be read', () => {
		for (const ranges of [[], ['nonsense']]) assert.equal(within(ranges, '10.32.1.99'), ['external', undefined, '10.32.1.99']);
		assert.is(resolveEnd(cluster(), { ip: '10.32.1.99' }).kind, 'external');
	});
});

describe('a Pod that was created after the flow', (it) => {
	const created = Date.parse('2026-11-24T10:00:00Z');
	const pods = cluster().state.pods.map((each) => ({ ...each, createdAt: '2026-11-24T10:00:00Z' }));
	const at = (end: FlowEnd, atMs?: number) => resolveEnd(cluster({ pods, nodes: [] }), end, atMs);

	it('is not what had its address then', () => {
		assert.equal([at({ ip: '10.32.1.2' }, created - 1).kind, at({ ip: '10.32.1.2' }, created - 1).ip], ['unknown', '10.32.1.2']);
		for (const time of [created, created + 1, Number.NaN, undefined]) assert.is(at({ ip: '10.32.1.2' }, time).endpoint.name, 'web');
	});

	it('is told by any year', () => {
		const since = (createdAt: string) => cluster({ pods: cluster().state.pods.map((each) => ({ ...each, createdAt })), nodes: [] });
		const kind = (createdAt: string) => resolveEnd(since(createdAt), { ip: '10.32.1.2' }, created).kind;
		assert.equal(['1960-01-01T00:00:00Z', '2039-01-01T00:00:00Z', '9999-12-31T23:59:59Z'].map(kind), ['pod', 'unknown', 'unknown']);
	});

	it('is still that of its name, and on the host’s network still has the node’s address', () => {
		assert.is(at(pod('web'), created - 1).endpoint.name, 'web');
		assert.is(at({ ...pod('web'), ip: '10.32.1.2' }, created - 1).kind, 'pod');
		assert.is(at({ ip: '10.128.0.2' }, created - 1).kind, 'host-network-pod');
	});
});

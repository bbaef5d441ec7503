import * as assert from 'uvu/assert';
import type { FlowEnd, PodState } from '../../functions/policy/model.ts';
import { resolveEnd } from '../../functions/policy/resolve.ts';
import { describe } from '../describe.ts';
import { cluster, pod } from './cluster.ts';

const owned = (name: string, kind: string, owner: string, more: Partial<PodState> = {}): PodState => ({
	namespace: 'default',
	name,
	labels: { of: owner },
	ips: ['10.32.1.50'],
	owner: { kind, name: owner },
	...more,
});

const SNAPSHOT = cluster({
	pods: [
		owned('web-5d9c7b8f6d-x7k2p', 'Deployment', 'web', {
			labels: { of: 'web', 'pod-template-hash': '5d9c7b8f6d' },
			ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
		}),
		owned('agent-x7k2p', 'DaemonSet', 'agent', { hostNetwork: true }),
		owned('db-0', 'StatefulSet', 'db', {
			labels: { of: 'db', 'statefulset.kubernetes.io/pod-name': 'db-0', 'apps.kubernetes.io/pod-index': '0' },
		}),
		{ namespace: 'default', name: 'bare-7', labels: { of: 'nobody' }, ips: [] },
	],
});

const resolved = (name: string, more: FlowEnd = {}) => resolveEnd(SNAPSHOT, { ...pod(name), ...more });

describe('a Pod that the snapshot does not hold', (it) => {
	it('has the labels of a Pod of the workload that the entry names', () => {
		const end = resolved('any-name-at-all', { workload: { kind: 'Deployment', name: 'web' }, ip: '10.32.1.77', node: 'n7' });
		assert.equal([end.kind, end.name, end.ip, end.node], ['pod', 'any-name-at-all', '10.32.1.77', 'n7']);
		assert.equal(end.sibling?.name, 'web-5d9c7b8f6d-x7k2p');
		assert.equal(end.workload, { kind: 'Deployment', name: 'web' });
		assert.equal(end.pod?.labels, { of: 'web', 'pod-template-hash': '5d9c7b8f6d' });
		assert.equal(end.pod?.ports, [{ name: 'http', port: 8080, protocol: 'TCP' }]);
		assert.equal([end.addresses.length, end.mismatch], [1, false]);
	});

	it('or, where it names none, of one whose name has the same pattern', () => {
		assert.is(resolved('web-5d9c7b8f6d-zzzzz').sibling?.name, 'web-5d9c7b8f6d-x7k2p');
		assert.is(resolved('web-6d9c7b8f6d-zzzzz').sibling?.name, 'web-5d9c7b8f6d-x7k2p');
		assert.is(resolved('agent-zzzzz').sibling?.name, 'agent-x7k2p');
		assert.is(resolved('db-12').sibling?.name, 'db-0');
		assert.is(resolved('db-12', { workload: { kind: 'StatefulSet', name: 'other' } }).sibling?.name, 'db-0');
	});

	it('keeps what a controller sets by the name for itself', () => {
		assert.equal(resolved('db-12').pod?.labels, {
			of: 'db',
			'statefulset.kubernetes.io/pod-name': 'db-12',
			'apps.kubernetes.io/pod-index': '12',
		});
		assert.is(resolved('web-6d9c7b8f6d-zzzzz').pod?.labels['pod-template-hash'], '6d9c7b8f6d');
		const named = { workload: { kind: 'StatefulSet', name: 'db' } };
		assert.is(resolved('odd', named).pod?.labels['apps.kubernetes.io/pod-index'], '0');
		assert.is(resolved('odd', named).pod?.labels['statefulset.kubernetes.io/pod-name'], 'odd');
	});

	it('is on the host network where its sibling is', () => {
		const end = resolved('agent-zzzzz');
		assert.equal([end.kind, end.identity, end.ip, end.addresses], ['host-network-pod', undefined, undefined, []]);
	});

	it('is unknown without a sibling: a bare Pod’s name says nothing, nor does another namespace', () => {
		for (const name of ['bare-8', 'web', 'web-aeiou', 'cache-0', 'agent-12'])
			assert.equal([resolved(name).kind, resolved(name).sibling], ['unknown', undefined], name);
		assert.is(resolveEnd(SNAPSHOT, pod('db-1', 'other')).kind, 'unknown');
	});

	it('shares the identity of Pods whose labels are alike to every selector', () => {
		assert.is(resolved('db-12').identity, resolved('db-0').identity);
	});
});

import * as assert from 'uvu/assert';
import type { FlowEnd, PodState } from '../../functions/policy/model.ts';
import { resolveEnd } from '../../functions/policy/resolve.ts';
import { describe } from '../describe.ts';
import { cluster, labels, pod, policy } from './cluster.ts';

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
		assert.equal([end.kind, end.endpoint.name, end.ip, end.endpoint.node], ['pod', 'any-name-at-all', '10.32.1.77', 'n7']);
		assert.equal(end.sibling?.name, 'web-5d9c7b8f6d-x7k2p');
		assert.equal(end.endpoint.workload, { kind: 'Deployment', name: 'web' });
		assert.equal(end.endpoint.pod?.labels, { of: 'web', 'pod-template-hash': '5d9c7b8f6d' });
		assert.equal(end.endpoint.pod?.ports, [{ name: 'http', port: 8080, protocol: 'TCP' }]);
		assert.equal([end.endpoint.addresses.length, end.mismatch], [1, false]);
	});

	it('or, where it names none, of one whose name has the same pattern', () => {
		assert.is(resolved('web-5d9c7b8f6d-zzzzz').sibling?.name, 'web-5d9c7b8f6d-x7k2p');
		assert.is(resolved('web-6d9c7b8f6d-zzzzz').sibling?.name, 'web-5d9c7b8f6d-x7k2p');
		assert.is(resolved('agent-zzzzz').sibling?.name, 'agent-x7k2p');
		assert.is(resolved('db-12').sibling?.name, 'db-0');
	});

	it('is unknown where the workload that the entry names has no Pods, whatever the pattern finds', () => {
		for (const workload of [
			{ kind: 'StatefulSet', name: 'other' },
			{ kind: 'Deployment', name: 'db' },
		])
			assert.equal([resolved('db-12', { workload }).kind, resolved('db-12', { workload }).sibling], ['unknown', undefined]);
		assert.is(resolved('agent-zzzzz', { workload: { kind: 'Job', name: 'agent' } }).kind, 'unknown');
		assert.is(resolved('agent-zzzzz', { workload: { kind: 'DaemonSet', name: 'agent' } }).sibling?.name, 'agent-x7k2p');
	});

	it('keeps what a controller sets by the name for itself', () => {
		assert.equal(resolved('db-12').endpoint.pod?.labels, {
			of: 'db',
			'statefulset.kubernetes.io/pod-name': 'db-12',
			'apps.kubernetes.io/pod-index': '12',
		});
		assert.is(resolved('web-6d9c7b8f6d-zzzzz').endpoint.pod?.labels['pod-template-hash'], '6d9c7b8f6d');
		const named = { workload: { kind: 'StatefulSet', name: 'db' } };
		assert.is(resolved('odd', named).endpoint.pod?.labels['apps.kubernetes.io/pod-index'], '0');
		assert.is(resolved('odd', named).endpoint.pod?.labels['statefulset.kubernetes.io/pod-name'], 'odd');
	});

	it('is on the host network where its sibling is', () => {
		const end = resolved('agent-zzzzz');
		assert.equal([end.kind, end.endpoint.identity, end.ip, end.endpoint.addresses], ['host-network-pod', undefined, undefined, []]);
	});

	it('is unknown without a sibling: a bare Pod’s name says nothing, nor does another namespace', () => {
		for (const name of ['bare-8', 'web', 'web-aeiou', 'cache-0', 'agent-12'])
			assert.equal([resolved(name).kind, resolved(name).sibling], ['unknown', undefined], name);
		assert.is(resolveEnd(SNAPSHOT, pod('db-1', 'other')).kind, 'unknown');
	});

	it('shares the identity of Pods whose labels are alike to every selector', () => {
		assert.is(resolved('db-12').endpoint.identity, resolved('db-0').endpoint.identity);
	});
});

describe('siblings of several revisions', (it) => {
	const OLD = owned('web-5d9c7b8f6d-x7k2p', 'Deployment', 'web', { labels: { v: 'old', 'pod-template-hash': '5d9c7b8f6d' } });
	const NEW = owned('web-6d9c7b8f6d-x7k2p', 'Deployment', 'web', { labels: { v: 'new', 'pod-template-hash': '6d9c7b8f6d' } });
	const selecting = (key: string, value: string) => policy({ podSelector: labels({ [key]: value }) });
	const DEPLOYMENT = { workload: { kind: 'Deployment', name: 'web' } };
	const of = (name: string, pods: PodState[], policies = [selecting('v', 'new')], more: FlowEnd = {}) =>
		resolveEnd(cluster({ pods, policies }), { ...pod(name), ...more }).sibling?.name;

	it('are those of the own revision, in whatever order, by the name or by the workload', () => {
		for (const pods of [
			[OLD, NEW],
			[NEW, OLD],
		])
			for (const more of [{}, DEPLOYMENT]) {
				assert.is(of('web-6d9c7b8f6d-zzzzz', pods, undefined, more), NEW.name);
				assert.is(of('web-5d9c7b8f6d-zzzzz', pods, undefined, more), OLD.name);
			}
	});

	it('are none where only others are there and a policy may tell them apart', () => {
		for (const more of [{}, DEPLOYMENT]) {
			assert.is(of('web-7d9c7b8f6d-zzzzz', [OLD, NEW], undefined, more), undefined);
			assert.is(of('web-7d9c7b8f6d-zzzzz', [OLD, NEW], [selecting('w', 'x')], more), OLD.name);
			assert.is(of('web-7d9c7b8f6d-zzzzz', [OLD], undefined, more), OLD.name);
		}
		assert.is(of('any-name', [OLD, NEW], undefined, DEPLOYMENT), undefined);
	});

	it('are told apart by the ports that they name and by the host’s network, and not by the hash that each has for itself', () => {
		const ports = [{ name: 'http', port: 8080, protocol: 'TCP' } as const];
		const plain = { ...NEW, labels: { ...OLD.labels, 'pod-template-hash': '6d9c7b8f6d' } };
		const hashed = [selecting('pod-template-hash', '5d9c7b8f6d')];
		assert.is(of('web-7d9c7b8f6d-zzzzz', [OLD, plain], hashed), OLD.name);
		assert.is(of('web-7d9c7b8f6d-zzzzz', [OLD, { ...plain, ports }]), undefined);
		assert.is(
			of('web-7d9c7b8f6d-zzzzz', [
				{ ...OLD, ports },
				{ ...plain, ports: [...ports] },
			]),
			OLD.name,
		);
		assert.is(of('web-7d9c7b8f6d-zzzzz', [OLD, { ...plain, hostNetwork: true }]), undefined);
	});

	it('are none where Pods of two workloads have the pattern and differ', () => {
		const [job, agent] = [owned('web-ccccc', 'Job', 'web'), owned('web-x7k2p', 'DaemonSet', 'web', { labels: { v: 'new' } })];
		const named = { ...job, name: 'web-bbbbb' };
		assert.is(of('web-zzzzz', [named, agent]), undefined);
		assert.is(of('web-zzzzz', [named, agent], undefined, { workload: { kind: 'Job', name: 'web' } }), named.name);
	});
});

describe('the next run of a CronJob', (it) => {
	const run = (minute: string) => ({ 'job-name': `mig-${minute}`, 'batch.kubernetes.io/job-name': `mig-${minute}`, of: 'mig' });
	const earlier = [owned('mig-28391298-x7k2p', 'CronJob', 'mig', { labels: run('28391298'), finished: true })];
	const of = (name: string, more: FlowEnd = {}, pods = earlier) => resolveEnd(cluster({ pods }), { ...pod(name), ...more });

	it('has the labels of an earlier one’s Pods, by its Job, by the CronJob, or by the name', () => {
		const workloads = [{ workload: { kind: 'Job', name: 'mig-28391299' } }, { workload: { kind: 'CronJob', name: 'mig' } }, {}];
		for (const more of workloads) {
			const end = of('mig-28391299-bbbbb', more);
			assert.equal(
				[end.sibling?.name, end.endpoint.pod?.labels, end.endpoint.workload],
				[earlier[0]?.name, run('28391299'), { kind: 'CronJob', name: 'mig' }],
			);
		}
		const indexed = owned('mig-28391298-0-bbbbb', 'CronJob', 'mig', { labels: run('28391298') });
		assert.equal(of('mig-28391299-3-zzzzz', {}, [indexed]).endpoint.pod?.labels, run('28391299'));
	});

	it('is not that of another, nor of a Job that nothing schedules', () => {
		assert.is(of('mig-28391299-bbbbb', { workload: { kind: 'CronJob', name: 'other' } }).kind, 'unknown');
		assert.is(of('mig-bbbbb').kind, 'unknown');
		assert.is(of('odd', { workload: { kind: 'CronJob', name: 'mig' } }).endpoint.pod?.labels['job-name'], 'mig-28391298');
	});
});

describe('a ReplicaSet that the entry names', (it) => {
	it('is its Deployment’s', () => {
		assert.is(resolved('x', { workload: { kind: 'ReplicaSet', name: 'web-5d9c7b8f6d' } }).sibling?.name, 'web-5d9c7b8f6d-x7k2p');
	});
});

describe('a mirror Pod', (it) => {
	it('is no sibling of those that the same node has', () => {
		const pods = [owned('kube-proxy-gke-abc', 'Node', 'gke-abc')];
		const end = resolveEnd(cluster({ pods }), { ...pod('other-gke-abc'), workload: { kind: 'Node', name: 'gke-abc' } });
		assert.is(end.kind, 'unknown');
	});

	it('is the same workload on every node', () => {
		const pods = [owned('kube-proxy-gke-abc', 'Node', 'gke-abc', { hostNetwork: true }), owned('odd', 'Node', 'gke-abc')];
		const of = (name: string) => resolveEnd(cluster({ pods }), pod(name)).endpoint.workload;
		assert.equal(
			[of('kube-proxy-gke-abc'), of('odd')],
			[
				{ kind: 'Pod', name: 'kube-proxy' },
				{ kind: 'Pod', name: 'odd' },
			],
		);
	});
});

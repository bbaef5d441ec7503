import * as assert from 'uvu/assert';
import type { PodState } from '../../functions/policy/model.ts';
import { describe } from '../describe.ts';
import { messages, pod, reduce } from './raw.ts';

const read = (more: Parameters<typeof pod>[1]): PodState | undefined => reduce([pod('a', more)]).state.pods[0];

describe('pod', (it) => {
	it('all that is kept', () => {
		const more = {
			metadata: { labels: { app: 'a' }, creationTimestamp: '2026-01-01T02:00:00+02:00' },
			spec: { hostNetwork: true },
			status: { phase: 'Succeeded', podIPs: [{ ip: '10.0.0.7' }, { ip: 'fd00::7' }] },
		};
		assert.equal(read(more), {
			createdAt: '2026-01-01T00:00:00Z',
			finished: true,
			hostNetwork: true,
			ips: ['10.0.0.7', 'fd00::7'],
			labels: { app: 'a' },
			name: 'a',
			namespace: 'shop',
			node: 'n1',
		});
	});
	it('finished once its phase is an end', () => {
		const phases = ['Succeeded', 'Failed', 'Running', 'Pending', 'Unknown'];
		assert.equal(
			phases.map((phase) => read({ status: { phase } })?.finished),
			[true, true, undefined, undefined, undefined],
		);
	});
	it('podIP where there are no podIPs; none before it has one', () => {
		assert.equal(read({ status: { podIP: '10.0.0.8', podIPs: undefined } })?.ips, ['10.0.0.8']);
		assert.equal(read({ status: { podIP: undefined, podIPs: [] } })?.ips, []);
	});
	it('named ports only, and whose they are', () => {
		const ports = (name: string) => [
			{ name, containerPort: 80 },
			{ containerPort: 81 },
			{ name: `${name}-u`, containerPort: 82, protocol: 'UDP' },
		];
		const spec = {
			containers: [{ ports: ports('web') }],
			initContainers: [{ ports: ports('init') }, { ports: ports('car'), restartPolicy: 'Always' }],
		};
		assert.equal(read({ spec })?.ports, [
			{ init: 'sidecar', name: 'car', port: 80, protocol: 'TCP' },
			{ init: 'sidecar', name: 'car-u', port: 82, protocol: 'UDP' },
			{ init: 'init', name: 'init', port: 80, protocol: 'TCP' },
			{ init: 'init', name: 'init-u', port: 82, protocol: 'UDP' },
			{ name: 'web', port: 80, protocol: 'TCP' },
			{ name: 'web-u', port: 82, protocol: 'UDP' },
		]);
	});

	const owned = (kind: string, name: string, labels: object = {}) =>
		read({
			metadata: {
				labels,
				ownerReferences: [
					{ kind: 'Other', name: 'o' },
					{ kind, name, controller: true },
				],
			},
		})?.owner;
	const owners: [string, unknown, unknown][] = [
		[
			'a ReplicaSet of a Deployment',
			owned('ReplicaSet', 'api-abc12', { 'pod-template-hash': 'abc12' }),
			{ kind: 'Deployment', name: 'api' },
		],
		['a ReplicaSet by itself', owned('ReplicaSet', 'api-abc12'), { kind: 'ReplicaSet', name: 'api-abc12' }],
		[
			'a ReplicaSet with another hash',
			owned('ReplicaSet', 'api-abc12', { 'pod-template-hash': 'x' }),
			{ kind: 'ReplicaSet', name: 'api-abc12' },
		],
		[
			'a ReplicaSet that is only a hash',
			owned('ReplicaSet', '-abc12', { 'pod-template-hash': 'abc12' }),
			{ kind: 'ReplicaSet', name: '-abc12' },
		],
		['a Job of a CronJob', owned('Job', 'backup-28391040'), { kind: 'CronJob', name: 'backup' }],
		['a Job by itself', owned('Job', 'backup-1'), { kind: 'Job', name: 'backup-1' }],
		['a Job with a longer number', owned('Job', 'backup-12345678901'), { kind: 'Job', name: 'backup-12345678901' }],
		['a StatefulSet', owned('StatefulSet', 'db'), { kind: 'StatefulSet', name: 'db' }],
		['no controller', read({ metadata: { ownerReferences: [{ kind: 'X', name: 'x' }] } })?.owner, undefined],
		['references that are none', read({ metadata: { ownerReferences: 'x' } })?.owner, undefined],
	];
	for (const [name, owner, expected] of owners) it(`owner: ${name}`, () => assert.equal(owner, expected));

	const refused: [string, Parameters<typeof pod>[1], string][] = [
		['a label that is no text', { metadata: { labels: { v: 1 } } }, 'metadata.labels.v: must be a string (1): put it in quotes'],
		[
			'a port beyond all ports',
			{ spec: { containers: [{ ports: [{ name: 'x', containerPort: 70000 }] }] } },
			'spec.containers[0].ports[0].containerPort: must be between 1 and 65535, inclusive (70000)',
		],
		['containers that are no list', { spec: { containers: 'x' } }, 'spec.containers: must be a list ("x")'],
		['a name with a newline', { metadata: { name: 'a\nb' } }, ''],
	];
	for (const [name, more, message] of refused) {
		it(`refused: ${name}`, () => {
			const { state, problems } = reduce([pod('a', more)]);
			assert.is(state.pods.length, 0);
			assert.is(problems.length, 1);
			assert.match(messages(problems)[0] ?? '', message);
		});
	}
});

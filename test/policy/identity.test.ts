import * as assert from 'uvu/assert';
import { evaluate } from '../../functions/policy/evaluate.ts';
import { resolveFlow } from '../../functions/policy/flow.ts';
import { policiesFor } from '../../functions/policy/identity.ts';
import type { Direction, PolicyPort } from '../../functions/policy/model.ts';
import { ALL, NONE } from '../../functions/policy/semantics.ts';
import { NOT_NUMERIC, portKey } from '../../functions/policy/subject.ts';
import { describe } from '../describe.ts';
import { cluster, flow, labels, policy, rule } from './cluster.ts';

const TCP = 0;
const UDP = 1;
const tcp = (port: number): PolicyPort => ({ protocol: 'TCP', port });

function concerns(snapshot: ReturnType<typeof cluster>, name: string, direction: Direction = 'ingress', namespace = 'default') {
	const identity = snapshot.namespaces.get(namespace)?.pods.get(name)?.identity;
	if (!identity) throw new Error('no identity');
	return policiesFor(identity, direction);
}

describe('what concerns a subject', (it) => {
	it('is the policies that select it and have the direction, and their rules in order', () => {
		const policies = [
			policy({ name: 'a', ingress: [rule(), rule()] }),
			policy({ name: 'db', podSelector: labels({ app: 'db' }) }),
			policy({ name: 'out', types: ['egress'] }),
			policy({ name: 'b', ingress: [rule()] }),
		];
		const { isolated, policies: applied, rules } = concerns(cluster({ policies }), 'web');
		assert.is(isolated, ALL);
		assert.equal(
			applied.map((each) => [each.policy.source.name, each.applies]),
			[
				['a', ALL],
				['b', ALL],
			],
		);
		assert.equal(
			rules.map((each) => [each.policy.source.name, each.rule.index]),
			[
				['a', 0],
				['a', 1],
				['b', 0],
			],
		);
	});

	it('is found once, and shared by all that the same policies select, in that direction', () => {
		const policies = [policy({ types: ['ingress', 'egress'] }), policy({ name: 'q', podSelector: labels({ app: 'web' }) })];
		const pods = ['web', 'client', 'job'].map((app) => ({ namespace: 'default', name: app, labels: { app }, ips: [] }));
		const snapshot = cluster({
			pods,
			policies: [...policies, policy({ name: 'r', namespace: 'other', podSelector: labels({ app: 'job' }) })],
		});
		assert.is(concerns(snapshot, 'client'), concerns(snapshot, 'job'));
		assert.is.not(
			snapshot.namespaces.get('default')?.pods.get('client')?.identity,
			snapshot.namespaces.get('default')?.pods.get('job')?.identity,
		);
		assert.is.not(concerns(snapshot, 'client'), concerns(snapshot, 'web'));
		assert.is.not(concerns(snapshot, 'client'), concerns(snapshot, 'client', 'egress'));
		assert.is(concerns(snapshot, 'web', 'egress'), concerns(snapshot, 'client', 'egress'));
	});

	it('is not shared where the same policies apply under other semantics', () => {
		const key = 'pod-template-hash';
		const podSelector = { matchLabels: {}, matchExpressions: [{ key, operator: 'NotIn', values: ['a'] } as const] };
		const pods = ['a', 'b'].map((name) => ({ namespace: 'default', name, labels: { [key]: name }, ips: [] }));
		const snapshot = cluster({ pods, policies: [policy({ podSelector })] });
		assert.is(concerns(snapshot, 'b').isolated, ALL);
		assert.ok(concerns(snapshot, 'a').isolated !== ALL && concerns(snapshot, 'a').isolated !== NONE);
	});
});

describe('the rules of a subject as numbers', (it) => {
	const ingress = [
		rule({ ports: [tcp(80)] }),
		rule({ ports: [tcp(443), tcp(80)] }),
		rule(),
		rule({ ports: [tcp(81), { protocol: 'TCP', port: 8000, endPort: 8100 }] }),
		rule({ ports: [{ protocol: 'UDP', port: 80 }] }),
		rule({ ports: [tcp(81), { protocol: 'TCP', port: 'http' }] }),
	];
	it('have each the place of the next, the ports that are single numbers, and the numbers of their peers', () => {
		const peers = [{ podSelector: labels({ app: 'a' }) }, { podSelector: labels({ app: 'b' }) }];
		const rules = [...ingress, rule({ peers, ports: [tcp(80)] }), rule({ peers: peers.slice(1) })];
		const snapshot = cluster({ policies: [policy({ ingress: rules })] });
		const { start, isolated } = concerns(snapshot, 'web');
		const { steps, subjects } = snapshot.table;
		const end = steps[start + 2] ?? 0;
		assert.equal([subjects[steps[start] ?? -1]?.start, steps[start + 1], isolated], [start, ALL, ALL]);
		const read: number[][] = [];
		for (let at = start + 3; at < end; at = steps[at] ?? end) read.push(steps.slice(at + 1, steps[at]));
		const key = (protocol: 0 | 1, port: number) => portKey(protocol, port);
		assert.equal(read, [
			[ALL, 1, key(TCP, 80)],
			[ALL, 2, key(TCP, 443), key(TCP, 80)],
			[ALL, 0],
			[ALL, NOT_NUMERIC],
			[ALL, 1, key(UDP, 80)],
			[ALL, NOT_NUMERIC],
			[ALL, 1, key(TCP, 80), 0, 1],
			[ALL, 0, 1],
		]);
	});

	it('have another key for each protocol and port', () => {
		const keys = [0, 1, 2, 3, 4].flatMap((protocol) => [-1, 0, 1, 80, 65535].map((port) => portKey(protocol as 0 | 1 | 2 | 3 | 4, port)));
		assert.is(new Set(keys).size, 25);
	});

	it('leave out no rule that admits', () => {
		for (const [port, admitting] of [
			[80, [0, 1, 2]],
			[8000, [2, 3]],
			[8080, [2, 3, 5]],
			[81, [2, 3, 5]],
			[443, [1, 2]],
			[5, [2]],
		] as const) {
			const { admissions } = evaluate(resolveFlow(cluster({ policies: [policy({ ingress })] }), flow({ port })));
			assert.equal(
				admissions.map((each) => each.rule.index),
				admitting,
				`${port}`,
			);
		}
	});
});

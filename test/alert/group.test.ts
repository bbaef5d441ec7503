import { equal, is, not } from 'uvu/assert';
import { groupOf } from '../../functions/alert/group.ts';
import { CONSTRUCTS } from '../../functions/policy/constructs.ts';
import { describe } from '../describe.ts';
import { PROD, problemOf } from './sample.ts';

const idOf = (written: Parameters<typeof problemOf>[0]): string => groupOf(problemOf(written)).id;

describe('a group of problems', (it) => {
	it('is what one rule breaks, whichever workloads and ports that are', () => {
		const first = idOf({});
		is(idOf({ subject: 'shop/Deployment/other', peer: 'ops/DaemonSet/agent', port: '443' }), first);
		for (const other of [
			{ rule: 'bbbb' },
			{ policy: 'shop/other' },
			{ construct: 'end-port' },
			{ finding: 'overreach' as const },
			{ cluster: { ...PROD, name: 'staging' } },
		])
			not.equal(idOf(other), first, JSON.stringify(other));
	});

	it('says of what it is', () => {
		equal(groupOf(problemOf()), {
			id: 'shop-prod/europe-west1/prod|void-rule|ipblock-pod|ingress|shop/db|aaaa',
			cluster: PROD,
			finding: 'void-rule',
			construct: 'ipblock-pod',
			direction: 'ingress',
			policy: 'shop/db',
			severity: 'high',
		});
	});

	it('has the severity of its construct, and medium without one', () => {
		for (const [construct, { severity }] of Object.entries(CONSTRUCTS)) is(groupOf(problemOf({ construct })).severity, severity, construct);
		is(groupOf(problemOf({ finding: 'not-isolated', construct: '-', policy: '-', rule: '-' })).severity, 'medium');
	});

	it('holds all contradictions of a cluster, and all late replies, which are only counted', () => {
		const contradicted = groupOf(problemOf({ finding: 'contradicted', construct: '-', policy: '-', rule: '-' }));
		is(contradicted.counted, 'contradicted');
		is(contradicted.severity, 'low');
		is(idOf({ finding: 'contradicted', policy: 'other/policy', rule: 'bbbb' }), contradicted.id);
		const late = groupOf(problemOf({ finding: 'not-isolated', port: 'ephemeral' }));
		is(late.counted, 'late-reply');
		is(idOf({ finding: 'overreach', port: 'ephemeral' }), late.id);
		is(groupOf(problemOf({ finding: 'void-rule', port: 'ephemeral' })).counted, undefined, 'a rule admitted it before');
	});

	it('is one of its own for a fingerprint that cannot be read', () => {
		for (const fingerprint of ['', 'a|b', 'c|lint|ipblock-pod|ingress|x|y|1|TCP|p|h', `${'x|'.repeat(9)}x`]) {
			const group = groupOf({ ...problemOf(), fingerprint });
			equal([group.id, group.severity, group.counted], [fingerprint, 'medium', undefined], fingerprint);
		}
	});

	it('keeps apart what a name of the input might run together', () => {
		not.equal(idOf({ policy: 'a/b%7Cc', rule: 'd' }), idOf({ policy: 'a/b', rule: 'c%7Cd' }));
	});
});

import * as assert from 'uvu/assert';
import { describePeer, describePort, describeSelector } from '../../functions/policy/describe.ts';
import { describe } from '../describe.ts';
import { block, labels } from './cluster.ts';

describe('a peer in words', (it) => {
	it('is an ipBlock with what it excepts', () => {
		assert.is(describePeer(block('10.0.0.0/8')), 'ipBlock 10.0.0.0/8');
		assert.is(describePeer(block('10.0.0.0/8', '10.1.0.0/16')), 'ipBlock 10.0.0.0/8 except 10.1.0.0/16');
		assert.is(describePeer(block('10.0.0.0/8', '10.1.0.0/16', '10.2.0.0/16')), 'ipBlock 10.0.0.0/8 except 10.1.0.0/16, 10.2.0.0/16');
	});

	it('is its selectors, Pods first', () => {
		assert.is(describePeer({ podSelector: labels({ app: 'web' }) }), 'podSelector app=web');
		assert.is(describePeer({ namespaceSelector: labels() }), 'namespaceSelector {}');
		assert.is(
			describePeer({ podSelector: labels({ app: 'web' }), namespaceSelector: labels({ team: 'a' }) }),
			'podSelector app=web in namespaceSelector team=a',
		);
	});
});

describe('a port entry in words', (it) => {
	it('is its protocol with a number, a range, a name or none', () => {
		assert.is(describePort({ protocol: 'TCP', port: 8080 }), 'TCP 8080');
		assert.is(describePort({ protocol: 'TCP', port: 8000, endPort: 8100 }), 'TCP 8000-8100');
		assert.is(describePort({ protocol: 'UDP', port: 'dns' }), 'UDP dns');
		assert.is(describePort({ protocol: 'SCTP' }), 'SCTP without a port');
	});
});

describe('a selector in words', (it) => {
	it('is every requirement, or {}', () => {
		assert.is(describeSelector(labels()), '{}');
		assert.is(
			describeSelector({
				matchLabels: { app: 'web', tier: 'front' },
				matchExpressions: [
					{ key: 'stage', operator: 'In', values: ['a', 'b'] },
					{ key: 'old', operator: 'DoesNotExist', values: [] },
				],
			}),
			'app=web, tier=front, stage In (a, b), old DoesNotExist',
		);
	});
});

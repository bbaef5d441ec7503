import * as assert from 'uvu/assert';
import * as semantics from '../../functions/policy/semantics.ts';
import { describe } from '../describe.ts';

const { ALL, bit, DEFAULT_CANDIDATES, idsOf, isSemanticsId, maskOf, NONE, SEMANTICS } = semantics;

const GENERATIONS = ['cilium-1.12', 'cilium-1.13', 'cilium-1.14', 'cilium-1.15', 'cilium-1.16', 'cilium-1.20'] as const;
const NO_REMOTE = 'cilium-1.13+no-remote-node-identity';
const NODES = 'cilium-1.15+cidr-match-nodes';
const NODES_PODS = 'cilium-1.20+cidr-match-nodes-pods';

describe('semantics', (it) => {
	it('are the API text, Calico, six generations and three variants, in that order', () => {
		assert.equal([...SEMANTICS], ['kubernetes', 'calico', ...GENERATIONS, NO_REMOTE, NODES, NODES_PODS]);
	});

	it('have one bit each, and all of them together are ALL', () => {
		assert.equal(
			SEMANTICS.map(bit),
			SEMANTICS.map((_, index) => 2 ** index),
		);
		assert.is(maskOf(SEMANTICS), ALL);
		assert.is(ALL, 2 ** SEMANTICS.length - 1);
		assert.is(maskOf([]), NONE);
	});

	it('go from mask to ids and back, in the order of the list', () => {
		assert.equal(idsOf(maskOf(['cilium-1.20', 'kubernetes'])), ['kubernetes', 'cilium-1.20']);
		assert.equal(idsOf(NONE), []);
		assert.equal(idsOf(ALL), [...SEMANTICS]);
	});

	it('are told from other texts', () => {
		assert.equal(['calico', 'cilium-1.17', '', 'toString'].map(isSemanticsId), [true, false, false, false]);
	});

	it('are candidates for Dataplane V2 by default where they are a generation, or one of the first two variants', () => {
		assert.equal(idsOf(DEFAULT_CANDIDATES), [...GENERATIONS, NO_REMOTE, NODES]);
	});

	it('form groups, in which a variant counts with its release', () => {
		const groups: readonly (readonly [number, readonly string[]])[] = [
			[semantics.KUBERNETES, ['kubernetes']],
			[semantics.CALICO, ['calico']],
			[semantics.SPECIFIED, ['kubernetes', 'calico']],
			[semantics.CILIUM, [...GENERATIONS, NO_REMOTE, NODES, NODES_PODS]],
			[semantics.CILIUM_1_12, ['cilium-1.12']],
			[semantics.CILIUM_1_13, ['cilium-1.13', NO_REMOTE]],
			[semantics.CILIUM_TO_1_14, [...GENERATIONS.slice(0, 3), NO_REMOTE]],
			[semantics.CILIUM_TO_1_15, [...GENERATIONS.slice(0, 4), NO_REMOTE, NODES]],
			[semantics.CILIUM_TO_1_19, [...GENERATIONS.slice(0, 5), NO_REMOTE, NODES]],
			[semantics.CILIUM_FROM_1_15, [...GENERATIONS.slice(3), NODES, NODES_PODS]],
			[semantics.CILIUM_FROM_1_20, ['cilium-1.20', NODES_PODS]],
			[semantics.NO_REMOTE_NODE_IDENTITY, [NO_REMOTE]],
			[semantics.CIDR_MATCHES_NODES, [NODES, NODES_PODS]],
			[semantics.CIDR_MATCHES_PODS, [NODES_PODS]],
		];
		for (const [mask, ids] of groups) assert.equal(idsOf(mask), ids, ids.join(', '));
	});
});

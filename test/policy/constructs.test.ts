import * as assert from 'uvu/assert';
import { CONSTRUCTS, type Construct, type ConstructId, constructOf } from '../../functions/policy/constructs.ts';
import { describe } from '../describe.ts';

/** The catalogue of what loses or changes its meaning, and how sure each is. */
const CATALOGUE: Readonly<Record<ConstructId, Construct['sure']>> = {
	'ipblock-pod': 'certain',
	'ipblock-node': 'likely',
	'ipblock-service': 'certain',
	'port-protocol-only': 'certain',
	'end-port': 'certain',
	'sctp-rejected': 'certain',
	'named-port-ambiguous': 'certain',
	'named-port-widened': 'certain',
	'named-port-unresolved': 'certain',
	'policy-types-overreach': 'certain',
	'label-not-identity': 'likely',
	'negative-namespace-selector': 'certain',
	'any-cidr-dual-stack': 'certain',
	'snat-remote-node': 'likely',
	'metadata-dnat': 'likely',
	'node-local-dns': 'likely',
	'calico-crd': 'certain',
	'renamed-in-logs': 'certain',
	'multi-network': 'likely',
};

describe('the catalogue of constructs', (it) => {
	it('is complete, and says how sure each is', () => {
		assert.equal(Object.fromEntries(Object.entries(CONSTRUCTS).map(([id, { sure }]) => [id, sure])), CATALOGUE);
	});

	for (const [id, construct] of Object.entries(CONSTRUCTS)) {
		it(`${id} has texts that fit into sentences`, () => {
			const { title, explanation, suggestion, severity, sure } = construct;
			for (const text of [title, explanation, suggestion]) {
				assert.match(text, /^[A-Za-z][^\n]*[^\s.,;:]$/, text);
				assert.not.match(text, /undefined|\[object|TODO| {2}|--/, text);
			}
			// A name is the only reason for a capital in the middle of a sentence.
			const names = /^(Dataplane V2|DNS|Calico|Kubernetes|Pod|Service|SCTP|IPv[46]|ipBlock|endPort)/;
			for (const text of [explanation, suggestion]) assert.ok(/^[a-z]/.test(text) || names.test(text), text);
			assert.ok(['high', 'medium', 'low'].includes(severity) && ['certain', 'likely'].includes(sure), `${severity} ${sure}`);
		});

		it(`${id} links to https`, () => {
			assert.ok(construct.links.length > 0);
			for (const link of construct.links) {
				const { protocol, hostname } = new URL(link);
				assert.is(protocol, 'https:');
				assert.match(hostname, /^(cloud\.google\.com|docs\.cilium\.io|github\.com)$/);
			}
		});
	}

	it('gives a construct by its id', () => {
		assert.is(constructOf('end-port'), CONSTRUCTS['end-port']);
		const titles = Object.values(CONSTRUCTS).map(({ title }) => title);
		assert.is(new Set(titles).size, titles.length);
	});
});

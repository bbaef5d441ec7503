import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { formatRemark } from '../../functions/policy/fields.ts';
import { isNetworkPolicy, parseNetworkPolicy } from '../../functions/policy/manifest.ts';
import type { LabelSelector, NetworkPolicy } from '../../functions/policy/model.ts';
import { describe } from '../describe.ts';

interface Case {
	readonly name: string;
	readonly input: { readonly metadata: { readonly name?: string; readonly namespace?: string } };
	readonly stored: { readonly metadata: { readonly name: string }; readonly spec: object } | null;
	readonly error: string | null;
	/** The Warning headers, as they came. */
	readonly warnings?: string | null;
}

const read = (file: string): Case[] =>
	JSON.parse(readFileSync(new URL(`../fixtures/kubernetes/${file}.json`, import.meta.url), 'utf8')) as Case[];
const STRICT = read('defaulting');
const LENIENT = read('defaulting-nonstrict-cidr');

/** The recorded server was asked for another namespace than the object's. A manifest alone is asked for none: it goes where it says. */
const ACCEPTED_HERE = ['other-namespace'];
/** The server ends the name at random; here it ends in a hash of the content. */
const GENERATED = 'generate-name';

const withoutEmpty = (object: Record<string, unknown>): Record<string, unknown> =>
	Object.fromEntries(Object.entries(object).filter(([, value]) => !(Array.isArray(value) && value.length === 0)));

function toSelector({ matchLabels, matchExpressions }: LabelSelector): object {
	const expressions = matchExpressions.map((requirement) => withoutEmpty({ ...requirement }));
	return { ...(Object.keys(matchLabels).length > 0 && { matchLabels }), ...(expressions.length > 0 && { matchExpressions: expressions }) };
}

/** The policy as the API stores it: the way back, written for this test alone. */
function toSpec(policy: NetworkPolicy): object {
	const toRules = (rules: NetworkPolicy['ingress'], peersField: string) =>
		rules.map(({ peers, ports }) =>
			withoutEmpty({
				ports,
				[peersField]: peers.map(({ ipBlock, podSelector, namespaceSelector }) => ({
					...(ipBlock && { ipBlock: withoutEmpty({ ...ipBlock }) }),
					...(podSelector && { podSelector: toSelector(podSelector) }),
					...(namespaceSelector && { namespaceSelector: toSelector(namespaceSelector) }),
				})),
			}),
		);
	const { podSelector, ingress, egress, types } = policy;
	const policyTypes = types.map((type) => (type === 'ingress' ? 'Ingress' : 'Egress'));
	return {
		...withoutEmpty({ ingress: toRules(ingress, 'from'), egress: toRules(egress, 'to') }),
		podSelector: toSelector(podSelector),
		policyTypes,
	};
}

const manifest = (spec: unknown, more: object = {}) => ({
	apiVersion: 'networking.k8s.io/v1',
	kind: 'NetworkPolicy',
	metadata: { name: 'p', namespace: 'shop' },
	spec,
	...more,
});

function problemsOf(object: unknown, strict = true): string[] {
	const result = parseNetworkPolicy(object, strict);
	return result.kind === 'refused' ? result.problems.map(formatRemark) : [];
}

const warningsOf = (object: unknown): string[] => parseNetworkPolicy(object, true).warnings.map(formatRemark);
const policyOf = (object: unknown, strict = true): NetworkPolicy => {
	const result = parseNetworkPolicy(object, strict);
	assert.is(result.kind, 'ok', JSON.stringify(result));
	return (result as { policy: NetworkPolicy }).policy;
};

describe('manifest: as the API server', (it) => {
	for (const [strict, cases] of [
		[true, STRICT],
		[false, LENIENT],
	] as const) {
		const mode = strict ? 'strict' : 'lenient';
		it(`${mode}: the recorded cases are all here`, () => {
			assert.is(cases.length, 88);
			assert.is(cases.filter(({ stored }) => stored).length, strict ? 45 : 48);
		});
		for (const { name, input, stored, error } of cases) {
			const accepted = stored !== null || ACCEPTED_HERE.includes(name);
			it(`${mode} ${name.slice(0, 40)}: ${accepted ? 'accepted' : 'refused'}`, () => {
				const result = parseNetworkPolicy(input, strict);
				assert.is(result.kind, accepted ? 'ok' : 'refused', JSON.stringify(result));
				if (result.kind === 'ok' && stored) {
					assert.equal(toSpec(result.policy), withUniqueTypes(stored.spec));
					if (name !== GENERATED) assert.is(result.policy.name, stored.metadata.name);
				}
				if (result.kind === 'refused')
					for (const path of pathsOf(error ?? ''))
						assert.ok(hasPath(result.problems, path), `${path} in ${JSON.stringify(result.problems)}`);
			});
			if (stored) {
				it(`${mode} ${name}: the stored object means the same`, () => {
					const [sent, kept] = [policyOf(input, strict), policyOf(stored, false)];
					assert.equal({ ...sent, name: '' }, { ...kept, name: '' });
				});
			}
		}
	}

	it('warns of each unknown field that the server warned of, and of no other', () => {
		for (const { name, input, warnings } of STRICT) {
			const recorded = [...(warnings ?? '').matchAll(/unknown field \\"(.*?)\\"/g)].map(([, path]) => path);
			const unknown = parseNetworkPolicy(input, true).warnings.filter(({ message }) => message.includes('is not a field'));
			assert.equal(
				unknown.map(({ path }) => path),
				recorded,
				name,
			);
		}
	});
});

/** A list of types with one twice means what it means with it once. */
function withUniqueTypes(spec: object): object {
	return { ...spec, policyTypes: [...new Set((spec as { policyTypes: string[] }).policyTypes)] };
}

/** The paths that an error of the server names. */
const pathsOf = (error: string): string[] => [...new Set(error.match(/\b(?:spec|metadata)\.[\w.[\]]*\w\]?/g) ?? [])];
const hasPath = (problems: readonly { path: string }[], path: string): boolean => problems.some((problem) => problem.path.startsWith(path));

describe('manifest: what the messages say', (it) => {
	const port = (entry: unknown) => manifest({ podSelector: {}, ingress: [{ ports: [entry] }] });
	const block = (ipBlock: unknown) => manifest({ podSelector: {}, egress: [{ to: [{ ipBlock }] }] });
	const sentences: [object, string][] = [
		[port({ port: 0 }), 'spec.ingress[0].ports[0].port: must be between 1 and 65535, inclusive (0)'],
		[
			port({ port: '80' }),
			'spec.ingress[0].ports[0].port: must contain at least one letter (a-z) ("80"): a number must stand without quotes',
		],
		[port({ port: 1.5 }), "spec.ingress[0].ports[0].port: must be a port number or a port's name (1.5)"],
		[port({ port: [80] }), "spec.ingress[0].ports[0].port: must be a port number or a port's name (a list)"],
		[port({ protocol: 'tcp' }), 'spec.ingress[0].ports[0].protocol: must be one of TCP, UDP, SCTP ("tcp")'],
		[port({ port: 80, endPort: 79 }), 'spec.ingress[0].ports[0].endPort: must be greater than or equal to port 80 (79)'],
		[port({ port: 'http', endPort: 90 }), 'spec.ingress[0].ports[0].endPort: must not be given with a port that is a name (90)'],
		[
			block({ cidr: '10.1.2.3/8' }),
			'spec.egress[0].to[0].ipBlock.cidr: has bits set beyond its prefix length: the network is 10.0.0.0/8; it must be a network such as 10.9.8.0/24 or 2001:db8::/64 ("10.1.2.3/8")',
		],
		[
			block({ cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] }),
			'spec.egress[0].to[0].ipBlock.except[0]: must lie inside the cidr 10.0.0.0/8 and be smaller than it ("11.0.0.0/16")',
		],
		[manifest({ policyTypes: ['ingress'] }), 'spec.policyTypes[0]: must be Ingress or Egress ("ingress")'],
		[manifest({ podSelector: { matchLabels: { v: 1 } } }), 'spec.podSelector.matchLabels.v: must be a string (1): put it in quotes'],
		[manifest({ ingress: [{ from: [{}] }] }), 'spec.ingress[0].from[0]: must have an ipBlock, a podSelector or a namespaceSelector'],
		[manifest({ ingress: {} }), 'spec.ingress: must be a list (an object)'],
		[
			manifest(null, { metadata: { name: 'p', namespace: 'A' } }),
			'metadata.namespace: must consist of lower case letters, digits or \'-\', and start and end with a letter or digit ("A")',
		],
		[manifest({}, { apiVersion: 'crd.projectcalico.org/v1' }), 'apiVersion: must be networking.k8s.io/v1 ("crd.projectcalico.org/v1")'],
	];
	for (const [object, sentence] of sentences) it(sentence.slice(0, 70), () => assert.equal(problemsOf(object), [sentence]));

	it('says that a misspelled from opens the Pod to everybody', () => {
		assert.equal(warningsOf(manifest({ podSelector: {}, ingress: [{ to: [{ podSelector: {} }] }] })), [
			'spec.ingress[0].to: is not a field: the API server drops it, and without from the rule admits every peer (fields here: from, ports)',
		]);
	});
	it('names every problem, not only the first', () =>
		assert.is(problemsOf(manifest({ policyTypes: ['x', 'y'], ingress: [{ from: [{}] }] })).length, 3));
	it('cuts what is long, and quotes control characters', () => {
		assert.match(problemsOf(port({ protocol: 'x'.repeat(10_000) }))[0] ?? '', /"x{60}…"\)$/);
		assert.match(problemsOf(port({ protocol: '\u001b[31m' }))[0] ?? '', /\("\\u001b\[31m"\)$/);
	});
	it('keeps a bounded number of problems', () =>
		assert.is(problemsOf(manifest({ ingress: new Array(5000).fill({ from: [{}] }) })).length, 100));
});

describe('manifest: what is kept', (it) => {
	it('the spelling of a lenient CIDR, with a warning of what it means', () => {
		const object = manifest({ egress: [{ to: [{ ipBlock: { cidr: '010.1.2.3/8', except: ['10.1.2.3/16'] } }] }] });
		assert.equal(policyOf(object, false).egress[0]?.peers[0]?.ipBlock, { cidr: '010.1.2.3/8', except: ['10.1.2.3/16'] });
		assert.equal(
			parseNetworkPolicy(object, false).warnings.map(({ path }) => path),
			['spec.egress[0].to[0].ipBlock.cidr', 'spec.egress[0].to[0].ipBlock.except[0]'],
		);
	});
	it('of annotations those that matter, and of metadata nothing else', () => {
		const metadata = { name: 'p', labels: { app: 'x' }, annotations: { 'policy.cilium.io/name': 'q', 'example.com/secret': 's' } };
		assert.equal(policyOf(manifest({}, { metadata })), {
			namespace: 'default',
			name: 'p',
			annotations: { 'policy.cilium.io/name': 'q' },
			podSelector: { matchLabels: {}, matchExpressions: [] },
			types: ['ingress'],
			ingress: [],
			egress: [],
		});
	});
	it('a generated name: the same for the same manifest, another for another', () => {
		const named = (spec: object) => policyOf(manifest(spec, { metadata: { generateName: 'gen-' } })).name;
		assert.match(named({}), /^gen-[0-9a-f]{5}$/);
		assert.is(named({}), named({ podSelector: {} }));
		assert.is.not(named({}), named({ policyTypes: ['Egress'] }));
	});
	it('of a refused policy the selector where it is readable', () => {
		const selector = { matchLabels: { app: 'db' }, matchExpressions: [] };
		const refused = parseNetworkPolicy(manifest({ podSelector: { matchLabels: { app: 'db' } }, policyTypes: ['x'] }), true);
		assert.equal(refused.kind === 'refused' && [refused.namespace, refused.name, refused.podSelector], ['shop', 'p', selector]);
		const unreadable = parseNetworkPolicy(manifest({ podSelector: { matchLabels: { app: 1 } } }), true);
		assert.is(unreadable.kind === 'refused' && 'podSelector' in unreadable, false);
	});
	it('a status without a warning where the object comes from a cluster', () =>
		assert.equal(parseNetworkPolicy(manifest({}, { status: {} }), false).warnings, []));
	it('is a NetworkPolicy by apiVersion and kind', () => {
		assert.is(isNetworkPolicy(manifest({})), true);
		for (const apiVersion of ['projectcalico.org/v3', 'crd.projectcalico.org/v1', 'networking.k8s.io', 'v1', null, undefined, 1])
			assert.is(isNetworkPolicy({ ...manifest({}), apiVersion }), false);
		assert.is(isNetworkPolicy({ ...manifest({}), kind: 'Ingress' }), false);
		for (const other of [null, [], 'x', 1, undefined]) assert.is(isNetworkPolicy(other), false);
	});
});

describe('manifest: hostile input', (it) => {
	it('takes __proto__ and the like for keys like any other', () => {
		const parsed = JSON.parse('{"__proto__": "x", "constructor": "y"}') as object;
		const metadata = { name: 'p', labels: parsed, annotations: parsed };
		const text = problemsOf(manifest({ podSelector: { matchLabels: parsed } }, { metadata })).join('\n');
		assert.match(text, /the key name part must consist of .* \("__proto__"\)/);
		assert.equal(policyOf(manifest({ podSelector: { matchLabels: { constructor: 'y' } } })).podSelector.matchLabels, { constructor: 'y' });
		const inherited = JSON.parse(
			'{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","__proto__":{"metadata":{"name":"p"}}}',
		) as object;
		assert.match(problemsOf(inherited)[0] ?? '', /^metadata\.name: must be given/);
		assert.is(({} as Record<string, unknown>)['x'], undefined);
	});

	const cases = STRICT.map(({ input }) => input);
	/** A real manifest with one part replaced by anything. */
	const mutated = fc
		.tuple(fc.constantFrom(...cases), fc.nat(40), fc.anything({ withNullPrototype: true, withBigInt: true }))
		.map(([base, nth, value]) => {
			let left = nth;
			const copy = (node: unknown): unknown => {
				if (left-- === 0) return value;
				if (Array.isArray(node)) return node.map(copy);
				return typeof node === 'object' && node !== null
					? Object.fromEntries(Object.entries(node).map(([key, item]) => [key, copy(item)]))
					: node;
			};
			return copy(base);
		});

	it('never throws, whatever the shape', () => {
		fc.assert(
			fc.property(fc.oneof(fc.anything(), mutated), fc.boolean(), (object, strict) => {
				const result = parseNetworkPolicy(object, strict);
				assert.ok(result.kind === 'ok' || result.problems.length > 0);
			}),
			{ numRuns: 3000 },
		);
	});

	it('accepts leniently whatever it accepts strictly, with the same meaning', () => {
		fc.assert(
			fc.property(mutated, (object) => {
				const [strict, lenient] = [parseNetworkPolicy(object, true), parseNetworkPolicy(object, false)];
				if (strict.kind === 'ok') assert.equal(lenient.kind === 'ok' && lenient.policy, strict.policy);
			}),
			{ numRuns: 2000 },
		);
	});
});

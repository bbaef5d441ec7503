import fc from 'fast-check';
import type { PeerObject, PortObject, RequirementObject, RuleObject, SelectorObject } from './objects.ts';

/** Label keys and values: few, so that selectors hit. An empty value is not an absent key, and `constructor` is a key like any other. */
export const POD_LABELS: Readonly<Record<string, readonly string[]>> = {
	app: ['a', 'b'],
	tier: ['web', 'db', ''],
	'app.kubernetes.io/name': ['a'],
	constructor: ['a'],
};
export const NAMESPACE_LABELS: Readonly<Record<string, readonly string[]>> = {
	team: ['red', 'blue'],
	env: ['prod', 'dev'],
	'kubernetes.io/metadata.name': ['x', 'y', 'z'],
};
export const NAMESPACES = ['x', 'y', 'z'] as const;
/** Pods and policies crowd in the first, so that they meet. */
export const namespaceName = fc.constantFrom('x', 'x', 'x', 'y', 'y', 'z');
/** Those of container ports; a policy may also ask for one that no container has. */
export const PORT_NAMES = ['http', 'dns', 'metrics'] as const;

/** Blocks with what may be cut out of them: strictly inside, as the API server wants it. Pods, nodes and outside addresses lie in them. */
const BLOCKS: Readonly<Record<string, readonly string[]>> = {
	'0.0.0.0/0': ['10.0.0.0/8', '0.0.0.0/1', '128.0.0.0/1', '203.0.113.7/32', '10.1.1.0/24'],
	'10.0.0.0/8': ['10.1.0.0/16', '10.0.0.0/24', '10.1.1.1/32'],
	'10.0.0.0/24': ['10.0.0.1/32', '10.0.0.2/31'],
	'10.0.0.1/32': [],
	'10.1.0.0/16': ['10.1.1.0/24', '10.1.2.2/31', '10.1.3.4/30'],
	'10.1.1.0/24': ['10.1.1.0/30', '10.1.1.4/32'],
	'10.1.2.2/31': ['10.1.2.3/32'],
	'10.1.1.2/32': [],
	'203.0.113.0/24': ['203.0.113.8/29', '203.0.113.7/32'],
	'203.0.113.8/29': ['203.0.113.8/31', '203.0.113.15/32'],
	'198.51.100.0/23': ['198.51.101.0/24'],
	'::/0': ['fd00::/8', '8000::/1', '2001:db8::7/128'],
	'fd00::/7': ['fd01::/64', 'fd00::/64'],
	'fd00::/64': ['fd00::1/128'],
	'fd01::/64': ['fd01::1:0/112', 'fd01::2:2/127'],
	'fd01::1:1/128': [],
	'2001:db8::/32': ['2001:db8:0:1::/64', '2001:db8::8/128'],
	// What older API servers stored: host bits, other spellings, IPv4-mapped.
	'10.1.1.77/24': ['10.1.1.7/29'],
	'FD01:0:0:0:0:0:0:0/64': ['fd01:0::1:1/128'],
	'::ffff:10.1.0.0/112': ['::ffff:10.1.1.1/128'],
};

/** A field of the API: absent, null, or there. */
const field = <Value>(value: fc.Arbitrary<Value>, presence = 4): fc.Arbitrary<Value | null | undefined> =>
	fc.oneof(
		{ weight: 2, arbitrary: fc.constant(undefined) },
		{ weight: 1, arbitrary: fc.constant(null) },
		{ weight: presence, arbitrary: value },
	);

/** A list that may also be absent, null or empty, which mean the same to the API but not to a careless reader. */
const list = <Item>(item: fc.Arbitrary<Item>, maxLength: number): fc.Arbitrary<Item[] | null | undefined> =>
	field(
		fc.oneof({ weight: 1, arbitrary: fc.constant<Item[]>([]) }, { weight: 5, arbitrary: fc.array(item, { minLength: 1, maxLength }) }),
		6,
	);

/** Leaves out what is undefined: raw objects come from JSON, which has no such thing. */
export function compact<Value extends object>(value: { [Key in keyof Value]: Value[Key] | undefined }): Value {
	return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Value;
}

type Vocabulary = Readonly<Record<string, readonly string[]>>;

export function labels(vocabulary: Vocabulary): fc.Arbitrary<Record<string, string>> {
	const values = Object.entries(vocabulary).map(([key, texts]) =>
		fc.oneof(fc.constant(undefined), fc.constantFrom(...texts)).map((text) => [key, text] as const),
	);
	return fc.tuple(...values).map((pairs) => Object.fromEntries(pairs.filter((pair): pair is [string, string] => pair[1] !== undefined)));
}

function requirement(vocabulary: Vocabulary): fc.Arbitrary<RequirementObject> {
	return fc.constantFrom(...Object.entries(vocabulary)).chain(([key, texts]) => {
		const values = fc.subarray([...texts, 'other'], { minLength: 1, maxLength: 2 });
		return fc.oneof(
			fc.record({ key: fc.constant(key), operator: fc.constantFrom('In', 'NotIn'), values }),
			fc
				.record({ operator: fc.constantFrom('Exists', 'DoesNotExist'), values: field(fc.constant([] as string[]), 1) })
				.map((fields) => compact<RequirementObject>({ key, ...fields })),
		);
	});
}

function selector(vocabulary: Vocabulary): fc.Arbitrary<SelectorObject> {
	const equality = fc
		.constantFrom(...Object.entries(vocabulary))
		.chain(([key, texts]) => fc.constantFrom(...texts).map((text) => ({ [key]: text })));
	const matchExpressions = field(fc.array(requirement(vocabulary), { maxLength: 2 }), 3);
	return fc.oneof(
		{ weight: 2, arbitrary: fc.constant({}) },
		{
			weight: 5,
			arbitrary: fc.record({ matchLabels: field(equality), matchExpressions }).map((fields) => compact<SelectorObject>(fields)),
		},
	);
}

const ipBlock = fc
	.constantFrom(...Object.entries(BLOCKS))
	.chain(([cidr, inside]) =>
		field(fc.subarray([...inside], { maxLength: Math.min(2, inside.length) })).map((except) =>
			compact<NonNullable<PeerObject['ipBlock']>>({ cidr, except }),
		),
	);

/** Every combination that the API server accepts: at least one selector, or an ipBlock alone. */
const peer: fc.Arbitrary<PeerObject> = fc.oneof(
	{ weight: 2, arbitrary: fc.record({ podSelector: selector(POD_LABELS) }) },
	{
		weight: 2,
		arbitrary: fc
			.record({ namespaceSelector: selector(NAMESPACE_LABELS), podSelector: field(selector(POD_LABELS), 1) })
			.map((it) => compact<PeerObject>(it)),
	},
	{ weight: 1, arbitrary: fc.record({ namespaceSelector: selector(NAMESPACE_LABELS), podSelector: selector(POD_LABELS) }) },
	{ weight: 4, arbitrary: fc.record({ ipBlock }) },
);

export const protocol = fc.oneof(
	{ weight: 4, arbitrary: fc.constant('TCP') },
	{ weight: 2, arbitrary: fc.constant('UDP') },
	{ weight: 1, arbitrary: fc.constant('SCTP') },
);

/** First and last port of a range, edges included. */
const RANGES = [
	[80, 80],
	[80, 8080],
	[1, 65535],
	[8080, 9090],
	[53, 79],
	[81, 65535],
] as const;
const portNumber: fc.Arbitrary<Partial<PortObject>> = fc.constantFrom(53, 80, 8080, 9090).map((port) => ({ port }));
const portRange: fc.Arbitrary<Partial<PortObject>> = fc.constantFrom(...RANGES).map(([port, endPort]) => ({ port, endPort }));
const portName: fc.Arbitrary<Partial<PortObject>> = fc.constantFrom(...PORT_NAMES, 'ghost').map((port) => ({ port }));
const portAbsent: fc.Arbitrary<Partial<PortObject>> = fc.constantFrom({}, { port: null, endPort: null });

const port: fc.Arbitrary<PortObject> = fc
	.tuple(field(protocol), fc.oneof({ weight: 3, arbitrary: portNumber }, portRange, { weight: 2, arbitrary: portName }, portAbsent))
	.map(([name, numbers]) => compact<PortObject>({ protocol: name, ...numbers }));

const rule = (peers: 'from' | 'to'): fc.Arbitrary<RuleObject> =>
	fc.tuple(list(peer, 3), list(port, 3)).map(([items, ports]) => compact<RuleObject>({ [peers]: items, ports }));

/** Any list of types with any rules: also rules in a direction that the list leaves out. */
const policyTypes = field(fc.constantFrom([], ['Ingress'], ['Egress'], ['Ingress', 'Egress'], ['Egress', 'Ingress']), 8);

/** The spec of a NetworkPolicy that the API server accepts, not defaulted. */
export const policySpec = fc
	.record({
		// Half of them select the whole namespace: otherwise most flows meet no policy at all.
		podSelector: fc.oneof(field(fc.constant({}), 2), selector(POD_LABELS)),
		policyTypes,
		ingress: list(rule('from'), 2),
		egress: list(rule('to'), 2),
	})
	.map((fields) => compact<Record<string, unknown>>(fields));

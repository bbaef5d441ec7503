import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { compileSnapshot } from '../../functions/policy/compile.ts';
import { parseSnapshot } from '../../functions/policy/snapshot.ts';
import { canonicalJson, createSnapshot } from '../../functions/snapshot/canonical.ts';
import { readSnapshots } from '../../functions/snapshot/files.ts';
import { describe } from '../describe.ts';
import { fixture, object, pod, policy, reduce } from '../snapshot/raw.ts';

const schema = JSON.parse(readFileSync(new URL('../../schemas/snapshot.schema.json', import.meta.url), 'utf8')) as Record<string, unknown>;
const validate = new Ajv2020({ allErrors: false, strict: true, strictRequired: false, strictTypes: false }).compile(schema);

type Json = Record<string, unknown>;
const plain = (value: unknown): Json => JSON.parse(canonicalJson(value)) as Json;

/** Everything that a snapshot can hold, once or twice. */
const FULL = plain(
	createSnapshot({
		validFrom: '2026-01-01T00:00:00Z',
		collectedAt: '2026-01-01T00:00:01.5Z',
		previous: { id: 'any-0123456789ab', seenUntil: '2025-12-31T23:59:00Z' },
		state: {
			...reduce([
				object('v1', 'Namespace'),
				object('v1', 'Node', { status: { addresses: [{ type: 'InternalIP', address: '10.128.0.2' }] } }),
				object('v1', 'Service', { spec: { clusterIP: '10.36.0.1', type: 'NodePort', selector: { app: 'a' } } }),
				object('cilium.io/v2', 'CiliumNetworkPolicy', { spec: { any: [1, 'x'] } }),
				object('networking.gke.io/v1alpha1', 'NetworkLogging', { metadata: { name: 'default' }, spec: {} }),
				pod('a', {
					metadata: {
						labels: { app: 'a' },
						creationTimestamp: '2026-01-01T00:00:00Z',
						ownerReferences: [{ kind: 'Job', name: 'j', controller: true }],
					},
					spec: { hostNetwork: true, initContainers: [{ ports: [{ name: 'p', containerPort: 1 }] }] },
					status: { phase: 'Failed' },
				}),
				policy('p', {
					podSelector: {
						matchLabels: { app: 'a' },
						matchExpressions: [
							{ key: 'b', operator: 'Exists' },
							{ key: 'c', operator: 'In', values: ['d'] },
						],
					},
					ingress: [{ from: [{ podSelector: {}, namespaceSelector: {} }], ports: [{ port: 'http' }, { port: 80, endPort: 90 }] }],
					egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }] }],
				}),
				policy('q', { policyTypes: ['x'] }),
			]).state,
			cluster: {
				project: 'p',
				location: 'l',
				name: 'c',
				datapathProvider: 'ADVANCED_DATAPATH',
				nodeLocalDns: true,
				fqdnPolicies: true,
				clusterwidePolicies: false,
				podRanges: ['10.32.0.0/14'],
				serviceRanges: ['10.36.0.0/20'],
				controlPlaneVersion: '1.27.3-gke.100',
				nodeVersions: ['1.27.3-gke.100'],
			},
			unreadableKinds: ['FQDNNetworkPolicy'],
		},
	}),
);
const LISTS = plain(
	createSnapshot({ state: reduce(['namespaces', 'nodes', 'services', 'pods', 'networkpolicies', 'networkloggings'].map(fixture)).state }),
);

/** Each place in a document, as the steps that lead there. */
function placesIn(node: unknown, steps: readonly (string | number)[] = []): (string | number)[][] {
	const children = Array.isArray(node)
		? node.map((item, index) => [index, item] as const)
		: typeof node === 'object' && node !== null
			? Object.entries(node)
			: [];
	return [[...steps], ...children.flatMap(([step, child]) => placesIn(child, [...steps, step]))];
}

/** A copy in which one place has another value; `undefined` takes it out. */
function change(document: Json, steps: readonly (string | number)[], value: unknown): unknown {
	const [last, before] = [steps.at(-1), steps.slice(0, -1)];
	if (last === undefined) return value;
	const copy = structuredClone(document);
	const parent = before.reduce<unknown>((node, step) => (node as Json)[step], copy) as Json;
	if (value === undefined && Array.isArray(parent)) parent.splice(Number(last), 1);
	else if (value === undefined) delete parent[last];
	else parent[last] = value;
	return copy;
}

const refuses = (document: unknown): string => {
	const parsed = parseSnapshot(document);
	return typeof parsed === 'string' ? parsed : '';
};

describe('snapshot: what is accepted', (it) => {
	it('what was made from files, from lists, and with every field', async () => {
		const { snapshots } = await readSnapshots(['examples/seed']);
		assert.is(snapshots.length, 2);
		for (const document of [...snapshots.map(plain), FULL, LISTS]) {
			assert.is(parseSnapshot(document), document);
			assert.ok(validate(document), JSON.stringify(validate.errors));
		}
	});
	it('fields that a newer version may have added', () => {
		for (const steps of placesIn(FULL).filter(
			(place) => typeof valueAt(FULL, place) === 'object' && !Array.isArray(valueAt(FULL, place)),
		)) {
			const document = change(FULL, [...steps, 'newer'], 'x');
			assert.is(refuses(document), '', steps.join('.'));
			assert.ok(validate(document), steps.join('.'));
		}
	});
});

const valueAt = (document: Json, steps: readonly (string | number)[]): unknown =>
	steps.reduce<unknown>((node, step) => (node as Json)[step], document);

describe('snapshot: what is refused', (it) => {
	const pathed: [(string | number)[], unknown, string][] = [
		[['format'], 2, 'format: this version reads snapshots of format 1, and this is one of format 2: update policy-action-audit'],
		[['format'], 0, 'format: this version reads snapshots of format 1, and this is one of format 0: take the snapshot again'],
		[['format'], undefined, 'is no snapshot: it has no format'],
		[['id'], 'x', 'id: must be a snapshot id such as any-0123456789ab ("x")'],
		[['validFrom'], '2026-01-01', 'validFrom: must be an RFC 3339 time in UTC ("2026-01-01")'],
		[['state', 'pods', 0, 'ips', 0], '10.0.0', 'state.pods[0].ips[0]: must be an address ("10.0.0")'],
		[['state', 'pods', 0, 'labels', 'app'], 1, 'state.pods[0].labels.app: must be a string (1)'],
		[['state', 'pods', 0, 'name'], undefined, 'state.pods[0].name: must be given'],
		[['state', 'policies', 0, 'types'], [], 'state.policies[0].types: must name at least one direction, and each only once'],
		[
			['state', 'policies', 0, 'egress', 0, 'peers', 0, 'ipBlock', 'cidr'],
			'x/8',
			'state.policies[0].egress[0].peers[0].ipBlock.cidr: must be a network such as 10.9.8.0/24 ("x/8")',
		],
		[
			['state', 'policies', 0, 'egress', 0, 'peers', 0],
			{},
			'state.policies[0].egress[0].peers[0]: must have either an ipBlock or selectors',
		],
		[
			['state', 'policies', 0, 'ingress', 0, 'ports', 1, 'endPort'],
			79,
			'state.policies[0].ingress[0].ports[1]: must have a port that is not above its endPort',
		],
		[
			['state', 'policies', 0, 'podSelector', 'matchExpressions', 0, 'values'],
			['x'],
			'state.policies[0].podSelector.matchExpressions[0]: must have no values with the operator Exists',
		],
	];
	for (const [steps, value, message] of pathed) it(message, () => assert.is(refuses(change(FULL, steps, value)), message));

	for (const [document, message] of [
		[null, 'is no snapshot: it must be an object (null)'],
		[[], 'is no snapshot: it must be an object (a list)'],
		['x', 'is no snapshot: it must be an object ("x")'],
	] as const) {
		it(message, () => assert.is(refuses(document), message));
	}

	it('what is nested without end, in any field', () => {
		let deep: unknown = {};
		for (let level = 0; level < 50_000; level++) deep = [deep];
		for (const steps of [['newer'], ['state', 'networkLogging'], ['state', 'otherPolicies', 0, 'spec']]) {
			const document = {
				...FULL,
				state: { ...(FULL['state'] as Json), otherPolicies: [{ apiVersion: 'a', kind: 'k', name: 'n', spec: {} }] },
			};
			const parent = steps.slice(0, -1).reduce<unknown>((node, step) => (node as Json)[step], document) as Json;
			parent[steps.at(-1) as string] = deep;
			assert.is(refuses(document), 'is nested deeper than 100');
		}
	});
});

describe('snapshot: the schema says the same', (it) => {
	const values = [undefined, null, true, false, 0, -1, 1.5, 70000, '', '\u0000', 'x', [], ['x'], [null], {}, { x: 1 }, 'x'.repeat(300)];

	it('about every change of one place of a document', () => {
		let refused = 0;
		for (const steps of placesIn(FULL)) {
			for (const value of values) {
				const document = change(FULL, steps, value);
				const problem = refuses(document);
				assert.is(
					validate(document),
					problem === '',
					`${steps.join('.')} = ${JSON.stringify(value)}: ${problem} / ${JSON.stringify(validate.errors)}`,
				);
				if (problem !== '') refused++;
			}
		}
		assert.ok(refused > 1500, `${refused} refused`);
	});
	it('has a description on each property', () => {
		const bare: string[] = [];
		const look = (node: unknown, path: string): void => {
			if (typeof node !== 'object' || node === null) return;
			for (const [key, child] of Object.entries((node as Json)['properties'] ?? {})) {
				// Inside if, then and else a property is only compared.
				if (!/\/(if|then|else)/.test(path) && !(child as Json)['description']) bare.push(`${path}/${key}`);
			}
			for (const [key, child] of Object.entries(node)) look(child, `${path}/${key}`);
		};
		look(schema, '');
		assert.equal(bare, []);
	});
});

describe('snapshot: hostile documents', (it) => {
	const places = placesIn(FULL);
	it('never throws, and what it accepts compiles', () => {
		fc.assert(
			fc.property(
				fc.constantFrom(...places),
				fc.oneof(fc.anything(), fc.jsonValue()),
				fc.constantFrom(...places),
				fc.jsonValue(),
				(at, value, other, next) => {
					const once = change(FULL, at, value);
					const twice = other.length > 0 && valueExists(once, other) ? change(once as Json, other, next) : once;
					const parsed = parseSnapshot(twice);
					if (typeof parsed !== 'string') compileSnapshot(parsed);
				},
			),
			{ numRuns: 3000 },
		);
	});
	it('keys such as __proto__ are keys', () => {
		const labels = JSON.parse('{"__proto__":"x","constructor":"y"}') as Json;
		const document = change(FULL, ['state', 'pods', 0, 'labels'], labels) as Json;
		const parsed = parseSnapshot(document);
		assert.type(parsed, 'object');
		assert.match(canonicalJson(parsed), '"__proto__":"x"');
		assert.is(({} as Json)['x'], undefined);
	});
});

function valueExists(document: unknown, steps: readonly (string | number)[]): boolean {
	let node = document;
	for (const step of steps.slice(0, -1)) {
		if (typeof node !== 'object' || node === null || !Object.hasOwn(node, step)) return false;
		node = (node as Json)[step];
	}
	return typeof node === 'object' && node !== null;
}

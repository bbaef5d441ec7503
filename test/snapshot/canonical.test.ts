import { gunzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import { canonicalJson, createSnapshot, encodeSnapshot, snapshotId, stateHash } from '../../functions/snapshot/canonical.ts';
import { describe } from '../describe.ts';
import { pod, policy, reduce } from './raw.ts';

const { state } = reduce([pod('b'), pod('a'), policy('p')]);

describe('canonical', (it) => {
	it('JSON with sorted keys at every depth, nothing undefined', () => {
		assert.is(canonicalJson({ b: [{ d: 1, c: undefined }], a: { Z: null, a: 1 } }), '{"a":{"Z":null,"a":1},"b":[{"d":1}]}');
		assert.is(canonicalJson(JSON.parse('{"x":1,"__proto__":{"b":1,"a":2}}')), '{"__proto__":{"a":2,"b":1},"x":1}');
	});
	it('the id: when and what', () => {
		const hash = stateHash(state).slice(0, 12);
		assert.match(hash, /^[0-9a-f]{12}$/);
		assert.is(snapshotId(state, undefined), `any-${hash}`);
		assert.is(snapshotId(state, '2023-09-23T14:20:57Z'), `2023-09-23T142057Z-${hash}`);
		assert.is(snapshotId(state, '2023-09-23T14:20:57.250Z'), `2023-09-23T142057.25Z-${hash}`);
		assert.is(snapshotId(state, '2023-09-23T16:20:57+02:00'), `2023-09-23T142057Z-${hash}`);
	});
	it('the id does not depend on when it was collected', () => {
		assert.is(createSnapshot({ state, collectedAt: '2023-09-23T14:20:57Z' }).id, createSnapshot({ state }).id);
	});
	it('another state has another id', () =>
		assert.is.not(createSnapshot({ state: { ...state, nodes: [{ name: 'n', ips: [] }] } }).id, createSnapshot({ state }).id));
	it('lists are sorted by namespace and name, rules are not', () => {
		const ports = [{ protocol: 'UDP', port: 2 } as const, { protocol: 'TCP', port: 1 } as const];
		const base = state.policies[0];
		assert.ok(base);
		const policies = [
			{ ...base, ingress: [{ peers: [], ports }] },
			{ ...base, namespace: 'a', name: 'z' },
		];
		const sorted = createSnapshot({ state: { ...state, policies, pods: [...state.pods].reverse(), unreadableKinds: ['b', 'a'] } }).state;
		assert.equal(
			sorted.policies.map(({ namespace, name }) => `${namespace}/${name}`),
			['a/z', 'shop/p'],
		);
		assert.equal(sorted.policies[1]?.ingress[0]?.ports, ports);
		assert.equal(sorted.pods, state.pods);
		assert.equal(sorted.unreadableKinds, ['a', 'b']);
	});
	it('sorts by code units, not as a locale has it', () => {
		const names = reduce(['a-b', 'ab', 'a.b', 'a0'].map((name) => pod(name))).state.pods.map(({ name }) => name);
		assert.equal(names, ['a-b', 'a.b', 'a0', 'ab']);
	});
	it('the file: the same bytes each time, and the document in them', () => {
		const snapshot = createSnapshot({ state, validFrom: '2023-09-23T14:20:57Z', collectedAt: '2023-09-23T14:21:00Z' });
		assert.equal(encodeSnapshot(snapshot), encodeSnapshot(structuredClone(snapshot)));
		assert.equal(JSON.parse(gunzipSync(encodeSnapshot(snapshot)).toString()), snapshot);
		assert.is(JSON.stringify(snapshot), canonicalJson(snapshot));
	});
	it('a time that is none is an error of the program', () => {
		assert.throws(() => createSnapshot({ state, validFrom: 'yesterday' }), 'not an RFC 3339 time: "yesterday"');
	});
});

import { createHash } from 'node:crypto';
import * as assert from 'uvu/assert';
import { decodeEntry, type Entry, entryId, type Rejected } from '../../functions/ingest/decode.ts';
import type { RejectReason } from '../../functions/ingest/refusal.ts';
import { describe } from '../describe.ts';
import { entry, entryWith } from './sample.ts';

function accepted(value: unknown): Entry {
	const decoded = decodeEntry(value);
	if (decoded.kind === 'rejected') throw new Error(`${decoded.reason}: ${decoded.detail}`);
	return decoded.entry;
}

function rejected(value: unknown): Rejected {
	const decoded = decodeEntry(value);
	if (decoded.kind === 'ok') throw new Error('it was accepted');
	return decoded;
}

const nested = (levels: number): unknown => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`);

const REJECTED: readonly [what: string, value: unknown, reason: RejectReason, detail: string][] = [
	['null', null, 'not-an-entry', 'this is null'],
	['a text', 'hello', 'not-an-entry', 'this is "hello"'],
	['an array', [entry], 'not-an-entry', 'this is an array'],
	['an object of another kind', { kind: 'Pod' }, 'not-an-entry', 'logName is missing'],
	['a logName that is no text', entryWith({ entry: { logName: 7 } }), 'not-an-entry', 'logName is missing'],
	['another log', entryWith({ entry: { logName: 'projects/p/logs/stdout' } }), 'other-log', 'projects/p/logs/stdout'],
	['a log whose name only ends so', entryWith({ entry: { logName: 'projects/p/logs/my-policy-action' } }), 'other-log', 'my-policy-action'],
	['a logName without logs', entryWith({ entry: { logName: 'policy-action' } }), 'other-log', '"policy-action"'],
	['a badly encoded logName', entryWith({ entry: { logName: 'projects/p/logs/%zz' } }), 'other-log', '%zz'],
	['a part of an entry', entryWith({ entry: { split: { uid: 'x', index: 1, totalSplits: 2 } } }), 'split-entry', '"index":1'],
	['no timestamp', entryWith({ entry: { timestamp: undefined } }), 'bad-timestamp', 'timestamp is missing'],
	['a timestamp of no calendar', entryWith({ entry: { timestamp: '2026-02-30T00:00:00Z' } }), 'bad-timestamp', '2026-02-30'],
	['a timestamp that is a number', entryWith({ entry: { timestamp: 1 } }), 'bad-timestamp', 'timestamp is 1'],
	['no insertId', entryWith({ entry: { insertId: undefined } }), 'no-insert-id', 'insertId'],
	['no resource', entryWith({ entry: { resource: undefined } }), 'no-cluster', 'resource.labels.cluster_name'],
	['no cluster', entryWith({ entry: { resource: { labels: { location: 'x' } } } }), 'no-cluster', 'resource.labels.cluster_name'],
	['no location', entryWith({ entry: { resource: { labels: { cluster_name: 'c' } } } }), 'no-cluster', 'resource.labels.location'],
	['no payload', entryWith({ entry: { jsonPayload: undefined, textPayload: 'x' } }), 'no-connection', 'jsonPayload is missing'],
	['no connection', entryWith({ payload: { connection: undefined } }), 'no-connection', 'jsonPayload.connection is missing'],
	['a connection that is a list', entryWith({ payload: { connection: [] } }), 'no-connection', 'jsonPayload.connection'],
	['no direction', entryWith({ connection: { direction: undefined } }), 'bad-direction', 'direction is missing'],
	['an unknown direction', entryWith({ connection: { direction: 'sideways' } }), 'bad-direction', 'direction is "sideways"'],
	['an unknown disposition', entryWith({ payload: { disposition: 'audit' } }), 'bad-disposition', 'disposition is "audit"'],
	['no disposition', entryWith({ payload: { disposition: undefined } }), 'bad-disposition', 'disposition is missing'],
	['a source that is no address', entryWith({ connection: { src_ip: '10.0.0.256' } }), 'bad-address', 'src_ip is "10.0.0.256"'],
	['no destination', entryWith({ connection: { dest_ip: undefined } }), 'bad-address', 'dest_ip is missing'],
	['an address with a zone', entryWith({ connection: { src_ip: 'fe80::1%eth0' } }), 'bad-address', 'fe80::1%eth0'],
	['a short address', entryWith({ connection: { src_ip: '10.1' } }), 'bad-address', '"10.1"'],
	['no protocol', entryWith({ connection: { protocol: undefined } }), 'bad-protocol', 'protocol is missing'],
	['an empty protocol', entryWith({ connection: { protocol: '' } }), 'bad-protocol', 'protocol is ""'],
	['no destination port', entryWith({ connection: { dest_port: undefined } }), 'bad-port', 'dest_port is missing'],
	['a port too large', entryWith({ connection: { dest_port: 65536 } }), 'bad-port', 'dest_port is 65536'],
	['a negative port', entryWith({ connection: { src_port: -1 } }), 'bad-port', 'src_port is -1'],
	['a port with a fraction', entryWith({ connection: { dest_port: 80.5 } }), 'bad-port', '80.5'],
	['a port by name', entryWith({ connection: { dest_port: 'http' } }), 'bad-port', '"http"'],
	['a negative count', entryWith({ payload: { count: -1 } }), 'bad-count', 'count is -1'],
	['a count with a fraction', entryWith({ payload: { count: 1.5 } }), 'bad-count', '1.5'],
	['a count beyond what a number holds', entryWith({ payload: { count: '9007199254740993' } }), 'bad-count', '9007199254740993'],
	['an entry without a bottom', entryWith({ entry: { labels: nested(200) } }), 'too-deep', '100 levels'],
];

describe('decodeEntry', (it) => {
	for (const [what, value, reason, detail] of REJECTED) {
		it(`rejects ${what}: ${reason}`, () => {
			const decoded = rejected(value);
			assert.is(decoded.reason, reason);
			assert.ok(decoded.detail.includes(detail), decoded.detail);
		});
	}

	it('does not fail on an entry that is very deep', () => assert.is(rejected({ logName: 'x', deep: nested(100_000) }).reason, 'too-deep'));

	it('keeps what a rejected entry says of itself', () => {
		const decoded = rejected(entryWith({ connection: { direction: 'up' } }));
		assert.is(decoded.logName, 'projects/p/logs/policy-action');
		assert.is(decoded.timestamp?.utc, '2026-03-04T05:06:07.123456Z');
		assert.is(rejected({}).logName, undefined);
	});

	it('cuts a long value in the detail', () => {
		const { detail } = rejected(entryWith({ connection: { direction: 'x'.repeat(100_000) } }));
		assert.ok(detail.length < 200, detail);
	});

	it('reads the identity, the times and the cluster', () => {
		const { id, insertId, logName, timestamp, receiveTimestamp, cluster, node, count } = accepted(entry);
		const expected = createHash('sha256')
			.update('["projects/p/logs/policy-action","2026-03-04T05:06:07.123456789Z","id1"]')
			.digest('base64url');
		assert.is(id, expected);
		assert.equal([insertId, logName, node, count], ['id1', 'projects/p/logs/policy-action', 'node-1', 3]);
		assert.is(timestamp.utc, '2026-03-04T05:06:07.123456Z');
		assert.is(receiveTimestamp?.utc, '2026-03-04T05:06:08.5Z');
		assert.equal(cluster, { project: 'p', location: 'europe-west1', name: 'c' });
	});

	it('tells apart what differs in nanoseconds, and what joins to the same text', () => {
		assert.is.not(accepted(entry).id, accepted(entryWith({ entry: { timestamp: '2026-03-04T05:06:07.123456788Z' } })).id);
		assert.is.not(entryId('a', 'b', 'c"]'), entryId('a', 'b","c', '"]'));
	});

	it('reads the observation', () => {
		assert.equal(
			accepted(entryWith({ payload: { policies: [{ kind: 'NetworkPolicy', name: 'n', namespace: 'shop', extra: 1 }] } })).observation,
			{
				flow: {
					direction: 'ingress',
					source: { pod: { namespace: 'shop', name: 'client' }, ip: '10.0.0.1' },
					destination: {
						pod: { namespace: 'shop', name: 'server' },
						ip: '10.0.0.2',
						workload: { kind: 'Deployment', name: 'server' },
						node: 'node-1',
					},
					protocol: 'TCP',
					sourcePort: 40000,
					port: 80,
				},
				disposition: 'deny',
				policies: [{ kind: 'NetworkPolicy', namespace: 'shop', name: 'n' }],
				timestamp: '2026-03-04T05:06:07.123456789Z',
				timestampMs: Date.parse('2026-03-04T05:06:07.123Z'),
			},
		);
	});

	it('places the subject on the node that wrote the entry, whichever end it is', () => {
		const ends = (direction: string) => {
			const { source, destination } = accepted(entryWith({ connection: { direction } })).observation.flow;
			return [source.node, destination.node];
		};
		assert.equal(ends('ingress'), [undefined, 'node-1']);
		assert.equal(ends('egress'), ['node-1', undefined]);
	});

	it('takes the project from the logName where no label has it', () => {
		const { cluster } = accepted(entryWith({ entry: { resource: { labels: { cluster_name: 'c', location: 'l' } } } }));
		assert.equal(cluster, { project: 'p', location: 'l', name: 'c' });
	});

	it('takes a logName whose id is percent-encoded', () => {
		assert.is(accepted(entryWith({ entry: { logName: 'projects/p/logs/policy%2Daction' } })).logName, 'projects/p/logs/policy%2Daction');
	});

	it('takes an end that is only an address, or nothing', () => {
		const { source, destination } = accepted(entryWith({ payload: { src: { instance: '10.0.0.1' }, dest: undefined } })).observation.flow;
		assert.equal([source, destination], [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }]);
	});

	it('reads a Pod whose namespace stands under the older name only', () => {
		const { source } = accepted(entryWith({ payload: { src: { pod_name: 'x', namespace: 'n' } } })).observation.flow;
		assert.equal(source.pod, { namespace: 'n', name: 'x' });
	});

	it('spells addresses in one way', () => {
		const { source, destination } = accepted(entryWith({ connection: { src_ip: '::ffff:10.0.0.1', dest_ip: '2001:DB8:0:0::1' } }))
			.observation.flow;
		assert.equal([source.ip, destination.ip], ['10.0.0.1', '2001:db8::1']);
	});

	it('has no ports for ICMP, whatever stands there', () => {
		const { flow } = accepted(entryWith({ connection: { protocol: 'icmp', src_port: 0, dest_port: undefined } })).observation;
		assert.equal([flow.protocol, flow.sourcePort, flow.port], ['ICMP', undefined, undefined]);
	});

	it('takes any other protocol, and the numbers of known ones', () => {
		const protocolOf = (protocol: unknown) => accepted(entryWith({ connection: { protocol } })).observation.flow.protocol;
		assert.equal([6, '17', 132, 'gre', 47, 'constructor'].map(protocolOf), ['TCP', 'UDP', 'SCTP', 'GRE', '47', 'CONSTRUCTOR']);
		assert.is(
			accepted(entryWith({ connection: { protocol: 'gre', src_port: undefined, dest_port: undefined } })).observation.flow.port,
			undefined,
		);
	});

	it('takes a count as a text, and none', () => {
		assert.equal(
			[3, '12', 0, undefined, null].map((count) => accepted(entryWith({ payload: { count } })).count),
			[3, 12, 0, undefined, undefined],
		);
	});

	it('passes over policies that it cannot read', () => {
		const policiesOf = (policies: unknown) => accepted(entryWith({ payload: { policies } })).observation.policies;
		assert.equal(policiesOf([null, 'x', {}, { name: 7 }, { name: 'n' }]), [{ name: 'n' }]);
		assert.equal([policiesOf('none'), policiesOf(null)], [[], []]);
	});

	it('ignores what it does not know, keeps it, and takes nothing from a prototype', () => {
		const raw = entryWith({ entry: { labels: { a: 'b' }, severity: 'INFO' } });
		assert.is(accepted(raw).raw, raw);
		assert.is(rejected(Object.create(entry)).reason, 'not-an-entry');
		assert.is(rejected(JSON.parse('{"__proto__": {"logName": "projects/p/logs/policy-action"}}')).reason, 'not-an-entry');
	});
});

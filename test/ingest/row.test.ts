import * as assert from 'uvu/assert';
import { readSchemas } from '../../functions/adapters/schemas.ts';
import { decodeEntry, type Entry } from '../../functions/ingest/decode.ts';
import { toRejectRow, toVerdictRow } from '../../functions/ingest/row.ts';
import type { CompiledSnapshot } from '../../functions/policy/compile.ts';
import { judge } from '../../functions/policy/judge.ts';
import { DEFAULT_CANDIDATES, maskOf, SEMANTICS } from '../../functions/policy/semantics.ts';
import type { Row } from '../../functions/ports.ts';
import { VERSION } from '../../functions/version.ts';
import { describe } from '../describe.ts';
import { departures } from './contract.ts';
import { entry, entryWith, messageOf, snapshot } from './sample.ts';

const { tables } = await readSchemas();
const columns = (table: string) => tables.get(table) ?? [];
const judgedAt = new Date('2026-03-04T05:10:00.123Z');

function decoded(value: unknown): Entry {
	const result = decodeEntry(value);
	if (result.kind === 'rejected') throw new Error(result.detail);
	return result.entry;
}

function verdictRow(value: unknown, used: CompiledSnapshot | undefined, candidates = DEFAULT_CANDIDATES): Row {
	const one = decoded(value);
	return toVerdictRow({ entry: one, judgement: judge(used, one.observation, candidates), snapshot: used, candidates, judgedAt });
}

const ROWS: readonly [what: string, row: Row][] = [
	['a void rule', verdictRow(entry, snapshot)],
	['no snapshot', verdictRow(entry, undefined)],
	['an allowed flow', verdictRow(entryWith({ payload: { disposition: 'allow', count: 1, policies: [{ name: 'by-address' }] } }), snapshot)],
	[
		'a named denial',
		verdictRow(entryWith({ payload: { policies: [{ kind: 'CiliumNetworkPolicy', name: 'x', namespace: 'shop' }] } }), snapshot),
	],
	[
		'an outside peer',
		verdictRow(entryWith({ connection: { src_ip: '203.0.113.7' }, payload: { src: { instance: '203.0.113.7' } } }), snapshot),
	],
	['an unknown Pod', verdictRow(entryWith({ payload: { dest: { pod_name: 'gone', pod_namespace: 'shop' } } }), snapshot)],
	[
		'as little as there may be',
		verdictRow(
			entryWith({
				entry: {
					resource: { labels: { cluster_name: 'c', location: 'l' } },
					receiveTimestamp: undefined,
					logName: 'folders/1/logs/policy-action',
				},
				payload: { count: undefined, node_name: undefined, src: undefined, dest: undefined },
				connection: { protocol: 'icmp', src_port: undefined, dest_port: undefined },
			}),
			undefined,
		),
	],
];

describe('toVerdictRow', (it) => {
	for (const [what, row] of ROWS) it(`fits the table: ${what}`, () => assert.equal(departures(columns('verdicts_v1'), row), []));

	it('says what was logged, and what became of it', () => {
		const row = verdictRow(entry, snapshot);
		assert.equal([row['finding'], row['flagged'], row['certainty'], row['constructs']], ['void-rule', true, 'certain', ['ipblock-pod']]);
		assert.equal(
			[row['timestamp'], row['receive_timestamp'], row['count'], row['weight'], row['protocol'], row['destination_port']],
			['2026-03-04T05:06:07.123456Z', '2026-03-04T05:06:08.5Z', 3, 1, 'TCP', 80],
		);
		assert.equal([row['subject_kind'], row['subject_name'], row['subject_ip'], row['peer_name']], ['pod', 'server', '10.0.0.2', 'client']);
		assert.equal([row['snapshot_id'], row['snapshot_valid_from'], row['snapshot_age_ms']], [snapshot.id, '2026-03-04T05:00:00Z', 367_123]);
		assert.equal(row['entry'], entry);
		assert.ok(String(row['summary']).includes('shop/by-address'), String(row['summary']));
		assert.is(row['judged_at'], '2026-03-04T05:10:00.123Z');
	});

	it('has the verdict of every semantics, and none where nothing was evaluated', () => {
		const verdicts = verdictRow(entry, snapshot)['verdicts'] as Row[];
		assert.equal(
			verdicts.map(({ semantics }) => semantics),
			[...SEMANTICS],
		);
		assert.equal(verdicts[0], { semantics: 'kubernetes', verdict: 'allow', basis: 'rule' });
		assert.equal(verdicts[2], { semantics: 'cilium-1.12', verdict: 'deny', basis: 'no-rule' });
		assert.equal(verdictRow(entry, undefined)['verdicts'], []);
	});

	it('is the same twice, byte for byte, but for the time of the judgement', () => {
		const first = JSON.stringify({ ...verdictRow(entry, snapshot), judged_at: '' });
		assert.is(JSON.stringify({ ...verdictRow(JSON.parse(JSON.stringify(entry)), snapshot), judged_at: '' }), first);
	});

	it('names the candidates in the engine version where they are not the default', () => {
		assert.is(verdictRow(entry, snapshot)['engine_version'], VERSION);
		const narrowed = verdictRow(entry, snapshot, maskOf(['cilium-1.20', 'cilium-1.16']));
		assert.is(narrowed['engine_version'], `${VERSION}+cilium-1.16,cilium-1.20`);
	});

	it('knows no age where the snapshot is valid at any time', () => {
		const { validFrom: _, ...timeless } = snapshot;
		const row = verdictRow(entry, { ...timeless, id: 'any-0123456789ab' });
		assert.equal([row['snapshot_id'], row['snapshot_valid_from'], row['snapshot_age_ms']], ['any-0123456789ab', null, null]);
	});
});

const rejectRow = (message = messageOf('{'), detail = 'what is wrong'): Row =>
	toRejectRow({
		message,
		rejected: { kind: 'rejected', reason: 'not-json', detail },
		candidates: DEFAULT_CANDIDATES,
		rejectedAt: judgedAt,
	});

describe('toRejectRow', (it) => {
	it('fits the table', () => {
		assert.equal(departures(columns('rejects_v1'), rejectRow()), []);
		const all = messageOf('{', { attributes: { a: 'b' }, publishTime: '2026-03-04T05:06:09.1Z', subscription: 's', deliveryAttempt: 2 });
		assert.equal(departures(columns('rejects_v1'), rejectRow(all)), []);
		assert.is(rejectRow(all)['publish_time'], '2026-03-04T05:06:09.1Z');
	});

	it('keeps the bytes as they came, and their number', () => {
		const row = rejectRow(messageOf('', { data: Buffer.from([0, 255, 10]) }));
		assert.equal([row['raw'], row['size_bytes']], ['AP8K', 3]);
	});

	it('cuts the bytes, not their number', () => {
		const row = rejectRow(messageOf('', { data: Buffer.alloc(1_000_001, 'x') }));
		assert.equal([Buffer.from(String(row['raw']), 'base64').length, row['size_bytes']], [1_000_000, 1_000_001]);
	});

	it('repeats where a replay had it from', () => {
		assert.is(rejectRow(messageOf('{', { attributes: { 'policy-audit-origin': 'a.json:7' } }))['detail'], 'a.json:7: what is wrong');
	});
});

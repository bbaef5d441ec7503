import * as assert from 'uvu/assert';
import { readSchemas } from '../../functions/adapters/schemas.ts';
import { lintSnapshot } from '../../functions/policy/lint.ts';
import type { ClusterState, Snapshot } from '../../functions/policy/model.ts';
import { DEFAULT_CANDIDATES, maskOf } from '../../functions/policy/semantics.ts';
import { toPolicyFindingRows, toSnapshotRow } from '../../functions/snapshot/rows.ts';
import { VERSION } from '../../functions/version.ts';
import { describe } from '../describe.ts';
import { departures } from '../ingest/contract.ts';
import { block, cluster, labels, other, policy, rule } from '../policy/cluster.ts';

const { tables } = await readSchemas();
const columns = (table: string) => tables.get(table) ?? [];

const snapshotOf = (tweaks: Partial<ClusterState> = {}, more: Partial<Snapshot> = {}): Snapshot => ({
	format: 1,
	id: 'any-0123456789ab',
	state: cluster(tweaks).state,
	...more,
});
const TIMED = { id: '2026-03-04T050000Z-0123456789ab', validFrom: '2026-03-04T05:00:00.123456789Z' };
const KEY = { project: 'p', location: 'l', name: 'c' };
const collected = {
	snapshot: snapshotOf({}, TIMED),
	cluster: KEY,
	collectedAt: '2026-03-04T05:10:00.5Z',
	changed: true,
	reason: 'policy-change',
	candidates: DEFAULT_CANDIDATES,
} as const;

describe('toSnapshotRow', (it) => {
	it('fits the table', () => {
		const facts = { location: 'l', name: 'c', datapathProvider: 'ADVANCED_DATAPATH', controlPlaneVersion: '1.33.1-gke.1' };
		const state = { cluster: facts, unreadableKinds: ['FQDNNetworkPolicy'] };
		const previous = { id: 'any-ffffffffffff', seenUntil: '2026-03-04T04:55:00Z' };
		for (const facts of [
			collected,
			{ ...collected, snapshot: snapshotOf(state), previous },
			{ ...collected, cluster: { location: 'l', name: 'c' } },
		])
			assert.equal(departures(columns('snapshots_v1'), toSnapshotRow(facts)), []);
	});

	it('says what was collected, and after what', () => {
		const policies = [policy(), policy({ name: 'q' })];
		const unreadablePolicies = [{ namespace: 'default', name: 'r', reason: 'x' }];
		const snapshot = snapshotOf({ policies, unreadablePolicies, otherPolicies: [other('Tier', {})], unreadableKinds: ['K'] }, TIMED);
		const previous = { id: 'any-ffffffffffff', seenUntil: '2026-03-04T04:55:00Z' };
		assert.equal(toSnapshotRow({ ...collected, snapshot, previous }), {
			snapshot_id: TIMED.id,
			state_hash: '0123456789ab',
			valid_from: '2026-03-04T05:00:00.123456Z',
			collected_at: '2026-03-04T05:10:00.5Z',
			project_id: 'p',
			location: 'l',
			cluster_name: 'c',
			changed: true,
			previous_snapshot_id: 'any-ffffffffffff',
			previous_seen_until: '2026-03-04T04:55:00Z',
			reason: 'policy-change',
			policies: 2,
			pods: 4,
			namespaces: 3,
			services: 0,
			nodes: 2,
			other_policies: 1,
			unreadable_policies: 1,
			unreadable_kinds: ['K'],
			datapath_provider: null,
			control_plane_version: null,
			engine_version: VERSION,
			policy_findings: null,
		});
		assert.is(toSnapshotRow({ ...collected, policyFindings: 0 })['policy_findings'], 0);
	});

	it('cuts times to microseconds, without trailing zeros', () => {
		for (const [validFrom, expected] of [
			['2026-03-04T05:00:00.100000001Z', '2026-03-04T05:00:00.1Z'],
			['2026-03-04T05:00:00.000000001Z', '2026-03-04T05:00:00Z'],
			['2026-03-04T05:00:10Z', '2026-03-04T05:00:10Z'],
		] as const)
			assert.is(toSnapshotRow({ ...collected, snapshot: snapshotOf({}, { ...TIMED, validFrom }) })['valid_from'], expected);
	});
});

const LINTED = cluster({
	cluster: KEY,
	policies: [
		policy({ ingress: [rule({ peers: [block('10.0.0.0/8')], ports: [{ protocol: 'TCP', port: 80, endPort: 90 }] })] }),
		policy({ name: 'q', types: ['ingress'], egress: [rule()], podSelector: labels({ 'pod-template-hash': 'a' }) }),
		policy({ name: 'r', annotations: { 'networking.gke.io/network': 'blue' } }),
	],
	otherPolicies: [other('GlobalNetworkPolicy', { selector: 'all()' }, { apiVersion: 'crd.projectcalico.org/v1', name: 'a|b' })],
});
const rowsOf = (candidates = DEFAULT_CANDIDATES, lintedAt = new Date('2026-03-04T05:10:00.123Z')) =>
	toPolicyFindingRows({ snapshot: LINTED, findings: lintSnapshot(LINTED, candidates), candidates, lintedAt });

describe('toPolicyFindingRows', (it) => {
	it('fits the table, whatever the finding is about', () => {
		const rows = rowsOf();
		assert.ok(rows.length >= 6, `${rows.length}`);
		for (const row of rows) assert.equal(departures(columns('policy_findings_v1'), row), []);
		const { cluster: _, ...nameless } = LINTED;
		for (const row of toPolicyFindingRows({
			snapshot: nameless,
			findings: lintSnapshot(nameless),
			candidates: DEFAULT_CANDIDATES,
			lintedAt: new Date(0),
		}))
			assert.equal(departures(columns('policy_findings_v1'), row), []);
	});

	it('says what was found and where', () => {
		const row = rowsOf().find(({ construct }) => construct === 'ipblock-pod');
		assert.equal(
			[row?.['snapshot_id'], row?.['cluster_name'], row?.['policy_namespace'], row?.['policy_name'], row?.['direction']],
			['any-000000000000', 'c', 'default', 'p', 'ingress'],
		);
		assert.equal([row?.['rule'], row?.['peer'], row?.['port'], row?.['clause']], [0, 0, null, 'ipBlock 10.0.0.0/8']);
		assert.equal([row?.['affected_pods'], row?.['affected_sample'], row?.['differs_now']], [2, ['default/client', 'default/web'], true]);
		assert.ok(String(row?.['semantics']).startsWith('cilium-1.12,'), String(row?.['semantics']));
		assert.is(rowsOf().find(({ construct }) => construct === 'multi-network')?.['semantics'], null);
	});

	it('is the same twice, byte for byte, but for the time', () => {
		const stripped = (at: string) => JSON.stringify(rowsOf(DEFAULT_CANDIDATES, new Date(at)).map((row) => ({ ...row, linted_at: '' })));
		assert.is(stripped('2026-03-04T05:10:00Z'), stripped('2026-03-05T05:10:00Z'));
	});

	it('has one fingerprint a problem, with nothing that a name can break', () => {
		const prints = rowsOf().map(({ fingerprint }) => String(fingerprint));
		assert.is(new Set(prints).size, prints.length);
		for (const print of prints) assert.is(print.split('|').length, 8, print);
		assert.ok(prints.some((print) => print.includes('a%7Cb')));
	});

	it('keeps a fingerprint where rules change places', () => {
		const rules = [rule({ peers: [block('10.0.0.0/8')] }), rule({ ports: [{ protocol: 'TCP', port: 80, endPort: 90 }] }), rule()];
		const printsOf = (ingress: typeof rules) => {
			const snapshot = cluster({ cluster: KEY, policies: [policy({ ingress })] });
			const findings = lintSnapshot(snapshot);
			const rows = toPolicyFindingRows({ snapshot, findings, candidates: DEFAULT_CANDIDATES, lintedAt: new Date(0) });
			return rows.map(({ fingerprint }) => fingerprint).sort();
		};
		assert.is(printsOf(rules).length, 3);
		assert.equal(printsOf(rules.toReversed()), printsOf(rules));
	});

	it('names the candidates in the engine version where they are not the default', () => {
		for (const row of rowsOf(maskOf(['cilium-1.12']))) assert.is(row['engine_version'], `${VERSION}+cilium-1.12`);
	});
});

import { equal, is, ok } from 'uvu/assert';
import { createAlertStore } from '../../functions/adapters/alert-store.ts';
import type { Clause, Problem, Row } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { policyFindingRow, snapshotRow, verdictRow } from '../schemas/rows.ts';
import { enginesFor, shareWarehouse, type Warehouse } from './alert-store/engines.ts';
import { HOSTILE } from './alert-store/hostile.ts';

const OLD = '2026-03-02T090000Z-aaaaaaaaaaaa';
const NEW = '2026-03-02T100000Z-bbbbbbbbbbbb';
const at = (time: string): string => `2026-03-02T${time}Z`;

/** An entry of 10:00:00 that was judged 5 s later, by the state that was in force then. */
const entry = (tweaks: Row = {}): Row =>
	verdictRow({
		project_id: 'p',
		location: 'europe-west1',
		fingerprint: 'f',
		count: 3,
		source_ip: '10.8.0.1',
		snapshot_id: OLD,
		snapshot_valid_from: at('09:00:00'),
		...tweaks,
	});

/** A collection of its cluster, without a change. */
const collection = (time: string, tweaks: Row = {}): Row =>
	snapshotRow({ project_id: 'p', snapshot_id: OLD, collected_at: at(time), ...tweaks });
/** One that saw another state for the first time. */
const change = (time: string, seenUntil: string | null, tweaks: Row = {}): Row =>
	collection(time, { snapshot_id: NEW, changed: true, previous_seen_until: seenUntil && at(seenUntil), ...tweaks });

interface Case {
	readonly what: string;
	readonly entries: readonly Row[];
	readonly collections?: readonly Row[];
	readonly expected: 'told' | 'unsettled' | 'waits';
}

/** Of entries that are younger than the settle time, except where they say so. */
const CASES: readonly Case[] = [
	{ what: 'its cluster was never collected', entries: [entry()], expected: 'waits' },
	{
		what: 'its cluster was collected before it alone',
		entries: [entry()],
		collections: [collection('09:59:59.999999')],
		expected: 'waits',
	},
	{
		what: 'its cluster was collected in the same microsecond',
		entries: [entry()],
		collections: [collection('10:00:00')],
		expected: 'told',
	},
	{ what: 'its cluster was collected after it', entries: [entry()], collections: [collection('10:01:00')], expected: 'told' },
	{
		what: 'it is old enough, and its cluster was never collected',
		entries: [entry({ timestamp: at('09:54:59.999999') })],
		expected: 'unsettled',
	},
	{ what: 'it is as old as the settle time, and no older', entries: [entry({ timestamp: at('09:55:00') })], expected: 'waits' },
	{
		what: 'it is old enough, and a change waits',
		entries: [entry({ timestamp: at('09:54:59'), judged_at: at('09:55:00') })],
		collections: [change('09:57:00', '09:50:00')],
		expected: 'unsettled',
	},
	{
		what: 'a change between the states before and after it waits',
		entries: [entry()],
		collections: [change('10:01:00', '09:58:00')],
		expected: 'waits',
	},
	{
		what: 'a change waits, and the state was seen unchanged after it',
		entries: [entry()],
		collections: [change('10:01:00', '09:58:00'), collection('10:03:00', { snapshot_id: NEW })],
		expected: 'waits',
	},
	{
		what: 'it was judged again 5 minutes after the change',
		entries: [entry(), entry({ judged_at: at('10:06:00') })],
		collections: [change('10:01:00', '09:58:00')],
		expected: 'told',
	},
	{
		what: 'it was judged again sooner, which proves nothing',
		entries: [entry(), entry({ judged_at: at('10:05:59.999999') })],
		collections: [change('10:01:00', '09:58:00')],
		expected: 'waits',
	},
	{
		what: 'it was judged by the state after the change itself',
		entries: [entry({ snapshot_id: NEW, judged_at: at('10:01:10') })],
		collections: [change('10:01:00', '09:58:00')],
		expected: 'told',
	},
	{
		what: 'it was judged by no state',
		entries: [entry({ snapshot_id: null, snapshot_valid_from: null })],
		collections: [change('10:01:00', '09:58:00')],
		expected: 'waits',
	},
	{
		what: 'the state after it is the first of its cluster',
		entries: [entry()],
		collections: [change('10:01:00', null)],
		expected: 'told',
	},
	{
		what: 'the state before the change was seen after it',
		entries: [entry()],
		collections: [change('10:06:00', '10:00:00')],
		expected: 'told',
	},
	{
		what: 'a change was seen soon before it, and it was judged by the state before',
		entries: [entry()],
		collections: [change('09:56:00', '09:50:00'), collection('10:01:00', { snapshot_id: NEW })],
		expected: 'waits',
	},
	{
		what: 'it was judged by the state before, 5 minutes after the change was seen',
		entries: [entry()],
		collections: [change('09:55:00', '09:50:00'), collection('10:01:00', { snapshot_id: NEW })],
		expected: 'told',
	},
	{
		what: 'it came late, and was judged long after the change',
		entries: [entry({ timestamp: at('09:56:00'), judged_at: at('10:04:00') })],
		collections: [change('09:58:00', '09:53:00')],
		expected: 'told',
	},
	{
		what: 'two changes follow it, of which one waits',
		entries: [entry({ judged_at: at('10:05:30') })],
		collections: [change('10:00:20', '09:58:00'), change('10:02:00', '09:59:00', { snapshot_id: 'c' })],
		expected: 'waits',
	},
	{
		what: 'it names no project, and its cluster was collected',
		entries: [entry({ project_id: null })],
		collections: [collection('10:01:00')],
		expected: 'told',
	},
	{
		what: 'it names no project, and a change waits',
		entries: [entry({ project_id: null })],
		collections: [collection('10:02:00', { snapshot_id: NEW }), change('10:01:00', '09:58:00')],
		expected: 'waits',
	},
	{
		what: 'the collection names no project',
		entries: [entry()],
		collections: [collection('10:01:00', { project_id: null })],
		expected: 'told',
	},
	{
		what: 'other clusters were collected',
		entries: [entry()],
		collections: [
			collection('10:01:00', { project_id: 'q' }),
			collection('10:01:00', { location: 'europe-west4' }),
			collection('10:01:00', { cluster_name: 'test' }),
		],
		expected: 'waits',
	},
	{
		what: 'the change is one of another cluster',
		entries: [entry()],
		collections: [collection('10:01:00'), change('10:01:00', '09:58:00', { cluster_name: 'test' })],
		expected: 'told',
	},
	{
		what: 'one entry of it was seen to be settled, another is old',
		entries: [entry(), entry({ entry_id: 'e2', timestamp: at('09:50:00'), judged_at: at('09:50:05') })],
		collections: [change('09:52:00', '09:45:00'), collection('10:01:00')],
		expected: 'told',
	},
];

const stateOf = (problems: readonly Problem[]): Case['expected'] =>
	problems.length === 0 ? 'waits' : problems[0]?.unsettled ? 'unsettled' : 'told';
const WINDOW = { since: at('06:00:00'), settledBefore: at('09:55:00') };

for (const kind of enginesFor('test/adapters/alert-store-problems.test.ts')) {
	describe(`what the alert store reads, on ${kind.name}`, (it) => {
		const withWarehouse = shareWarehouse(it, { ...kind, tables: ['verdicts_v1', 'snapshots_v1', 'policy_findings_v1'] });
		const withRows = (
			{ verdicts = [], snapshots = [], findings = [] }: Readonly<Partial<Record<'verdicts' | 'snapshots' | 'findings', readonly Row[]>>>,
			use: (store: ReturnType<typeof createAlertStore>, warehouse: Warehouse) => Promise<void>,
		): Promise<void> =>
			withWarehouse(async (warehouse) => {
				await warehouse.insert('verdicts_v1', verdicts);
				await warehouse.insert('snapshots_v1', snapshots);
				await warehouse.insert('policy_findings_v1', findings);
				await use(createAlertStore(warehouse.engine), warehouse);
			});

		it('is problems whose cluster was seen since, where no change waits', () => {
			// Each case in a cluster of its own, so that all of them are one question.
			const inCluster = (row: Row, index: number): Row => ({ ...row, cluster_name: `${row['cluster_name']}-${index}` });
			const verdicts = CASES.flatMap(({ entries }, index) =>
				entries.map((row) => ({ ...inCluster(row, index), entry_id: `${row['entry_id']}-${index}`, fingerprint: `f${index}` })),
			);
			const snapshots = CASES.flatMap(({ collections = [] }, index) => collections.map((row) => inCluster(row, index)));
			return withRows({ verdicts, snapshots }, async (store) => {
				const { problems } = await store.readProblems(WINDOW);
				for (const [index, { what, expected }] of CASES.entries())
					is(stateOf(problems.filter(({ fingerprint }) => fingerprint === `f${index}`)), expected, what);
			});
		});

		it('counts the entries that may be told of, those with a weight as often as that', () => {
			const verdicts = [
				entry(),
				// Delivered again: the same entry.
				entry(),
				entry({ entry_id: 'e2', timestamp: at('10:00:30.25'), count: 4, source_ip: '10.8.0.2' }),
				entry({ entry_id: 'e3', timestamp: at('10:00:20'), count: 5, source_ip: '10.8.0.2' }),
				// Nobody has seen the cluster since.
				entry({ entry_id: 'e4', timestamp: at('10:02:00'), count: 100, source_ip: '10.8.0.9' }),
				// Before the time asked about.
				entry({ entry_id: 'e5', timestamp: at('05:59:59'), count: 100, source_ip: '10.8.0.9' }),
				entry({ entry_id: 'a1', fingerprint: 'g', finding: 'newly-open', disposition: 'allow', weight: 200, count: 1, project_id: null }),
				entry({
					entry_id: 'a2',
					fingerprint: 'g',
					finding: 'newly-open',
					disposition: 'allow',
					count: 1,
					source_ip: null,
					project_id: null,
				}),
				entry({ entry_id: 'n1', fingerprint: 'not-flagged', flagged: false }),
				entry({ entry_id: 'n2', fingerprint: null }),
				// What was judged again is what it was judged to be last.
				entry({ entry_id: 'n3', fingerprint: 'judged-again' }),
				entry({ entry_id: 'n3', fingerprint: 'explained', finding: 'explained', flagged: false, judged_at: at('10:06:00') }),
			];
			return withRows({ verdicts, snapshots: [collection('10:01:00'), collection('10:01:00')] }, async (store) => {
				const { problems, complete } = await store.readProblems(WINDOW);
				is(complete, true);
				equal(problems, [
					{
						fingerprint: 'f',
						cluster: { project: 'p', location: 'europe-west1', name: 'prod' },
						finding: 'void-rule',
						firstSeen: at('10:00:00'),
						lastSeen: at('10:00:30.250000'),
						entries: 3,
						packets: 12,
						sources: 2,
						unsettled: false,
						ofRule: 1,
					},
					{
						fingerprint: 'g',
						cluster: { location: 'europe-west1', name: 'prod' },
						finding: 'newly-open',
						firstSeen: at('10:00:00'),
						lastSeen: at('10:00:00'),
						entries: 201,
						packets: null,
						sources: 1,
						unsettled: false,
						ofRule: 1,
					},
				]);
			});
		});

		it('is of a problem what its latest entry has', () => {
			const evidence = [
				{
					role: 'void',
					direction: 'ingress',
					policy_kind: 'NetworkPolicy',
					policy_namespace: 'shop',
					policy_name: 'db',
					rule: 1,
					peer: 0,
					construct: 'ipblock-pod',
					clause: 'ipBlock 10.0.0.0/8',
				},
				{ role: 'isolates', policy_name: 'other' },
			];
			const verdicts = [
				entry({ summary: 'Of the day before.', timestamp: '2026-03-01T10:00:00Z' }),
				entry({
					entry_id: 'e2',
					summary: `It's "said" \\ 漢字.`,
					subject_namespace: 'shop',
					subject_workload_kind: 'Deployment',
					subject_workload: 'db',
					subject_name: 'db-1',
					subject_ip: '10.8.0.9',
					peer_kind: 'pod',
					peer_namespace: 'shop',
					peer_name: 'web-1',
					peer_labels: 'app=web,tier=front',
					destination_port: 5432,
					certainty: 'certain',
					constructs: ['ipblock-pod'],
					evidence,
				}),
				entry({ entry_id: 'e3', fingerprint: 'bare', constructs: [], reasons: [], evidence: [] }),
				entry({ entry_id: 'e4', fingerprint: 'not asked for' }),
			];
			return withRows({ verdicts }, async (store) => {
				const details = await store.readDetails(['f', 'bare', 'gone'], '2026-03-01T23:00:00Z');
				equal([...details.keys()].sort(), ['bare', 'f']);
				equal(details.get('f'), {
					fingerprint: 'f',
					direction: 'ingress',
					disposition: 'deny',
					subjectNamespace: 'shop',
					subjectWorkloadKind: 'Deployment',
					subjectWorkload: 'db',
					subjectName: 'db-1',
					subjectIp: '10.8.0.9',
					peerKind: 'pod',
					peerNamespace: 'shop',
					peerWorkloadKind: null,
					peerWorkload: null,
					peerName: 'web-1',
					peerIp: null,
					peerLabels: 'app=web,tier=front',
					protocol: 'TCP',
					port: 5432,
					certainty: 'certain',
					reasons: [],
					policyKind: 'NetworkPolicy',
					policyNamespace: 'shop',
					policyName: 'db',
					policyDirection: 'ingress',
					rule: 1,
					peer: 0,
					portEntry: null,
					clause: 'ipBlock 10.0.0.0/8',
					construct: 'ipblock-pod',
					summary: `It's "said" \\ 漢字.`,
					// Of both days: the first is asked for in part, and counts as a whole.
					firstSeen: '2026-03-01T10:00:00Z',
					lastSeen: '2026-03-02T10:00:00Z',
					entries: 2,
					packets: 6,
				});
				const bare = details.get('bare');
				equal([bare?.policyName, bare?.rule, bare?.port, bare?.reasons], [null, null, null, []]);
				is((await store.readDetails([], at('00:00:00'))).size, 0);
				is((await store.readDetails(['f'], at('00:00:00'))).size, 1);
				is((await store.readDetails(['f'], '2026-03-03T00:00:00Z')).size, 0);
			});
		});

		it('finds a problem by a fingerprint of whatever characters', () => {
			const verdicts = HOSTILE.map((fingerprint, index) => entry({ entry_id: `h${index}`, fingerprint }));
			return withRows({ verdicts }, async (store) => {
				const details = await store.readDetails(HOSTILE, at('00:00:00'));
				for (const fingerprint of HOSTILE) ok(details.has(fingerprint), JSON.stringify(fingerprint).slice(0, 80));
				is(details.size, HOSTILE.length);
			});
		});

		it('asks of more problems than a statement asks for', () => {
			const many = Array.from({ length: 1001 }, (_, index) => `nobody-${index}`);
			return withRows({ verdicts: [entry()] }, async (store) => {
				equal([...(await store.readDetails([...many, 'f'], at('00:00:00'))).keys()], ['f']);
			});
		});

		const CLAUSE: Clause = {
			cluster: { project: 'p', location: 'europe-west1', name: 'prod' },
			construct: 'ipblock-pod',
			policyNamespace: 'shop',
			policyName: 'db',
			direction: 'ingress',
			clause: `ipBlock 10.0.0.0/8 '"\\`,
		};
		/** A state of that minute, and how many findings are kept of it; written again a while later. */
		const state = (minute: number, kept: number | null, tweaks: Row = {}): Row[] => {
			const time = `10:${`${minute}`.padStart(2, '0')}`;
			const row = collection(`${time}:30`, {
				snapshot_id: `state-${minute}`,
				valid_from: at(`${time}:00`),
				changed: true,
				policy_findings: kept,
				...tweaks,
			});
			return [row, row, { ...row, changed: false, collected_at: at(`${time}:45`), policy_findings: null }];
		};
		const found = (minute: number, tweaks: Row = {}): Row =>
			policyFindingRow({
				snapshot_id: `state-${minute}`,
				project_id: 'p',
				location: 'europe-west1',
				cluster_name: 'prod',
				policy_namespace: 'shop',
				policy_name: 'db',
				direction: 'ingress',
				clause: CLAUSE.clause,
				linted_at: at(`10:${`${minute}`.padStart(2, '0')}:31`),
				...tweaks,
			});

		const FIXES: readonly {
			readonly what: string;
			readonly snapshots: readonly Row[];
			readonly findings: readonly Row[];
			readonly fixedAt?: string;
		}[] = [
			{ what: 'no state is known', snapshots: [], findings: [] },
			{ what: 'it was found in no state', snapshots: state(1, 0), findings: [] },
			{ what: 'it is in the newest', snapshots: [...state(1, 1), ...state(2, 1)], findings: [found(1), found(2), found(2)] },
			{
				what: 'it is in none after that',
				snapshots: [...state(1, 1), ...state(2, 1), ...state(3, 0), ...state(4, 0)],
				findings: [found(1), found(2)],
				fixedAt: at('10:03:00'),
			},
			{
				what: 'it was gone, and came again',
				snapshots: [...state(1, 1), ...state(2, 0), ...state(3, 1)],
				findings: [found(1), found(3)],
			},
			{
				what: 'of the state after it is not known what was found',
				snapshots: [...state(1, 1), ...state(2, null), ...state(3, 0)],
				findings: [found(1)],
				fixedAt: at('10:03:00'),
			},
			{ what: 'of no state after it is that known', snapshots: [...state(1, 1), ...state(2, null)], findings: [found(1)] },
			{
				what: 'others are still there',
				snapshots: [...state(1, 9), ...state(2, 5)],
				findings: [
					found(1),
					found(2, { clause: 'ipBlock 10.0.0.0/9' }),
					found(2, { policy_name: 'web' }),
					found(2, { policy_namespace: null }),
					found(2, { direction: null }),
					found(2, { construct: 'end-port' }),
					found(2, { cluster_name: 'test' }),
				],
				fixedAt: at('10:02:00'),
			},
			{
				what: 'another cluster has it no more',
				snapshots: [...state(1, 1), ...state(2, 0, { cluster_name: 'test' }), ...state(3, 0, { project_id: 'q' })],
				findings: [found(1)],
			},
			{
				what: 'the snapshots name no project',
				snapshots: [...state(1, 1, { project_id: null }), ...state(2, 0, { project_id: null })],
				findings: [found(1, { project_id: null })],
				fixedAt: at('10:02:00'),
			},
			{
				what: 'the state without it is one of any time',
				snapshots: [...state(1, 1), ...state(2, 0, { valid_from: null })],
				findings: [found(1)],
				fixedAt: at('10:02:30'),
			},
			{
				what: 'it was found before the time asked about',
				snapshots: [...state(1, 1, { collected_at: at('05:59:59') }), ...state(2, 0)],
				findings: [found(1, { linted_at: at('05:59:59') })],
			},
		];

		it('is clauses that no state has since', () => {
			// Each case in clusters of its own, so that all of them are one question.
			const inCluster = (row: Row, index: number): Row => ({ ...row, cluster_name: `${row['cluster_name']}-${index}` });
			const clauses = FIXES.map((_, index) => ({ ...CLAUSE, cluster: { ...CLAUSE.cluster, name: `prod-${index}` } }));
			const rows = {
				snapshots: FIXES.flatMap(({ snapshots }, index) => snapshots.map((row) => inCluster(row, index))),
				findings: FIXES.flatMap(({ findings }, index) => findings.map((row) => inCluster(row, index))),
			};
			return withRows(rows, async (store) => {
				const fixed = await store.readFixed(clauses, at('06:00:00'));
				for (const [index, { what, fixedAt }] of FIXES.entries())
					is(fixed.find(({ cluster }) => cluster.name === `prod-${index}`)?.at, fixedAt, what);
				equal(fixed[0], { ...(clauses.find(({ cluster }) => cluster.name === fixed[0]?.cluster.name) as Clause), at: fixed[0]?.at });
			});
		});

		it('tells clauses apart, those of a kind without namespaces too', () => {
			const clauses: readonly Clause[] = [
				{ ...CLAUSE, clause: 'still there' },
				CLAUSE,
				{ ...CLAUSE, cluster: { location: 'europe-west1', name: 'prod' }, policyNamespace: null, direction: null, policyName: 'all' },
			];
			const snapshots = [...state(1, 3), ...state(2, 1)];
			const findings = [
				found(1),
				found(1, { policy_namespace: null, policy_name: 'all', direction: null }),
				found(1, { clause: 'still there' }),
				found(2, { clause: 'still there' }),
			];
			return withRows({ snapshots, findings }, async (store) => {
				equal(
					await store.readFixed(clauses, at('06:00:00')),
					clauses.slice(1).map((clause) => ({ ...clause, at: at('10:02:00') })),
				);
				equal(await store.readFixed([], at('06:00:00')), []);
			});
		});
	});
}

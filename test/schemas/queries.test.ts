import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { equal, is, match, ok } from 'uvu/assert';
import { STALE_AFTER_MS } from '../../functions/adapters/bucket/timeline.ts';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import { SCHEMAS } from '../../functions/adapters/schemas.ts';
import { HINTS, MISSING } from '../../functions/policy/wording.ts';
import type { Row, TableName } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { policyFindingRow, snapshotRow, verdictRow } from './rows.ts';

type Parameters = Readonly<Record<string, string>>;

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const names = readdirSync(new URL('queries/', SCHEMAS)).map((file) => file.replace(/\.sql$/, ''));
const queries = new Map(names.sort().map((name) => [name, read(`schemas/queries/${name}.sql`)]));
const commentOf = (sql: string): string => sql.slice(0, sql.search(/^SELECT/m));
const titleOf = (sql: string): string => sql.slice('-- '.length, sql.indexOf('\n'));

const PAGE = 'docs/questions.md';
const SAMPLE = '\nAsked with ';
/** Of an answer, the first rows. */
const ROWS = 2;

/** An answer as a table, a column of the answer a line: answers are wide, and a page is not. */
function sampleOf({ parameters, rows }: { readonly parameters: Parameters; readonly rows: readonly Row[] }): string {
	const asked = Object.entries(parameters).map(([name, value]) => `\`${name}\` ${value === '' ? 'empty' : codeOf(value)}`);
	const shown = rows.slice(0, ROWS);
	const how = rows.length > ROWS ? `the first ${ROWS} of ${rows.length} rows` : rows.length === 1 ? 'one row' : `${rows.length} rows`;
	const lines = Object.keys(shown[0] ?? {}).map((column) => [`\`${column}\``, ...shown.map((row) => cellOf(row[column]))]);
	const head = ['column', ...shown.map((_, index) => `row ${index + 1}`)];
	const table = [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`);
	return `${SAMPLE}${asked.join(', ')}: ${how}.\n\n${table.join('\n')}\n`;
}

/** A bar ends a cell, in code too. */
const codeOf = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``;

/** Raw entries are cut. */
function cellOf(value: unknown): string {
	if (value === null || value === '') return '';
	if (typeof value === 'object') return codeOf(`${JSON.stringify(value).slice(0, 200)}…`);
	return typeof value === 'string' && value.includes('|') ? codeOf(value) : `${value}`;
}

/** The page with its samples made anew: each section ends with one. */
function pageWithSamples(page: string): string {
	const [head = '', ...sections] = page.split(/^(?=## )/m);
	const made = sections.map((section) => {
		const name = /^`schemas\/queries\/(\w+)\.sql`/m.exec(section)?.[1];
		if (name === undefined) return section;
		const sample = section.indexOf(SAMPLE);
		const text = (sample < 0 ? section : section.slice(0, sample)).trimEnd();
		const answer = { parameters: parametersOf(name), rows: JSON.parse(read(`test/sql/${name}/expected.json`)) };
		return `${text}\n${sampleOf(answer)}\n`;
	});
	return `${[head, ...made].join('').trimEnd()}\n`;
}

const parametersOf = (name: string): Parameters => JSON.parse(read(`test/sql/${name}/parameters.json`));

type Rows = Readonly<Record<string, readonly Row[]>>;
type Ask = (name: string, parameters?: Parameters) => Promise<Row[]>;

/** A warehouse that holds these rows alone, to be asked: the first two days of March, of everything, unless it is told otherwise. */
async function withRows<T>(rows: Rows, use: (ask: Ask) => Promise<T>): Promise<T> {
	const duckdb = await openDuckdb();
	try {
		for (const [table, written] of Object.entries(rows)) await Promise.all(written.map((row) => duckdb.write(table as TableName, row)));
		return await use((name, parameters) => {
			const asked = { since: '2026-03-01T00:00:00Z', until: '2026-03-03T00:00:00Z', cluster: '', namespace: '', pod: '', ...parameters };
			// DuckDB refuses a parameter that a query does not name.
			const named = Object.entries(asked).filter(([parameter]) => queries.get(name)?.includes(`@${parameter}`));
			return duckdb.query(queries.get(name) ?? '', Object.fromEntries(named));
		});
	} finally {
		await duckdb.close();
	}
}

const answer = (name: string, { rows, ...parameters }: { readonly rows: Rows } & Record<string, unknown>): Promise<Row[]> =>
	withRows(rows, (ask) => ask(name, parameters as Parameters));

/** Rows with ids, and a fingerprint each unless they say another. */
const verdicts = (...rows: readonly Row[]): Row[] =>
	rows.map((row, index) =>
		verdictRow({
			entry_id: `entry-${index}`,
			fingerprint: `f${index}`,
			location: 'europe-west1',
			count: 1,
			constructs: [],
			reasons: [],
			...row,
		}),
	);

const columnsOf = (rows: readonly Row[], ...columns: readonly string[]): unknown[][] =>
	rows.map((row) => columns.map((column) => row[column]));

describe('schemas/queries', (it) => {
	it('say at the top the question, what one row is, the parameters and the cost', () => {
		ok(queries.size >= 10);
		for (const [name, sql] of queries) {
			const comment = commentOf(sql);
			match(comment, /^-- [A-Z][^?\n]*\?\n--\n-- One row a /, name);
			match(comment, /^-- Cost: /m, name);
			const [, parameters = ''] = /^-- Parameters:\n((?:-- {3,}@?.*\n)+)-- Cost/m.exec(comment) ?? [];
			const said = [...parameters.matchAll(/^-- {3}@(\w+) {2,}\S/gm)].map(([, parameter]) => parameter ?? '').sort();
			const used = [...new Set([...sql.slice(comment.length).matchAll(/@(\w+)/g)].map(([, parameter]) => parameter ?? ''))].sort();
			equal(said, used, `${name}: the parameters of its comment and of its SQL`);
			equal(Object.keys(parametersOf(name)).sort(), used, `test/sql/${name}/parameters.json`);
		}
	});

	it('put their rows in order', () => {
		for (const [name, sql] of queries) match(sql, /\nORDER BY[^;()]*(?:\([^()]*\)[^;()]*)*$/, name);
	});

	it('have a section each in the documentation, with its accepted answer', () => {
		if (process.env['UPDATE'] === '1') writeFileSync(new URL(`../../${PAGE}`, import.meta.url), pageWithSamples(read(PAGE)));
		const page = read(PAGE);
		const sections = [...page.matchAll(/^## (.*)\n\n`schemas\/queries\/(\w+)\.sql`/gm)].map(([, title, name]) => [name, title]);
		equal(Object.fromEntries(sections), Object.fromEntries([...queries].map(([name, sql]) => [name, titleOf(sql)])));
		is(page, pageWithSamples(page), 'UPDATE=1 npm test -- schemas/queries writes it anew');
		const headings = [...page.matchAll(/^## (.*)/gm)].map(([, title = '']) =>
			title
				.toLowerCase()
				.replace(/[^\w -]/g, '')
				.replaceAll(' ', '-'),
		);
		for (const [, anchor = ''] of page.matchAll(/\]\(#([^)]*)\)/g)) ok(headings.includes(anchor), `#${anchor} is no heading`);
	});
});

describe('the time asked about', (it) => {
	it('begins with @since and ends before @until', async () => {
		const evidence = [
			{ role: 'void', policy_kind: 'NetworkPolicy', policy_name: 'web', rule: 0, peer: 0, clause: 'c', construct: 'end-port' },
		];
		const row = { evidence, fingerprint: 'f', subject_namespace: 'shop' };
		const times = ['2026-02-28T23:59:59.999999Z', '2026-03-01T00:00:00Z', '2026-03-02T23:59:59.999999Z', '2026-03-03T00:00:00Z'];
		await withRows({ verdicts_v1: verdicts(...times.map((timestamp) => ({ ...row, timestamp }))) }, async (ask) => {
			const asked = { namespace: 'shop', change: '2026-03-01T00:00:00Z', fingerprint: 'f' };
			for (const name of ['denials_since_change', 'pod_lost', 'what_broke'])
				equal(columnsOf(await ask(name, asked), 'entries'), [[2]], name);
			equal(columnsOf(await ask('rules_to_rewrite'), 'entries'), [[2]]);
			equal(columnsOf(await ask('raw_entries', asked), 'timestamp'), [['2026-03-02T23:59:59.999999Z'], ['2026-03-01T00:00:00Z']]);
		});
	});

	it('is whole days where a question says so', async () => {
		const times = ['2026-03-01T00:00:00Z', '2026-03-02T23:59:59Z', '2026-03-03T00:00:00Z'];
		const rows = times.flatMap((timestamp) => [
			{ timestamp, fingerprint: 'f' },
			{ timestamp, fingerprint: 'g', finding: 'undecidable', flagged: false },
		]);
		await withRows({ verdicts_v1: verdicts(...rows) }, async (ask) => {
			const asked = { since: '2026-03-01T12:00:00Z', until: '2026-03-02T00:00:00.000001Z' };
			for (const name of ['what_broke', 'new_findings', 'not_explained']) equal(columnsOf(await ask(name, asked), 'entries'), [[2]], name);
		});
	});
});

describe('raw_entries.sql', (it) => {
	it('has the latest 100 entries of that problem, as they were sent', async () => {
		const minute = (index: number): string => `2026-03-02T0${Math.floor(index / 60)}:${`${index % 60}`.padStart(2, '0')}:00Z`;
		const rows = Array.from({ length: 101 }, (_, n) => ({ timestamp: minute(n), fingerprint: 'f', entry: { n } }));
		const answers = await answer('raw_entries', { rows: { verdicts_v1: verdicts(...rows, { fingerprint: 'g' }) }, fingerprint: 'f' });
		equal(
			answers.map(({ entry }) => entry),
			rows
				.slice(1)
				.map(({ entry }) => entry)
				.reverse(),
		);
	});
});

describe('undecidable.sql', (it) => {
	it('says of every missing fact of the engine what would decide it, and of no hint', async () => {
		const reasons = [...Object.keys(MISSING), ...Object.keys(HINTS)];
		const rows = verdicts(...reasons.map((reason) => ({ finding: 'undecidable', flagged: false, reasons: [reason] })));
		const answers = await answer('undecidable', { rows: { verdicts_v1: rows } });
		equal(answers.map(({ reason }) => reason).sort(), Object.keys(MISSING).sort());
		is(new Set(answers.map((row) => row['what_would_decide'])).size, answers.length);
		for (const row of answers) match(`${row['what_would_decide']}`, /^[a-z].{40,}[^.]$/);
	});

	it('names the policy that each fact is about, and counts an entry for each fact that it lacks', async () => {
		const piece = { role: 'may-decide', direction: 'ingress' };
		const rows = verdicts(
			{
				finding: 'undecidable',
				reasons: ['unreadable-policy', 'other-policy-kind', 'unreadable-kind', 'late-reply'],
				evidence: [
					{ ...piece, policy_kind: 'NetworkPolicy', policy_namespace: 'shop', policy_name: 'broken' },
					{ ...piece, policy_kind: 'CiliumNetworkPolicy', policy_namespace: 'shop', policy_name: 'web' },
					{ ...piece, policy_kind: 'GlobalNetworkPolicy' },
					{ role: 'isolates', policy_kind: 'NetworkPolicy', policy_namespace: 'shop', policy_name: 'aaa' },
				],
			},
			{
				finding: 'undecidable',
				reasons: ['other-policy-kind'],
				evidence: [{ ...piece, policy_kind: 'CiliumClusterwideNetworkPolicy', policy_name: 'lockdown' }],
			},
			{ finding: 'undecidable', reasons: ['other-policy-kind'], timestamp: '2026-03-03T00:00:00Z' },
			{ finding: 'void-rule', reasons: ['no-snapshot'] },
		);
		const answers = await answer('undecidable', { rows: { verdicts_v1: rows } });
		equal(columnsOf(answers, 'reason', 'policy', 'entries', 'problems'), [
			['other-policy-kind', 'CiliumClusterwideNetworkPolicy lockdown', 1, 1],
			['other-policy-kind', 'CiliumNetworkPolicy shop/web', 1, 1],
			['unreadable-kind', 'GlobalNetworkPolicy', 1, 1],
			['unreadable-policy', 'NetworkPolicy shop/broken', 1, 1],
		]);
	});

	it('counts each entry without a fingerprint as a problem', async () => {
		const unknown: Row = { finding: 'undecidable', reasons: ['no-snapshot'], fingerprint: null };
		const named: Row = { ...unknown, fingerprint: 'f' };
		const answers = await answer('undecidable', { rows: { verdicts_v1: verdicts(unknown, unknown, named, named) } });
		equal(columnsOf(answers, 'entries', 'problems'), [[4, 3]]);
	});
});

describe('namespace_safe.sql', (it) => {
	const fine: Row = {
		finding: 'confirmed',
		flagged: false,
		disposition: 'allow',
		subject_namespace: 'shop',
		timestamp: '2026-03-02T10:30:00Z',
	};
	const collected: Row = { datapath_provider: 'ADVANCED_DATAPATH', collected_at: '2026-03-02T11:45:00Z' };
	const lint: Row = { policy_namespace: 'shop', location: 'europe-west1' };
	const hour: Parameters = { since: '2026-03-02T10:00:00Z', until: '2026-03-02T11:00:00Z', namespace: 'shop' };

	/** As old as the snapshot of an entry may be. */
	const justFresh = new Date(Date.parse('2026-03-02T11:00:00Z') - STALE_AFTER_MS);

	interface Case {
		readonly because: string;
		readonly answer: 'safe' | 'not safe' | 'unknown';
		readonly entries?: readonly Row[];
		readonly collections?: readonly Row[];
		readonly findings?: readonly Row[];
		readonly asked?: Parameters;
	}

	const well = { because: 'what was seen is well', answer: 'safe' } as const;
	const flagged = { because: 'flagged problems were seen', answer: 'not safe' } as const;
	const unseen = { because: 'nobody looked at the policies in the last 15 minutes', answer: 'unknown' } as const;
	const unjudged = { because: 'entries of the cluster had no snapshot, or a stale one', answer: 'unknown' } as const;
	const elsewhere: Row = { ...fine, subject_namespace: 'ops', finding: 'undecidable' };
	const cases: readonly Case[] = [
		well,
		{ ...flagged, entries: [fine, { ...fine, flagged: true }] },
		{ ...flagged, entries: [{ ...fine, flagged: true, subject_namespace: 'ops', peer_namespace: 'shop' }] },
		{ ...flagged, entries: [fine, { ...fine, flagged: true, subject_namespace: 'ops' }], asked: { namespace: '' } },
		{ ...well, entries: [fine, { ...fine, flagged: true, subject_namespace: 'ops' }] },
		{ because: 'the linter finds clauses that change something now', answer: 'not safe', findings: [lint] },
		{ ...well, findings: [{ ...lint, differs_now: false }] },
		{ ...well, findings: [{ ...lint, policy_namespace: 'ops' }] },
		{ ...well, findings: [{ ...lint, snapshot_id: 'any-ffffffffffff' }] },
		{ ...well, findings: [{ ...lint, severity: 'low' }] },
		{ because: 'some entries could not be decided', answer: 'unknown', entries: [fine, { ...fine, finding: 'undecidable' }] },
		{ because: 'no entry was seen', answer: 'unknown', entries: [] },
		{ because: 'no entry was seen', answer: 'unknown', entries: [{ ...fine, timestamp: '2026-03-02T11:00:00Z' }] },
		{ because: 'the cluster was never collected', answer: 'unknown', collections: [] },
		{ because: 'the cluster wrote no entry for whole hours', answer: 'unknown', asked: { since: '2026-03-02T09:00:00Z' } },
		// Nor is any of the hours beside it a whole one.
		{ ...well, asked: { since: '2026-03-02T09:00:01Z', until: '2026-03-02T11:59:59Z' } },
		{
			because: 'the cluster has another dataplane, which writes no such log',
			answer: 'unknown',
			collections: [{ ...collected, datapath_provider: 'LEGACY_DATAPATH' }],
		},
		{ ...well, collections: [{ ...collected, collected_at: justFresh.toISOString() }] },
		{ ...unseen, collections: [{ ...collected, collected_at: new Date(justFresh.getTime() - 1).toISOString() }] },
		// What is still to come nobody has looked at.
		{ ...unseen, asked: { until: '2026-03-02T12:00:00.000001Z' }, entries: [fine, { ...fine, timestamp: '2026-03-02T11:30:00Z' }] },
		{ ...unjudged, entries: [fine, { ...elsewhere, reasons: ['stale-snapshot'] }] },
		{ ...unjudged, entries: [fine, { ...elsewhere, reasons: ['no-snapshot'] }] },
		{ ...well, entries: [fine, { ...elsewhere, reasons: ['unknown-peer'] }] },
		{ ...well, entries: [fine, { ...elsewhere, reasons: ['stale-snapshot'], timestamp: '2026-03-02T11:00:00Z' }] },
	];

	it('says safe only of what was seen to be well, and unknown where silence proves nothing', async () => {
		// A cluster a case, and they do not see each other.
		const named = cases.map((each, index) => ({ ...each, cluster_name: `cluster-${index}` }));
		const rows = {
			verdicts_v1: verdicts(...named.flatMap(({ entries = [fine], cluster_name }) => entries.map((row) => ({ ...row, cluster_name })))),
			snapshots_v1: named.flatMap(({ collections = [collected], cluster_name }) =>
				collections.map((row) => snapshotRow({ ...row, cluster_name })),
			),
			policy_findings_v1: named.flatMap(({ findings = [], cluster_name }) =>
				findings.map((row) => policyFindingRow({ ...row, cluster_name, fingerprint: cluster_name })),
			),
		};
		await withRows(rows, async (ask) => {
			for (const { because, answer: expected, asked, cluster_name } of named) {
				const answers = await ask('namespace_safe', { ...hour, ...asked, cluster: cluster_name });
				equal(columnsOf(answers, 'answer', 'because'), [[expected, because]], `${cluster_name}: ${because}`);
			}
		});
	});

	it('has a row for each cluster', async () => {
		const rows = {
			verdicts_v1: verdicts(fine, { ...fine, cluster_name: 'staging' }),
			snapshots_v1: [snapshotRow(collected), snapshotRow({ ...collected, cluster_name: 'old' })],
		};
		equal(columnsOf(await answer('namespace_safe', { rows, ...hour }), 'cluster_name', 'answer'), [
			['old', 'unknown'],
			['prod', 'safe'],
			['staging', 'unknown'],
		]);
	});

	it('calls neither row safe of a cluster whose entries name no project and whose collections do', async () => {
		const rows = { verdicts_v1: verdicts(fine), snapshots_v1: [snapshotRow({ ...collected, project_id: 'p' })] };
		equal(columnsOf(await answer('namespace_safe', { rows, ...hour }), 'project_id', 'answer', 'because'), [
			[null, 'unknown', 'the cluster was never collected'],
			['p', 'unknown', 'no entry was seen'],
		]);
	});
});

describe('new_findings.sql', (it) => {
	it('leaves out what was seen in the 30 days before, and what is not flagged', async () => {
		const rows = verdicts(
			{ fingerprint: 'new' },
			{ fingerprint: 'rested', timestamp: '2026-01-29T23:59:59Z' },
			{ fingerprint: 'rested' },
			{ fingerprint: 'known', timestamp: '2026-01-30T00:00:00Z' },
			{ fingerprint: 'known' },
			{ fingerprint: 'healthy', flagged: false },
			{ fingerprint: 'gone', timestamp: '2026-02-28T23:59:59Z' },
			{ fingerprint: 'later', timestamp: '2026-03-03T00:00:00Z' },
		);
		const answers = await answer('new_findings', { rows: { verdicts_v1: rows } });
		equal(columnsOf(answers, 'fingerprint', 'entries'), [
			['new', 1],
			['rested', 1],
		]);
	});
});

describe('denials_since_change.sql', (it) => {
	it('says of the same connection whether it was allowed or denied before', async () => {
		const before = '2026-03-02T09:00:00Z';
		const web: Row = {
			subject_namespace: 'shop',
			subject_workload: 'web',
			peer_kind: 'pod',
			peer_namespace: 'ops',
			peer_workload: 'probe',
		};
		const outside: Row = { subject_namespace: 'shop', subject_workload: 'web', peer_kind: 'external', destination_port: 443 };
		const rows = verdicts(
			{ ...web, destination_port: 80, disposition: 'allow', timestamp: before, weight: 10, fingerprint: 'confirmed' },
			{ ...web, destination_port: 80, fingerprint: 'broken' },
			{ ...web, destination_port: 81, fingerprint: 'nobody tried' },
			{ ...web, destination_port: 82, timestamp: before, fingerprint: 'undecided' },
			{ ...web, destination_port: 82, fingerprint: 'decided' },
			{ ...web, destination_port: 83, timestamp: before, fingerprint: 'old' },
			{ ...web, destination_port: 83, fingerprint: 'old' },
			{ ...outside, peer_ip: '203.0.113.7', disposition: 'allow', timestamp: before, fingerprint: 'confirmed outside' },
			{ ...outside, peer_ip: '203.0.113.8', fingerprint: 'outside' },
		);
		const answers = await answer('denials_since_change', { rows: { verdicts_v1: rows }, change: '2026-03-02T10:00:00Z' });
		equal(columnsOf(answers, 'fingerprint', 'allowed_before', 'denied_before'), [
			['broken', 10, 0],
			['decided', 0, 1],
			['nobody tried', 0, 0],
			['outside', 0, 0],
		]);
	});

	it('believes the other end where it proves something: what arrived was let go, what was let go need not have been let in', async () => {
		const before = { timestamp: '2026-03-02T09:00:00Z' };
		const source: Row = {
			subject_namespace: 'shop',
			subject_workload: 'cart',
			peer_namespace: 'ops',
			peer_workload: 'db',
			peer_kind: 'pod',
		};
		const egress: Row = { ...source, direction: 'egress' };
		const ingress: Row = {
			direction: 'ingress',
			subject_namespace: 'ops',
			subject_workload: 'db',
			peer_namespace: 'shop',
			peer_workload: 'cart',
			peer_kind: 'pod',
		};
		const allowed: Row = { ...before, disposition: 'allow', finding: 'confirmed', flagged: false };
		const rows = verdicts(
			{ ...ingress, ...allowed, destination_port: 1, weight: 3 },
			{ ...egress, ...allowed, destination_port: 1 },
			{ ...egress, destination_port: 1, fingerprint: 'let go and arrived' },
			{ ...egress, ...allowed, destination_port: 2 },
			{ ...ingress, destination_port: 2, fingerprint: 'let go only' },
			{ ...egress, ...before, destination_port: 3, fingerprint: 'held back' },
			{ ...ingress, destination_port: 3, fingerprint: 'held back before' },
			{ ...ingress, ...allowed, project_id: 'other', destination_port: 4 },
			{ ...egress, destination_port: 4, fingerprint: 'another cluster' },
			// The way back is another connection.
			{ ...ingress, ...allowed, direction: 'egress', destination_port: 5 },
			{ ...egress, destination_port: 5, fingerprint: 'the other way' },
		);
		await withRows({ verdicts_v1: rows }, async (ask) => {
			const asked = { change: '2026-03-02T10:00:00Z' };
			const columns = ['fingerprint', 'allowed_before', 'denied_before'];
			const of = async (namespace: string) => columnsOf(await ask('denials_since_change', { ...asked, namespace }), ...columns);
			const ofShop = [
				['another cluster', 0, 0],
				['let go and arrived', 4, 0],
				['the other way', 0, 0],
			];
			const ofOps = [
				['held back before', 0, 1],
				['let go only', 0, 0],
			];
			equal(await of('shop'), ofShop);
			equal(await of('ops'), ofOps);
			equal(await of(''), [...ofShop, ...ofOps].sort());
		});
	});
});

describe('policy_admitted_before.sql', (it) => {
	it('counts an entry once a rule, though its evidence says twice that it admits', async () => {
		const rule = { policy_kind: 'NetworkPolicy', policy_namespace: 'shop', policy_name: 'web', direction: 'ingress', rule: 0 };
		const evidence = [
			{ ...rule, role: 'admits', clause: 'every peer, TCP' },
			{ ...rule, role: 'void', clause: 'TCP', construct: 'port-protocol-only', detail: 'no port.' },
			{ ...rule, role: 'admits', rule: 1, clause: 'every peer' },
			{ ...rule, role: 'admits', policy_name: 'other', clause: 'every peer' },
			{ ...rule, role: 'isolates' },
		];
		const before = [{ semantics: 'calico', verdict: 'allow', basis: 'rule' }];
		const confirmed = { finding: 'confirmed', disposition: 'allow', count: 1, evidence };
		const rows = verdicts(
			{ ...confirmed, verdicts: before, weight: 5 },
			{ ...confirmed, verdicts: before },
			// Not by a rule before, but under a candidate alone.
			{
				...confirmed,
				verdicts: [
					{ semantics: 'calico', verdict: 'allow', basis: 'not-isolated' },
					{ semantics: 'cilium-1.16', verdict: 'allow', basis: 'rule' },
				],
			},
			{ ...confirmed, verdicts: before, timestamp: '2026-03-03T00:00:00Z' },
		);
		const answers = await answer('policy_admitted_before', { rows: { verdicts_v1: rows }, policy: 'web' });
		equal(columnsOf(answers, 'rule', 'outcome', 'entries', 'packets', 'clause', 'construct', 'why'), [
			[0, 'allowed', 6, null, 'TCP', 'port-protocol-only', 'no port.'],
			[1, 'allowed', 6, null, 'every peer', null, null],
		]);
	});

	it('leaves out what Calico ignored, where the linter says so of that snapshot, cluster and direction', async () => {
		const rule = {
			role: 'admits',
			policy_kind: 'NetworkPolicy',
			policy_namespace: 'shop',
			rule: 0,
			direction: 'egress',
			clause: 'every peer',
		};
		const entry: Row = {
			finding: 'confirmed',
			disposition: 'allow',
			snapshot_id: 'any-0123456789ab',
			verdicts: [{ semantics: 'calico', verdict: 'allow', basis: 'rule' }],
			evidence: [
				{ ...rule, policy_name: 'valid' },
				{ ...rule, policy_name: 'ignored' },
				{ ...rule, policy_name: 'ignored', direction: 'ingress' },
			],
		};
		const rows = {
			verdicts_v1: verdicts(
				entry,
				{ ...entry, snapshot_id: 'any-ffffffffffff', weight: 10 },
				{ ...entry, cluster_name: 'staging', weight: 100 },
			),
			policy_findings_v1: ['1.0.0', '1.0.1'].map((engine_version) =>
				policyFindingRow({
					construct: 'policy-types-overreach',
					location: 'europe-west1',
					cluster_name: 'prod',
					policy_namespace: 'shop',
					policy_name: 'ignored',
					direction: 'egress',
					engine_version,
				}),
			),
		};
		equal(columnsOf(await answer('policy_admitted_before', { rows, policy: '' }), 'cluster_name', 'policy_name', 'direction', 'entries'), [
			['staging', 'ignored', 'egress', 100],
			['staging', 'ignored', 'ingress', 100],
			['staging', 'valid', 'egress', 100],
			['prod', 'ignored', 'ingress', 11],
			['prod', 'valid', 'egress', 11],
			['prod', 'ignored', 'egress', 10],
		]);
	});
});

describe('rules_to_rewrite.sql', (it) => {
	const piece = {
		role: 'void',
		policy_kind: 'NetworkPolicy',
		policy_namespace: 'shop',
		policy_name: 'web',
		direction: 'ingress',
		rule: 1,
		peer: 0,
	};
	const clause = { clause: 'ipBlock 10.0.0.0/8', construct: 'ipblock-pod' };
	const met: Row = {
		evidence: [{ ...piece, ...clause }],
		peer_kind: 'pod',
		peer_namespace: 'ops',
		peer_workload: 'probe',
		destination_port: 80,
	};
	const lint = policyFindingRow({
		...clause,
		location: 'europe-west1',
		cluster_name: 'prod',
		policy_namespace: 'shop',
		direction: 'ingress',
		rule: 1,
	});
	const columns = ['peer_workload', 'ports', 'packets', 'in_newest_snapshot', 'suggestion'];

	it('gives each workload that met a clause a row, with what the linter says of it', async () => {
		const verdicts_v1 = verdicts(met, { ...met, destination_port: 8080, count: 4 }, { ...met, peer_workload: 'cart' });
		const answers = await answer('rules_to_rewrite', { rows: { verdicts_v1, snapshots_v1: [snapshotRow()], policy_findings_v1: [lint] } });
		equal(columnsOf(answers, ...columns), [
			['probe', 'TCP 80, TCP 8080', 5, true, 'select the Pods by their labels'],
			['cart', 'TCP 80', 1, true, 'select the Pods by their labels'],
		]);
	});

	it('knows a policy as a whole by the rule that it opens', async () => {
		const whole = { clause: 'policyTypes without Egress', construct: 'policy-types-overreach' };
		const opens = { ...piece, ...whole, role: 'opens', direction: 'egress', peer: null };
		const verdicts_v1 = verdicts({
			...met,
			finding: 'newly-open',
			disposition: 'allow',
			evidence: [opens, { ...opens, role: 'admits', construct: null }],
		});
		const policy_findings_v1 = [{ ...lint, ...whole, direction: 'egress', rule: null }];
		const answers = await answer('rules_to_rewrite', { rows: { verdicts_v1, snapshots_v1: [snapshotRow()], policy_findings_v1 } });
		equal(columnsOf(answers, 'rules', ...columns), [[null, 'probe', 'TCP 80', null, true, 'select the Pods by their labels']]);
	});

	it('puts last what the newest snapshot has no more, and does not know it of a cluster that is not collected', async () => {
		const verdicts_v1 = verdicts({ ...met, count: 9 }, { ...met, cluster_name: 'staging' });
		const old = policyFindingRow({ ...lint, snapshot_id: 'any-ffffffffffff' });
		const other = policyFindingRow({ ...lint, fingerprint: 'g', clause: 'ipBlock 10.1.0.0/16' });
		const answers = await answer('rules_to_rewrite', {
			rows: { verdicts_v1, snapshots_v1: [snapshotRow()], policy_findings_v1: [old, other] },
		});
		equal(columnsOf(answers, ...columns), [
			['probe', 'TCP 80', 1, null, null],
			[null, null, null, true, 'select the Pods by their labels'],
			['probe', 'TCP 80', 9, false, null],
		]);
	});

	it('follows a clause whose rule moved, and names every rule that holds it', async () => {
		const moved = [
			policyFindingRow({ ...lint, rule: 2, affected_pods: 1 }),
			policyFindingRow({ ...lint, rule: 10, affected_pods: 5, fingerprint: 'g', suggestion: 'first of all' }),
			policyFindingRow({ ...lint, rule: 3, severity: 'medium', affected_pods: 9, fingerprint: 'h' }),
			policyFindingRow({ ...lint, rule: 2, peer: 1, affected_pods: 1, fingerprint: 'i' }),
		];
		const twice = { ...met, evidence: [...(met['evidence'] as Row[]), { ...piece, ...clause, rule: 4 }], count: 7 };
		const rows = { snapshots_v1: [snapshotRow()], policy_findings_v1: moved, verdicts_v1: verdicts(met, twice) };
		const columns = ['rules', 'packets', 'entries', 'in_newest_snapshot', 'severity', 'affected_pods', 'suggestion'];
		equal(columnsOf(await answer('rules_to_rewrite', { rows }), ...columns), [['2, 3, 10', 8, 2, true, 'high', 5, 'first of all']]);
		// Without the linter, by the latest entry that met it.
		const later = [
			{ ...twice, timestamp: '2026-03-02T10:00:01Z' },
			{ ...met, evidence: [{ ...piece, ...clause, rule: 0 }] },
		];
		const seen = { verdicts_v1: verdicts(...later) };
		equal(columnsOf(await answer('rules_to_rewrite', { rows: seen }), ...columns), [['1, 4', 8, 2, null, null, null, null]]);
	});

	it('lists ports with their protocols, the first 20 of them', async () => {
		const ports = [...Array.from({ length: 23 }, (_, index) => ({ protocol: 'TCP', destination_port: 100 - index })), { protocol: 'ICMP' }];
		const dns = [
			{ protocol: 'UDP', destination_port: 53 },
			{ protocol: 'TCP', destination_port: 8080 },
			{ protocol: 'TCP', destination_port: 443 },
			{ protocol: 'UDP', destination_port: 53 },
		];
		const portsOf = async (used: readonly Row[]) =>
			columnsOf(
				await answer('rules_to_rewrite', {
					rows: { verdicts_v1: verdicts(...used.map((port) => ({ ...met, destination_port: null, ...port }))) },
				}),
				'ports',
				'entries',
			);
		equal(await portsOf(dns), [['TCP 443, TCP 8080, UDP 53', 4]]);
		const first = ['ICMP', ...Array.from({ length: 19 }, (_, index) => `TCP ${78 + index}`)];
		equal(await portsOf(ports), [[`${first.join(', ')} and 4 more`, 24]]);
		equal(await portsOf(ports.slice(3, -1)), [[[...first.slice(1), 'TCP 97'].join(', '), 20]]);
	});

	it('says of each row how old the newest snapshot is', async () => {
		const collected_at = '2024-01-01T00:00:00Z';
		const snapshots_v1 = [snapshotRow({ collected_at })];
		const rows = {
			snapshots_v1,
			policy_findings_v1: [lint],
			verdicts_v1: verdicts({ ...met, evidence: [{ ...piece, ...clause, clause: 'c' }] }),
		};
		equal(columnsOf(await answer('rules_to_rewrite', { rows }), 'clause', 'in_newest_snapshot', 'last_collected_at'), [
			['c', null, collected_at],
			['ipBlock 10.0.0.0/8', true, collected_at],
		]);
	});
});

describe('pod_lost.sql', (it) => {
	it('tells who denies and who connects, for a Pod or its workload', async () => {
		const cart: Row = { subject_namespace: 'shop', subject_name: 'cart-1', subject_workload: 'cart' };
		const atCart: Row = { peer_kind: 'pod', peer_namespace: 'shop', peer_name: 'cart-2', peer_workload: 'cart' };
		const other: Row = { subject_namespace: 'ops', subject_name: 'db-0', subject_workload: 'db' };
		const rows = verdicts(
			{ ...cart, direction: 'ingress', peer_kind: 'external', peer_ip: '203.0.113.7', count: 4 },
			{ ...cart, direction: 'egress', finding: 'overreach', peer_kind: 'pod', peer_namespace: 'ops', peer_workload: 'db', count: 3 },
			{ ...other, ...atCart, direction: 'ingress', count: 2 },
			{ ...other, ...atCart, direction: 'egress', finding: 'not-isolated', count: 9 },
			{ ...cart, finding: 'explained', flagged: false },
			{ ...cart, subject_namespace: 'ops' },
			{ ...other, ...atCart, direction: 'ingress', disposition: 'allow', finding: 'confirmed', timestamp: '2026-03-02T11:00:00Z' },
		);
		const columns = ['lost', 'connection', 'denied_at', 'pod', 'other', 'other_ip', 'packets', 'connections', 'allowed_again'];
		const [first, second, third, fourth] = [
			['yes', 'incoming', 'here', 'cart-1', null, '203.0.113.7', 4, 1, 0],
			['yes', 'outgoing', 'here', 'cart-1', 'db', null, 3, 1, 0],
			['yes', 'outgoing', 'there', 'cart-2', 'db', null, 2, 1, 1],
			['perhaps', 'incoming', 'there', 'cart-2', 'db', null, 9, 1, 0],
		];
		await withRows({ verdicts_v1: rows }, async (ask) => {
			const lost = async (pod: string) => columnsOf(await ask('pod_lost', { namespace: 'shop', pod }), ...columns);
			equal(await lost('cart'), [first, second, third, fourth]);
			equal(await lost('cart-2'), [third, fourth]);
			equal(await lost(''), [first, second, third, fourth]);
			equal(await lost("cart' OR '1'='1"), []);
			// Without a namespace all of them, the cart of another namespace included.
			const everywhere = await ask('pod_lost', { namespace: '', pod: 'cart' });
			equal(everywhere.map(({ pod_namespace }) => pod_namespace).sort(), ['ops', 'shop', 'shop', 'shop', 'shop']);
			equal(columnsOf(await ask('pod_lost', { namespace: '', pod: '' }), 'denied_at').length, 5);
		});
	});

	it('says of how many connections the log has that they are back, and not of another one', async () => {
		const outside: Row = {
			direction: 'ingress',
			subject_namespace: 'shop',
			subject_name: 'web-1',
			peer_kind: 'external',
			destination_port: 443,
			fingerprint: 'f',
		};
		const at = (minute: number, address: number, tweaks: Row = {}): Row => ({
			...outside,
			timestamp: `2026-03-02T10:${minute}:00Z`,
			peer_ip: `203.0.113.${address}`,
			...tweaks,
		});
		const allowed: Row = { disposition: 'allow', finding: 'confirmed', fingerprint: 'g' };
		const rows = [at(10, 1, { count: 99 }), at(11, 2), at(12, 2), at(13, 2, allowed)];
		const columns = ['other_ip', 'packets', 'connections', 'allowed_again'];
		const lost = async (written: readonly Row[]) =>
			columnsOf(await answer('pod_lost', { rows: { verdicts_v1: verdicts(...written) }, namespace: 'shop' }), ...columns);
		equal(await lost(rows), [['203.0.113.2', 101, 2, 1]]);
		equal(await lost([...rows, at(10, 1, { ...allowed, timestamp: '2026-03-02T10:10:30Z' })]), [['203.0.113.2', 101, 2, 2]]);
		// Allowed between two denials is not back.
		equal(await lost([...rows, at(14, 2)]), [['203.0.113.2', 102, 2, 0]]);
	});

	it('takes no node for a Pod', async () => {
		const rows = verdicts({ subject_namespace: 'shop', subject_name: 'web-1', peer_kind: 'node', peer_name: 'n1' });
		equal(await answer('pod_lost', { rows: { verdicts_v1: rows }, pod: 'n1' }), []);
		const atNode = verdicts({ subject_kind: 'node', subject_name: 'n1', peer_kind: 'pod', peer_namespace: 'shop', peer_name: 'web-1' });
		const [row, ...more] = await answer('pod_lost', { rows: { verdicts_v1: atNode }, pod: '', namespace: '' });
		equal([row?.['pod'], row?.['denied_at'], more], ['web-1', 'there', []]);
	});
});

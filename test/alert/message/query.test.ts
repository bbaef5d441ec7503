import { execFileSync } from 'node:child_process';
import * as assert from 'uvu/assert';
import { openDuckdb } from '../../../functions/adapters/duckdb.ts';
import type { Alert } from '../../../functions/alert/alert.ts';
import { groupOf } from '../../../functions/alert/group.ts';
import { logsUrl } from '../../../functions/alert/message/links.ts';
import { alertQuery, clusterQuery, silenceCommand } from '../../../functions/alert/message/query.ts';
import { parseCluster } from '../../../functions/commands/silence-options.ts';
import type { Row } from '../../../functions/ports.ts';
import { describe } from '../../describe.ts';
import { verdictRow } from '../../schemas/rows.ts';
import { type Judged, judgeProblem, PROD } from './judged.ts';
import { alertOf, renderingOf, threeClients } from './notices.ts';

const three = threeClients();
const RENDERING = renderingOf(three);
/** As a message has it, for the warehouse of a laptop. */
const local = (sql: string): string => sql.replace('`shop-prod.policy_audit.findings`', '`${dataset}.findings`');

const rowOf = ({ problem, detail }: Judged, tweaks: Row = {}): Row =>
	verdictRow({
		entry_id: problem.fingerprint,
		timestamp: problem.lastSeen,
		project_id: problem.cluster.project ?? null,
		location: problem.cluster.location,
		cluster_name: problem.cluster.name,
		finding: problem.finding,
		fingerprint: problem.fingerprint,
		reasons: detail.reasons,
		disposition: detail.disposition,
		count: 1,
		...tweaks,
	});

async function ask(rows: readonly Row[], sql: string): Promise<unknown[]> {
	const warehouse = await openDuckdb();
	try {
		await Promise.all(rows.map((row) => warehouse.write('verdicts_v1', row)));
		const answer = await warehouse.query(local(sql));
		return answer.map(({ fingerprint }) => fingerprint).sort();
	} finally {
		await warehouse.close();
	}
}

const other = judgeProblem({ state: {}, disposition: 'deny' });
const late = judgeProblem({ state: {}, disposition: 'deny', flow: { sourcePort: 443, port: 40_321 } });
const elsewhere: Judged = judgeProblem({ state: {}, disposition: 'deny', cluster: { ...PROD, name: 'staging' } });
const ALL = [...three, other, late, elsewhere].map((judged) => rowOf(judged));
const fingerprintsOf = (judged: readonly Judged[]): string[] => judged.map(({ problem }) => problem.fingerprint).sort();

describe('the queries of a message', (it) => {
	it('show one problem by its fingerprint', async () => {
		const [one] = three as [Judged];
		assert.equal(await ask(ALL, alertQuery(alertOf([one]), RENDERING)), [one.problem.fingerprint]);
	});

	it('show all problems of a rule, those that the message has no room for too', async () => {
		const told = alertOf(three.slice(0, 2));
		assert.equal(await ask(ALL, alertQuery(told, RENDERING)), fingerprintsOf(three));
	});

	it('show problems without a rule by their finding and direction', async () => {
		const [second] = [judgeProblem({ state: {}, disposition: 'deny', flow: { port: 9090 } })];
		const told = alertOf([other, second as Judged]);
		assert.equal(
			await ask([...ALL, rowOf(second as Judged)], alertQuery(told, RENDERING)),
			fingerprintsOf([other, second as Judged, late]),
		);
	});

	it('show what is only counted, of its cluster', async () => {
		assert.equal(await ask(ALL, alertQuery(alertOf([late]), RENDERING)), [late.problem.fingerprint]);
	});

	it('show a cluster, or all of them', async () => {
		const range = { since: '2026-03-04T00:00:00Z', dataset: RENDERING.dataset };
		assert.equal(await ask(ALL, clusterQuery(elsewhere.problem.cluster, range)), [elsewhere.problem.fingerprint]);
		assert.is((await ask(ALL, clusterQuery(undefined, range))).length, ALL.length);
		assert.equal(await ask(ALL, clusterQuery(undefined, { ...range, since: '2026-03-05T00:00:00Z' })), []);
	});

	it('find names that end literals, blocks of code and words of a shell, and nothing else', async () => {
		const wicked = `shop/Deployment/'; DROP TABLE x; -- \\ " \` \`\`\` <!channel> @here & 😀 \n \u202e $(id) !x ;`;
		const [one] = three as [Judged];
		const fingerprint = one.problem.fingerprint.replace('shop/Deployment/cart', wicked);
		const judged: Judged = { problem: { ...one.problem, fingerprint }, detail: { ...one.detail, fingerprint } };
		const sql = alertQuery(alertOf([judged]), RENDERING);
		assert.match(sql, /^[ -~\n]*$/);
		assert.not.match(sql.split('\n').slice(2).join('\n'), /[`<&@"]/);
		// GoogleSQL has eight digits behind a \U, and four behind a \u; so has the standard form that DuckDB reads as E''.
		const [, literal = ''] = /fingerprint = '((?:[^'])*)'/.exec(sql) ?? [];
		const read = literal.replace(/\\u([0-9a-f]{4})|\\U([0-9a-f]{8})/g, (_, four, eight) =>
			String.fromCodePoint(Number.parseInt(four ?? eight, 16)),
		);
		assert.is(read, fingerprint);
	});

	it('stay short whatever the names are, and then show more, never less', async () => {
		const [one] = three as [Judged];
		const fingerprint = one.problem.fingerprint.replace('shop/checkout|', `shop/${'n'.repeat(5_000)}|`);
		const judged: Judged = { problem: { ...one.problem, fingerprint }, detail: { ...one.detail, fingerprint } };
		const sql = alertQuery(alertOf([judged]), RENDERING);
		assert.ok(sql.length < 1_100);
		assert.ok((await ask([rowOf(judged)], sql)).includes(fingerprint));
	});
});

/** The words that a shell makes of a command. */
const wordsOf = (command: string): string[] =>
	execFileSync('bash', ['--norc', '-c', `printf '%s\\0' ${command}`], { encoding: 'utf8', env: { LC_ALL: 'C.UTF-8' } })
		.split('\0')
		.slice(0, -1);

describe('the command that silences an alert', (it) => {
	it('names one problem by its fingerprint', () => {
		const [one] = three as [Judged];
		assert.equal(wordsOf(silenceCommand(alertOf([one]), RENDERING) ?? ''), [
			...['policy-audit', 'silence', '--dataset', RENDERING.dataset, '--fingerprint', one.problem.fingerprint],
			...['--for', '7d', '--reason', 'why'],
		]);
	});

	it('names several by their cluster, policy and construct', () => {
		const words = wordsOf(silenceCommand(alertOf(three), RENDERING) ?? '');
		const cluster = 'projects/shop-prod/locations/europe-west1/clusters/prod';
		assert.equal(words.slice(4, 10), ['--cluster', cluster, '--policy', 'shop/checkout', '--construct', 'ipblock-pod']);
	});

	it('names a cluster as its entries do, in a form that the command reads', () => {
		for (const [cluster, fields] of [
			[PROD, { project: 'shop-prod', location: 'europe-west1', name: 'prod' }],
			[
				{ location: 'europe-west1', name: 'prod' },
				{ location: 'europe-west1', name: 'prod' },
			],
			[{ location: '', name: 'prod' }, { name: 'prod' }],
		] as const) {
			const alert = alertOf(three, { group: { ...alertOf(three).group, cluster } });
			const words = wordsOf(silenceCommand(alert, RENDERING) ?? '');
			assert.equal(parseCluster(words[words.indexOf('--cluster') + 1] ?? ''), fields);
		}
	});

	it('is left out of several that share no policy: it would silence one of them', () => {
		const several = [other, { ...other, problem: { ...other.problem, fingerprint: other.problem.fingerprint.replace('8080', '8081') } }];
		assert.is(silenceCommand(alertOf(several), RENDERING), undefined);
		assert.ok(silenceCommand(alertOf([other]), RENDERING));
	});

	it('is one word a name, whatever is in it', () => {
		const [one] = three as [Judged];
		const fingerprint = one.problem.fingerprint.replace('shop/Deployment/cart', 'a\'; touch /tmp/x; " \\ ` $(id) !! 😀 \n <b> &');
		const judged: Judged = { problem: { ...one.problem, fingerprint }, detail: { ...one.detail, fingerprint } };
		assert.is(wordsOf(silenceCommand(alertOf([judged]), renderingOf([judged])) ?? '')[5], fingerprint);
	});

	it('is left out where it would be cut, and of what is only counted', () => {
		const [one] = three as [Judged];
		const fingerprint = `${one.problem.fingerprint}${'x'.repeat(1_000)}`;
		assert.is(silenceCommand(alertOf([{ ...one, problem: { ...one.problem, fingerprint } }]), RENDERING), undefined);
		assert.is(silenceCommand(alertOf([late]), RENDERING), undefined);
	});
});

/** The filter that Logs Explorer reads: decoded twice, as it reads parentheses. */
function filterOf(url: string): string[] {
	const [, query = ''] = /;query=([^;]*)/.exec(url) ?? [];
	// Decoded once, a parenthesis would end the query for the console.
	assert.not.match(query, /[()'!*]|%2[89]/);
	return decodeURIComponent(query.replace(/%25(28|29)/g, '%$1')).split('\n');
}

describe('the link to Logs Explorer', (it) => {
	it('has the entries of one problem', () => {
		const [one] = three as [Judged];
		const url = logsUrl(alertOf([one]), RENDERING);
		assert.equal(filterOf(url), [
			'log_id("policy-action")',
			'resource.labels.cluster_name="prod"',
			'resource.labels.location="europe-west1"',
			'jsonPayload.disposition="deny"',
			'jsonPayload.connection.direction="ingress"',
			'jsonPayload.connection.protocol="tcp"',
			'jsonPayload.connection.dest_port=8443',
			'jsonPayload.dest.pod_namespace="shop"',
			'jsonPayload.dest.pod_name:"checkout"',
			'jsonPayload.src.pod_namespace="shop"',
			'jsonPayload.src.pod_name:"cart"',
		]);
		assert.match(url, /;timeRange=2026-03-04T14%3A02%3A11.250Z%2F2026-03-04T14%3A32%3A05.000Z\?project=shop-prod$/);
	});

	it('has what several problems have in common', () => {
		const filter = filterOf(logsUrl(alertOf(three), RENDERING));
		assert.ok(filter.includes('jsonPayload.dest.pod_name:"checkout"'));
		assert.not.match(filter.join('\n'), /src\.pod/);
	});

	it('names outside ends by their address, and late replies without a port', () => {
		const outside = judgeProblem({ state: {}, disposition: 'deny', flow: { source: { ip: '203.0.113.7' } } });
		assert.ok(filterOf(logsUrl(alertOf([outside]), renderingOf([outside]))).includes('jsonPayload.connection.src_ip="203.0.113.7"'));
		assert.not.match(filterOf(logsUrl(alertOf([late]), renderingOf([late]))).join('\n'), /dest_port/);
	});

	it('escapes what ends a string, and is shortened rather than broken', () => {
		const wicked = { project: 'p', location: 'l', name: 'a"b\\c) OR (x' };
		const [one] = three as [Judged];
		const named = (cluster: typeof wicked, subjectNamespace: string): [Alert, ReturnType<typeof renderingOf>] => {
			const judged = { problem: { ...one.problem, cluster }, detail: { ...one.detail, subjectNamespace } };
			return [alertOf([judged], { group: groupOf(judged.problem) }), renderingOf([judged])];
		};
		assert.ok(filterOf(logsUrl(...named(wicked, 'shop'))).includes('resource.labels.cluster_name="a\\"b\\\\c) OR (x"'));
		const short = logsUrl(...named(wicked, 'n'.repeat(2_000)));
		assert.ok(short.length <= 900);
		assert.ok(filterOf(short).includes('jsonPayload.connection.dest_port=8443'));
		assert.is(new URL(logsUrl(...named({ ...wicked, project: 'p'.repeat(5_000) }, 'n'))).hostname, 'console.cloud.google.com');
	});
});

import { equal, is } from 'uvu/assert';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import type { Row } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { verdictRow } from './rows.ts';

async function findings(rows: readonly Row[], columns: string): Promise<Row[]> {
	const warehouse = await openDuckdb();
	await Promise.all(
		rows.map((row, index) => warehouse.write('verdicts_v1', verdictRow({ entry_id: `e${index}`, fingerprint: 'f', ...row }))),
	);
	const answer = await warehouse.query(`SELECT ${columns} FROM \`\${dataset}.findings\` ORDER BY day, fingerprint`);
	await warehouse.close();
	return answer;
}

describe('view findings', (it) => {
	it('is one row a fingerprint and UTC day, across midnight', async () => {
		const rows = [
			{ timestamp: '2026-03-01T23:59:59.999999Z' },
			{ timestamp: '2026-03-02T00:00:00Z' },
			{ timestamp: '2026-03-02T01:30:00+02:00' },
			{ timestamp: '2026-03-02T23:00:00Z', fingerprint: 'g' },
		];
		equal(await findings(rows, 'day, fingerprint, entries, first_seen, last_seen'), [
			{ day: '2026-03-01', fingerprint: 'f', entries: 2, first_seen: '2026-03-01T23:30:00Z', last_seen: '2026-03-01T23:59:59.999999Z' },
			{ day: '2026-03-02', fingerprint: 'f', entries: 1, first_seen: '2026-03-02T00:00:00Z', last_seen: '2026-03-02T00:00:00Z' },
			{ day: '2026-03-02', fingerprint: 'g', entries: 1, first_seen: '2026-03-02T23:00:00Z', last_seen: '2026-03-02T23:00:00Z' },
		]);
	});

	it('leaves out what has no fingerprint', async () => {
		equal(await findings([{ fingerprint: null, finding: 'undecidable' }], 'day'), []);
	});

	it('counts an entry once, however often it was delivered or judged', async () => {
		const rows = [
			{ entry_id: 'a', count: 3 },
			{ entry_id: 'a', count: 3 },
			{ entry_id: 'a', count: 3, judged_at: '2026-03-02T11:00:00Z' },
			{ entry_id: 'b', count: 4 },
		];
		equal(await findings(rows, 'entries, packets, last_judged_at'), [{ entries: 2, packets: 7, last_judged_at: '2026-03-02T11:00:00Z' }]);
	});

	it('follows an entry whose better judgement is another problem', async () => {
		const rows = [
			{ entry_id: 'a', fingerprint: 'f' },
			{ entry_id: 'a', fingerprint: 'g', snapshot_valid_from: '2026-03-02T09:00:00Z' },
		];
		equal(await findings(rows, 'fingerprint'), [{ fingerprint: 'g' }]);
	});

	it('sums weights as entries, and packets only where traffic was denied', async () => {
		const allowed = { finding: 'confirmed', flagged: false, disposition: 'allow', fingerprint: 'allowed', count: 1 };
		const rows = [{ ...allowed, weight: 100 }, { ...allowed, weight: 50 }, { count: 5, weight: 3 }, { count: null }, { count: 7 }];
		equal(await findings(rows, 'fingerprint, entries, packets'), [
			{ fingerprint: 'allowed', entries: 150, packets: null },
			{ fingerprint: 'f', entries: 5, packets: 22 },
		]);
	});

	it('takes its sample from one entry, the latest', async () => {
		const evidence = [
			{
				role: 'void',
				policy_kind: 'NetworkPolicy',
				policy_namespace: 'shop',
				policy_name: 'web',
				construct: 'ipblock-pod',
				clause: 'ipBlock 10.0.0.0/8',
			},
			{ role: 'isolates', policy_name: 'other' },
		];
		const rows = [
			{ timestamp: '2026-03-02T10:00:00Z', summary: 'earlier', peer_ip: '10.0.0.1', certainty: 'certain', constructs: ['end-port'] },
			{
				timestamp: '2026-03-02T11:00:00Z',
				entry_id: 'a',
				summary: 'latest',
				certainty: 'likely',
				constructs: ['ipblock-pod'],
				reasons: ['late-reply'],
				destination_port: 8080,
				evidence,
			},
			{ timestamp: '2026-03-02T11:00:00Z', entry_id: 'b', summary: 'as late' },
		];
		const [row] = await findings(rows, '*');
		const expected = {
			summary: 'latest',
			entry_id: 'a',
			peer_ip: null,
			certainty: 'likely',
			constructs: ['ipblock-pod'],
			reasons: ['late-reply'],
			destination_port: 8080,
			policy_kind: 'NetworkPolicy',
			policy_namespace: 'shop',
			policy_name: 'web',
			construct: 'ipblock-pod',
			clause: 'ipBlock 10.0.0.0/8',
			entries: 3,
			cluster_name: 'prod',
			finding: 'void-rule',
			flagged: true,
			direction: 'ingress',
			protocol: 'TCP',
		};
		equal(Object.fromEntries(Object.keys(expected).map((name) => [name, row?.[name]])), expected);
	});

	it('has no policy where there is no evidence', async () => {
		equal(await findings([{ finding: 'not-isolated' }], 'policy_name, constructs'), [{ policy_name: null, constructs: [] }]);
	});

	it('does not depend on the order of the rows', async () => {
		const rows = Array.from({ length: 40 }, (_, index) => ({
			entry_id: `e${index % 20}`,
			fingerprint: `f${index % 3}`,
			timestamp: '2026-03-02T10:00:00Z',
			summary: `${index}`,
			judged_at: `2026-03-02T10:00:${10 + index}Z`,
		}));
		const answer = await findings(rows, '*');
		is(answer.length, 3);
		equal(answer, await findings(rows.toReversed(), '*'));
	});
});

import { equal } from 'uvu/assert';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import type { Row } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { verdictRow } from './rows.ts';

const under = (calico: string | null, cilium: string | null): Row => ({
	verdicts: [
		{ semantics: 'calico', verdict: calico },
		{ semantics: 'cilium-1.16', verdict: cilium },
	],
});

async function calibration(rows: readonly Row[], columns = 'semantics, entries, agree, contradict, unknown'): Promise<Row[]> {
	const warehouse = await openDuckdb();
	for (const [index, row] of rows.entries()) await warehouse.write('verdicts_v1', verdictRow({ entry_id: `e${index}`, ...row }));
	const sql = `SELECT ${columns} FROM \`\${dataset}.calibration\` ORDER BY day, direction, constructs, semantics`;
	const answer = await warehouse.query(sql);
	await warehouse.close();
	return answer;
}

describe('view calibration', (it) => {
	it('is empty where there is nothing, or no semantics disagrees', async () => {
		equal(await calibration([]), []);
		equal(await calibration([under('deny', 'deny'), under('allow', null), { verdicts: [] }]), []);
	});

	it('says who agrees with what was observed, by weight, an entry once', async () => {
		const allowed = { ...under('deny', 'allow'), disposition: 'allow', finding: 'newly-open', weight: 10 };
		const rows = [
			{ ...under('allow', 'deny'), entry_id: 'same' },
			{ ...under('allow', 'deny'), entry_id: 'same' },
			allowed,
			{ ...under('allow', 'deny'), disposition: 'allow', finding: 'contradicted', weight: 3 },
		];
		equal(await calibration(rows), [
			{ semantics: 'calico', entries: 14, agree: 3, contradict: 11, unknown: 0 },
			{ semantics: 'cilium-1.16', entries: 14, agree: 11, contradict: 3, unknown: 0 },
		]);
	});

	it('leaves out what tells nothing of semantics', async () => {
		equal(await calibration(['undecidable', 'explicit-deny'].map((finding) => ({ ...under('allow', 'deny'), finding }))), []);
	});

	it('counts apart what a semantics does not know', async () => {
		const verdicts = [
			...(under('allow', 'deny')['verdicts'] as Row[]),
			{ semantics: 'x', verdict: 'unknown' },
			{ semantics: 'y', verdict: null },
		];
		equal((await calibration([{ verdicts }])).slice(2), [
			{ semantics: 'x', entries: 1, agree: 0, contradict: 0, unknown: 1 },
			{ semantics: 'y', entries: 1, agree: 0, contradict: 0, unknown: 1 },
		]);
	});

	it('keeps days, directions and sets of constructs apart', async () => {
		const one = under('allow', 'deny');
		const rows = [
			{ ...one, constructs: ['end-port', 'ipblock-pod'] },
			{ ...one, direction: 'egress' },
			{ ...one, timestamp: '2026-03-03T00:00:00Z' },
		];
		const answer = await calibration(rows, 'day, direction, constructs, semantics');
		equal(
			answer.filter(({ semantics }) => semantics === 'calico').map(({ day, direction, constructs }) => [day, direction, constructs]),
			[
				['2026-03-02', 'egress', ''],
				['2026-03-02', 'ingress', 'end-port, ipblock-pod'],
				['2026-03-03', 'ingress', ''],
			],
		);
	});
});

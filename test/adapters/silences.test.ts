import { equal, is } from 'uvu/assert';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import { readSchemas } from '../../functions/adapters/schemas.ts';
import { createSilences, type KeptSilence } from '../../functions/adapters/silences.ts';
import type { SqlEngine } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { createEmulator } from '../sql/emulator.ts';

process.env['METADATA_SERVER_DETECTION'] = 'none';
const host = process.env['BIGQUERY_EMULATOR_HOST'];

const AT = '2026-03-02T10:00:00.500Z';

const silence = (id: string, tweaks: Partial<KeptSilence> = {}): KeptSilence => ({
	id,
	fingerprint: null,
	projectId: null,
	location: null,
	clusterName: null,
	subjectNamespace: null,
	subjectWorkload: null,
	construct: null,
	policyNamespace: null,
	policyName: null,
	startsAt: '2026-03-02T10:00:00Z',
	endsAt: '2026-03-09T10:00:00Z',
	createdBy: 'ada',
	createdAt: '2026-03-02T10:00:00Z',
	comment: 'known',
	endedAt: null,
	...tweaks,
});

const WHOLE = silence('a', {
	fingerprint: "p/l/c|void-rule|ipblock-pod|ingress|shop/Deployment/api|10.0.0.0/8|8080|TCP|shop/it's|abc",
	projectId: 'p',
	location: 'l',
	clusterName: 'c',
	subjectNamespace: 'shop',
	subjectWorkload: 'api',
	construct: 'ipblock-pod',
	policyNamespace: 'shop',
	policyName: 'web',
	comment: `"quoted", 'single', back\\slash, @at, $1, -- ; DROP TABLE silences_v1; ü 🚪`,
});
const FOR_NAMESPACE = silence('b', { subjectNamespace: 'pay', endsAt: '2026-03-02T10:00:01Z' });
const PENDING = silence('c', { clusterName: 'c2', startsAt: '2026-03-20T00:00:00Z', endsAt: '2026-03-21T00:00:00Z' });
const OVER = silence('d', { clusterName: 'c3', startsAt: '2026-02-01T00:00:00Z', endsAt: '2026-03-02T10:00:00Z' });

/** What holds on every engine. */
async function exercise(engine: SqlEngine): Promise<void> {
	const silences = createSilences(engine);
	equal(await silences.list(AT), []);
	for (const each of [WHOLE, FOR_NAMESPACE, PENDING, OVER]) await silences.add(each);
	equal(await silences.list(AT), [FOR_NAMESPACE, WHOLE, PENDING], 'the first to end first, and what is over not');
	const ends = (kept: readonly KeptSilence[]): object[] => kept.map(({ id, endedAt }) => [id, endedAt && Date.parse(endedAt)]);
	equal(ends(await silences.list(AT, { all: true })), [
		['d', null],
		['b', null],
		['a', null],
		['c', null],
	]);

	is(await silences.end('none', AT), undefined);
	is(await silences.end(`a' OR 'a' = 'a`, AT), undefined);
	equal(ends(await silences.list(AT)).length, 3, 'nothing else was ended');
	const ended = await silences.end('a', AT);
	equal(ended && { ...ended, endedAt: null }, WHOLE);
	is(Date.parse(ended?.endedAt ?? ''), Date.parse(AT));
	// Once it is over it stays as it is.
	is(Date.parse((await silences.end('a', '2026-03-03T00:00:00Z'))?.endedAt ?? ''), Date.parse(AT));
	equal(await silences.end('d', AT), OVER);
	equal(ends(await silences.list(AT)), [
		['b', null],
		['c', null],
	]);
	// At the end of its time a silence holds no more.
	equal(ends(await silences.list('2026-03-02T10:00:01Z')), [['c', null]]);
}

describe('silences', (it) => {
	it('are kept in a local warehouse', async () => {
		const duckdb = await openDuckdb();
		try {
			await exercise(duckdb);
		} finally {
			await duckdb.close();
		}
	});

	if (host === undefined) {
		console.log('skipped: test/adapters/silences.test.ts asks BigQuery where BIGQUERY_EMULATOR_HOST names a BigQuery emulator');
		return;
	}

	it('are kept in BigQuery', async () => {
		const emulator = await createEmulator(
			{ host, project: process.env['BIGQUERY_EMULATOR_PROJECT'] ?? 'test-project' },
			await readSchemas(),
		);
		try {
			await exercise(emulator);
		} finally {
			await emulator.remove();
		}
	});
});

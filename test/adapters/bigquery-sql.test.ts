import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { equal, is, match, not } from 'uvu/assert';
import { fromWire } from '../../functions/adapters/bigquery-sql/values.ts';
import { type BigquerySqlOptions, createBigquerySql } from '../../functions/adapters/bigquery-sql.ts';
import { readSchemas } from '../../functions/adapters/schemas.ts';
import type { SqlEngine } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { createEmulator } from '../sql/emulator.ts';
import { refusal } from './refusal.ts';

const START = Date.parse('2026-03-02T10:00:00Z');

interface Asked {
	readonly method: string;
	/** With its query. */
	readonly path: string;
	readonly headers: IncomingMessage['headers'];
	readonly body: { readonly [name: string]: unknown };
}

/** What BigQuery says to a request, or how it says nothing. */
type Said =
	| object
	| { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }
	| 'hang'
	| 'reset';

/** The answers of jobs.query to a SELECT of one column. */
const page = (values: readonly string[], more: object = {}): object => ({
	jobComplete: true,
	jobReference: { projectId: 'project', jobId: 'job 1', location: 'europe-west1' },
	schema: { fields: [{ name: 'x', type: 'STRING', mode: 'NULLABLE' }] },
	rows: values.map((v) => ({ f: [{ v }] })),
	...more,
});
const running = { jobComplete: false, jobReference: { projectId: 'project', jobId: 'job 1', location: 'europe-west1' } };
const refused = (status: number, reason: string, message: string): Said => ({
	status,
	body: JSON.stringify({ error: { code: status, message, errors: [{ reason, message }] } }),
});
const CONTENTION = refused(400, 'invalidQuery', 'Could not serialize access to table p:d.alerts_v1 due to concurrent update');

interface Bench {
	readonly engine: SqlEngine;
	readonly asked: readonly Asked[];
	readonly sleeps: readonly number[];
}

/** BigQuery, which says these one after the other. Time passes while somebody sleeps. `random` is 1: pauses are 250, 500 ms and so on. */
async function withServer(
	{ says, ...options }: Partial<BigquerySqlOptions> & { readonly says: readonly Said[] },
	use: (bench: Bench) => Promise<void>,
): Promise<void> {
	const asked: Asked[] = [];
	const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
		const body = await text(request);
		const said = says[asked.length] ?? { status: 500, body: 'the test expects no more requests' };
		asked.push({
			method: `${request.method}`,
			path: `${request.url}`,
			headers: request.headers,
			body: body === '' ? {} : JSON.parse(body),
		});
		if (said === 'hang') return;
		if (said === 'reset') return void request.socket.destroy();
		if (!('status' in said)) return void response.setHeader('content-type', 'application/json').end(JSON.stringify(said));
		response.writeHead(said.status as number, (said as { headers?: Record<string, string> }).headers ?? {});
		response.end((said as { body?: string }).body ?? '');
	};
	const server = createServer((request, response) => void answer(request, response).catch(() => request.socket.destroy()));
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const sleeps: number[] = [];
	let nowMs = START;
	const engine = createBigquerySql({
		projectId: 'project',
		datasetId: 'audit',
		apiEndpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		random: () => 1,
		now: () => nowMs,
		sleep: async (ms) => {
			sleeps.push(ms);
			nowMs += ms;
		},
		...options,
	});
	try {
		await use({ engine, asked, sleeps });
	} finally {
		server.closeAllConnections();
		await new Promise((resolve) => server.close(resolve));
	}
}

const SQL = 'SELECT x FROM `${dataset}.alerts_v1` WHERE y = @y';

describe('a statement', (it) => {
	it('is asked with its parameters as they are, and nothing but texts', () =>
		withServer({ says: [page(['a', 'b'])], maximumBytesBilled: 10_000_000_000 }, async ({ engine, asked }) => {
			const y = `'; DROP {{projectId}} \u2028 "\\ \u{1f600}`;
			equal(await engine.query(SQL, { y }), [{ x: 'a' }, { x: 'b' }]);
			const [{ method, path, headers, body } = {} as Asked] = asked;
			equal([method, path, headers['content-type']], ['POST', '/bigquery/v2/projects/project/queries', 'application/json']);
			const { requestId, ...rest } = body;
			match(String(requestId), /^[\da-f-]{36}$/);
			equal(rest, {
				query: 'SELECT x FROM `project.audit.alerts_v1` WHERE y = @y',
				useLegacySql: false,
				formatOptions: { useInt64Timestamp: true },
				timeoutMs: 12_000,
				jobTimeoutMs: '60000',
				maximumBytesBilled: '10000000000',
				parameterMode: 'NAMED',
				queryParameters: [{ name: 'y', parameterType: { type: 'STRING' }, parameterValue: { value: y } }],
			});
		}));

	it('that changes rows answers with none', () =>
		withServer({ says: [{ jobComplete: true, jobReference: { jobId: 'j' }, numDmlAffectedRows: '3' }] }, async ({ engine, asked }) => {
			equal(await engine.query('DELETE FROM `${dataset}.alerts_v1` WHERE TRUE'), []);
			is(asked[0]?.body['maximumBytesBilled'], undefined);
		}));

	it('is waited for, and read page by page, where it runs', () =>
		withServer({ says: [running, running, page(['a'], { pageToken: 'p/2' }), page(['b'])] }, async ({ engine, asked, sleeps }) => {
			equal(await engine.query(SQL, { y: '' }), [{ x: 'a' }, { x: 'b' }]);
			const job =
				'/bigquery/v2/projects/project/queries/job%201?timeoutMs=12000&formatOptions.useInt64Timestamp=true&location=europe-west1';
			equal(
				asked.slice(1).map(({ method, path }) => `${method} ${path}`),
				[`GET ${job}`, `GET ${job}`, `GET ${job}&pageToken=p%2F2`],
			);
			equal(sleeps, [250, 250]);
		}));

	it('ends where it takes too long', () =>
		withServer({ says: Array(100).fill(running), statementTimeoutMs: 1000 }, async ({ engine, asked }) => {
			is(await refusal(engine.query(SQL, { y: '' })), 'BigQuery did not complete it within 1000 ms');
			is(asked.length, 4);
		}));

	it('fails where more is to come of no job', () =>
		withServer({ says: [{ jobComplete: false }] }, async ({ engine }) => {
			match(await refusal(engine.query(SQL, { y: '' })), /names no job/);
		}));
});

describe('what passes', (it) => {
	const requestIds = (asked: readonly Asked[]): number => new Set(asked.map(({ body }) => body['requestId'])).size;

	it('is a concurrent update: the statement failed, and is another one the next time', () =>
		withServer({ says: [CONTENTION, running, CONTENTION, page([])] }, async ({ engine, asked, sleeps }) => {
			equal(await engine.query(SQL, { y: '' }), []);
			is(requestIds(asked.filter(({ method }) => method === 'POST')), 3);
			equal(sleeps, [250, 250, 500]);
		}));

	it('is what is lost on the way: the same statement, so that it is not done twice', () =>
		withServer(
			{
				says: ['reset', 'hang', { status: 503, body: 'upstream <html>' }, { status: 200, body: 'cut o' }, running, 'reset', page(['a'])],
				requestTimeoutMs: 200,
			},
			async ({ engine, asked }) => {
				equal(await engine.query(SQL, { y: '' }), [{ x: 'a' }]);
				const posts = asked.filter(({ method }) => method === 'POST');
				is(posts.length, 6);
				equal(posts.at(-1)?.body, posts[0]?.body, 'byte for byte, or BigQuery takes it for another one');
			},
		));

	it('is too much at once', async () => {
		for (const said of [
			refused(
				400,
				'resourcesExceeded',
				'Resources exceeded during query execution: Too many DML statements outstanding against table p:d.t, limit is 20.',
			),
			refused(
				403,
				'quotaExceeded',
				'Quota exceeded: Your table exceeded quota for total number of dml jobs writing to a table, pending + running.',
			),
			refused(400, 'jobRateLimitExceeded', 'Exceeded rate limits'),
			refused(403, 'rateLimitExceeded', 'Exceeded rate limits: too many concurrent queries'),
			refused(400, 'jobBackendError', 'Try again'),
			refused(500, 'backendError', 'Error encountered during execution. Retrying may solve the problem.'),
			refused(429, 'x', 'slow down'),
		])
			await withServer({ says: [said, page(['a'])] }, async ({ engine, sleeps }) => {
				equal(await engine.query(SQL, { y: '' }), [{ x: 'a' }], JSON.stringify(said));
				equal(sleeps, [250]);
			});
	});

	it('is waited for as long as the answer says', () =>
		withServer({ says: [{ status: 429, headers: { 'retry-after': '7' } }, page(['a'])] }, async ({ engine, sleeps }) => {
			equal(await engine.query(SQL, { y: '' }), [{ x: 'a' }]);
			equal(sleeps, [7000]);
		}));

	it('is tried eight times at most, with pauses that grow to five seconds', () =>
		withServer({ says: Array(100).fill(CONTENTION) }, async ({ engine, asked, sleeps }) => {
			match(await refusal(engine.query(SQL, { y: '' })), /^BigQuery answered 400 invalidQuery: Could not serialize access/);
			is(asked.length, 8);
			equal(sleeps, [250, 500, 1000, 2000, 4000, 5000, 5000]);
		}));

	it('is not tried again once the time is over', () =>
		withServer({ says: Array(100).fill(CONTENTION), statementTimeoutMs: 2000 }, async ({ engine, asked }) => {
			match(await refusal(engine.query(SQL, { y: '' })), /concurrent update/);
			is(asked.length, 4);
		}));

	it('has pauses of which half is drawn', () =>
		withServer({ says: [CONTENTION, page([])], random: () => 0 }, async ({ engine, sleeps }) => {
			await engine.query(SQL, { y: '' });
			equal(sleeps, [125]);
		}));

	it('says in the end that nobody answered', () =>
		withServer({ says: Array(8).fill('hang'), requestTimeoutMs: 30 }, async ({ engine }) => {
			is(await refusal(engine.query(SQL, { y: '' })), 'BigQuery did not answer within 30 ms');
		}));
});

describe('what does not pass', (it) => {
	it("is told in BigQuery's words, once", async () => {
		for (const [said, words] of [
			[
				refused(400, 'invalidQuery', 'Unrecognized name: nope at [1:8]'),
				'BigQuery answered 400 invalidQuery: Unrecognized name: nope at [1:8]',
			],
			[refused(403, 'accessDenied', 'Access Denied: Table p:d.t'), 'BigQuery answered 403 accessDenied: Access Denied: Table p:d.t'],
			[
				refused(403, 'quotaExceeded', 'Quota exceeded: free query bytes'),
				'BigQuery answered 403 quotaExceeded: Quota exceeded: free query bytes',
			],
			[
				refused(400, 'bytesBilledLimitExceeded', 'Query exceeded limit'),
				'BigQuery answered 400 bytesBilledLimitExceeded: Query exceeded limit',
			],
			[refused(404, 'notFound', 'Not found: Dataset p:d'), 'BigQuery answered 404 notFound: Not found: Dataset p:d'],
			[
				refused(400, 'resourcesExceeded', 'Resources exceeded: memory'),
				'BigQuery answered 400 resourcesExceeded: Resources exceeded: memory',
			],
			[{ status: 401, body: 'who are you' }, 'BigQuery answered 401: who are you'],
		] as const)
			await withServer({ says: [said] }, async ({ engine, asked }) => {
				is(await refusal(engine.query(SQL, { y: '' })), words);
				is(asked.length, 1);
			});
	});

	it('is bounded, and repeats no token', () =>
		withServer({ says: [{ status: 400, body: `Bearer ya29.secret-token ${'x'.repeat(10_000)}` }] }, async ({ engine }) => {
			const message = await refusal(engine.query(SQL, { y: '' }));
			is(message.length, 500);
			not.match(message, /secret/);
		}));

	it('is a redirect: what is sent elsewhere might be somebody else', () =>
		withServer({ says: Array(8).fill({ status: 302, headers: { location: 'http://127.0.0.1:9/' } }) }, async ({ engine }) => {
			match(await refusal(engine.query(SQL, { y: '' })), /BigQuery cannot be reached/);
		}));
});

describe('credentials', (it) => {
	it('are sent with every request, and not to an emulator', async () => {
		const authorize = async () => new Headers({ authorization: 'Bearer token' });
		await withServer({ says: [running, page([])], authorize }, async ({ engine, asked }) => {
			await engine.query(SQL, { y: '' });
			equal(
				asked.map(({ headers }) => headers.authorization),
				['Bearer token', 'Bearer token'],
			);
		});
		await withServer({ says: [page([])] }, async ({ engine, asked }) => {
			await engine.query(SQL, { y: '' });
			is(asked[0]?.headers.authorization, undefined);
		});
	});

	it('are awaited no longer than a request, and missing ones are told of at once', async () => {
		await withServer({ says: [], authorize: () => new Promise(() => {}), requestTimeoutMs: 20 }, async ({ engine, asked }) => {
			is(await refusal(engine.query(SQL, { y: '' })), 'BigQuery did not answer within 20 ms');
			is(asked.length, 0);
		});
		const authorize = () => Promise.reject(new Error('Could not load the default credentials.'));
		await withServer({ says: [], authorize }, async ({ engine, sleeps }) => {
			is(await refusal(engine.query(SQL, { y: '' })), 'no credentials for BigQuery: Could not load the default credentials.');
			equal(sleeps, []);
		});
	});
});

describe('a value', (it) => {
	it('is in the JSON form of a row', () => {
		const fields = [
			...[
				'INTEGER',
				'INTEGER',
				'FLOAT',
				'NUMERIC',
				'BOOLEAN',
				'BOOLEAN',
				'TIMESTAMP',
				'TIMESTAMP',
				'TIMESTAMP',
				'DATE',
				'JSON',
				'BYTES',
				'STRING',
			].map((type, index) => ({ name: `c${index}`, type, mode: 'NULLABLE' as const })),
			{ name: 'many', type: 'INTEGER', mode: 'REPEATED' as const },
			{ name: 'none', type: 'STRING', mode: 'REPEATED' as const },
			{
				name: 'records',
				type: 'RECORD',
				mode: 'REPEATED' as const,
				fields: [
					{ name: 'a', type: 'STRING' },
					{ name: 'b', type: 'INTEGER' },
				],
			},
		];
		const values = [
			'12',
			'9007199254740993',
			'1.5',
			'2.25',
			'true',
			'false',
			'1772445600123450',
			'1772445600000000',
			'-1',
			'2026-03-02',
			'{"a":[1]}',
			'YWI=',
			'ü',
		];
		const f = [...values, [{ v: '1' }, { v: '2' }], [], [{ v: { f: [{ v: 'x' }, { v: null }] } }]].map((v) => ({ v }));
		equal(Object.values(fromWire(fields, { f })), [
			12,
			'9007199254740993',
			1.5,
			2.25,
			true,
			false,
			'2026-03-02T10:00:00.123450Z',
			'2026-03-02T10:00:00Z',
			'1969-12-31T23:59:59.999999Z',
			'2026-03-02',
			{ a: [1] },
			'YWI=',
			'ü',
			[1, 2],
			[],
			[{ a: 'x', b: null }],
		]);
		equal(Object.values(fromWire(fields, { f: fields.map(() => ({ v: null })) })), [...values.map(() => null), [], [], []]);
	});
});

describe('against a server', (it) => {
	const host = process.env['BIGQUERY_EMULATOR_HOST'];
	if (host === undefined) {
		console.log('skipped: test/adapters/bigquery-sql.test.ts asks a server where BIGQUERY_EMULATOR_HOST names a BigQuery emulator');
		return;
	}

	it('a statement reads what another one has written', async () => {
		const project = process.env['BIGQUERY_EMULATOR_PROJECT'] ?? 'test-project';
		const emulator = await createEmulator({ host, project }, await readSchemas());
		const engine = createBigquerySql({ projectId: project, datasetId: emulator.dataset.slice(project.length + 1), apiEndpoint: host });
		try {
			const comment = `it's "{{projectId}}" \\ \u{1f600}`;
			await engine.query(
				`INSERT INTO \`\${dataset}.silences_v1\` (silence_id, starts_at, ends_at, created_by, created_at, comment)
				VALUES ('s', TIMESTAMP(@at), TIMESTAMP(@at), 'me', TIMESTAMP(@at), @comment)`,
				{ at: '2026-03-02T10:00:00.123456Z', comment },
			);
			const sql = 'SELECT starts_at, comment, fingerprint, [1, 2] AS numbers, TRUE AS yes FROM `${dataset}.silences_v1`';
			const answer = await engine.query(sql);
			equal(answer, [{ starts_at: '2026-03-02T10:00:00.123456Z', comment, fingerprint: null, numbers: [1, 2], yes: true }]);
			equal(answer, await emulator.query(sql), 'as Google’s own client has it');
		} finally {
			await emulator.remove();
		}
	});
});

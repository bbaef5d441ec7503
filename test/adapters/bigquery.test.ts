import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { equal, is, match, not, ok, throws } from 'uvu/assert';
import { toNetworkAnswer } from '../../functions/adapters/bigquery/answer.ts';
import { createAuthorize, toCredentialsAnswer } from '../../functions/adapters/bigquery/credentials.ts';
import { type BigqueryOptions, createBigquery } from '../../functions/adapters/bigquery.ts';
import { readSchemas } from '../../functions/adapters/schemas.ts';
import type { Row, RowResult } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { createRandom, type Random } from '../random.ts';
import { rejectRow, verdictRow } from '../schemas/rows.ts';
import { type Fault, type InsertAllOptions, type InsertAllServer, startInsertAll } from '../servers/insert-all.ts';
import { createEmulator } from '../sql/emulator.ts';
import { type PlainRow, writeRows } from './sink.ts';

const schemas = await readSchemas();
const TABLE = 'verdicts_v1';
const START = Date.parse('2026-03-02T10:00:00Z');
const STORED: RowResult = { kind: 'stored' };

/** Time that passes only while somebody sleeps. */
function createClock() {
	const sleeps: number[] = [];
	let at = START;
	const sleep = async (ms: number): Promise<void> => {
		sleeps.push(ms);
		at += ms;
	};
	return { sleeps, sleep, now: () => at };
}

interface Bench extends ReturnType<typeof createClock> {
	readonly server: InsertAllServer;
	insert(rows: readonly PlainRow[], leftMs?: number): Promise<readonly RowResult[]>;
}

type Told = Partial<BigqueryOptions> & Omit<Partial<InsertAllOptions>, 'tables' | 'now'>;

/** A sink in front of a server of its own. `random` is 1, so that pauses are 100, 200, 400 ms and so on. */
async function withServer(told: Told, use: (bench: Bench) => Promise<void>): Promise<void> {
	const server = await startInsertAll({ tables: schemas.tables, ...told });
	const clock = createClock();
	const sink = createBigquery({
		projectId: 'project',
		datasetId: 'audit',
		apiEndpoint: server.url,
		tables: schemas.tables,
		random: () => 1,
		...clock,
		...told,
	});
	try {
		await use({ server, ...clock, insert: (rows, leftMs = 60_000) => writeRows(sink, TABLE, { rows, untilMs: START + leftMs }) });
	} finally {
		await server.close();
	}
}

/** Rows `0`, `1` and so on; those named are bad: no such column. */
function rowsOf(count: number, bad: readonly number[] = [], tweaks: Row = {}): PlainRow[] {
	return Array.from({ length: count }, (_, index) => ({
		insertId: `${index}`,
		row: verdictRow({ entry_id: `${index}`, ...tweaks, ...(bad.includes(index) && { nonsense: 1 }) }),
	}));
}

type Faults = NonNullable<InsertAllOptions['faults']>;

/** Faults by number of the request. */
const inTurn =
	(...faults: readonly (Fault | undefined)[]): Faults =>
	({ number }) =>
		faults[number];
const status = (status: number, reason?: string): Fault => ({ kind: 'status', status, ...(reason !== undefined && { reason }) });

const storedIds = (server: InsertAllServer): string[] => server.rows(TABLE).map(({ insertId }) => String(insertId));
const sentIds = (server: InsertAllServer): string[][] => server.requests.map(({ rows }) => rows.map(({ insertId }) => String(insertId)));
const errorOf = (result: RowResult | undefined): Error => (result?.kind === 'failed' ? result.error : new Error(`it is ${result?.kind}`));
const detailOf = (result: RowResult | undefined): string => (result?.kind === 'refused' ? result.detail : `it is ${result?.kind}`);
const kindsOf = (results: readonly RowResult[]): string[] => results.map(({ kind }) => kind);

describe('insertAll', (it) => {
	it('stores all rows of one request under their insertIds, JSON columns as text', async () => {
		await withServer({}, async ({ server, insert, sleeps }) => {
			const rows = [...rowsOf(1, [], { entry: { a: ['ü', '{{projectId}}'] }, node_name: null }), ...rowsOf(3).slice(1)];
			equal(await insert(rows), [STORED, STORED, STORED]);
			is(server.requests.length, 1);
			equal(storedIds(server), ['0', '1', '2']);
			equal(server.rows(TABLE)[0]?.json, {
				...verdictRow({ entry_id: '0' }),
				node_name: null,
				entry: '{"a":["ü","{{projectId}}"]}',
			});
			equal(sleeps, []);
		});
	});

	it('sends nothing where there are no rows, and nothing once the time is over', async () => {
		await withServer({}, async ({ server, insert }) => {
			equal(await insert([]), []);
			const [result] = await insert(rowsOf(1), 0);
			match(errorOf(result).message, /over before BigQuery was asked/);
			is(server.requests.length, 0);
		});
	});

	it('waits as long as it takes where there is no end', async () => {
		await withServer({ faults: inTurn(status(503), status(503)) }, async ({ insert }) => {
			equal(await insert(rowsOf(2), Number.POSITIVE_INFINITY), [STORED, STORED]);
		});
	});

	it('knows no table that nobody defined', () => {
		const sink = createBigquery({ projectId: 'p', datasetId: 'd', apiEndpoint: 'http://127.0.0.1:9', tables: new Map() });
		throws(() => sink.encode(TABLE, verdictRow(), 'a'), /verdicts_v1: no such table/);
	});
});

describe('a bad row', (it) => {
	it('is refused with its reasons, and the rows that it stopped are written at once without it', async () => {
		await withServer({}, async ({ server, insert, sleeps }) => {
			const results = await insert([...rowsOf(5, [1, 4]), { insertId: 'x', row: { ...verdictRow(), cluster_name: null, count: 'many' } }]);
			equal(kindsOf(results), ['stored', 'refused', 'stored', 'stored', 'refused', 'refused']);
			is(detailOf(results[1]), 'invalid: no such field: nonsense. (nonsense)');
			is(
				detailOf(results[5]),
				'invalid: Missing required field: cluster_name. (cluster_name); invalid: Cannot convert value to integer (bad value): many (count)',
			);
			equal(sentIds(server), [
				['0', '1', '2', '3', '4', 'x'],
				['0', '2', '3'],
			]);
			equal(storedIds(server), ['0', '2', '3']);
			equal(sleeps, []);
		});
	});

	it('is all there is to refuse where every row is one', async () => {
		await withServer({}, async ({ server, insert }) => {
			equal(kindsOf(await insert(rowsOf(3, [0, 1, 2]))), ['refused', 'refused', 'refused']);
			is(server.requests.length, 1);
		});
	});

	it('does not make others double where the server stores them at once', async () => {
		await withServer({ lenient: true, dedupMs: 0 }, async ({ server, insert }) => {
			equal(kindsOf(await insert(rowsOf(3, [1]))), ['stored', 'refused', 'stored']);
			is(server.requests.length, 1);
			equal(storedIds(server), ['0', '2']);
		});
	});

	it('is refused with no more words than are of use', async () => {
		const faults = (): Fault => ({ kind: 'refuse', insertIds: ['0'], message: `x${'\u{1f600}'.repeat(5000)}` });
		await withServer({ faults }, async ({ insert }) => {
			const [result] = await insert(rowsOf(1));
			is(detailOf(result).length, 500);
			ok(detailOf(result).isWellFormed());
		});
	});

	it('is only tried again where its reason passes', async () => {
		const faults = inTurn(
			{ kind: 'refuse', insertIds: ['1'], reason: 'backendError' },
			{ kind: 'refuse', insertIds: ['0'], reason: 'timeout' },
		);
		await withServer({ faults }, async ({ server, insert, sleeps }) => {
			equal(await insert(rowsOf(3)), [STORED, STORED, STORED]);
			equal(sleeps, [100, 200]);
			equal(storedIds(server), ['0', '1', '2']);
		});
		const always = (): Fault => ({ kind: 'refuse', insertIds: ['1'], reason: 'backendError' });
		await withServer({ faults: always, lenient: true }, async ({ server, insert }) => {
			const results = await insert(rowsOf(2), 1000);
			equal(kindsOf(results), ['stored', 'failed']);
			match(errorOf(results[1]).message, /backendError: told to refuse it/);
			equal(sentIds(server).slice(0, 2), [['0', '1'], ['1']]);
		});
	});

	it('is tried again where it is named without a reason', async () => {
		const silent: Fault = { kind: 'status', status: 200, body: '{"insertErrors":[{"index":1,"errors":[]}]}', stored: true };
		await withServer({ faults: inTurn(silent) }, async ({ server, insert, sleeps }) => {
			equal(await insert(rowsOf(3)), [STORED, STORED, STORED]);
			equal(sentIds(server), [['0', '1', '2'], ['1']]);
			equal(sleeps, [100]);
		});
	});

	it('is refused where one of its reasons passes and another does not', async () => {
		await withServer({ faults: () => ({ kind: 'refuse', insertIds: ['0'], reason: 'backendError' }) }, async ({ insert }) => {
			const [result] = await insert(rowsOf(1, [0]));
			is(detailOf(result), 'backendError: told to refuse it (a); invalid: no such field: nonsense. (nonsense)');
		});
	});

	it('is waited for where all are stopped and none is refused', async () => {
		const stopped: Fault = { kind: 'refuse', insertIds: ['0', '1'], reason: 'stopped' };
		await withServer({ faults: inTurn(stopped, stopped) }, async ({ insert, sleeps }) => {
			equal(await insert(rowsOf(2)), [STORED, STORED]);
			equal(sleeps, [100, 200]);
		});
	});

	it('is found by halving where the whole request is refused for it', async () => {
		const faults: Faults = ({ rows }) =>
			rows.some(({ insertId }) => insertId === '3' || insertId === '20') ? status(400, 'invalid') : undefined;
		await withServer({ faults }, async ({ server, insert, sleeps }) => {
			const results = await insert(rowsOf(33));
			equal(
				results.flatMap(({ kind }, index) => (kind === 'stored' ? [] : [[index, kind]])),
				[
					[3, 'refused'],
					[20, 'refused'],
				],
			);
			is(detailOf(results[3]), 'BigQuery answered 400 invalid: told to answer 400');
			equal(
				storedIds(server),
				rowsOf(33).flatMap(({ insertId }) => (insertId === '3' || insertId === '20' ? [] : [insertId])),
			);
			equal(sleeps, []);
			ok(server.requests.length < 25, `${server.requests.length} requests`);
		});
	});

	it('cannot be read out of a 400 that says something else', async () => {
		for (const fault of [status(400, 'invalidQuery'), status(400), { ...status(400), body: '<html>' } as Fault])
			await withServer({ faults: () => fault }, async ({ server, insert }) => {
				equal(kindsOf(await insert(rowsOf(2))), ['failed', 'failed']);
				is(server.requests.length, 1);
			});
	});

	it('that cannot be written as JSON is refused alone', async () => {
		await withServer({}, async ({ server, insert }) => {
			const results = await insert([...rowsOf(1), { insertId: 'x', row: verdictRow({ count: 1n }) }]);
			equal(kindsOf(results), ['stored', 'refused']);
			match(detailOf(results[1]), /BigInt/);
			equal(storedIds(server), ['0']);
		});
	});
});

describe('the limits of a request', (it) => {
	const sized = (insertId: string, bytes: number): PlainRow => ({ insertId, row: verdictRow({ summary: 'x'.repeat(bytes) }) });

	it('refuse a row that is too large before it is sent, and say its size', async () => {
		await withServer({}, async ({ server, insert }) => {
			const results = await insert([sized('a', 11_000_000), sized('b', 1000)]);
			equal(kindsOf(results), ['refused', 'stored']);
			match(detailOf(results[0]), /^the row has 11000\d\d\d bytes, and BigQuery takes 10485760 at most$/);
			equal(sentIds(server), [['b']]);
		});
	});

	it('split what is larger than one request', async () => {
		await withServer({}, async ({ server, insert }) => {
			const rows = ['a', 'b', 'c', 'd', 'e'].map((insertId) => sized(insertId, insertId === 'd' ? 9_995_000 : 4_000_000));
			equal(await insert(rows), [STORED, STORED, STORED, STORED, STORED]);
			equal(sentIds(server), [['a', 'b'], ['c'], ['d'], ['e']]);
			equal(storedIds(server), ['a', 'b', 'c', 'd', 'e']);
		});
	});

	it('split more than 500 rows', async () => {
		await withServer({}, async ({ server, insert }) => {
			const results = await insert(rowsOf(1201, [700]));
			is(results.filter(({ kind }) => kind === 'stored').length, 1200);
			is(results[700]?.kind, 'refused');
			equal(
				server.requests.map(({ rows }) => rows.length),
				[500, 500, 499, 201],
			);
			is(new Set(storedIds(server)).size, 1200);
			is(storedIds(server).length, 1200);
		});
	});

	it('split what is answered 413, down to the row', async () => {
		const faults: Faults = ({ rows }) =>
			rows.length > 2 || rows[0]?.insertId === '4' ? { kind: 'status', status: 413, body: '<html>Too Large</html>' } : undefined;
		await withServer({ faults }, async ({ server, insert }) => {
			const results = await insert(rowsOf(6));
			equal(kindsOf(results), ['stored', 'stored', 'stored', 'stored', 'refused', 'stored']);
			is(detailOf(results[4]), 'BigQuery answered 413: <html>Too Large</html>');
			equal(storedIds(server), ['0', '1', '2', '3', '5']);
		});
	});
});

describe('what passes', (it) => {
	const passing: Readonly<Record<string, Fault>> = {
		'429': status(429, 'rateLimitExceeded'),
		'408': status(408),
		'500': status(500, 'internalError'),
		'502 of a proxy': { kind: 'status', status: 502, body: '<html>Bad Gateway</html>' },
		'503': status(503, 'backendError'),
		'503 although it stored the rows': { kind: 'status', status: 503, stored: true },
		'400 of a table that is away': status(400, 'tableUnavailable'),
		'403 of a rate': status(403, 'rateLimitExceeded'),
		'403 of a quota': status(403, 'quotaExceeded'),
		'a reset': { kind: 'reset', stored: false },
		'a reset after the rows were stored': { kind: 'reset', stored: true },
		'no answer': { kind: 'hang', stored: false },
		'no answer although it stored the rows': { kind: 'hang', stored: true },
		'an answer that comes too late': { kind: 'hang', stored: true, afterMs: 400 },
		'an answer that is none': { kind: 'status', status: 200, body: '<html>welcome</html>' },
		'an answer that names no row': { kind: 'status', status: 200, body: '{"insertErrors":[{"errors":[{"reason":"invalid"}]}]}' },
		'an answer that names another row': { kind: 'status', status: 200, body: '{"insertErrors":[{"index":3,"errors":[]}]}' },
	};
	for (const [name, fault] of Object.entries(passing))
		it(`${name}: tried again with the same insertIds, stored exactly once`, async () => {
			await withServer({ faults: inTurn(fault, fault), requestTimeoutMs: 200 }, async ({ server, insert, sleeps }) => {
				equal(await insert(rowsOf(3)), [STORED, STORED, STORED]);
				equal(sleeps, [100, 200]);
				equal(sentIds(server), Array(3).fill(['0', '1', '2']));
				equal(storedIds(server), ['0', '1', '2']);
			});
		});

	it('may stand before a bad row and after it', async () => {
		await withServer({ faults: inTurn(status(503), undefined, status(503)) }, async ({ server, insert, sleeps }) => {
			equal(kindsOf(await insert(rowsOf(3, [0]))), ['refused', 'stored', 'stored']);
			equal(sentIds(server), [
				['0', '1', '2'],
				['0', '1', '2'],
				['1', '2'],
				['1', '2'],
			]);
			equal(sleeps, [100, 200]);
		});
	});

	it('may be that nobody listens', async () => {
		const server = await startInsertAll({ tables: schemas.tables });
		await server.close();
		const { sleeps, ...clock } = createClock();
		const sink = createBigquery({
			projectId: 'p',
			datasetId: 'd',
			apiEndpoint: server.url,
			tables: schemas.tables,
			...clock,
			random: () => 1,
		});
		const [result] = await writeRows(sink, TABLE, { rows: rowsOf(1), untilMs: START + 500 });
		match(errorOf(result).message, /^BigQuery cannot be reached: ECONNREFUSED/);
		equal(sleeps, [100, 200]);
	});

	it('may be a name that nobody knows', () => {
		// As fetch rejects; no test asks a name server.
		const cause = Object.assign(new Error('getaddrinfo ENOTFOUND bigquery.invalid'), { code: 'ENOTFOUND' });
		const answer = toNetworkAnswer(new TypeError('fetch failed', { cause }), 1000);
		is(answer.kind, 'unavailable');
		match(inspect(answer), /BigQuery cannot be reached: ENOTFOUND getaddrinfo ENOTFOUND bigquery\.invalid/);
	});

	it('does not leave requests open that hang', async () => {
		await withServer({ faults: () => ({ kind: 'hang', stored: false }), requestTimeoutMs: 100 }, async ({ server, insert }) => {
			const [result] = await insert(rowsOf(1), 500);
			is(errorOf(result).message, 'BigQuery did not answer within 100 ms');
			is(server.requests.length, 3);
			for (let turn = 0; turn < 100 && server.open() > 0; turn++) await new Promise((resolve) => setTimeout(resolve, 10));
			is(server.open(), 0);
		});
	});

	it('may take no longer than the time that is left', async () => {
		await withServer({ faults: () => ({ kind: 'hang', stored: false }), requestTimeoutMs: 60_000 }, async ({ insert }) => {
			const [result] = await insert(rowsOf(1), 40);
			is(errorOf(result).message, 'BigQuery did not answer within 40 ms');
		});
	});
});

describe('the pauses', (it) => {
	const always = (): Fault => status(503, 'backendError');

	it('double up to 5 s, and none ends after the time that is left', async () => {
		await withServer({ faults: always }, async ({ server, insert, sleeps, now }) => {
			equal(kindsOf(await insert(rowsOf(2), 25_000)), ['failed', 'failed']);
			equal(sleeps, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
			is(server.requests.length, sleeps.length + 1);
			ok(now() < START + 25_000);
		});
	});

	it('are drawn from their upper half', async () => {
		for (const [random, expected] of [
			[() => 0, [50, 100, 200]],
			[() => 0.5, [75, 150, 300]],
		] as const)
			await withServer({ faults: inTurn(always(), always(), always()), random }, async ({ insert, sleeps }) => {
				equal(await insert(rowsOf(1)), [STORED]);
				equal(sleeps, expected);
			});
	});

	it('are as long as Retry-After says, in seconds or by date', async () => {
		const after = (value: string): Fault => ({ kind: 'status', status: 429, headers: { 'retry-after': value } });
		const faults = inTurn(after('7'), after(new Date(START + 7000 + 12_000).toUTCString()), after('soon'), after('0'));
		await withServer({ faults }, async ({ insert, sleeps }) => {
			equal(await insert(rowsOf(1)), [STORED]);
			equal(sleeps, [7000, 12_000, 400, 800]);
		});
		await withServer({ faults: () => after('30') }, async ({ server, insert, sleeps }) => {
			match(errorOf((await insert(rowsOf(1), 20_000))[0]).message, /^BigQuery answered 429/);
			equal(sleeps, []);
			is(server.requests.length, 1);
		});
	});
});

describe('what does not pass', (it) => {
	for (const [code, reason] of [
		[401, 'authError'],
		[403, 'accessDenied'],
		[403, 'billingNotEnabled'],
		[404, 'notFound'],
		[302, undefined],
	] as const)
		it(`${code} ${reason ?? ''}: failed at once`, async () => {
			await withServer(
				{ faults: () => ({ ...status(code, reason), headers: { location: '/elsewhere' } }) as Fault },
				async ({ server, insert, sleeps }) => {
					const results = await insert(rowsOf(2));
					equal(kindsOf(results), ['failed', 'failed']);
					match(
						errorOf(results[0]).message,
						new RegExp(`^BigQuery answered ${code}${reason ? ` ${reason}` : ''}: told to answer ${code}$`),
					);
					is(server.requests.length, 1);
					equal(sleeps, []);
				},
			);
		});
});

describe('an error', (it) => {
	it('has status, reason and the body cut, and neither token nor header', async () => {
		const faults: Faults = ({ headers }) => ({
			kind: 'status',
			status: 500,
			headers: { 'x-secret': 'header-of-the-answer' },
			body: `${JSON.stringify(headers)} ${'ü'.repeat(5000)}`,
		});
		const authorize = async (): Promise<Headers> => new Headers({ authorization: 'Bearer ya29.a0-secret_token' });
		await withServer({ faults, authorize }, async ({ server, insert }) => {
			const error = errorOf((await insert(rowsOf(1), 50))[0]);
			is(server.requests[0]?.headers.authorization, 'Bearer ya29.a0-secret_token');
			const { status, reason, body } = error.cause as { status: number; reason?: string; body: string };
			equal([status, reason], [500, undefined]);
			ok(Buffer.byteLength(body) <= 2048, `${Buffer.byteLength(body)} bytes`);
			ok(error.message.length <= 500);
			not.match(inspect(error, { depth: null, showHidden: true }), /secret/);
		});
		await withServer({ faults: () => status(403, 'accessDenied') }, async ({ insert }) => {
			const { cause } = errorOf((await insert(rowsOf(1)))[0]) as { cause: { body: string } };
			const { error } = JSON.parse(cause.body) as { error: { code: number } };
			equal({ ...cause, body: error.code }, { status: 403, reason: 'accessDenied', body: 403 });
		});
	});

	it('of an unreachable server says why, and nothing of the request', async () => {
		const authorize = async (): Promise<Headers> => new Headers({ authorization: 'Bearer secret' });
		await withServer({ faults: () => ({ kind: 'reset', stored: false }), authorize }, async ({ insert }) => {
			const error = errorOf((await insert(rowsOf(1), 50))[0]);
			match(error.message, /^BigQuery cannot be reached: (UND_ERR_SOCKET|ECONNRESET) /);
			not.match(inspect(error, { depth: null, showHidden: true }), /secret/);
		});
	});
});

describe('credentials', (it) => {
	it('go nowhere over plain http', async () => {
		await withServer({}, async ({ server, insert }) => {
			await insert(rowsOf(1));
			is(server.requests[0]?.headers.authorization, undefined);
		});
	});

	it('that come late or not at all are asked for again', async () => {
		let asked = 0;
		const authorize = async (): Promise<Headers> => {
			asked++;
			if (asked === 1)
				throw Object.assign(new Error('Unsuccessful response status code. Request failed with status code 503'), { status: 503 });
			if (asked === 2) throw Object.assign(new Error('getaddrinfo EAI_AGAIN'), { code: 'EAI_AGAIN' });
			if (asked === 3) return new Promise(() => undefined);
			return new Headers({ authorization: 'Bearer x' });
		};
		await withServer({ authorize, requestTimeoutMs: 200 }, async ({ server, insert, sleeps }) => {
			// The timer of a request does not keep the process by itself.
			const alive = setInterval(() => undefined, 1000);
			equal(await insert(rowsOf(1)), [STORED]);
			clearInterval(alive);
			equal(sleeps, [100, 200, 400]);
			is(server.requests.length, 1);
		});
	});

	it('that are not there or not valid fail at once', async () => {
		for (const error of [
			new Error('Could not load the default credentials. Browse to https://…'),
			Object.assign(new Error('invalid_grant'), { status: 400, config: { data: 'secret' }, response: { headers: { a: 'secret' } } }),
		])
			await withServer({ authorize: () => Promise.reject(error) }, async ({ server, insert, sleeps }) => {
				const failed = errorOf((await insert(rowsOf(1)))[0]);
				match(failed.message, /^no credentials for BigQuery: (Could not load|invalid_grant)/);
				not.match(inspect(failed, { depth: null, showHidden: true }), /secret/);
				equal(sleeps, []);
				is(server.requests.length, 0);
			});
	});

	it('are those that Google’s client finds, and its errors tell no secret', async () => {
		let answer = 200;
		const sts = createServer((request, response) => {
			request.resume().on('end', () => {
				response.writeHead(answer, { 'content-type': 'application/json' });
				response.end(
					answer === 200
						? '{"access_token":"ya29.token","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":3600}'
						: '{"error":"invalid_grant","error_description":"expired"}',
				);
			});
		});
		await new Promise<void>((resolve) => sts.listen(0, '127.0.0.1', resolve));
		const folder = await mkdtemp(join(tmpdir(), 'policy-audit-test-'));
		const before = process.env['GOOGLE_APPLICATION_CREDENTIALS'];
		try {
			const file = join(folder, 'credentials.json');
			await writeFile(join(folder, 'subject'), 'secret-subject-token');
			await writeFile(
				file,
				JSON.stringify({
					type: 'external_account',
					audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q',
					subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
					token_url: `http://127.0.0.1:${(sts.address() as AddressInfo).port}/v1/token`,
					credential_source: { file: join(folder, 'subject') },
				}),
			);
			process.env['GOOGLE_APPLICATION_CREDENTIALS'] = file;
			is(
				(await createAuthorize({ apiEndpoint: 'https://bigquery.googleapis.com', projectId: 'project' })()).get('authorization'),
				'Bearer ya29.token',
			);
			answer = 400;
			const failed = await createAuthorize({ apiEndpoint: 'https://bigquery.googleapis.com', projectId: 'project' })().then(
				() => undefined,
				(cause: unknown) => toCredentialsAnswer(cause),
			);
			is(failed?.kind, 'failed');
			match(inspect(failed, { depth: null }), /no credentials for BigQuery: .*invalid_grant/);
			not.match(inspect(failed, { depth: null, showHidden: true }), /secret/);
		} finally {
			if (before === undefined) delete process.env['GOOGLE_APPLICATION_CREDENTIALS'];
			else process.env['GOOGLE_APPLICATION_CREDENTIALS'] = before;
			await new Promise((resolve) => sts.close(resolve));
			await rm(folder, { recursive: true });
		}
	});
});

describe('faults at random', (it) => {
	/** What happens to a request; mostly nothing. */
	const anyFault = ({ below, pick }: Random, ids: readonly string[]): Fault | undefined =>
		[
			undefined,
			undefined,
			undefined,
			status(pick([500, 503, 429]), 'backendError'),
			{ kind: 'status', status: 502, stored: true } as const,
			status(pick([400, 413]), 'invalid'),
			{ kind: 'reset', stored: below(2) === 0 } as const,
			{ kind: 'refuse', insertIds: [pick(ids)], reason: pick(['invalid', 'backendError', 'stopped']) } as const,
			{ kind: 'hang', stored: below(2) === 0 } as const,
		][below(9)];

	it('leave every row where its result says', async () => {
		for (let seed = 1; seed <= 40; seed++) {
			const random = createRandom(seed);
			const rows = rowsOf(1 + random.below(30), [random.below(30)]);
			const ids = rows.map(({ insertId }) => insertId);
			await withServer(
				{ faults: () => anyFault(random, ids), requestTimeoutMs: 15, lenient: seed % 5 === 0 },
				async ({ server, insert }) => {
					const results = await insert(rows, random.pick([300, 3000, 60_000]));
					is(results.length, rows.length);
					for (const [index, { kind }] of results.entries()) {
						const copies = storedIds(server).filter((id) => id === ids[index]).length;
						ok(
							kind === 'failed' ? copies <= 1 : copies === 1 || kind === 'refused',
							`seed ${seed}, row ${index}: ${kind}, stored ${copies} times`,
						);
					}
				},
			);
		}
	});
});

const host = process.env['BIGQUERY_EMULATOR_HOST'];

describe('a BigQuery emulator', (it) => {
	if (host === undefined) {
		console.log('skipped: test/adapters/bigquery.test.ts writes to a BigQuery emulator where BIGQUERY_EMULATOR_HOST names one');
		return;
	}

	it('stores rows of both tables, and refuses a bad one alone', async () => {
		const emulator = await createEmulator({ host, project: process.env['BIGQUERY_EMULATOR_PROJECT'] ?? 'test-project' }, schemas);
		try {
			const [projectId = '', datasetId = ''] = emulator.dataset.split('.');
			const apiEndpoint = /^https?:/.test(host) ? host : `http://${host}`;
			const sink = createBigquery({ projectId, datasetId, apiEndpoint, tables: schemas.tables });
			const entry = { insertId: 'a', jsonPayload: { text: `{{projectId}} ' " \\ 漢字 \u{1f600}`, big: 2 ** 53, none: null } };
			const evidence = [{ role: 'void', policy_name: 'p', rule: 1, detail: null }];
			const good = verdictRow({ entry, evidence, constructs: ['end-port'], node_name: null });
			const rows = [
				{ insertId: 'a', row: good },
				{ insertId: 'b', row: verdictRow({ entry_id: 'entry-2', nonsense: 1 }) },
			];
			const results = await writeRows(sink, TABLE, { rows, untilMs: Date.now() + 10_000 });
			equal(kindsOf(results), ['stored', 'refused']);
			const reject = { insertId: 'c', row: rejectRow({ attributes: { key: 'ü' }, size_bytes: 5 }) };
			equal(await writeRows(sink, 'rejects_v1', { rows: [reject], untilMs: Date.now() + 10_000 }), [STORED]);

			const [stored, ...more] = await emulator.query(`SELECT * FROM \`${emulator.dataset}.verdicts_v1\``);
			equal(more, []);
			equal([stored?.['entry'], stored?.['timestamp'], stored?.['constructs']], [entry, '2026-03-02T10:00:00Z', ['end-port']]);
			const [piece] = (stored?.['evidence'] ?? []) as Row[];
			is(piece?.['rule'], 1);
			const [rejected] = await emulator.query(`SELECT reason, attributes, size_bytes FROM \`${emulator.dataset}.rejects_v1\``);
			equal(rejected, { reason: 'not-json', attributes: { key: 'ü' }, size_bytes: 5 });
		} finally {
			await emulator.remove();
		}
	});
});

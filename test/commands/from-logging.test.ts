import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { equal, is, match, not, ok } from 'uvu/assert';
import { formatLatest, snapshotName } from '../../functions/adapters/bucket/names.ts';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import { readSchemas } from '../../functions/adapters/schemas.ts';
import { encodeSnapshot } from '../../functions/snapshot/canonical.ts';
import { readSnapshots } from '../../functions/snapshot/files.ts';
import { type LoggingFault, type LoggingServer, type StoredEntry, startLoggingServer } from '../adapters/logging/server.ts';
import { describe } from '../describe.ts';
import { type Fault, type InsertAllRequest, startInsertAll } from '../servers/insert-all.ts';
import { type Ran, run, seed } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'from-logging-test-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const SEED = JSON.parse(readFileSync(seed('entries.json'), 'utf8')) as StoredEntry[];
const RANGE = ['--project', 'sample-project', '--since', '2023-09-23T00:00:00Z', '--until', '2023-09-26T00:00:00Z'];

type Settings = NonNullable<Parameters<typeof run>[1]>;

interface Served {
	readonly requests: LoggingServer['requests'];
	/** With the example's snapshots. */
	replay(...options: readonly string[]): Promise<Ran>;
	/** As it is told, and nothing more. */
	replayAs(options: readonly string[], settings?: Settings): Promise<Ran>;
}

/** Sets a variable of the environment while it is used, and leaves it as it was. */
async function withVariable(name: string, value: string, use: () => Promise<void>): Promise<void> {
	const before = process.env[name];
	process.env[name] = value;
	try {
		await use();
	} finally {
		if (before === undefined) delete process.env[name];
		else process.env[name] = before;
	}
}

/** Serves entries, by default the example's, while it is used. */
async function withLog(
	use: (served: Served) => Promise<void>,
	{ entries = SEED, fault = (_: number): LoggingFault | undefined => undefined } = {},
): Promise<void> {
	const server = await startLoggingServer({ length: entries.length, at: (index) => entries[index] as StoredEntry }, (_, before) =>
		fault(before),
	);
	const replayAs: Served['replayAs'] = (options, settings) =>
		run(['replay', '--from-logging', '--requests-per-minute', '600000', ...options], settings);
	const replay: Served['replay'] = (...options) => replayAs(['--snapshots', seed('snapshots'), ...options]);
	try {
		await withVariable('LOGGING_API_ENDPOINT', server.url, () => use({ requests: server.requests, replay, replayAs }));
	} finally {
		server.close();
	}
}

type Bigquery = Awaited<ReturnType<typeof startInsertAll>>;

/** Serves insertAll while it is used. It forgets insertIds at once: what is written twice is there twice. */
async function withBigquery(faults: (request: InsertAllRequest) => Fault | undefined, use: (bigquery: Bigquery) => Promise<void>) {
	const bigquery = await startInsertAll({ ...(await readSchemas()), faults, lenient: true, dedupMs: 0 });
	try {
		await withVariable('BIGQUERY_EMULATOR_HOST', bigquery.url, () => use(bigquery));
	} finally {
		await bigquery.close();
	}
}

/** How many rows there are, and of how many entries. */
function countInserted(bigquery: Bigquery): readonly [rows: number, entries: number] {
	const rows = bigquery.rows('verdicts_v1');
	return [rows.length, new Set(rows.map(({ json }) => json['insert_id'])).size];
}

/** The example, again and again, a second apart. */
const many = (count: number, { prefix = 'i', apartMs = 1000, begin = '2023-09-24T00:00:00Z' } = {}): StoredEntry[] =>
	Array.from({ length: count }, (_, index) => ({
		...(SEED[index % SEED.length] as StoredEntry),
		insertId: `${prefix}${index}`,
		timestamp: new Date(Date.parse(begin) + index * apartMs).toISOString(),
	}));

const ndjson = (entries: readonly StoredEntry[]): string => entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');

const REFUSED: LoggingFault = { status: 403, code: 'PERMISSION_DENIED', message: 'no' };

async function countRows(db: string): Promise<readonly [view: unknown, table: unknown]> {
	const warehouse = await openDuckdb(db);
	try {
		const count = async (name: string) => (await warehouse.query(`SELECT COUNT(*) AS n FROM \`\${dataset}.${name}\``))[0]?.['n'];
		return [await count('verdicts'), await count('verdicts_v1')];
	} finally {
		await warehouse.close();
	}
}

describe('replay from Cloud Logging', (it) => {
	it('finds what the same entries in a file show', async () => {
		await withLog(async ({ replay, requests }) => {
			const filter = 'jsonPayload.disposition="deny" -- a comment';
			const { code, stdout, stderr } = await replay(...RANGE, '--format', 'json', '--filter', filter);
			is(code, 0, stderr);
			const rows = stdout
				.trim()
				.split('\n')
				.map((line) => JSON.parse(line));
			equal(
				rows.map(({ finding }) => finding),
				['confirmed', 'void-rule', 'explained'],
			);
			equal(requests[0]?.resourceNames, ['projects/sample-project']);
			is(
				requests[0]?.filter,
				`log_id("policy-action") AND timestamp >= "2023-09-23T00:00:00Z" AND timestamp < "2023-09-26T00:00:00Z" AND (\n${filter}\n)`,
			);
		});
	});

	it('takes times as how long ago', async () => {
		await withLog(async ({ replay, requests }) => {
			const { code, stdout } = await replay('--project', 'p', '--since', '7d', '--until', '90m');
			is(code, 0);
			match(stdout, /^0 entries\. 0 flagged/m);
			const [since = '', until = ''] = [...(requests[0]?.filter ?? '').matchAll(/"(\d[^"]+)"/g)].map(([, time]) => time);
			is(Date.parse(until) - Date.parse(since), 7 * 86_400_000 - 90 * 60_000);
		});
	});

	it('says why nothing can be read, and does nothing', async () => {
		await withLog(
			async ({ replay }) => {
				const { code, stderr } = await replay(...RANGE);
				is(code, 2);
				match(stderr, /may not read the logs of sample-project: grant them roles\/logging\.viewer/);
			},
			{ fault: () => REFUSED },
		);
	});

	it('keeps what it read where Cloud Logging fails, and goes on from there by the same command', async () => {
		const db = join(folder, 'resumed.duckdb');
		const state = `${db}.replay.json`;
		let failing = true;
		await withLog(
			async ({ replay, requests }) => {
				const first = await replay(...RANGE, '--db', db);
				is(first.code, 3, first.stderr);
				match(first.stdout, /^2000 entries: /m);
				match(first.stdout, /roles\/logging\.viewer.*\(2,000 entries read, up to 2023-09-24T00:33:19Z of 2023-09-26T00:00:00Z\)/);
				is(JSON.parse(readFileSync(state, 'utf8')).reached, '2023-09-24T00:33:19Z');

				const other = await replay(...RANGE, '--db', db, '--filter', 'severity>=ERROR');
				is(other.code, 2);
				match(
					other.stderr,
					/unfinished replay that asked for something else \(--filter was absent and is severity>=ERROR\).*--restart starts anew/,
				);

				failing = false;
				const asked = requests.length;
				const second = await replay(...RANGE, '--db', db);
				is(second.code, 0, second.stderr);
				match(second.stderr, /goes on at 2023-09-24T00:33:19Z, with 2000 entries read before/);
				match(second.stdout, /^2500 entries: /m);
				match(requests[asked]?.filter ?? '', /timestamp >= "2023-09-24T00:33:19Z"/);
				not.ok(existsSync(state));
				equal(await countRows(db), [2500, 2501]);
			},
			{ entries: many(2500), fault: (before) => (failing && before === 2 ? REFUSED : undefined) },
		);
	});

	it('keeps its state in no file that holds the rows or the answer', () =>
		withLog(async ({ replay }) => {
			const db = join(folder, 'mine.duckdb');
			for (const [state, ...more] of [
				[db],
				[`${folder}/./mine.duckdb.wal`],
				[join(folder, 'out'), '--out', join(folder, 'out')],
			] as const) {
				const { code, stderr } = await replay(...RANGE, '--db', db, '--state', state, ...more);
				is(code, 2);
				match(stderr, /is the file of --db or of --out, which it would replace; name another one/);
				ok(!existsSync(state));
			}
		}));

	it('begins after 1970', () =>
		withLog(async ({ replay }) => {
			const { code, stderr } = await replay('--project', 'some-project', '--since', '999999w');
			is(code, 2);
			match(stderr, /--since 999999w is before 1970/);
		}));

	it('starts anew where it is told to, and where the database is another one it says so', async () => {
		const db = join(folder, 'anew.duckdb');
		let failing = true;
		await withLog(
			async ({ replay, requests }) => {
				is((await replay(...RANGE, '--db', db)).code, 3);
				rmSync(db);
				const gone = await replay(...RANGE, '--db', db);
				is(gone.code, 2);
				match(gone.stderr, /tells of rows that the database does not have: it is another one; --restart starts anew/);
				failing = false;
				const asked = requests.length;
				const anew = await replay(...RANGE, '--db', db, '--restart');
				is(anew.code, 0, anew.stderr);
				match(requests[asked]?.filter ?? '', /timestamp >= "2023-09-23T00:00:00Z"/);
				equal(await countRows(db), [1500, 1500]);
			},
			{ entries: many(1500), fault: (before) => (failing && before === 1 ? REFUSED : undefined) },
		);
	});

	it('refuses what is no state of its own', async () => {
		const state = join(folder, 'notes.json');
		writeFileSync(state, '{"mine": true}');
		await withLog(async ({ replay }) => {
			const { code, stderr } = await replay(...RANGE, '--db', join(folder, 'notes.duckdb'), '--state', state);
			is(code, 2);
			match(stderr, /notes\.json is not the state of a replay/);
			is(readFileSync(state, 'utf8'), '{"mine": true}');
		});
	});

	it('goes on in no other database, and with no other snapshots', async () => {
		const [db, other] = [join(folder, 'one.duckdb'), join(folder, 'other.duckdb')];
		const state = ['--state', join(folder, 'one.json')];
		const unread = join(folder, 'unread.ndjson');
		writeFileSync(unread, ndjson(many(1200, { prefix: 'unread' })));
		let failing = true;
		await withLog(
			async ({ replay, replayAs }) => {
				is((await run(['replay', '--entries', unread, '--db', other])).code, 0);
				is((await replay(...RANGE, '--db', db, ...state)).code, 3);
				failing = false;
				const elsewhere = await replay(...RANGE, '--db', other, ...state);
				is(elsewhere.code, 2);
				match(elsewhere.stderr, /asked for something else \(--db was \S+one\.duckdb and is \S+other\.duckdb\).*--restart starts anew/);
				const without = await replayAs([...RANGE, '--db', db, ...state]);
				is(without.code, 2);
				match(without.stderr, /\(--snapshots was \S+snapshots and is absent\)/);
				const right = await replay(...RANGE, '--db', relative(process.cwd(), db), ...state);
				is(right.code, 0, right.stderr);
				equal(await countRows(db), [1500, 1501]);
			},
			{ entries: many(1500), fault: (before) => (failing && before === 1 ? REFUSED : undefined) },
		);
	});

	it('counts what it read itself, and not what others wrote into the database in between', async () => {
		const db = join(folder, 'between.duckdb');
		const others = join(folder, 'others.ndjson');
		writeFileSync(others, `${ndjson(many(300, { prefix: 'other' }))}no JSON\n`);
		let failAt = 1;
		await withLog(
			async ({ replay, requests }) => {
				for (const page of [1, 2]) {
					failAt = requests.length + 1;
					const { code, stdout } = await replay(...RANGE, '--db', db);
					is(code, 3);
					match(stdout, new RegExp(`^${page * 1000 - (page - 1)} entries: `, 'm'));
					not.match(stdout, /Refused messages/);
					is((await run(['replay', '--entries', others, '--db', db])).code, 3);
				}
				failAt = -1;
				const { code, stdout } = await replay(...RANGE, '--db', db);
				is(code, 0, stdout);
				match(stdout, /^2500 entries: /m);
				equal(await countRows(db), [2800, 3102]);
			},
			{ entries: many(2500), fault: (before) => (before === failAt ? REFUSED : undefined) },
		);
	});

	it('goes on where thousands of entries have one time', async () => {
		const db = join(folder, 'equal.duckdb');
		let failing = true;
		await withLog(
			async ({ replay, requests }) => {
				is((await replay(...RANGE, '--db', db)).code, 3);
				failing = false;
				const asked = requests.length;
				const second = await replay(...RANGE, '--db', db);
				is(second.code, 0, second.stderr);
				match(requests[asked]?.filter ?? '', /timestamp >= "2023-09-24T00:00:00Z"/);
				match(second.stdout, /^2500 entries: /m);
				// All of them are read again: no one can tell which of them were there.
				equal(await countRows(db), [2500, 4500]);
			},
			{ entries: many(2500, { apartMs: 0 }), fault: (before) => (failing && before === 2 ? REFUSED : undefined) },
		);
	});

	it('keeps what it knows until a run that starts anew has read something', async () => {
		const db = join(folder, 'restart.duckdb');
		const state = `${db}.replay.json`;
		let failing = (before: number): boolean => before === 1;
		await withLog(
			async ({ replay, replayAs, requests }) => {
				is((await replay(...RANGE, '--db', db)).code, 3);
				const known = readFileSync(state, 'utf8');
				const nowhere = await replayAs([...RANGE, '--db', db, '--snapshots', join(folder, 'nowhere'), '--restart']);
				equal([nowhere.code, readFileSync(state, 'utf8')], [2, known]);
				failing = () => true;
				const denied = await replay(...RANGE, '--db', db, '--restart');
				equal([denied.code, readFileSync(state, 'utf8')], [2, known]);
				const from = requests.length;
				failing = (before) => before === from + 1;
				const begun = await replay(...RANGE, '--db', db, '--restart');
				is(begun.code, 3, begun.stderr);
				match(begun.stdout, /^1000 entries: /m);
				const { entries, rows } = JSON.parse(readFileSync(state, 'utf8'));
				equal([entries, rows], [1000, [{ from: { verdicts: 1000, rejects: 0 }, to: { verdicts: 2000, rejects: 0 } }]]);
			},
			{ entries: many(1500), fault: (before) => (failing(before) ? REFUSED : undefined) },
		);
	});

	it('leaves alone what a process keeps that has the database open', async () => {
		const db = join(folder, 'locked.duckdb');
		const state = `${db}.replay.json`;
		const script = `
			const { openDuckdb } = await import(${JSON.stringify(new URL('../../functions/adapters/duckdb.ts', import.meta.url).href)});
			await openDuckdb(${JSON.stringify(db)});
			console.log('open');
			process.stdin.resume();`;
		await withLog(
			async ({ replay }) => {
				is((await replay(...RANGE, '--db', db)).code, 3);
				const known = readFileSync(state, 'utf8');
				const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['pipe', 'pipe', 'inherit'] });
				try {
					await once(child.stdout, 'data');
					const { code, stderr } = await replay(...RANGE, '--db', db, '--restart');
					is(code, 2);
					match(stderr, /another process has it open/);
					is(readFileSync(state, 'utf8'), known);
				} finally {
					child.kill('SIGKILL');
					if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
				}
			},
			{ entries: many(1500), fault: (before) => (before === 1 ? REFUSED : undefined) },
		);
	});

	it('says of which times it tells, where they are those of a run of the day before', async () => {
		const argv = ['--project', 'p', '--since', '24h', '--snapshots', seed('snapshots'), '--db', join(folder, 'day.duckdb')];
		const at = (day: number): Settings => ({ now: () => new Date(`2023-09-2${day}T12:00:00Z`) });
		let failing = (before: number): boolean => before === 0;
		await withLog(
			async ({ replayAs, requests }) => {
				is((await replayAs(argv, at(4))).code, 2);
				// Nothing was read, so that is nothing to go on with.
				failing = (before) => before === 2;
				const first = await replayAs(argv, at(5));
				is(first.code, 3);
				match(first.stdout, /^Read: entries of p from 2023-09-24T12:00:00\.000Z until 2023-09-25T12:00:00\.000Z\.$/m);
				failing = () => false;
				const asked = requests.length;
				const second = await replayAs([...argv, '--format', 'json'], at(6));
				is(second.code, 0, second.stderr);
				match(
					second.stderr,
					/goes on at 2023-09-24T16:16:39Z, with 1000 entries read before, of those from 2023-09-24T12:00:00\.000Z until/,
				);
				match(second.stderr, /^Read: entries of p from 2023-09-24T12:00:00\.000Z until 2023-09-25T12:00:00\.000Z\.$/m);
				match(requests[asked]?.filter ?? '', /timestamp < "2023-09-25T12:00:00\.000Z"/);
				is((await replayAs(argv, at(6))).code, 0);
				match(requests.at(-1)?.filter ?? '', /timestamp >= "2023-09-25T12:00:00\.000Z"/);
			},
			{ entries: many(1500, { begin: '2023-09-24T16:00:00Z' }), fault: (before) => (failing(before) ? REFUSED : undefined) },
		);
	});

	it('shows on a terminal how far it is, and no bar of files that there are none of', async () => {
		await withLog(
			async ({ replayAs }) => {
				const { code, stderr } = await replayAs([...RANGE, '--snapshots', seed('snapshots')], { terminal: true });
				is(code, 0);
				match(stderr, /1,000 entries read, up to 2023-09-24T00:16:39Z of 2023-09-26T00:00:00Z/);
				not.match(stderr, /%|░|█/);
			},
			{ entries: many(1500) },
		);
	});

	it('ends when interrupted, while a request hangs', async () => {
		const controller = new AbortController();
		await withLog(
			async ({ replayAs }) => {
				const { code, stderr } = await replayAs(RANGE, { signal: controller.signal });
				is(code, 130);
				match(stderr, /interrupted: 0 entries delivered/);
			},
			{
				fault: () => {
					setImmediate(() => controller.abort());
					return 'hang';
				},
			},
		);
	});
});

describe('replay into BigQuery', (it) => {
	it('writes the rows, and says how many and whom to ask', async () => {
		await withBigquery(
			() => undefined,
			async (bigquery) => {
				await withLog(async ({ replay }) => {
					const { code, stdout, stderr } = await replay(...RANGE, '--dataset', 'some-project.audit');
					equal([code, stderr], [0, '']);
					is(bigquery.rows('verdicts_v1').length, 3);
					match(stdout, /^3 entries: .*1 void-rule.*\nRead: .*\n3 rows written to some-project\.audit\.verdicts_v1/m);
				});
			},
		);
	});

	it('goes on after an interruption between two pages, and writes what BigQuery did not take at first', async () => {
		const state = join(folder, 'dataset.json');
		const argv = [...RANGE, '--dataset', 'some-project.audit', '--snapshots', seed('snapshots'), '--state', state];
		const controller = new AbortController();
		let interrupting = true;
		// Some rows of the first requests; the others of the same request are stored.
		const faults = ({ number, rows }: InsertAllRequest): Fault | undefined => {
			const insertIds = rows.slice(0, 10).map(({ insertId = '' }) => insertId);
			return number < 3 ? { kind: 'refuse', insertIds, reason: 'backendError' } : undefined;
		};
		await withBigquery(faults, async (bigquery) => {
			await withLog(
				async ({ replayAs, requests }) => {
					const first = await replayAs(argv, { signal: controller.signal });
					is(first.code, 130, first.stderr);
					equal(countInserted(bigquery), [2000, 2000]);
					const { reached, entries, rows } = JSON.parse(readFileSync(state, 'utf8'));
					equal([reached, entries, rows], ['2023-09-24T00:33:19Z', 2000, []]);
					const other = await replayAs([...argv.slice(0, -4), ...argv.slice(-2)]);
					is(other.code, 2);
					match(other.stderr, /--snapshots was .* and is absent/);
					interrupting = false;
					const asked = requests.length;
					const second = await replayAs(argv);
					is(second.code, 0, second.stderr);
					match(second.stderr, /goes on at 2023-09-24T00:33:19Z, with 2000 entries read before/);
					match(requests[asked]?.filter ?? '', /timestamp >= "2023-09-24T00:33:19Z"/);
					match(second.stdout, /^501 entries: .*\nRead: .*; counted here are those from 2023-09-24T00:33:19Z on\.\n501 rows written to/m);
					equal(countInserted(bigquery), [2501, 2500]);
					not.ok(existsSync(state));
				},
				{
					entries: many(2500),
					fault(before) {
						if (before < 2 || !interrupting) return undefined;
						setImmediate(() => controller.abort());
						return 'hang';
					},
				},
			);
		});
	});

	it('goes on before the first row that was never written', async () => {
		const state = join(folder, 'unwritten.json');
		const argv = [...RANGE, '--dataset', 'some-project.audit', '--state', state];
		let broken = true;
		const lost = ({ json }: { json: { insert_id?: unknown } }): boolean => json.insert_id === 'i1200';
		const faults = ({ rows }: InsertAllRequest): Fault | undefined =>
			broken && rows.some(lost) ? { kind: 'status', status: 403, reason: 'accessDenied' } : undefined;
		await withBigquery(faults, async (bigquery) => {
			await withLog(
				async ({ replay }) => {
					const first = await replay(...argv);
					is(first.code, 3, first.stderr);
					match(first.stdout, /not written: .*BigQuery answered 403/);
					is(JSON.parse(readFileSync(state, 'utf8')).reached, '2023-09-24T00:16:39Z');
					ok(!bigquery.rows('verdicts_v1').some(lost));
					broken = false;
					const second = await replay(...argv);
					is(second.code, 0, second.stderr);
					is(countInserted(bigquery)[1], 2500);
					not.ok(existsSync(state));
				},
				{ entries: many(2500) },
			);
		});
	});
});

describe('snapshots of a bucket', (it) => {
	it('are read as they are needed', async () => {
		const { snapshots } = await readSnapshots([seed('snapshots')]);
		const of = 'audit/clusters/sample-project/us-central1/sample-cluster/';
		const objects = new Map<string, Uint8Array>(
			snapshots.map((snapshot) => [`${of}${snapshotName(snapshot.validFrom ?? '')}`, encodeSnapshot({ ...snapshot })]),
		);
		const newest = snapshots.at(-1);
		const latest = { name: snapshotName(newest?.validFrom ?? ''), id: newest?.id ?? '', seenUntil: '2023-09-26T00:00:00Z' };
		objects.set(`${of}latest.json`, Buffer.from(formatLatest(latest)));
		const bucket = createServer((request, response) => {
			const { pathname, searchParams } = new URL(request.url ?? '', 'http://bucket');
			const name = decodeURIComponent(pathname.slice('/storage/v1/b/my-bucket/o/'.length));
			const found = objects.get(name);
			const prefix = searchParams.get('prefix') ?? '';
			const items = [...objects.keys()].filter((key) => key.startsWith(prefix)).map((key) => ({ name: key }));
			if (name === '') response.setHeader('content-type', 'application/json').end(JSON.stringify({ items }));
			else if (found) response.end(found);
			else response.writeHead(404).end('{}');
		});
		await new Promise<void>((resolve) => bucket.listen(0, '127.0.0.1', resolve));
		const url = `http://127.0.0.1:${(bucket.address() as AddressInfo).port}`;
		const replayBucket = async (): Promise<void> => {
			const replay = (of: string) => run(['replay', '--entries', seed('entries.json'), '--snapshots', of, '--format', 'json']);
			const { code, stdout, stderr } = await replay('gs://my-bucket/audit');
			is(code, 0, stderr);
			const rows = stdout
				.trim()
				.split('\n')
				.map((line) => JSON.parse(line));
			// Google Cloud Storage tells until when the newest was seen, and of the others nothing.
			is(rows.at(-1)?.snapshot_id, newest?.id);
			is(rows.at(-1)?.finding, 'explained');
			const wrong = await replay('gs://x');
			is(wrong.code, 2);
			match(wrong.stderr, /gs:\/\/x: is no bucket/);
		};
		try {
			await withVariable('GCS_API_ENDPOINT', url, replayBucket);
		} finally {
			bucket.closeAllConnections();
			bucket.close();
		}
	});
});

const WRONG: readonly [argv: readonly string[], hint: RegExp][] = [
	[['--from-logging'], /--project <id>' is missing/],
	[['--from-logging', '--project', 'p'], /--since <time>' is missing/],
	[['--from-logging', '--project', 'P!', '--since', '1h'], /must be the id of a project/],
	[['--from-logging', '--project', 'p', '--since', 'yesterday'], /how long ago \(90m, 24h, 7d\) or an RFC 3339 time/],
	[['--from-logging', '--project', 'p', '--since', '1h', '--until', '2h'], /--since .* is not before --until/],
	[['--from-logging', '--project', 'p', '--since', '1h', '--entries', 'x'], /either from --entries or with --from-logging/],
	[['--from-logging', '--project', 'p', '--since', '1h', '--state', 'x'], /--state needs rows that stay/],
	[['--from-logging', '--project', 'p', '--since', '1h', '--requests-per-minute', '0'], /whole number, at least 1/],
	[['--entries', 'x', '--filter', 'y'], /'--filter' goes with --from-logging only/],
	[['--entries', 'x', '--requests-per-minute', '5'], /'--requests-per-minute' goes with --from-logging only/],
	[['--entries', 'x', '--dataset', 'p.d', '--db', 'y'], /either into --db or into --dataset/],
	[['--entries', 'x', '--dataset', 'p.d', '--format', 'json'], /'--format' goes with a local database only/],
	[['--entries', 'x', '--dataset', 'p.d', '--fail-on', 'any'], /'--fail-on' goes with a local database only/],
];

describe('options that do not go together', (it) => {
	for (const [argv, hint] of WRONG) {
		it(`are refused: ${argv.join(' ')}`, async () => {
			const { code, stdout, stderr } = await run(['replay', ...argv]);
			equal([code, stdout], [2, '']);
			match(stderr, hint);
			ok(!existsSync('x'));
		});
	}
});

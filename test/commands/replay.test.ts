import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import { readSchemas } from '../../functions/adapters/schemas.ts';
import { formatTimeName } from '../../functions/policy/time.ts';
import { encodeSnapshot } from '../../functions/snapshot/canonical.ts';
import { readSnapshots } from '../../functions/snapshot/files.ts';
import { describe } from '../describe.ts';
import { departures } from '../ingest/contract.ts';
import { entryWith } from '../ingest/sample.ts';
import { type Ran, run, seed } from './run.ts';

type Fields = Record<string, unknown>;

const folder = mkdtempSync(join(tmpdir(), 'replay-test-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, content: string | Buffer): string => {
	writeFileSync(join(folder, name), content);
	return join(folder, name);
};
const entries: Fields[] = JSON.parse(readFileSync(seed('entries.json'), 'utf8'));
const json = (value: unknown): string => JSON.stringify(value);
const ndjson = (values: readonly unknown[]): string => values.map((value) => `${json(value)}\n`).join('');
const base64 = (value: unknown): string => Buffer.from(json(value)).toString('base64');
const rowsOf = ({ stdout }: Ran): Fields[] =>
	stdout
		.split('\n')
		.filter((line) => line !== '')
		.map((line) => JSON.parse(line));
const findings = (ran: Ran): unknown[] => rowsOf(ran).map(({ finding }) => finding);
const replay = (paths: readonly string[], ...options: readonly string[]) =>
	run(['replay', '--entries', ...paths, '--snapshots', seed('snapshots'), ...options]);
const asJson = (path: string, ...options: readonly string[]) => replay([path], '--format', 'json', ...options);

/** The row without what may differ between two runs. */
const timeless = (rows: readonly Fields[]): Fields[] => rows.map((row) => ({ ...row, judged_at: '' }));

const SEED_FINDINGS = ['confirmed', 'void-rule', 'explained'];

describe('replay of the example', (it) => {
	it('finds the outage among the denials', async () => {
		const { code, stdout, stderr } = await replay([seed('entries.json')]);
		assert.equal([code, stderr], [0, '']);
		assert.match(stdout, /! void-rule/);
		assert.match(stdout, /3 entries: 1 void-rule, 1 explained|3 entries: 1 explained, 1 void-rule/);
		assert.match(stdout, /1 flagged/);
		assert.match(stdout, /Broken by the move: default\/pod1 to default\/pod3 on TCP 80/);
	});

	it('prints nothing but rows as JSON, every column in the order of the schema', async () => {
		const ran = await asJson(seed('entries.json'));
		const rows = rowsOf(ran);
		const { tables } = await readSchemas();
		assert.equal(
			rows.flatMap((row) => departures(tables.get('verdicts_v1') ?? [], row)),
			[],
		);
		assert.equal(findings(ran), SEED_FINDINGS);
		assert.equal(
			rows.map(({ flagged }) => flagged),
			[false, true, false],
		);
		assert.equal(
			[rows[0]?.['constructs'], rows[1]?.['constructs'], rows[2]?.['constructs']],
			[['policy-types-overreach'], ['ipblock-pod'], []],
		);
		assert.equal(
			rows.map(({ entry }) => entry),
			entries,
		);
		assert.match(ran.stderr, /3 entries: /);
	});

	it('gives the same rows by a folder of manifests and by the canonical snapshot made of it', async () => {
		const { snapshots } = await readSnapshots([seed('snapshots')]);
		for (const snapshot of snapshots) file(`${formatTimeName(snapshot.validFrom ?? '')}.json.gz`, encodeSnapshot(snapshot));
		const canonical = snapshots.map(({ validFrom = '' }) => join(folder, `${formatTimeName(validFrom)}.json.gz`));
		const ran = await run(['replay', '--entries', seed('entries.json'), '--snapshots', ...canonical, '--format', 'json']);
		assert.equal(timeless(rowsOf(ran)), timeless(rowsOf(await asJson(seed('entries.json')))));
		assert.equal(findings(ran), SEED_FINDINGS);
	});

	it('gives the same rows however the entries come', async () => {
		const expected = timeless(rowsOf(await asJson(seed('entries.json'))));
		const messages = entries.map((entry, index) => ({ message: { data: base64(entry), messageId: String(index) } }));
		const forms = {
			'lines.ndjson': ndjson(entries),
			'reversed.ndjson': ndjson(entries.toReversed()),
			'twice.json': json([...entries, ...entries]),
			'formatted.txt': entries.map((entry) => JSON.stringify(entry, null, 2)).join('\n'),
			'pulled.json': json(messages),
			'pushed.ndjson': ndjson(messages.map(({ message }) => ({ message, subscription: 's' }))),
			'entries.json.gz': gzipSync(json(entries)),
		};
		for (const [name, content] of Object.entries(forms)) {
			const ran = await asJson(file(name, content));
			assert.equal(timeless(rowsOf(ran)), expected, name);
			assert.is(ran.code, 0, ran.stderr);
		}
		const ran = await run(['replay', '--entries', '-', '--snapshots', seed('snapshots'), '--format', 'json'], { stdin: json(entries) });
		assert.equal(timeless(rowsOf(ran)), expected);
	});

	it('counts nothing twice in a database that has it already', async () => {
		const db = join(folder, 'again.duckdb');
		const first = await asJson(seed('entries.json'), '--db', db);
		const second = await asJson(file('more.ndjson', ndjson([...entries, ...entries])), '--db', db);
		assert.equal(timeless(rowsOf(second)), timeless(rowsOf(first)));
		const warehouse = await openDuckdb(db);
		try {
			const [views] = await warehouse.query('SELECT COUNT(*) AS n FROM `${dataset}.verdicts`');
			const [tables] = await warehouse.query('SELECT COUNT(*) AS n FROM `${dataset}.verdicts_v1`');
			assert.equal([views?.['n'], tables?.['n']], [3, 9]);
		} finally {
			await warehouse.close();
		}
	});

	it('prints the entries of this run only, though the database has others', async () => {
		const db = join(folder, 'others.duckdb');
		await asJson(seed('entries.json'), '--db', db);
		assert.equal(findings(await asJson(file('one.json', json(entries[1])), '--db', db)), ['void-rule']);
	});
});

describe('replay', (it) => {
	it('is done, and says so by its exit code, where something is flagged', async () => {
		const codes = [];
		for (const level of ['certain', 'likely', 'any']) codes.push((await replay([seed('entries.json')], '--fail-on', level)).code);
		assert.equal(codes, [1, 1, 1]);
		const healthy = file('healthy.json', json(entries[2]));
		assert.is((await replay([healthy], '--fail-on', 'any')).code, 0);
	});

	it('puts a flagged finding before refused input', async () => {
		const path = file('both.ndjson', `${ndjson(entries)}oops\n`);
		assert.is((await replay([path], '--fail-on', 'any')).code, 1);
		assert.is((await replay([path])).code, 3);
	});

	it('goes on after a bad line, and lists it with its place', async () => {
		const path = file('bad.ndjson', `${json(entries[0])}\noops\n${ndjson(entries.slice(1))}`);
		const { code, stdout } = await replay([path]);
		assert.is(code, 3);
		assert.match(stdout, /3 entries: /);
		assert.ok(stdout.includes(`not-json: ${path}:2: `), stdout);
	});

	it('names every reason', async () => {
		const path = file(
			'reasons.ndjson',
			ndjson([
				entryWith({ entry: { logName: 'projects/p/logs/stdout' } }),
				entryWith({ payload: { connection: undefined } }),
				entryWith({ connection: { direction: 'up' } }),
				entryWith({ connection: { src_ip: 'nowhere' } }),
				'a text',
			]),
		);
		const { code, stdout, stderr } = await asJson(path);
		assert.equal([code, stdout], [3, '']);
		for (const reason of ['other-log', 'no-connection', 'bad-direction', 'bad-address', 'not-an-entry'])
			assert.match(stderr, `${reason}: `);
	});

	it('lists a message that is delivered twice once', async () => {
		const { stdout } = await replay([file('twice.ndjson', 'oops\noops\n')]);
		assert.is(stdout.split('not-json').length, 2, stdout);
	});

	it('says that a file is empty; alone it is nothing to do', async () => {
		const empty = file('empty.json', '');
		const alone = await replay([empty]);
		assert.is(alone.code, 2);
		assert.match(alone.stderr, /empty\.json: is empty/);
		const beside = await replay([empty, seed('entries.json')]);
		assert.is(beside.code, 3);
		assert.match(beside.stdout, /empty\.json: is empty/);
	});

	it('has done something where all it read was refused', async () => {
		assert.is((await replay([file('refused.json', 'oops')])).code, 3);
	});

	it('is content with an array of nothing', async () => {
		const { code, stdout } = await replay([file('none.json', '[]\n')]);
		assert.is(code, 0);
		assert.match(stdout, /0 entries.*none\.json: an empty array/s);
	});

	it('does nothing without input that it can read', async () => {
		const { code, stdout, stderr } = await replay([join(folder, 'missing.json'), folder]);
		assert.equal([code, stdout], [2, '']);
		assert.match(stderr, /missing\.json: there is no such file\n.*: is a folder.*nothing was done/s);
	});

	it('reads the files that there are', async () => {
		const { code, stdout } = await replay([join(folder, 'missing.json'), seed('entries.json')]);
		assert.is(code, 3);
		assert.match(stdout, /3 entries: .*missing\.json: there is no such file/s);
	});

	it('does nothing where no snapshot can be read', async () => {
		const { code, stderr } = await run(['replay', '--entries', seed('entries.json'), '--snapshots', join(folder, 'nowhere')]);
		assert.is(code, 2);
		assert.match(stderr, /nowhere.*no snapshot could be read/s);
	});

	it('decides nothing without snapshots, and says how', async () => {
		const { code, stdout } = await run(['replay', '--entries', seed('entries.json')]);
		assert.is(code, 0);
		assert.match(stdout, /3 undecidable.*--snapshots PATH/s);
	});

	it('does nothing where the database or the output cannot be opened', async () => {
		const noDatabase = await replay([seed('entries.json')], '--db', file('no.duckdb', 'this is no database'));
		assert.is(noDatabase.code, 2);
		assert.match(noDatabase.stderr, /the database cannot be opened: /);
		const noOutput = await replay([seed('entries.json')], '--out', join(folder, 'nowhere', 'out.txt'));
		assert.is(noOutput.code, 2);
		assert.match(noOutput.stderr, /--out cannot be written: /);
	});

	it('takes no other file for a database, and leaves it as it was', async () => {
		for (const [name, text] of [
			['db.json', '[{"a":1}]\n'],
			['db.csv', 'a,b\n1,2\n'],
			['db.txt', 'x'],
		] as const) {
			const path = file(name, text);
			const { code, stderr } = await replay([seed('entries.json')], '--db', path);
			assert.is(code, 2, name);
			assert.match(stderr, /is not a DuckDB database/);
			assert.is(readFileSync(path, 'utf8'), text);
		}
	});

	it('makes a database of any name', async () => {
		const db = join(folder, 'new.json');
		for (let index = 0; index < 2; index++) assert.is((await replay([seed('entries.json')], '--db', db)).code, 0);
		const warehouse = await openDuckdb(db);
		const rows = await warehouse.query('SELECT entry_id FROM `${dataset}.verdicts`');
		await warehouse.close();
		assert.is(rows.length, 3);
	});

	it('writes over nothing that it reads', async () => {
		const input = file('input.json', readFileSync(seed('entries.json')));
		const linked = join(folder, 'linked.json');
		symlinkSync(input, linked);
		const snapshot = join(folder, 'objects');
		mkdirSync(snapshot);
		const policy = file('objects/policy.json', '{}');
		const db = join(folder, 'both.duckdb');
		for (const [message, options] of [
			['--out .*input.json is one of the inputs', ['--out', input]],
			['--out .*linked.json is one of the inputs', ['--out', linked]],
			['--out .*policy.json is one of the inputs', ['--out', policy]],
			['--db .*input.json is one of the inputs', ['--db', input]],
			['--out .*both.duckdb is the database', ['--db', db, '--out', db]],
		] as const) {
			const argv = ['replay', '--entries', input, '--snapshots', snapshot, ...options];
			const { code, stdout, stderr } = await run(argv);
			assert.equal([code, stdout], [2, ''], message);
			assert.match(stderr, new RegExp(message));
			assert.equal([readFileSync(input), readFileSync(policy, 'utf8')], [readFileSync(seed('entries.json')), '{}']);
		}
	});

	it('leaves what a file had where nothing was done or it was interrupted', async () => {
		const out = file('previous.json', 'what was there');
		const broken = ['replay', '--entries', join(folder, 'missing.json'), '--out', out];
		assert.is((await run(broken)).code, 2);
		const empty = ['replay', '--entries', file('nothing.json', ''), '--out', out];
		const nothing = await run(empty);
		assert.is(nothing.code, 2);
		assert.match(nothing.stderr, /nothing\.json: is empty/);
		const argv = ['replay', '--entries', seed('entries.json'), '--out', out];
		assert.is((await run(argv, { signal: AbortSignal.abort() })).code, 130);
		assert.is(readFileSync(out, 'utf8'), 'what was there');
		assert.is((await run(argv)).code, 0);
		assert.match(readFileSync(out, 'utf8'), /3 entries: /);
		assert.equal(
			readdirSync(folder).filter((name) => name.includes('previous')),
			['previous.json'],
		);
	});

	it('prints to a device, or where a link leads', async () => {
		assert.is((await asJson(seed('entries.json'), '--out', '/dev/null')).code, 0);
		const target = file('target.json', '');
		const link = join(folder, 'link.json');
		symlinkSync(target, link);
		assert.is((await asJson(seed('entries.json'), '--out', link)).code, 0);
		assert.is(readFileSync(target, 'utf8').split('\n').length, 4);
		const { code, stderr } = await asJson(seed('entries.json'), '--out', folder);
		assert.is(code, 2);
		assert.match(stderr, /--out cannot be written: .* is a folder/);
	});

	it('notes which kinds the snapshots hold none of', async () => {
		const policies = file('policies.yaml', 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {}\n');
		const { code, stdout } = await run(['replay', '--entries', seed('entries.json'), '--snapshots', policies]);
		assert.is(code, 0);
		for (const kind of ['Namespace', 'Node', 'Pod']) assert.is(stdout.split(`no ${kind} objects in the snapshot: `).length, 2, stdout);
		const all = await replay([seed('entries.json')]);
		assert.not.match(all.stdout, /objects in/);
		const some = await run(['replay', '--entries', seed('entries.json'), '--snapshots', seed('snapshots'), policies]);
		assert.match(some.stdout, /no Pod objects in snapshot any-[0-9a-f]{12}: /);
	});

	it('prints to a file', async () => {
		const out = join(folder, 'out.ndjson');
		const { code, stdout } = await asJson(seed('entries.json'), '--out', out);
		assert.equal([code, stdout], [0, '']);
		assert.is(readFileSync(out, 'utf8').split('\n').length, 4);
	});

	it('judges by the candidates that it is given', async () => {
		const ran = await asJson(seed('entries.json'), '--candidates', 'cilium-1.16');
		assert.match(String(rowsOf(ran)[0]?.['engine_version']), /\+cilium-1\.16$/);
	});

	it('prints CSV without formulas', async () => {
		const name = '=cmd|calc';
		const entry = entryWith({ payload: { dest: { pod_name: name, pod_namespace: '@shop' } } });
		const { stdout, code } = await replay([file('formula.json', json(entry))], '--format', 'csv');
		assert.is(code, 0);
		const { tables } = await readSchemas();
		assert.is(stdout.split('\n')[0], (tables.get('verdicts_v1') ?? []).map((column) => column.name).join(','));
		assert.is(stdout.split('\n').length, 3);
		assert.ok(stdout.includes(`,'@shop,'=cmd|calc,`), stdout);
		assert.not.ok(stdout.includes(',=cmd'), stdout);
	});

	it('lets no control character through, in any format', async () => {
		const evil = 'a\u001b]0;x\u0007\u009b2J\u202eb';
		const entry = entryWith({ payload: { dest: { pod_name: evil, pod_namespace: 'shop' } }, connection: { src_ip: '203.0.113.7' } });
		const path = file('evil.ndjson', `${json(entry)}\n${JSON.stringify(evil)}\n\u001b[2J oops\n`);
		for (const format of ['text', 'json', 'csv']) {
			const { stdout, stderr } = await replay([path], '--format', format);
			assert.not.match((stdout + stderr).replaceAll('\n', ''), /[\p{Cc}\u202e]/u, format);
		}
	});

	it('removes its temporary database', async () => {
		const { stdout } = await replay([seed('entries.json')]);
		assert.match(stdout, /Database: temporary/);
	});

	it('stops when interrupted, and leaves the database whole', async () => {
		const db = join(folder, 'interrupted.duckdb');
		const { code, stderr } = await run(['replay', '--entries', seed('entries.json'), '--db', db], { signal: AbortSignal.abort() });
		assert.is(code, 130);
		assert.match(stderr, /interrupted: 0 entries delivered, 0 acknowledged; their rows are in /);
		await (await openDuckdb(db)).close();
	});
});

const WRONG: readonly [what: string, argv: readonly string[], hint: RegExp][] = [
	['no command', [], /Usage: policy-audit/],
	['an unknown command', ['reply'], /Did you mean replay\?/],
	['an unknown flag', ['replay', '--entrys', 'x'], /Did you mean --entries\?/],
	['no entries', ['replay'], /--entries <file\.\.\.>' is missing/],
	['a flag without its value', ['replay', '--entries'], /argument missing/],
	['an unknown format', ['replay', '--entries', 'x', '--format', 'xml'], /Allowed choices are text, json, csv/],
	['an unknown level', ['replay', '--entries', 'x', '--fail-on', 'all'], /Allowed choices are certain, likely, any/],
	['an unknown candidate', ['replay', '--entries', 'x', '--candidates', 'cilium-2'], /"cilium-2" is no candidate/],
	['an argument too many', ['start', 'x'], /too many arguments/],
	['snapshots alone', ['start', '--snapshots', 'x'], /--entries <file\.\.\.>' is missing/],
];

describe('wrong usage', (it) => {
	for (const [what, argv, hint] of WRONG) {
		it(`does nothing and gives a hint: ${what}`, async () => {
			const { code, stdout, stderr } = await run(argv);
			assert.equal([code, stdout], [2, '']);
			assert.match(stderr, hint);
		});
	}

	it('is not asking for help', async () => {
		for (const argv of [['--help'], ['replay', '--help'], ['help', 'start'], ['--version']]) {
			const { code, stdout, stderr } = await run(argv);
			assert.equal([code, stderr], [0, ''], argv.join(' '));
			assert.ok(stdout.length > 4);
		}
	});
});

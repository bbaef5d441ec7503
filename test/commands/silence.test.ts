import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { equal, is, match, not } from 'uvu/assert';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import { readSchemas } from '../../functions/adapters/schemas.ts';
import { createSilences, type KeptSilence, type Silences } from '../../functions/adapters/silences.ts';
import { silence } from '../../functions/commands/silence.ts';
import { parseCluster, type SilenceOptions } from '../../functions/commands/silence-options.ts';
import { describe } from '../describe.ts';
import { createEmulator } from '../sql/emulator.ts';
import { type Ran, run } from './run.ts';

process.env['METADATA_SERVER_DETECTION'] = 'none';
const host = process.env['BIGQUERY_EMULATOR_HOST'];

const NOW = '2026-03-02T10:00:00.000Z';
const DAY_MS = 86_400_000;
const DATASET = { projectId: 'p', datasetId: 'd' };
const FINGERPRINT = 'p/l/c|void-rule|ipblock-pod|ingress|shop/Deployment/api|10.0.0.0/8|8080|TCP|shop/web|abc';

interface Given {
	readonly signal?: AbortSignal;
	readonly user?: string | undefined;
	readonly at?: string;
}

type Asked = Omit<SilenceOptions, 'dataset'>;

async function silenced(silences: Silences, options: Asked, given: Given = {}): Promise<Ran> {
	const { signal = new AbortController().signal, at = NOW } = given;
	const user = 'user' in given ? given.user : 'ada';
	const [stdout, stderr] = [new PassThrough(), new PassThrough()];
	const outputs = Promise.all([text(stdout), text(stderr)]);
	const surroundings = { stdin: Readable.from([]), stdout, stderr, signal, now: () => new Date(at) };
	const code = await silence({ silences, user, options: { dataset: DATASET, ...options } }, surroundings);
	stdout.end();
	stderr.end();
	const [out, err] = await outputs;
	return { code, stdout: out, stderr: err };
}

/** As the table would have them, in memory. */
function keep(): Silences {
	const kept = new Map<string, KeptSilence>();
	const endOf = ({ endedAt, endsAt }: KeptSilence): number => Date.parse(endedAt ?? endsAt);
	return {
		add: async (added) => void kept.set(added.id, added),
		list: async (at, { all = false } = {}) => [...kept.values()].filter((each) => all || endOf(each) > Date.parse(at)),
		async end(id, at) {
			const found = kept.get(id);
			if (found && endOf(found) > Date.parse(at)) kept.set(id, { ...found, endedAt: at });
			return kept.get(id);
		},
	};
}

const ADDED: Asked = { construct: 'ipblock-pod', namespace: 'shop', for: 7 * DAY_MS, reason: 'is being mended' };
const idIn = ({ stdout }: Ran): string => /--end (\w+)/.exec(stdout)?.[1] ?? '';

describe('silence', (it) => {
	it('adds a silence, says what it is about and how to end it, and ends it', async () => {
		const duckdb = await openDuckdb();
		try {
			const silences = createSilences(duckdb);
			const added = await silenced(silences, ADDED);
			const id = idIn(added);
			match(id, /^[0-9a-f]{10}$/);
			equal(added, {
				code: 0,
				stdout: `silenced: construct ipblock-pod and namespace shop, until 2026-03-09T10:00:00.000Z, by ada\nto end it before: policy-audit silence --dataset p.d --end ${id}\n`,
				stderr: '',
			});
			const [kept] = await silences.list(NOW);
			equal([kept?.comment, kept?.createdBy, kept?.subjectNamespace, kept?.construct], ['is being mended', 'ada', 'shop', 'ipblock-pod']);

			const at = '2026-03-03T00:00:00.250Z';
			const ended = await silenced(silences, { end: id }, { at });
			equal(ended, { code: 0, stdout: `silence ${id} (construct ipblock-pod and namespace shop) ended\n`, stderr: '' });
			equal(await silences.list(at), []);
			const again = await silenced(silences, { end: id }, { at: '2026-03-04T00:00:00Z' });
			equal([again.code, again.stdout.includes('was over already at 2026-03-03T00:00:00.25')], [0, true]);
		} finally {
			await duckdb.close();
		}
	});

	it('keeps all that is given', async () => {
		const silences = keep();
		const policy = { namespace: 'shop', name: 'web' };
		const given = {
			fingerprint: FINGERPRINT,
			workload: 'api',
			policy,
			cluster: { project: 'p', location: 'l', name: 'c' },
			by: 'Grace',
			from: '2026-03-10T00:00:00Z',
		};
		const { code, stdout } = await silenced(silences, { ...ADDED, ...given });
		is(code, 0);
		match(
			stdout,
			'and policy shop/web and cluster projects/p/locations/l/clusters/c, from 2026-03-10T00:00:00Z until 2026-03-17T00:00:00.000Z, by Grace',
		);
		const [kept] = await silences.list(NOW);
		equal(
			[kept?.fingerprint, kept?.subjectWorkload, kept?.policyNamespace, kept?.policyName, kept?.createdBy],
			[FINGERPRINT, 'api', 'shop', 'web', 'Grace'],
		);
		equal([kept?.projectId, kept?.location, kept?.clusterName], ['p', 'l', 'c']);
	});

	it('names a cluster in full, or as much of it as it is given', async () => {
		for (const [text, fields, said] of [
			['projects/p-1/locations/l/clusters/c', ['p-1', 'l', 'c']],
			['projects/example.com:p/zones/l-b/clusters/c', ['example.com:p', 'l-b', 'c'], 'projects/example.com:p/locations/l-b/clusters/c'],
			['locations/l/clusters/c', [null, 'l', 'c']],
			['c', [null, null, 'c']],
		] as const) {
			const silences = keep();
			const { stdout } = await silenced(silences, { ...ADDED, cluster: parseCluster(text) });
			match(stdout, `and cluster ${said ?? text}, until`);
			const [kept] = await silences.list(NOW);
			equal([kept?.projectId, kept?.location, kept?.clusterName], fields, text);
			const table = await silenced(silences, { list: true });
			match(table.stdout.replaceAll(/[│\s]+/g, ''), `cluster${said ?? text}`);
			const { projectId, location, clusterName } = JSON.parse((await silenced(silences, { list: true, format: 'json' })).stdout);
			equal([projectId, location, clusterName], fields, text);
		}
	});

	it('lists those that hold or will, and with --all those that are over', async () => {
		const silences = keep();
		is((await silenced(silences, { list: true })).stdout, 'no silences\n');
		is((await silenced(silences, { list: true, format: 'json' })).stdout, '');
		const active = idIn(await silenced(silences, { ...ADDED, reason: 'line\u0007bell\u001b[31m' }));
		const pending = idIn(await silenced(silences, { ...ADDED, from: '2026-03-20T00:00:00Z' }));
		const ended = idIn(await silenced(silences, ADDED));
		await silenced(silences, { end: ended }, { at: '2026-03-02T11:00:00Z' });
		const over = idIn(await silenced(silences, { ...ADDED, for: 60_000 }));
		const at = '2026-03-02T12:00:00Z';

		const { code, stdout } = await silenced(silences, { list: true }, { at });
		is(code, 0);
		for (const word of [active, pending, '2026-03-09 10:00', 'ipblock-pod', 'namespace shop', 'ada', 'line\\u{7}bell\\u{1b}[31m'])
			is(stdout.replaceAll(/[│\s]+/g, ' ').includes(word), true, `${word} in ${stdout}`);
		for (const word of [ended, over, '\u0007', '\u001b']) not(stdout.includes(word), word);

		const all = await silenced(silences, { list: true, all: true, format: 'json' }, { at });
		const lines = all.stdout.trim().split('\n');
		equal(
			lines.map((line) => JSON.parse(line)).map(({ id, state }) => [id, state]),
			[
				[active, 'active'],
				[pending, 'pending'],
				[ended, 'ended'],
				[over, 'over'],
			],
		);
		const table = await silenced(silences, { list: true, all: true }, { at });
		match(table.stdout, '(over)');
		match(table.stdout, '(ended)');
	});

	it('adds none for no time, for too long, for a time that is over, or by nobody', async () => {
		const silences = keep();
		const { for: _, ...open } = ADDED;
		for (const [options, words, given] of [
			[{ ...open, until: '2026-03-02T09:00:00Z' }, 'is not after --from 2026-03-02T10:00:00.000Z'],
			[{ ...open, until: NOW }, 'is not after --from'],
			[{ ...open, from: '2026-02-01T00:00:00Z', until: '2026-03-01T00:00:00Z' }, 'it would be over already at 2026-03-01T00:00:00Z'],
			[{ ...open, until: '2026-05-31T10:00:01Z' }, 'at most 90 days'],
			[ADDED, 'This machine does not tell: --by NAME', { user: undefined }],
		] as const) {
			const { code, stdout, stderr } = await silenced(silences, options, given);
			equal([code, stdout], [2, '']);
			match(stderr, words);
		}
		equal(await silences.list(NOW, { all: true }), []);
		is((await silenced(silences, { ...open, until: '2026-05-31T10:00:00Z' })).code, 0);
	});

	it('knows no silence that is not there', async () => {
		const silences = keep();
		const { code, stderr } = await silenced(silences, { end: 'a1' });
		equal([code, stderr], [2, 'policy-audit: there is no silence a1: policy-audit silence --dataset p.d --list tells which there are\n']);
	});

	it('says what it does not know where BigQuery does not answer, or Ctrl-C ends it', async () => {
		const error = new Error('BigQuery: no such table \u001b[31m');
		const fail = () => Promise.reject(error);
		const failing: Silences = { add: fail, list: fail, end: fail };
		const unsure = 'whether it was done is not known: policy-audit silence --dataset p.d --list';
		const added = await silenced(failing, ADDED);
		equal([added.code, added.stderr], [2, `policy-audit: BigQuery: no such table \\u{1b}[31m; ${unsure} tells\n`]);
		equal((await silenced(failing, { end: 'a1' })).stderr.trimEnd().endsWith(`${unsure} --all tells`), true);
		equal((await silenced(failing, { list: true })).stderr, 'policy-audit: BigQuery: no such table \\u{1b}[31m\n');

		const controller = new AbortController();
		const hang = (): Promise<never> => {
			queueMicrotask(() => controller.abort());
			return new Promise(() => {});
		};
		const hanging: Silences = { add: hang, list: hang, end: hang };
		const interrupted = await silenced(hanging, ADDED, { signal: controller.signal });
		equal(interrupted, { code: 130, stdout: '', stderr: `policy-audit: interrupted; ${unsure} tells\n` });
		const before = await silenced(hanging, ADDED, { signal: AbortSignal.abort() });
		equal(before, { code: 130, stdout: '', stderr: 'policy-audit: interrupted\n' });
	});

	it('refuses what is no name, no time and no combination, with nothing done', async () => {
		const some = ['--namespace', 'shop', '--for', '7d', '--reason', 'why'];
		for (const [argv, words] of [
			[[], 'what should be silenced? One at least of --fingerprint, --construct, --namespace, --workload, --policy, --cluster'],
			[['--for', '7d', '--reason', 'why'], 'what should be silenced?'],
			[['--namespace', 'shop', '--reason', 'why'], 'until when? --for 7d, or --until TIME'],
			[['--namespace', 'shop', '--for', '7d'], "option '--reason <text>' is missing"],
			[[...some, '--reason', ' \n'], 'it must not be empty'],
			[[...some, '--reason', 'x'.repeat(501)], 'it must be at most 500 characters'],
			[[...some, '--construct', 'ip-block-pod'], 'there is no such construct; the nearest are ipblock-pod, '],
			[[...some, '--construct', 'toString'], 'there is no such construct'],
			[[...some, '--construct', ''], 'there is no such construct'],
			[[...some, '--namespace', 'Shop'], 'must consist of lower case letters'],
			[[...some, '--namespace', "a' OR 'a"], 'must consist of lower case letters'],
			[[...some, '--workload', '*'], 'must consist of lower case letters'],
			[[...some, '--policy', 'web'], 'it must be NAMESPACE/NAME'],
			[[...some, '--policy', 'shop/web/x'], 'it must be NAMESPACE/NAME'],
			[[...some, '--policy', 'Shop/web'], 'its namespace must consist'],
			[[...some, '--policy', 'shop/We b'], 'its name must consist'],
			[[...some, '--cluster', 'p/l/c'], 'it must be projects/PROJECT/locations/LOCATION/clusters/NAME, or the name alone'],
			[[...some, '--cluster', 'projects/p/clusters/c'], 'it must be projects/PROJECT'],
			[[...some, '--cluster', "projects/p'/locations/l/clusters/c"], 'it must be projects/PROJECT'],
			[[...some, '--cluster', 'projects/p/locations/l/clusters/C'], 'must consist of lower case letters'],
			[[...some, '--cluster', 'locations/l_/clusters/c'], 'must consist of lower case letters'],
			[[...some, '--cluster', 'Prod'], 'must consist of lower case letters'],
			[[...some, '--cluster', ''], 'must consist of lower case letters'],
			[[...some, '--fingerprint', 'void-rule'], 'it is no fingerprint'],
			[[...some, '--fingerprint', `${FINGERPRINT}${'x'.repeat(4000)}`], 'it is no fingerprint'],
			[[...some, '--for', '7'], 'it must be minutes, hours, days or weeks'],
			[[...some, '--for', '0d'], 'it must be minutes, hours, days or weeks'],
			[[...some, '--for', '-7d'], 'it must be minutes, hours, days or weeks'],
			[[...some, '--for', '91d'], 'at most 90 days'],
			[[...some, '--until', '2026-03-09T00:00:00Z'], 'cannot be used with'],
			[[...some, '--from', 'tomorrow'], 'it must be an RFC 3339 time'],
			[[...some, '--by', ''], 'it must not be empty'],
			[[...some, '--format', 'json'], "'--format' goes with --list only"],
			[[...some, '--all'], "'--all' goes with --list only"],
			[[...some, '--list'], "option '--namespace' does not go with --list"],
			[['--end', 'a1', '--reason', 'why'], "option '--reason' does not go with --end"],
			[['--end', 'a1', '--list'], 'either --list or --end'],
			[['--end', "a' OR 'a"], 'it is no id of a silence'],
			[['--list', '--format', 'csv'], 'Allowed choices are text, json'],
		] as const) {
			const { code, stdout, stderr } = await run(['silence', '--dataset', 'p.d', ...argv]);
			equal([code, stdout], [2, ''], argv.join(' '));
			is(stderr.includes(words), true, `${argv.join(' ')}: ${stderr}`);
		}
		match((await run(['silence', '--list'])).stderr, '--dataset');
		match((await run(['silence', '--list', '--dataset', 'd'])).stderr, 'it must be PROJECT.DATASET');
	});

	if (host === undefined) {
		console.log('skipped: test/commands/silence.test.ts asks BigQuery where BIGQUERY_EMULATOR_HOST names a BigQuery emulator');
		return;
	}

	it('adds, lists and ends in BigQuery', async () => {
		const emulator = await createEmulator(
			{ host, project: process.env['BIGQUERY_EMULATOR_PROJECT'] ?? 'test-project' },
			await readSchemas(),
		);
		const command = (...argv: string[]) => run(['silence', '--dataset', emulator.dataset, ...argv]);
		try {
			const added = await command('--fingerprint', FINGERPRINT, '--for', '12h', '--reason', 'is being mended', '--by', 'ada');
			equal([added.code, added.stderr], [0, '']);
			const listed = await command('--list', '--format', 'json');
			const { id, state, fingerprint, comment, createdBy } = JSON.parse(listed.stdout);
			equal([id, state, fingerprint, comment, createdBy], [idIn(added), 'active', FINGERPRINT, 'is being mended', 'ada']);
			is((await command('--end', id)).stdout, `silence ${id} (fingerprint ${FINGERPRINT}) ended\n`);
			is((await command('--list')).stdout, 'no silences\n');
			match((await command('--list', '--all')).stdout, '(ended)');
			is((await command('--end', 'none')).code, 2);
		} finally {
			await emulator.remove();
		}
	});
});

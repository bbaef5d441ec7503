import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { equal, is, match, not } from 'uvu/assert';
import { snapshot } from '../../functions/commands/snapshot.ts';
import { describe } from '../describe.ts';
import { type KubeApiOptions, type RawObject, startKubeApi } from '../servers/kube-api.ts';
import { type Ran, run } from './run.ts';

const TOKEN = 'token-of-the-test';

const namespace = (name: string): RawObject => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
const policy = (name: string) => ({
	apiVersion: 'networking.k8s.io/v1',
	kind: 'NetworkPolicy',
	metadata: { name, namespace: 'shop' },
	spec: { podSelector: {}, policyTypes: ['Ingress'] },
});
const pod = {
	apiVersion: 'v1',
	kind: 'Pod',
	metadata: { name: 'web', namespace: 'shop' },
	spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i', env: [{ name: 'PASSWORD', value: 'secret-of-the-test' }] }] },
	status: { phase: 'Running', podIP: '10.0.0.1' },
};

interface Bench {
	readonly folder: string;
	readonly objects: RawObject[];
	/** The command, in the place of a user whose kubeconfig names the server. */
	run(...argv: string[]): Promise<Ran>;
	files(): Promise<string[]>;
}

async function withCluster(options: Partial<KubeApiOptions>, use: (bench: Bench) => Promise<void>): Promise<void> {
	const folder = await mkdtemp(join(tmpdir(), 'policy-audit-snapshot-'));
	const objects: RawObject[] = [namespace('shop'), policy('deny'), pod];
	const server = await startKubeApi({ objects, token: TOKEN, ...options });
	const before = process.env['KUBECONFIG'];
	process.env['KUBECONFIG'] = join(folder, 'config');
	await writeFile(
		join(folder, 'config'),
		JSON.stringify({
			apiVersion: 'v1',
			kind: 'Config',
			clusters: [{ name: 'c', cluster: { server: server.url } }],
			users: [{ name: 'u', user: { token: TOKEN } }],
			contexts: [{ name: 'test', context: { cluster: 'c', user: 'u' } }],
			'current-context': 'test',
		}),
	);
	const out = join(folder, 'snapshots');
	try {
		await use({
			folder: out,
			objects,
			run: (...argv) => run(['snapshot', '--out', out, ...argv]),
			files: async () => (await readdir(out)).sort(),
		});
	} finally {
		if (before === undefined) delete process.env['KUBECONFIG'];
		else process.env['KUBECONFIG'] = before;
		await server.close();
		await rm(folder, { recursive: true, force: true });
	}
}

describe('policy-audit snapshot', (it) => {
	it('keeps the state of the current context’s cluster under its time, and nothing that is secret', async () => {
		await withCluster({}, async ({ run, files, folder }) => {
			const { code, stdout, stderr } = await run();
			equal([code, stderr], [0, '']);
			const [name = ''] = await files();
			match(name, /^\d{4}-\d\d-\d\dT\d{6}\.?\d*Z\.json\.gz$/);
			is(stdout, `${join(folder, name)}: 1 NetworkPolicies, 1 Pods, 1 namespaces\n`);
			const text = gunzipSync(await readFile(join(folder, name))).toString();
			for (const secret of ['secret-of-the-test', 'PASSWORD', TOKEN]) not.match(text + stdout, secret);
			is((await files()).length, 1);
		});
	});

	it('writes no second file for the same state, and one for another', async () => {
		await withCluster({}, async ({ run, files, objects }) => {
			await run('--context', 'test');
			const again = await run('--context', 'test');
			match(again.stdout, /^unchanged since .*Z\.json\.gz: 1 NetworkPolicies/);
			is((await files()).length, 1);
			objects.push(policy('other'));
			match((await run()).stdout, /: 2 NetworkPolicies/);
			is((await files()).length, 2);
		});
	});

	it('takes the state to hold from an earlier time where a person says so', async () => {
		await withCluster({}, async ({ run, files, folder }) => {
			is((await run('--at', '2026-03-04T06:00:00+01:00')).code, 0);
			equal(await files(), ['2026-03-04T050000Z.json.gz']);
			const { validFrom } = JSON.parse(gunzipSync(await readFile(join(folder, '2026-03-04T050000Z.json.gz'))).toString());
			is(validFrom, '2026-03-04T05:00:00Z');
		});
	});

	it('says what it may not list, and keeps the rest', async () => {
		await withCluster({ forbidden: ['networkpolicies'] }, async ({ run, files }) => {
			const { code, stdout, stderr } = await run();
			is(code, 3);
			match(stderr, /NetworkPolicy: the API server does not list it/);
			match(stdout, /: 0 NetworkPolicies, 1 Pods/);
			is((await files()).length, 1);
		});
	});

	it('keeps nothing where what every verdict rests on cannot be listed, or nobody answers', async () => {
		await withCluster({ forbidden: ['pods'] }, async ({ run }) => {
			const { code, stdout, stderr } = await run();
			equal([code, stdout], [2, '']);
			match(stderr, /cannot list pods/);
		});
		await withCluster({ token: 'another' }, async ({ run }) => {
			const { code, stderr } = await run();
			is(code, 2);
			match(stderr, /401/);
			not.match(stderr, TOKEN);
		});
	});

	it('refuses what cannot be meant', async () => {
		await withCluster({}, async ({ run }) => {
			for (const [argv, message] of [
				[['--context', 'nope'], /no context "nope": there are test/],
				[['--cluster', 'c'], /projects\/PROJECT\/locations\/LOCATION\/clusters\/NAME/],
				[['--watch', '1'], /at least 5/],
				[['--watch', 'often'], /whole number/],
				[['--at', 'yesterday'], /RFC 3339/],
				[['--at', '2999-01-01T00:00:00Z'], /--at 2999-01-01T00:00:00Z lies ahead/],
				[['--at', '2026-03-04T05:00:00Z', '--watch', '60'], /cannot be used with/],
			] as const) {
				const { code, stderr } = await run(...argv);
				is(code, 2);
				match(stderr, message);
			}
		});
	});

	it('leaves Ctrl-C to the process where it looks once', async () => {
		const silent = { write: () => true };
		const surroundings = {
			stdin: process.stdin,
			stdout: silent,
			stderr: silent,
			get signal(): AbortSignal {
				throw new Error('asked for, and from then on Ctrl-C ends nothing');
			},
			now: () => new Date(),
		};
		const open = async () => 'no cluster';
		is(await snapshot({ open, out: 'unused' }, surroundings as unknown as Parameters<typeof snapshot>[1]), 2);
	});

	it('looks again and again until it is interrupted', async () => {
		await withCluster({}, async ({ files, folder, objects }) => {
			const controller = new AbortController();
			const out: string[] = [];
			const write = (text: string): boolean => {
				out.push(text);
				if (out.length === 3) controller.abort();
				return true;
			};
			let opened = 0;
			const open = async () => {
				opened++;
				return { api: { get: async () => ({ kind: 'absent' }) as const } };
			};
			const surroundings = { stdin: process.stdin, stdout: { write }, stderr: { write }, signal: controller.signal, now: () => new Date() };
			const code = await snapshot({ open, out: folder, watch: 0 }, surroundings as unknown as Parameters<typeof snapshot>[1]);
			equal([code, opened], [3, 3]);
			match(out[0] ?? '', /^policy-audit: .+/);
			equal(new Set(out).size, 1);
			equal([await files().catch(() => []), objects.length], [[], 3]);
		});
	});
});

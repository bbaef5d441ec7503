import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { equal, is, match, not, ok } from 'uvu/assert';
import { openContext } from '../../functions/adapters/kubeconfig.ts';
import { createKubernetesApi } from '../../functions/adapters/kubernetes.ts';
import { collectState } from '../../functions/snapshot/collect.ts';
import { describe } from '../describe.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from '../servers/certificate.ts';
import { type KubeApiOptions, startKubeApi } from '../servers/kube-api.ts';
import { pod } from '../snapshot/raw.ts';

const PODS = '/api/v1/pods';

interface Named {
	readonly server?: string;
	readonly cluster?: object;
	readonly user?: object;
	readonly current?: string;
}

/** JSON is YAML. */
const kubeconfig = (name: string, { server = 'http://127.0.0.1:1', cluster = {}, user = {}, current = name }: Named = {}): string =>
	JSON.stringify({
		apiVersion: 'v1',
		kind: 'Config',
		'current-context': current,
		clusters: [{ name: `${name}-cluster`, cluster: { server, ...cluster } }],
		users: [{ name: `${name}-user`, user }],
		contexts: [{ name, context: { cluster: `${name}-cluster`, user: `${name}-user` } }],
	});

/** A folder with these files, and their paths. */
async function withFiles(texts: readonly string[], use: (paths: readonly string[], folder: string) => Promise<void>): Promise<void> {
	const folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
	try {
		const paths = texts.map((_, index) => join(folder, `config-${index}`));
		for (const [index, path] of paths.entries()) await writeFile(path, texts[index] ?? '');
		await use(paths, folder);
	} finally {
		await rm(folder, { recursive: true });
	}
}

const open = async (text: string, name?: string) => {
	let opened: Awaited<ReturnType<typeof openContext>> = '';
	await withFiles([text], async ([path]) => {
		opened = await openContext(name, { KUBECONFIG: path });
	});
	return opened as Awaited<ReturnType<typeof openContext>>;
};

/** What a server with these options answers to whoever the kubeconfig says that we are. */
async function ask(told: Partial<KubeApiOptions>, toConfig: (url: string) => string, requests = 1) {
	const server = await startKubeApi({ objects: [pod('a')], ...told });
	try {
		const opened = await open(toConfig(server.url));
		if (typeof opened === 'string') throw new Error(opened);
		const api = createKubernetesApi({ ...opened, sleep: async () => {} });
		const kinds: string[] = [];
		for (let request = 0; request < requests; request++) kinds.push((await api.get(PODS)).kind);
		return { kinds, authorizations: server.requests.map(({ headers }) => headers.authorization), headers: server.requests[0]?.headers };
	} finally {
		await server.close();
	}
}

describe('kubeconfig: in words', (it) => {
	it('there is none', async () => {
		is(
			await openContext(undefined, { KUBECONFIG: ['/nowhere/a', '/nowhere/b'].join(delimiter) }),
			'no kubeconfig: there is no /nowhere/a, nor /nowhere/b (KUBECONFIG names another file)',
		);
		match((await openContext(undefined, { HOME: '/nowhere' })) as string, /^no kubeconfig: there is no \/nowhere\/\.kube\/config /);
	});
	it('no such context, and which there are', () =>
		withFiles([kubeconfig('one'), kubeconfig('two')], async (paths) =>
			is(await openContext('three', { KUBECONFIG: paths.join(delimiter) }), 'no context "three": there are one, two'),
		));
	for (const [name, text, words] of [
		['no current context', kubeconfig('one', { current: '' }), 'the kubeconfig has no current context: name one (there are one)'],
		['nothing at all', '{}', 'the kubeconfig has no current context: name one (the kubeconfig has none)'],
		[
			'no such cluster',
			kubeconfig('one').replace('"name":"one-cluster"', '"name":"x"'),
			'context one names the cluster "one-cluster", which the kubeconfig does not have',
		],
		[
			'no such user',
			kubeconfig('one').replace('"name":"one-user"', '"name":"x"'),
			'context one names the user "one-user", which the kubeconfig does not have',
		],
		['no address', kubeconfig('one', { server: 'nonsense' }), 'context one: "nonsense" is no address of a server'],
	] as const)
		it(name, async () => is(await open(text), words));
	for (const text of ['', 'a: [', '- 1', 'user: {token: planted-token\n  x', '"'])
		it(`a file that is none, of which nothing is shown: ${JSON.stringify(text)}`, async () => {
			const words = String(await open(text));
			match(words, /kubeconfig/);
			not.match(words, /planted|\n|undefined/);
		});
	it('a plugin that is not installed, with what its author says about that', async () => {
		const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'no-such-plugin', installHint: 'Install it\n from https://x' };
		is(
			await open(kubeconfig('one', { user: { exec } })),
			'context one: no credentials: spawn no-such-plugin ENOENT (Install it from https://x)',
		);
	});
	it('a plugin that fails', async () => {
		const script = 'console.error("login again, not with Bearer planted-token"); process.exit(3)';
		const words = await open(kubeconfig('one', { user: { exec: { command: process.execPath, args: ['-e', script] } } }));
		is(words, 'context one: no credentials: login again, not with …');
	});
	it('a certificate file that is not there', async () =>
		match(
			String(await open(kubeconfig('one', { cluster: { 'certificate-authority': 'ca.crt' } }))),
			/^context one: no credentials: ENOENT/,
		));
});

describe('kubeconfig: files', (it) => {
	const opened = async (env: Record<string, string>, name?: string) => {
		const options = await openContext(name, env);
		return typeof options === 'string' ? options : options.servers;
	};
	it('the first to set a name wins, and files that are not there are passed over', () =>
		withFiles(
			[
				kubeconfig('one', { server: 'http://127.0.0.1:11' }),
				kubeconfig('one', { server: 'http://127.0.0.1:12' }),
				kubeconfig('two', { server: 'http://127.0.0.1:13' }),
			],
			async (paths) => {
				const KUBECONFIG = ['/nowhere/config', ...paths].join(delimiter);
				equal(await opened({ KUBECONFIG }), ['http://127.0.0.1:11']);
				equal(await opened({ KUBECONFIG }, 'two'), ['http://127.0.0.1:13']);
			},
		));
	it('the default one', () =>
		withFiles([], async (_, folder) => {
			await mkdir(join(folder, '.kube'));
			await writeFile(join(folder, '.kube', 'config'), kubeconfig('one'));
			equal(await opened({ HOME: folder, KUBECONFIG: '' }), ['http://127.0.0.1:1']);
		}));
});

describe('kubeconfig: credentials', (it) => {
	const base64 = (text: string): string => Buffer.from(text).toString('base64');

	it('a token', async () => {
		const { kinds } = await ask({ token: 't0ken-value' }, (server) => kubeconfig('one', { server, user: { token: 't0ken-value' } }));
		equal(kinds, ['ok']);
	});
	it('name and password', async () => {
		const { authorizations } = await ask({}, (server) => kubeconfig('one', { server, user: { username: 'u', password: 'p' } }));
		equal(authorizations, [`Basic ${base64('u:p')}`]);
	});
	it('as somebody else', async () => {
		const { headers } = await ask({}, (server) => kubeconfig('one', { server, user: { token: 't', as: 'reader' } }));
		is(headers?.['impersonate-user'], 'reader');
	});
	it('a plugin’s token while it lasts, and then another', () =>
		withFiles(['0'], async ([counter = '']) => {
			// Each run counts, and its token has ended already, or ends in 2099.
			const script = (until: string) => `const fs = require('fs'); const n = Number(fs.readFileSync(process.argv[1])) + 1;
				fs.writeFileSync(process.argv[1], String(n)); console.log(JSON.stringify({ kind: 'ExecCredential', status: { token: 'token-' + n, expirationTimestamp: '${until}' } }))`;
			const plugin = (until: string) => (server: string) =>
				kubeconfig('one', { server, user: { exec: { command: process.execPath, args: ['-e', script(until), counter] } } });
			const { authorizations } = await ask({}, plugin('2001-01-01T00:00:00Z'), 2);
			equal(authorizations, ['Bearer token-2', 'Bearer token-3']);
			const lasting = await ask({}, plugin('2099-01-01T00:00:00Z'), 2);
			equal(lasting.authorizations, ['Bearer token-4', 'Bearer token-4']);
		}));
	it('certificates, ours and the server’s', async () => {
		const tls = { cert: CERTIFICATE, key: CERTIFICATE_KEY, ca: CERTIFICATE, requestCert: true, rejectUnauthorized: true };
		const user = { 'client-certificate-data': base64(CERTIFICATE), 'client-key-data': base64(CERTIFICATE_KEY) };
		const cluster = { 'certificate-authority-data': base64(CERTIFICATE) };
		equal((await ask({ tls }, (server) => kubeconfig('one', { server, user, cluster }))).kinds, ['ok']);
		const named = { ...cluster, 'tls-server-name': 'kube-api.test' };
		const local = (server: string) => server.replace('127.0.0.1', 'localhost');
		equal((await ask({ tls }, (server) => kubeconfig('one', { server: local(server), user, cluster: named }))).kinds, ['ok']);
		const unchecked = { 'insecure-skip-tls-verify': true };
		equal((await ask({ tls }, (server) => kubeconfig('one', { server, user, cluster: unchecked }))).kinds, ['ok']);
		const refused = await ask({ tls }, (server) => kubeconfig('one', { server, user })).then(
			() => '',
			(error: Error) => error.message,
		);
		match(refused, /self-signed certificate/);
	});
	it('through a proxy', async () => {
		const targets: string[] = [];
		const proxy = createServer().on('connect', (request, client) => {
			targets.push(String(request.url));
			const [host, port] = String(request.url).split(':');
			const upstream = connect(Number(port), host, () => {
				client.write('HTTP/1.1 200 Connection established\r\n\r\n');
				upstream.pipe(client).pipe(upstream);
			});
			for (const socket of [upstream, client]) socket.on('error', () => undefined);
		});
		await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
		try {
			const cluster = {
				'certificate-authority-data': base64(CERTIFICATE),
				'proxy-url': `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
			};
			const tls = { cert: CERTIFICATE, key: CERTIFICATE_KEY };
			const { kinds } = await ask({ tls }, (server) => kubeconfig('one', { server, cluster }), 2);
			equal(kinds, ['ok', 'ok']);
			ok(targets.length > 0 && targets.every((target) => target.startsWith('127.0.0.1:')));
		} finally {
			proxy.close();
			proxy.closeAllConnections();
		}
	});
});

const real = process.env['TESTBED_KUBECONFIG'];

describe('a Kubernetes API server', (it) => {
	if (real === undefined) {
		console.log(
			'skipped: test/adapters/kubeconfig.test.ts reads a cluster where TESTBED_KUBECONFIG names a kubeconfig with a context `admin`',
		);
		return;
	}

	it('is collected, page by page as at once', async () => {
		const options = await openContext('admin', { KUBECONFIG: real });
		if (typeof options === 'string') throw new Error(options);
		const api = createKubernetesApi(options);
		const once = await collectState({ api, now: Date.now });
		ok(once.state.namespaces.some(({ name }) => name === 'kube-system'));
		ok(once.state.services.some(({ name }) => name === 'kubernetes'));
		equal((await collectState({ api, now: Date.now, pageSize: 100 })).state, once.state);
	});
	it('answers as the port says', async () => {
		const options = await openContext('admin', { KUBECONFIG: real });
		if (typeof options === 'string') throw new Error(options);
		const api = createKubernetesApi({ ...options, sleep: async () => {} });
		equal(await api.get('/apis/no.such.group/v1/things'), { kind: 'absent' });
		const bad = await api.get('/api/v1/namespaces?limit=1&continue=planted').catch((error: Error) => error.message);
		match(String(bad), /^GET \/api\/v1\/namespaces: 400 BadRequest: /);
		not.match(String(bad), 'planted');
		const stranger = createKubernetesApi({ ...options, headers: async () => new Headers({ authorization: 'Bearer planted' }) });
		const refused = await stranger.get(PODS).catch((error: Error) => error.message);
		is(refused, 'GET /api/v1/pods: 401 Unauthorized: Unauthorized');
	});
});

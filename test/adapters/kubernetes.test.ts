import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { equal, is, match, not, ok } from 'uvu/assert';
import { createKubernetesApi, type KubernetesOptions } from '../../functions/adapters/kubernetes.ts';
import { describe } from '../describe.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from '../servers/certificate.ts';
import { type KubeApiOptions, type KubeApiServer, type KubeFault, startKubeApi } from '../servers/kube-api.ts';
import { pod } from '../snapshot/raw.ts';

const TOKEN = 'planted-bearer-token';
const PODS = '/api/v1/pods';
const NOW = Date.parse('2026-03-02T10:00:00Z');

interface Bench {
	readonly server: KubeApiServer;
	readonly sleeps: readonly number[];
	readonly api: ReturnType<typeof createKubernetesApi>;
}

type Told = Partial<KubeApiOptions> & { readonly client?: Partial<KubernetesOptions> };

/** A client in front of a server of its own. `random` is 1, so that pauses are 500 and 2000 ms. */
async function withServer({ client, ...told }: Told, use: (bench: Bench) => Promise<void>): Promise<void> {
	const server = await startKubeApi({ objects: [pod('a'), pod('b')], token: TOKEN, ...told });
	const sleeps: number[] = [];
	const api = createKubernetesApi({
		servers: [server.url],
		headers: async () => new Headers({ authorization: `Bearer ${TOKEN}` }),
		sleep: async (ms) => sleeps.push(ms),
		random: () => 1,
		now: () => NOW,
		...client,
	});
	try {
		await use({ server, sleeps, api });
	} finally {
		await server.close();
	}
}

/** Faults by number of the request. */
const inTurn =
	(...faults: readonly (KubeFault | undefined)[]): NonNullable<KubeApiOptions['faults']> =>
	({ number }) =>
		faults[number];
const always = (fault: KubeFault) => (): KubeFault => fault;
const status = (code: number, more: { headers?: Record<string, string>; body?: string } = {}): KubeFault => ({
	kind: 'status',
	status: code,
	...more,
});

async function refusal(promise: Promise<unknown>): Promise<Error & { status?: number }> {
	const outcome = await promise.then(
		() => undefined,
		(error: unknown) => error,
	);
	if (!(outcome instanceof Error)) throw new Error('was not refused');
	return outcome;
}

const words = async (promise: Promise<unknown>): Promise<string> => (await refusal(promise)).message;

describe('kubernetes: answers', (it) => {
	it('the body as it was sent, over one connection', () =>
		withServer({}, async ({ api, server }) => {
			const answer = await api.get(`${PODS}?limit=1`);
			equal(answer.kind === 'ok' && (answer.document as { kind: string }).kind, 'PodList');
			await api.get(PODS);
			is(server.connections(), 1);
			equal([server.requests[0]?.headers.accept, server.requests[0]?.headers['accept-encoding']], ['application/json', 'gzip']);
		}));
	it('compressed', () =>
		withServer({ objects: Array.from({ length: 50 }, (_, index) => pod(`p${index}`)) }, async ({ api }) => {
			const answer = await api.get(PODS);
			is(answer.kind === 'ok' && (answer.document as { items: unknown[] }).items.length, 50);
		}));
	it('404, which is no JSON, and 403', () =>
		withServer({}, async ({ api, sleeps }) => {
			equal(await api.get('/apis/none/v1/things'), { kind: 'absent' });
			await withServer({ forbidden: ['pods'] }, async (other) => equal(await other.api.get(PODS), { kind: 'forbidden' }));
			equal(sleeps, []);
		}));
	it('410 with a token and without', () =>
		withServer({ faults: inTurn({ kind: 'expired', token: false }, { kind: 'expired', token: true }) }, async ({ api }) => {
			equal(await api.get(PODS), { kind: 'expired', continueWith: undefined });
			const answer = await api.get(`${PODS}?continue=e30`);
			ok(answer.kind === 'expired' && (answer.continueWith ?? '').length > 10);
		}));
	it('410 whose body is no Status', () =>
		withServer({ faults: always(status(410, { body: 'gone' })) }, async ({ api }) =>
			equal(await api.get(PODS), { kind: 'expired', continueWith: undefined }),
		));
	it('a server behind a path', async () => {
		await withServer({}, async ({ server }) => {
			const api = createKubernetesApi({ servers: [`${server.url}/k8s/clusters/c-1/`], headers: async () => new Headers() });
			await api.get(PODS).catch(() => undefined);
			is(server.requests.at(-1)?.path, `/k8s/clusters/c-1${PODS}`);
		});
	});
});

describe('kubernetes: trouble that may pass', (it) => {
	for (const fault of [
		{ kind: 'reset' },
		{ kind: 'truncate' },
		status(429),
		status(500),
		status(503),
	] as const satisfies readonly KubeFault[]) {
		const name = fault.kind === 'status' ? fault.status : fault.kind;
		it(`${name}: tried again twice`, () =>
			withServer({ faults: inTurn(fault, fault) }, async ({ api, sleeps, server }) => {
				is((await api.get(PODS)).kind, 'ok');
				equal([sleeps, server.requests.length], [[500, 2000], 3]);
			}));
		it(`${name}: and no more`, () =>
			withServer({ faults: always(fault) }, async ({ api, server }) => {
				const get = api.get(`${PODS}?limit=3`);
				if (fault.kind === 'status' && fault.status >= 500)
					equal(await get, { kind: 'unavailable', detail: `${fault.status} Told: told to answer this` });
				else match(await words(get), /^GET \/api\/v1\/pods: /);
				is(server.requests.length, 3);
			}));
	}
	for (const fault of [{ kind: 'hang' }, { kind: 'stall' }] as const)
		it(`${fault.kind}: the time-out covers the body`, () =>
			withServer({ faults: inTurn(fault), client: { timeoutMs: 300 } }, async ({ api, server }) => {
				is((await api.get(PODS)).kind, 'ok');
				ok(server.requests.length > 1);
			}));
	it('a body that is not compressed as it says leaves no connection open', async () => {
		const server = createServer((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).write('x'.repeat(9999)));
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
		const api = createKubernetesApi({ servers: [url], headers: async () => new Headers(), sleep: async () => {} });
		is(await words(api.get(PODS)), 'GET /api/v1/pods: incorrect header check');
		// Ends only when all connections have.
		await new Promise((resolve) => server.close(resolve));
	});
	it('says that there was no answer in time', () =>
		withServer({ faults: always({ kind: 'hang' }), client: { timeoutMs: 20 } }, async ({ api }) =>
			is(await words(api.get(PODS)), 'GET /api/v1/pods: no answer in time'),
		));
	it('half of a pause is random', () =>
		withServer({ faults: inTurn(status(503)), client: { random: () => 0 } }, async ({ api, sleeps }) => {
			await api.get(PODS);
			equal(sleeps, [250]);
		}));
	for (const [text, ms] of [
		['7', 7000],
		['Mon, 02 Mar 2026 10:00:04 GMT', 4000],
		['99999', 30_000],
		['0', 500],
		['Mon, 02 Mar 2026 09:00:00 GMT', 500],
		['soon', 500],
	] as const)
		it(`Retry-After: ${text}`, () =>
			withServer({ faults: inTurn(status(429, { headers: { 'retry-after': text } })) }, async ({ api, sleeps }) => {
				await api.get(PODS);
				equal(sleeps, [ms]);
			}));
	it('for longer than that it is not asked, whatever it answers', async () => {
		let nowMs = NOW;
		const sleep = async (ms: number) => {
			nowMs += ms;
		};
		await withServer({ faults: always(status(503)), client: { patienceMs: 3000, now: () => nowMs, sleep } }, async ({ api, server }) => {
			is((await api.get(PODS)).kind, 'unavailable');
			equal([nowMs - NOW, server.requests.length], [2500, 3]);
			// A pause that ends after it is not begun.
			is((await api.get(PODS)).kind, 'unavailable');
			equal([nowMs - NOW, server.requests.length], [2500, 4]);
			nowMs = NOW + 3000;
			is(await words(api.get(PODS)), 'GET /api/v1/pods: not all was read within 3 s');
			is(server.requests.length, 4);
		});
	});
	it('asks for credentials at each attempt', async () => {
		let asked = 0;
		const headers = async () => new Headers({ authorization: ++asked < 2 ? 'Bearer other' : `Bearer ${TOKEN}` });
		await withServer({ faults: inTurn(status(503)), client: { headers } }, async ({ api }) => is((await api.get(PODS)).kind, 'ok'));
	});
});

describe('kubernetes: trouble that stays', (it) => {
	for (const code of [400, 401, 405, 422, 302, 204])
		it(`${code}`, () =>
			withServer({ faults: always(status(code, { headers: { location: 'http://127.0.0.1:9/' } })) }, async ({ api, server }) => {
				const error = await refusal(api.get(PODS));
				is(error.message, code === 204 ? 'GET /api/v1/pods: 204' : `GET /api/v1/pods: ${code} Told: told to answer this`);
				equal([error.status, server.requests.length], [code, 1]);
			}));
	it('a page that is no JSON is not shown', () =>
		withServer({ faults: always(status(200, { body: '<html>secret' })) }, async ({ api }) =>
			is(await words(api.get(PODS)), 'GET /api/v1/pods: 200, but its body is no JSON'),
		));
	it('a body without end', () =>
		withServer({ client: { maxBytes: 100 } }, async ({ api, server }) => {
			equal(await api.get(PODS), { kind: 'too-large', detail: '200, with a body of more than 100 bytes' });
			is(server.requests.length, 1);
		}));
	it('the limit is of what is unpacked', () =>
		withServer({ objects: Array.from({ length: 200 }, (_, index) => pod(`p${index}`)), client: { maxBytes: 20_000 } }, async ({ api }) =>
			is((await api.get(PODS)).kind, 'too-large'),
		));
	it('no credentials', () =>
		withServer({ client: { headers: () => Promise.reject(new Error('asked with Bearer abcdef')) } }, async ({ api, server }) => {
			is(await words(api.get(PODS)), 'GET /api/v1/pods: no credentials: asked with …');
			is(server.requests.length, 0);
		}));
	it('credentials that never come', () =>
		withServer({ client: { headers: () => new Promise(() => {}), timeoutMs: 20 } }, async ({ api }) =>
			match(await words(api.get(PODS)), /^GET \/api\/v1\/pods: no credentials: /),
		));
	it('messages repeat neither credentials nor continue tokens, nor the names in those', async () => {
		const token = Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: 7, start: 'shop/planted-name\0' })).toString('base64url');
		const message = `bad ${token} of shop/planted-name by ${TOKEN} with Bearer ${TOKEN}\n${'x'.repeat(2000)}`;
		const body = JSON.stringify({ kind: 'Status', reason: 'BadRequest', message });
		await withServer({ faults: always(status(503, { body })) }, async ({ api }) => {
			const answer = JSON.stringify(await api.get(`${PODS}?limit=1&continue=${encodeURIComponent(token)}`));
			for (const secret of [token, 'planted-name', TOKEN]) not.match(answer, secret);
		});
		await withServer({ faults: always(status(400, { body })) }, async ({ api }) => {
			const error = await refusal(api.get(`${PODS}?limit=1&continue=${encodeURIComponent(token)}`));
			for (const secret of [token, 'planted-name', TOKEN, 'continue']) not.match(`${error.message} ${error.stack}`, secret);
			match(error.message, /^GET \/api\/v1\/pods: 400 BadRequest: bad … of … by … with …/);
			ok(error.message.length < 600);
		});
	});
});

describe('kubernetes: endpoints', (it) => {
	const tls = { cert: CERTIFICATE, key: CERTIFICATE_KEY };
	/** Nobody listens on it: it is reserved. */
	const DEAD = 'http://127.0.0.1:1';

	it('the first that can be reached is kept', () =>
		withServer({}, async ({ server }) => {
			const reached: string[] = [];
			const headers = async () => new Headers({ authorization: `Bearer ${TOKEN}` });
			const api = createKubernetesApi({
				servers: [DEAD, server.url, 'http://nowhere.invalid'],
				headers,
				sleep: async () => reached.push('slept'),
			});
			is((await api.get(PODS)).kind, 'ok');
			is((await api.get(PODS)).kind, 'ok');
			equal([reached, server.connections()], [[], 1]);
		}));
	it('one that answers is kept, whatever it answers', () =>
		withServer({ faults: always(status(401)) }, async (first) =>
			withServer({}, async (second) => {
				const api = createKubernetesApi({ servers: [first.server.url, second.server.url], headers: async () => new Headers() });
				match(await words(api.get(PODS)), /401/);
				is(second.server.requests.length, 0);
			}),
		));
	it('none can be reached', async () => {
		const sleeps: number[] = [];
		const api = createKubernetesApi({ servers: [DEAD], headers: async () => new Headers(), sleep: async (ms) => sleeps.push(ms) });
		match(await words(api.get(PODS)), /^GET \/api\/v1\/pods: connect ECONNREFUSED/);
		is(sleeps.length, 2);
	});
	it('a certificate that is not trusted: nothing is sent, and the next one is tried', () =>
		withServer({ tls }, async (untrusted) =>
			withServer({}, async ({ server }) => {
				const headers = async () => new Headers({ authorization: `Bearer ${TOKEN}` });
				const api = createKubernetesApi({ servers: [untrusted.server.url, server.url], headers });
				is((await api.get(PODS)).kind, 'ok');
				is(untrusted.server.requests.length, 0);
			}),
		));
	it('a certificate of the given authority, of another name, and unchecked', () =>
		withServer({ tls, client: { ca: CERTIFICATE } }, async ({ api, server }) => {
			is((await api.get(PODS)).kind, 'ok');
			is((await api.get(PODS)).kind, 'ok');
			is(server.connections(), 1);
			const headers = async () => new Headers({ authorization: `Bearer ${TOKEN}` });
			const connect = (more: Partial<KubernetesOptions>) =>
				createKubernetesApi({ servers: [server.url.replace('127.0.0.1', 'localhost')], headers, sleep: async () => {}, ...more }).get(PODS);
			match(await words(connect({ ca: CERTIFICATE })), /Hostname\/IP does not match/);
			is((await connect({ ca: CERTIFICATE, servername: 'kube-api.test' })).kind, 'ok');
			is((await connect({ insecure: true })).kind, 'ok');
		}));
	it('our own certificate', () =>
		withServer({ tls: { ...tls, ca: CERTIFICATE, requestCert: true, rejectUnauthorized: true } }, async ({ server }) => {
			const headers = async () => new Headers({ authorization: `Bearer ${TOKEN}` });
			const connect = (more: Partial<KubernetesOptions>) =>
				createKubernetesApi({ servers: [server.url], headers, ca: CERTIFICATE, sleep: async () => {}, ...more }).get(PODS);
			is((await connect({ cert: CERTIFICATE, key: CERTIFICATE_KEY })).kind, 'ok');
			ok(await refusal(connect({})));
		}));
	it('an address that is none', () => {
		for (const server of ['ftp://127.0.0.1', 'no address'])
			try {
				createKubernetesApi({ servers: [server], headers: async () => new Headers() });
				ok(false, server);
			} catch (error) {
				ok(error instanceof Error && /address|URL/.test(error.message));
			}
	});
});

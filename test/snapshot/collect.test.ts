import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { equal, is, match, not, ok } from 'uvu/assert';
import { createKubernetesApi } from '../../functions/adapters/kubernetes.ts';
import { canonicalJson, createSnapshot, encodeSnapshot } from '../../functions/snapshot/canonical.ts';
import { type CollectOptions, collectState } from '../../functions/snapshot/collect.ts';
import { KINDS } from '../../functions/snapshot/kinds.ts';
import { describe } from '../describe.ts';
import { scenarios } from '../oracle/generate.ts';
import { type KubeApiOptions, type KubeApiServer, type RawObject, resourceOf, startKubeApi } from '../servers/kube-api.ts';
import { fixture, messages, object, pod, policy, reduce } from './raw.ts';

const NOW = Date.parse('2026-03-02T10:00:00.500Z');
const PODS = '/api/v1/pods';

/** Collects from a server of its own. */
async function collect(told: KubeApiOptions, options: Partial<CollectOptions> = {}) {
	const server = await startKubeApi(told);
	try {
		const api = createKubernetesApi({ servers: [server.url], headers: async () => new Headers(), sleep: async () => {} });
		return { server, ...(await collectState({ api, now: () => NOW, ...options })) };
	} finally {
		await server.close();
	}
}

async function refusalOf(promise: Promise<unknown>): Promise<string> {
	return promise.then(
		() => '',
		(error: Error) => `${error.message} ${error.stack}`,
	);
}

interface RawList {
	readonly apiVersion: string;
	readonly kind: string;
	readonly items: readonly RawObject[];
}

const LISTS = [
	'namespaces',
	'nodes',
	'services',
	'pods',
	'networkpolicies',
	'fqdnnetworkpolicies',
	'ciliumclusterwidenetworkpolicies',
	'networkloggings',
];
const lists = LISTS.map((name) => fixture(name) as RawList);
/** What a real API server held, each object with its kind. */
const recorded = lists.flatMap(({ apiVersion, kind, items }) =>
	items.map((item) => ({ ...item, apiVersion, kind: kind.replace(/List$/, '') })),
);

const paths = (server: KubeApiServer, path: string) => server.requests.filter((request) => request.path === path);
const manyPods = (count: number, prefix = 'p') =>
	Array.from({ length: count }, (_, index) => pod(`${prefix}${String(index).padStart(3, '0')}`));

describe('collect: the state', (it) => {
	it('is that of the same objects in files, in pages of any size', async () => {
		const { state: expected, ...said } = reduce(lists);
		for (const pageSize of [1, 3, 30, 100, 500]) {
			const { state, problems, warnings, counts, server } = await collect({ objects: recorded }, { pageSize });
			is(canonicalJson(state), canonicalJson(expected));
			is(createSnapshot({ state }).id, createSnapshot({ state: expected }).id);
			equal([messages(problems), messages(warnings)], [messages(said.problems), messages(said.warnings)]);
			equal([counts['Pod'], counts['NetworkPolicy'], counts['FQDNNetworkPolicy.networking.gke.io']], [100, 56, 2]);
			is(paths(server, PODS).length, Math.ceil(100 / pageSize));
		}
	});
	it('is the same however the pages fall, of generated clusters', () =>
		fc.assert(
			fc.asyncProperty(scenarios(1), fc.integer({ min: 1, max: 9 }), async ({ objects }, pageSize) => {
				const raw = objects as readonly RawObject[];
				const { state } = await collect({ objects: raw }, { pageSize });
				is(canonicalJson(state), canonicalJson(reduce([{ apiVersion: 'v1', kind: 'List', items: raw }], { live: true }).state));
			}),
			{ numRuns: 25, seed: 20261125 },
		));
	it('is canonical: to create a snapshot of it changes nothing', async () => {
		const { state } = await collect({ objects: recorded, forbidden: ['networkloggings', 'fqdnnetworkpolicies'] });
		is(JSON.stringify(createSnapshot({ state }).state), JSON.stringify(state));
		equal(state.unreadableKinds, ['FQDNNetworkPolicy.networking.gke.io', 'NetworkLogging.networking.gke.io']);
	});
	it('has the cluster’s facts where they are given', async () => {
		const description = { name: 'c', location: 'europe-west1', networkConfig: { datapathProvider: 'ADVANCED_DATAPATH' } };
		const { state } = await collect({ objects: [] }, { description });
		equal(state.cluster, { name: 'c', location: 'europe-west1', datapathProvider: 'ADVANCED_DATAPATH' });
		is((await collect({ objects: [] })).state.cluster, undefined);
		match(await refusalOf(collect({ objects: [] }, { description: { name: 'c' } })), /cluster description/);
	});
	it('is of a time before the first list', async () => {
		const server = await startKubeApi({ objects: recorded });
		const seen: number[] = [];
		const now = (): number => {
			seen.push(server.requests.length);
			return NOW;
		};
		const api = createKubernetesApi({ servers: [server.url], headers: async () => new Headers() });
		try {
			is((await collectState({ api, now })).collectedAt, '2026-03-02T10:00:00.5Z');
			equal(seen, [0]);
		} finally {
			await server.close();
		}
	});
	it('holds what cannot be read as unreadable, and says where it is without the query', async () => {
		const broken = policy('broken', { podSelector: { matchExpressions: [{ key: 'a', operator: 'Like' }] } });
		const { state, problems } = await collect(
			{ objects: [...manyPods(3), { ...pod('strange'), spec: { nodeName: 7 } }, broken] },
			{ pageSize: 2 },
		);
		equal([state.unreadablePolicies.length, state.pods.length], [1, 3]);
		equal(
			problems.map(({ file, path }) => [file, path]),
			[
				[PODS, 'items[1].spec.nodeName'],
				['/apis/networking.k8s.io/v1/networkpolicies', 'items[0].spec.podSelector.matchExpressions[0].operator'],
			],
		);
	});
});

describe('collect: what is served', (it) => {
	const logging = (apiVersion: string) =>
		object(apiVersion, 'NetworkLogging', { metadata: { name: 'default' }, spec: { cluster: { in: apiVersion } } });
	const GKE = 'networking.gke.io';

	it('kinds that are not are absent, and never asked for', async () => {
		const { absentKinds, counts, server } = await collect({ objects: [], forbidden: [] });
		const lists = server.requests.filter(({ query }) => query.has('limit')).map(({ path }) => path);
		equal(lists, ['/api/v1/namespaces', '/api/v1/nodes', PODS, '/api/v1/services', '/apis/networking.k8s.io/v1/networkpolicies']);
		is(absentKinds.length + Object.keys(counts).length, KINDS.length);
		ok(absentKinds.includes('GlobalNetworkPolicy.crd.projectcalico.org'));
		ok(absentKinds.includes('AdminNetworkPolicy'));
	});
	it('the preferred version is taken, and another one where only that has the kind', async () => {
		const serves = { [`${GKE}/v1`]: ['Network'], [`${GKE}/v1beta1`]: ['NetworkLogging'] };
		const objects = [logging(`${GKE}/v1alpha1`), logging(`${GKE}/v1beta1`), object(`${GKE}/v1alpha1`, 'FQDNNetworkPolicy', { spec: {} })];
		for (const [preferred, version] of [
			['v1', 'v1beta1'],
			['v1alpha1', 'v1alpha1'],
		] as const) {
			const { state } = await collect({ objects, serves, preferred: { [GKE]: preferred } });
			equal(state.networkLogging, { cluster: { in: `${GKE}/${version}` } });
			is(state.otherPolicies.length, 1);
		}
	});
	it('every kind that is known is found', async () => {
		const objects = KINDS.map(({ group, kind }) => object(group === '' ? 'v1' : `${group}/v1`, kind, { spec: {} }));
		const { counts, absentKinds, server } = await collect({ objects: objects as RawObject[] });
		equal([Object.keys(counts).length, absentKinds], [KINDS.length, []]);
		for (const { kind } of KINDS) ok(server.requests.some(({ path }) => path.endsWith(`/${resourceOf(kind)}`)));
	});
	it('a kind that goes while it is read is absent', async () => {
		const faults: KubeApiOptions['faults'] = ({ path }) =>
			path.endsWith('/fqdnnetworkpolicies') ? { kind: 'status', status: 404 } : undefined;
		const { absentKinds, unreadableKinds } = await collect({ objects: recorded, faults });
		ok(absentKinds.includes('FQDNNetworkPolicy.networking.gke.io'));
		equal(unreadableKinds, []);
	});
	it('a server without NetworkPolicies or Pods is none', async () => {
		const faults: KubeApiOptions['faults'] = ({ path }) =>
			path === '/apis' ? { kind: 'status', status: 200, body: '{"groups":[]}' } : undefined;
		match(await refusalOf(collect({ objects: [], faults })), /does not serve NetworkPolicy/);
	});
	for (const [path, body, words] of [
		['/apis', '{}', /no Kubernetes API server/],
		['/apis', '[]', /no Kubernetes API server/],
		['/api/v1', '{"resources":{}}', /no list of API resources/],
		[PODS, '{}', /is no list/],
		[PODS, 'null', /is no list/],
		[PODS, '{"kind":"Status","items":[]}', /is no list/],
		[PODS, '{"kind":"PodList"}', /is no list/],
		[PODS, '{"kind":"PodList","items":{}}', /is no list/],
	] as const)
		it(`an answer that makes no sense: ${path} ${body}`, async () => {
			const faults: KubeApiOptions['faults'] = (request) => (request.path === path ? { kind: 'status', status: 200, body } : undefined);
			match(await refusalOf(collect({ objects: [], faults })), words);
		});
	it('items that are null are none', async () => {
		const body = '{"kind":"PodList","apiVersion":"v1","metadata":{},"items":null}';
		const faults: KubeApiOptions['faults'] = ({ path }) => (path === PODS ? { kind: 'status', status: 200, body } : undefined);
		is((await collect({ objects: [], faults })).counts['Pod'], 0);
	});
});

describe('collect: rights', (it) => {
	for (const resource of ['namespaces', 'nodes', 'pods', 'services'])
		it(`without that to list ${resource} there is no state`, async () =>
			match(
				await refusalOf(collect({ objects: recorded, forbidden: [resource] })),
				new RegExp(`^cannot list ${resource}, .* list on ${resource} in API group ""`),
			));
	it('kinds of policies that may not be listed are in the state', async () => {
		const forbidden = ['networkpolicies', 'fqdnnetworkpolicies', 'networkloggings'];
		const { state, unreadableKinds } = await collect({ objects: recorded, forbidden });
		equal(unreadableKinds, ['FQDNNetworkPolicy.networking.gke.io', 'NetworkLogging.networking.gke.io', 'NetworkPolicy']);
		equal([state.unreadableKinds, state.policies, state.networkLogging], [unreadableKinds, [], undefined]);
		is(state.otherPolicies.length, 1);
	});
	it('that to ask what is served', async () => {
		const faults: KubeApiOptions['faults'] = ({ path }) => (path === '/apis' ? { kind: 'status', status: 403 } : undefined);
		match(await refusalOf(collect({ objects: [], faults })), /system:discovery/);
	});
	it('taken away between two pages', async () => {
		const faults: KubeApiOptions['faults'] = ({ path, query }) =>
			path.endsWith('/networkpolicies') && query.has('continue') ? { kind: 'status', status: 403 } : undefined;
		const { state } = await collect({ objects: recorded, faults }, { pageSize: 10 });
		equal([state.unreadableKinds, state.policies.length], [['NetworkPolicy'], 0]);
	});
});

describe('collect: parts of the API that are down', (it) => {
	const unavailable =
		(wanted: string): NonNullable<KubeApiOptions['faults']> =>
		({ path }) =>
			path === wanted ? { kind: 'status', status: 503 } : undefined;
	const calico = object('projectcalico.org/v3', 'GlobalNetworkPolicy', { metadata: { name: 'g' }, spec: {} }) as RawObject;

	it('an aggregated API server: its kinds may exist, and the rest is read', async () => {
		const faults = unavailable('/apis/projectcalico.org/v3');
		const { state, unreadableKinds, absentKinds, problems } = await collect({ objects: [...recorded, calico], faults });
		equal(
			unreadableKinds,
			['GlobalNetworkPolicy', 'GlobalNetworkSet', 'NetworkPolicy', 'NetworkSet', 'Tier'].map((kind) => `${kind}.projectcalico.org`),
		);
		equal([state.unreadableKinds, state.pods.length, absentKinds.includes('Tier.projectcalico.org')], [unreadableKinds, 100, false]);
		equal(problems, [{ file: '/apis/projectcalico.org/v3', message: '503 Told: told to answer this' }]);
	});
	it('one version of a group, of which another one has the kind', async () => {
		const other = { ...calico, apiVersion: 'projectcalico.org/v4' };
		const faults = unavailable('/apis/projectcalico.org/v3');
		const { state, unreadableKinds } = await collect({ objects: [calico, other], faults });
		is(state.otherPolicies.length, 1);
		not.ok(unreadableKinds.includes('GlobalNetworkPolicy.projectcalico.org'));
	});
	it('the list of a kind of policy, such as one whose conversion fails', async () => {
		const path = '/apis/networking.gke.io/v1alpha1/fqdnnetworkpolicies';
		const { state, problems } = await collect({ objects: recorded, faults: unavailable(path) });
		equal(state.unreadableKinds, ['FQDNNetworkPolicy.networking.gke.io']);
		equal([state.policies.length, problems], [56, [{ file: path, message: '503 Told: told to answer this' }]]);
	});
	for (const path of ['/apis', '/api/v1', '/apis/networking.k8s.io/v1', '/api/v1/services', '/apis/networking.k8s.io/v1/networkpolicies'])
		it(`${path}: there is no state`, async () =>
			match(await refusalOf(collect({ objects: recorded, faults: unavailable(path) })), new RegExp(`^GET ${path}: 503`)));
});

describe('collect: objects that are large', (it) => {
	it('are read in smaller pages, of that list alone', async () => {
		const server = await startKubeApi({ objects: recorded });
		const api = createKubernetesApi({ servers: [server.url], headers: async () => new Headers(), maxBytes: 150_000 });
		try {
			const { state } = await collectState({ api, now: () => NOW });
			is(canonicalJson(state), canonicalJson(reduce(lists).state));
			const limits = (path: string) => paths(server, path).map(({ query }) => query.get('limit'));
			equal(limits(PODS).slice(0, 2), ['500', '250']);
			equal(limits('/api/v1/services'), ['500']);
		} finally {
			await server.close();
		}
	});
	it('alone are refused', async () => {
		const big = { ...pod('a'), metadata: { name: 'a', namespace: 'shop', annotations: { a: 'x'.repeat(9000) } } } as RawObject;
		const server = await startKubeApi({ objects: [big] });
		const api = createKubernetesApi({ servers: [server.url], headers: async () => new Headers(), maxBytes: 5000 });
		try {
			match(await refusalOf(collectState({ api, now: () => NOW })), /^GET \/api\/v1\/pods: .* more than 5000 bytes/);
		} finally {
			await server.close();
		}
	});
});

describe('collect: pages that expire', (it) => {
	it('go on with the token of the answer', async () => {
		let expired = 0;
		const faults: KubeApiOptions['faults'] = ({ path, query }) =>
			path === PODS && query.has('continue') && ++expired === 2 ? { kind: 'expired', token: true } : undefined;
		const { state, server } = await collect({ objects: manyPods(10), faults }, { pageSize: 3 });
		equal([state.pods.length, paths(server, PODS).length], [10, 5]);
	});
	it('without one begin again, and nothing of the first attempt stays', async () => {
		const objects: RawObject[] = [...manyPods(6, 'old')];
		const faults: KubeApiOptions['faults'] = ({ path, query }) => {
			if (path !== PODS || !query.has('continue') || objects.length < 6) return undefined;
			objects.splice(0, 6, ...manyPods(4, 'new'));
			return { kind: 'expired', token: false };
		};
		const { state, warnings, counts } = await collect({ objects, faults }, { pageSize: 3 });
		equal(
			state.pods.map(({ name }) => name),
			['new000', 'new001', 'new002', 'new003'],
		);
		equal([counts['Pod'], warnings], [4, []]);
	});
	for (const token of [true, false])
		it(`for ever, ${token ? 'with' : 'without'} a token: given up, and no name is told`, async () => {
			const faults: KubeApiOptions['faults'] = ({ path, query }) =>
				path === PODS && query.has('continue') ? { kind: 'expired', token } : undefined;
			const words = await refusalOf(collect({ objects: manyPods(6, 'planted'), faults }, { pageSize: 3 }));
			match(words, /^\/api\/v1\/pods: its pages expired 4 times/);
			not.match(words, /planted|continue|eyJ/);
		});
	it('a page that continues with itself', async () => {
		const body = JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: { continue: 'planted' }, items: [] });
		const faults: KubeApiOptions['faults'] = ({ path }) => (path === PODS ? { kind: 'status', status: 200, body } : undefined);
		const words = await refusalOf(collect({ objects: [], faults }));
		match(words, /continues with itself/);
		not.match(words, 'planted');
	});
	it('trouble on a later page is told without its token', async () => {
		for (const status of [400, 500]) {
			const faults: KubeApiOptions['faults'] = ({ path, query }) => {
				const token = query.get('continue');
				if (path !== PODS || token === null) return undefined;
				return { kind: 'status', status, body: JSON.stringify({ kind: 'Status', message: `bad token ${token} at shop/planted001` }) };
			};
			const words = await refusalOf(collect({ objects: manyPods(6, 'planted'), faults }, { pageSize: 1 }));
			match(words, new RegExp(`^GET /api/v1/pods: ${status}`));
			not.match(words, /planted|eyJ|continue=/);
		}
	});
});

describe('collect: secrets', (it) => {
	it('of objects are not in a snapshot', async () => {
		const SECRET = 'planted-secret';
		const env = [{ name: 'PASSWORD', value: SECRET }];
		const container = { name: 'c', image: `i:${SECRET}`, env, args: [SECRET], command: [SECRET], volumeMounts: [{ name: SECRET }] };
		const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': SECRET, token: SECRET };
		const secrets = [
			{ ...pod('p'), metadata: { name: 'p', namespace: 'shop', annotations, managedFields: [{ manager: SECRET }] } },
			pod('q', {
				spec: { containers: [container], initContainers: [container], imagePullSecrets: [{ name: SECRET }], volumes: [{ name: SECRET }] },
			}),
			pod('r', { status: { message: SECRET, conditions: [{ message: SECRET }], containerStatuses: [{ image: SECRET }] } }),
			policy('np', { podSelector: {} }, { annotations }),
			object('v1', 'Namespace', { metadata: { name: 'shop', annotations } }),
			object('v1', 'Node', { metadata: { name: 'n1', annotations }, status: { addresses: [], images: [{ names: [SECRET] }] } }),
			object('v1', 'Service', { metadata: { name: 's', namespace: 'shop', annotations } }),
			object('v1', 'Secret', { metadata: { name: 's', namespace: 'shop' }, data: { password: SECRET } }),
			object('v1', 'ConfigMap', { metadata: { name: 's', namespace: 'shop' }, data: { password: SECRET } }),
			object('networking.gke.io/v1alpha1', 'FQDNNetworkPolicy', { metadata: { name: 's', namespace: 'shop', annotations }, spec: {} }),
		] as RawObject[];
		const { server, ...collected } = await collect({ objects: secrets });
		is(collected.counts['Pod'], 3);
		not.match(JSON.stringify(collected), SECRET);
		not.match(gunzipSync(encodeSnapshot(createSnapshot({ state: collected.state }))).toString(), SECRET);
		equal(
			server.requests.filter(({ path }) => /secrets|configmaps/.test(path)),
			[],
		);
	});
	it('a description keeps facts only', async () => {
		const description = {
			name: 'c',
			location: 'l',
			nodePools: [],
			masterAuth: { clientKey: 'planted-secret' },
			endpoint: 'planted-secret',
		};
		not.match(JSON.stringify((await collect({ objects: [] }, { description })).state), 'planted-secret');
	});
});

import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { parseSnapshot } from '../../functions/policy/snapshot.ts';
import { canonicalJson, createSnapshot } from '../../functions/snapshot/canonical.ts';
import { createReducer } from '../../functions/snapshot/objects.ts';
import { describe } from '../describe.ts';
import { fixture, messages, object, pod, policy, reduce } from './raw.ts';

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

describe('objects: lists of an API server', (it) => {
	const all = reduce(LISTS.map(fixture));

	it('typed lists whose items have no kind', () => {
		const { state, problems } = all;
		assert.equal(messages(problems), []);
		const { namespaces, nodes, services, pods, policies, unreadablePolicies, otherPolicies } = state;
		assert.equal(
			[namespaces, nodes, services, pods, policies, unreadablePolicies, otherPolicies].map(({ length }) => length),
			[11, 4, 27, 100, 56, 0, 3],
		);
		assert.equal(state.networkLogging, { cluster: { allow: { delegate: false, log: true }, deny: { delegate: false, log: true } } });
	});
	it('pages give what the whole list gives', () => {
		const pages = reduce([1, 2, 3, 4].map((page) => fixture(`pods-page-${page}`)));
		assert.equal(messages(pages.problems), []);
		assert.is(canonicalJson(pages.state.pods), canonicalJson(all.state.pods));
	});
	it('a page without the last one is a list with a hole', () => {
		const { problems } = reduce([fixture('pods-page-1'), fixture('pods-page-2')]);
		assert.equal(messages(problems), ['is one page of a list of kind Pod, and no file has its last page: 40 more are missing']);
	});
	it('of a list of policies it is a fact that is missing; of Pods, which are missed by name, it is none', () => {
		assert.equal(reduce([fixture('networkpolicies-page-1')]).state.unreadableKinds, ['NetworkPolicy']);
		assert.equal(reduce([fixture('networkpolicies-page-1'), fixture('networkpolicies-page-2')]).state.unreadableKinds, []);
		assert.equal(reduce([fixture('pods-page-1')]).state.unreadableKinds, []);
	});
	it('a policy of another kind without a readable name may still decide', () => {
		const nameless = object('cilium.io/v2', 'CiliumClusterwideNetworkPolicy', { metadata: { name: 7 }, spec: { endpointSelector: {} } });
		const { state, problems } = reduce([nameless]);
		assert.equal(state.otherPolicies, [
			{ apiVersion: 'cilium.io/v2', kind: 'CiliumClusterwideNetworkPolicy', name: '(no name)', spec: null },
		]);
		assert.is(problems.length, 1);
	});
	it('a list beside its pages is nothing to speak of', () =>
		assert.equal(messages(reduce([fixture('pods'), fixture('pods-page-1')]).warnings), []));
	it('objects without a spec are counted, and no more', () => {
		const { state, ignored, problems } = reduce([fixture('pods-partial-metadata')]);
		assert.equal([state.pods.length, ignored.get('PartialObjectMetadata'), messages(problems)], [0, 5, []]);
	});
	it('an error that was saved in the place of a list is a problem', () => {
		assert.equal(messages(reduce([fixture('error-403-secrets')]).problems), [
			"Status (no name): is an API server's answer and no list: Forbidden",
		]);
	});
	it('List of lists, arrays, null items, and items without kind in a List', () => {
		const list = (...items: unknown[]) => ({ apiVersion: 'v1', kind: 'List', items });
		const { state, problems, ignored } = reduce([
			list(list(pod('a')), [pod('b')], null),
			{ apiVersion: 'v1', kind: 'PodList', items: null },
			null,
			list({ x: 1 }),
		]);
		assert.equal([state.pods.map(({ name }) => name), messages(problems), ignored.get('(no kind)')], [['a', 'b'], [], 1]);
	});
	it('lists nested without end, or in themselves', () => {
		let deep: unknown = pod('a');
		for (let level = 0; level < 10_000; level++) deep = [deep];
		const round: { kind: string; items: unknown[] } = { kind: 'List', items: [] };
		round.items.push(round, pod('b'));
		const { state, problems } = reduce([deep, round]);
		assert.equal(
			state.pods.map(({ name }) => name),
			['b'],
		);
		assert.is(problems.filter(({ message }) => message.endsWith('is nested too deep')).length, 2);
	});
});

describe('objects: policies', (it) => {
	const hostBits = { podSelector: { matchLabels: { app: 'db' } }, ingress: [{ from: [{ ipBlock: { cidr: '10.1.2.3/8' } }] }] };

	it('a manifest is read strictly; refused, it stays as unreadable', () => {
		const { state, problems, origins } = reduce([policy('p', hostBits)]);
		const reason = state.unreadablePolicies[0]?.reason ?? '';
		assert.match(reason, /^spec\.ingress\[0\]\.from\[0\]\.ipBlock\.cidr: has bits set beyond its prefix length/);
		assert.equal(state.unreadablePolicies, [
			{ name: 'p', namespace: 'shop', podSelector: { matchExpressions: [], matchLabels: { app: 'db' } }, reason },
		]);
		assert.equal(messages(problems), [`NetworkPolicy shop/p: ${reason}`]);
		assert.equal([...origins], [['shop/p', { file: 'objects.yaml' }]]);
	});
	for (const [name, read] of [
		['uid', () => reduce([policy('p', hostBits, { uid: 'u' })])],
		['resourceVersion', () => reduce([policy('p', hostBits, { resourceVersion: '1' })])],
		[
			'a list with a resourceVersion',
			() => reduce([{ kind: 'List', apiVersion: 'v1', metadata: { resourceVersion: '7' }, items: [policy('p', hostBits)] }]),
		],
		['an origin that is a cluster', () => reduce([policy('p', hostBits)], { live: true })],
	] as const) {
		it(`read leniently: ${name}`, () =>
			assert.equal(read().state.policies[0]?.ingress[0]?.peers[0]?.ipBlock, { cidr: '10.1.2.3/8', except: [] }));
	}
	it('kubectl get prints lists with an empty resourceVersion: their manifests are strict', () => {
		const list = { kind: 'List', apiVersion: 'v1', metadata: { resourceVersion: '' }, items: [policy('p', hostBits)] };
		assert.is(reduce([list]).state.unreadablePolicies.length, 1);
	});
	it('policies without a name are each unreadable', () => {
		const nameless = (app: string) => policy('', { podSelector: { matchLabels: { app } } });
		const { state, problems } = reduce([{ apiVersion: 'v1', kind: 'List', items: [nameless('a'), nameless('b')] }]);
		assert.equal(
			state.unreadablePolicies.map(({ name }) => name),
			['(no name)', '(no name)'],
		);
		assert.equal(messages(problems)[1], 'NetworkPolicy (no name) at items[1]: metadata.name: must be given');
		assert.is(problems[1]?.path, 'items[1].metadata.name');
	});
	it("Calico's NetworkPolicy is another kind, and so are all of these", () => {
		const kinds = [
			['cilium.io/v2', 'CiliumNetworkPolicy', 'shop'],
			['cilium.io/v2', 'CiliumClusterwideNetworkPolicy', undefined],
			['networking.gke.io/v1alpha1', 'FQDNNetworkPolicy', 'shop'],
			['policy.networking.k8s.io/v1alpha1', 'AdminNetworkPolicy', undefined],
			['policy.networking.k8s.io/v1alpha1', 'BaselineAdminNetworkPolicy', undefined],
			['policy.networking.k8s.io/v1alpha2', 'ClusterNetworkPolicy', undefined],
			['crd.projectcalico.org/v1', 'NetworkPolicy', 'shop'],
			['projectcalico.org/v3', 'NetworkPolicy', 'shop'],
			['crd.projectcalico.org/v1', 'GlobalNetworkPolicy', undefined],
			['projectcalico.org/v3', 'Tier', undefined],
			['projectcalico.org/v3', 'NetworkSet', 'shop'],
			['projectcalico.org/v3', 'GlobalNetworkSet', undefined],
		] as const;
		const { state, problems } = reduce(
			kinds.map(([apiVersion, kind]) => object(apiVersion, kind, { metadata: { name: 'x', namespace: 'shop' }, spec: { a: 1 } })),
		);
		assert.equal(messages(problems), []);
		const sort = (list: readonly unknown[]) => list.map((item) => canonicalJson(item)).sort();
		const expected = kinds.map(([apiVersion, kind, namespace]) => ({
			apiVersion,
			kind,
			name: 'x',
			spec: { a: 1 },
			...(namespace && { namespace }),
		}));
		assert.equal(sort(state.otherPolicies), sort(expected));
		assert.is(state.policies.length, 0);
	});
	it('a Cilium policy with specs, one without a spec, and one that is nested without end', () => {
		const cilium = (name: string, more: object) => object('cilium.io/v2', 'CiliumNetworkPolicy', { metadata: { name }, ...more });
		let deep: unknown = 1;
		for (let level = 0; level < 20_000; level++) deep = { deep };
		const { state, problems } = reduce([cilium('a', { spec: { x: 1 }, specs: [{ y: 2 }] }), cilium('b', {}), cilium('c', { spec: deep })]);
		assert.equal(
			state.otherPolicies.map(({ spec }) => spec),
			[[{ x: 1 }, { y: 2 }], {}, null],
		);
		assert.equal(messages(problems), ['CiliumNetworkPolicy c: spec: must not be nested deeper than 64, nor have more than 100000 values']);
	});
	it('a NetworkPolicy of extensions/v1beta1, without apiVersion, and an object without kind are problems', () => {
		const { problems, state } = reduce([
			{ ...policy('p'), apiVersion: 'extensions/v1beta1' },
			{ ...policy('q'), apiVersion: undefined },
			{ metadata: { name: 'r' } },
		]);
		assert.equal(messages(problems), [
			'NetworkPolicy shop/p: apiVersion: must be networking.k8s.io/v1: no server since Kubernetes 1.16 has NetworkPolicies of extensions/v1beta1',
			'NetworkPolicy shop/q: apiVersion: must be given',
			'object r: kind: must be given',
		]);
		assert.is(state.policies.length, 0);
	});
});

describe('objects: what else there is', (it) => {
	it('a Namespace has its name for a label, as the server gives it', () => {
		const { state } = reduce([object('v1', 'Namespace', { metadata: { name: 'shop', labels: { team: 'a' } } })]);
		assert.equal(state.namespaces, [{ labels: { 'kubernetes.io/metadata.name': 'shop', team: 'a' }, name: 'shop' }]);
		assert.equal(reduce([object('v1', 'Namespace')], { live: true }).state.namespaces, [{ labels: {}, name: 'x' }]);
	});
	it('Nodes: internal addresses first, no empty ones, and nothing else', () => {
		const addresses = [
			{ type: 'Hostname', address: 'n' },
			{ type: 'ExternalIP', address: '203.0.113.9' },
			{ type: 'ExternalIP', address: '' },
			{ type: 'InternalIP', address: '10.128.0.2' },
		];
		assert.equal(reduce([object('v1', 'Node', { status: { addresses } })]).state.nodes, [
			{ ips: ['10.128.0.2', '203.0.113.9'], name: 'x' },
		]);
	});
	it('Services: defaults filled in, None left out', () => {
		const service = (name: string, spec: object) => object('v1', 'Service', { metadata: { name }, spec });
		const { state } = reduce([
			service('a', { clusterIP: '10.36.0.1', clusterIPs: ['10.36.0.1', 'fd00::1'], selector: { app: 'a' } }),
			service('b', { clusterIP: 'None' }),
			service('c', { type: 'LoadBalancer', clusterIP: '10.36.0.3' }),
		]);
		assert.equal(state.services, [
			{ clusterIps: ['10.36.0.1', 'fd00::1'], name: 'a', namespace: 'default', selector: { app: 'a' }, type: 'ClusterIP' },
			{ name: 'b', namespace: 'default', type: 'ClusterIP' },
			{ clusterIps: ['10.36.0.3'], externalTrafficPolicy: 'Cluster', name: 'c', namespace: 'default', type: 'LoadBalancer' },
		]);
	});
	it('only the NetworkLogging named default counts', () => {
		const logging = (name: string) => object('networking.gke.io/v1alpha1', 'NetworkLogging', { metadata: { name }, spec: { name } });
		assert.equal(reduce([logging('other'), logging('default')]).state.networkLogging, { name: 'default' });
	});
	it('other kinds are counted; a workload is not its Pods', () => {
		const kinds = [
			object('v1', 'ConfigMap'),
			object('v1', 'ConfigMap'),
			object('apps/v1', 'Deployment'),
			object('serving.knative.dev/v1', 'Service'),
		];
		const { ignored, count } = reduce(kinds);
		assert.equal(
			[...ignored],
			[
				['ConfigMap', 2],
				['Deployment', 1],
				['Service.serving.knative.dev', 1],
			],
		);
		assert.is(count, 0);
	});
	it('secrets never reach the document or the messages', () => {
		const secret = 'c2VjcmV0LXRva2Vu';
		const env = [{ name: 'TOKEN', value: secret }];
		const { state, problems, warnings, ignored } = reduce([
			object('v1', 'Secret', { data: { token: secret } }),
			{ ...object('v1', 'Secret'), metadata: undefined, stringData: { [secret]: secret } },
			pod('a', {
				metadata: { annotations: { note: secret } },
				spec: { containers: [{ name: 'c', env, args: [secret], image: secret }], volumes: [{ secret }] },
			}),
			pod('B', { spec: { containers: [{ env }] } }),
			object('v1', 'Service', { metadata: { name: 's', annotations: { a: secret } }, spec: { clusterIP: '10.0.0.9' } }),
			{ name: 'c', location: 'l', currentMasterVersion: '1', masterAuth: { clientKey: secret, password: secret } },
			secret,
			{ [secret]: secret },
		]);
		const all = JSON.stringify([state, problems, warnings, [...ignored]]);
		assert.is(all.includes(secret), false, all);
		assert.is(state.pods.length, 1);
	});
	it('a malformed object is a problem with its place; the rest goes on', () => {
		const list = {
			apiVersion: 'v1',
			kind: 'List',
			items: [pod('a'), { apiVersion: 'v1', kind: 'Pod' }, pod('b', { status: { podIPs: [{ ip: 'x' }] } }), pod('c')],
		};
		const { state, problems } = reduce([list], { locate: (path) => ({ line: path.length, column: 1 }) });
		assert.equal(
			state.pods.map(({ name }) => name),
			['a', 'c'],
		);
		assert.equal(problems, [
			{
				file: 'objects.yaml',
				line: 22,
				column: 1,
				path: 'items[1].metadata.name',
				message: 'Pod (no name) at items[1]: metadata.name: must be given ("")',
			},
			{
				file: 'objects.yaml',
				line: 22,
				column: 1,
				path: 'items[2].status.podIPs',
				message: 'Pod shop/b: status.podIPs: must be addresses ("x")',
			},
		]);
	});
	it('the later of two objects wins, with a warning where they differ', () => {
		const { state, warnings } = reduce([policy('p'), policy('p', { policyTypes: ['Egress'] }), pod('a'), pod('a')]);
		assert.equal(
			state.policies.map(({ types }) => types),
			[['egress']],
		);
		assert.equal(messages(warnings), [
			'NetworkPolicy shop/p: replaces another object with the same kind, namespace and name, in objects.yaml',
		]);
	});
	it('the later wins also where one of the two cannot be read', () => {
		const broken = policy('p', { policyTypes: ['x'] });
		const counts = (...documents: unknown[]) => {
			const { state, warnings } = reduce(documents);
			return [state.policies.length, state.unreadablePolicies.length, warnings.length];
		};
		assert.equal(counts(policy('p'), broken), [0, 1, 1]);
		assert.equal(counts(broken, policy('p')), [1, 0, 1]);
	});
});

describe('objects: any order, any shape', (it) => {
	const documents = LISTS.map(fixture).flatMap((list) => {
		const { apiVersion, kind, items } = list as { apiVersion: string; kind: string; items: object[] };
		return items.map((item) => ({ apiVersion, kind: kind.slice(0, -4), ...item }));
	});
	const bytesOf = (list: readonly unknown[]) =>
		canonicalJson(createSnapshot({ state: reduce(list).state, validFrom: '2026-01-01T00:00:00Z' }));
	const expected = bytesOf(documents);

	it('the order of objects changes nothing', () => {
		fc.assert(
			fc.property(fc.shuffledSubarray(documents, { minLength: documents.length }), (shuffled) => assert.is(bytesOf(shuffled), expected)),
			{ numRuns: 10 },
		);
	});
	it('two reducers together are one', () => {
		const [one, other] = [createReducer(), createReducer()];
		for (const document of documents.slice(0, 50)) one.add(document, { file: 'a' });
		for (const document of documents.slice(50)) other.add(document, { file: 'b' });
		one.absorb(other);
		assert.is(canonicalJson(createSnapshot({ state: one.finish().state, validFrom: '2026-01-01T00:00:00Z' })), expected);
	});
	it('never throws, and what it makes is a snapshot', () => {
		const kinds = fc.constantFrom(...documents.map(({ apiVersion, kind }) => ({ apiVersion, kind })), { apiVersion: 'v1', kind: 'List' });
		const part = fc.oneof(fc.object({ maxDepth: 3 }), fc.anything());
		const strange = fc.tuple(kinds, fc.constantFrom(...documents), part, part, part).map(([kind, real, metadata, spec, status]) => ({
			...real,
			...kind,
			metadata: { name: 'x', ...(metadata as object) },
			...(typeof spec === 'object' && { spec }),
			...(typeof status === 'object' && { status, items: [status] }),
		}));
		fc.assert(
			fc.property(fc.array(fc.oneof(fc.anything(), strange), { maxLength: 5 }), (list) => {
				const snapshot = createSnapshot({ state: reduce(list).state });
				assert.type(parseSnapshot(JSON.parse(canonicalJson(snapshot))), 'object', String(parseSnapshot(snapshot)));
			}),
			{ numRuns: 1500 },
		);
	});
});

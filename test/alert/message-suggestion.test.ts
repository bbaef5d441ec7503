import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { suggest } from '../../functions/alert/suggestion.ts';
import type { ConstructId } from '../../functions/policy/constructs.ts';
import { judge } from '../../functions/policy/judge.ts';
import { parseNetworkPolicy } from '../../functions/policy/manifest.ts';
import type { ClusterState, NetworkPolicy, PolicyRule } from '../../functions/policy/model.ts';
import type { ProblemDetail } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { cluster, observe } from '../policy/cluster.ts';
import type { Decided } from '../policy/scenarios/scenario.ts';
import { DECIDED } from '../policy/scenarios.ts';
import { type Judged, judgeProblem } from './judged.ts';
import { threeClients } from './notices.ts';

type Json = Readonly<Record<string, unknown>>;

/** The fragment as part of a whole policy that today's API server takes, or why it does not. */
function readFragment(fragment: Json, direction: 'ingress' | 'egress'): NetworkPolicy {
	const { from, to, ports, namespaceSelector, ...spec } = fragment;
	const peer = namespaceSelector ? [{ namespaceSelector }] : undefined;
	const side = direction === 'ingress' ? { from: from ?? peer } : { to: to ?? peer };
	const hasRule = from ?? to ?? ports ?? peer;
	const rules = hasRule ? { [direction]: [{ ...side, ports }], policyTypes: direction === 'ingress' ? ['Ingress'] : ['Egress'] } : {};
	const object = {
		apiVersion: 'networking.k8s.io/v1',
		kind: 'NetworkPolicy',
		metadata: { name: 'p', namespace: 'default' },
		spec: { podSelector: {}, ...rules, ...spec },
	};
	const result = parseNetworkPolicy(JSON.parse(JSON.stringify(object)), true);
	if (result.kind !== 'ok') throw new Error(JSON.stringify(result.problems));
	assert.equal(result.warnings, []);
	return result.policy;
}

/** The policy with the suggestion where the message says that it belongs. */
function applied(written: NetworkPolicy, fragment: Json, { direction, rule = 0, peer, portEntry }: ProblemDetail): NetworkPolicy {
	const read = readFragment(fragment, direction);
	if ('policyTypes' in fragment) return { ...written, types: read.types, [direction]: [] };
	const [first] = read[direction];
	const rules = written[direction];
	const old = rules[rule ?? 0] as PolicyRule;
	if (!first) throw new Error('a fragment without a rule');
	if (fragment[direction]) return { ...written, [direction]: [...rules, first] };
	const replaced: PolicyRule = fragment['ports']
		? { ...old, ports: old.ports.flatMap((port, index) => (index === portEntry ? first.ports : [port])) }
		: { ...old, peers: old.peers.flatMap((one, index) => (index === peer ? withMore(one, first.peers, fragment) : [one])) };
	return { ...written, [direction]: rules.map((one, index) => (index === (rule ?? 0) ? replaced : one)) };
}

function withMore(old: PolicyRule['peers'][number], peers: PolicyRule['peers'], fragment: Json): PolicyRule['peers'] {
	const added = peers[0]?.namespaceSelector?.matchExpressions ?? [];
	if (!fragment['namespaceSelector'] || !old.namespaceSelector) return peers;
	const { matchLabels, matchExpressions } = old.namespaceSelector;
	return [{ ...old, namespaceSelector: { matchLabels, matchExpressions: [...matchExpressions, ...added] } }];
}

const suggestionOf = ({ detail }: Judged) => suggest(detail.construct as ConstructId, [detail]);

/** What is admitted or closed once the suggestion is applied; the finding under which it is then seen. */
function findingAfter(scenario: Decided, fragment: Json, { detail }: Judged): { deny: string; allow: string } {
	const policies = (scenario.state.policies ?? []).map((policy) =>
		policy.name === detail.policyName ? applied(policy, fragment, detail) : policy,
	);
	const state: Partial<ClusterState> = { ...scenario.state, policies };
	const of = (disposition: 'allow' | 'deny') => judge(cluster(state), observe(disposition, scenario.flow)).finding;
	return { deny: of('deny'), allow: of('allow') };
}

/** Where nothing sensible can be written: the catalogue's sentence stands alone. */
const WITHOUT = [
	'a node without an identity of its own',
	'a policy with SCTP that isolated',
	'a policy with SCTP that admitted',
	'a peer by the absence of a label that is not seen',
	'a subject by a label that is not seen',
	'a subject by the absence of a label that is not seen',
];
/** What was opened is then admitted on purpose, in words that every generation reads alike: who wants it closed narrows the peers. */
const LEAVES_OPEN = ['all addresses of the other family', 'a name that the destination does not define'];

describe('what an alert suggests', (it) => {
	it('is written for each way in which a construct decides, but those that it cannot mend', () => {
		const without = DECIDED.filter((scenario) => suggestionOf(judgeProblem(scenario)) === undefined).map(({ name }) => name);
		assert.equal(without.sort(), [...WITHOUT].sort());
	});

	for (const scenario of DECIDED.filter(({ name }) => !WITHOUT.includes(name))) {
		it(`mends ${scenario.name}: ${scenario.construct}`, () => {
			const judged = judgeProblem(scenario);
			const suggestion = suggestionOf(judged);
			assert.ok(suggestion);
			const fragment = parse(suggestion.yaml) as Json;
			const after = findingAfter(scenario, fragment, judged);
			const { finding } = judged.problem;
			if (finding !== 'newly-open' || LEAVES_OPEN.includes(scenario.name)) {
				// Before and after are one again: allowed as meant, and a denial would be against every generation.
				assert.is(after.allow, 'confirmed');
				assert.match(after.deny, /^(contradicted|not-isolated)$/);
			} else assert.equal(after, { deny: 'explained', allow: 'contradicted' });
			assert.not.match(`${after.deny} ${after.allow}`, /void-rule|overreach|newly-open/);
		});
	}

	it('names each workload once, and the namespace where it is another one', () => {
		const details = [...threeClients(), ...threeClients()].map(({ detail }) => detail);
		const suggestion = suggest('ipblock-pod', details);
		assert.is(suggestion?.place, 'in the place of peer 0');
		assert.equal(parse(suggestion?.yaml ?? ''), {
			from: [
				{ podSelector: { matchLabels: { app: 'cart' } } },
				{ podSelector: { matchLabels: { app: 'web' } } },
				{
					namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'reports' } },
					podSelector: { matchLabels: { app: 'nightly' } },
				},
			],
		});
	});

	const [first] = threeClients() as [Judged];
	const withLabels = (peerLabels: string | null) => suggest('ipblock-pod', [{ ...first.detail, peerLabels }]);

	it('leaves out labels that change with each release, or that Dataplane V2 does not see', () => {
		const changing = [
			'pod-template-hash=5d4c7f9b6c',
			'controller-revision-hash=web-7d4f',
			'statefulset.kubernetes.io/pod-name=db-0',
			'apps.kubernetes.io/pod-index=0',
			'batch.kubernetes.io/controller-uid=6f1e0ea4-2f2a-4c8d-9f3e-1f2c3d4e5f60',
			'batch.kubernetes.io/job-name=nightly-29012345',
			'controller-uid=6f1e0ea4',
			'job-name=nightly-29012345',
			'helm.sh/chart=shop-1.4.2',
			'app.kubernetes.io/version=1.4.2',
			'topology.kubernetes.io/zone=europe-west1-b',
			'kubernetes.io/arch=amd64',
			'k8s.io/cluster-service=true',
			'node.beta.kubernetes.io/zone=b',
		];
		assert.equal(parse(withLabels([...changing, 'app=cart'].join(','))?.yaml ?? ''), {
			from: [{ podSelector: { matchLabels: { app: 'cart' } } }],
		});
		for (const label of changing) assert.is(withLabels(label), undefined, label);
		assert.is(withLabels(null), undefined);
	});

	it('quotes what YAML 1.1 would take for something else', () => {
		const yaml = withLabels('a=yes,b=012,c=1e3,d=true,e=1.0')?.yaml ?? '';
		const old = parse(yaml, { version: '1.1' }) as { from: [{ podSelector: { matchLabels: Json } }] };
		assert.equal(old.from[0].podSelector.matchLabels, { a: 'yes', b: '012', c: '1e3', d: 'true', e: '1.0' });
	});

	it('writes no name that an API server would not take', () => {
		for (const label of ['app=a\nb', 'app=`x`', 'app=<!channel>', 'ap p=x', '=x', `app=${'x'.repeat(64)}`, 'app=cart…'])
			assert.is(withLabels(label), undefined, label);
		for (const peerNamespace of ['a\nb', '<!here>', '', 'A'])
			assert.is(suggest('ipblock-pod', [{ ...first.detail, peerNamespace }]), undefined);
		assert.is(suggest('ipblock-pod', [{ ...first.detail, policyName: '```' }]), undefined);
	});

	it('tells of peers that it leaves out', () => {
		const unknown = { ...first.detail, peerLabels: null };
		assert.is(suggest('ipblock-pod', [first.detail, unknown])?.place, 'in the place of peer 0, beside the peers of 1 more problem');
		assert.is(suggest('ipblock-pod', [unknown, first.detail])?.place, 'in the place of peer 0, beside the peers of 1 more problem');
	});

	it('lists a short range whole, and of a long one the ports that were asked for', () => {
		const range = (clause: string) =>
			parse(suggest('end-port', [{ ...first.detail, clause, portEntry: 0, port: 8001 }])?.yaml ?? '') as Json;
		assert.equal(range('TCP 8000-8002'), { ports: [8000, 8001, 8002].map((port) => ({ protocol: 'TCP', port })) });
		assert.equal(range('TCP 8000-9000'), { ports: [{ protocol: 'TCP', port: 8001 }] });
	});

	it('is nothing where there is no detail, no policy or no construct', () => {
		assert.is(suggest('ipblock-pod', []), undefined);
		assert.is(suggest(undefined, [first.detail]), undefined);
		assert.is(suggest('ipblock-pod', [{ ...first.detail, policyName: null }]), undefined);
		for (const construct of ['calico-crd', 'renamed-in-logs', 'multi-network', 'sctp-rejected'] as const)
			assert.is(suggest(construct, [first.detail]), undefined);
	});
});

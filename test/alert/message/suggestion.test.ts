import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { type Suggestion, suggest } from '../../../functions/alert/message/suggestion.ts';
import type { ConstructId } from '../../../functions/policy/constructs.ts';
import { denied, evaluate, verdictUnder } from '../../../functions/policy/evaluate.ts';
import { resolveFlow } from '../../../functions/policy/flow.ts';
import { judge } from '../../../functions/policy/judge.ts';
import { parseNetworkPolicy } from '../../../functions/policy/manifest.ts';
import type { ClusterState, Flow, NetworkPolicy, PolicyRule } from '../../../functions/policy/model.ts';
import { bit, CALICO, DEFAULT_CANDIDATES, idsOf, type Mask, NONE } from '../../../functions/policy/semantics.ts';
import type { ProblemDetail } from '../../../functions/ports.ts';
import { describe } from '../../describe.ts';
import { flow as baseFlow, block, cluster, observe, pod, policy, rule } from '../../policy/cluster.ts';
import { type Decided, from } from '../../policy/scenarios/scenario.ts';
import { DECIDED } from '../../policy/scenarios.ts';
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

/** The policy with the suggestion where its words say that it belongs. */
function applied(written: NetworkPolicy, { place, yaml }: Suggestion, { direction, rule: index = 0 }: ProblemDetail): NetworkPolicy {
	const fragment = parse(yaml) as Json;
	const read = readFragment(fragment, direction);
	if (/^as it was before the move, without rules for (in|e)gress$/.test(place))
		return { ...written, types: read.types, [direction]: read[direction] };
	const [first] = read[direction];
	const rules = written[direction];
	if (!first) throw new Error('a fragment without a rule');
	if (/^one more rule(, without peers)?$/.test(place)) return { ...written, [direction]: [...rules, first] };
	const old = rules[index ?? 0] as PolicyRule;
	const changed =
		'ports' in fragment ? { ...old, ports: put(old.ports, first.ports, place) } : { ...old, peers: putPeers(old, first, place) };
	return { ...written, [direction]: rules.map((one) => (one === old ? changed : one)) };
}

/** Parts that the words put beside one that is there, or in its place. */
function put<T>(olds: readonly T[], parts: readonly T[], place: string): readonly T[] {
	const [, where, position] =
		/^(beside|in the place of) (?:peer|port entry) (\d+), (?:which stays|all of whose ports these are)/.exec(place) ?? [];
	const old = olds[Number(position)];
	if (old === undefined) throw new Error(`where is "${place}"?`);
	return olds.flatMap((one) => (one !== old ? [one] : where === 'beside' ? [one, ...parts] : parts));
}

function putPeers({ peers: olds }: PolicyRule, { peers }: PolicyRule, place: string): PolicyRule['peers'] {
	const [, position] = /^added to peer (\d+), beside the requirements that it has$/.exec(place) ?? [];
	if (position === undefined) return put(olds, peers, place);
	const added = peers[0]?.namespaceSelector?.matchExpressions ?? [];
	return olds.map((old, index) => {
		if (index !== Number(position) || !old.namespaceSelector) return old;
		const { matchLabels, matchExpressions } = old.namespaceSelector;
		return { ...old, namespaceSelector: { matchLabels, matchExpressions: [...matchExpressions, ...added] } };
	});
}

const suggestionOf = ({ detail }: Judged) => suggest(detail.construct as ConstructId, [detail]);

const stateWith = ({ state }: Decided, suggestion: Suggestion, { detail }: Judged): Partial<ClusterState> => ({
	...state,
	policies: (state.policies ?? []).map((one) => (one.name === detail.policyName ? applied(one, suggestion, detail) : one)),
});

/** What is admitted or closed once the suggestion is applied; the finding under which it is then seen. */
function findingAfter(state: Partial<ClusterState>, { flow }: Decided): { deny: string; allow: string } {
	const of = (disposition: 'allow' | 'deny') => judge(cluster(state), observe(disposition, flow)).finding;
	return { deny: of('deny'), allow: of('allow') };
}

/** What Dataplane V2 may be, and nodes that have not moved. */
const IN_FORCE: Mask = DEFAULT_CANDIDATES | CALICO;

/** Between all ends, in both directions, to ports that some scenario names and some that none does. */
const FLOWS: readonly Flow[] = [
	pod('client'),
	pod('web'),
	pod('far', 'other'),
	pod('agent', 'kube-system'),
	{ ip: '203.0.113.7' },
	{ ip: '2001:db8::7' },
	{ ip: '169.254.169.254' },
	{ ip: '169.254.20.10' },
]
	.flatMap((source, _, ends) => ends.map((destination) => ({ source, destination })))
	.flatMap((ends) => (['ingress', 'egress'] as const).map((direction) => ({ ...ends, direction })))
	.flatMap((one) => (['TCP', 'UDP'] as const).map((protocol) => ({ ...one, protocol })))
	.flatMap((one) => [53, 80, 443, 8000, 8079, 8080, 8500, 9999].map((port) => baseFlow({ ...one, port })));

interface Admitted {
	readonly flow: Flow;
	readonly mask: Mask;
	/** Under which a rule admits it. */
	readonly byRule: Mask;
}

/** The flows, each with the semantics in force that admit it. */
function admittedBy(state: Partial<ClusterState>): readonly Admitted[] {
	const snapshot = cluster(state);
	return FLOWS.map((flow) => {
		const evaluation = evaluate(resolveFlow(snapshot, flow));
		const mask = IN_FORCE & ~denied(evaluation) & ~evaluation.unknown;
		const byRule = idsOf(mask).filter((id) => verdictUnder(evaluation, bit(id)).basis === 'rule');
		return { flow, mask, byRule: byRule.reduce((all, id) => all | bit(id), NONE) };
	});
}

/** What worked before and would not any more, in words, and how many worked by a rule. What was not meant to be open may be closed. */
function brokenBy(before: Partial<ClusterState>, after: Partial<ClusterState>, closes: boolean): { broken: string[]; byRule: number } {
	const afterwards = admittedBy(after);
	const meant = admittedBy(before).map((one) => ({ ...one, mask: closes && !(one.mask & CALICO) ? NONE : one.mask }));
	const broken = meant.flatMap(({ flow, mask }, index) => {
		const lost = idsOf(mask & ~(afterwards[index]?.mask ?? NONE));
		return lost.length === 0 ? [] : [`${JSON.stringify(flow)} under ${lost.join(', ')}`];
	});
	return { broken, byRule: meant.filter(({ mask, byRule }) => mask & byRule).length };
}

/** Where nothing sensible can be written: the catalogue's sentence stands alone. */
const WITHOUT = [
	'a node without an identity of its own',
	'a policy with SCTP that isolated',
	'a policy with SCTP that admitted',
	'a peer by the absence of a label that is not seen',
	'a subject by a label that is not seen',
	'a subject by the absence of a label that is not seen',
	// What could be written from what was seen would leave open what was opened.
	'all addresses of the other family',
	'a name that the destination does not define',
];
const BESIDE = 'beside peer 0, which stays (it may go where these Pods are all that it was meant for)';
/** Whose rules admit nothing that was meant to be: all of it is to be closed. */
const ADMITS_NOTHING = ['rules of an unlisted direction that admit'];

const scenarioOf = (name: string): Decided => {
	const scenario = DECIDED.find((one) => one.name === name);
	if (!scenario) throw new Error(`no scenario of ${name}`);
	return scenario;
};
/** Clauses that admit more than what was denied. */
const WIDER: readonly Decided[] = [
	{ ...scenarioOf('an ipBlock over a Pod'), name: 'an ipBlock over Pods and all else', state: from(block('0.0.0.0/0')) },
	{
		...scenarioOf('a range of ports'),
		name: 'a short range of ports',
		state: { policies: [policy({ ingress: [rule({ ports: [{ protocol: 'TCP', port: 8079, endPort: 8081 }] })] })] },
	},
];

describe('what an alert suggests', (it) => {
	it('is written for each way in which a construct decides, but those that it cannot mend', () => {
		const without = DECIDED.filter((scenario) => suggestionOf(judgeProblem(scenario)) === undefined).map(({ name }) => name);
		assert.equal(without.sort(), [...WITHOUT].sort());
	});

	for (const scenario of [...DECIDED, ...WIDER].filter(({ name }) => !WITHOUT.includes(name))) {
		it(`mends ${scenario.name}, and breaks nothing: ${scenario.construct}`, () => {
			const judged = judgeProblem(scenario);
			const suggestion = suggestionOf(judged);
			assert.ok(suggestion);
			const state = stateWith(scenario, suggestion, judged);
			const after = findingAfter(state, scenario);
			const closes = judged.problem.finding === 'newly-open';
			if (!closes) {
				// Before and after are one again: allowed as meant, and a denial would be against every generation.
				assert.is(after.allow, 'confirmed');
				assert.match(after.deny, /^(contradicted|not-isolated)$/);
			} else assert.equal(after, { deny: 'explained', allow: 'contradicted' });
			assert.not.match(`${after.deny} ${after.allow}`, /void-rule|overreach|newly-open/);
			const { broken, byRule } = brokenBy(scenario.state, state, closes);
			assert.equal(broken, []);
			// Else nothing could have been broken.
			assert.is(byRule > 0, !ADMITS_NOTHING.includes(scenario.name), `${byRule} flows`);
		});
	}

	it('names each workload once, and the namespace where it is another one', () => {
		const details = [...threeClients(), ...threeClients()].map(({ detail }) => detail);
		const suggestion = suggest('ipblock-pod', details);
		assert.is(suggestion?.place, BESIDE);
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
		const more = `${BESIDE}; the peers of 1 more problem are not in it`;
		assert.is(suggest('ipblock-pod', [first.detail, unknown])?.place, more);
		assert.is(suggest('ipblock-pod', [unknown, first.detail])?.place, more);
	});

	it('lists a short range whole, which then may go, and of a long one the ports that were asked for, beside it', () => {
		const range = (clause: string) => {
			const { place, yaml } = suggest('end-port', [{ ...first.detail, clause, portEntry: 0, port: 8001 }]) as Suggestion;
			return [place, parse(yaml)];
		};
		assert.equal(range('TCP 8000-8002'), [
			'in the place of port entry 0, all of whose ports these are',
			{ ports: [8000, 8001, 8002].map((port) => ({ protocol: 'TCP', port })) },
		]);
		assert.equal(range('TCP 8000-9000'), [
			'beside port entry 0, which stays (it may go where these ports are all that it was meant for)',
			{ ports: [{ protocol: 'TCP', port: 8001 }] },
		]);
	});

	it('is nothing where there is no detail, no policy or no construct', () => {
		assert.is(suggest('ipblock-pod', []), undefined);
		assert.is(suggest(undefined, [first.detail]), undefined);
		assert.is(suggest('ipblock-pod', [{ ...first.detail, policyName: null }]), undefined);
		for (const construct of ['calico-crd', 'renamed-in-logs', 'multi-network', 'sctp-rejected'] as const)
			assert.is(suggest(construct, [first.detail]), undefined);
	});
});

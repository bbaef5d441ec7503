import * as assert from 'uvu/assert';
import { CONSTRUCTS } from '../../functions/policy/constructs.ts';
import { describeEnd, detailOf, evidenceOf, summarize } from '../../functions/policy/explain.ts';
import type { Evidence } from '../../functions/policy/finding.ts';
import { judge } from '../../functions/policy/judge.ts';
import type { ClusterState, Disposition, Flow, LoggedPolicy, OtherPolicy } from '../../functions/policy/model.ts';
import { bit, DEFAULT_CANDIDATES } from '../../functions/policy/semantics.ts';
import { some } from '../../functions/policy/wording.ts';
import { describe } from '../describe.ts';
import { block, cluster, labels, observe, pod, policy, rule } from './cluster.ts';
import { DECIDED } from './scenarios.ts';

const told = (disposition: Disposition, state: Partial<ClusterState>, flow: Partial<Flow> = {}, candidates = DEFAULT_CANDIDATES): string =>
	summarize(judge(cluster(state), observe(disposition, flow), candidates));
const OPEN = policy({ ingress: [rule()] });
const DENY = policy();
const WEB = 'default/client to default/web on TCP 8080';
const WRONG = 'The snapshot, or what is known of Dataplane V2, is wrong here.';
const RANGE = policy({ ingress: [rule({ ports: [{ protocol: 'TCP', port: 8000, endPort: 9000 }] })] });
const SCTP = policy({ ingress: [rule({ ports: [{ protocol: 'SCTP' }] })] });
const BEYOND = policy({ types: ['egress'], ingress: [rule({ ports: [{ protocol: 'TCP', port: 8080 }] })] });

describe('the summary of what a construct decided', (it) => {
	for (const { name, construct, state, disposition, flow, sentence } of DECIDED)
		it(`${name}: ${construct}`, () => assert.is(told(disposition, state, flow), sentence));

	it('says each reason once, and the same advice once', () => {
		const peers = [block('10.32.1.3/32')];
		const text = told('deny', {
			policies: [policy({ ingress: [rule({ peers }), rule({ peers })] }), policy({ name: 'q', ingress: [rule({ peers })] })],
		});
		assert.is(text.split('never matches a Pod').length - 1, 3);
		assert.is(text.split('Select the Pods by their labels').length - 1, 1);
		assert.match(text, /Ingress rule 0 of default\/p .*Ingress rule 1 of default\/p .*Ingress rule 0 of default\/q /);
	});
});

describe('the summary of a denial', (it) => {
	it('that is explained names who isolates, and the nearest rule', () => {
		const head = `Denied as before the move: default/p isolates default/web for ingress and no rule admits ${WEB}.`;
		assert.is(told('deny', { policies: [DENY] }), head);
		assert.is(
			told('deny', { policies: [DENY, policy({ name: 'q' })] }),
			head.replace('default/p isolates', 'default/p and default/q isolate'),
		);
		const ports = [1, 2, 3, 4, 5].map((port) => ({ protocol: 'TCP', port }) as const);
		assert.is(
			told('deny', { policies: [policy({ ingress: [rule(), rule({ ports })].slice(1) })] }),
			`${head} Nearest is ingress rule 0 of default/p: it admits only TCP 1, TCP 2, TCP 3 and 2 more, and this was TCP 8080.`,
		);
		assert.is(
			told('deny', { policies: [policy({ ingress: [rule({ peers: [{ podSelector: labels({ app: 'db' }) }] })] })] }),
			`${head} Nearest is ingress rule 0 of default/p: it admits only podSelector app=db, and this was default/client.`,
		);
	});

	it('that is explained says so of a flow without ports, too', () => {
		const { port: _, ...icmp } = observe('deny', { protocol: 'ICMP' }).flow;
		const policies = [policy({ ingress: [rule({ ports: [{ protocol: 'TCP', port: 1 }] })] })];
		const text = summarize(judge(cluster({ policies }), { ...observe('deny'), flow: icmp }));
		assert.match(text, /no rule admits default\/client to default\/web on ICMP\. Nearest .* it admits only TCP 1, and this was ICMP\.$/);
	});

	it('that is explained says what may open it under some candidates, without advice', () => {
		const policies = [policy({ ingress: [rule({ peers: [block('0.0.0.0/0')] })] })];
		const text = told('deny', { policies }, { source: { ip: '2001:db8::7' } });
		assert.match(
			text,
			/Ingress rule 0 of default\/p may open it \(peer 0, ipBlock 0\.0\.0\.0\/0\): an ipBlock of all addresses .*Dataplane V2\.$/,
		);
		assert.not.match(text, /Write both families/);
		assert.match(
			told('deny', { policies: [SCTP] }),
			/Policy default\/p may no longer isolate the Pod \(the policy as a whole\): the oldest/,
		);
	});

	it('that nothing isolates for says so, and since when', () => {
		assert.is(told('deny', {}), `Denied, yet no policy isolates default/web for ingress on Dataplane V2: ${WEB}.`);
		assert.match(
			told('deny', { policies: [SCTP] }, {}, bit('cilium-1.12')),
			/: default\/client .*8080\. Policy default\/p no longer isolates the Pod \(the policy as a whole\): the oldest .* of their own\.$/,
		);
	});

	it('that every candidate admits says by what', () => {
		const head = `Denied, although no candidate for Dataplane V2 denies it: ${WEB}.`;
		assert.is(told('deny', { policies: [OPEN] }), `${head} Ingress rule 0 of default/p admits it. ${WRONG}`);
		const two = policy({ name: 'q', ingress: [rule()] });
		assert.is(
			told('deny', { policies: [OPEN, two] }),
			`${head} Ingress rule 0 of default/p and ingress rule 0 of default/q admit it. ${WRONG}`,
		);
		assert.is(
			told('deny', { policies: [DENY] }, { source: { node: 'n1' } }),
			`Denied, although no candidate for Dataplane V2 denies it: node n1 (10.128.0.1) to default/web on TCP 8080. The Pod’s own node may always reach it. ${WRONG}`,
		);
		assert.match(
			told('deny', { policies: [DENY] }, { source: { node: 'n2' } }, bit('cilium-1.13+no-remote-node-identity')),
			/Without an identity of their own, other nodes count as the Pod’s own node\. The snapshot/,
		);
		assert.match(
			told('deny', { policies: [BEYOND] }),
			/Ingress rule 0 of default\/p admits it\. .* Policy default\/p may isolate the Pod \(policyTypes/,
		);
	});

	it('by name says whose', () => {
		const by = (...policies: LoggedPolicy[]) => summarize(judge(cluster(), observe('deny', {}, policies)));
		const lockdown = { kind: 'CiliumClusterwideNetworkPolicy', name: 'lockdown' };
		assert.is(by(lockdown), `Denied by name: lockdown denies ${WEB}.`);
		assert.is(
			by(lockdown, { kind: 'CiliumNetworkPolicy', namespace: 'default', name: 'd' }),
			`Denied by name: lockdown and default/d deny ${WEB}.`,
		);
	});
});

describe('the summary of an admission', (it) => {
	it('that is confirmed says by what', () => {
		const head = `Allowed as before the move: ${WEB}.`;
		assert.is(told('allow', { policies: [OPEN] }), `${head} Ingress rule 0 of default/p admits it.`);
		assert.is(told('allow', {}), `${head} No policy isolated default/web for ingress before.`);
		assert.match(told('allow', { policies: [DENY] }, { source: { node: 'n1' } }), /8080\. The Pod’s own node may always reach it\.$/);
		const many = ['a', 'b', 'c', 'd'].map((name) => policy({ name, ingress: [rule()] }));
		assert.match(
			told('allow', { policies: many }),
			/Ingress rule 0 of default\/a, .*, ingress rule 0 of default\/c and 1 more admit it\.$/,
		);
	});

	it('that is confirmed names what makes a difference under some candidates, without advice', () => {
		assert.is(
			told('allow', { policies: [RANGE] }),
			`Allowed as before the move: ${WEB}. Ingress rule 0 of default/p admits it. Ingress rule 0 of default/p is written to admit it (port entry 0, TCP 8000-9000), but only the first port of a range is admitted on older generations of Dataplane V2.`,
		);
		assert.match(
			told('allow', { policies: [BEYOND] }),
			/that is why default\/p takes part here, and why the log names it\. It changes nothing for this flow\.$/,
		);
	});

	it('that every candidate denies names who isolates, and what was lost', () => {
		assert.is(
			told('allow', { policies: [DENY] }),
			`Allowed, although every candidate for Dataplane V2 denies it: ${WEB}. default/p isolates default/web for ingress and no rule admits it there. ${WRONG}`,
		);
		const voided = policy({ ingress: [rule({ peers: [block('10.32.1.3/32')] })] });
		assert.match(
			told('allow', { policies: [voided] }),
			/wrong here\. Ingress rule 0 of default\/p is written to admit it \(peer 0, ipBlock/,
		);
	});
});

describe('the summary of what is not decided', (it) => {
	const other = (more: Partial<OtherPolicy> = {}): OtherPolicy => ({
		apiVersion: 'projectcalico.org/v3',
		kind: 'GlobalNetworkPolicy',
		name: 'g',
		spec: { ingress: [{ action: 'Allow' }] },
		...more,
	});

	it('says which fact is missing, and what it is otherwise', () => {
		assert.is(
			summarize(judge(undefined, observe('deny'))),
			'Not decided: default/client (not in the snapshot) to default/web (not in the snapshot) on TCP 8080, because there is no snapshot of the cluster for that time.',
		);
		assert.is(
			told('deny', { policies: [DENY] }, { source: pod('web') }),
			'Not decided: default/web to default/web on TCP 8080, because the specification leaves open whether a Pod reaches itself. If that makes no difference, it is explained.',
		);
	});

	it('names the policies and kinds that may decide', () => {
		assert.is(
			told('deny', { policies: [DENY], otherPolicies: [other()] }),
			`Not decided: ${WEB}, because a policy of another kind may decide it (GlobalNetworkPolicy g). If that makes no difference, it is explained. Policy g may decide it: Dataplane V2 ignores the policies of Calico’s own kinds: what they admitted and what they denied is gone.`,
		);
		assert.match(
			told('deny', {
				policies: [DENY],
				unreadablePolicies: [{ namespace: 'default', name: 'u', reason: 'r' }],
				unreadableKinds: ['Tier.x'],
			}),
			/because a policy that may select the Pod could not be read, and not all policies of a kind could be listed \(NetworkPolicy default\/u and Tier\.x\)\./,
		);
	});
});

describe('an end in words', (it) => {
	const PLACE = { namespace: 'default', name: 'x' };
	const cases: readonly (readonly [Parameters<typeof describeEnd>[0], string])[] = [
		[{ kind: 'pod', endpoint: PLACE, ip: '10.0.0.1' }, 'default/x'],
		[{ kind: 'host-network-pod', endpoint: PLACE, ip: '10.0.0.1' }, 'default/x on the host network (10.0.0.1)'],
		[{ kind: 'unknown', endpoint: PLACE }, 'default/x (not in the snapshot)'],
		[{ kind: 'node', endpoint: { name: 'n1' } }, 'node n1'],
		[{ kind: 'node', endpoint: { name: 'n1' }, ip: '10.0.0.1' }, 'node n1 (10.0.0.1)'],
		[{ kind: 'service', endpoint: PLACE, ip: '10.0.0.1' }, 'Service default/x (10.0.0.1)'],
		[{ kind: 'well-known', endpoint: { name: 'metadata server' }, ip: '169.254.169.254' }, 'metadata server (169.254.169.254)'],
		[{ kind: 'external', ip: '203.0.113.7', endpoint: {} }, '203.0.113.7'],
		[{ kind: 'external', endpoint: {} }, 'an unknown address'],
	];
	for (const [end, text] of cases) it(`is ${text}`, () => assert.is(describeEnd(end), text));

	it('stands on its side of the flow', () => {
		assert.match(told('allow', {}, { direction: 'egress' }), /default\/client to default\/web/);
		assert.match(
			told('allow', {}, { direction: 'egress', source: pod('web'), destination: pod('client') }),
			/default\/web to default\/client/,
		);
	});
});

describe('the detail of a piece of evidence', (it) => {
	const judged = judge(cluster({ policies: [policy({ ingress: [rule({ ports: [{ protocol: 'TCP', port: 1 }] })] })] }), observe('deny'));
	const near = evidenceOf(judged).find(({ role }) => role === 'near-miss') as Evidence;

	it('is its own, or says what is near, or why, or nothing', () => {
		assert.is(detailOf({ role: 'would-be', detail: 'explained' }), 'explained');
		assert.is(detailOf(near), 'nearest is ingress rule 0 of default/p: it admits only TCP 1, and this was TCP 8080');
		assert.is(detailOf({ role: 'void', construct: 'end-port' }), CONSTRUCTS['end-port'].explanation);
		assert.is(detailOf({ role: 'isolates', policyName: 'p' }), null);
	});

	it('lists three, and how many more there are', () => {
		assert.equal([[], ['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd']].map(some), [
			'',
			'a',
			'a and b',
			'a, b and c',
			'a, b, c and 1 more',
		]);
	});
});

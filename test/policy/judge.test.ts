import * as assert from 'uvu/assert';
import { summarize } from '../../functions/policy/explain.ts';
import type { Verdicts } from '../../functions/policy/finding.ts';
import { classify, judge } from '../../functions/policy/judge.ts';
import { bit, CALICO, DEFAULT_CANDIDATES, maskOf } from '../../functions/policy/semantics.ts';
import { describe } from '../describe.ts';
import { block, cluster, labels, observe, pod, policy, rule } from './cluster.ts';

type Answer = 'not-isolated' | 'exempt' | 'rule' | 'deny';
const ANSWERS: readonly Answer[] = ['not-isolated', 'exempt', 'rule', 'deny'];
const ONE = bit('cilium-1.12');
const OTHER = bit('cilium-1.20');
const CANDIDATES = ONE | OTHER;

/** Verdicts in which each semantics has the given answer. */
function verdictsOf(answers: readonly (readonly [number, Answer])[]): Verdicts {
	const under = (...wanted: Answer[]) =>
		answers.reduce((mask, [semantics, answer]) => (wanted.includes(answer) ? mask | semantics : mask), 0);
	return { isolated: under('exempt', 'rule', 'deny'), exempt: under('exempt'), admitted: under('rule'), unknown: 0 };
}

/** The table as the design words it, row by row, without order: each row says when it holds. */
const ROWS = {
	deny: {
		'not-isolated': (_: Answer, after: readonly Answer[]) => after.every((answer) => answer === 'not-isolated'),
		contradicted: (_: Answer, after: readonly Answer[]) => !after.includes('deny') && after.some((answer) => answer !== 'not-isolated'),
		explained: (before: Answer, after: readonly Answer[]) => before === 'deny' && after.includes('deny'),
		overreach: (before: Answer, after: readonly Answer[]) => before === 'not-isolated' && after.includes('deny'),
		'void-rule': (before: Answer, after: readonly Answer[]) => before === 'rule' && after.includes('deny'),
	},
	allow: {
		contradicted: (_: Answer, after: readonly Answer[]) => after.every((answer) => answer === 'deny'),
		'newly-open': (before: Answer, after: readonly Answer[]) => before === 'deny' && after.some((answer) => answer !== 'deny'),
		confirmed: (before: Answer, after: readonly Answer[]) => before !== 'deny' && after.some((answer) => answer !== 'deny'),
	},
} as const;

describe('classify', (it) => {
	it('finds exactly one finding for every observed × before × after × isolation', () => {
		let combinations = 0;
		for (const disposition of ['deny', 'allow'] as const)
			for (const before of ANSWERS)
				for (const first of ANSWERS)
					for (const second of ANSWERS) {
						// What exempts before (the own node) exempts every candidate: the one impossible combination.
						if (before === 'exempt' && (first === 'deny' || second === 'deny')) continue;
						const holding = Object.entries(ROWS[disposition]).filter(([, holds]) => holds(before, [first, second]));
						assert.is(holding.length, 1, `${disposition} ${before} ${first} ${second}: ${holding.map(([name]) => name)}`);
						const verdicts = verdictsOf([
							[CALICO, before],
							[ONE, first],
							[OTHER, second],
						]);
						assert.is(classify(disposition, verdicts, CANDIDATES), holding[0]?.[0], `${disposition} ${before} ${first} ${second}`);
						combinations++;
					}
		assert.is(combinations, 2 * (4 * 4 * 4 - 7));
	});
});

const BY_ADDRESS = policy({ ingress: [rule({ peers: [block('10.32.1.3/32')] })] });

describe('judge', (it) => {
	it('flags a denial that an ipBlock over a Pod would have admitted', () => {
		const judged = judge(cluster({ policies: [BY_ADDRESS] }), observe('deny'));
		assert.is(judged.finding, 'void-rule');
		assert.is(judged.flagged, true);
		assert.is(judged.certainty, 'certain');
		assert.equal(judged.constructs, ['ipblock-pod']);
		const [first] = judged.evidence;
		assert.equal(
			[first?.role, first?.policyName, first?.direction, first?.rule, first?.peer, first?.clause, first?.construct],
			['void', 'p', 'ingress', 0, 0, 'ipBlock 10.32.1.3/32', 'ipblock-pod'],
		);
	});

	it('explains a denial that was one before', () => {
		const judged = judge(cluster({ policies: [policy()] }), observe('deny'));
		assert.equal([judged.finding, judged.flagged, judged.certainty, judged.constructs], ['explained', false, 'certain', []]);
		assert.equal(
			judged.evidence.map(({ role, policyName }) => [role, policyName]),
			[['isolates', 'p']],
		);
		assert.is(
			summarize(judged),
			'Denied as before the move: default/p isolates default/web for ingress and no rule admits default/client to default/web on TCP 8080.',
		);
	});

	it('calls rules of an unlisted direction an overreach, and names them in a confirmed entry', () => {
		const beyond = policy({ egress: [rule({ ports: [{ protocol: 'TCP', port: 443 }] })] });
		const denied = judge(cluster({ policies: [beyond] }), observe('deny', { direction: 'egress' }));
		assert.equal([denied.finding, denied.flagged, denied.constructs], ['overreach', true, ['policy-types-overreach']]);
		const allowed = judge(cluster({ policies: [beyond] }), observe('allow', { direction: 'egress', port: 443 }));
		assert.equal(
			[allowed.finding, allowed.flagged, allowed.constructs, allowed.certainty],
			['confirmed', false, ['policy-types-overreach'], 'certain'],
		);
		assert.match(summarize(allowed), /that is why default\/p takes part here, and why the log names it/);
	});

	it('calls an admission by rules of an unlisted direction newly open', () => {
		const beyond = policy({ egress: [rule()] });
		const deny = policy({ name: 'deny', types: ['ingress', 'egress'] });
		const judged = judge(cluster({ policies: [beyond, deny] }), observe('allow', { direction: 'egress' }));
		assert.equal([judged.finding, judged.flagged, judged.constructs], ['newly-open', true, ['policy-types-overreach']]);
		assert.is(judged.evidence.find(({ role }) => role === 'opens')?.policyName, 'p');
	});

	it('is only likely where the observation picks among the candidates', () => {
		const range = policy({ ingress: [rule({ ports: [{ protocol: 'TCP', port: 8000, endPort: 9000 }] })] });
		const denied = judge(cluster({ policies: [range] }), observe('deny'));
		assert.equal([denied.finding, denied.certainty, denied.constructs], ['void-rule', 'likely', ['end-port']]);
		const narrowed = judge(cluster({ policies: [range] }), observe('deny'), maskOf(['cilium-1.14', 'cilium-1.15']));
		assert.equal([narrowed.finding, narrowed.certainty], ['void-rule', 'certain']);
		assert.is(judge(cluster({ policies: [range] }), observe('deny'), bit('cilium-1.20')).finding, 'contradicted');
		assert.equal(
			[judge(cluster({ policies: [range] }), observe('allow')).finding, judge(cluster({ policies: [range] }), observe('allow')).certainty],
			['confirmed', 'likely'],
		);
	});

	it('is never surer than the construct', () => {
		const nodes = policy({ ingress: [rule({ peers: [block('10.128.0.0/20')] })] });
		const only = maskOf(['cilium-1.16']);
		const judged = judge(cluster({ policies: [nodes] }), observe('deny', { source: { ip: '10.128.0.2' } }), only);
		assert.equal([judged.finding, judged.certainty, judged.constructs], ['void-rule', 'likely', ['ipblock-node']]);
	});

	it('leaves out a construct that another rule makes up for', () => {
		const both = policy({
			ingress: [rule({ peers: [block('10.32.1.3/32')] }), rule({ peers: [{ podSelector: labels({ app: 'client' }) }] })],
		});
		const judged = judge(cluster({ policies: [both] }), observe('allow'));
		assert.equal([judged.finding, judged.constructs], ['confirmed', []]);
	});

	it('flags a denial that nothing isolates for', () => {
		const judged = judge(cluster(), observe('deny'));
		assert.equal([judged.finding, judged.flagged, judged.certainty], ['not-isolated', true, null]);
	});

	it('contradicts a denial that every candidate admits, and an admission that every one denies', () => {
		const open = policy({ ingress: [rule()] });
		assert.equal(
			[judge(cluster({ policies: [open] }), observe('deny')).finding, judge(cluster({ policies: [policy()] }), observe('allow')).finding],
			['contradicted', 'contradicted'],
		);
	});

	it('names a policy of a kind that can deny, even without a snapshot', () => {
		const named = [{ kind: 'CiliumClusterwideNetworkPolicy', name: 'lockdown' }];
		for (const snapshot of [undefined, cluster({ policies: [BY_ADDRESS] })]) {
			const judged = judge(snapshot, observe('deny', {}, named));
			assert.equal([judged.finding, judged.flagged, judged.certainty], ['explicit-deny', false, null]);
			assert.is(summarize(judged).startsWith('Denied by name: lockdown denies'), true);
		}
		const notDenying = judge(
			cluster({ policies: [policy()] }),
			observe('deny', {}, [{ kind: 'NetworkPolicy', namespace: 'default', name: 'p' }]),
		);
		assert.equal([notDenying.finding, notDenying.reasons], ['explained', ['policy-named-on-deny']]);
	});

	it('does not guess without a snapshot, or for a Pod that it does not hold', () => {
		assert.equal([judge(undefined, observe('deny')).finding, judge(undefined, observe('deny')).reasons], ['undecidable', ['no-snapshot']]);
		const [ingress, egress] = (['ingress', 'egress'] as const).map((direction) =>
			judge(undefined, observe('deny', { direction, source: { ip: '203.0.113.7' } })),
		);
		assert.equal([ingress?.subject.endpoint.name, ingress?.peer.ip, ingress?.peer.kind], ['web', '203.0.113.7', 'external']);
		assert.equal(
			[egress?.subject.ip, egress?.subject.kind, egress?.peer.endpoint.name, egress?.peer.kind],
			['203.0.113.7', 'external', 'web', 'unknown'],
		);
		const some = policy({ podSelector: labels({ app: 'web' }) });
		const unknown = judge(cluster({ policies: [some] }), observe('deny', { destination: pod('gone') }));
		assert.equal([unknown.finding, unknown.reasons, unknown.subject.kind], ['undecidable', ['unknown-subject'], 'unknown']);
		assert.equal([unknown.evidence, unknown.constructs, unknown.verdicts], [[], [], undefined]);
	});

	it('does not guess where a peer it does not hold may be selected, and decides where it cannot matter', () => {
		const selecting = policy({ ingress: [rule({ peers: [{ podSelector: labels({ app: 'client' }) }] })] });
		const judged = judge(cluster({ policies: [selecting] }), observe('deny', { source: { ...pod('gone'), ip: '10.32.1.99' } }));
		assert.equal([judged.finding, judged.reasons, judged.evidence[0]?.detail], ['undecidable', ['unknown-peer'], 'explained']);
		const denying = judge(cluster({ policies: [policy()] }), observe('deny', { source: { ...pod('gone'), ip: '10.32.1.99' } }));
		assert.is(denying.finding, 'explained');
	});

	it('does not guess where an unreadable policy may select the subject', () => {
		const unreadable = { namespace: 'default', name: 'bad', reason: 'spec.ingress[0].ports[0].port: 0' };
		const anyPod = judge(cluster({ policies: [policy()], unreadablePolicies: [unreadable] }), observe('deny'));
		assert.equal([anyPod.finding, anyPod.reasons], ['undecidable', ['unreadable-policy']]);
		const others = judge(
			cluster({ policies: [policy()], unreadablePolicies: [{ ...unreadable, podSelector: labels({ app: 'other' }) }] }),
			observe('deny'),
		);
		assert.is(others.finding, 'explained');
		const elsewhere = judge(
			cluster({ policies: [policy()], unreadablePolicies: [{ ...unreadable, namespace: 'other' }] }),
			observe('deny'),
		);
		assert.is(elsewhere.finding, 'explained');
	});

	it('leaves a Pod to itself open only where it is isolated and no rule admits it', () => {
		const itself = { source: pod('web'), destination: pod('web') };
		const denied = judge(cluster({ policies: [policy()] }), observe('deny', itself));
		assert.equal([denied.finding, denied.reasons, denied.evidence[0]?.detail], ['undecidable', ['self-traffic'], 'explained']);
		assert.is(judge(cluster({ policies: [policy({ ingress: [rule()] })] }), observe('allow', itself)).finding, 'confirmed');
		assert.is(judge(cluster(), observe('allow', itself)).finding, 'confirmed');
	});

	it('hints at a late reply, and at policies that differ', () => {
		const late = judge(cluster({ policies: [policy()] }), observe('deny', { sourcePort: 443, port: 51000 }));
		assert.equal([late.finding, late.reasons], ['explained', ['late-reply']]);
		const open = cluster({ policies: [policy({ ingress: [rule()] })] });
		assert.equal(judge(open, observe('allow', {}, [{ kind: 'NetworkPolicy', namespace: 'default', name: 'p' }])).reasons, []);
		assert.equal(judge(open, observe('allow', {}, [{ kind: 'NetworkPolicy', namespace: 'default', name: 'q' }])).reasons, [
			'policies-differ',
		]);
	});

	it('decides by the name where name and address disagree', () => {
		const judged = judge(cluster({ policies: [BY_ADDRESS] }), observe('deny', { source: { ...pod('client'), ip: '10.32.1.77' } }));
		assert.equal([judged.finding, judged.peer.endpoint.name, judged.reasons], ['explained', 'client', ['name-address-mismatch']]);
	});

	it('is given the same answer twice for the same input', () => {
		const snapshot = cluster({ policies: [BY_ADDRESS] });
		assert.equal(judge(snapshot, observe('deny')), judge(snapshot, observe('deny')));
		assert.is(DEFAULT_CANDIDATES & bit('cilium-1.20+cidr-match-nodes-pods'), 0);
	});
});

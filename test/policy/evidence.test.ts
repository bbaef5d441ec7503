import * as assert from 'uvu/assert';
import type { ConstructId } from '../../functions/policy/constructs.ts';
import { CONSTRUCTS } from '../../functions/policy/constructs.ts';
import { evidenceOf } from '../../functions/policy/explain.ts';
import type { Evidence } from '../../functions/policy/finding.ts';
import { judge } from '../../functions/policy/judge.ts';
import type { ClusterState, Disposition, Flow } from '../../functions/policy/model.ts';
import { bit, DEFAULT_CANDIDATES, idsOf, type Mask, maskOf } from '../../functions/policy/semantics.ts';
import { describe } from '../describe.ts';
import { block, cluster, labels, observe, pod, policy, rule } from './cluster.ts';
import { DECIDED } from './scenarios.ts';

const judged = (
	disposition: Disposition,
	state: Partial<ClusterState>,
	flow: Partial<Flow> = {},
	candidates: Mask = DEFAULT_CANDIDATES,
) => {
	const judgement = judge(cluster(state), observe(disposition, flow), candidates);
	return { ...judgement, evidence: evidenceOf(judgement) };
};
/** Role, policy, rule, peer, port and clause of each piece. */
const brief = (evidence: readonly Evidence[]) =>
	evidence.map(({ role, policyName, rule: index, peer, port, clause }) => [role, policyName, index, peer, port, clause]);
const OPEN = rule();

describe('the evidence of', (it) => {
	for (const { name, construct, state, disposition, flow, finding, piece, under } of DECIDED)
		it(`${name}: ${construct}`, () => {
			const found = judged(disposition, state, flow);
			assert.equal([found.finding, found.flagged, found.constructs], [finding, true, [construct]]);
			const { source, detail, semantics, ...pieces } = found.evidence.find((each) => each.construct !== undefined) ?? { role: 'admits' };
			assert.equal(idsOf(semantics ?? 0), under);
			const { direction } = flow;
			const own = { policyKind: 'NetworkPolicy', policyNamespace: 'default', policyName: 'p' };
			assert.equal(pieces, { ...(detail === undefined && own), direction, construct, ...piece });
			const rules = piece.rule === undefined || !direction ? undefined : state.policies?.[0]?.[direction][piece.rule];
			assert.equal(source, rules);
			const surest = CONSTRUCTS[construct].sure === 'certain' && under.length === 8 ? 'certain' : 'likely';
			assert.is(found.certainty, surest);
		});

	it('every construct that the engine attributes', () => {
		const attributed = new Set(DECIDED.map(({ construct }) => construct));
		const elsewhere: readonly ConstructId[] = ['ipblock-service', 'calico-crd', 'renamed-in-logs', 'multi-network'];
		assert.equal(
			Object.keys(CONSTRUCTS).filter((id) => !attributed.has(id as ConstructId)),
			elsewhere,
		);
	});
});

describe('the evidence of a finding', (it) => {
	const voided = rule({ peers: [block('10.32.1.3/32')] });

	it('void-rule has the rule first, then policies that isolate and are not named yet', () => {
		const policies = [policy({ ingress: [voided] }), policy({ name: 'deny' }), policy({ name: 'db', podSelector: labels({ app: 'db' }) })];
		assert.equal(brief(judged('deny', { policies }).evidence), [
			['void', 'p', 0, 0, undefined, 'ipBlock 10.32.1.3/32'],
			['isolates', 'deny', undefined, undefined, undefined, undefined],
		]);
	});

	it('void-rule has a piece for each rule that was lost', () => {
		const policies = [policy({ ingress: [rule({ ports: [{ protocol: 'UDP' }] }), voided] }), policy({ name: 'q', ingress: [voided] })];
		assert.equal(brief(judged('deny', { policies }).evidence), [
			['void', 'p', 1, 0, undefined, 'ipBlock 10.32.1.3/32'],
			['void', 'q', 0, 0, undefined, 'ipBlock 10.32.1.3/32'],
		]);
	});

	it('void-rule has a port and a peer where they fail under different generations', () => {
		const both = rule({ peers: [block('10.32.1.3/32')], ports: [{ protocol: 'TCP', port: 8000, endPort: 9000 }] });
		const { evidence, constructs } = judged('deny', { policies: [policy({ ingress: [both] })] });
		assert.equal(constructs, ['end-port', 'ipblock-pod']);
		assert.equal(brief(evidence), [
			['void', 'p', 0, undefined, 0, 'TCP 8000-9000'],
			['void', 'p', 0, 0, undefined, 'ipBlock 10.32.1.3/32'],
		]);
		assert.equal(
			evidence.map(({ semantics }) => idsOf(semantics ?? 0).at(-1)),
			['cilium-1.15+cidr-match-nodes', 'cilium-1.20'],
		);
	});

	it('void-rule names first what fails under the most candidates', () => {
		const sctp = rule({ peers: [block('10.32.1.3/32')], ports: [{ protocol: 'SCTP' }, { protocol: 'TCP', port: 8080 }] });
		const { evidence, constructs } = judged('deny', { policies: [policy({ ingress: [sctp] }), policy({ name: 'deny' })] });
		assert.equal(constructs, ['ipblock-pod', 'sctp-rejected']);
		assert.equal(
			evidence.map(({ construct, semantics }) => [construct, semantics === undefined ? [] : idsOf(semantics).slice(0, 2)]),
			[
				['ipblock-pod', ['cilium-1.13', 'cilium-1.14']],
				['sctp-rejected', ['cilium-1.12']],
				[undefined, []],
			],
		);
	});

	it('void-rule names what Calico saw, and where it fails the policy as a whole', () => {
		const metadata = rule({ peers: [block('169.254.169.252/32')] });
		const sctp = policy({ types: ['egress'], egress: [metadata, rule({ ports: [{ protocol: 'SCTP' }] })] });
		const state = { policies: [sctp, policy({ name: 'deny', types: ['egress'] })] };
		const flow = { direction: 'egress', destination: { ip: '169.254.169.254' }, port: 80 } as const;
		const constructs = (candidates?: Mask) => judged('deny', state, flow, candidates).evidence.map(({ construct }) => construct);
		assert.equal(constructs(), ['metadata-dnat', 'sctp-rejected', undefined]);
		assert.equal(constructs(bit('cilium-1.12')), ['sctp-rejected', undefined]);
	});

	it('void-rule does not blame a rule that admitted nothing before', () => {
		const range = rule({ ports: [{ protocol: 'TCP', port: 8000, endPort: 9000 }] });
		const policies = [policy({ ingress: [range] }), policy({ name: 'open', ingress: [rule({ peers: [block('0.0.0.0/0')] })] })];
		const { evidence, constructs } = judged('deny', { policies }, { source: { ip: '2001:db8::7' } });
		assert.equal(constructs, ['end-port']);
		assert.equal(
			evidence.map(({ role, policyName, semantics }) => [role, policyName, idsOf(semantics ?? 0)]),
			[
				['void', 'p', ['cilium-1.15', 'cilium-1.15+cidr-match-nodes']],
				['isolates', 'open', []],
			],
		);
	});

	it('overreach has what isolates now, and not what isolates as before', () => {
		const beyond = policy({ types: ['egress'], ingress: [rule({ ports: [{ protocol: 'TCP', port: 1 }] })] });
		const { evidence } = judged('deny', { policies: [beyond, policy({ name: 'open', namespace: 'other' })] });
		assert.equal(brief(evidence), [['isolates', 'p', undefined, undefined, undefined, 'policyTypes without Ingress']]);
	});

	it('explained has the policies that isolate, then the nearest rule', () => {
		const near = rule({ peers: [{ podSelector: labels({ app: 'client' }) }], ports: [{ protocol: 'TCP', port: 443 }] });
		const policies = [policy(), policy({ name: 'near', ingress: [near] })];
		const { evidence } = judged('deny', { policies });
		assert.equal(brief(evidence), [
			['isolates', 'p', undefined, undefined, undefined, undefined],
			['isolates', 'near', undefined, undefined, undefined, undefined],
			['near-miss', 'near', 0, undefined, undefined, 'ports'],
		]);
		assert.equal([evidence[2]?.source, evidence[2]?.direction, evidence[2]?.policyNamespace], [near, 'ingress', 'default']);
	});

	it('explained has what would open it under some candidates too', () => {
		const peers = [block('0.0.0.0/0')];
		const { finding, evidence, constructs, certainty } = judged(
			'deny',
			{ policies: [policy({ ingress: [rule({ peers })] })] },
			{ source: { ip: '2001:db8::7' } },
		);
		assert.equal([finding, certainty, constructs], ['explained', 'likely', ['any-cidr-dual-stack']]);
		assert.equal(brief(evidence), [
			['isolates', 'p', undefined, undefined, undefined, undefined],
			['opens', 'p', 0, 0, undefined, 'ipBlock 0.0.0.0/0'],
			['near-miss', 'p', 0, undefined, undefined, 'peers'],
		]);
	});

	it('confirmed has the rules that admit, by their first peer and port that match', () => {
		const ports = [{ protocol: 'UDP', port: 8080 } as const, { protocol: 'TCP', port: 8080 } as const];
		const wide = rule({ peers: [block('203.0.113.0/24'), { podSelector: labels() }], ports });
		const { evidence } = judged('allow', { policies: [policy({ ingress: [wide] }), policy({ name: 'q', ingress: [OPEN] })] });
		assert.equal(brief(evidence), [
			['admits', 'p', 0, 1, 1, 'podSelector {}, TCP 8080'],
			['admits', 'q', 0, undefined, undefined, 'every peer'],
		]);
		const first = rule({ peers: [{ podSelector: labels() }], ports: [{ protocol: 'TCP', port: 8080 }] });
		assert.equal(brief(judged('allow', { policies: [policy({ ingress: [first] })] }).evidence), [
			['admits', 'p', 0, 0, 0, 'podSelector {}, TCP 8080'],
		]);
		const portless = judged('allow', { policies: [policy({ ingress: [rule({ ports: [{ protocol: 'TCP', port: 8080 }] })] })] });
		assert.equal(brief(portless.evidence), [['admits', 'p', 0, undefined, 0, 'every peer, TCP 8080']]);
	});

	it('confirmed has what was lost where another rule makes up for it only under some candidates', () => {
		const range = rule({ ports: [{ protocol: 'TCP', port: 8000, endPort: 9000 }] });
		const { constructs, evidence } = judged('allow', { policies: [policy({ ingress: [range] })] });
		assert.equal(constructs, ['end-port']);
		assert.equal(brief(evidence), [
			['admits', 'p', 0, undefined, 0, 'every peer, TCP 8000-9000'],
			['void', 'p', 0, undefined, 0, 'TCP 8000-9000'],
		]);
	});

	it('of a disguised flow names the clause that admits the disguise', () => {
		const peers = [block('169.254.169.252/32')];
		const state = {
			policies: [policy({ types: ['egress'], egress: [rule({ peers })] }), policy({ name: 'q', types: ['egress'], egress: [OPEN] })],
		};
		const { finding, evidence } = judged('allow', state, { direction: 'egress', destination: { ip: '169.254.169.254' }, port: 80 });
		assert.equal([finding, brief(evidence).at(0)], ['confirmed', ['admits', 'p', 0, 0, undefined, 'ipBlock 169.254.169.252/32']]);
	});

	it('newly-open has what opens first, rules before what needs none, then what admits', () => {
		const excluding = { matchLabels: {}, matchExpressions: [{ key: 'team', operator: 'DoesNotExist', values: [] } as const] };
		const outside = rule({ peers: [{ namespaceSelector: excluding }], ports: [{ protocol: 'TCP', port: 8000, endPort: 9000 }] });
		const { finding, evidence } = judged('allow', { policies: [policy({ ingress: [outside] })] }, { source: { node: 'n2' } });
		assert.is(finding, 'newly-open');
		assert.equal(
			evidence.map(({ role, construct, semantics }) => [role, construct, idsOf(semantics ?? 0)]),
			[
				['opens', 'negative-namespace-selector', ['cilium-1.16']],
				['opens', 'ipblock-node', ['cilium-1.13+no-remote-node-identity']],
				['admits', undefined, []],
			],
		);
	});

	it('contradicted names the clause that admits under the candidates', () => {
		const both = rule({ peers: [block('10.32.1.3/32'), { podSelector: labels() }] });
		assert.equal(brief(judged('deny', { policies: [policy({ ingress: [both] })] }).evidence), [
			['admits', 'p', 0, 1, undefined, 'podSelector {}'],
		]);
	});

	it('contradicted has the rules that admit, or the policies that isolate', () => {
		assert.equal(brief(judged('deny', { policies: [policy({ ingress: [OPEN] })] }).evidence), [
			['admits', 'p', 0, undefined, undefined, 'every peer'],
		]);
		assert.equal(brief(judged('allow', { policies: [policy({ ingress: [voided] })] }).evidence), [
			['isolates', 'p', undefined, undefined, undefined, undefined],
			['void', 'p', 0, 0, undefined, 'ipBlock 10.32.1.3/32'],
		]);
	});

	it('not-isolated has the policies that isolate no more', () => {
		const sctp = policy({ ingress: [rule({ ports: [{ protocol: 'SCTP' }] })] });
		const { finding, constructs, evidence } = judged('deny', { policies: [sctp] }, {}, bit('cilium-1.12'));
		assert.equal([finding, constructs], ['not-isolated', ['sctp-rejected']]);
		assert.equal(brief(evidence), [['opens', 'p', undefined, undefined, undefined, 'the policy as a whole']]);
	});

	it('does not blame what makes no difference to isolation or verdict', () => {
		const wide = policy({ name: 'q', ingress: [OPEN] });
		assert.equal(judged('allow', { policies: [policy({ ingress: [voided] }), wide] }).constructs, []);
		const beyond = policy({ types: ['egress'], ingress: [rule({ ports: [{ protocol: 'TCP', port: 1 }] })] });
		assert.equal(judged('allow', { policies: [beyond, wide] }).constructs, []);
		assert.equal(judged('deny', { policies: [beyond, policy({ name: 'deny' })] }).constructs, []);
	});

	it('rests on the candidates given', () => {
		const range = { policies: [policy({ ingress: [rule({ ports: [{ protocol: 'TCP', port: 8000, endPort: 9000 }] })] })] };
		const { evidence } = judged('deny', range, {}, maskOf(['cilium-1.15', 'cilium-1.20']));
		assert.equal(idsOf(evidence[0]?.semantics ?? 0), ['cilium-1.15']);
	});
});

describe('a near miss', (it) => {
	const near = (ingress: readonly ReturnType<typeof rule>[], flow: Partial<Flow> = {}) => {
		const piece = judged('deny', { policies: [policy({ ingress })] }, flow).evidence.find(({ role }) => role === 'near-miss');
		return piece && [piece.rule, piece.clause];
	};
	const tcp = (port: number) => [{ protocol: 'TCP', port } as const];
	const client = [{ podSelector: labels({ app: 'client' }) }];
	const far = [{ podSelector: labels({ app: 'far' }) }];

	it('is the first rule of which one half matches', () => {
		assert.equal(near([rule({ peers: client, ports: tcp(1) })]), [0, 'ports']);
		assert.equal(near([rule({ peers: far, ports: tcp(8080) })]), [0, 'peers']);
		assert.equal(near([rule({ peers: far, ports: tcp(1) }), rule({ peers: far })]), [1, 'peers']);
		assert.equal(near([rule({ ports: tcp(1) })]), [0, 'ports']);
	});

	it('is none where both halves fail, or the policy did not apply before', () => {
		assert.is(near([rule({ peers: far, ports: tcp(1) })]), undefined);
		assert.is(near([rule({ peers: far, ports: [{ protocol: 'UDP' }] })]), undefined);
		assert.is(near([]), undefined);
		const beyond = policy({ name: 'beyond', types: ['egress'], ingress: [rule({ ports: tcp(1) })] });
		assert.equal(
			judged('deny', { policies: [policy(), beyond] }).evidence.map(({ role, policyName }) => [role, policyName]),
			[
				['isolates', 'p'],
				['isolates', 'beyond'],
			],
		);
	});

	it('may be towards a node or an address', () => {
		assert.equal(near([rule({ peers: [block('203.0.113.0/24')] })], { source: { ip: '198.51.100.1' } }), [0, 'peers']);
		assert.equal(near([rule({ peers: client })], { source: pod('far', 'other') }), [0, 'peers']);
	});
});

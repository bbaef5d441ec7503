import * as assert from 'uvu/assert';
import { compileSnapshot } from '../../../functions/policy/compile.ts';
import { CONSTRUCTS, type ConstructId } from '../../../functions/policy/constructs.ts';
import { denied } from '../../../functions/policy/evaluate.ts';
import { judge } from '../../../functions/policy/judge.ts';
import type { LintFinding } from '../../../functions/policy/lint/finding.ts';
import { lintFingerprint } from '../../../functions/policy/lint/fingerprint.ts';
import { lintSnapshot } from '../../../functions/policy/lint.ts';
import type { ClusterState, LabelSelector, OtherPolicy, PolicyRule } from '../../../functions/policy/model.ts';
import { CALICO, DEFAULT_CANDIDATES, idsOf, maskOf, NONE } from '../../../functions/policy/semantics.ts';
import { describe } from '../../describe.ts';
import { block, cluster, labels, observe, other, policy, rule } from '../cluster.ts';
import { out } from '../scenarios/scenario.ts';
import { DECIDED } from '../scenarios.ts';

const lint = (state: Partial<ClusterState>): readonly LintFinding[] => lintSnapshot(cluster(state));
const constructs = (state: Partial<ClusterState>): ConstructId[] => lint(state).map(({ construct }) => construct);
const only = (construct: ConstructId, state: Partial<ClusterState>): LintFinding => {
	const found = lint(state).filter((finding) => finding.construct === construct);
	assert.is(found.length, 1, JSON.stringify(lint(state), null, ' '));
	return found[0] as LintFinding;
};

/** What decides a flow and no manifest shows, with the reason. */
const FLOW_ONLY: Readonly<Record<string, string>> = {
	'a node without an identity of its own': 'the dataplane’s own exemption: no policy has a part in it',
};
/** Found in the manifest, and yet nothing that the snapshot holds shows it. */
const NOT_NOW: Readonly<Record<string, string>> = {
	'all addresses of the other family': 'its Pods have addresses of one family, so nothing of the other reaches them',
};

describe('lintSnapshot finds what the runtime blames', (it) => {
	for (const { name, construct, state, piece, under } of DECIDED)
		it(name, () => {
			const found = lint(state).filter(
				(finding) =>
					finding.construct === construct &&
					(finding.rule === undefined || finding.rule === piece.rule) &&
					(finding.peer === undefined || finding.peer === piece.peer) &&
					(finding.port === undefined || finding.port === piece.port) &&
					(maskOf(under) & ~finding.semantics) === NONE,
			);
			if (FLOW_ONLY[name] !== undefined) return assert.is(found.length, 0, FLOW_ONLY[name]);
			assert.is(found.length, 1, JSON.stringify(lint(state), null, ' '));
			const [finding] = found;
			assert.is(finding?.policyName, 'p');
			if (piece.peer !== undefined || piece.port !== undefined) assert.is(finding?.clause, piece.clause);
			assert.is(finding?.differsNow, NOT_NOW[name] === undefined, finding?.detail);
		});

	it('and every construct of the catalogue', () => {
		const decided = DECIDED.filter(({ name }) => FLOW_ONLY[name] === undefined).map(({ construct }) => construct);
		// Those that decide no verdict have tests of their own below.
		const others = ['ipblock-service', 'calico-crd', 'renamed-in-logs', 'multi-network'];
		assert.equal([...new Set([...decided, ...others])].sort(), Object.keys(CONSTRUCTS).sort());
	});
});

describe('lintSnapshot says what is true now', (it) => {
	for (const { name, state } of DECIDED)
		it(`by a connection that the runtime judges so: ${name}`, () => {
			const snapshot = cluster(state);
			for (const { construct, differsNow, example, semantics } of lintSnapshot(snapshot)) {
				assert.is(example !== undefined, differsNow);
				if (!example) continue;
				const { verdicts, constructs } = judge(snapshot, observe('deny', example));
				if (!verdicts) throw new Error('not judged');
				const denies = denied(verdicts);
				const differ = denies & CALICO ? DEFAULT_CANDIDATES & ~denies : DEFAULT_CANDIDATES & denies;
				assert.ok((differ & semantics) !== NONE, `${construct}: ${idsOf(differ)}`);
				assert.ok(constructs.includes(construct), `${construct}: ${constructs}`);
			}
		});
});

const key = (name: string): LabelSelector => ({ matchLabels: {}, matchExpressions: [{ key: name, operator: 'Exists', values: [] }] });
const service = { namespace: 'default', name: 'api', clusterIps: ['10.8.0.5'] };

describe('lintSnapshot', (it) => {
	it('finds nothing in policies that mean the same', () => {
		const policies = [
			policy({ name: 'deny', types: ['ingress', 'egress'] }),
			policy({
				podSelector: labels({ app: 'web' }),
				types: ['ingress', 'egress'],
				ingress: [
					rule({ peers: [{ podSelector: labels({ app: 'client' }) }], ports: [{ protocol: 'TCP', port: 'http' }] }),
					rule({ peers: [block('203.0.113.0/24')], ports: [{ protocol: 'TCP', port: 80, endPort: 80 }] }),
					rule({ peers: [{ namespaceSelector: labels(), podSelector: key('app.kubernetes.io/name') }] }),
				],
				egress: [rule({ peers: [block('0.0.0.0/0', '10.0.0.0/8')], ports: [{ protocol: 'TCP', port: 443 }] }), rule()],
			}),
		];
		assert.equal(constructs({ policies }), []);
	});

	it('finds nothing where there is nothing, nor in what cannot be read', () => {
		assert.equal(lint({ namespaces: [], pods: [], nodes: [] }), []);
		const unreadablePolicies = [{ namespace: 'default', name: 'u', reason: 'x' }];
		const otherPolicies = [other('FQDNNetworkPolicy', {}), other('CiliumNetworkPolicy', [{ endpointSelector: {} }])];
		assert.equal(constructs({ unreadablePolicies, otherPolicies }), []);
	});

	it('gives one finding for each sort that a block covers', () => {
		const findings = lint({ services: [service], policies: [out({ egress: [rule({ peers: [block('10.0.0.0/8')] })] })] });
		assert.equal(
			findings.map(({ construct, peer, differsNow }) => [construct, peer, differsNow]),
			[
				['ipblock-node', 0, true],
				['ipblock-pod', 0, true],
				['ipblock-service', 0, false],
			],
		);
		assert.equal(
			findings.map(({ detail }) => detail),
			[
				'it covers 3 nodes and host-network Pods now: n1, n2 and kube-system/agent'.replace(
					'kube-system/agent, n1 and n2',
					'n1, n2 and kube-system/agent',
				),
				'it covers 3 Pods now: default/client, default/web and other/far',
				'it covers 1 Service now: default/api; that admits nothing by itself, before the move or after it',
			],
		);
	});

	it('says one sentence for someone who was woken up', () => {
		const { summary, suggestion } = only('ipblock-pod', { policies: [policy({ ingress: [rule({ peers: [block('10.32.0.0/16')] })] })] });
		assert.is(
			summary,
			'Ingress rule 0 of default/p (peer 0, ipBlock 10.32.0.0/16), for 2 Pods: an ipBlock never matches a Pod of the cluster on Dataplane V2, whatever its width; for example, ingress from default/client to default/web on TCP 443 is allowed before the move and may be denied after it.',
		);
		assert.is(suggestion, CONSTRUCTS['ipblock-pod'].suggestion);
	});

	it('counts whom the policy selects, and names five', () => {
		const pods = Array.from({ length: 12 }, (_, index) => ({
			namespace: 'default',
			name: `w${String(11 - index).padStart(2, '0')}`,
			labels: { app: 'web' },
			ips: [`10.32.9.${index}`],
			...(index === 3 && { finished: true as const }),
			...(index === 4 && { hostNetwork: true as const }),
		}));
		const { affected, detail } = only('ipblock-pod', {
			pods,
			policies: [policy({ ingress: [rule({ peers: [block('10.32.9.0/24')] })] })],
		});
		assert.equal(affected, { count: 10, sample: ['default/w00', 'default/w01', 'default/w02', 'default/w03', 'default/w04'] });
		assert.is(detail, 'it covers 10 Pods now: default/w00, default/w01, default/w02 and 7 more');
	});

	it('finds a block over a range in which nothing runs yet, and says so', () => {
		const facts = { location: 'l', name: 'c', podRanges: ['10.64.0.0/14'], serviceRanges: ['10.9.0.0/20'] };
		const policies = [out({ egress: [rule({ peers: [block('10.64.0.0/10'), block('10.9.0.0/16', '10.9.0.0/24')] })] })];
		const findings = lint({ cluster: facts, policies });
		assert.equal(
			findings.map(({ construct, peer, differsNow, detail }) => [construct, peer, differsNow, detail]),
			[
				['ipblock-pod', 0, false, 'it covers no running Pod now; also the cluster’s range 10.64.0.0/14'],
				[
					'ipblock-service',
					1,
					false,
					'it covers no running Service now; also the cluster’s range 10.9.0.0/20; that admits nothing by itself, before the move or after it',
				],
			],
		);
		assert.is(idsOf(findings[0]?.semantics ?? 0).length, 8);
	});

	it('does not count what except cuts out', () => {
		const facts = { location: 'l', name: 'c', podRanges: ['10.32.0.0/16'] };
		const peers = [block('10.0.0.0/8', '10.32.0.0/16', '10.128.0.0/20')];
		assert.equal(constructs({ cluster: facts, policies: [policy({ ingress: [rule({ peers })] })] }), []);
	});

	it('says that other rules make up for a clause', () => {
		const peers = [block('10.32.1.3/32'), { podSelector: labels({ app: 'client' }) }];
		const { differsNow, example, summary } = only('ipblock-pod', { policies: [policy({ ingress: [rule({ peers })] })] });
		assert.equal([differsNow, example], [false, undefined]);
		assert.match(summary, /no connection of what the cluster holds now was found that it changes\.$/);
	});

	it('tells Pods behind a load balancer from others', () => {
		const lb = { namespace: 'default', name: 's', type: 'LoadBalancer', selector: { app: 'web' } };
		const state = { services: [lb], policies: [policy({ ingress: [rule({ peers: [block('10.128.0.0/20')] })] })] };
		assert.equal(only('snat-remote-node', state).affected, { count: 1, sample: ['default/web'] });
		assert.equal(only('ipblock-node', state).affected, { count: 1, sample: ['default/client'] });
	});

	it('finds all addresses of one family where a selected Pod has the other', () => {
		const pods = cluster().state.pods.map((each) => ({ ...each, ips: [...each.ips, `fd00::${each.name.length}`] }));
		const state = { pods, policies: [policy({ ingress: [rule({ peers: [block('0.0.0.0/0')] })] })] };
		assert.is(only('any-cidr-dual-stack', state).differsNow, true);
	});

	it('finds names in the log, other networks and Calico’s kinds, which decide no verdict of the engine', () => {
		const renamed = only('renamed-in-logs', {
			policies: [policy({ annotations: { 'policy.cilium.io/name': 'x', 'io.cilium.name': 'p' } })],
		});
		assert.equal([renamed.clause, renamed.differsNow], ['policy.cilium.io/name: x', false]);
		assert.equal(idsOf(renamed.semantics), ['cilium-1.14', 'cilium-1.15', 'cilium-1.16', 'cilium-1.20', 'cilium-1.15+cidr-match-nodes']);
		const network = policy({ annotations: { 'networking.gke.io/network': 'blue' }, ingress: [rule({ peers: [block('10.0.0.0/8')] })] });
		assert.equal(constructs({ policies: [network] }), ['multi-network']);
		const calico = (kind: string, spec: unknown, more: Partial<OtherPolicy> = {}) =>
			other(kind, spec, { apiVersion: 'crd.projectcalico.org/v1', ...more });
		const otherPolicies = [
			calico('GlobalNetworkPolicy', { selector: "app == 'web'" }, { name: 'g' }),
			calico('NetworkPolicy', { selector: 'all()' }, { namespace: 'other' }),
			calico('NetworkPolicy', null, { namespace: 'default', name: 'broken' }),
			calico('Tier', {}),
		];
		assert.equal(
			lint({ otherPolicies }).map(({ policyNamespace, policyName, affected, differsNow }) => [
				policyNamespace,
				policyName,
				affected.count,
				differsNow,
			]),
			[
				[undefined, 'g', 1, true],
				['default', 'broken', 2, true],
				['other', 'o', 1, true],
			],
		);
	});

	it('does not look at rules of a direction that did not count before', () => {
		const egress = [rule({ peers: [block('10.0.0.0/8')], ports: [{ protocol: 'TCP' }] })];
		assert.equal(constructs({ policies: [policy({ egress })] }), ['policy-types-overreach']);
	});

	it('takes DNS by address for what it is only where that may be so', () => {
		const dns = { protocol: 'UDP', port: 53 } as const;
		const withCache = (nodeLocalDns: boolean | undefined, peers = [block('169.254.20.10/32')], ports = [dns]) => ({
			cluster: { location: 'l', name: 'c', ...(nodeLocalDns !== undefined && { nodeLocalDns }) },
			policies: [out({ egress: [rule({ peers, ports })] })],
		});
		assert.equal(constructs(withCache(false)), []);
		const unknown = only('node-local-dns', withCache(undefined));
		assert.is(unknown.differsNow, false);
		assert.match(unknown.detail, /whether NodeLocal DNSCache is on is not known$/);
		// As the suggestion has it: the resolvers by their labels beside the address.
		const both = [block('169.254.20.10/32'), { namespaceSelector: labels(), podSelector: labels({ 'k8s-app': 'kube-dns' }) }];
		assert.equal(constructs(withCache(true, both)), []);
		assert.equal(constructs(withCache(undefined, [block('0.0.0.0/0', '10.0.0.0/8')], [])), []);
		// Known to be on, with a resolver: then a block of the internet admitted the cache's address, too.
		const resolver = { namespace: 'kube-system', name: 'dns', labels: { 'k8s-app': 'kube-dns' }, ips: ['10.32.2.53'] };
		const broad = { ...withCache(true, [block('0.0.0.0/0', '10.0.0.0/8')], []), pods: [...cluster().state.pods, resolver] };
		assert.is(only('node-local-dns', broad).differsNow, true);
	});

	it('takes DNS to each of many resolvers at once', () => {
		const resolvers = Array.from({ length: 1500 }, (_, index) => ({
			namespace: 'kube-system',
			name: `node-local-dns-${index}`,
			labels: { 'k8s-app': 'node-local-dns' },
			ips: [`10.128.${8 + (index >> 8)}.${index & 255}`],
			hostNetwork: true as const,
			...(index === 0 && { finished: true as const }),
		}));
		const egress = [rule({ peers: [block('0.0.0.0/0', '10.0.0.0/8')], ports: [{ protocol: 'UDP', port: 53 }] })];
		const policies = Array.from({ length: 50 }, (_, index) => out({ name: `p${index}`, egress }));
		const snapshot = cluster({
			cluster: { location: 'l', name: 'c', nodeLocalDns: true },
			pods: [...cluster().state.pods, ...resolvers],
			policies,
		});
		const findings = lintSnapshot(snapshot).filter(({ construct }) => construct === 'node-local-dns');
		assert.is(findings.length, 50);
		assert.match(findings[0]?.detail ?? '', /node-local-dns-1, .* and 1496 more/);
	});

	it('finds nothing where another rule admits what Dataplane V2 sees, as the suggestion has it', () => {
		const older = rule({ peers: [block('169.254.169.252/32')], ports: [{ protocol: 'TCP', port: 988 }] });
		const newer = (...ports: number[]) =>
			rule({ peers: [block('169.254.169.254/32')], ports: ports.map((port) => ({ protocol: 'TCP', port })) });
		assert.equal(constructs({ policies: [out({ egress: [older] })] }), ['metadata-dnat']);
		assert.equal(constructs({ policies: [out({ egress: [older, newer(80, 8080)] })] }), []);
		assert.equal(constructs({ policies: [out({ egress: [older, newer(8080)] })] }), ['metadata-dnat']);
		const ranged = { ...newer(), ports: [{ protocol: 'TCP', port: 79, endPort: 81 } as const] };
		assert.equal(constructs({ policies: [out({ egress: [older, ranged] })] }), ['metadata-dnat', 'end-port']);
		const both = [rule({ peers: [block('0.0.0.0/0', '10.0.0.0/8'), block('::/0')] })];
		const families = (peers: readonly string[]) =>
			constructs({ nodes: [], pods: [], policies: [policy({ ingress: [rule({ peers: peers.map((each) => block(each)) })] })] });
		assert.equal(families(['0.0.0.0/0', '::/0']), []);
		assert.equal(families(['0.0.0.0/0', '::/1']), ['any-cidr-dual-stack']);
		assert.equal(constructs({ nodes: [], pods: [], policies: [policy({ ingress: both })] }), ['any-cidr-dual-stack']);
	});

	it('finds the metadata server by its port after translation alone', () => {
		const { clause, differsNow } = only('metadata-dnat', {
			policies: [out({ egress: [rule({ ports: [{ protocol: 'TCP', port: 988 }] })] })],
		});
		assert.equal([clause, differsNow], ['every peer, TCP 988', true]);
		assert.equal(constructs({ policies: [out({ egress: [rule({ ports: [{ protocol: 'TCP', port: 989 }] })] })] }), []);
	});

	it('finds what of a range several cuts of a block leave', () => {
		const facts = { location: 'l', name: 'c', podRanges: ['10.64.0.0/14', 'fd00::/62'] };
		const left = (...peers: ReturnType<typeof block>[]) =>
			lint({ cluster: facts, policies: [policy({ ingress: [rule({ peers })] })] }).map(({ peer, construct }) => [peer, construct]);
		const cuts = ['10.67.0.0/16', '10.64.0.0/16', '10.64.0.0/17'];
		const cuts6 = ['fd00:0:0:3::/64', 'fd00::/64', 'fd00:0:0:1::/64'];
		assert.equal(left(block('10.64.0.0/10', ...cuts), block('fd00::/16', ...cuts6)), [
			[0, 'ipblock-pod'],
			[1, 'ipblock-pod'],
		]);
		assert.equal(left(block('10.64.0.0/10', ...cuts, '10.65.0.0/16', '10.66.0.0/16'), block('fd00::/16', ...cuts6, 'fd00:0:0:2::/64')), []);
		assert.equal(left(block('0.0.0.0/1', '0.0.0.0/2', '64.0.0.0/2'), block('128.0.0.0/1', '128.0.0.0/2', '192.0.0.0/2')), []);
	});

	it('does not say that the address of kube-dns admitted nothing where the cache made it admit DNS', () => {
		const services = [{ namespace: 'kube-system', name: 'kube-dns', clusterIps: ['10.8.0.10'] }];
		const policies = [out({ egress: [rule({ peers: [block('10.8.0.10/32')] })] })];
		const detail = (nodeLocalDns: boolean) =>
			only('ipblock-service', { cluster: { location: 'l', name: 'c', nodeLocalDns }, services, policies }).detail;
		assert.match(detail(true), /but for DNS before it where NodeLocal DNSCache is on$/);
		assert.match(detail(false), /before the move or after it$/);
	});

	it('finds Services in a block of destinations only: nothing connects from a ClusterIP', () => {
		const peers = [block('10.8.0.0/16')];
		assert.equal(constructs({ services: [service], policies: [policy({ ingress: [rule({ peers })] })] }), []);
		assert.equal(constructs({ services: [service], policies: [out({ egress: [rule({ peers })] })] }), ['ipblock-service']);
	});

	it('does not count the names that a Pod declared which has ended', () => {
		const job = (finished: boolean) => ({
			namespace: 'default',
			name: 'job',
			labels: {},
			ips: ['10.32.7.7'],
			ports: [{ name: 'http', port: 80, protocol: 'TCP', init: 'sidecar' } as const],
			...(finished && { finished: true as const }),
		});
		const policies = [policy({ ingress: [rule({ ports: [{ protocol: 'TCP', port: 'http' }] })] })];
		// A late entry may name it all the same, so the clause is found.
		const ended = only('named-port-unresolved', { pods: [job(true)], policies });
		assert.equal([ended.affected.count, ended.detail.slice(0, 25)], [0, 'no running Pod declares i']);
		const { affected, detail } = only('named-port-unresolved', { pods: [job(false), { ...job(true), name: 'old' }], policies });
		assert.equal(affected, { count: 1, sample: ['default/job'] });
		assert.match(detail, /^default\/job declares it on a sidecar/);
	});

	it('says what may be as long as the input likes in few words, and tells it apart', () => {
		const cuts = Array.from({ length: 5000 }, (_, index) => `10.200.${index >> 8}.${index & 255}/32`);
		const ports = Array.from({ length: 3000 }, (_, index) => ({ protocol: 'SCTP', port: index + 1 }) as const);
		const pods = Array.from({ length: 3000 }, (_, index) => ({
			namespace: 'default',
			name: `${'n'.repeat(248)}${index}`,
			labels: {},
			ips: [`10.40.${index >> 8}.${index & 255}`],
			ports: [{ name: 'http', port: index + 1, protocol: 'TCP' } as const],
		}));
		const findings = lint({
			pods,
			policies: [
				out({
					name: 'p'.repeat(253),
					annotations: { 'io.cilium.name': '\u{1f600}'.repeat(50_000) },
					egress: [
						rule({ peers: [block('0.0.0.0/0', ...cuts), block('0.0.0.0/0', ...cuts.slice(0, -1))] }),
						...ports.map((port) => rule({ ports: [port] })),
						rule({ ports: [{ protocol: 'TCP', port: 'http' }] }),
					],
				}),
				policy({
					name: 'q',
					podSelector: {
						matchLabels: {},
						matchExpressions: [{ key: 'pod-template-hash', operator: 'In', values: cuts.map((_, i) => `${i}`) }],
					},
				}),
				policy({ name: 'r', annotations: { 'networking.gke.io/network': 'x'.repeat(100_000) } }),
			],
		});
		assert.equal([...new Set(findings.map(({ construct }) => construct))].sort(), [
			'ipblock-node',
			'ipblock-pod',
			'label-not-identity',
			'multi-network',
			'named-port-ambiguous',
			'renamed-in-logs',
			'sctp-rejected',
		]);
		for (const { clause, detail, summary, construct } of findings) {
			assert.ok(clause.length < 600 && detail.length < 1500 && summary.length < 3000, `${construct} ${clause.length} ${detail.length}`);
			assert.ok(`${clause}${detail}${summary}`.isWellFormed());
		}
		const prints = findings.map((finding) => lintFingerprint(finding, undefined));
		assert.is(new Set(prints).size, prints.length);
	});

	it('has the same fingerprint where rules, peers or ports change places', () => {
		const peers = [block('10.0.0.0/8'), block('10.32.0.0/16'), { podSelector: labels({ a: '1', 'pod-template-hash': '2' }) }];
		const ports = [{ protocol: 'UDP' }, { protocol: 'TCP', port: 1, endPort: 2 }] as const;
		const printsOf = (ingress: readonly PolicyRule[]) =>
			lint({ policies: [policy({ ingress })] })
				.map((finding) => lintFingerprint(finding, undefined))
				.sort();
		const prints = printsOf([rule({ peers, ports }), rule()]);
		assert.is(prints.length, 6);
		assert.equal(printsOf([rule(), rule({ peers: peers.toReversed(), ports: ports.toReversed() })]), prints);
	});

	it('counts the candidates that it is given, and no others', () => {
		const snapshot = cluster({ policies: [policy({ ingress: [rule({ ports: [{ protocol: 'TCP', port: 1, endPort: 9 }] })] })] });
		assert.equal(lintSnapshot(snapshot, maskOf(['cilium-1.16', 'cilium-1.20'])), []);
		assert.equal(
			lintSnapshot(snapshot, maskOf(['cilium-1.15', 'cilium-1.20'])).map(({ semantics }) => idsOf(semantics)),
			[['cilium-1.15']],
		);
	});

	it('is in the same order whatever the order of the objects', () => {
		const policies = ['b', 'a', 'c'].map((name) =>
			policy({ name, ingress: [rule({ peers: [block('0.0.0.0/0')], ports: [{ protocol: 'UDP' }] })] }),
		);
		const state = { ...cluster({ policies }).state, services: [service] };
		const reversed = Object.fromEntries(
			Object.entries(state).map(([name, list]) => [name, Array.isArray(list) ? list.toReversed() : list]),
		) as unknown as ClusterState;
		const of = (given: ClusterState) => lintSnapshot(compileSnapshot({ format: 1, id: 'any-000000000000', state: given }));
		const places = (findings: readonly LintFinding[]) =>
			findings.map(({ policyName, construct, peer, port, detail, affected }) => [policyName, construct, peer, port, detail, affected]);
		assert.ok(of(state).length > 9);
		assert.equal(places(of(reversed)), places(of(state)));
	});
});

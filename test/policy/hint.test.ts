import * as assert from 'uvu/assert';
import { compileSnapshot } from '../../functions/policy/compile.ts';
import { judge } from '../../functions/policy/judge.ts';
import type { ClusterState, Flow, LoggedPolicy, Observation, PodState, Snapshot } from '../../functions/policy/model.ts';
import { bit } from '../../functions/policy/semantics.ts';
import { describe } from '../describe.ts';
import { block, cluster, labels, observe, pod, policy, rule } from './cluster.ts';

const DENY = policy();
const OPEN = policy({ ingress: [rule()] });
const TIME = '2026-11-24T10:00:00Z';
/** A time that many seconds before the entry. */
const before = (seconds: number) => new Date(Date.parse(TIME) - seconds * 1000).toISOString();

const reasons = (disposition: 'allow' | 'deny', state: Partial<ClusterState>, tweaks: Partial<Flow> = {}, policies: LoggedPolicy[] = []) =>
	judge(cluster(state), observe(disposition, tweaks, policies)).reasons;
const timed = (times: Partial<Snapshot>, pods = cluster().state.pods, tweaks: Partial<Observation> = {}) => {
	const state: ClusterState = { ...cluster().state, policies: [DENY], pods };
	return judge(compileSnapshot({ format: 1, id: 'x', state, ...times }), { ...observe('deny'), ...tweaks }).reasons;
};

describe('a late reply', (it) => {
	const ports = (sourcePort: number | undefined, port: number | undefined, disposition: 'allow' | 'deny' = 'deny') =>
		reasons(
			disposition,
			{ policies: [disposition === 'deny' ? DENY : OPEN] },
			{
				...(sourcePort !== undefined && { sourcePort }),
				...(port !== undefined && { port }),
			},
		).includes('late-reply');

	it('comes from a service port to an ephemeral one', () => {
		assert.equal([ports(443, 32768), ports(443, 60999), ports(32767, 32768)], [true, true, true]);
		assert.equal([ports(443, 32767), ports(32768, 60999), ports(40000, 8080)], [false, false, false]);
	});

	it('is a denial whose ports are known', () => {
		assert.is(ports(443, 51000, 'allow'), false);
		const { sourcePort: _, ...flow } = observe('deny', { port: 51000 }).flow;
		assert.equal(judge(cluster({ policies: [DENY] }), { ...observe('deny'), flow }).reasons, []);
		const { port: __, ...portless } = observe('deny', { sourcePort: 443 }).flow;
		assert.equal(judge(cluster({ policies: [DENY] }), { ...observe('deny'), flow: portless }).reasons, []);
	});

	it('can be told without a snapshot', () => {
		assert.equal(judge(undefined, observe('deny', { sourcePort: 443, port: 51000 })).reasons, ['no-snapshot', 'late-reply']);
	});
});

describe('a policy that a denial names', (it) => {
	const named = (...policies: LoggedPolicy[]) => {
		const judged = judge(cluster({ policies: [DENY] }), observe('deny', {}, policies));
		return [
			judged.finding,
			judged.reasons,
			judged.evidence.map(({ policyKind, policyNamespace, policyName }) => [policyKind, policyNamespace, policyName]),
		];
	};
	const NETWORK_POLICY = { kind: 'NetworkPolicy', namespace: 'default', name: 'p' };

	it('is only a reason where its kind cannot deny', () => {
		for (const kind of ['NetworkPolicy', 'FQDNNetworkPolicy', 'Tier']) {
			const [finding, why] = named({ ...NETWORK_POLICY, kind });
			assert.equal([finding, why], ['explained', ['policy-named-on-deny']], kind);
		}
		assert.equal(named({ name: 'p' }).slice(0, 2), ['explained', ['policy-named-on-deny']]);
	});

	it('decides where its kind can, and nothing else is said of it', () => {
		const kinds = ['CiliumNetworkPolicy', 'CiliumClusterwideNetworkPolicy', 'ClusterNetworkPolicy', 'AdminNetworkPolicy'];
		for (const kind of [...kinds, 'BaselineAdminNetworkPolicy', 'GlobalNetworkPolicy'])
			assert.equal(named({ kind, name: 'd' }), ['explicit-deny', [], [[kind, undefined, 'd']]], kind);
	});

	it('that cannot deny is no evidence beside one that can', () => {
		const both = named(NETWORK_POLICY, { kind: 'CiliumNetworkPolicy', namespace: 'default', name: 'd' });
		assert.equal(both, ['explicit-deny', ['policy-named-on-deny'], [['CiliumNetworkPolicy', 'default', 'd']]]);
	});
});

describe('the policies that an admission names', (it) => {
	const named = (state: Partial<ClusterState>, name: string, namespace: string | undefined = 'default', candidates?: number) =>
		judge(cluster(state), observe('allow', {}, [{ ...(namespace && { namespace }), name }]), candidates).reasons;

	it('are no reason where one of them admits, under some candidate', () => {
		assert.equal(named({ policies: [OPEN, policy({ name: 'q', ingress: [rule()] })] }, 'q'), []);
		const voided = policy({ name: 'void', ingress: [rule({ peers: [block('10.32.1.3/32')] })] });
		assert.equal(named({ policies: [OPEN, voided] }, 'void'), ['policies-differ']);
		const range = policy({ name: 'range', ingress: [rule({ ports: [{ protocol: 'TCP', port: 8000, endPort: 9000 }] })] });
		assert.equal(named({ policies: [range] }, 'range'), []);
		assert.equal(named({ policies: [OPEN, range] }, 'range', 'default', bit('cilium-1.12')), ['policies-differ']);
	});

	it('differ by name or namespace', () => {
		assert.equal(named({ policies: [OPEN] }, 'other'), ['policies-differ']);
		assert.equal(named({ policies: [OPEN] }, 'p', 'other'), ['policies-differ']);
		assert.equal(named({ policies: [OPEN] }, 'p', ''), ['policies-differ']);
		assert.equal(named({}, 'p'), ['policies-differ']);
		assert.equal(judge(cluster(), observe('allow')).reasons, []);
	});

	it('may have the name of an annotation', () => {
		for (const key of ['policy.cilium.io/name', 'io.cilium.name']) {
			const renamed = policy({ ingress: [rule()], annotations: { [key]: 'alias' } });
			assert.equal(named({ policies: [renamed] }, 'alias'), ['renamed-in-logs']);
			assert.equal(named({ policies: [renamed] }, 'p'), []);
		}
	});
});

describe('a protocol', (it) => {
	it('that Dataplane V2 drops whatever the policies say is named on a denial', () => {
		const open = cluster({ policies: [policy({ ingress: [rule()] })] });
		for (const protocol of ['SCTP', 'GRE', '47'])
			assert.equal(judge(open, observe('deny', { protocol })).reasons, ['unsupported-protocol'], protocol);
		for (const protocol of ['TCP', 'UDP', 'ICMP', 'ICMPV6']) assert.equal(judge(open, observe('deny', { protocol })).reasons, [], protocol);
		assert.equal(judge(open, observe('allow', { protocol: 'SCTP' })).reasons, []);
	});
});

describe('what lies near in time', (it) => {
	const pods = (name: string, createdAt: string): PodState[] =>
		cluster().state.pods.map((each) => (each.name === name ? { ...each, createdAt } : each));

	it('is a Pod at either end that had just started', () => {
		for (const name of ['web', 'client']) {
			assert.equal(timed({}, pods(name, before(29))), ['settling-pod']);
			assert.equal(timed({}, pods(name, before(30))), []);
		}
		assert.equal(timed({}, pods('far', before(1))), []);
	});

	it('is a Pod of the entry’s name that came later, whatever was decided, and that one had not just started', () => {
		for (const name of ['web', 'client']) {
			assert.equal(timed({}, pods(name, before(-1))), ['created-later']);
			assert.equal(timed({}, pods(name, before(-20_000_000))), ['created-later']);
			assert.equal(timed({}, pods(name, before(0))), ['settling-pod']);
		}
		assert.equal(timed({}, pods('web', before(-1)), { disposition: 'allow' }), ['created-later']);
		const both = pods('web', before(-1)).map((each) => (each.name === 'client' ? { ...each, createdAt: before(5) } : each));
		assert.equal(timed({}, both), ['created-later', 'settling-pod']);
	});

	it('is no Pod that came later and has the entry’s address now', () => {
		const flow = { ...observe('deny').flow, destination: { ip: '10.32.1.2' } };
		const state = { ...cluster().state, policies: [DENY] };
		const judged = (createdAt: string) =>
			judge(compileSnapshot({ format: 1, id: 'x', state: { ...state, pods: pods('web', createdAt) } }), { ...observe('deny'), flow });
		assert.equal([judged(before(60)).finding, judged(before(60)).reasons], ['explained', []]);
		assert.equal([judged(before(-60)).finding, judged(before(-60)).reasons], ['undecidable', ['unknown-subject']]);
	});

	it('is a state that had just changed, or was looked at long before', () => {
		assert.equal(timed({ validFrom: before(29), collectedAt: before(20) }), ['recent-change']);
		assert.equal(timed({ validFrom: before(30), collectedAt: before(900) }), []);
		assert.equal(timed({ validFrom: before(2000), collectedAt: before(901) }), ['snapshot-lag']);
		assert.equal(timed({ collectedAt: before(901) }), ['snapshot-lag']);
	});

	it('is not said of what is allowed, or where the time cannot be read', () => {
		const now = { validFrom: before(1), collectedAt: before(5000) };
		assert.equal(timed(now, cluster().state.pods, { disposition: 'allow' }), []);
		assert.equal(timed(now, pods('web', before(1)), { timestampMs: Number.NaN }), []);
		assert.equal(timed(now, pods('web', 'yesterday')), ['recent-change', 'snapshot-lag']);
	});
});

describe('an end', (it) => {
	it('whose name and address disagree is said to, at either side', () => {
		const state = { policies: [DENY] };
		assert.equal(reasons('deny', state, { source: { ...pod('client'), ip: '10.32.1.77' } }), ['name-address-mismatch']);
		assert.equal(reasons('deny', state, { destination: { ...pod('web'), ip: '10.32.1.77' } }), ['name-address-mismatch']);
		const late = { source: { ...pod('client'), ip: '10.32.1.77' }, sourcePort: 443, port: 51000 };
		assert.equal(reasons('deny', state, late, [{ name: 'p' }]), ['late-reply', 'policy-named-on-deny', 'name-address-mismatch']);
	});

	it('that was judged by a sibling’s labels makes the answer likely, and says whose', () => {
		const pods = [
			...cluster().state.pods,
			{ namespace: 'default', name: 'db-0', labels: {}, ips: [], owner: { kind: 'StatefulSet', name: 'db' } },
		];
		for (const tweaks of [{ source: pod('db-1') }, { destination: pod('db-1') }]) {
			const judged = judge(cluster({ pods, policies: [DENY] }), observe('deny', tweaks));
			assert.equal([judged.finding, judged.certainty, judged.reasons], ['explained', 'likely', ['sibling-labels']]);
			assert.equal(judged.evidence.at(-1), {
				role: 'stand-in',
				detail: 'default/db-1 is not in the snapshot: judged by the labels of default/db-0',
			});
		}
	});
});

describe('other policies of the subject', (it) => {
	it('are hinted at where they are for another network', () => {
		const blue = policy({ name: 'blue', annotations: { 'networking.gke.io/network': 'blue' } });
		assert.equal(reasons('deny', { policies: [DENY, blue] }), ['multi-network']);
		assert.equal(reasons('deny', { policies: [DENY, { ...blue, podSelector: labels({ app: 'db' }) }] }), []);
		assert.equal(reasons('allow', { policies: [{ ...blue, namespace: 'other' }] }), []);
	});

	it('are hinted at where they are of another kind and cannot change the finding', () => {
		const wide = {
			apiVersion: 'cilium.io/v2',
			kind: 'CiliumClusterwideNetworkPolicy',
			name: 'o',
			spec: { endpointSelector: {}, ingress: [{}] },
		};
		assert.equal(reasons('allow', { policies: [OPEN], otherPolicies: [wide] }), ['other-policies-present']);
		assert.equal(reasons('deny', { policies: [DENY], otherPolicies: [wide] }), ['other-policy-kind']);
		assert.equal(reasons('allow', { policies: [OPEN] }), []);
	});
});

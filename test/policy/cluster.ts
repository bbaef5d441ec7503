import { compileSnapshot } from '../../functions/policy/compile.ts';
import { judge } from '../../functions/policy/judge.ts';
import type {
	ClusterState,
	Disposition,
	Flow,
	LabelSelector,
	NetworkPolicy,
	Observation,
	OtherPolicy,
	PodState,
	PolicyPeer,
	PolicyRule,
} from '../../functions/policy/model.ts';

/** Builders of canonical state for the engine's tests: a base object and tweaks. */

export const labels = (matchLabels: Record<string, string> = {}): LabelSelector => ({ matchLabels, matchExpressions: [] });
export const block = (cidr: string, ...except: string[]): PolicyPeer => ({ ipBlock: { cidr, except } });
export const rule = (tweaks: Partial<PolicyRule> = {}): PolicyRule => ({ peers: [], ports: [], ...tweaks });

export const policy = (tweaks: Partial<NetworkPolicy> = {}): NetworkPolicy => ({
	namespace: 'default',
	name: 'p',
	podSelector: labels(),
	types: ['ingress'],
	ingress: [],
	egress: [],
	...tweaks,
});

/** `web` and `client` on n1, `far` on n2, `agent` on n2's host network. */
const PODS: readonly PodState[] = [
	{
		namespace: 'default',
		name: 'web',
		labels: { app: 'web' },
		ips: ['10.32.1.2'],
		node: 'n1',
		ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
	},
	{ namespace: 'default', name: 'client', labels: { app: 'client' }, ips: ['10.32.1.3'], node: 'n1' },
	{ namespace: 'other', name: 'far', labels: { app: 'far' }, ips: ['10.32.2.2'], node: 'n2' },
	{ namespace: 'kube-system', name: 'agent', labels: { app: 'agent' }, ips: ['10.128.0.2'], node: 'n2', hostNetwork: true },
];

export function cluster(tweaks: Partial<ClusterState> = {}) {
	const state: ClusterState = {
		namespaces: ['default', 'other', 'kube-system'].map((name) => ({ name, labels: { 'kubernetes.io/metadata.name': name } })),
		nodes: [
			{ name: 'n1', ips: ['10.128.0.1'] },
			{ name: 'n2', ips: ['10.128.0.2'] },
		],
		pods: PODS,
		services: [],
		policies: [],
		unreadablePolicies: [],
		otherPolicies: [],
		unreadableKinds: [],
		...tweaks,
	};
	return compileSnapshot({ format: 1, id: 'any-000000000000', state });
}

export const pod = (name: string, namespace = 'default') => ({ pod: { namespace, name } });

export const flow = (tweaks: Partial<Flow> = {}): Flow => ({
	direction: 'ingress',
	source: pod('client'),
	destination: pod('web'),
	protocol: 'TCP',
	sourcePort: 40000,
	port: 8080,
	...tweaks,
});

export const observe = (
	disposition: Observation['disposition'],
	tweaks: Partial<Flow> = {},
	policies: Observation['policies'] = [],
): Observation => ({
	flow: flow(tweaks),
	disposition,
	policies,
	timestamp: '2026-11-24T10:00:00Z',
	timestampMs: Date.parse('2026-11-24T10:00:00Z'),
});

/** The finding, or the reasons why there is none. */
export const decided = (disposition: Disposition, state: Partial<ClusterState>, tweaks: Partial<Flow> = {}) => {
	const { finding, reasons } = judge(cluster(state), observe(disposition, tweaks));
	return finding === 'undecidable' ? reasons : finding;
};

/** A policy of another kind. */
export const other = (kind: string, spec: unknown, more: Partial<OtherPolicy> = {}): OtherPolicy => ({
	apiVersion: 'x/v1',
	kind,
	name: 'o',
	spec,
	...more,
});

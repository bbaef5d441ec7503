import type {
	ClusterState,
	LabelSelector,
	NetworkPolicy,
	PodState,
	PolicyPeer,
	PolicyPort,
	PolicyRule,
} from '../../functions/policy/model.ts';
import type { Random } from '../random.ts';

const APPS = Array.from({ length: 20 }, (_, index) => `app${index}`);
const TIERS = ['front', 'back', 'data'];
const RELEASES = ['stable', 'canary'];
export const PORTS = [80, 443, 5432, 6379, 8000, 8050, 8080, 8443, 9090];
const PODS_A_NODE = 100;

const name = (prefix: string, index: number) => `${prefix}${String(index).padStart(5, '0')}`;
const address = (base: number, index: number) => `10.${base + (index >>> 16)}.${(index >>> 8) & 255}.${index & 255}`;
const select = (matchLabels: Record<string, string>): LabelSelector => ({ matchLabels, matchExpressions: [] });

/**
 * A cluster of the given size: a namespace for 20 policies, 100 Pods a node. A twelfth of the policies denies by default; the others
 * select by app, and admit by selectors, namespaces and ipBlocks, on numbers, ranges, names and whole protocols.
 */
export function generateCluster({ policies, pods, random }: { policies: number; pods: number; random: Random }): ClusterState {
	const namespaces = Array.from({ length: Math.max(1, policies / 20) }, (_, index) => name('ns', index));
	return {
		namespaces: namespaces.map((namespace, index) => ({
			name: namespace,
			labels: { 'kubernetes.io/metadata.name': namespace, team: `team${index % 8}` },
		})),
		nodes: Array.from({ length: pods / PODS_A_NODE }, (_, index) => ({ name: name('node', index), ips: [address(128, index + 1)] })),
		pods: Array.from({ length: pods }, (_, index) => generatePod(random, random.pick(namespaces), index)),
		services: [],
		policies: Array.from({ length: policies }, (_, index) => generatePolicy(random, random.pick(namespaces), { index, namespaces })),
		unreadablePolicies: [],
		otherPolicies: [],
		unreadableKinds: [],
	};
}

function generatePod(random: Random, namespace: string, index: number): PodState {
	const app = random.pick(APPS);
	return {
		namespace,
		name: `${app}-${random.below(1e9).toString(36)}-${index.toString(36)}`,
		labels: { app, tier: random.pick(TIERS), release: random.pick(RELEASES), 'pod-template-hash': random.below(1e9).toString(16) },
		ips: [address(32, index + 1)],
		node: name('node', Math.floor(index / PODS_A_NODE)),
		ports: [
			{ name: 'http', port: 8080, protocol: 'TCP' },
			{ name: 'metrics', port: 9090, protocol: 'TCP' },
		],
		owner: { kind: 'Deployment', name: app },
		createdAt: '2026-11-23T08:00:00Z',
	};
}

interface PolicyContext {
	readonly index: number;
	readonly namespaces: readonly string[];
}

function generatePolicy(random: Random, namespace: string, { index, namespaces }: PolicyContext): NetworkPolicy {
	const both = random.next() < 0.5;
	const base = { namespace, name: name('policy', index), types: both ? (['ingress', 'egress'] as const) : (['ingress'] as const) };
	if (random.next() < 1 / 12) return { ...base, podSelector: select({}), ingress: [], egress: [] };
	const rules = () => Array.from({ length: 1 + random.below(3) }, () => generateRule(random, namespaces));
	return { ...base, podSelector: select({ app: random.pick(APPS) }), ingress: rules(), egress: both ? rules() : [] };
}

const generateRule = (random: Random, namespaces: readonly string[]): PolicyRule => ({
	peers: Array.from({ length: 1 + random.below(2) }, () => generatePeer(random, namespaces)),
	ports: Array.from({ length: random.below(3) }, () => generatePort(random)),
});

function generatePeer(random: Random, namespaces: readonly string[]): PolicyPeer {
	const kind = random.next();
	if (kind < 0.5) return { podSelector: select({ app: random.pick(APPS) }) };
	if (kind < 0.6) return { namespaceSelector: select({ team: `team${random.below(8)}` }) };
	if (kind < 0.7) {
		const namespaceSelector = select({ 'kubernetes.io/metadata.name': random.pick(namespaces) });
		return { namespaceSelector, podSelector: select({ app: random.pick(APPS) }) };
	}
	if (kind < 0.8) {
		const matchExpressions = [
			{ key: 'tier', operator: 'In', values: ['front', 'data'] } as const,
			{ key: 'release', operator: 'Exists', values: [] } as const,
		];
		return { podSelector: { matchLabels: {}, matchExpressions } };
	}
	return kind < 0.9
		? { ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }
		: { ipBlock: { cidr: `10.${32 + random.below(4)}.0.0/16`, except: [] } };
}

function generatePort(random: Random): PolicyPort {
	const kind = random.next();
	if (kind < 0.75) return { protocol: 'TCP', port: random.pick(PORTS) };
	if (kind < 0.85) return { protocol: 'TCP', port: random.pick(['http', 'metrics']) };
	return kind < 0.95 ? { protocol: 'TCP', port: 8000, endPort: 8100 } : { protocol: 'UDP' };
}

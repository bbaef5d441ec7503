import * as assert from 'uvu/assert';
import { allPortsMask, peerConstruct, portConstruct } from '../../functions/policy/clause.ts';
import type { CompiledSnapshot } from '../../functions/policy/compile.ts';
import { evaluate } from '../../functions/policy/evaluate.ts';
import { resolveFlow } from '../../functions/policy/flow.ts';
import type { Flow, LabelSelector, NetworkPolicy, PodState, PolicyPeer, PolicyPort } from '../../functions/policy/model.ts';
import * as semantics from '../../functions/policy/semantics.ts';
import { describe } from '../describe.ts';
import { block, cluster, flow, labels, pod, policy, rule } from './cluster.ts';

const { ALL, CIDR_MATCHES_NODES, CIDR_MATCHES_PODS, CILIUM_1_12, CILIUM_1_13, CILIUM_FROM_1_20, CILIUM_TO_1_14, CILIUM_TO_1_15 } =
	semantics;
const { CILIUM_TO_1_19, NONE, NO_REMOTE_NODE_IDENTITY, SPECIFIED } = semantics;

const admitted = (snapshot: CompiledSnapshot, tweaks: Partial<Flow>) => evaluate(resolveFlow(snapshot, flow(tweaks))).admitted;

/** The semantics under which a rule with that one peer admits the flow. */
const byPeer = (peer: PolicyPeer, tweaks: Partial<Flow> = {}, own: Partial<NetworkPolicy> = {}): number =>
	admitted(cluster({ policies: [policy({ ingress: [rule({ peers: [peer] })], ...own })] }), tweaks);
const byPort = (port: PolicyPort, tweaks: Partial<Flow> = {}): number =>
	admitted(cluster({ policies: [policy({ ingress: [rule({ ports: [port] })] })] }), tweaks);
/** The same of egress from `client`. */
const toPort = (port: PolicyPort, tweaks: Partial<Flow>, pods?: readonly PodState[]): number =>
	admitted(cluster({ ...(pods && { pods }), policies: [policy({ types: ['egress'], egress: [rule({ ports: [port] })] })] }), {
		direction: 'egress',
		...tweaks,
	});

const excluding = (operator: 'NotIn' | 'DoesNotExist' = 'NotIn'): LabelSelector => ({
	matchLabels: {},
	matchExpressions: [{ key: 'team', operator, values: operator === 'NotIn' ? ['red'] : [] }],
});

describe('a peer with selectors', (it) => {
	it('selects Pods of the own namespace, of namespaces by label, or of both', () => {
		const far = { source: pod('far', 'other') };
		assert.is(byPeer({ podSelector: labels({ app: 'client' }) }), ALL);
		assert.is(byPeer({ podSelector: labels({ app: 'far' }) }, far), NONE);
		assert.is(byPeer({ namespaceSelector: labels() }, far), ALL);
		assert.is(byPeer({ namespaceSelector: labels({ 'kubernetes.io/metadata.name': 'other' }) }, far), ALL);
		assert.is(byPeer({ namespaceSelector: labels({ 'kubernetes.io/metadata.name': 'other' }) }), NONE);
		assert.is(byPeer({ namespaceSelector: labels(), podSelector: labels({ app: 'client' }) }, far), NONE);
	});

	it('selects no node, no host-network Pod and no address', () => {
		for (const source of [pod('agent', 'kube-system'), { node: 'n2' }, { ip: '203.0.113.7' }])
			assert.is(byPeer({ namespaceSelector: labels() }, { source }), NONE, JSON.stringify(source));
	});

	it('that only excludes namespaces also admits what is no Pod, up to 1.19', () => {
		const outside = [pod('agent', 'kube-system'), { node: 'n2' }, { ip: '203.0.113.7' }, { ip: '169.254.169.254' }];
		for (const source of outside)
			for (const peer of [{ namespaceSelector: excluding() }, { namespaceSelector: excluding('DoesNotExist'), podSelector: labels() }])
				assert.is(byPeer(peer, { source }), CILIUM_TO_1_19, JSON.stringify(source));
		assert.is(byPeer({ namespaceSelector: excluding(), podSelector: excluding() }, { source: { ip: '203.0.113.7' } }), CILIUM_TO_1_19);
		assert.is(byPeer({ namespaceSelector: excluding(), podSelector: labels({ app: 'far' }) }, { source: { ip: '203.0.113.7' } }), NONE);
		assert.is(byPeer({ podSelector: excluding() }, { source: { ip: '203.0.113.7' } }), NONE);
		assert.is(byPeer({ namespaceSelector: excluding() }, { source: pod('far', 'other') }), ALL);
	});
});

describe('an ipBlock', (it) => {
	it('matches outside addresses under all semantics, without what it excepts', () => {
		assert.is(byPeer(block('203.0.113.0/24'), { source: { ip: '203.0.113.7' } }), ALL);
		assert.is(byPeer(block('203.0.113.0/24', '203.0.113.4/30'), { source: { ip: '203.0.113.7' } }), NONE);
		assert.is(byPeer(block('203.0.113.0/24', '203.0.113.4/30'), { source: { ip: '203.0.113.8' } }), ALL);
		assert.is(byPeer(block('203.0.113.0/24'), { source: { ip: '203.0.114.7' } }), NONE);
		assert.is(byPeer(block('169.254.0.0/16'), { source: { ip: '169.254.169.254' } }), ALL);
	});

	it('matches a Pod by the API text only, and by any of its addresses with the beta option', () => {
		assert.is(byPeer(block('10.32.1.3/32')), SPECIFIED | CIDR_MATCHES_PODS);
		assert.is(byPeer(block('0.0.0.0/0')), SPECIFIED | CIDR_MATCHES_PODS);
		assert.is(byPeer(block('10.32.1.0/24', '10.32.1.3/32')), NONE);
		assert.is(byPeer(block('10.32.1.3/32'), { source: { ...pod('client'), ip: '10.32.1.99' } }), CIDR_MATCHES_PODS);
	});

	it('matches a Pod that the snapshot does not hold by the address in the flow', () => {
		assert.is(byPeer(block('10.32.0.0/16'), { source: { ...pod('gone'), ip: '10.32.9.9' } }), SPECIFIED | CIDR_MATCHES_PODS);
		assert.is(byPeer(block('10.32.0.0/16'), { source: pod('gone') }), NONE);
	});

	it('matches nodes and host-network Pods by the API text, and with the option for nodes', () => {
		for (const source of [{ node: 'n2' }, { ip: '10.128.0.2' }, pod('agent', 'kube-system')])
			assert.is(byPeer(block('10.128.0.2/32'), { source }), SPECIFIED | CIDR_MATCHES_NODES, JSON.stringify(source));
		assert.is(byPeer(block('10.128.0.1/32'), { source: { node: 'n2' } }), NONE);
	});

	it('matches the own node by any of its addresses, another node by the one in the flow', () => {
		const nodes = ['n1', 'n2'].map((name, index) => ({ name, ips: [`10.128.0.${index + 1}`, `198.51.100.${index + 1}`] }));
		const blocks = policy({ ingress: [rule({ peers: [block('198.51.100.0/24')] })] });
		const snapshot = cluster({ nodes, policies: [blocks] });
		assert.is(admitted(snapshot, { source: { node: 'n1' } }), CIDR_MATCHES_NODES);
		assert.is(admitted(snapshot, { source: { node: 'n2' } }), NONE);
		assert.is(admitted(snapshot, { source: { ip: '198.51.100.2' } }), SPECIFIED | CIDR_MATCHES_NODES);
	});

	it('of all addresses also admits outside peers of the other family, up to 1.14', () => {
		assert.is(byPeer(block('0.0.0.0/0'), { source: { ip: '2001:db8::7' } }), CILIUM_TO_1_14);
		assert.is(byPeer(block('::/0'), { source: { ip: '203.0.113.7' } }), CILIUM_TO_1_14);
		assert.is(byPeer(block('0.0.0.0/0', '10.0.0.0/8'), { source: { ip: '2001:db8::7' } }), NONE);
		assert.is(byPeer(block('0.0.0.0/1'), { source: { ip: '2001:db8::7' } }), NONE);
		assert.is(byPeer(block('0.0.0.0/0'), { source: { ip: '203.0.113.7' } }), ALL);
	});
});

describe('a port entry', (it) => {
	it('admits its number and protocol', () => {
		assert.is(byPort({ protocol: 'TCP', port: 8080 }), ALL);
		assert.is(byPort({ protocol: 'TCP', port: 8081 }), NONE);
		assert.is(byPort({ protocol: 'UDP', port: 8080 }), NONE);
		assert.is(byPort({ protocol: 'TCP', port: 8080 }, { protocol: 'ICMP' }), NONE);
		assert.is(byPort({ protocol: 'TCP' }, { protocol: 'GRE' }), NONE);
		assert.is(byPort({ protocol: 'SCTP', port: 8080 }, { protocol: 'SCTP' }), ALL & ~CILIUM_1_12);
	});

	it('of a range admits its first port, and the rest from 1.16 on', () => {
		const under = (port: number) => byPort({ protocol: 'TCP', port: 8000, endPort: 8100 }, { port });
		const range = ALL & ~CILIUM_TO_1_15;
		assert.equal([7999, 8000, 8001, 8100, 8101].map(under), [NONE, ALL, range, range, NONE]);
	});

	it('without a port admits all of its protocol, but on old generations', () => {
		assert.is(byPort({ protocol: 'TCP' }), ALL & ~CILIUM_1_12);
		const withPeers = policy({ ingress: [rule({ peers: [{ podSelector: labels() }], ports: [{ protocol: 'TCP' }] })] });
		assert.is(admitted(cluster({ policies: [withPeers] }), {}), ALL & ~(CILIUM_1_12 | CILIUM_1_13));
		assert.is(allPortsMask(false) & NO_REMOTE_NODE_IDENTITY, NO_REMOTE_NODE_IDENTITY);
	});

	it('by name is, for ingress, the container port of the subject', () => {
		assert.is(byPort({ protocol: 'TCP', port: 'http' }), ALL);
		assert.is(byPort({ protocol: 'TCP', port: 'http' }, { port: 80 }), NONE);
		assert.is(byPort({ protocol: 'UDP', port: 'http' }, { protocol: 'UDP' }), NONE);
		assert.is(byPort({ protocol: 'TCP', port: 'grpc' }), NONE);
		assert.is(byPort({ protocol: 'TCP', port: 'http' }, { destination: pod('client'), source: pod('web') }), NONE);
	});
});

const named = (name: string, ports: PodState['ports'], more: Partial<PodState> = {}): PodState => ({
	namespace: 'default',
	name,
	labels: {},
	ips: [],
	...(ports && { ports }),
	...more,
});
const http = (port: number) => [{ name: 'http', port, protocol: 'TCP' }] as const;
const HTTP: PolicyPort = { protocol: 'TCP', port: 'http' };

describe('a named port for egress', (it) => {
	it('is that of the destination, and up to 1.19 the one number that the cluster gives it', () => {
		const pods = [named('client', undefined), named('web', http(8080)), named('bare', undefined)];
		assert.is(toPort(HTTP, {}, pods), ALL);
		assert.is(toPort(HTTP, { destination: pod('bare') }, pods), CILIUM_TO_1_19);
		assert.is(toPort(HTTP, { destination: { ip: '203.0.113.7' } }, pods), CILIUM_TO_1_19);
		assert.is(toPort(HTTP, { port: 80 }, pods), NONE);
	});

	it('is skipped up to 1.19 where Pods differ', () => {
		const pods = [named('client', undefined), named('web', http(8080)), named('old', http(80))];
		assert.is(toPort(HTTP, {}, pods), SPECIFIED | CILIUM_FROM_1_20);
		assert.is(toPort(HTTP, { destination: pod('old'), port: 80 }, pods), SPECIFIED | CILIUM_FROM_1_20);
	});

	it('is ambiguous by name and protocol, among running Pods of the Pod network', () => {
		const client = named('client', undefined);
		const web = named('web', http(8080));
		assert.is(toPort(HTTP, {}, [client, web, named('udp', [{ name: 'http', port: 80, protocol: 'UDP' }])]), ALL);
		assert.is(toPort(HTTP, {}, [client, web, named('agent', http(80), { hostNetwork: true })]), ALL);
		assert.is(toPort(HTTP, {}, [client, web, named('done', http(80), { finished: true })]), ALL);
		assert.is(toPort(HTTP, {}, [client, web, named('start', [{ ...http(80)[0], init: 'init' }])]), ALL);
	});

	it('of an init container counts for nobody, of a native sidecar for the API text', () => {
		const client = named('client', undefined);
		const withInit = (init: 'init' | 'sidecar') => [client, named('web', [{ ...http(8080)[0], init }])];
		assert.is(toPort(HTTP, {}, withInit('init')), NONE);
		assert.is(toPort(HTTP, {}, withInit('sidecar')), SPECIFIED);
	});

	it('of a Pod that is not known is not known', () => {
		const policies = [policy({ types: ['egress'], egress: [rule({ ports: [HTTP] })] })];
		const resolved = resolveFlow(cluster({ policies }), flow({ direction: 'egress', destination: pod('gone') }));
		assert.is(evaluate(resolved).admitted, CILIUM_TO_1_19);
		assert.is(evaluate(resolved, { unseen: ALL, disguised: false }).admitted, ALL);
	});
});

describe('the construct of', (it) => {
	const first = (peer: PolicyPeer, tweaks: Partial<Flow>, services = cluster().state.services) => {
		const snapshot = cluster({ services, policies: [policy({ types: ['ingress', 'egress'], ingress: [rule({ peers: [peer] })] })] });
		const resolved = resolveFlow(snapshot, flow(tweaks));
		const compiled = snapshot.namespaces.get('default')?.policies[0]?.ingress[0]?.peers[0];
		return compiled && peerConstruct(compiled, resolved);
	};
	const behind = (tweaks: object) => [{ namespace: 'default', name: 's', type: 'LoadBalancer', selector: { app: 'web' }, ...tweaks }];

	it('a peer depends on what it meets', () => {
		assert.is(first(block('0.0.0.0/0'), {}), 'ipblock-pod');
		assert.is(first(block('0.0.0.0/0'), { source: pod('gone') }), 'ipblock-pod');
		assert.is(first(block('0.0.0.0/0'), { source: { node: 'n2' } }), 'ipblock-node');
		assert.is(first(block('0.0.0.0/0'), { source: pod('agent', 'kube-system') }), 'ipblock-node');
		for (const ip of ['2001:db8::1', '169.254.20.10']) assert.is(first(block('0.0.0.0/0'), { source: { ip } }), 'any-cidr-dual-stack');
		assert.is(first({ podSelector: labels() }, {}), 'label-not-identity');
		assert.is(first({ podSelector: labels() }, { source: { node: 'n2' } }), 'negative-namespace-selector');
	});

	it('a node is the client behind it where a Service hands the Pod connections of other nodes', () => {
		const node = { source: { node: 'n2' } };
		const constructs = (tweaks: object) => first(block('0.0.0.0/0'), node, behind(tweaks));
		assert.is(constructs({}), 'snat-remote-node');
		assert.is(constructs({ type: 'NodePort', externalTrafficPolicy: 'Cluster' }), 'snat-remote-node');
		assert.is(constructs({ type: 'ClusterIP' }), 'ipblock-node');
		assert.is(constructs({ externalTrafficPolicy: 'Local' }), 'ipblock-node');
		assert.is(constructs({ selector: {} }), 'ipblock-node');
		assert.is(constructs({ selector: undefined }), 'ipblock-node');
		assert.is(constructs({ selector: { app: 'web', tier: 'x' } }), 'ipblock-node');
		assert.is(constructs({ namespace: 'other' }), 'ipblock-node');
		const out = { direction: 'egress', source: pod('web'), destination: { node: 'n2' } } as const;
		assert.is(first(block('0.0.0.0/0'), out, behind({})), 'ipblock-node');
		assert.is(first(block('0.0.0.0/0'), { ...node, destination: { ip: '203.0.113.7' } }, behind({})), 'ipblock-node');
	});

	it('a port entry depends on how it is written', () => {
		const compiled = (port: PolicyPort, pods?: readonly PodState[]) => {
			const policies = [policy({ ingress: [rule({ ports: [port] })] })];
			const entry = cluster({ policies, ...(pods && { pods }) }).namespaces.get('default')?.policies[0]?.ingress[0]?.ports[0];
			if (!entry) throw new Error('no entry');
			return entry;
		};
		assert.is(portConstruct(compiled({ protocol: 'TCP' }), 'ingress', true), 'port-protocol-only');
		assert.is(portConstruct(compiled({ protocol: 'TCP', port: 1, endPort: 2 }), 'egress', true), 'end-port');
		assert.is(portConstruct(compiled(HTTP), 'ingress', true), 'named-port-unresolved');
		assert.is(portConstruct(compiled(HTTP), 'egress', true), 'named-port-unresolved');
		assert.is(portConstruct(compiled(HTTP), 'egress', false), 'named-port-widened');
		assert.is(portConstruct(compiled(HTTP, [named('a', http(1)), named('b', http(2))]), 'egress', true), 'named-port-ambiguous');
	});
});

import * as assert from 'uvu/assert';
import { evaluate } from '../../functions/policy/evaluate.ts';
import { resolveFlow } from '../../functions/policy/flow.ts';
import type { ClusterState, Flow } from '../../functions/policy/model.ts';
import { ALL, CALICO, NONE } from '../../functions/policy/semantics.ts';
import { describe } from '../describe.ts';
import { block, cluster, flow, pod, policy, rule } from './cluster.ts';

const METADATA = { ip: '169.254.169.254' };
const RESOLVER = (name: string, more = {}) => ({
	namespace: 'kube-system',
	name,
	labels: { 'k8s-app': name },
	ips: ['10.32.9.53'],
	node: 'n2',
	...more,
});
const DNS: Partial<ClusterState> = {
	pods: [...cluster().state.pods, RESOLVER('kube-dns'), RESOLVER('node-local-dns', { ips: ['10.128.0.2'], hostNetwork: true })],
	services: [
		{ namespace: 'kube-system', name: 'metrics', clusterIps: ['10.40.0.11'] },
		{ namespace: 'kube-system', name: 'kube-dns', clusterIps: ['10.40.0.10', '2001:db8:1::a'] },
	],
};
const withCache = (nodeLocalDns?: boolean): Partial<ClusterState> => ({
	...DNS,
	cluster: { location: 'l', name: 'c', ...(nodeLocalDns !== undefined && { nodeLocalDns }) },
});

const seen = (state: Partial<ClusterState>, tweaks: Partial<Flow>) =>
	resolveFlow(cluster(state), flow({ direction: 'egress', ...tweaks })).disguises.map(({ peer, port, construct, sure }) => [
		peer.ip,
		port,
		construct,
		sure,
	]);

describe('a flow', (it) => {
	it('has its ends by direction, its protocol as a number, and no port where it has none', () => {
		const ingress = resolveFlow(cluster(), flow());
		assert.equal([ingress.subject.endpoint.name, ingress.peer.endpoint.name, ingress.protocol, ingress.port], ['web', 'client', 0, 8080]);
		const egress = resolveFlow(cluster(), flow({ direction: 'egress' }));
		assert.equal([egress.subject.endpoint.name, egress.peer.endpoint.name], ['client', 'web']);
		const { port: _, ...portless } = flow();
		assert.is(resolveFlow(cluster(), portless).port, -1);
		const numbers = ['TCP', 'UDP', 'SCTP', 'ICMP', 'GRE', 'tcp'].map((protocol) => resolveFlow(cluster(), flow({ protocol })).protocol);
		assert.equal(numbers, [0, 1, 2, 3, 4, 4]);
	});
});

describe('the metadata server as Calico sees it', (it) => {
	it('is 169.254.169.252, TCP 988 for 80 and 987 for 8080', () => {
		assert.equal(seen({}, { destination: METADATA, port: 80 }), [['169.254.169.252', 988, 'metadata-dnat', true]]);
		assert.equal(seen({}, { destination: METADATA, port: 8080 }), [['169.254.169.252', 987, 'metadata-dnat', true]]);
		assert.equal(seen({}, { destination: { ip: '::ffff:169.254.169.254' }, port: 80 }).length, 1);
	});

	it('is nothing else on another port, protocol, address, or for ingress', () => {
		assert.equal(seen({}, { destination: METADATA, port: 443 }), []);
		assert.equal(seen({}, { destination: METADATA, port: 80, protocol: 'UDP' }), []);
		assert.equal(seen({}, { destination: { ip: '169.254.169.253' }, port: 80 }), []);
		assert.equal(seen({}, { direction: 'ingress', source: METADATA, port: 80 }), []);
	});

	it('is admitted by a rule of that address under Calico only, once', () => {
		const translated = rule({ peers: [block('169.254.169.252/32')], ports: [{ protocol: 'TCP', port: 988 }] });
		const plain = rule({ peers: [block('169.254.169.254/32')], ports: [{ protocol: 'TCP', port: 80 }] });
		const of = (...egress: ReturnType<typeof rule>[]) =>
			evaluate(
				resolveFlow(
					cluster({ policies: [policy({ types: ['egress'], egress })] }),
					flow({ direction: 'egress', destination: METADATA, port: 80 }),
				),
			);
		assert.equal([of(translated).admitted, of(translated).admissions[0]?.disguise?.port], [CALICO, 988]);
		for (const admitting of [plain, rule()])
			assert.equal([of(admitting).admitted, of(admitting).admissions[0]?.disguise], [ALL, undefined]);
		assert.equal(of(rule({ peers: [block('169.254.169.252/32')], ports: [{ protocol: 'TCP', port: 80 }] })).admitted, NONE);
		assert.equal(of(rule({ peers: [block('203.0.113.0/24')], ports: [{ protocol: 'TCP', port: 988 }] })).admitted, NONE);
	});
});

describe('a resolver as Calico sees it', (it) => {
	const at = (name: string, tweaks: Partial<Flow> = {}) => ({
		destination: pod(name, 'kube-system'),
		port: 53,
		protocol: 'UDP',
		...tweaks,
	});
	const addresses = (sure: boolean) => ['10.40.0.10', '2001:db8:1::a', '169.254.20.10'].map((ip) => [ip, 53, 'node-local-dns', sure]);

	it('is the kube-dns ClusterIP and the cache’s address, where the cache is on', () => {
		for (const name of ['kube-dns', 'node-local-dns'])
			for (const protocol of ['UDP', 'TCP']) assert.equal(seen(withCache(true), at(name, { protocol })), addresses(true));
	});

	it('may be so where it is not known whether the cache is on', () => {
		assert.equal(seen(withCache(), at('kube-dns')), addresses(false));
		assert.equal(seen(DNS, at('kube-dns')), addresses(false));
	});

	it('is only itself where the cache is off, on another port or protocol, for ingress, and for other Pods', () => {
		assert.equal(seen(withCache(false), at('kube-dns')), []);
		assert.equal(seen(withCache(true), at('kube-dns', { port: 9153 })), []);
		assert.equal(seen(withCache(true), at('kube-dns', { protocol: 'SCTP' })), []);
		assert.equal(seen(withCache(true), at('agent')), []);
		assert.equal(seen(withCache(true), { destination: pod('web'), port: 53 }), []);
		const impostor = { ...RESOLVER('kube-dns'), namespace: 'default' };
		assert.equal(seen({ ...withCache(true), pods: [impostor] }, { destination: pod('kube-dns'), port: 53 }), []);
		assert.equal(seen(withCache(true), { direction: 'ingress', destination: pod('kube-dns', 'kube-system'), port: 53 }), []);
	});

	it('may be a Pod of kube-system that the snapshot does not hold, or one of which only the address is known', () => {
		const gone = { destination: pod('kube-dns-5d9c7b8f6d-zzzzz', 'kube-system') };
		assert.equal(seen(withCache(true), at('', gone)), addresses(false));
		assert.equal(seen(withCache(), at('', gone)), addresses(false));
		assert.equal(seen(withCache(false), at('', gone)), []);
		assert.equal(seen(withCache(true), at('', { ...gone, port: 5353 })), []);
		assert.equal(seen(withCache(true), at('', { destination: pod('gone') })), []);
		const ranged = { ...withCache(), cluster: { location: 'l', name: 'c', nodeLocalDns: true, podRanges: ['10.32.0.0/14'] } };
		assert.equal(seen(ranged, at('', { destination: { ip: '10.32.7.7' } })), addresses(false));
	});

	it('has the cache’s address alone where there is no Service', () => {
		assert.equal(seen({ ...withCache(true), services: [] }, at('kube-dns')), [['169.254.20.10', 53, 'node-local-dns', true]]);
		const headless = [{ namespace: 'kube-system', name: 'kube-dns' }];
		assert.equal(seen({ ...withCache(true), services: headless }, at('kube-dns')).length, 1);
	});
});

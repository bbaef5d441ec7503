import * as assert from 'uvu/assert';
import { ANY_PORT, calicoPorts, clusterWidePorts, filterPorts, mayPass } from '../../functions/policy/other-port.ts';
import { describe } from '../describe.ts';

describe('the ports of FQDN and Cilium rules', (it) => {
	it('are numbers, ranges, or any port of a protocol', () => {
		assert.equal(filterPorts([]), ANY_PORT);
		assert.equal(filterPorts([{ port: '443', protocol: 'TCP' }]), [{ protocol: 'TCP', first: 443, last: 443 }]);
		assert.equal(filterPorts([{ port: 8000, endPort: 9000, protocol: 'UDP' }]), [{ protocol: 'UDP', first: 8000, last: 9000 }]);
		assert.equal(filterPorts([{ port: 8000, endPort: 10 }]), [{ first: 8000, last: 8000 }]);
		assert.equal(
			filterPorts([
				{ port: '0', protocol: 'ANY' },
				{ port: 'dns', protocol: 'udp' },
			]),
			[{}, { protocol: 'UDP' }],
		);
	});

	it('may be any where they are not understood', () => {
		assert.equal(filterPorts([null, 'x', { port: {}, protocol: 'ICMPv6' }, { port: 1.5 }, { port: -1 }]), [{}, {}, {}, {}, {}]);
	});
});

describe('the ports of cluster-wide rules', (it) => {
	it('are those of AdminNetworkPolicy', () => {
		assert.equal(clusterWidePorts({}), ANY_PORT);
		const ports = [
			{ portNumber: { protocol: 'TCP', port: 80 } },
			{ portRange: { protocol: 'UDP', start: 1, end: 9 } },
			{ namedPort: 'dns' },
		];
		assert.equal(clusterWidePorts({ ports }), [{ protocol: 'TCP', first: 80, last: 80 }, { protocol: 'UDP', first: 1, last: 9 }, {}]);
	});

	it('and those of ClusterNetworkPolicy', () => {
		const protocols = [
			{ tcp: { destinationPort: { number: 80 } } },
			{ udp: { destinationPort: { range: { start: 1, end: 9 } } } },
			{ sctp: {} },
			{ destinationNamedPort: 'dns' },
		];
		assert.equal(clusterWidePorts({ protocols }), [
			{ protocol: 'TCP', first: 80, last: 80 },
			{ protocol: 'UDP', first: 1, last: 9 },
			{ protocol: 'SCTP' },
			{},
		]);
	});
});

describe('the ports of Calico’s rules', (it) => {
	it('are those of the destination', () => {
		assert.equal(calicoPorts({}), ANY_PORT);
		assert.equal(calicoPorts({ protocol: 'UDP', source: { ports: [1] } }), [{ protocol: 'UDP' }]);
		assert.equal(calicoPorts({ protocol: 'TCP', destination: { ports: [80, '8000:9000', '53', 'http'] } }), [
			{ protocol: 'TCP', first: 80, last: 80 },
			{ protocol: 'TCP', first: 8000, last: 9000 },
			{ protocol: 'TCP', first: 53, last: 53 },
			{ protocol: 'TCP' },
		]);
		assert.equal(calicoPorts({ protocol: 6, destination: { ports: [null] } }), [{}]);
	});
});

describe('a filter', (it) => {
	it('lets through its protocol and ports, bounds included', () => {
		const range = [{ protocol: 'TCP', first: 10, last: 20 }];
		assert.equal(
			[9, 10, 15, 20, 21].map((port) => mayPass(range, 'TCP', port)),
			[false, true, true, true, false],
		);
		assert.is(mayPass(range, 'UDP', 15), false);
		assert.is(mayPass([{ protocol: 'UDP' }, ...range], 'TCP', 15), true);
		assert.is(mayPass(ANY_PORT, 'ICMP', -1), true);
		assert.is(mayPass([{ protocol: 'ICMP' }], 'ICMP', -1), true);
		assert.is(mayPass(range, 'TCP', -1), false);
		assert.is(mayPass([], 'TCP', 1), false);
	});
});

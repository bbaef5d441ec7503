import * as assert from 'uvu/assert';
import { bareEndpoint } from '../../functions/policy/endpoint.ts';
import { endAt, indexEndpoints, rowOf } from '../../functions/policy/endpoints.ts';
import { describe } from '../describe.ts';
import { createRandom } from '../random.ts';

const node = (name: string, ...ips: string[]) => bareEndpoint({ kind: 'node', name, ips });
const nameAt = (endpoints: ReturnType<typeof indexEndpoints>, ip: string) => {
	const row = rowOf(endpoints, ip);
	return row === undefined ? undefined : endAt(endpoints, row, ip).endpoint.name;
};

describe('the table of addresses', (it) => {
	it('finds each of any number of addresses, and no other', () => {
		for (const count of [0, 1, 2, 3, 5, 100, 5000]) {
			const random = createRandom(count);
			const ips = [...new Set(Array.from({ length: count }, () => `10.${random.below(4)}.${random.below(256)}.${random.below(256)}`))];
			const endpoints = indexEndpoints(
				ips.map((ip) => node(ip, ip)),
				new Map(),
			);
			for (const ip of ips) assert.is(nameAt(endpoints, ip), ip);
			for (const ip of ['10.4.0.1', '0.0.0.0', '255.255.255.255', '2001:db8::1', 'x', '']) assert.is(nameAt(endpoints, ip), undefined, ip);
		}
	});

	it('finds what stands behind others of the same place, also beyond the last row', () => {
		const ips = Array.from({ length: 256 }, (_, index) => `255.255.${index}.255`);
		const endpoints = indexEndpoints([...ips.map((ip) => node(ip, ip)), node('six', '2001:db8::1', '2001:db8:0::2')], new Map());
		for (const ip of ips) assert.is(nameAt(endpoints, ip), ip);
		for (const ip of ['2001:db8::1', '2001:DB8::2']) assert.is(nameAt(endpoints, ip), 'six');
	});
});

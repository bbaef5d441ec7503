import * as assert from 'uvu/assert';
import { type Cidr, contains, formatAddress, isStrictlyInside, parseAddress, parseCidr } from '../../functions/policy/ip.ts';
import { describe } from '../describe.ts';

const spelled = (text: string): string | undefined => {
	const address = parseAddress(text);
	return address && formatAddress(address);
};

function cidr(text: string, strict = true): Cidr {
	const parsed = parseCidr(text, strict);
	if (typeof parsed === 'string') throw new Error(`${text} ${parsed}`);
	return parsed;
}

const isIn = (network: string, text: string): boolean => {
	const address = parseAddress(text);
	if (!address) throw new Error(text);
	return contains(cidr(network), address);
};

describe('an address', (it) => {
	for (const text of ['0.0.0.0', '10.32.1.2', '127.0.0.1', '192.168.255.255', '255.255.255.255'])
		it(`may be ${text}`, () => assert.is(spelled(text), text));

	it('is IPv4 where it is written so, as one word', () => {
		assert.equal(parseAddress('1.2.3.4'), { family: 4, w0: 0, w1: 0, w2: 0, w3: 0x01020304 });
		assert.is((parseAddress('255.0.0.1')?.w3 ?? 0) >>> 0, 0xff000001);
	});

	it('is IPv6, in the one spelling of RFC 5952', () => {
		assert.is(spelled('2001:DB8:0:0:1:0:0:1'), '2001:db8::1:0:0:1');
		assert.is(spelled('::'), '::');
		assert.is(spelled('fe80::ffff:ffff:ffff:ffff'), 'fe80::ffff:ffff:ffff:ffff');
		assert.equal(parseAddress('1:2:3:4:5:6:7:8'), { family: 6, w0: 0x00010002, w1: 0x00030004, w2: 0x00050006, w3: 0x00070008 });
	});

	it('is IPv4 where it is mapped into IPv6', () => {
		assert.equal(parseAddress('::ffff:10.1.2.3'), parseAddress('10.1.2.3'));
		assert.equal(parseAddress('::ffff:a01:203'), parseAddress('10.1.2.3'));
	});

	const wrong = ['', ' ', '1.2.3', '1.2.3.4.5', '1.2.3.', '.1.2.3', '1..2.3', '256.1.1.1', '1.2.3.256', '1.2.3.999999999999', '01.2.3.4'];
	const odd = [
		'1.2.3.04',
		'0x1.2.3.4',
		'1.2.3.4 ',
		'1,2,3,4',
		'16909060',
		'a.b.c.d',
		'fe80::1%eth0',
		':::',
		'1:2',
		'1.2.3.4/32',
		'x:y',
		'1.2.3.:',
	];
	for (const text of [...wrong, ...odd]) it(`is not ${JSON.stringify(text)}`, () => assert.is(parseAddress(text), undefined));

	it('may have zeros that lead nowhere', () => {
		assert.is(spelled('0.0.0.10'), '0.0.0.10');
		assert.is(spelled('10.0.100.0'), '10.0.100.0');
	});
});

describe('a network', (it) => {
	const good = [
		'0.0.0.0/0',
		'10.0.0.0/8',
		'10.32.0.0/14',
		'203.0.113.7/32',
		'128.0.0.0/1',
		'::/0',
		'2001:db8::/33',
		'fd00::1/128',
		'fd00:0:0:8000::/49',
	];
	for (const text of good)
		it(`may be ${text}`, () => {
			const { network, prefix } = cidr(text);
			assert.is(`${formatAddress(network)}/${prefix}`, text);
		});

	const refused: readonly (readonly [string, RegExp])[] = [
		['10.0.0.0', /no prefix length/],
		['10.0.0.0/33', /no valid prefix length: \/33/],
		['10.0.0.0/', /no valid prefix length: \/$/],
		['10.0.0.0/08', /no valid prefix length/],
		['10.0.0.0/-1', /no valid prefix length/],
		['10.0.0.0/1000', /no valid prefix length/],
		['2001:db8::/129', /no valid prefix length: \/129/],
		['10.0.0/8', /not an address/],
		['x/8', /not an address/],
		['010.0.0.0/8', /leading zeros/],
		['10.1.2.3/8', /bits set beyond its prefix length: the network is 10\.0\.0\.0\/8/],
		['2001:db8::1/64', /the network is 2001:db8::\/64/],
		['::ffff:10.0.0.0/104', /IPv4-mapped/],
	];
	for (const [text, reason] of refused) it(`of a manifest is not ${text}`, () => assert.match(`${parseCidr(text, true)}`, reason));

	it('of a cluster is read as older servers stored it', () => {
		assert.equal(cidr('10.1.2.3/8', false), cidr('10.0.0.0/8'));
		assert.equal(cidr('010.000.001.000/024', false), cidr('10.0.1.0/24'));
		assert.equal(cidr('::ffff:10.0.0.0/104', false), cidr('10.0.0.0/8'));
		assert.equal(cidr('2001:db8::1/64', false), cidr('2001:db8::/64'));
	});

	it('of a cluster has an address and a prefix length even so', () => {
		for (const text of ['10.0.0.0/33', '::ffff:10.0.0.0/129', '10.0.0.0/x', '300.0.0.0/8', '10.0.0.0/0000', '10.0.0.0'])
			assert.type(parseCidr(text, false), 'string', text);
	});
});

describe('a network contains', (it) => {
	it('what shares its leading bits', () => {
		assert.equal(
			['10.31.255.255', '10.32.0.0', '10.35.255.255', '10.36.0.0'].map((text) => isIn('10.32.0.0/14', text)),
			[false, true, true, false],
		);
		assert.equal(
			['127.255.255.255', '128.0.0.0', '255.255.255.255'].map((text) => isIn('128.0.0.0/1', text)),
			[false, true, true],
		);
	});

	it('one address with the longest prefix, and each of its family with the shortest', () => {
		assert.equal(
			['10.0.0.1', '10.0.0.2'].map((text) => isIn('10.0.0.1/32', text)),
			[true, false],
		);
		assert.equal(
			['0.0.0.0', '255.255.255.255', '::', '2001:db8::1'].map((text) => isIn('0.0.0.0/0', text)),
			[true, true, false, false],
		);
		assert.equal(
			['::', '2001:db8::1', '10.0.0.1', '::ffff:10.0.0.1'].map((text) => isIn('::/0', text)),
			[true, true, false, false],
		);
	});

	it('IPv6 by each of its words', () => {
		const network = '2001:db8:aaaa:bbbb:cccc:dddd:eeee:fff0/124';
		assert.is(isIn(network, '2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff'), true);
		for (const text of ['2001:db9:aaaa:bbbb:cccc:dddd:eeee:fff0', '2001:db8:aaaa:bbbc:cccc:dddd:eeee:fff0'])
			assert.is(isIn(network, text), false, text);
		for (const text of ['2001:db8:aaaa:bbbb:cccc:dddc:eeee:fff0', '2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffef'])
			assert.is(isIn(network, text), false, text);
	});

	it('by prefixes that end inside each word', () => {
		for (const prefix of [20, 33, 64, 65, 96, 97, 127])
			assert.is(
				isIn(
					`${formatAddress(cidr(`ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/${prefix}`, false).network)}/${prefix}`,
					'ffff:ffff:ffff:ffff::',
				),
				prefix <= 64,
			);
	});

	it('another network strictly, where that is smaller', () => {
		const inside = (inner: string, outer: string) => isStrictlyInside(cidr(inner), cidr(outer));
		assert.is(inside('10.1.0.0/16', '10.0.0.0/8'), true);
		assert.is(inside('10.0.0.0/8', '10.0.0.0/8'), false);
		assert.is(inside('10.0.0.0/8', '10.0.0.0/16'), false);
		assert.is(inside('11.0.0.0/16', '10.0.0.0/8'), false);
		assert.is(inside('2001:db8::/32', '0.0.0.0/0'), false);
	});
});

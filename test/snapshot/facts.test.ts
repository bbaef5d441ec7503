import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { isClusterDescription, parseClusterFacts } from '../../functions/snapshot/facts.ts';
import { describe } from '../describe.ts';

const SEED = JSON.parse(readFileSync('examples/seed/snapshots/2023-09-23T142057Z/cluster.json', 'utf8')) as Record<string, unknown>;

describe('facts', (it) => {
	it('of the founding cluster, whose description names its project in a network only', () => {
		assert.ok(isClusterDescription(SEED));
		assert.equal(parseClusterFacts(SEED), {
			location: 'us-central1',
			name: 'sample-cluster',
			datapathProvider: 'ADVANCED_DATAPATH',
			nodeLocalDns: true,
			podRanges: ['10.32.0.0/14'],
			serviceRanges: ['10.36.0.0/20'],
			controlPlaneVersion: '1.27.3-gke.100',
			nodeVersions: ['1.27.3-gke.100'],
		});
	});
	for (const [link, project] of [
		['https://container.googleapis.com/v1/projects/my-project/locations/us-central1/clusters/c', 'my-project'],
		['https://container.googleapis.com/v1/projects/example.com:my/zones/us-central1-a/clusters/c', 'example.com:my'],
		['https://example.com/', undefined],
		[1, undefined],
	] as const) {
		it(`project of ${link}`, () => assert.is(parseClusterFacts({ ...SEED, selfLink: link })?.project, project));
	}
	it('flags of policies that only Dataplane V2 knows', () => {
		const networkConfig = {
			enableFqdnNetworkPolicy: true,
			enableCiliumClusterwideNetworkPolicy: false,
			datapathProvider: 'DATAPATH_PROVIDER_UNSPECIFIED',
		};
		const { fqdnPolicies, clusterwidePolicies, datapathProvider } = parseClusterFacts({ ...SEED, networkConfig }) ?? {};
		assert.equal([fqdnPolicies, clusterwidePolicies, datapathProvider], [true, false, undefined]);
		assert.is(parseClusterFacts({ ...SEED, networkConfig: { enableFqdnNetworkPolicy: 'yes' } })?.fqdnPolicies, undefined);
	});
	it('ranges and versions of node pools', () => {
		const pool = (podIpv4CidrBlock: unknown, version: string) => ({ version, networkConfig: { podIpv4CidrBlock } });
		const facts = parseClusterFacts({
			...SEED,
			nodePools: [
				pool('10.64.0.0/16', '1.28.1'),
				pool('10.32.0.0/14', '1.27.3'),
				pool('nonsense', '1.28.1'),
				null,
				pool(undefined, '1.28.1'),
			],
		});
		assert.equal(facts?.podRanges, ['10.32.0.0/14', '10.64.0.0/16']);
		assert.equal(facts?.nodeVersions, ['1.27.3', '1.28.1']);
	});
	it('both families of a dual-stack cluster', () => {
		const ipAllocationPolicy = {
			clusterIpv4CidrBlock: '10.0.0.0/14',
			subnetIpv6CidrBlock: 'fd20::/64',
			servicesIpv4CidrBlock: '10.4.0.0/20',
			servicesIpv6CidrBlock: 'fd21::/112',
		};
		const facts = parseClusterFacts({ ...SEED, ipAllocationPolicy });
		assert.equal(
			[facts?.podRanges, facts?.serviceRanges],
			[
				['10.0.0.0/14', 'fd20::/64'],
				['10.4.0.0/20', 'fd21::/112'],
			],
		);
	});
	const dns: [string, unknown, boolean | undefined][] = [
		['on', { dnsCacheConfig: { enabled: true } }, true],
		['off: the API leaves false out', { dnsCacheConfig: {} }, false],
		['not configured', {}, undefined],
		['of another type', { dnsCacheConfig: { enabled: 'yes' } }, undefined],
		['no add-ons', undefined, undefined],
	];
	for (const [name, addonsConfig, expected] of dns) {
		it(`NodeLocal DNSCache: ${name}`, () => assert.is(parseClusterFacts({ ...SEED, addonsConfig })?.nodeLocalDns, expected));
	}
	it('an older description has a zone for a location', () => {
		assert.equal(parseClusterFacts({ name: 'c', zone: 'us-central1-a' }), { location: 'us-central1-a', name: 'c' });
	});
	it('what is no description', () => {
		for (const other of [null, [], 'x', { name: 'c', location: 'l' }, { ...SEED, kind: 'Pod' }, { ...SEED, name: '' }])
			assert.is(isClusterDescription(other), false);
		assert.is(parseClusterFacts({ name: 'c' }), undefined);
		assert.is(parseClusterFacts(null), undefined);
	});
});

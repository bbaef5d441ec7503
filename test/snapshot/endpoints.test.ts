import { equal, ok } from 'uvu/assert';
import { endpointsOf } from '../../functions/snapshot/endpoints.ts';
import { describe } from '../describe.ts';

const DNS = 'gke-0123.europe-west1.gke.goog';
const dns = (allowExternalTraffic?: boolean) => ({
	dnsEndpointConfig: { endpoint: DNS, ...(allowExternalTraffic !== undefined && { allowExternalTraffic }) },
});

describe('the endpoints of a cluster', (it) => {
	it('are its DNS name, then its public address, with the certificate of the address', () => {
		const description = {
			controlPlaneEndpointsConfig: {
				...dns(true),
				ipEndpointsConfig: { enabled: true, enablePublicEndpoint: true, publicEndpoint: '203.0.113.1' },
			},
			endpoint: '203.0.113.2',
			masterAuth: { clusterCaCertificate: Buffer.from('-----BEGIN').toString('base64') },
		};
		const { servers, ca = '' } = endpointsOf(description);
		equal(servers, [`https://${DNS}`, 'https://203.0.113.1']);
		// Beside the public ones, which sign the name's.
		ok(ca.endsWith('\n-----BEGIN') && ca.length > 100_000);
	});

	it('leave out a DNS name that takes no traffic from outside, and an address that is switched off', () => {
		equal(endpointsOf({ controlPlaneEndpointsConfig: dns(), endpoint: '203.0.113.2' }).servers, ['https://203.0.113.2']);
		for (const off of [{ enabled: false }, { enablePublicEndpoint: false }])
			equal(endpointsOf({ controlPlaneEndpointsConfig: { ...dns(true), ipEndpointsConfig: off }, endpoint: '10.0.0.2' }).servers, [
				`https://${DNS}`,
			]);
	});

	it('are none where there is nothing to read, or what is no host', () => {
		for (const description of [
			undefined,
			null,
			1,
			[],
			{},
			{ endpoint: '' },
			{ endpoint: 5 },
			{ endpoint: 'a/b?c' },
			{ endpoint: 'user@host' },
		])
			equal(endpointsOf(description), { servers: [] }, JSON.stringify(description));
	});
});

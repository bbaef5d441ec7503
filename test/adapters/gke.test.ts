import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { equal, is, match, not } from 'uvu/assert';
import { createGke, type Gke } from '../../functions/adapters/gke.ts';
import { parseClusterFacts } from '../../functions/snapshot/facts.ts';
import { describe } from '../describe.ts';

const KEY = { project: 'p', location: 'europe-west1', name: 'c' };

/** As the API and `gcloud container clusters describe --format json` give it: what is not set is left out. */
const DESCRIPTION = {
	name: 'c',
	location: 'europe-west1',
	selfLink: 'https://container.googleapis.com/v1/projects/p/locations/europe-west1/clusters/c',
	currentMasterVersion: '1.33.1-gke.100',
	clusterIpv4Cidr: '10.4.0.0/14',
	ipAllocationPolicy: { useIpAliases: true, servicesIpv4CidrBlock: '10.8.0.0/20' },
	networkConfig: { network: 'projects/p/global/networks/n' },
	addonsConfig: { dnsCacheConfig: {} },
	nodePools: [{ name: 'a', version: '1.32.0', networkConfig: { podIpv4CidrBlock: '10.12.0.0/14' } }],
	controlPlaneEndpointsConfig: { dnsEndpointConfig: { endpoint: 'gke-1.europe-west1.gke.goog', allowExternalTraffic: true } },
};

async function withServer(
	answer: (request: IncomingMessage, response: ServerResponse) => void,
	use: (gke: Gke) => Promise<void>,
): Promise<void> {
	const server = createServer(answer);
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	try {
		await use(createGke({ apiEndpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, timeoutMs: 500 }));
	} finally {
		server.closeAllConnections();
		server.close();
	}
}

const json = (response: ServerResponse, status: number, body: unknown): void => {
	response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};

async function failureOf(promise: Promise<unknown>): Promise<string> {
	return (await errorOf(promise)).message;
}

async function errorOf(promise: Promise<unknown>): Promise<Error & { retriable?: boolean }> {
	try {
		await promise;
	} catch (error) {
		return error as Error;
	}
	return new Error('it did not fail');
}

describe('GKE', (it) => {
	it('describes a cluster, and the facts are those that gcloud’s description gives', async () => {
		const asked: (string | undefined)[] = [];
		await withServer(
			(request, response) => {
				asked.push(request.url?.split('?')[0], request.headers.authorization);
				json(response, 200, { ...DESCRIPTION, aFieldOfTomorrow: { x: [1] } });
			},
			async (gke) => {
				const facts = parseClusterFacts(await gke.describe(KEY));
				equal(facts, parseClusterFacts(DESCRIPTION));
				equal(
					[facts?.podRanges, facts?.serviceRanges, facts?.datapathProvider],
					[['10.12.0.0/14', '10.4.0.0/14'], ['10.8.0.0/20'], undefined],
				);
				equal(asked, ['/v1/projects/p/locations/europe-west1/clusters/c', undefined]);
				equal([...(await gke.headers())], []);
			},
		);
	});

	it('keeps what an enumeration says', async () => {
		await withServer(
			(_, response) => json(response, 200, { ...DESCRIPTION, networkConfig: { datapathProvider: 'ADVANCED_DATAPATH' } }),
			async (gke) => is(parseClusterFacts(await gke.describe(KEY))?.datapathProvider, 'ADVANCED_DATAPATH'),
		);
	});

	it('says which cluster it does not describe, and why', async () => {
		for (const [status, message] of [
			[404, 'Not found: projects/p/locations/europe-west1/clusters/c.'],
			[403, 'Required "container.clusters.get" permission(s) for "projects/p".'],
		] as const)
			await withServer(
				(_, response) =>
					json(response, status, { error: { code: status, message, status: status === 404 ? 'NOT_FOUND' : 'PERMISSION_DENIED' } }),
				async (gke) =>
					is(await failureOf(gke.describe(KEY)), `GKE does not describe projects/p/locations/europe-west1/clusters/c: ${message}`),
			);
	});

	it('tells a cluster that does not exist from one that may be described later', async () => {
		for (const [status, name, retriable] of [
			[404, 'NOT_FOUND', false],
			[403, 'PERMISSION_DENIED', undefined],
			[503, 'UNAVAILABLE', undefined],
		] as const)
			await withServer(
				(_, response) => json(response, status, { error: { code: status, message: 'no', status: name } }),
				async (gke) => is((await errorOf(gke.describe(KEY))).retriable, retriable, name),
			);
	});

	it('gives up in time where there is no answer, and repeats no token', async () => {
		await withServer(
			() => undefined,
			async (gke) => match(await failureOf(gke.describe(KEY)), /^GKE does not describe projects\/p\//),
		);
		await withServer(
			(_, response) =>
				json(response, 400, { error: { code: 400, message: 'bad header authorization: Bearer ya29.secret', status: 'INVALID_ARGUMENT' } }),
			async (gke) => {
				const message = await failureOf(gke.describe(KEY));
				not.match(message, 'secret');
				match(message, /Bearer …/);
			},
		);
	});

	it('asks for a token by which a cluster’s RBAC knows the account’s e-mail address', async () => {
		const scopes: (string | null)[] = [];
		await withMetadata(
			(url) => scopes.push(url.searchParams.get('scopes')),
			async () => equal([...(await createGke().headers())], [['authorization', 'Bearer t']]),
		);
		equal(scopes, ['https://www.googleapis.com/auth/cloud-platform,https://www.googleapis.com/auth/userinfo.email']);
	});
});

/** As in Cloud Run: credentials come from the metadata server, and from no file. */
async function withMetadata(onToken: (url: URL) => void, use: () => Promise<void>): Promise<void> {
	const server = createServer((request, response) => {
		const url = new URL(request.url ?? '', 'http://metadata');
		response.setHeader('metadata-flavor', 'Google');
		if (!url.pathname.endsWith('/token')) return void response.writeHead(404).end();
		onToken(url);
		json(response, 200, { access_token: 't', expires_in: 3600, token_type: 'Bearer' });
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const variables: Readonly<Record<string, string | undefined>> = {
		GCE_METADATA_HOST: `127.0.0.1:${(server.address() as AddressInfo).port}`,
		METADATA_SERVER_DETECTION: 'assume-present',
		GOOGLE_APPLICATION_CREDENTIALS: undefined,
		HOME: '/nowhere',
		APPDATA: '/nowhere',
	};
	const before = Object.fromEntries(Object.keys(variables).map((name) => [name, process.env[name]]));
	const set = (values: typeof variables): void => {
		for (const [name, value] of Object.entries(values))
			if (value === undefined) delete process.env[name];
			else process.env[name] = value;
	};
	set(variables);
	try {
		await use();
	} finally {
		set(before);
		server.closeAllConnections();
		server.close();
	}
}

import { rootCertificates } from 'node:tls';
import { type Fields, field, isFields } from '../policy/fields.ts';

/** Where a cluster's API server is reached, the best first. */
export interface Endpoints {
	/** `https://HOST`. */
	readonly servers: readonly string[];
	/** PEM: of the public ones, which the DNS endpoint's is signed by, and the cluster's own, which signs that of its addresses. */
	readonly ca?: string;
}

/** Follows the name of a cluster that has none. */
export const NO_ENDPOINT =
	'its control plane has no endpoint that can be reached from here: allow external traffic to its DNS endpoint, or use --context of a kubeconfig';

const part = (object: Fields, key: string): Fields => {
	const value = field(object, key);
	return isFields(value) ? value : {};
};

/** A host and no more: it goes into a URL, with a token. */
const HOST = /^(?:[\w.-]+|\[[\da-fA-F:]+\])(?::\d{1,5})?$/;
const hostOf = (value: unknown): string | undefined => (typeof value === 'string' && HOST.test(value) ? value : undefined);

/**
 * The control plane's DNS endpoint, which needs no way into a private network, then its public address. Takes a GKE API Cluster.
 * Source: container.googleapis.com v1, ControlPlaneEndpointsConfig: "endpoint" of dnsEndpointConfig is always there, and of use from outside
 * where "allowExternalTraffic" is set.
 */
export function endpointsOf(description: unknown): Endpoints {
	const cluster = isFields(description) ? description : {};
	const config = part(cluster, 'controlPlaneEndpointsConfig');
	const dns = part(config, 'dnsEndpointConfig');
	const ip = part(config, 'ipEndpointsConfig');
	const byName = field(dns, 'allowExternalTraffic') === true ? hostOf(field(dns, 'endpoint')) : undefined;
	const closed = field(ip, 'enabled') === false || field(ip, 'enablePublicEndpoint') === false;
	const byAddress = closed ? undefined : (hostOf(field(ip, 'publicEndpoint')) ?? hostOf(field(cluster, 'endpoint')));
	const certificate = field(part(cluster, 'masterAuth'), 'clusterCaCertificate');
	return {
		servers: [byName, byAddress].filter((host) => host !== undefined).map((host) => `https://${host}`),
		...(typeof certificate === 'string' && certificate !== '' && { ca: [...rootCertificates, toPem(certificate)].join('\n') }),
	};
}

const toPem = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');

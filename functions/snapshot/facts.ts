import { type Fields, field, isFields } from '../policy/fields.ts';
import { parseCidr } from '../policy/ip.ts';
import type { ClusterFacts } from '../policy/model.ts';
import { compareText } from './canonical.ts';

const SELF_LINK = /\/projects\/([^/]+)\/(?:locations|zones|regions)\/[^/]+\/clusters\/[^/]+$/;
/** Texts of a description are names and versions. What is longer is none. */
const MAX_TEXT = 256;

const text = (value: unknown): string | undefined =>
	typeof value === 'string' && value !== '' && value.length <= MAX_TEXT ? value : undefined;
const part = (object: Fields, key: string): Fields => {
	const value = field(object, key);
	return isFields(value) ? value : {};
};

/** Whether it is what `gcloud container clusters describe --format json` prints: no Kubernetes object, but a GKE API Cluster. */
export function isClusterDescription(object: unknown): boolean {
	if (!isFields(object) || field(object, 'kind') !== undefined || field(object, 'apiVersion') !== undefined) return false;
	const marks = ['networkConfig', 'ipAllocationPolicy', 'currentMasterVersion', 'nodePools', 'selfLink'];
	return (
		text(field(object, 'name')) !== undefined && locationOf(object) !== undefined && marks.some((key) => field(object, key) !== undefined)
	);
}

const locationOf = (cluster: Fields): string | undefined => text(field(cluster, 'location')) ?? text(field(cluster, 'zone'));

/**
 * The facts of a GKE API Cluster (`gcloud container clusters describe --format json`). What is missing or has another type is not known,
 * and left out. `undefined` where it has no name or location. Source: container.googleapis.com v1, Cluster.
 */
export function parseClusterFacts(object: unknown): ClusterFacts | undefined {
	if (!isFields(object)) return undefined;
	const name = text(field(object, 'name'));
	const location = locationOf(object);
	if (name === undefined || location === undefined) return undefined;
	// A Shared VPC's networkConfig.network names the host project, which is not the cluster's.
	const project = SELF_LINK.exec(text(field(object, 'selfLink')) ?? '')?.[1];
	const datapathProvider = chosen(text(field(part(object, 'networkConfig'), 'datapathProvider')));
	const nodeLocalDns = nodeLocalDnsOf(object);
	const fqdnPolicies = truthAt(part(object, 'networkConfig'), 'enableFqdnNetworkPolicy');
	const clusterwidePolicies = truthAt(part(object, 'networkConfig'), 'enableCiliumClusterwideNetworkPolicy');
	const { podRanges, serviceRanges } = rangesOf(object);
	const controlPlaneVersion = text(field(object, 'currentMasterVersion'));
	const nodeVersions = nodeVersionsOf(object);
	return {
		...(project !== undefined && { project }),
		location,
		name,
		...(datapathProvider !== undefined && { datapathProvider }),
		...(nodeLocalDns !== undefined && { nodeLocalDns }),
		...(fqdnPolicies !== undefined && { fqdnPolicies }),
		...(clusterwidePolicies !== undefined && { clusterwidePolicies }),
		...(podRanges.length > 0 && { podRanges }),
		...(serviceRanges.length > 0 && { serviceRanges }),
		...(controlPlaneVersion !== undefined && { controlPlaneVersion }),
		...(nodeVersions.length > 0 && { nodeVersions }),
	};
}

/** A value of an enumeration; Google's client names the one that says nothing, `gcloud` leaves it out. */
const chosen = (value: string | undefined): string | undefined => (value?.endsWith('_UNSPECIFIED') ? undefined : value);

function truthAt(object: Fields, key: string): boolean | undefined {
	const value = field(object, key);
	return typeof value === 'boolean' ? value : undefined;
}

/** An add-on's configuration without `enabled` is one that is off: the API leaves false out. Without configuration nothing is known. */
function nodeLocalDnsOf(cluster: Fields): boolean | undefined {
	const config = field(part(cluster, 'addonsConfig'), 'dnsCacheConfig');
	if (!isFields(config)) return undefined;
	const enabled = field(config, 'enabled') ?? false;
	return typeof enabled === 'boolean' ? enabled : undefined;
}

function nodePoolsOf(cluster: Fields): readonly Fields[] {
	const pools = field(cluster, 'nodePools');
	return Array.isArray(pools) ? pools.filter(isFields) : [];
}

/** Additional Pod ranges have names only; their addresses stand in the node pools that use them. */
function rangesOf(cluster: Fields): { podRanges: string[]; serviceRanges: string[] } {
	const allocation = part(cluster, 'ipAllocationPolicy');
	const pools = nodePoolsOf(cluster).map((pool) => field(part(pool, 'networkConfig'), 'podIpv4CidrBlock'));
	// Google's client gives an empty text for what `gcloud` leaves out.
	const pods = text(field(allocation, 'clusterIpv4CidrBlock')) ?? field(cluster, 'clusterIpv4Cidr');
	const services = text(field(allocation, 'servicesIpv4CidrBlock')) ?? field(cluster, 'servicesIpv4Cidr');
	return {
		podRanges: networks([pods, field(allocation, 'subnetIpv6CidrBlock'), ...pools]),
		serviceRanges: networks([services, field(allocation, 'servicesIpv6CidrBlock')]),
	};
}

const networks = (values: readonly unknown[]): string[] =>
	unique(values.map(text).filter((value) => value !== undefined && typeof parseCidr(value, false) !== 'string'));

function nodeVersionsOf(cluster: Fields): string[] {
	const versions = unique(nodePoolsOf(cluster).map((pool) => text(field(pool, 'version'))));
	return versions.length > 0 ? versions : unique([text(field(cluster, 'currentNodeVersion'))]);
}

const unique = (values: readonly (string | undefined)[]): string[] =>
	[...new Set(values.filter((value) => value !== undefined))].sort(compareText);

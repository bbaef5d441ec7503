/**
 * Fills a real API server: definitions of other kinds, generated objects with their status, and the collector's rights. As a program, so
 * that its memory is not the collector's: `node kube-load.ts '<ClusterSize as JSON>'`, with TESTBED_KUBECONFIG. Its last line is JSON: the
 * policies that the server refused, by name. What is there already is left as it is.
 */
import { readFile } from 'node:fs/promises';
import { Agent, request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import { openContext } from '../../functions/adapters/kubeconfig.ts';
import { type RawObject, resourceOf } from './kube-api.ts';
import { type ClusterSize, generateObjects } from './kube-objects.ts';

const CONCURRENCY = 24;
const READY_ATTEMPTS = 100;
/** The user of the testbed's second token. */
const COLLECTOR = 'collector';

interface Reply {
	readonly status: number;
	readonly body: string;
}

/** Writes as the admin. */
export type Send = (method: string, path: string, body?: unknown) => Promise<Reply>;

export async function openAdmin(kubeconfig: string): Promise<Send> {
	const options = await openContext('admin', { KUBECONFIG: kubeconfig });
	if (typeof options === 'string') throw new Error(options);
	const { ca, servers, headers } = options;
	const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY, ...(ca && { ca }) });
	return async (method, path, body) => {
		const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
		const sent = { ...Object.fromEntries(await headers()), 'content-type': type };
		return new Promise((resolve, reject) => {
			const request = httpsRequest(`${servers[0]}${path}`, { method, agent, headers: sent }, (response) => {
				let text = '';
				response.setEncoding('utf8').on('data', (chunk: string) => {
					text += chunk;
				});
				response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text })).on('error', reject);
			});
			request.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
		});
	};
}

/** Where objects of that kind are created. */
function pathOf({ apiVersion, kind, metadata }: RawObject): string {
	const base = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
	return `${base}${metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`}/${resourceOf(kind)}`;
}

/** The manifests that Terraform puts out. */
const MANIFESTS = new URL('../../terraform/rbac.yaml.tftpl', import.meta.url);

interface Role extends RawObject {
	rules: { readonly apiGroups: readonly string[]; readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
}

/** Gives the collector the rights that Terraform's manifests give, less what is left out, and nothing else. */
export async function grantRights(send: Send, without: readonly string[] = []): Promise<void> {
	const text = await readFile(MANIFESTS, 'utf8');
	const documents = parseAllDocuments(text.replaceAll('${name}', 'policy-audit').replaceAll('${user}', COLLECTOR));
	const [role, binding] = documents.map((document) => document.toJS()) as [Role, RawObject];
	for (const rule of role.rules) Object.assign(rule, { resources: rule.resources.filter((resource) => !without.includes(resource)) });
	role.rules = role.rules.filter(({ resources }) => resources.length > 0);
	await create(send, role);
	must(await send('PATCH', `${pathOf(role)}/${role.metadata.name}`, { rules: role.rules }), 'rights');
	await create(send, binding);
}

/** `false`: refused as invalid. */
async function create(send: Send, object: RawObject): Promise<boolean> {
	const reply = await send('POST', pathOf(object), object);
	if (reply.status === 422) return false;
	if (reply.status !== 409) must(reply, `${object.kind} ${object.metadata.name}`);
	return true;
}

function must({ status, body }: Reply, what: string): void {
	if (status >= 300) throw new Error(`${what}: ${status} ${body.slice(0, 500)}`);
}

/** Kinds that a bare server does not have, with any spec. */
async function defineKinds(send: Send, objects: readonly RawObject[]): Promise<void> {
	const custom = objects.filter(({ apiVersion }) => /^(networking\.gke|cilium)\.io\//.test(apiVersion));
	for (const { apiVersion, kind, metadata } of new Map(custom.map((object) => [object.kind, object])).values()) {
		const [group = '', version = ''] = apiVersion.split('/');
		const names = { kind, plural: resourceOf(kind), singular: kind.toLowerCase() };
		const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
		await create(send, {
			apiVersion: 'apiextensions.k8s.io/v1',
			kind: 'CustomResourceDefinition',
			metadata: { name: `${names.plural}.${group}` },
			...{
				spec: {
					group,
					scope: metadata.namespace ? 'Namespaced' : 'Cluster',
					names,
					versions: [{ name: version, served: true, storage: true, schema }],
				},
			},
		});
		for (let attempt = 0; (await send('GET', `/apis/${apiVersion}/${names.plural}`)).status !== 200; attempt++) {
			if (attempt > READY_ATTEMPTS) throw new Error(`${kind} is not served`);
			await sleep(100);
		}
	}
}

/** Policies that were refused, by namespace and name. */
export async function loadCluster(send: Send, size: ClusterSize): Promise<string[]> {
	const objects = generateObjects(size);
	await grantRights(send);
	await defineKinds(send, objects);
	const refused: string[] = [];
	for (const kind of ['Namespace', 'Node', 'other'])
		await inParallel(
			objects.filter((object) => (['Namespace', 'Node'].includes(object.kind) ? object.kind : 'other') === kind),
			async (object) => {
				const { namespace, name } = object.metadata;
				if (!(await create(send, object))) {
					if (object.kind !== 'NetworkPolicy') throw new Error(`${object.kind} ${name} was refused`);
					refused.push(`${namespace}/${name}`);
				}
				// A server takes no status of a new Pod.
				if (object.kind === 'Pod' && 'status' in object)
					must(await send('PATCH', `${pathOf(object)}/${name}/status`, { status: object.status }), name);
			},
		);
	return refused;
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
	let next = 0;
	const worker = async (): Promise<void> => {
		while (next < items.length) await work(items[next++] as T);
	};
	await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

if (import.meta.main) {
	const send = await openAdmin(process.env['TESTBED_KUBECONFIG'] ?? '');
	console.log(JSON.stringify(await loadCluster(send, JSON.parse(process.argv[2] ?? '{}') as ClusterSize)));
	process.exit();
}

/** A server on loopback that answers like a Kubernetes API server: discovery, lists in pages, rights, and faults as it is told. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

export interface RawObject {
	readonly apiVersion: string;
	readonly kind: string;
	readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: object; readonly annotations?: object };
}

export interface KubeRequest {
	/** From 0. */
	readonly number: number;
	/** Without the query. */
	readonly path: string;
	readonly query: URLSearchParams;
	readonly headers: IncomingHttpHeaders;
}

export type KubeFault =
	| { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
	| { readonly kind: 'reset' }
	/** The begin of a body, and then nothing, or the end of the connection. */
	| { readonly kind: 'stall' }
	| { readonly kind: 'truncate' }
	/** Never an answer. */
	| { readonly kind: 'hang' }
	| { readonly kind: 'delay'; readonly ms: number }
	/** 410, with a token to go on with or without. */
	| { readonly kind: 'expired'; readonly token: boolean };

export interface KubeApiOptions {
	/** Lists are made anew of them at each request: a test may change them meanwhile. */
	readonly objects: readonly RawObject[];
	/** Resources by apiVersion that are served without objects, by kind. The core ones and NetworkPolicies always are. */
	readonly serves?: Readonly<Record<string, readonly string[]>>;
	/** Of each group, the preferred version where it is not the first. */
	readonly preferred?: Readonly<Record<string, string>>;
	/** Resources that this user may not list. As with RBAC, what is not served is forbidden too where there is one. */
	readonly forbidden?: readonly string[];
	readonly faults?: (request: KubeRequest) => KubeFault | undefined;
	/** That a request must carry. */
	readonly token?: string;
	/** Over TLS, with these options. */
	readonly tls?: ServerOptions;
}

export interface KubeApiServer {
	readonly url: string;
	/** All that came, in order. */
	readonly requests: readonly KubeRequest[];
	/** Connections that were opened. */
	connections(): number;
	close(): Promise<void>;
}

const ALWAYS = { v1: ['Namespace', 'Node', 'Pod', 'Service'], 'networking.k8s.io/v1': ['NetworkPolicy'] };
const BUILT_IN = /^(v1|networking\.k8s\.io\/.*)$/;

export const resourceOf = (kind: string): string => kind.toLowerCase().replace(/y$/, 'ie').concat('s');
const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '');
const versionOf = (apiVersion: string): string => apiVersion.split('/').at(-1) ?? '';

export async function startKubeApi(options: KubeApiOptions): Promise<KubeApiServer> {
	const requests: KubeRequest[] = [];
	let connections = 0;
	const listener: RequestListener = (request, response) => {
		const { pathname, searchParams } = new URL(request.url ?? '', 'http://x');
		const received = { number: requests.length, path: pathname, query: searchParams, headers: request.headers };
		requests.push(received);
		answer(received, response, options).catch(() => response.destroy());
	};
	const server = options.tls ? createSecureServer(options.tls, listener) : createServer(listener);
	server.on('connection', () => connections++);
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
		requests,
		connections: () => connections,
		async close() {
			const closed = once(server, 'close');
			server.close();
			server.closeAllConnections();
			await closed;
		},
	};
}

async function answer(request: KubeRequest, response: ServerResponse, options: KubeApiOptions): Promise<void> {
	const fault = options.faults?.(request);
	switch (fault?.kind) {
		case 'status':
			response.writeHead(fault.status, fault.headers).end(fault.body ?? status(fault.status, 'Told', { message: 'told to answer this' }));
			return;
		case 'reset':
			response.socket?.resetAndDestroy();
			return;
		case 'hang':
			return;
		case 'stall':
			response.writeHead(200).write('{"kind":');
			return;
		case 'truncate':
			response.writeHead(200, { 'content-length': 1000 }).write('{"kind":');
			setImmediate(() => response.destroy());
			return;
		case 'expired': {
			const token = fault.token ? (request.query.get('continue') ?? '') : '';
			// The server's own token begins at the same object, in today's list.
			const again = token === '' ? undefined : encodeToken({ ...decodeToken(token), again: true });
			response.writeHead(410).end(status(410, 'Expired', { message: 'The provided continue parameter is too old', token: again }));
			return;
		}
		case 'delay':
			await wait(fault.ms);
			break;
		case undefined:
			break;
		default:
			fault satisfies never;
	}
	if (options.token !== undefined && request.headers.authorization !== `Bearer ${options.token}`) {
		response.writeHead(401).end(status(401, 'Unauthorized', { message: 'Unauthorized' }));
		return;
	}
	const found = find(request, options);
	send(request, response, found);
}

interface Found {
	readonly status: number;
	readonly body: string;
}

const ok = (document: unknown): Found => ({ status: 200, body: JSON.stringify(document) });

function find({ path, query }: KubeRequest, options: KubeApiOptions): Found {
	const kinds = servedKinds(options);
	if (path === '/apis') return ok({ kind: 'APIGroupList', apiVersion: 'v1', groups: groups(kinds, options) });
	const [, version = 'v1', resource] = /^\/(?:apis\/([^/]+\/[^/]+)|api\/v1)(?:\/([^/]+))?$/.exec(path) ?? [];
	const served = kinds.get(version);
	if (resource === undefined) return served ? ok(resourceList(version, served)) : { status: 404, body: '404 page not found\n' };
	const kind = [...(served ?? [])].find((one) => resourceOf(one) === resource);
	const refused = options.forbidden?.includes(resource) || (!kind && options.forbidden !== undefined);
	if (refused) return { status: 403, body: status(403, 'Forbidden', { message: `${resource} is forbidden` }) };
	if (!kind) return { status: 404, body: '404 page not found\n' };
	return listPage(options.objects, { apiVersion: version, kind, query });
}

function servedKinds({ objects, serves = {} }: KubeApiOptions): Map<string, Set<string>> {
	const kinds = new Map<string, Set<string>>();
	const add = (apiVersion: string, kind: string) => kinds.set(apiVersion, (kinds.get(apiVersion) ?? new Set()).add(kind));
	for (const [apiVersion, list] of [...Object.entries(ALWAYS), ...Object.entries(serves)]) for (const kind of list) add(apiVersion, kind);
	for (const { apiVersion, kind } of objects) add(apiVersion, kind);
	return kinds;
}

function groups(kinds: ReadonlyMap<string, unknown>, { preferred = {} }: KubeApiOptions) {
	const named = [...kinds.keys()].filter((apiVersion) => apiVersion !== 'v1');
	return [...Map.groupBy(named, groupOf)].map(([name, all]) => {
		const versions = all.map((groupVersion) => ({ groupVersion, version: versionOf(groupVersion) }));
		const first = versions.find(({ version }) => version === preferred[name]) ?? versions[0];
		return { name, versions, preferredVersion: first };
	});
}

function resourceList(groupVersion: string, kinds: ReadonlySet<string>) {
	const resources = [...kinds].flatMap((kind) => [
		{ name: `${resourceOf(kind)}/status`, kind, verbs: ['get', 'patch', 'update'] },
		{ name: resourceOf(kind), kind, verbs: ['get', 'list', 'watch'] },
	]);
	return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
}

interface Wanted {
	readonly apiVersion: string;
	readonly kind: string;
	readonly query: URLSearchParams;
}

/** In the order of etcd's keys. A token says where to go on; "items of built-in lists carry no kind". */
function listPage(objects: readonly RawObject[], { apiVersion, kind, query }: Wanted): Found {
	const token = query.get('continue');
	const from = token === null ? '' : decodeToken(token)?.start;
	if (from === undefined) return { status: 400, body: status(400, 'BadRequest', { message: `continue key is not valid: ${token}` }) };
	const all = objects
		.filter((object) => object.apiVersion === apiVersion && object.kind === kind)
		.map((object) => ({ key: `${object.metadata.namespace ?? ''}/${object.metadata.name}`, object }))
		.sort((a, b) => (a.key < b.key ? -1 : 1))
		.filter(({ key }) => key >= from);
	const limit = Number(query.get('limit')) || all.length;
	const items = all.slice(0, limit).map(({ object }) => {
		const { apiVersion: _, kind: __, ...bare } = object;
		return BUILT_IN.test(apiVersion) ? bare : object;
	});
	const next = all[limit];
	const more = next && { continue: encodeToken({ start: next.key }), remainingItemCount: all.length - limit };
	return ok({ kind: `${kind}List`, apiVersion, metadata: { resourceVersion: '7', ...more }, items });
}

const encodeToken = (value: object): string => Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', ...value })).toString('base64url');

function decodeToken(token: string): { readonly start: string } | undefined {
	try {
		return JSON.parse(Buffer.from(token, 'base64url').toString()) as { start: string };
	} catch {
		return undefined;
	}
}

const status = (code: number, reason: string, { message, token }: { message: string; token?: string | undefined }): string =>
	JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: { continue: token }, status: 'Failure', message, reason, code });

function send({ headers }: KubeRequest, response: ServerResponse, found: Found): void {
	const gzip = found.body.length > 1024 && (headers['accept-encoding'] ?? '').includes('gzip');
	const type = found.body.startsWith('{') ? 'application/json' : 'text/plain; charset=utf-8';
	response.writeHead(found.status, { 'content-type': type, ...(gzip && { 'content-encoding': 'gzip' }) });
	response.end(gzip ? gzipSync(found.body, { level: 1 }) : found.body);
}

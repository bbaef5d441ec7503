import { existsSync } from 'node:fs';
import { Agent } from 'node:http';
import type { RequestOptions } from 'node:https';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { createRedaction } from './kubernetes/redaction.ts';
import type { KubernetesOptions } from './kubernetes.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * How to reach the cluster of a kubeconfig's context, the current one without a name; or why not, in words for the command line. The files
 * are those of KUBECONFIG, else `~/.kube/config`. Kubernetes' client reads them and gets the credentials, plugins included, which it is
 * asked for at each request: it keeps a token while it lasts.
 */
export async function openContext(name?: string, env: Environment = process.env): Promise<KubernetesOptions | string> {
	const files = filesOf(env);
	const found = files.filter((file) => existsSync(file));
	if (found.length === 0) return `no kubeconfig: there is no ${files.join(', nor ')} (KUBECONFIG names another file)`;
	// Loaded only here: it costs half a second.
	const { KubeConfig } = await import('@kubernetes/client-node');
	const config = new KubeConfig();
	for (const file of found) {
		const problem = load(file, { config, read: new KubeConfig() });
		if (problem !== undefined) return problem;
	}
	return choose(config, name) ?? toOptions(config);
}

/** As kubectl has it: files that are not there are passed over. */
function filesOf(env: Environment): string[] {
	const named = (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
	return named.length > 0 ? named : [join(env['HOME'] || homedir(), '.kube', 'config')];
}

/** "The first file to set a particular value or map key wins." KubeConfig's own way of merging refuses a name that two files have. */
function load(file: string, { config, read }: { readonly config: KubeConfig; readonly read: KubeConfig }): string | undefined {
	try {
		read.loadFromFile(file, { onInvalidEntry: 'filter' });
	} catch (error) {
		// Where there is nothing in it, the client falls over.
		if (error instanceof TypeError) return `${file} is no kubeconfig: it has no clusters, users and contexts`;
		// Only the first line: what follows may show the file, and in it tokens.
		const [words = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
		return `${file} is no kubeconfig: ${words.slice(0, 200)}`;
	}
	for (const cluster of read.clusters) if (!config.getCluster(cluster.name)) config.addCluster(cluster);
	for (const user of read.users) if (!config.getUser(user.name)) config.addUser(user);
	for (const context of read.contexts) if (!config.getContextObject(context.name)) config.addContext(context);
	if (!config.currentContext && read.currentContext) config.setCurrentContext(read.currentContext);
	return undefined;
}

function choose(config: KubeConfig, name: string | undefined): string | undefined {
	const names = config.contexts.map((context) => context.name);
	const listed = names.length === 0 ? 'the kubeconfig has none' : `there are ${names.join(', ')}`;
	const wanted = name ?? config.currentContext;
	if (!wanted) return `the kubeconfig has no current context: name one (${listed})`;
	if (!names.includes(wanted)) return `no context ${JSON.stringify(wanted)}: ${listed}`;
	config.setCurrentContext(wanted);
	const { cluster, user } = config.getContextObject(wanted) ?? {};
	const server = config.getCurrentCluster()?.server;
	if (server === undefined)
		return `context ${wanted} names the cluster ${JSON.stringify(cluster ?? '')}, which the kubeconfig does not have`;
	if (!/^https?:\/\//.test(server) || !URL.canParse(server))
		return `context ${wanted}: ${JSON.stringify(server)} is no address of a server`;
	if (!config.getCurrentUser()) return `context ${wanted} names the user ${JSON.stringify(user ?? '')}, which the kubeconfig does not have`;
	return undefined;
}

async function toOptions(config: KubeConfig): Promise<KubernetesOptions | string> {
	const server = config.getCurrentCluster()?.server ?? '';
	// As of `kubectl proxy`. The client refuses http:// where it should verify, and there is nothing to verify.
	if (server.startsWith('http:')) config.clusters = config.clusters.map((cluster) => ({ ...cluster, skipTLSVerify: true }));
	try {
		const { ca, cert, key, servername, rejectUnauthorized, agent } = await authorize(config);
		return {
			servers: [server],
			headers: async () => headersOf(await authorize(config)),
			...(isPem(ca) && { ca }),
			...(isPem(cert) && { cert }),
			...(isPem(key) && { key }),
			...(servername !== undefined && { servername }),
			...(rejectUnauthorized === false && { insecure: true }),
			...(config.getCurrentCluster()?.proxyUrl && agent instanceof Agent && { agent }),
		};
	} catch (error) {
		const redact = createRedaction('', new Headers());
		const words = redact(error instanceof Error ? error.message : String(error));
		const { installHint } = (config.getCurrentUser()?.exec ?? {}) as { installHint?: unknown };
		const hint = typeof installHint === 'string' ? ` (${redact(installHint)})` : '';
		return `context ${config.currentContext}: no credentials: ${words}${hint}`;
	}
}

/** Runs the plugin, or reads the files, that the context's user has. */
async function authorize(config: KubeConfig): Promise<RequestOptions> {
	const options: RequestOptions = {};
	await config.applyToHTTPSOptions(options);
	return options;
}

function headersOf({ headers, auth }: RequestOptions): Headers {
	const sent = new Headers();
	for (const [name, value] of Object.entries(headers ?? {})) if (value !== undefined) sent.set(name, String(value));
	if (auth && !sent.has('authorization')) sent.set('authorization', `Basic ${Buffer.from(auth).toString('base64')}`);
	return sent;
}

const isPem = (value: unknown): value is string | Buffer => typeof value === 'string' || Buffer.isBuffer(value);

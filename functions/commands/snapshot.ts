import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { createGke, type Gke } from '../adapters/gke.ts';
import { openContext } from '../adapters/kubeconfig.ts';
import { createKubernetesApi } from '../adapters/kubernetes.ts';
import { parseTime } from '../policy/time.ts';
import type { ClusterKey, KubernetesApi } from '../ports.ts';
import { collectState } from '../snapshot/collect.ts';
import { endpointsOf, NO_ENDPOINT } from '../snapshot/endpoints.ts';
import { type FolderWrite, writeToFolder } from '../snapshot/folder.ts';
import { parseClusterName } from '../snapshot/trigger.ts';
import { EXIT, type ExitCode } from './exit.ts';
import type { Execute, Surroundings } from './surroundings.ts';
import { printable } from './terminal.ts';

interface SnapshotOptions {
	readonly context?: string;
	readonly cluster?: Required<ClusterKey>;
	readonly out: string;
	readonly at?: string;
	readonly watch?: number;
}

/** Adds `snapshot`. */
export function addSnapshot(program: Command, execute: Execute): void {
	program
		.command('snapshot')
		.description('read a cluster’s policy state, and keep it in a folder by time, for replay --snapshots and evaluate --snapshots')
		.option('--context <name>', 'a context of the kubeconfig; without --cluster and --context, the current one')
		.option('--cluster <name>', 'a GKE cluster by Google credentials: projects/P/locations/L/clusters/C', parseCluster)
		.option('--out <folder>', 'where <time>.json.gz is written, unless the state is that of the newest one there', 'snapshots')
		.option('--at <time>', 'the state is taken to hold from then on (RFC 3339), and not only from now', parseAt)
		.addOption(new Option('--watch <seconds>', 'look again every so many seconds, until Ctrl-C').argParser(parseSeconds).conflicts('at'))
		.action(async (options: SnapshotOptions) => {
			await execute((surroundings) => snapshot({ ...options, open: () => openSource(options, createGke()) }, surroundings));
		});
}

function parseCluster(text: string): Required<ClusterKey> {
	const cluster = parseClusterName(text);
	if (!cluster) throw new InvalidArgumentError('it must be projects/PROJECT/locations/LOCATION/clusters/NAME');
	return cluster;
}

function parseAt(text: string): string {
	const time = parseTime(text);
	if (time === undefined) throw new InvalidArgumentError('it must be an RFC 3339 time, such as 2026-03-04T05:00:00Z');
	return time;
}

const LEAST_SECONDS = 5;

function parseSeconds(text: string): number {
	const seconds = Number(text);
	if (!/^\d{1,6}$/.test(text) || seconds < LEAST_SECONDS)
		throw new InvalidArgumentError(`it must be a whole number of seconds, at least ${LEAST_SECONDS}`);
	return seconds;
}

/** A cluster that can be read. `description`: the GKE API's Cluster; without it the snapshots serve every cluster. */
export interface Source {
	readonly api: KubernetesApi;
	readonly description?: unknown;
}

/** How the cluster is reached, or in words why it is not. */
async function openSource({ context, cluster }: Pick<SnapshotOptions, 'context' | 'cluster'>, gke: Gke): Promise<Source | string> {
	const description = cluster && (await gke.describe(cluster));
	if (!cluster || context !== undefined) {
		const options = await openContext(context);
		return typeof options === 'string' ? options : { api: createKubernetesApi(options), description };
	}
	const endpoints = endpointsOf(description);
	return endpoints.servers.length === 0
		? NO_ENDPOINT
		: { api: createKubernetesApi({ ...endpoints, headers: () => gke.headers() }), description };
}

export interface Snapshotting extends Pick<SnapshotOptions, 'out' | 'at' | 'watch'> {
	readonly open: () => Promise<Source | string>;
}

/** Collects once, or again and again, says what became of it, and answers with the exit code. */
export async function snapshot({ open, out, at, watch }: Snapshotting, surroundings: Surroundings): Promise<ExitCode> {
	if (at !== undefined && Date.parse(at) > surroundings.now().getTime()) {
		surroundings.stderr.write(`policy-audit: --at ${at} lies ahead: nobody knows what holds from then on\n`);
		return EXIT.nothing;
	}
	let worst: ExitCode = EXIT.done;
	for (;;) {
		const code = await collectOnce({ open, out, ...(at !== undefined && { at }) }, surroundings);
		if (watch === undefined) return code;
		// A cluster that cannot be reached now may be later.
		if (code !== EXIT.done) worst = EXIT.refused;
		// Only here: whoever asks for it takes Ctrl-C upon itself, and to look once is not interrupted otherwise.
		const { signal } = surroundings;
		await sleep(watch * 1000, undefined, { signal }).catch(() => undefined);
		if (signal.aborted) return worst;
	}
}

async function collectOnce({ open, out, at }: Omit<Snapshotting, 'watch'>, { stdout, stderr, now }: Surroundings): Promise<ExitCode> {
	const complain = (text: string) => stderr.write(`policy-audit: ${printable(text)}\n`);
	try {
		const source = await open();
		if (typeof source === 'string') {
			complain(source);
			return EXIT.nothing;
		}
		const collected = await collectState({ ...source, now: () => now().getTime() });
		const { state, collectedAt, problems, unreadableKinds } = collected;
		for (const { file, message } of problems) complain(`${file}: ${message}`);
		for (const kind of unreadableKinds) complain(`${kind}: the API server does not list it, so whether there are any is not known`);
		const written = await writeToFolder(out, { state, collectedAt, validFrom: at ?? collectedAt });
		stdout.write(`${printable(describe(written, state))}\n`);
		return problems.length + unreadableKinds.length > 0 ? EXIT.refused : EXIT.done;
	} catch (error) {
		complain(error instanceof Error ? error.message : String(error));
		return EXIT.nothing;
	}
}

type State = Awaited<ReturnType<typeof collectState>>['state'];

function describe({ kind, path }: FolderWrite, { policies, otherPolicies, unreadablePolicies, pods, namespaces }: State): string {
	const count = (number: number, what: string) => `${number.toLocaleString('en')} ${what}`;
	const others = otherPolicies.length > 0 ? `, ${count(otherPolicies.length, 'of other kinds')}` : '';
	const unread = unreadablePolicies.length > 0 ? `, ${count(unreadablePolicies.length, 'that cannot be read')}` : '';
	const what = `${count(policies.length, 'NetworkPolicies')}${others}${unread}, ${count(pods.length, 'Pods')}, ${count(namespaces.length, 'namespaces')}`;
	return kind === 'written' ? `${path}: ${what}` : `unchanged since ${path}: ${what}`;
}

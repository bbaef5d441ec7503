/**
 * `npm run test:collect -- --pods 3000`: fills a real API server, reads it as the restricted collector, page by page, and compares with the
 * objects that were sent: their states, and the verdicts on random flows. Also what becomes of missing rights, and that nothing secret is
 * in the snapshot or in the output. Needs TESTBED_KUBECONFIG (contexts `admin` and `collector`), and skips without.
 */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { openContext } from '../../functions/adapters/kubeconfig.ts';
import { createKubernetesApi } from '../../functions/adapters/kubernetes.ts';
import { compileSnapshot } from '../../functions/policy/compile.ts';
import type { Judgement } from '../../functions/policy/finding.ts';
import { judge } from '../../functions/policy/judge.ts';
import type { ClusterState, Flow, Observation } from '../../functions/policy/model.ts';
import type { KubernetesApi } from '../../functions/ports.ts';
import { canonicalJson, createSnapshot, encodeSnapshot } from '../../functions/snapshot/canonical.ts';
import { collectState } from '../../functions/snapshot/collect.ts';
import { createReducer } from '../../functions/snapshot/objects.ts';
import { createRandom } from '../random.ts';
import { createChecks } from './checks.ts';
import { grantRights, openAdmin } from './kube-load.ts';
import { type ClusterSize, generateObjects, prefixOf, SECRET } from './kube-objects.ts';

const FLOWS = 5000;
const SAMPLE_MS = 10;
const MB = 1024 * 1024;

const kubeconfig = process.env['TESTBED_KUBECONFIG'];
if (!kubeconfig) {
	console.log('skipped: test/servers/collect.ts needs TESTBED_KUBECONFIG, with contexts `admin` and `collector`');
	console.log('0 passed, 0 failed');
	process.exit();
}

const { values } = parseArgs({
	options: {
		pods: { type: 'string', default: '1000' },
		namespaces: { type: 'string', default: '40' },
		policies: { type: 'string', default: '200' },
		seed: { type: 'string', default: '1' },
		'page-size': { type: 'string', default: '500' },
	},
});
const size: ClusterSize = {
	seed: Number(values.seed),
	namespaces: Number(values.namespaces),
	pods: Number(values.pods),
	policies: Number(values.policies),
};
const pageSize = Number(values['page-size']);

const output: string[] = [];
const say = (line: string): void => {
	output.push(line);
	console.log(line);
};
const { check, finish } = createChecks(say);

/** In a process of its own: only the collector's memory is to be measured here. */
async function load(): Promise<ReadonlySet<string>> {
	const began = performance.now();
	const program = fileURLToPath(new URL('kube-load.ts', import.meta.url));
	const { stdout } = await promisify(execFile)(process.execPath, [program, JSON.stringify(size)], { maxBuffer: 64 * MB });
	const refused = JSON.parse(stdout.trim().split('\n').at(-1) ?? '[]') as string[];
	const { namespaces, pods, policies } = size;
	say(`${namespaces} namespaces, ${pods} Pods, ${policies} policies (${refused.length} refused) loaded in ${seconds(began)} s`);
	return new Set(refused);
}

const seconds = (began: number): string => ((performance.now() - began) / 1000).toFixed(1);

async function openCollector(): Promise<KubernetesApi> {
	const options = await openContext('collector', { KUBECONFIG: kubeconfig });
	if (typeof options === 'string') throw new Error(options);
	return createKubernetesApi(options);
}

/** Counts pages, and samples memory meanwhile. */
async function measure(api: KubernetesApi) {
	let requests = 0;
	let peak = 0;
	const sample = () => {
		peak = Math.max(peak, process.memoryUsage.rss());
	};
	const before = process.memoryUsage.rss();
	const timer = setInterval(sample, SAMPLE_MS);
	const counting: KubernetesApi = {
		async get(path) {
			requests++;
			const answer = await api.get(path);
			sample();
			return answer;
		},
	};
	const began = performance.now();
	const collected = await collectState({ api: counting, now: Date.now, pageSize });
	const took = seconds(began);
	const encoding = performance.now();
	const snapshot = createSnapshot({ state: collected.state, validFrom: collected.collectedAt, collectedAt: collected.collectedAt });
	const bytes = encodeSnapshot(snapshot);
	sample();
	clearInterval(timer);
	say(`collected in ${took} s by ${requests} requests, written in ${seconds(encoding)} s: ${(bytes.length / MB).toFixed(1)} MB compressed`);
	say(`memory (RSS): ${(before / MB).toFixed(0)} MB before, at most ${(peak / MB).toFixed(0)} MB`);
	return { ...collected, snapshot };
}

/** The objects as they were sent, reduced without a server. */
function reduceDirectly(refused: ReadonlySet<string>): ClusterState {
	const reducer = createReducer();
	for (const object of generateObjects(size)) {
		const { namespace, name } = object.metadata;
		if (object.kind !== 'NetworkPolicy' || !refused.has(`${namespace}/${name}`)) reducer.add(object, { file: 'generated' });
	}
	return reducer.finish().state;
}

/** What both ways must have in common: this cluster's objects, less what only a server gives (addresses of Services, times). */
function comparable(state: ClusterState): ClusterState {
	const own = <T extends { readonly namespace?: string; readonly name: string }>(list: readonly T[]): T[] =>
		list.filter(({ namespace, name }) => (namespace ?? name).startsWith(prefixOf(size)));
	return {
		...state,
		namespaces: own(state.namespaces),
		nodes: own(state.nodes),
		pods: own(state.pods).map(({ createdAt: _, ...pod }) => pod),
		services: own(state.services).map(({ clusterIps: _, ...service }) => service),
		policies: own(state.policies),
		otherPolicies: own(state.otherPolicies),
	};
}

function randomFlow({ pods, nodes }: ClusterState, { pick, below }: ReturnType<typeof createRandom>): Flow {
	const end = () => {
		const kind = below(10);
		if (kind === 0) return { ip: pick(['203.0.113.7', '198.51.100.1', '10.0.0.2']) };
		if (kind === 1) return { node: pick(nodes).name };
		const { namespace, name } = pick(pods);
		return { pod: { namespace, name } };
	};
	const subject = () => {
		const { namespace, name } = pick(pods);
		return { pod: { namespace, name } };
	};
	const direction = pick(['ingress', 'egress'] as const);
	const [source, destination] = direction === 'ingress' ? [end(), subject()] : [subject(), end()];
	return { direction, source, destination, protocol: pick(['TCP', 'UDP']), port: pick([53, 80, 8080, 9090]) };
}

/** Of a judgement what is told of it: the rest is the snapshot itself. */
const shown = ({ finding, certainty, constructs, reasons, evidence }: Judgement): string =>
	canonicalJson({ finding, certainty, constructs, reasons, evidence });

/** Flows whose judgements differ, and how many kinds of findings there were at all. */
function compareVerdicts(collected: ClusterState, direct: ClusterState) {
	const [one, other] = [collected, direct].map((state) => compileSnapshot(createSnapshot({ state })));
	const random = createRandom(size.seed);
	// Long after every Pod was created: a young one is a reason to doubt, and the objects that were sent have no age.
	const timestamp = new Date(Date.now() + 3_600_000).toISOString();
	const findings = new Map<string, number>();
	let different = 0;
	for (let index = 0; index < FLOWS; index++) {
		const disposition = random.pick(['allow', 'deny'] as const);
		const observation: Observation = {
			flow: randomFlow(direct, random),
			disposition,
			policies: [],
			timestamp,
			timestampMs: Date.parse(timestamp),
		};
		const [a, b] = [judge(one, observation), judge(other, observation)];
		findings.set(a.finding, (findings.get(a.finding) ?? 0) + 1);
		if (shown(a) !== shown(b)) different++;
	}
	return { different, findings: [...findings].map(([finding, count]) => `${count} ${finding}`).join(', ') };
}

/** Until RBAC has seen a change of the role. */
async function until(right: () => Promise<boolean>): Promise<boolean> {
	for (let attempt = 0; attempt < 50; attempt++) {
		if (await right()) return true;
		await sleep(100);
	}
	return false;
}

async function checkRights(api: KubernetesApi): Promise<void> {
	const send = await openAdmin(kubeconfig ?? '');
	const forbidden = (path: string) => async () => (await api.get(`${path}?limit=1`)).kind === 'forbidden';
	await grantRights(send, ['fqdnnetworkpolicies', 'pods']);
	await until(forbidden('/api/v1/pods'));
	const refusal = await collectState({ api, now: Date.now, pageSize }).catch((error: Error) => error.message);
	check(typeof refusal === 'string' && refusal.startsWith('cannot list pods,'), `without the right to list Pods: ${String(refusal)}`);
	await grantRights(send, ['fqdnnetworkpolicies']);
	await until(async () => !(await forbidden('/api/v1/pods')()));
	const { unreadableKinds, absentKinds } = await collectState({ api, now: Date.now, pageSize });
	check(
		unreadableKinds.join() === 'FQDNNetworkPolicy.networking.gke.io',
		`unreadable without the right to list it: ${unreadableKinds.join()}`,
	);
	check(absentKinds.includes('AdminNetworkPolicy'), 'a kind that is not served is absent, not forbidden');
	await grantRights(send);
	check(await until(async () => !(await forbidden('/apis/networking.gke.io/v1alpha1/fqdnnetworkpolicies')())), 'with its rights again');
	check((await api.get('/api/v1/secrets?limit=1')).kind === 'forbidden', 'the collector may not list Secrets');
}

const refused = await load();
const api = await openCollector();
await until(async () => (await api.get('/api/v1/pods?limit=1')).kind === 'ok');
const { snapshot, state, problems, counts, unreadableKinds } = await measure(api);
say(`counted: ${JSON.stringify(counts)}`);
check(problems.length === 0, `${problems.length} problems${problems[0] ? `, such as ${problems[0].file}: ${problems[0].message}` : ''}`);
check(unreadableKinds.length === 0, `${unreadableKinds.length} kinds that could not be listed`);
const direct = reduceDirectly(refused);
check(canonicalJson(comparable(state)) === canonicalJson(comparable(direct)), 'the state is that of the objects as they were sent');
check(comparable(state).pods.length === size.pods, `${comparable(state).pods.length} Pods in it`);
const { different, findings } = compareVerdicts(state, direct);
check(different === 0, `${FLOWS} random flows judged on both: ${different} differ (${findings})`);
const small = await collectState({ api, now: Date.now, pageSize: Math.max(7, Math.floor(pageSize / 7)) });
check(canonicalJson(small.state) === canonicalJson(state), 'smaller pages give the same state');
await checkRights(api);
const seen = `${JSON.stringify(snapshot)}\n${output.join('\n')}`;
for (const secret of [SECRET, 'collector-token', 'admin-token', 'Bearer', 'eyJ'])
	check(!seen.includes(secret), `neither snapshot nor output holds what begins with ${secret.slice(0, 3)}…`);
finish();

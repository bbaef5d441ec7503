/** Problems as the whole way from a log entry makes them: decoded, judged, written as a row, and read as the view `findings` shows it. */
import { decodeEntry } from '../../../functions/ingest/decode.ts';
import { toVerdictRow } from '../../../functions/ingest/row.ts';
import { compileSnapshot } from '../../../functions/policy/compile.ts';
import type { Certainty, Finding } from '../../../functions/policy/finding.ts';
import { judge } from '../../../functions/policy/judge.ts';
import type { ClusterState, Disposition, Flow, FlowEnd } from '../../../functions/policy/model.ts';
import { DEFAULT_CANDIDATES } from '../../../functions/policy/semantics.ts';
import type { ClusterKey, Problem, ProblemDetail, Row } from '../../../functions/ports.ts';
import { cluster as base, flow as baseFlow } from '../../policy/cluster.ts';

export const PROD = { project: 'shop-prod', location: 'europe-west1', name: 'prod' } satisfies ClusterKey;

export interface Judged {
	readonly problem: Problem;
	readonly detail: ProblemDetail;
}

export interface Observed {
	readonly state: Partial<ClusterState>;
	readonly disposition: Disposition;
	readonly flow?: Partial<Flow>;
	readonly cluster?: ClusterKey;
	readonly tweaks?: Partial<Problem>;
}

/** A problem of entries like this one. */
export function judgeProblem({ state, disposition, flow: written = {}, cluster = PROD, tweaks }: Observed): Judged {
	const snapshot = compileSnapshot({
		format: 1,
		id: '2026-03-04T140000Z-0123456789ab',
		validFrom: '2026-03-04T14:00:00Z',
		state: { ...base().state, ...state },
	});
	const flow = baseFlow(written);
	const decoded = decodeEntry(entryOf(flow, { disposition, cluster, state: snapshot.state }));
	if (decoded.kind !== 'ok') throw new Error(decoded.detail);
	const { entry } = decoded;
	const judgement = judge(snapshot, entry.observation, DEFAULT_CANDIDATES);
	const row = toVerdictRow({ entry, judgement, snapshot, candidates: DEFAULT_CANDIDATES, judgedAt: new Date('2026-03-04T14:31:10Z') });
	const detail = toDetail(row);
	const problem: Problem = {
		fingerprint: detail.fingerprint,
		cluster,
		finding: row['finding'] as Finding,
		firstSeen: '2026-03-04T14:03:11.25Z',
		lastSeen: '2026-03-04T14:31:05Z',
		entries: 45,
		packets: disposition === 'deny' ? 312 : null,
		sources: 3,
		unsettled: false,
		...tweaks,
	};
	return { problem, detail };
}

function entryOf(flow: Flow, { disposition, cluster, state }: { disposition: Disposition; cluster: ClusterKey; state: ClusterState }) {
	const [source, destination] = [endOf(flow.source, state), endOf(flow.destination, state)];
	return {
		insertId: 'id1',
		logName: `projects/${cluster.project}/logs/policy-action`,
		timestamp: '2026-03-04T14:31:05Z',
		resource: {
			type: 'k8s_node',
			labels: { project_id: cluster.project, location: cluster.location, cluster_name: cluster.name, node_name: 'n1' },
		},
		jsonPayload: {
			connection: {
				src_ip: source.ip,
				dest_ip: destination.ip,
				...(flow.sourcePort !== undefined && { src_port: flow.sourcePort }),
				...(flow.port !== undefined && { dest_port: flow.port }),
				protocol: flow.protocol.toLowerCase(),
				direction: flow.direction,
			},
			disposition,
			count: disposition === 'deny' ? 7 : 1,
			node_name: 'n1',
			src: source.end,
			dest: destination.end,
		},
	};
}

function endOf({ ip, pod, node }: FlowEnd, { pods, nodes }: ClusterState) {
	if (pod) {
		const state = pods.find(({ name, namespace }) => name === pod.name && namespace === pod.namespace);
		// A log knows a Pod on the host network by its address only.
		if (state?.hostNetwork) return { ip: state.ips[0], end: { instance: state.ips[0] } };
		return { ip: ip ?? state?.ips[0], end: { pod_name: pod.name, pod_namespace: pod.namespace, namespace: pod.namespace } };
	}
	const address = ip ?? nodes.find(({ name }) => name === node)?.ips[0];
	return { ip: address, end: { instance: address } };
}

/** The columns of the view `findings`, of the problem's only entry. */
function toDetail(row: Row): ProblemDetail {
	const [evidence = {}] = row['evidence'] as Row[];
	const text = (column: string, from: Row = row) => (from[column] ?? null) as string | null;
	const number = (column: string, from: Row) => (from[column] ?? null) as number | null;
	return {
		fingerprint: row['fingerprint'] as string,
		direction: row['direction'] as ProblemDetail['direction'],
		disposition: row['disposition'] as Disposition,
		subjectNamespace: text('subject_namespace'),
		subjectWorkloadKind: text('subject_workload_kind'),
		subjectWorkload: text('subject_workload'),
		subjectName: text('subject_name'),
		subjectIp: text('subject_ip'),
		peerKind: text('peer_kind'),
		peerNamespace: text('peer_namespace'),
		peerWorkloadKind: text('peer_workload_kind'),
		peerWorkload: text('peer_workload'),
		peerName: text('peer_name'),
		peerIp: text('peer_ip'),
		peerLabels: text('peer_labels'),
		protocol: text('protocol'),
		port: number('destination_port', row),
		certainty: text('certainty') as Certainty | null,
		reasons: row['reasons'] as string[],
		policyKind: text('policy_kind', evidence),
		policyNamespace: text('policy_namespace', evidence),
		policyName: text('policy_name', evidence),
		policyDirection: text('direction', evidence),
		rule: number('rule', evidence),
		peer: number('peer', evidence),
		portEntry: number('port', evidence),
		clause: text('clause', evidence),
		construct: text('construct', evidence),
		summary: row['summary'] as string,
		firstSeen: row['timestamp'] as string,
		lastSeen: row['timestamp'] as string,
		entries: 1,
		packets: row['disposition'] === 'deny' ? (row['count'] as number) : null,
	};
}

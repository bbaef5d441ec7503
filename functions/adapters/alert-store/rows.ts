import type { AlertMemory, ClusterKey, Problem, ProblemDetail, Row, Silence } from '../../ports.ts';

/** Rows of the statements as what they say: the statements name their columns, whose types are those of schemas/tables. */

const textOf = (row: Row, name: string): string => String(row[name]);
const textOrNull = (row: Row, name: string): string | null => (row[name] as string | null | undefined) ?? null;
const numberOrNull = (row: Row, name: string): number | null => ((row[name] ?? null) === null ? null : Number(row[name]));
const textsOf = (row: Row, name: string): readonly string[] => row[name] as readonly string[];

function clusterOf(row: Row): ClusterKey {
	const project = textOrNull(row, 'project_id');
	return { ...(project !== null && { project }), location: textOrNull(row, 'location') ?? '', name: textOf(row, 'cluster_name') };
}

export const toProblem = (row: Row): Problem => ({
	fingerprint: textOf(row, 'fingerprint'),
	cluster: clusterOf(row),
	finding: row['finding'] as Problem['finding'],
	firstSeen: textOf(row, 'first_seen'),
	lastSeen: textOf(row, 'last_seen'),
	entries: Number(row['entries']),
	packets: numberOrNull(row, 'packets'),
	sources: Number(row['sources']),
	unsettled: row['unsettled'] === true,
	ofRule: Number(row['of_rule']),
});

export const toDetail = (row: Row): ProblemDetail => ({
	fingerprint: textOf(row, 'fingerprint'),
	direction: row['direction'] as ProblemDetail['direction'],
	disposition: row['disposition'] as ProblemDetail['disposition'],
	subjectNamespace: textOrNull(row, 'subject_namespace'),
	subjectWorkloadKind: textOrNull(row, 'subject_workload_kind'),
	subjectWorkload: textOrNull(row, 'subject_workload'),
	subjectName: textOrNull(row, 'subject_name'),
	subjectIp: textOrNull(row, 'subject_ip'),
	peerKind: textOrNull(row, 'peer_kind'),
	peerNamespace: textOrNull(row, 'peer_namespace'),
	peerWorkloadKind: textOrNull(row, 'peer_workload_kind'),
	peerWorkload: textOrNull(row, 'peer_workload'),
	peerName: textOrNull(row, 'peer_name'),
	peerIp: textOrNull(row, 'peer_ip'),
	peerLabels: textOrNull(row, 'peer_labels'),
	protocol: textOrNull(row, 'protocol'),
	port: numberOrNull(row, 'destination_port'),
	certainty: textOrNull(row, 'certainty') as ProblemDetail['certainty'],
	reasons: textsOf(row, 'reasons'),
	policyKind: textOrNull(row, 'policy_kind'),
	policyNamespace: textOrNull(row, 'policy_namespace'),
	policyName: textOrNull(row, 'policy_name'),
	policyDirection: textOrNull(row, 'policy_direction'),
	rule: numberOrNull(row, 'rule'),
	peer: numberOrNull(row, 'peer'),
	portEntry: numberOrNull(row, 'port'),
	clause: textOrNull(row, 'clause'),
	construct: textOrNull(row, 'construct'),
	summary: textOf(row, 'summary'),
	firstSeen: textOf(row, 'first_seen'),
	lastSeen: textOf(row, 'last_seen'),
	entries: Number(row['entries']),
	packets: numberOrNull(row, 'packets'),
});

export const toMemory = (row: Row): AlertMemory => ({
	alertId: textOf(row, 'alert_id'),
	groupId: textOf(row, 'group_id'),
	messageId: textOf(row, 'message_id'),
	fingerprint: textOf(row, 'fingerprint'),
	state: row['state'] as AlertMemory['state'],
	claimedAt: textOf(row, 'claimed_at'),
	postedAt: textOrNull(row, 'posted_at'),
	error: textOrNull(row, 'error'),
	firstSeen: textOf(row, 'first_seen'),
	lastSeen: textOf(row, 'last_seen'),
	entries: Number(row['entries']),
	packets: numberOrNull(row, 'packets'),
	sources: numberOrNull(row, 'sources'),
	cluster: clusterOf(row),
	finding: row['finding'] as AlertMemory['finding'],
	construct: textOrNull(row, 'construct'),
	direction: textOrNull(row, 'direction'),
	policyNamespace: textOrNull(row, 'policy_namespace'),
	policyName: textOrNull(row, 'policy_name'),
	clause: textOrNull(row, 'clause'),
	threadTs: textOrNull(row, 'thread_ts'),
	fixedAt: textOrNull(row, 'fixed_at'),
});

export const toSilence = (row: Row): Silence => ({
	id: textOf(row, 'silence_id'),
	fingerprint: textOrNull(row, 'fingerprint'),
	projectId: textOrNull(row, 'project_id'),
	location: textOrNull(row, 'location'),
	clusterName: textOrNull(row, 'cluster_name'),
	subjectNamespace: textOrNull(row, 'subject_namespace'),
	subjectWorkload: textOrNull(row, 'subject_workload'),
	construct: textOrNull(row, 'construct'),
	policyNamespace: textOrNull(row, 'policy_namespace'),
	policyName: textOrNull(row, 'policy_name'),
});

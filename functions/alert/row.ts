import type { AlertRow, ProblemDetail } from '../ports.ts';
import type { Alert } from './alert.ts';

export interface Claim {
	readonly alert: Alert;
	readonly messageId: string;
	readonly run: string;
	/** RFC 3339 UTC. */
	readonly claimedAt: string;
	readonly details: ReadonlyMap<string, ProblemDetail>;
}

/** Rows of `alerts_v1`, one a problem; of what is only counted, one for all. Keys in schema order. */
export function toAlertRows({ alert, messageId, run, claimedAt, details }: Claim): readonly AlertRow[] {
	const { group, problems, resolution } = alert;
	const { cluster } = group;
	return (group.counted ? problems.slice(0, 1) : problems).map((problem) => {
		const detail = details.get(problem.fingerprint);
		return {
			alert_id: alert.id,
			fingerprint: problem.fingerprint,
			state: alert.state,
			claimed_by: run,
			claimed_at: claimedAt,
			posted_at: null,
			first_seen: problem.firstSeen,
			last_seen: problem.lastSeen,
			entries: problem.entries,
			project_id: cluster.project ?? null,
			location: cluster.location,
			cluster_name: cluster.name,
			finding: problem.finding,
			construct: detail?.construct ?? group.construct ?? null,
			subject_namespace: detail?.subjectNamespace ?? null,
			subject_workload: detail?.subjectWorkload ?? null,
			peer_namespace: detail?.peerNamespace ?? null,
			peer_workload: detail?.peerWorkload ?? null,
			summary: detail?.summary ?? '',
			unsettled: problem.unsettled,
			slack_channel: null,
			slack_ts: null,
			error: null,
			group_id: group.id,
			message_id: messageId,
			thread_ts: alert.thread ?? null,
			severity: group.severity,
			direction: detail?.policyDirection ?? null,
			policy_namespace: detail?.policyNamespace ?? null,
			policy_name: detail?.policyName ?? null,
			clause: detail?.clause ?? null,
			packets: problem.packets,
			sources: problem.sources,
			fixed_at: resolution?.kind === 'fixed' ? resolution.at : null,
		};
	});
}

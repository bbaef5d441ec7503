import type { Row } from '../../functions/ports.ts';

/** A row of `verdicts_v1` with what is REQUIRED, and what a test says. */
export function verdictRow(tweaks: Row = {}): Row {
	return {
		entry_id: 'entry-1',
		timestamp: '2026-03-02T10:00:00Z',
		cluster_name: 'prod',
		direction: 'ingress',
		disposition: 'deny',
		weight: 1,
		protocol: 'TCP',
		finding: 'void-rule',
		flagged: true,
		summary: 'A sentence.',
		engine_version: '1.0.0',
		judged_at: '2026-03-02T10:00:05Z',
		entry: { insertId: 'a' },
		...tweaks,
	};
}

/** A row of `rejects_v1` with what is REQUIRED, and what a test says. */
export function rejectRow(tweaks: Row = {}): Row {
	return {
		message_id: 'message-1',
		reason: 'not-json',
		detail: 'Not JSON.',
		engine_version: '1.0.0',
		rejected_at: '2026-03-02T10:00:05Z',
		...tweaks,
	};
}

/** A row of `policy_findings_v1` with what is REQUIRED, and what a test says. */
export function policyFindingRow(tweaks: Row = {}): Row {
	return {
		snapshot_id: 'any-0123456789ab',
		construct: 'ipblock-pod',
		severity: 'high',
		certainty: 'certain',
		policy_kind: 'NetworkPolicy',
		policy_name: 'web',
		clause: 'ipBlock 10.0.0.0/8',
		differs_now: true,
		affected_pods: 1,
		detail: 'it covers 1 Pod now: shop/client',
		summary: 'A sentence.',
		suggestion: 'select the Pods by their labels',
		fingerprint: 'f',
		engine_version: '1.0.0',
		linted_at: '2026-03-02T10:00:05Z',
		...tweaks,
	};
}

/** A row of `snapshots_v1` with what is REQUIRED, and what a test says. */
export function snapshotRow(tweaks: Row = {}): Row {
	return {
		snapshot_id: 'any-0123456789ab',
		state_hash: '0123456789ab',
		collected_at: '2026-03-02T10:00:05Z',
		location: 'europe-west1',
		cluster_name: 'prod',
		changed: false,
		reason: 'schedule',
		policies: 1,
		pods: 2,
		namespaces: 1,
		services: 0,
		nodes: 1,
		other_policies: 0,
		unreadable_policies: 0,
		engine_version: '1.0.0',
		...tweaks,
	};
}

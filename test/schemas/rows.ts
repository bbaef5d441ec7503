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

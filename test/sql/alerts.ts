/** What runs of the alert function would have left in `alerts_v1`, and a command in `silences_v1`: rows that the project's own functions make. */

import { toDetail } from '../../functions/adapters/alert-store/rows.ts';
import type { Alert } from '../../functions/alert/alert.ts';
import { groupOf } from '../../functions/alert/group.ts';
import { toAlertRows } from '../../functions/alert/row.ts';
import type { AlertState, Problem, Row } from '../../functions/ports.ts';

/** An event of a group: of which entries (insertIds) by problem, and what became of it. */
interface Event {
	readonly alert_id: string;
	readonly state: AlertState;
	readonly of: readonly (readonly string[])[];
	readonly claimed_at: string;
	readonly fixed_at?: string;
	readonly posted?: { readonly posted_at: string; readonly slack_ts: string };
	readonly error?: string;
}

/** Slack's ts of the message that opened the alert. */
const THREAD = '1772438702.000100';

/**
 * A rule that one workload meets, then another; told once more the next day, and over when a snapshot has it no more, all in one thread. And an
 * alert that Slack refused.
 */
const EVENTS: readonly Event[] = [
	{
		alert_id: 'alert-1',
		state: 'firing',
		of: [['db-1', 'db-2']],
		claimed_at: '2026-03-02T08:01:20Z',
		posted: { posted_at: '2026-03-02T08:01:22.5Z', slack_ts: THREAD },
	},
	{
		alert_id: 'alert-2',
		state: 'update',
		of: [['db-3']],
		claimed_at: '2026-03-02T08:07:00Z',
		posted: { posted_at: '2026-03-02T08:07:01Z', slack_ts: '1772438821.000200' },
	},
	{
		alert_id: 'alert-3',
		state: 'repeat',
		of: [['db-1', 'db-2', 'db-4'], ['db-3']],
		claimed_at: '2026-03-03T11:56:00Z',
		posted: { posted_at: '2026-03-03T11:56:01Z', slack_ts: '1772538961.000300' },
	},
	{
		alert_id: 'alert-4',
		state: 'resolved',
		of: [['db-1', 'db-2', 'db-4'], ['db-3']],
		claimed_at: '2026-03-03T12:07:00Z',
		fixed_at: '2026-03-03T12:00:00Z',
		posted: { posted_at: '2026-03-03T12:07:01Z', slack_ts: '1772539621.000400' },
	},
	{
		alert_id: 'alert-5',
		state: 'firing',
		of: [['web-1', 'web-2', 'web-3']],
		claimed_at: '2026-03-04T09:05:00Z',
		error: 'channel_not_found',
	},
];

export const SILENCES: readonly Row[] = [
	{
		silence_id: 'silence-1',
		cluster_name: 'prod',
		subject_namespace: 'shop',
		subject_workload: 'worker',
		starts_at: '2026-03-02T09:00:00Z',
		ends_at: '2026-03-09T09:00:00Z',
		created_by: 'ana@shop.example',
		created_at: '2026-03-02T08:59:30Z',
		comment: 'the worker is rewritten this week',
		project_id: 'shop-prod',
		location: 'europe-west1',
		// Ended by its maker, which updates the row.
		ended_at: '2026-03-04T08:00:00Z',
	},
	{
		silence_id: 'silence-2',
		construct: 'port-protocol-only',
		starts_at: '2026-03-04T10:00:00Z',
		ends_at: '2026-03-05T10:00:00Z',
		created_by: 'bo@shop.example',
		created_at: '2026-03-04T10:00:00Z',
		comment: 'the gateway team knows; their change is due tomorrow',
		policy_namespace: 'shop',
		policy_name: 'web',
	},
];

/** The rows of the events, as a run claims them, and as it notes what became of them. */
export function alertsOf(verdicts: readonly Row[]): Row[] {
	const entryOf = (id: string): Row => verdicts.find((row) => row['insert_id'] === id) as Row;
	return EVENTS.flatMap(({ alert_id: id, state, of, claimed_at: claimedAt, fixed_at: at, posted, error }) => {
		const samples = of.map((ids) => entryOf(ids.at(-1) ?? ''));
		const problems = of.map((ids) => toProblem(ids.map(entryOf)));
		const [first] = problems as [Problem];
		const alert: Alert = {
			id,
			state,
			group: groupOf(first),
			problems,
			known: 0,
			firstSeen: first.firstSeen,
			lastSeen: first.lastSeen,
			...(at !== undefined && { resolution: { kind: 'fixed', policy: 'shop/db', at } }),
			...(state !== 'firing' && { thread: THREAD }),
		};
		const details = new Map(samples.map((sample) => [String(sample['fingerprint']), toDetail({ ...sample, ...evidenceOf(sample) })]));
		const rows = toAlertRows({ alert, messageId: `message-of-${id}`, run: `run-of-${id}`, claimedAt, details });
		return rows.map((row) => ({
			...row,
			...(posted && { ...posted, slack_channel: 'C0SHOP', thread_ts: row['thread_ts'] ?? posted.slack_ts }),
			...(error !== undefined && { error }),
		}));
	});
}

function toProblem(entries: readonly Row[]): Problem {
	const [first, last] = [entries[0], entries.at(-1)] as [Row, Row];
	return {
		fingerprint: String(last['fingerprint']),
		cluster: { project: String(last['project_id']), location: String(last['location']), name: String(last['cluster_name']) },
		finding: last['finding'] as Problem['finding'],
		firstSeen: String(first['timestamp']),
		lastSeen: String(last['timestamp']),
		entries: entries.length,
		packets: entries.reduce((sum, { count }) => sum + Number(count), 0),
		sources: new Set(entries.map((entry) => entry['source_ip'])).size,
		unsettled: false,
	};
}

/** The columns that the view `findings` takes out of the first piece of evidence. */
function evidenceOf({ evidence, timestamp }: Row): Row {
	const [first = {}] = evidence as readonly Row[];
	const columns = ['policy_kind', 'policy_namespace', 'policy_name', 'construct', 'clause', 'rule', 'peer', 'port'];
	return {
		...Object.fromEntries(columns.map((name) => [name, first[name] ?? null])),
		policy_direction: first['direction'] ?? null,
		first_seen: timestamp,
		last_seen: timestamp,
		entries: 1,
		packets: null,
	};
}

/** No function writes `alerts_v1` and `silences_v1` yet: these rows are what the DML of one would have left. */
import type { Row } from '../../functions/ports.ts';

/** An event of an alert: of which entries (insertIds), and what became of it. */
interface Event {
	readonly alert_id: string;
	readonly state: 'firing' | 'repeat' | 'resolved';
	readonly of: readonly string[];
	readonly claimed_at: string;
	readonly posted?: { readonly posted_at: string; readonly slack_ts: string };
	readonly error?: string;
}

/** An alert that was posted, said once more and resolved in its thread, and one that Slack refused. */
const EVENTS: readonly Event[] = [
	{
		alert_id: 'alert-1',
		state: 'firing',
		of: ['db-1', 'db-2'],
		claimed_at: '2026-03-02T08:05:00Z',
		posted: { posted_at: '2026-03-02T08:05:02.5Z', slack_ts: '1772438702.000100' },
	},
	{
		alert_id: 'alert-2',
		state: 'repeat',
		of: ['db-4'],
		claimed_at: '2026-03-03T11:56:00Z',
		posted: { posted_at: '2026-03-03T11:56:01Z', slack_ts: '1772538961.000200' },
	},
	{
		alert_id: 'alert-3',
		state: 'resolved',
		of: ['db-1', 'db-2', 'db-4'],
		claimed_at: '2026-03-04T12:00:00Z',
		posted: { posted_at: '2026-03-04T12:00:01Z', slack_ts: '1772625601.000300' },
	},
	{ alert_id: 'alert-4', state: 'firing', of: ['web-1', 'web-2', 'web-3'], claimed_at: '2026-03-04T09:05:00Z', error: 'channel_not_found' },
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
	},
];

/** The columns of the problem are those of the latest entry, as the entry has them. */
export function alertsOf(verdicts: readonly Row[]): Row[] {
	return EVENTS.map(({ of, posted, error, ...event }) => {
		const entries = of.map((id) => verdicts.find((row) => row['insert_id'] === id) as Row);
		const [first, last] = [entries[0], entries.at(-1)] as [Row, Row];
		const evidence = last['evidence'] as readonly Row[];
		return {
			...event,
			...Object.fromEntries(OF_THE_PROBLEM.map((name) => [name, last[name]])),
			claimed_by: `run-of-${event.alert_id}`,
			first_seen: first['timestamp'],
			last_seen: last['timestamp'],
			entries: entries.length,
			construct: evidence[0]?.['construct'] ?? null,
			unsettled: false,
			...(posted && { ...posted, slack_channel: 'C0SHOP' }),
			...(error !== undefined && { error }),
		};
	});
}

const OF_THE_PROBLEM = [
	'fingerprint',
	'project_id',
	'location',
	'cluster_name',
	'finding',
	'subject_namespace',
	'subject_workload',
	'peer_namespace',
	'peer_workload',
	'summary',
];

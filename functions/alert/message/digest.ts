import type { AlertState, ClusterKey } from '../../ports.ts';
import { type Alert, type Notice, type Rendering, SEVERITIES, type Severity } from '../alert.ts';
import { clusterId } from '../group.ts';
import { earliest } from '../times.ts';
import { context, header, LIMITS, lengthOf, lineSections, type SlackMessage, section, toMessage } from './blocks.ts';
import { code, fence, link, prose } from './escape.ts';
import { findingsUrl } from './links.ts';
import { clusterQuery } from './query.ts';
import { clusterText, counted, HEADINGS, placeOf, signOf, timeText, totalsOf, totalsText } from './words.ts';

/** Messages about many alerts at once. */

type Bundle = Extract<Notice, { kind: 'bundle' }>;
type Overflow = Extract<Notice, { kind: 'overflow' }>;

const MAX_LINES = 20;
const QUERY_ROOM = 1_500;

const worst = (alerts: readonly Alert[]): Severity => bySeverity(alerts)[0]?.group.severity ?? 'low';

/** The worst first, then the most packets, then the most entries, then by their ids, so that it is always the same. */
export function bySeverity(alerts: readonly Alert[]): readonly Alert[] {
	const ranked = alerts.map((alert) => ({ alert, rank: SEVERITIES.indexOf(alert.group.severity), ...totalsOf(alert.problems) }));
	ranked.sort(
		(a, b) =>
			a.rank - b.rank ||
			(b.packets ?? 0) - (a.packets ?? 0) ||
			b.entries - a.entries ||
			(a.alert.id < b.alert.id ? -1 : a.alert.id > b.alert.id ? 1 : 0),
	);
	return ranked.map(({ alert }) => alert);
}

/** When the first of them began. Takes one at least. */
export const sinceOf = (alerts: readonly Alert[]): string => earliest(alerts.map(({ firstSeen }) => firstSeen));

/** `87 rules at once in prod`. */
export function bundleTitle({ alerts, cluster, state }: Bundle): string {
	const what = counted(alerts.length, alerts.every(({ group }) => group.policy !== undefined) ? 'rule' : 'alert');
	switch (state) {
		case 'firing':
			return `${what} at once in ${cluster.name}`;
		case 'update':
			return `New problems of ${what} in ${cluster.name}`;
		case 'repeat':
			return `${what} still firing in ${cluster.name}`;
		case 'resolved':
			return `${what} over in ${cluster.name}`;
		default:
			return state satisfies never;
	}
}

export function bundleMessage(notice: Bundle, rendering: Rendering): SlackMessage {
	const { alerts, cluster, state } = notice;
	const severity = worst(alerts);
	const title = `${signOf(severity, state)} ${bundleTitle(notice)}`;
	const since = sinceOf(alerts);
	const totals = `${totalsText(alerts.flatMap(({ problems }) => problems))}, since ${timeText(since)}`;
	const lines = bySeverity(alerts).map((alert) => alertLine(alert, rendering));
	return digest(
		{
			title,
			text: `${title}${state === 'resolved' ? '' : ` [${severity}]`}. ${totals}.`,
			intro: `${clusterText(cluster)}: ${totals}. Told together, because they came together.`,
			lines,
			query: clusterQuery(cluster, { since, dataset: rendering.dataset }),
		},
		rendering,
	);
}

/** `🔴 default/api, ingress rule 0 · ipblock-pod · 312 packets · 3 problems`. */
function alertLine(alert: Alert, rendering: Rendering): string {
	const { group, state, problems } = alert;
	const { packets, entries } = totalsOf(problems);
	return [
		`${signOf(group.severity, state)} ${code(placeOf(alert, rendering), 160)}`,
		group.construct === undefined ? prose(HEADINGS[group.finding], 60) : code(group.construct, 60),
		packets === null ? counted(entries, 'log entry', 'log entries') : counted(packets, 'packet'),
		counted(problems.length, 'problem'),
	].join(' · ');
}

const STATES: readonly (readonly [AlertState, string])[] = [
	['firing', 'firing'],
	['update', 'with new problems'],
	['repeat', 'still firing'],
	['resolved', 'over'],
];

/** `12 more alerts`, by cluster and state. */
export function overflowMessage({ alerts }: Overflow, rendering: Rendering): SlackMessage {
	const severity = worst(alerts);
	const resolved = alerts.every(({ state }) => state === 'resolved');
	const title = `${signOf(severity, resolved ? 'resolved' : 'firing')} ${overflowTitle(alerts)}`;
	const clusters = byCluster(alerts);
	const [only] = clusters;
	return digest(
		{
			title,
			text: `${title}${resolved ? '' : ` [${severity}]`}.`,
			intro: 'More at once than are told one by one. Each of them counts as told.',
			lines: clusters.map(({ cluster, counts }) => `• ${code(clusterText(cluster), 160)}: ${countsText(counts)}`),
			query: clusterQuery(clusters.length === 1 ? only?.cluster : undefined, { since: sinceOf(alerts), dataset: rendering.dataset }),
		},
		rendering,
	);
}

export const overflowTitle = (alerts: readonly Alert[]): string => counted(alerts.length, 'more alert');

export interface ClusterCounts {
	readonly cluster: ClusterKey;
	readonly counts: Readonly<Record<AlertState, number>>;
}

/** How many alerts of each state, by cluster: the most first. */
export function byCluster(alerts: readonly Alert[]): ClusterCounts[] {
	const clusters = new Map<string, { cluster: ClusterKey; counts: Record<AlertState, number> }>();
	for (const { group, state } of alerts) {
		const id = clusterId(group.cluster);
		const known = clusters.get(id) ?? { cluster: group.cluster, counts: { firing: 0, update: 0, repeat: 0, resolved: 0 } };
		known.counts[state]++;
		clusters.set(id, known);
	}
	const sum = ({ counts }: ClusterCounts): number => counts.firing + counts.update + counts.repeat + counts.resolved;
	return [...clusters.values()].sort((a, b) => sum(b) - sum(a));
}

const countsText = (counts: ClusterCounts['counts']): string =>
	STATES.filter(([state]) => counts[state] > 0)
		.map(([state, words]) => `${counts[state]} ${words}`)
		.join(', ');

interface Digest {
	readonly title: string;
	readonly text: string;
	readonly intro: string;
	/** Escaped. */
	readonly lines: readonly string[];
	readonly query: string;
}

function digest({ title, text, intro, lines, query }: Digest, rendering: Rendering): SlackMessage {
	const fallback = prose(text, 500);
	const block = fence(query, QUERY_ROOM);
	const before = [header(title), section(prose(intro, 700))];
	const after = [
		...(block === undefined ? [] : [section(`*All of it*, in BigQuery:\n${block}`)]),
		context([link(findingsUrl(rendering), 'Findings in BigQuery')]),
	];
	const shown = lines.slice(0, MAX_LINES);
	const more = (count: number): string => (count === 0 ? '' : `and ${count} more: the query below shows them`);
	const room = LIMITS.texts - fallback.length - lengthOf([...before, ...after]);
	return toMessage(fallback, [
		...before,
		...lineSections(shown, { room, more: (count) => more(count + lines.length - shown.length) }),
		...after,
	]);
}

import { CONSTRUCTS } from '../../policy/constructs.ts';
import { capitalise } from '../../policy/wording.ts';
import type { ClusterKey, Problem, ProblemDetail } from '../../ports.ts';
import type { Alert, Notice, Rendering, Resolution } from '../alert.ts';
import { bundleTitle, byCluster, bySeverity, type ClusterCounts, overflowTitle, sinceOf } from './digest.ts';
import { cut } from './escape.ts';
import { constructUrl, findingsUrl, logsUrl } from './links.ts';
import { alertQuery, clusterQuery, silenceCommand } from './query.ts';
import { suggestFor } from './suggestion.ts';
import { peerText, portText, resolutionText, sampleOf, subjectText, titleOf, totalsOf } from './words.ts';

type Json = Readonly<Record<string, unknown>>;

/** What is not additive is another version. `schemas/alert.schema.json` has the shape. */
const SCHEMA_VERSION = 1;
/** Of a name, and of a sentence: both are longer only where somebody means harm. In UTF-16 units. */
const MAX_NAME = 512;
const MAX_SENTENCE = 2_000;
/** Of a list, as JSON in UTF-16 units: a line of Cloud Logging has 256 KB, and a unit is three bytes at most. */
const MAX_LIST = 48_000;
const MAX_PROBLEMS = 40;
const MAX_ALERTS = 100;

/** A notice as a value for a webhook and for the log: names as they are, not escaped, so escape them where they are shown. */
export function toJsonMessage(notice: Notice, rendering: Rendering): Json {
	const head = { schema_version: SCHEMA_VERSION, id: name(notice.id), kind: notice.kind };
	switch (notice.kind) {
		case 'alert':
			return { ...head, title: name(titleOf(notice.alert, rendering)), ...wholeAlert(notice.alert, rendering) };
		case 'bundle': {
			const { alerts, cluster, state } = notice;
			const since = sinceOf(alerts);
			const found = take(bySeverity(alerts), { most: MAX_ALERTS, toItem: (alert) => briefAlert(alert, rendering) });
			return {
				...head,
				title: name(bundleTitle(notice)),
				state,
				cluster: toCluster(cluster),
				alerts: found.items,
				more_alerts: found.more,
				query: sentence(clusterQuery(cluster, { since, dataset: rendering.dataset })),
				findings_url: findingsUrl(rendering),
			};
		}
		case 'overflow': {
			const { alerts } = notice;
			const found = take(byCluster(alerts), { most: MAX_ALERTS, toItem: toCounts });
			return {
				...head,
				title: name(overflowTitle(alerts)),
				clusters: found.items,
				more_clusters: found.more,
				query: sentence(clusterQuery(undefined, { since: sinceOf(alerts), dataset: rendering.dataset })),
				findings_url: findingsUrl(rendering),
			};
		}
		default:
			return notice satisfies never;
	}
}

const name = (text: string): string => cut(text, MAX_NAME).toWellFormed();
const sentence = (text: string): string => cut(text, MAX_SENTENCE).toWellFormed();
const optional = (text: string | null | undefined): string | null => (text === null || text === undefined ? null : name(text));

const sentenceOrNull = (text: string | undefined): string | null => (text === undefined ? null : sentence(text));

interface Taking<T> {
	readonly most: number;
	readonly toItem: (element: T) => Json;
}

/** As many as there is room for, and how many more there are. */
function take<T>(elements: readonly T[], { most, toItem }: Taking<T>): { readonly items: Json[]; readonly more: number } {
	const items: Json[] = [];
	let length = 0;
	for (const element of elements.slice(0, most)) {
		const item = toItem(element);
		length += JSON.stringify(item).length;
		if (length > MAX_LIST) break;
		items.push(item);
	}
	return { items, more: elements.length - items.length };
}

const toCluster = ({ project, location, name: called }: ClusterKey): Json => ({
	project_id: optional(project),
	location: name(location),
	cluster_name: name(called),
});

const toCounts = ({ cluster, counts }: ClusterCounts): Json => ({ ...toCluster(cluster), ...counts });

function briefAlert(alert: Alert, rendering: Rendering): Json {
	const { group, problems } = alert;
	return {
		alert_id: name(alert.id),
		state: alert.state,
		severity: group.severity,
		finding: group.finding,
		construct: group.construct ?? null,
		direction: group.counted ? null : name(group.direction),
		policy: optional(group.policy),
		rule: sampleOf(alert, rendering)?.rule ?? null,
		first_seen: name(alert.firstSeen),
		last_seen: name(alert.lastSeen),
		...totalsOf(problems),
		problem_count: problems.length,
	};
}

function wholeAlert(alert: Alert, rendering: Rendering): Json {
	const { group, state, problems, known, resolution } = alert;
	const { details } = rendering;
	const sample = sampleOf(alert, rendering);
	const found = take(problems, { most: MAX_PROBLEMS, toItem: (problem) => toProblem(problem, details.get(problem.fingerprint)) });
	const construct = group.construct && CONSTRUCTS[group.construct];
	// What is told in an update is only a part of what is to be written.
	const suggestion = state === 'update' ? undefined : suggestFor(alert, rendering);
	const counts = rendering.counts(group.cluster);
	return {
		...briefAlert(alert, rendering),
		cluster: toCluster(group.cluster),
		counted: group.counted ?? null,
		summary: sample ? sentence(sample.summary) : null,
		certainty: sample?.certainty ?? null,
		clause: optional(sample?.clause),
		peer: sample?.peer ?? null,
		port_entry: sample?.portEntry ?? null,
		reasons: (sample?.reasons ?? []).slice(0, 20).map(name),
		explanation: construct ? `${capitalise(construct.explanation)}.` : null,
		suggestion: construct ? `${capitalise(construct.suggestion)}.` : null,
		suggested_yaml: sentenceOrNull(suggestion?.yaml),
		suggested_place: sentenceOrNull(suggestion?.place),
		unsettled: problems.some(({ unsettled }) => unsettled),
		known_problems: known,
		resolution: resolution ? toResolution(resolution) : null,
		problems: found.items,
		more_problems: found.more,
		query: sentence(alertQuery(alert, rendering)),
		silence: sentenceOrNull(silenceCommand(alert, rendering)),
		logs_url: logsUrl(alert, rendering),
		findings_url: findingsUrl(rendering),
		construct_url: constructUrl(group.construct, rendering.constructsUrl) ?? null,
		cluster_counts: { contradicted: counts.contradicted, late_reply: counts['late-reply'] },
	};
}

function toResolution(resolution: Resolution): Json {
	const at = resolution.kind === 'quiet' ? resolution.since : resolution.kind === 'fixed' ? resolution.at : null;
	return { kind: resolution.kind, at: optional(at), text: sentence(resolutionText(resolution)) };
}

const toProblem = (problem: Problem, detail: ProblemDetail | undefined): Json => ({
	fingerprint: sentence(problem.fingerprint),
	subject: name(subjectText(problem, detail)),
	peer: name(peerText(problem, detail)),
	port: name(portText(problem, detail)),
	first_seen: name(problem.firstSeen),
	last_seen: name(problem.lastSeen),
	entries: problem.entries,
	packets: problem.packets,
	sources: problem.sources,
	unsettled: problem.unsettled,
});

import type { Finding } from '../../policy/finding.ts';
import { parseFingerprint } from '../../policy/fingerprint.ts';
import type { AlertState, ClusterKey, Problem, ProblemDetail } from '../../ports.ts';
import type { Alert, Group, Rendering, Resolution, Severity } from '../alert.ts';

/** Words that messages are put together from: plain texts, escaped where they are shown. */

/** What happened, as a heading. */
export const HEADINGS: Readonly<Record<Finding, string>> = {
	'void-rule': 'Broken by the move',
	overreach: 'Denied only since the move',
	'newly-open': 'Open only since the move',
	'not-isolated': 'Denied, and no policy isolates',
	contradicted: 'The log contradicts the model',
	explained: 'Denied as before',
	confirmed: 'Allowed as before',
	'explicit-deny': 'Denied by name',
	undecidable: 'Not decided',
};

/** What follows from it, for whoever was woken by it; empty of what is never flagged. */
export const MEANINGS: Readonly<Record<Finding, string>> = {
	'void-rule': 'A policy still isolates the Pods, so what this rule was written to admit times out.',
	overreach: 'No policy was meant to isolate these Pods in this direction; what is not admitted by chance times out.',
	'newly-open': 'Nothing is broken, but something can be reached that could not be before. Close it, unless that is wanted.',
	'not-isolated':
		'No policy explains this denial. Usually it is a late reply, or a policy that had just changed; where it goes on, the dataplane’s state on that node is stale.',
	contradicted:
		'What was logged cannot be under any generation of Dataplane V2 that is known: the snapshot is wrong, or the model. What was denied was denied all the same: look at those.',
	explained: '',
	confirmed: '',
	'explicit-deny': '',
	undecidable: '',
};

const COUNTED: Readonly<Record<NonNullable<Group['counted']>, (entries: number) => string>> = {
	contradicted: (entries) =>
		entries === 1 ? '1 entry contradicts the model' : `${counted(entries, 'entry', 'entries')} contradict the model`,
	'late-reply': (entries) => counted(entries, 'late reply', 'late replies'),
};

export const COUNTED_MEANINGS: Readonly<Record<NonNullable<Group['counted']>, string>> = {
	contradicted: MEANINGS.contradicted,
	'late-reply': 'Packets of connections that were already closed came late and were denied. They break nothing, and are only counted.',
};

const SIGNS: Readonly<Record<Severity, string>> = { high: '🔴', medium: '🟠', low: '🟡' };
export const signOf = (severity: Severity, state: AlertState): string => (state === 'resolved' ? '🟢' : SIGNS[severity]);

/** `1 packet`, `1,200 packets`. */
export function counted(number: number, one: string, many: string = `${one}s`): string {
	return `${number.toLocaleString('en-US', { maximumFractionDigits: 0 })} ${number === 1 ? one : many}`;
}

/** `2026-03-04 14:03 UTC`. Takes RFC 3339 UTC. */
export const timeText = (time: string): string => `${dayOf(time)} ${time.slice('2026-03-04T'.length, '2026-03-04T14:03'.length)} UTC`;

export const dayOf = (time: string): string => time.slice(0, '2026-03-04'.length);

/** `3 d 4 h`, `2 h 5 min`, `less than a minute`. */
export function durationText(from: string, until: string): string {
	const minutes = Math.floor((Date.parse(until) - Date.parse(from)) / 60_000);
	if (!(minutes >= 1)) return 'less than a minute';
	const [days, hours, rest] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60), minutes % 60];
	const parts = days > 0 ? [`${days} d`, hours > 0 && `${hours} h`] : [hours > 0 && `${hours} h`, rest > 0 && `${rest} min`];
	return parts.filter((part) => part !== false).join(' ');
}

/** `prod (europe-west1, my-project)`. */
export const clusterText = ({ project, location, name }: ClusterKey): string =>
	`${name} (${[location, project].filter(Boolean).join(', ')})`;

/** The detail of the problem that has most packets, and has one. */
export const sampleOf = ({ problems }: Alert, { details }: Rendering): ProblemDetail | undefined =>
	problems.map(({ fingerprint }) => details.get(fingerprint)).find((detail) => detail !== undefined);

/** `default/api, ingress rule 0`; without a policy the Pods that it is about: `egress of default/web`. */
export function placeOf(alert: Alert, rendering: Rendering): string {
	const { policy, direction } = alert.group;
	if (policy !== undefined) {
		const rule = sampleOf(alert, rendering)?.rule ?? undefined;
		return `${policy}, ${direction}${rule === undefined ? '' : ` rule ${rule}`}`;
	}
	const [first] = alert.problems;
	return `${direction} of ${first ? subjectText(first, rendering.details.get(first.fingerprint)) : 'unknown Pods'}`;
}

/** What an alert is about, in one line without its sign. */
export function titleOf(alert: Alert, rendering: Rendering): string {
	const { group, state, problems } = alert;
	if (group.counted) return `${COUNTED[group.counted](totalsOf(problems).entries)} in ${group.cluster.name}`;
	const what = `${placeOf(alert, rendering)} (${group.cluster.name})`;
	const heading = HEADINGS[group.finding];
	switch (state) {
		case 'firing':
			return `${heading}: ${what}`;
		case 'update':
			return `${counted(problems.length, 'more problem')}: ${what}`;
		case 'repeat':
			return `Still ${heading.charAt(0).toLowerCase()}${heading.slice(1)}: ${what}`;
		case 'resolved':
			return `Over: ${what}`;
		default:
			return state satisfies never;
	}
}

export interface Totals {
	readonly entries: number;
	/** `null` where nothing was denied. */
	readonly packets: number | null;
	/** Of each problem, summed: one address may be the source of several. */
	readonly sources: number;
}

export function totalsOf(problems: readonly Problem[]): Totals {
	const denied = problems.filter(({ packets }) => packets !== null);
	const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
	return {
		entries: sum(problems.map(({ entries }) => entries)),
		packets: denied.length === 0 ? null : sum(denied.map(({ packets }) => packets ?? 0)),
		sources: sum(problems.map(({ sources }) => sources)),
	};
}

/** `312 packets in 45 log entries, from 3 sources`. Packets of some seconds are one entry, so neither is a number of connections. */
export function totalsText(problems: readonly Problem[]): string {
	const { entries, packets, sources } = totalsOf(problems);
	const logged = counted(entries, 'log entry', 'log entries');
	const from = problems.length > 1 ? `from up to ${counted(sources, 'source')}` : `from ${counted(sources, 'source')}`;
	return `${packets === null ? logged : `${counted(packets, 'packet')} in ${logged}`}, ${from}`;
}

/** `default/web`, or what else is known of the Pods whose policies decide. */
export function subjectText({ fingerprint }: Pick<Problem, 'fingerprint'>, detail: ProblemDetail | undefined): string {
	if (detail) {
		const { subjectNamespace, subjectWorkload, subjectName, subjectIp } = detail;
		return endText({ namespace: subjectNamespace, workload: subjectWorkload, name: subjectName, ip: subjectIp });
	}
	return shortEnd(parseFingerprint(fingerprint)?.subject);
}

export function peerText({ fingerprint }: Pick<Problem, 'fingerprint'>, detail: ProblemDetail | undefined): string {
	if (detail) {
		const { peerNamespace, peerWorkload, peerName, peerIp, peerKind } = detail;
		const end = endText({ namespace: peerNamespace, workload: peerWorkload, name: peerName, ip: peerIp });
		return peerKind === 'node' || peerKind === 'service' ? `${peerKind} ${end}` : end;
	}
	return shortEnd(parseFingerprint(fingerprint)?.peer);
}

function endText({ namespace, workload, name, ip }: Readonly<Record<'namespace' | 'workload' | 'name' | 'ip', string | null>>): string {
	const called = workload ?? name;
	if (called === null) return ip ?? 'an unknown address';
	return namespace === null ? called : `${namespace}/${called}`;
}

/** `default/Deployment/web` as `default/web`. */
function shortEnd(part: string | undefined): string {
	if (part === undefined || part === '-') return 'an unknown end';
	const parts = part.split('/');
	return parts.length === 3 ? `${parts[0]}/${parts[2]}` : part;
}

/** `TCP 8080`. */
export function portText({ fingerprint }: Pick<Problem, 'fingerprint'>, detail: ProblemDetail | undefined): string {
	const parts = parseFingerprint(fingerprint);
	const protocol = detail?.protocol ?? parts?.protocol ?? '';
	// A late reply has another port each time.
	const port = parts?.port === 'ephemeral' ? 'to an ephemeral port' : (detail?.port ?? (parts?.port === '-' ? '' : parts?.port) ?? '');
	return `${protocol} ${port}`.trim();
}

/** Why it is over, in a sentence. */
export function resolutionText(resolution: Resolution | undefined): string {
	if (!resolution) return 'It is no longer flagged.';
	switch (resolution.kind) {
		case 'quiet':
			return `Quiet: no such entry since ${timeText(resolution.since)}.`;
		case 'fixed':
			return `Fixed by a change to ${resolution.policy} at ${timeText(resolution.at)}: the state of that time has no such clause any more (the rule, or what it covered, is another).`;
		case 'judged-again':
			return 'Judged again with the cluster’s state of that time: its entries are no longer flagged.';
		default:
			return resolution satisfies never;
	}
}

import { CONSTRUCTS } from '../../policy/constructs.ts';
import { capitalise } from '../../policy/wording.ts';
import type { Problem, ProblemDetail } from '../../ports.ts';
import type { Alert, Notice, Rendering } from '../alert.ts';
import { type Block, context, fields, header, LIMITS, lengthOf, lineSections, type SlackMessage, section, toMessage } from './blocks.ts';
import { bundleMessage, overflowMessage } from './digest.ts';
import { code, fence, link, ownProse, prose } from './escape.ts';
import { constructUrl, findingsUrl, logsUrl } from './links.ts';
import { alertQuery, silenceCommand } from './query.ts';
import { suggestFor } from './suggestion.ts';
import {
	COUNTED_MEANINGS,
	clusterText,
	counted,
	durationText,
	MEANINGS,
	peerText,
	portText,
	resolutionText,
	sampleOf,
	signOf,
	subjectText,
	timeText,
	titleOf,
	totalsText,
} from './words.ts';

/**
 * The greatest length of each part, in UTF-16 units with its markup. All of them together (9,400) leave room for a line of problems; where
 * they are shorter, as they nearly always are, for forty.
 */
const ROOM = { text: 500, summary: 1_200, meaning: 250, field: 220, policy: 330, suggestion: 1_000, query: 1_200, silence: 800, name: 110 };
const MAX_LINES = 40;

/** A message of Slack for a notice: never longer than Slack takes, and nothing in it pings or links that is not ours. */
export function toSlackMessage(notice: Notice, rendering: Rendering): SlackMessage {
	switch (notice.kind) {
		case 'alert':
			return alertMessage(notice.alert, rendering);
		case 'bundle':
			return bundleMessage(notice, rendering);
		case 'overflow':
			return overflowMessage(notice, rendering);
		default:
			return notice satisfies never;
	}
}

/** The same in one sentence, where Slack refuses the blocks. */
export function toPlainMessage(notice: Notice, rendering: Rendering): { readonly text: string } {
	return { text: `${toSlackMessage(notice, rendering).text}\n${link(findingsUrl(rendering), 'Findings in BigQuery')}` };
}

function alertMessage(alert: Alert, rendering: Rendering): SlackMessage {
	const { group, state, problems } = alert;
	const title = `${signOf(group.severity, state)} ${titleOf(alert, rendering)}`;
	const severity = state === 'resolved' ? '' : ` [${group.severity}]`;
	const text = prose(`${title}${severity}. ${capitalise(totalsText(problems))}. Since ${timeText(alert.firstSeen)}.`, ROOM.text);
	if (state === 'resolved') return toMessage(text, [header(title), ...resolvedBlocks(alert, rendering)]);
	if (group.counted) return toMessage(text, [header(title), ...countedBlocks(alert, rendering)]);
	const sample = sampleOf(alert, rendering);
	const before = [header(title), section(story(alert, sample)), fields(facts(alert, sample))];
	const after = [...suggestionBlocks(alert, rendering), ...commandBlocks(alert, rendering), ...noteBlocks(alert, rendering)];
	const room = LIMITS.texts - text.length - lengthOf([...before, ...after]);
	const shown = problems.slice(0, MAX_LINES);
	const lines = lineSections(
		shown.map((problem) => problemLine(problem, rendering.details.get(problem.fingerprint))),
		{ room, more: (count) => moreText(count + problems.length - shown.length + (alert.unlisted ?? 0)) },
	);
	return toMessage(text, [...before, ...lines, ...after]);
}

const moreText = (count: number): string => (count === 0 ? '' : `and ${counted(count, 'more problem')}: the query below shows them`);

/** What is broken, why, and what it means: in the words of the latest entry, else in those of the catalogue. */
function story({ group }: Alert, sample: ProblemDetail | undefined): string {
	const { construct, finding } = group;
	const advice = construct === undefined ? '' : ` ${capitalise(CONSTRUCTS[construct].suggestion)}.`;
	const catalogue = construct === undefined ? '' : `${capitalise(CONSTRUCTS[construct].explanation)}.`;
	// What to write instead has its own place below.
	const summary = sample ? prose(sample.summary.replace(advice, ''), ROOM.summary) : ownProse(catalogue);
	return [summary, prose(MEANINGS[finding], ROOM.meaning)].filter((text) => text !== '').join('\n') || title(finding);
}

const title = (finding: string): string => code(finding, ROOM.field);

function facts(alert: Alert, sample: ProblemDetail | undefined): string[] {
	const { group, problems, firstSeen, lastSeen } = alert;
	const denied = problems.some(({ packets }) => packets !== null);
	const certainty = sample?.certainty ? `, ${sample.certainty}` : '';
	const policy = sample?.policyName ? ruleText(sample) : group.policy === undefined ? undefined : code(group.policy, ROOM.policy);
	return [
		`*Cluster*\n${code(clusterText(group.cluster), ROOM.field)}`,
		`*Since*\n${prose(`${timeText(firstSeen)}, last ${timeText(lastSeen)}`, 80)}`,
		`*${denied ? 'Denied' : 'Seen'}*\n${totalsText(problems)}`,
		`*Policy*\n${policy ?? 'none decides'}`,
		...(sample?.clause ? [`*Clause*\n${code(sample.clause, ROOM.field)}${placeText(sample)}`] : []),
		`*Finding*\n${code(group.finding, 30)}${group.construct === undefined ? '' : ` by ${code(group.construct, 60)}`}${certainty}`,
	];
}

/** As the API counts: from 0. */
const ruleText = ({ policyNamespace, policyName, direction, rule, policyKind }: ProblemDetail): string =>
	[
		code([policyNamespace, policyName].filter((part) => part !== null).join('/'), ROOM.policy),
		...(policyKind === null || policyKind === 'NetworkPolicy' ? [] : [code(policyKind, 60)]),
		prose(rule === null ? direction : `${direction} rule ${rule} (counted from 0)`, 50),
	].join(', ');

const placeText = ({ peer, portEntry }: ProblemDetail): string =>
	peer !== null ? `, peer ${peer}` : portEntry !== null ? `, port entry ${portEntry}` : '';

/** `client → web`, whichever of them is the subject. */
function problemLine(problem: Problem, detail: ProblemDetail | undefined): string {
	const ends = [subjectText(problem, detail), peerText(problem, detail)];
	// Where nothing is known of it, the direction stands in the fields.
	const [source = '', destination = ''] =
		detail?.direction === 'egress' || problem.fingerprint.includes('|egress|') ? ends : ends.reverse();
	const parts = [
		`${code(source, ROOM.name)} → ${code(destination, ROOM.name)} ${prose(portText(problem, detail), 60)}`,
		problem.packets === null ? counted(problem.entries, 'log entry', 'log entries') : counted(problem.packets, 'packet'),
		counted(problem.sources, 'source'),
		`last ${prose(timeText(problem.lastSeen), 30)}`,
	];
	return `• ${parts.join(' · ')}`;
}

function suggestionBlocks(alert: Alert, rendering: Rendering): Block[] {
	const { construct } = alert.group;
	if (construct === undefined) return [];
	const sentence = `*Instead:* ${ownProse(CONSTRUCTS[construct].suggestion)}.`;
	const suggestion = suggestFor(alert, rendering);
	const yaml = suggestion && fence(suggestion.yaml, ROOM.suggestion);
	if (!suggestion || yaml === undefined) return [section(sentence)];
	// Whoever takes the part for the whole leaves out what was told before.
	if (alert.state === 'update') return [section(`${sentence} ${OPENED}`)];
	return [section(`${sentence} ${capitalise(suggestion.place)}:\n${yaml}`)];
}

const OPENED = 'The whole suggestion stands in the message that opened the alert: add to it what is told here.';

function commandBlocks(alert: Alert, rendering: Rendering): Block[] {
	const query = fence(alertQuery(alert, rendering), ROOM.query);
	const command = silenceCommand(alert, rendering);
	const silence = command === undefined ? undefined : fence(command, ROOM.silence);
	return [
		...(query === undefined ? [] : [section(`*All of it*, in BigQuery:\n${query}`)]),
		...(silence === undefined ? [] : [section(`*Silence it:*\n${silence}`)]),
	];
}

/** What is not settled, what was known, what is only counted, and where to look. */
function noteBlocks(alert: Alert, rendering: Rendering): Block[] {
	const { group, problems, known, state } = alert;
	const notes: string[] = [];
	if (state === 'update') notes.push(`${counted(known, 'problem')} of this rule ${known === 1 ? 'was' : 'were'} told before.`);
	if (state === 'repeat') notes.push(`Still firing since ${timeText(alert.firstSeen)}.`);
	if (problems.some(({ unsettled }) => unsettled))
		notes.push(
			'Not settled within ten minutes: the cluster was not seen since, or a change of its state waits to be judged. It may still explain this.',
		);
	const counts = rendering.counts(group.cluster);
	const only = [
		...(counts.contradicted > 0 ? [`${counted(counts.contradicted, 'entry', 'entries')} that contradict the model`] : []),
		...(counts['late-reply'] > 0 ? [counted(counts['late-reply'], 'late reply', 'late replies')] : []),
	];
	if (only.length > 0) notes.push(`Of this cluster only counted: ${only.join(', ')}.`);
	return [...(notes.length > 0 ? [context(notes.map((note) => prose(note, 200)))] : []), context([linksText(alert, rendering)])];
}

function linksText(alert: Alert, rendering: Rendering): string {
	const { construct } = alert.group;
	const page = constructUrl(construct, rendering.constructsUrl);
	return [
		link(logsUrl(alert, rendering), 'Entries in Logs Explorer'),
		link(findingsUrl(rendering), 'Findings in BigQuery'),
		...(page === undefined ? [] : [link(page, `About ${construct}`)]),
	].join(' · ');
}

function resolvedBlocks(alert: Alert, rendering: Rendering): Block[] {
	const { firstSeen, lastSeen, resolution, problems } = alert;
	const until = resolution?.kind === 'fixed' ? resolution.at : lastSeen;
	const lasted = `It lasted ${durationText(firstSeen, until)}, from ${timeText(firstSeen)} to ${timeText(until)}: ${totalsText(problems)}.`;
	return [section(`${prose(resolutionText(resolution), 700)}\n${prose(lasted, 300)}`), context([linksText(alert, rendering)])];
}

function countedBlocks(alert: Alert, rendering: Rendering): Block[] {
	const { group, problems, firstSeen } = alert;
	const meaning = group.counted ? COUNTED_MEANINGS[group.counted] : '';
	const totals = `${capitalise(totalsText(problems))}, since ${timeText(firstSeen)}, in ${clusterText(group.cluster)}.`;
	const query = fence(alertQuery(alert, rendering), ROOM.query);
	return [
		section(`${prose(totals, 700)}\n${prose(meaning, 300)}`),
		...(query === undefined ? [] : [section(query)]),
		context([link(findingsUrl(rendering), 'Findings in BigQuery')]),
	];
}

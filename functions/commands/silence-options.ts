import { InvalidArgumentError } from 'commander';
import { CONSTRUCTS } from '../policy/constructs.ts';
import { parseFingerprint } from '../policy/fingerprint.ts';
import { dnsLabelProblem, subdomainProblem } from '../policy/names.ts';
import { cutToMicros, parseTime } from '../policy/time.ts';
import { parseClusterName } from '../snapshot/trigger.ts';
import type { DatasetName } from './options.ts';
import type { SilenceFormat } from './silence-table.ts';

export interface SilenceOptions {
	readonly dataset: DatasetName;
	readonly fingerprint?: string;
	readonly construct?: string;
	readonly namespace?: string;
	readonly workload?: string;
	readonly policy?: { readonly namespace: string; readonly name: string };
	/** Of whichever project and location where they are absent. */
	readonly cluster?: { readonly project?: string; readonly location?: string; readonly name: string };
	/** In ms. */
	readonly for?: number;
	/** RFC 3339, as are the other times. */
	readonly until?: string;
	readonly from?: string;
	readonly reason?: string;
	readonly by?: string;
	readonly list?: boolean;
	readonly all?: boolean;
	readonly format?: SilenceFormat;
	readonly end?: string;
}

const DAY_MS = 86_400_000;
const MAX_DAYS = 90;
export const MAX_MS = MAX_DAYS * DAY_MS;
export const TOO_LONG = `a silence is at most ${MAX_DAYS} days long: what should never be told of should be mended`;
const MAX_REASON = 500;
export const MAX_NAME = 200;
const MAX_FINGERPRINT = 4000;

export function parseProblem(text: string): string {
	const fingerprint = text.trim();
	if (fingerprint.length > MAX_FINGERPRINT || !parseFingerprint(fingerprint))
		throw new InvalidArgumentError('it is no fingerprint: take it whole from the message or the view findings, in quotes');
	return fingerprint;
}

export function parseConstruct(text: string): string {
	if (Object.hasOwn(CONSTRUCTS, text)) return text;
	throw new InvalidArgumentError(`there is no such construct; the nearest are ${nearest(text, Object.keys(CONSTRUCTS)).join(', ')}`);
}

/** The names that share the most pairs of letters with the text. */
function nearest(text: string, names: readonly string[]): string[] {
	const pairs = (word: string): string[] => [...new Set(Array.from(word, (_, index) => word.slice(index, index + 2)))];
	// A longer one tells nothing more.
	const wanted = pairs(text.slice(0, 100).toLowerCase());
	const likeness = (name: string): number => {
		const own = pairs(name);
		return own.filter((pair) => wanted.includes(pair)).length / (own.length + wanted.length);
	};
	return names.toSorted((a, b) => likeness(b) - likeness(a)).slice(0, 3);
}

/** A parser of names that Kubernetes' own rule holds for. */
const nameBy =
	(problemOf: (name: string) => string | undefined) =>
	(text: string): string => {
		const problem = problemOf(text);
		if (problem !== undefined) throw new InvalidArgumentError(`it ${problem}`);
		return text;
	};

export const parseNamespace = nameBy(dnsLabelProblem);
export const parseWorkload = nameBy(subdomainProblem);

const parseClusterPart = nameBy(dnsLabelProblem);

/** In full as `projects/P/locations/L/clusters/NAME`, without its project where its entries name none, or the name alone. */
export function parseCluster(text: string): NonNullable<SilenceOptions['cluster']> {
	if (!text.includes('/')) return { name: parseClusterPart(text) };
	const [, location, name] = /^locations\/([^/]+)\/clusters\/([^/]+)$/.exec(text) ?? [];
	const cluster = location === undefined || name === undefined ? parseClusterName(text) : { location, name };
	if (!cluster) throw new InvalidArgumentError('it must be projects/PROJECT/locations/LOCATION/clusters/NAME, or the name alone');
	return { ...cluster, location: parseClusterPart(cluster.location), name: parseClusterPart(cluster.name) };
}

export function parsePolicy(text: string): { namespace: string; name: string } {
	const [namespace = '', name = '', ...more] = text.split('/');
	if (name === '' || more.length > 0) throw new InvalidArgumentError('it must be NAMESPACE/NAME');
	const problem = dnsLabelProblem(namespace) ?? subdomainProblem(name);
	if (problem !== undefined) throw new InvalidArgumentError(`${dnsLabelProblem(namespace) ? 'its namespace' : 'its name'} ${problem}`);
	return { namespace, name };
}

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: DAY_MS, w: 7 * DAY_MS };

export function parseDuration(text: string): number {
	const [, count = '0', unit = ''] = /^(\d{1,6})([mhdw])$/.exec(text) ?? [];
	const ms = Number(count) * (UNIT_MS[unit] ?? 0);
	if (ms === 0) throw new InvalidArgumentError('it must be minutes, hours, days or weeks, such as 90m, 12h, 7d, 2w');
	if (ms > MAX_MS) throw new InvalidArgumentError(TOO_LONG);
	return ms;
}

export function parseMoment(text: string): string {
	const time = parseTime(text);
	if (time === undefined) throw new InvalidArgumentError('it must be an RFC 3339 time, such as 2026-03-04T05:00:00Z');
	return cutToMicros(time);
}

/** Words of people, on one line. */
function parseWords(text: string, most: number): string {
	const words = text.replaceAll(/\s+/g, ' ').trim();
	if (words === '') throw new InvalidArgumentError('it must not be empty');
	if (words.length > most) throw new InvalidArgumentError(`it must be at most ${most} characters`);
	return words.toWellFormed();
}

export const parseReason = (text: string): string => parseWords(text, MAX_REASON);
export const parseName = (text: string): string => parseWords(text, MAX_NAME);

export function parseId(text: string): string {
	if (!/^[\w-]{1,64}$/.test(text)) throw new InvalidArgumentError('it is no id of a silence: --list tells them');
	return text;
}

const MATCHER_OPTIONS = ['fingerprint', 'construct', 'namespace', 'workload', 'policy', 'cluster'] as const;
const OF_ADDING = [...MATCHER_OPTIONS, 'for', 'until', 'from', 'reason', 'by'] as const;

/** What is wrong with options that do not go together, in words. */
export function findMisuse(options: SilenceOptions): string | undefined {
	const { list = false, end, all, format } = options;
	if (list && end !== undefined) return 'either --list or --end';
	if (!list && (all || format !== undefined)) return `option '${all ? '--all' : '--format'}' goes with --list only`;
	if (list || end !== undefined) {
		const stray = OF_ADDING.find((option) => options[option] !== undefined);
		return stray && `option '--${stray}' does not go with ${list ? '--list' : '--end'}`;
	}
	if (MATCHER_OPTIONS.every((option) => options[option] === undefined))
		return `what should be silenced? One at least of ${MATCHER_OPTIONS.map((option) => `--${option}`).join(', ')}`;
	if (options.for === undefined && options.until === undefined) return 'until when? --for 7d, or --until TIME';
	if (options.reason === undefined) return "option '--reason <text>' is missing: why?";
	return undefined;
}

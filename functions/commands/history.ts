import { type Command, InvalidArgumentError } from 'commander';
import { REQUEST_INTERVAL_MS } from '../adapters/logging.ts';
import { idsOf } from '../policy/semantics.ts';
import { parseTime } from '../policy/time.ts';
import type { Input } from './audit.ts';
import { openLog } from './logging.ts';
import { type AuditOptions, type DatasetName, parseDataset } from './options.ts';
import { realPath } from './paths.ts';
import type { Surroundings } from './surroundings.ts';

export interface ReplayOptions extends AuditOptions {
	readonly fromLogging?: boolean;
	readonly project?: string;
	readonly since?: string;
	readonly until?: string;
	readonly filter?: string;
	readonly dataset?: DatasetName;
	readonly state?: string;
	readonly restart?: boolean;
	readonly requestsPerMinute?: number;
}

/** Adds the options of entries that Cloud Logging still has, and of rows that go to BigQuery. */
export const withHistoryOptions = (command: Command): Command =>
	command
		.option('--from-logging', 'past entries of --project, read from Cloud Logging, in the place of --entries')
		.option('--project <id>', 'the project whose entries are read', parseProject)
		.option('--since <time>', 'entries from then on: 24h, 7d, 90m ago, or RFC 3339', parseSince)
		.option('--until <time>', 'entries before then; without it, before now', parseSince)
		.option('--filter <filter>', 'only entries that match this too, in the Logging query language')
		.option('--requests-per-minute <n>', 'of Cloud Logging, whose quota is 60 a minute and project', parseRate)
		.option('--state <file>', 'keeps how far --from-logging has come, so that the same command goes on; without it, beside --db')
		.option('--restart', 'throws away what --state keeps, and starts anew')
		.option('--dataset <project.dataset>', 'BigQuery dataset that the rows are added to, in the place of a database', parseDataset);

const PROJECT = /^(?:[a-z0-9.-]+:)?[a-z0-9][a-z0-9-]{0,62}$/;

function parseProject(text: string): string {
	if (!PROJECT.test(text)) throw new InvalidArgumentError('it must be the id of a project, such as my-project');
	return text;
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const AGO = /^(\d{1,6})([smhdw])$/;

function parseSince(text: string): string {
	if (!AGO.test(text) && parseTime(text) === undefined)
		throw new InvalidArgumentError('it must be how long ago (90m, 24h, 7d) or an RFC 3339 time, such as 2026-03-04T05:00:00Z');
	return text;
}

function parseRate(text: string): number {
	const rate = /^\d{1,6}$/.test(text) ? Number(text) : 0;
	if (rate < 1) throw new InvalidArgumentError('it must be a whole number, at least 1');
	return rate;
}

/** RFC 3339. Takes what `parseSince` let through. */
function timeOf(text: string, nowMs: number): string {
	const [, count, unit = ''] = AGO.exec(text) ?? [];
	return count === undefined ? (parseTime(text) ?? text) : new Date(nowMs - Number(count) * (UNIT_MS[unit] ?? 0)).toISOString();
}

const OF_LOGGING = ['project', 'since', 'until', 'filter', 'state', 'restart', 'requestsPerMinute'] as const;
const flagOf = (option: string): string => `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** What is wrong with options that do not go together, in words. */
export function findMisuse(options: ReplayOptions): string | undefined {
	const { entries, fromLogging, project, since, dataset, db, out, format, failOn, state } = options;
	if (!fromLogging) {
		const stray = OF_LOGGING.find((option) => options[option] !== undefined);
		if (stray) return `option '${flagOf(stray)}' goes with --from-logging only`;
		if (!entries) return "option '--entries <file...>' is missing: which entries should be judged?";
	} else {
		if (entries) return 'entries are read either from --entries or with --from-logging';
		if (project === undefined) return "option '--project <id>' is missing: whose entries should be read?";
		if (since === undefined) return "option '--since <time>' is missing: from when on should entries be read?";
		if (state !== undefined && db === undefined && !dataset)
			return 'option --state needs rows that stay: --db FILE or --dataset PROJECT.DATASET';
	}
	if (!dataset) return undefined;
	if (db !== undefined) return 'rows go either into --db or into --dataset';
	const answer = out !== undefined ? '--out' : format !== 'text' ? '--format' : failOn !== undefined ? '--fail-on' : undefined;
	return answer && `option '${answer}' goes with a local database only: with --dataset, ask the view verdicts there`;
}

const placeOf = async (path: string): Promise<string> => (path.startsWith('gs://') ? path : realPath(path));

/** The entries that Cloud Logging has; or, as a text, why they cannot be read. Takes options in which `findMisuse` found nothing. */
export async function openHistory(options: ReplayOptions, surroundings: Surroundings): Promise<Input | string> {
	const { project = '', since = '', until, filter, dataset, db, snapshots = [], candidates, requestsPerMinute, restart = false } = options;
	const nowMs = surroundings.now().getTime();
	const state = options.state ?? (db === undefined ? undefined : `${db}.replay.json`);
	const asked = {
		project,
		since,
		...(until !== undefined && { until }),
		...(filter !== undefined && { filter }),
		candidates: idsOf(candidates).join(','),
		...(snapshots.length > 0 && { snapshots: (await Promise.all(snapshots.map(placeOf))).join(' ') }),
		...(db !== undefined && { db: await realPath(db) }),
		...(dataset && { dataset: `${dataset.projectId}.${dataset.datasetId}` }),
	};
	const [from, to] = [timeOf(since, nowMs), until === undefined ? new Date(nowMs).toISOString() : timeOf(until, nowMs)];
	if (Date.parse(from) < 0) return `--since ${since} is before 1970, when there was no log`;
	if (state !== undefined) {
		const written = [...(db === undefined ? [] : [db, `${db}.wal`]), ...(options.out === undefined ? [] : [options.out])];
		const [place, taken] = await Promise.all([realPath(state), Promise.all(written.map(realPath))]);
		if (taken.includes(place)) return `--state ${state} is the file of --db or of --out, which it would replace; name another one`;
	}
	if (Date.parse(from) >= Date.parse(to)) return `--since ${from} is not before --until ${to}`;
	return openLog(
		{
			project,
			since: from,
			until: to,
			...(filter !== undefined && { filter }),
			asked,
			...(state !== undefined && { state }),
			restart,
			apiEndpoint: process.env['LOGGING_API_ENDPOINT'] || undefined,
			intervalMs: requestsPerMinute === undefined ? REQUEST_INTERVAL_MS : 60_000 / requestsPerMinute,
		},
		surroundings,
	);
}

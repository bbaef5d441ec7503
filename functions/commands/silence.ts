import { randomBytes } from 'node:crypto';
import { userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { unlessAborted } from '../adapters/attempt.ts';
import { createBigquerySql } from '../adapters/bigquery-sql.ts';
import { createSilences, type KeptSilence, type Silences } from '../adapters/silences.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { parseDataset } from './options.ts';
import {
	findMisuse,
	MAX_MS,
	MAX_NAME,
	parseCluster,
	parseConstruct,
	parseDuration,
	parseId,
	parseMoment,
	parseName,
	parseNamespace,
	parsePolicy,
	parseProblem,
	parseReason,
	parseWorkload,
	type SilenceOptions,
	TOO_LONG,
} from './silence-options.ts';
import { matchersText, renderSilences, SILENCE_FORMATS } from './silence-table.ts';
import type { Execute, Surroundings } from './surroundings.ts';
import { printable } from './terminal.ts';

/** Adds `silence`. */
export function addSilence(program: Command, execute: Execute): void {
	const command = program.command('silence');
	command
		.description(
			'have problems not alerted for a time; which ones, one or several of --fingerprint … --cluster say: all that is given has to fit',
		)
		.requiredOption('--dataset <project.dataset>', 'the BigQuery dataset with the table silences_v1', parseDataset)
		.option('--fingerprint <text>', 'this problem, as the message or the view findings names it', parseProblem)
		.option('--construct <id>', 'problems that this construct decides, such as ipblock-pod', parseConstruct)
		.option('--namespace <name>', 'problems of Pods in this namespace', parseNamespace)
		.option('--workload <name>', 'problems of Pods of this workload', parseWorkload)
		.option('--policy <namespace/name>', 'problems that this policy decides', parsePolicy)
		.option('--cluster <name>', 'problems of this cluster: projects/P/locations/L/clusters/C, or C for each of that name', parseCluster)
		.addOption(new Option('--for <duration>', 'for so long: 90m, 12h, 7d, 2w').argParser(parseDuration).conflicts('until'))
		.option('--until <time>', `until then (RFC 3339), at most ${MAX_MS / 86_400_000} days after its beginning`, parseMoment)
		.option('--from <time>', 'from then on (RFC 3339); without it, from now', parseMoment)
		.option('--reason <text>', 'why, for whoever misses the alert', parseReason)
		.option('--by <name>', 'who silences; without it, the user of this machine', parseName)
		.option('--list', 'list those that hold or will; with --all, those that are over too')
		.option('--all', 'see --list')
		.addOption(new Option('--format <format>', 'of --list').choices(SILENCE_FORMATS))
		.option('--end <id>', 'end this one now', parseId)
		.action(async (options: SilenceOptions) => {
			const misuse = findMisuse(options);
			if (misuse !== undefined) command.error(`error: ${misuse}`);
			// An emulator's host, as Google's own clients read it.
			const apiEndpoint = (process.env['BIGQUERY_EMULATOR_HOST'] || undefined)?.replace(/^(?!https?:\/\/)/, 'http://');
			await execute((surroundings) => {
				// What is under way when Ctrl-C comes is not tried again.
				const pause = (ms: number) => sleep(ms, undefined, { signal: surroundings.signal });
				const silences = createSilences(createBigquerySql({ ...options.dataset, apiEndpoint, sleep: pause }));
				return silence({ silences, user: findUser(), options }, surroundings);
			});
		});
}

/** Who the machine says it is; `undefined` where it does not. */
function findUser(): string | undefined {
	try {
		return process.env['USER'] || process.env['LOGNAME'] || process.env['USERNAME'] || userInfo().username || undefined;
	} catch {
		return undefined;
	}
}

export interface Silencing {
	readonly silences: Silences;
	/** Who the machine says it is. */
	readonly user: string | undefined;
	readonly options: SilenceOptions;
}

/** Adds, lists or ends silences, says what it did, and answers with the exit code. Takes options in which nothing is misused. */
export async function silence({ silences, user, options }: Silencing, surroundings: Surroundings): Promise<ExitCode> {
	const { stdout, stderr, now, signal } = surroundings;
	const complain = (text: string) => stderr.write(`policy-audit: ${printable(text)}\n`);
	const say = (text: string) => stdout.write(`${printable(text)}\n`);
	const { dataset, list, all = false, format = 'text', end } = options;
	const self = `policy-audit silence --dataset ${dataset.projectId}.${dataset.datasetId}`;
	const at = now().toISOString();
	let unsure = '';
	try {
		signal.throwIfAborted();
		if (list) {
			const kept = await unlessAborted(silences.list(at, { all }), signal);
			stdout.write(renderSilences(kept, { at, format, columns: stdout.columns ?? 120 }));
			return EXIT.done;
		}
		unsure = `; whether it was done is not known: ${self} --list${end === undefined ? '' : ' --all'} tells`;
		if (end !== undefined) {
			const ended = await unlessAborted(silences.end(end, at), signal);
			if (!ended) {
				complain(`there is no silence ${end}: ${self} --list tells which there are`);
				return EXIT.nothing;
			}
			const over = ended.endedAt ?? ended.endsAt;
			say(`silence ${ended.id} (${matchersText(ended)}) ${Date.parse(over) === Date.parse(at) ? 'ended' : `was over already at ${over}`}`);
			return EXIT.done;
		}
		const planned = toSilence(options, { at, user });
		if (typeof planned === 'string') {
			complain(planned);
			return EXIT.nothing;
		}
		await unlessAborted(silences.add(planned), signal);
		const from = planned.startsAt === at ? '' : `from ${planned.startsAt} `;
		say(`silenced: ${matchersText(planned)}, ${from}until ${planned.endsAt}, by ${planned.createdBy}`);
		say(`to end it before: ${self} --end ${planned.id}`);
		return EXIT.done;
	} catch (error) {
		const why = signal.aborted ? 'interrupted' : error instanceof Error ? error.message : String(error);
		complain(`${why}${unsure}`);
		return signal.aborted ? EXIT.interrupted : EXIT.nothing;
	}
}

/** The silence that is asked for, or in words why it cannot be. */
function toSilence(options: SilenceOptions, { at, user }: { at: string; user: string | undefined }): KeptSilence | string {
	const { from: startsAt = at, reason = '', by = user } = options;
	const startMs = Date.parse(startsAt);
	const endsAt = options.until ?? new Date(startMs + (options.for ?? 0)).toISOString();
	const lengthMs = Date.parse(endsAt) - startMs;
	if (lengthMs <= 0) return `--until ${endsAt} is not after --from ${startsAt}`;
	if (Date.parse(endsAt) <= Date.parse(at)) return `it would be over already at ${endsAt}`;
	if (lengthMs > MAX_MS) return TOO_LONG;
	if (by === undefined) return 'who silences? This machine does not tell: --by NAME';
	return {
		id: randomBytes(5).toString('hex'),
		fingerprint: options.fingerprint ?? null,
		projectId: options.cluster?.project ?? null,
		location: options.cluster?.location ?? null,
		clusterName: options.cluster?.name ?? null,
		subjectNamespace: options.namespace ?? null,
		subjectWorkload: options.workload ?? null,
		construct: options.construct ?? null,
		policyNamespace: options.policy?.namespace ?? null,
		policyName: options.policy?.name ?? null,
		startsAt,
		endsAt,
		createdBy: by.slice(0, MAX_NAME),
		createdAt: at,
		comment: reason,
		endedAt: null,
	};
}

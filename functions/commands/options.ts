import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseCandidates } from '../policy/candidates.ts';
import { DEFAULT_CANDIDATES, type Mask } from '../policy/semantics.ts';
import { FAIL_ON, type FailOn, FORMATS, type Format } from './results.ts';

/** The options that mean the same in every command, as commander hands them over. */
export interface AuditOptions {
	readonly entries?: string[];
	readonly snapshots?: string[];
	readonly db?: string;
	readonly format: Format;
	readonly out?: string;
	readonly candidates: Mask;
	readonly failOn?: FailOn;
}

/** Adds the options of a command that judges entries. */
export const withAuditOptions = (command: Command): Command =>
	command
		.option('--entries <file...>', 'log entries: JSON array, a JSON document a line, or Pub/Sub messages; also .gz; - is standard input')
		.option('--snapshots <path...>', 'folders or files of manifests, named by the time from which they are valid; or gs://BUCKET[/FOLDER]')
		.option('--db <file>', 'DuckDB database that the rows are added to; without it, a temporary one')
		.addOption(new Option('--format <format>', 'what to print').choices(FORMATS).default('text'))
		.option('--out <file>', 'print there, in place of what it had, once all is done')
		.addOption(
			new Option('--candidates <ids>', 'what Dataplane V2 may be, ids separated by commas')
				.argParser(candidates)
				.default(DEFAULT_CANDIDATES, 'all that Google’s documentation leaves open'),
		)
		.addOption(
			new Option('--fail-on <level>', 'exit with 1 where something is flagged: certain, likely (has a certainty), any').choices(FAIL_ON),
		);

function candidates(text: string): Mask {
	const mask = parseCandidates(text);
	if (typeof mask === 'string') throw new InvalidArgumentError(mask);
	return mask;
}

export interface DatasetName {
	readonly projectId: string;
	readonly datasetId: string;
}

export function parseDataset(text: string): DatasetName {
	const [, projectId, datasetId] = /^([\w.:-]+)\.(\w+)$/.exec(text) ?? [];
	if (projectId === undefined || datasetId === undefined) throw new InvalidArgumentError('it must be PROJECT.DATASET');
	return { projectId, datasetId };
}

import type { Audit } from './audit.ts';
import { EXIT, type ExitCode } from './exit.ts';
import type { Counts, FailOn, Rejects } from './results.ts';
import { printable } from './terminal.ts';

/** Lines of a list before it says how many are left. */
export const LISTED = 20;

export interface Closing {
	readonly audit: Audit;
	readonly counts: Counts;
	readonly rejects: Rejects;
	/** Whether the database is gone when the command ends. */
	readonly temporary: boolean;
	/** What to do with it all, a line each. */
	readonly next: readonly string[];
}

/** What stands after the findings: how many of each, what was refused and why, where the rows are, what to try next. */
export function closingText({ audit, counts, rejects, temporary, next }: Closing): string {
	const { delivery, problems, notes, database, told } = audit;
	const kept = temporary
		? 'Database: temporary, and removed now; --db FILE keeps it.'
		: `Database: ${printable(database.path)} (DuckDB; tables verdicts_v1 and rejects_v1, views verdicts, findings and rejects)`;
	const unacknowledged =
		delivery.failed === 0
			? []
			: [`${delivery.failed} not acknowledged: ${delivery.lastFailure}${delivery.stopped === 'failing' ? '; gave up' : ''}`];
	return [
		`${findingsText(counts)} ${counts.flagged.any} flagged.`,
		...(told === undefined ? [] : [`Read: ${printable(told)}.`]),
		...list('Refused messages', rejects.listed, rejects.count),
		...list('Input that was not read', [...problems, ...unacknowledged]),
		...list('Notes', notes),
		kept,
		...list('Next', next),
	]
		.map((line) => `${line}\n`)
		.join('');
}

/** `3 entries: 1 void-rule, 1 explained, 1 confirmed.` */
export function findingsText({ entries, findings }: Pick<Counts, 'entries' | 'findings'>): string {
	const each = [...findings].map(([finding, count]) => `${count} ${finding}`).join(', ');
	return `${entries} ${entries === 1 ? 'entry' : 'entries'}${each === '' ? '' : `: ${each}`}.`;
}

/** At most some of the items, and how many there are besides. */
export function list(title: string, items: readonly string[], count = items.length): string[] {
	if (count === 0) return [];
	const left = count - LISTED;
	return [`${title}:`, ...items.slice(0, LISTED).map((item) => `  ${printable(item)}`), ...(left > 0 ? [`  … and ${left} more`] : [])];
}

export interface Ending extends Pick<Closing, 'audit' | 'counts' | 'rejects'> {
	readonly failOn: FailOn | undefined;
}

/** The exit code: what `--fail-on` asks for comes before refused input. */
export function exitCodeOf({ audit, counts, rejects, failOn }: Ending): ExitCode {
	if (audit.delivery.stopped === 'interrupted') return EXIT.interrupted;
	if (failOn && counts.flagged[failOn] > 0) return EXIT.failOn;
	const { acknowledged, failed } = audit.delivery;
	const refused = rejects.count > 0 || audit.problems.length > 0 || failed > 0;
	// A database or a snapshot that never answered, or no input that could be read. An array without an entry was read.
	if (refused && acknowledged === 0) return EXIT.nothing;
	return refused ? EXIT.refused : EXIT.done;
}

import type { Command } from 'commander';
import { type Audit, type AuditRequest, type Input, openFiles, runAudit, type Say } from './audit.ts';
import { closingText, exitCodeOf, LISTED } from './closing.ts';
import { replayToDataset } from './dataset.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { findMisuse, openHistory, type ReplayOptions, withHistoryOptions } from './history.ts';
import { createIngestion } from './ingestion.ts';
import { type AuditOptions, withAuditOptions } from './options.ts';
import { type Output, openAnswer } from './output.ts';
import { readRejects, writeResults } from './results.ts';
import type { Execute, Surroundings } from './surroundings.ts';
import { printable } from './terminal.ts';

const DEFAULT_WIDTH = 120;

/** Adds `replay`. */
export function addReplay(program: Command, execute: Execute): void {
	withHistoryOptions(withAuditOptions(program.command('replay')))
		.description('judge log entries against the policies of their time, and print a finding for each')
		.action(async (options: ReplayOptions, command: Command) => {
			const wrong = findMisuse(options);
			if (wrong !== undefined) command.error(`error: ${wrong}`);
			await execute((surroundings) => replay(options, surroundings));
		});
}

export interface AuditCommand {
	readonly options: AuditOptions;
	readonly surroundings: Surroundings;
	readonly input: Input;
	/** Whether a temporary database stays. */
	readonly keep: boolean;
	readonly ingestion: AuditRequest['ingestion'];
	readonly say: Say;
	readonly next: (audit: Audit) => readonly string[];
}

/** Replays entries as the function would have got them, prints what it found, and answers with the exit code. */
async function replay(options: ReplayOptions, surroundings: Surroundings): Promise<ExitCode> {
	const { entries, snapshots = [], dataset, candidates } = options;
	const input = entries ? await openFiles(entries, surroundings) : await openHistory(options, surroundings);
	if (typeof input === 'string') {
		surroundings.stderr.write(`policy-audit: ${printable(input)}\n`);
		return EXIT.nothing;
	}
	if (dataset) return replayToDataset({ input, snapshots, dataset, candidates }, surroundings);
	return audit({ options, surroundings, input, keep: false, ingestion: createIngestion, say: () => {}, next: nextAfterReplay(options) });
}

const nextAfterReplay =
	({ format, db, snapshots }: AuditOptions) =>
	(): string[] => [
		...(snapshots ? [] : ['--snapshots PATH… says what the policies were: without it every entry is undecidable']),
		...(format === 'text' ? ['--format json prints every column of every entry, evidence and verdicts included'] : []),
		...(db === undefined ? ['--db FILE keeps the rows; run again with the same file, they are not counted twice'] : []),
	];

/** What `replay` and `start` share. */
export async function audit({ options, surroundings, input, keep, ingestion, say, next }: AuditCommand): Promise<ExitCode> {
	const { stderr, stdout } = surroundings;
	const complain = (text: string) => stderr.write(`policy-audit: ${printable(text)}\n`);
	const { entries = [], snapshots = [], db, out, candidates } = options;
	const output = await openAnswer({ inputs: entries, snapshots, db, out }, stdout);
	if (typeof output === 'string') {
		complain(output);
		return EXIT.nothing;
	}
	let code: ExitCode = EXIT.nothing;
	try {
		const request = { input, snapshots, ...(db !== undefined && { database: db }), keep, candidates, ingestion };
		const result = await runAudit(request, surroundings, say);
		if (result.kind === 'nothing') for (const problem of [...result.problems, 'nothing was done']) complain(problem);
		else {
			const temporary = db === undefined && !keep;
			code = await printAudit(result.audit, { options, surroundings, output, temporary, next: next(result.audit) });
		}
	} finally {
		await output.close(code !== EXIT.nothing && code !== EXIT.interrupted);
	}
	return code;
}

interface Printing {
	readonly options: AuditOptions;
	readonly surroundings: Surroundings;
	readonly output: Output;
	readonly temporary: boolean;
	readonly next: readonly string[];
}

/** Prints what was found, and closes the database. */
async function printAudit(audit: Audit, printing: Printing): Promise<ExitCode> {
	try {
		return await printFindings(audit, printing);
	} finally {
		await audit.database.close();
	}
}

async function printFindings(audit: Audit, { options, surroundings, output, temporary, next }: Printing): Promise<ExitCode> {
	const { signal, stdout, stderr } = surroundings;
	if (signal.aborted) return interrupted(audit, { stderr, temporary });
	const counts = await writeResults(audit, { format: options.format, output, width: stdout.columns ?? DEFAULT_WIDTH, signal });
	if (signal.aborted) return interrupted(audit, { stderr, temporary });
	const rejects = await readRejects(audit, LISTED);
	const closing = closingText({ audit, counts, rejects, temporary, next });
	const code = exitCodeOf({ audit, counts, rejects, failOn: options.failOn });
	// Where nothing was done, a file keeps what it had, and the reasons would be lost with what is not put there.
	if (options.format === 'text' && code !== EXIT.nothing) await output.write(closing);
	else stderr.write(closing);
	return code;
}

function interrupted(
	{ delivery, database }: Audit,
	{ stderr, temporary }: { stderr: Surroundings['stderr']; temporary: boolean },
): ExitCode {
	const done = `${delivery.delivered} entries delivered, ${delivery.acknowledged} acknowledged`;
	const kept = temporary
		? 'the temporary database is removed'
		: `their rows are in ${printable(database.path)}; what is delivered again counts once`;
	stderr.write(`policy-audit: interrupted: ${done}; ${kept}\n`);
	return EXIT.interrupted;
}

import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { VERSION } from '../version.ts';
import { openFiles } from './audit.ts';
import type { ExitCode } from './exit.ts';
import { type AuditOptions, withAuditOptions } from './options.ts';
import { audit } from './replay.ts';
import { serveIngestion } from './server.ts';
import type { Execute, Surroundings } from './surroundings.ts';
import { printable } from './terminal.ts';

const SEED = fileURLToPath(new URL('../../examples/seed/', import.meta.url));

/** Adds `start`, which `npm start` runs. */
export function addStart(program: Command, execute: Execute): void {
	withAuditOptions(program.command('start'))
		.description('show the whole way of an entry on this machine: on the example, or with --entries and --snapshots on your own data')
		.action(async (options: AuditOptions, command: Command) => {
			if (options.snapshots && !options.entries) command.error("error: option '--entries <file...>' is missing beside --snapshots");
			await execute((surroundings) => start(options, surroundings));
		});
}

/** Runs the function, delivers entries to it, and tells each step. */
async function start(options: AuditOptions, surroundings: Surroundings): Promise<ExitCode> {
	const example = options.entries === undefined;
	const told = options.format === 'text' && options.out === undefined ? surroundings.stdout : surroundings.stderr;
	const say = (step: string, what: string): void => {
		told.write(`  ${step.padEnd(10)} ${printable(what)}\n`);
	};
	const data = example ? { entries: [here('entries.json')], snapshots: [here('snapshots')] } : {};
	const of = example ? 'the example: log entries of a GKE cluster on Dataplane V2, and its policies at the time' : 'your entries';
	told.write(`policy-action-audit ${VERSION}, on ${of}\n`);
	const given = { ...options, ...data };
	return audit({
		options: given,
		surroundings,
		input: await openFiles(given.entries ?? [], surroundings),
		keep: true,
		ingestion: serveIngestion,
		say,
		next: () => nextAfterStart(example, options),
	});
}

/** A path of the example, as one would type it here. */
const here = (name: string): string => relative(process.cwd(), `${SEED}${name}`) || '.';

function nextAfterStart(example: boolean, { db }: AuditOptions): string[] {
	const more = 'npm run -s policy-audit -- replay --help';
	return [
		...(example ? ['npm start -- --entries FILE… --snapshots PATH… does the same on your own data'] : []),
		...(db === undefined
			? ['npm start -- --db FILE keeps the database where you want it (the one above is among your temporary files)']
			: []),
		`${more} tells of other formats, exit codes for CI, and more`,
	];
}

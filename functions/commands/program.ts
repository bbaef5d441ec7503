import { Command, CommanderError } from 'commander';
import { VERSION } from '../version.ts';
import { addEvaluate } from './evaluate.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { addRedrive } from './redrive.ts';
import { addReplay } from './replay.ts';
import { addSilence } from './silence.ts';
import { addSnapshot } from './snapshot.ts';
import { addStart } from './start.ts';
import type { Surroundings } from './surroundings.ts';
import { printable } from './terminal.ts';

const EXIT_CODES = `
Exit codes: 0 done; 1 done, and something at or above --fail-on; 2 nothing done (usage, unreadable input);
3 done, but some of the input was refused (where 1 and 3 both hold, 1); 130 interrupted.`;

/** Every command: it adds itself to the program, and is given what runs it. */
const COMMANDS = [addStart, addReplay, addEvaluate, addSnapshot, addRedrive, addSilence] as const;

/** Runs the command line (without `node` and the script) and answers with the exit code. Wrong usage is answered, not thrown. */
export async function runProgram(argv: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
	let code: ExitCode = EXIT.done;
	const program = new Command('policy-audit')
		.description('Tells which network denials of GKE Dataplane V2 are healthy, and which are outages caused by rules that it ignores.')
		.version(VERSION)
		.addHelpText('afterAll', EXIT_CODES)
		.showHelpAfterError('(--help tells what there is)')
		.configureOutput({
			writeOut: (text) => surroundings.stdout.write(text),
			writeErr: (text) => surroundings.stderr.write(text),
		})
		.exitOverride();
	for (const add of COMMANDS) {
		add(program, async (run) => {
			code = await run(surroundings);
		});
	}
	try {
		await program.parseAsync(argv, { from: 'user' });
		return code;
	} catch (error) {
		// Help and the version end this way too.
		if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.nothing;
		surroundings.stderr.write(`policy-audit: ${describe(error)}\n`);
		return EXIT.nothing;
	}
}

/** What the system says of itself is enough (no space left, say); of a bug its place is needed. */
function describe(error: unknown): string {
	if (!(error instanceof Error)) return printable(String(error));
	return 'code' in error || error.stack === undefined ? printable(error.message) : error.stack.split('\n').map(printable).join('\n');
}

import { runProgram } from './commands/program.ts';
import { interruptible } from './commands/surroundings.ts';

const { stdin, stdout, stderr } = process;
let signal: AbortSignal | undefined;

// The exit code is set, not exited with: what was printed to a pipe is still on its way.
process.exitCode = await runProgram(process.argv.slice(2), {
	stdin,
	stdout,
	stderr,
	// Only for commands that ask for it: the others end at once, as any process does.
	get signal() {
		signal ??= interruptible();
		return signal;
	},
	now: () => new Date(),
});

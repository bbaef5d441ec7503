import { type Command, InvalidArgumentError } from 'commander';
import { answer } from '../policy/answer.ts';
import { bit, isSemanticsId, SEMANTICS, type SemanticsId } from '../policy/semantics.ts';
import { nameOf, readChunks } from './chunks.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { MAX_LINE_BYTES, readLines } from './lines.ts';
import { type Output, openAnswer } from './output.ts';
import { parseScenario, type Scenario } from './scenario.ts';
import type { Execute, Surroundings } from './surroundings.ts';
import { printable } from './terminal.ts';

interface EvaluateOptions {
	readonly files: readonly string[];
	readonly semantics: readonly SemanticsId[];
	readonly out?: string;
}

/** Adds `evaluate`. */
export function addEvaluate(program: Command, execute: Execute): void {
	program
		.command('evaluate')
		.description('print the verdicts of each semantics on the flows of scenarios (a JSON object a line: id, objects, flows)')
		.argument('[file...]', 'scenarios, also .gz; none or - is standard input')
		.option('--semantics <ids>', 'ids separated by commas, in the order of the answers (default: all)', parseSemantics, SEMANTICS)
		.option('--out <file>', 'print there, in place of what it had, once all is done')
		.action(async (files: string[], options: Omit<EvaluateOptions, 'files'>) => {
			const all = { ...options, files: files.length > 0 ? files : ['-'] };
			await execute((surroundings) => evaluateScenarios(all, surroundings));
		});
}

function parseSemantics(text: string): readonly SemanticsId[] {
	const ids = text.split(',').map((id) => id.trim());
	const unknown = ids.filter((id) => !isSemanticsId(id));
	if (unknown.length > 0) throw new InvalidArgumentError(`${unknown.join(', ')}: no semantics; there are ${SEMANTICS.join(', ')}`);
	return ids.filter(isSemanticsId);
}

/** Answers scenarios one at a time, and says of each line that is none, and of each object that is refused, where and why. */
async function evaluateScenarios({ files, semantics, out }: EvaluateOptions, surroundings: Surroundings): Promise<ExitCode> {
	const { stderr, stdout, signal } = surroundings;
	const complain = (text: string) => stderr.write(`policy-audit: ${printable(text)}\n`);
	const output = await openAnswer({ inputs: files, out }, stdout);
	if (typeof output === 'string') {
		complain(output);
		return EXIT.nothing;
	}
	const tally: Tally = { lines: 0, refused: 0 };
	const refuse = (text: string): void => {
		tally.refused++;
		complain(text);
	};
	let code: ExitCode = EXIT.nothing;
	try {
		for (const path of files) await evaluateFile(path, { semantics, surroundings, output, tally, refuse });
		if (tally.lines === 0 && tally.refused === 0 && !signal.aborted) complain('no scenario in the input');
		code = signal.aborted ? EXIT.interrupted : exitCodeOf(tally);
	} finally {
		await output.close(code === EXIT.done || code === EXIT.refused);
	}
	return code;
}

/** Lines that say anything, and how much of the input was refused. */
interface Tally {
	lines: number;
	refused: number;
}

function exitCodeOf({ lines, refused }: Tally): ExitCode {
	if (lines === 0) return EXIT.nothing;
	return refused > 0 ? EXIT.refused : EXIT.done;
}

interface Evaluating {
	readonly semantics: readonly SemanticsId[];
	readonly surroundings: Surroundings;
	readonly output: Output;
	readonly tally: Tally;
	readonly refuse: (text: string) => void;
}

async function evaluateFile(path: string, { semantics, surroundings, output, tally, refuse }: Evaluating): Promise<void> {
	const { stdin, signal } = surroundings;
	try {
		for await (const { number, text } of readLines(readChunks({ path, stdin, signal }))) {
			if (!output.isOpen() || signal.aborted) break;
			if (text?.trim() === '') continue;
			tally.lines++;
			const scenario = text === undefined ? TOO_LONG : readScenario(text);
			const problems = typeof scenario === 'string' ? [scenario] : scenario.problems;
			for (const problem of problems) refuse(`${nameOf(path)}:${number}: ${problem}`);
			if (typeof scenario !== 'string') await output.write(linesOf(scenario, semantics));
		}
	} catch (error) {
		if (!signal.aborted) refuse(`${nameOf(path)}: cannot be read any further: ${(error as Error).message}`);
	}
}

const TOO_LONG = `is longer than ${MAX_LINE_BYTES} bytes`;

function readScenario(line: string): Scenario | string {
	let value: unknown;
	try {
		value = JSON.parse(line);
	} catch (error) {
		return `is no JSON: ${(error as Error).message}`;
	}
	return parseScenario(value);
}

/** One line for each semantics: `{id, engine, verdicts, by, rejected}`, the verdicts in the order of the flows. */
function linesOf({ id, snapshot, questions }: Scenario, semantics: readonly SemanticsId[]): string {
	const answers = questions.map((question) => answer(snapshot, question, semantics));
	return semantics
		.map((engine, position) => {
			const own = answers.map((flow) => flow[position]);
			const rejected = rejectedBy(snapshot, engine);
			const line = {
				id,
				engine,
				verdicts: own.map((one) => one?.verdict),
				by: own.map((one) => one?.by),
				...(rejected.length > 0 && { rejected }),
			};
			return `${JSON.stringify(line)}\n`;
		})
		.join('');
}

/** The policies that a semantics does not take: refused as a whole, or not readable at all. */
function rejectedBy({ namespaces, state }: Scenario['snapshot'], engine: SemanticsId): string[] {
	const refused = [...namespaces.values()].flatMap(({ policies }) =>
		policies.filter(({ accepted }) => !(accepted & bit(engine))).map(({ id }) => id),
	);
	return [...refused, ...state.unreadablePolicies.map(({ namespace, name }) => `${namespace}/${name}`)].sort();
}

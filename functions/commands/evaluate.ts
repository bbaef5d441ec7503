import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { type Command, InvalidArgumentError } from 'commander';
import { answer } from '../policy/answer.ts';
import { bit, isSemanticsId, SEMANTICS, type SemanticsId } from '../policy/semantics.ts';
import { nameOf, readChunks } from './chunks.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { type Output, openOutput } from './output.ts';
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
		.option('--out <file>', 'print there')
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

/** Answers scenarios one at a time, and says of each line that is none where and why. */
async function evaluateScenarios({ files, semantics, out }: EvaluateOptions, surroundings: Surroundings): Promise<ExitCode> {
	const { stderr, stdout } = surroundings;
	let answered = 0;
	let refused = 0;
	const complain = (text: string) => {
		refused++;
		stderr.write(`policy-audit: ${printable(text)}\n`);
	};
	const output = await openOutput(out, stdout).catch((error: Error) => error);
	if (output instanceof Error) {
		complain(`--out cannot be written: ${output.message}`);
		return EXIT.nothing;
	}
	for (const path of files) {
		try {
			answered += await evaluateFile(path, { semantics, surroundings, output, complain });
		} catch (error) {
			if (!surroundings.signal.aborted) complain(`${nameOf(path)}: cannot be read any further: ${(error as Error).message}`);
		}
	}
	await output.close();
	if (surroundings.signal.aborted) return EXIT.interrupted;
	if (answered === 0) {
		if (refused === 0) complain('no scenario in the input');
		return EXIT.nothing;
	}
	return refused > 0 ? EXIT.refused : EXIT.done;
}

interface Evaluating {
	readonly semantics: readonly SemanticsId[];
	readonly surroundings: Surroundings;
	readonly output: Output;
	readonly complain: (text: string) => void;
}

async function evaluateFile(path: string, { semantics, surroundings, output, complain }: Evaluating): Promise<number> {
	const input = Readable.from(readChunks({ path, stdin: surroundings.stdin, signal: surroundings.signal }));
	let failure: Error | undefined;
	input.on('error', (error) => {
		failure = error;
	});
	let answered = 0;
	let number = 0;
	for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
		number++;
		if (!output.isOpen() || surroundings.signal.aborted) break;
		if (line.trim() === '') continue;
		const scenario = readScenario(line);
		if (typeof scenario === 'string') {
			complain(`${nameOf(path)}:${number}: ${scenario}`);
			continue;
		}
		await output.write(linesOf(scenario, semantics));
		answered++;
	}
	if (failure) throw failure;
	return answered;
}

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

import { createReadStream, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import Table from 'cli-table3';
import { parseScenario, type Scenario } from '../functions/commands/scenario.ts';
import { type Answer, answer } from '../functions/policy/answer.ts';
import { isSemanticsId, type SemanticsId } from '../functions/policy/semantics.ts';

/**
 * Compares the engine with the recorded verdicts of other engines: `npm run conformance -- [DIR]`, a folder like test/vectors.
 * Exits with 1 on a mismatch, or where nothing was compared.
 */

interface Recorded {
	readonly id: string;
	readonly verdicts: readonly string[];
	readonly by?: readonly (readonly string[] | null)[];
}

interface Raw {
	readonly id: string;
	readonly objects: readonly Json[];
	readonly flows: readonly Json[];
	readonly note?: string;
}

type Json = { readonly [key: string]: unknown; readonly kind?: string };

interface Mismatch {
	readonly what: 'verdict' | 'by';
	readonly engine: string;
	readonly raw: Raw;
	readonly index: number;
	readonly expected: unknown;
	readonly got: Answer;
}

interface Tally {
	flows: number;
	agreed: number;
	/** Admissions for which the engine names policies, and those where ours fit. */
	named: number;
	fitting: number;
}

const MOST_SHOWN = 10;

async function* readLines<T>(path: string): AsyncGenerator<T> {
	const file = createReadStream(path);
	const input = path.endsWith('.gz') ? file.pipe(createGunzip()) : file;
	for await (const line of createInterface({ input })) if (line.trim() !== '') yield JSON.parse(line) as T;
}

/**
 * `by` of `kubernetes` is complete where it is given; null beside an admission says that the engine gave none. Of a Cilium generation it
 * is some of the admitting policies, so ours must share one with it.
 */
function fits(engine: SemanticsId, expected: readonly string[], by: Answer['by']): boolean {
	if (engine === 'kubernetes') return JSON.stringify(expected) === JSON.stringify(by);
	return expected.length === 0 || (by ?? []).some((id) => expected.includes(id));
}

async function compare(group: string, folder: string, tallies: Map<string, Tally>): Promise<Mismatch[]> {
	const mismatches: Mismatch[] = [];
	const scenarios = new Map<string, { raw: Raw; scenario: Scenario }>();
	for await (const raw of readLines<Raw>(join(folder, 'scenarios', `${group}.jsonl.gz`))) {
		const scenario = parseScenario(raw);
		if (typeof scenario === 'string') throw new Error(`${group} ${raw.id}: ${scenario}`);
		scenarios.set(raw.id, { raw, scenario });
	}
	for (const file of readdirSync(join(folder, 'verdicts')).sort()) {
		const engine = file.slice(group.length + 1).replace(/\.jsonl(\.gz)?$/, '');
		if (!file.startsWith(`${group}.`) || !isSemanticsId(engine)) continue;
		const tally = { flows: 0, agreed: 0, named: 0, fitting: 0 };
		tallies.set(`${group} ${engine}`, tally);
		for await (const recorded of readLines<Recorded>(join(folder, 'verdicts', file))) {
			const known = scenarios.get(recorded.id);
			if (!known) throw new Error(`${file}: ${recorded.id} is no scenario of the group`);
			mismatches.push(...compareScenario({ ...known, engine, recorded }, tally));
		}
	}
	return mismatches;
}

interface Comparison {
	readonly raw: Raw;
	readonly scenario: Scenario;
	readonly engine: SemanticsId;
	readonly recorded: Recorded;
}

function compareScenario({ raw, scenario, engine, recorded }: Comparison, tally: Tally): Mismatch[] {
	const mismatches: Mismatch[] = [];
	for (const [index, expected] of recorded.verdicts.entries()) {
		if (expected.startsWith('error')) continue;
		const question = scenario.questions[index];
		const got = question && answer(scenario.snapshot, question, [engine])[0];
		if (!got) throw new Error(`${raw.id}: there is no flow ${index}`);
		tally.flows++;
		if (got.verdict === expected) tally.agreed++;
		else mismatches.push({ what: 'verdict', engine, raw, index, expected, got });
		const by = recorded.by?.[index];
		if (expected !== 'allow' || !by) continue;
		tally.named++;
		if (fits(engine, by, got.by)) tally.fitting++;
		else mismatches.push({ what: 'by', engine, raw, index, expected: by, got });
	}
	return mismatches;
}

function printMismatch({ what, engine, raw, index, expected, got }: Mismatch): void {
	const policies = raw.objects.filter(({ kind }) => kind === 'NetworkPolicy');
	console.log(
		`\n${raw.id} (${raw.note ?? ''}), flow ${index}: ${what} of ${engine} is ${JSON.stringify(expected)}, ours ${JSON.stringify(got)}`,
	);
	console.log(`  flow ${JSON.stringify(raw.flows[index])}`);
	for (const policy of policies) console.log(`  ${JSON.stringify(policy)}`);
}

const percent = (part: number, whole: number): string =>
	whole === 0 ? '–' : `${((100 * part) / whole).toFixed(part === whole ? 0 : 3)} %`;

const folder = process.argv[2] ?? new URL('vectors', import.meta.url).pathname;
const groups = existsSync(join(folder, 'scenarios'))
	? readdirSync(join(folder, 'scenarios')).map((file) => file.replace(/\.jsonl(\.gz)?$/, ''))
	: [];
const tallies = new Map<string, Tally>();
const mismatches: Mismatch[] = [];
for (const group of groups.sort()) mismatches.push(...(await compare(group, folder, tallies)));

const table = new Table({ head: ['group', 'engine', 'flows', 'agree', 'names policies', 'fit'], style: { head: [], border: [] } });
for (const [key, { flows, agreed, named, fitting }] of tallies) {
	const [group, engine] = key.split(' ') as [string, string];
	table.push([group, engine, flows, percent(agreed, flows), named, percent(fitting, named)]);
}
console.log(table.toString());
for (const mismatch of mismatches.slice(0, MOST_SHOWN)) printMismatch(mismatch);
const flows = [...tallies.values()].reduce((sum, tally) => sum + tally.flows, 0);
console.log(`\n${flows} verdicts of ${tallies.size} recordings compared, ${mismatches.length} mismatches`);
if (flows === 0 || mismatches.length > 0) process.exitCode = 1;

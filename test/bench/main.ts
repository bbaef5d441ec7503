import Table from 'cli-table3';
import { createRandom } from '../random.ts';
import { generateCluster } from './cluster.ts';
import { checksum, type EngineFigures, HOT, measureEngine, readSpeed, SEED } from './engine.ts';
import { hardware } from './figures.ts';
import { FULL, goalsOf, IN_FLIGHT, INSERT_MS, type IngestFigures, measureIngest, QUICK } from './ingest.ts';

/**
 * `npm run bench -- engine [--json] [--quick]`: how fast flows are judged on one core, under all semantics at once, from names and address
 * strings to a finding with its evidence. Clusters: the recorded speed input, whose answers are checked first, and generated ones of five
 * times its size, so that one run shows how the time of a flow grows with the cluster. Exits with 1 where an answer is wrong.
 *
 * `npm run bench -- ingest [--json] [--quick]`: the built function beside one that does nothing, both served by the functions framework on
 * loopback: boot, requests a second, latency at half of that, memory; and entries a second without HTTP. Snapshots and rows go through
 * servers that stand for Google's, inserts taking their usual time. Exits with 1 where a goal is missed.
 * BENCH_NODE_OPTIONS is given to Node for both functions: `--cpu-prof --cpu-prof-dir=/tmp/profiles`, say.
 */
const [suite, ...flags] = process.argv.slice(2);
if ((suite !== 'engine' && suite !== 'ingest') || flags.some((flag) => flag !== '--json' && flag !== '--quick')) {
	console.error('usage: npm run bench -- engine|ingest [--json] [--quick]');
	process.exit(2);
}
const json = flags.includes('--json');
const quick = flags.includes('--quick');
if (suite === 'engine') runEngine();
else await runIngest();

function describeHardware(): string {
	const { cpu, cores, memoryGb, platform, node, v8 } = hardware();
	return `${cpu}, ${cores} cores, ${memoryGb} GB, ${platform}, Node ${node} (V8 ${v8}), seed ${SEED}`;
}

function tableOf(head: string[]) {
	return new Table({ head, style: { head: [], border: [] }, colAligns: ['left', ...head.slice(1).map(() => 'right' as const)] });
}

function whole(value: number): string {
	return Math.round(value).toLocaleString('en');
}

function runEngine(): void {
	const sizes = quick ? { flows: 20_000, repeats: 3 } : { flows: 1_000_000, repeats: 7 };
	const checks = (['small', 'large'] as const).map((name) => ({ name, ...readSpeed(name) }));
	const figures: EngineFigures[] = [
		...checks.map(({ name, state }) => measureEngine(`recorded ${name}`, state, sizes)),
		measureEngine('generated', generateCluster({ policies: 1000, pods: 10_000, random: createRandom(SEED) }), sizes),
		measureEngine('generated', generateCluster({ policies: 5000, pods: 50_000, random: createRandom(SEED) }), sizes),
	];
	const answers = checks.map(({ name, flows, wrong }) => ({ name, flows, wrong }));
	if (answers.some(({ wrong }) => wrong > 0)) process.exitCode = 1;
	if (json) {
		console.log(JSON.stringify({ hardware: hardware(), sizes, seed: SEED, answers, figures, checksum: checksum() }));
		return;
	}
	console.log(describeHardware());
	for (const { name, flows, wrong } of answers)
		console.log(`recorded ${name}: ${flows} answers compared with the recorded verdicts, ${wrong} wrong`);
	printEngine(figures);
}

function printEngine(figures: readonly EngineFigures[]): void {
	const table = tableOf([
		'cluster',
		'policies',
		'Pods',
		'compile ms',
		'heap MB',
		'distinct flows/s',
		`hot flows/s (set of ${HOT})`,
		'p50 µs',
		'p99 µs',
		'max µs',
	]);
	for (const row of figures)
		table.push([
			row.cluster,
			whole(row.policies),
			whole(row.pods),
			row.compileMs.toFixed(1),
			row.heapMb.toFixed(1),
			whole(row.distinctPerSecond),
			whole(row.hotPerSecond),
			row.p50Us.toFixed(2),
			row.p99Us.toFixed(2),
			row.maxUs.toFixed(0),
		]);
	console.log(table.toString());
}

async function runIngest(): Promise<void> {
	const sizes = quick ? QUICK : FULL;
	const figures = await measureIngest(sizes);
	const goals = goalsOf(figures);
	if (goals.some(({ met }) => !met)) process.exitCode = 1;
	if (json)
		console.log(JSON.stringify({ hardware: hardware(), sizes, seed: SEED, inFlight: IN_FLIGHT, insertMs: INSERT_MS, figures, goals }));
	else {
		console.log(describeHardware());
		printIngest(figures);
		for (const { what, met } of goals) console.log(`${met ? '✓' : '✘'} ${what}`);
	}
}

function printIngest({ boot, throughput, paced, rssMb, noopRssMb, soaked }: IngestFigures): void {
	const table = tableOf(['function', 'first answer ms', 'first message ms', `requests/s (${IN_FLIGHT} in flight)`, 'CPU µs a request']);
	for (const [name, words] of [['noop', 'no-op'] as const, ['ingest', 'ingest'] as const]) {
		const [{ answeredMs, acknowledgedMs }, { rate, cpuMicros }] = [boot[name], throughput[name]];
		table.push([words, whole(answeredMs), whole(acknowledgedMs), whole(rate), cpuMicros.toFixed(0)]);
	}
	console.log(table.toString());
	const { rate, p50Ms, p99Ms, maxMs } = paced;
	console.log(`at ${whole(rate)} requests/s, half of that: p50 ${whole(p50Ms)} ms, p99 ${whole(p99Ms)} ms, max ${whole(maxMs)} ms`);
	console.log(
		`memory of the process in MB before ${whole(soaked)} entries and after each quarter: ${rssMb.map(whole).join(', ')}; no-op: ${whole(noopRssMb)}`,
	);
}

import Table from 'cli-table3';
import { createRandom } from '../random.ts';
import { generateCluster } from './cluster.ts';
import { checksum, type EngineFigures, HOT, measureEngine, readSpeed, SEED } from './engine.ts';
import { hardware } from './figures.ts';
import { FULL, goalsOf, IN_FLIGHT, INSERT_MS, type IngestFigures, measureIngest, QUICK } from './ingest.ts';
import { AT_ONCE, measureRejudge, REJUDGE_FULL, REJUDGE_QUICK, type RejudgeFigures } from './rejudge.ts';
import { FULL_REPLAY, measureReplay, QUICK_REPLAY, type ReplayFigures } from './replay.ts';

/**
 * `npm run bench -- engine [--json] [--quick]`: how fast flows are judged on one core, under all semantics at once, from names and address
 * strings to a finding with its evidence. Clusters: the recorded speed input, whose answers are checked first, and generated ones of five
 * times its size, so that one run shows how the time of a flow grows with the cluster. Exits with 1 where an answer is wrong.
 *
 * `npm run bench -- ingest [--json] [--quick]`: the built function beside one that does nothing, both served by the functions framework on
 * loopback: boot, requests a second, latency at half of that, memory; and entries a second without HTTP. Snapshots and rows go through
 * servers that stand for Google's, inserts taking their usual time. Exits with 1 where a goal is missed.
 *
 * `npm run bench -- rejudge [--json] [--quick]`: the built remote function beside one that sends its batches back, both served in the same
 * way: rows a second of one instance by the size of the batches. Exits with 1 where an answer is wrong.
 *
 * `npm run bench -- replay [--json] [--quick]`: a million generated entries replayed from a file into a DuckDB file, beside the same by HTTP.
 * Exits with 1 where an answer does not count every entry.
 *
 * BENCH_NODE_OPTIONS is given to Node for both functions: `--cpu-prof --cpu-prof-dir=/tmp/profiles`, say.
 */
const [suite, ...flags] = process.argv.slice(2);
const SUITES = { engine: runEngine, ingest: runIngest, rejudge: runRejudge, replay: runReplay };
if (
	!(suite === 'engine' || suite === 'ingest' || suite === 'rejudge' || suite === 'replay') ||
	flags.some((flag) => flag !== '--json' && flag !== '--quick')
) {
	console.error('usage: npm run bench -- engine|ingest|rejudge|replay [--json] [--quick]');
	process.exit(2);
}
const json = flags.includes('--json');
const quick = flags.includes('--quick');
await SUITES[suite]();

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

async function runRejudge(): Promise<void> {
	const sizes = quick ? REJUDGE_QUICK : REJUDGE_FULL;
	const figures = await measureRejudge(sizes);
	const { wrong, other } = figures;
	if (wrong > 0 || Object.keys(other).length > 0) process.exitCode = 1;
	if (json) console.log(JSON.stringify({ hardware: hardware(), sizes, seed: SEED, atOnce: AT_ONCE, figures }));
	else {
		console.log(describeHardware());
		printRejudge(figures);
	}
}

function printRejudge({ batches, history, checked, wrong, other }: RejudgeFigures): void {
	const table = tableOf(['rows a batch', 'echo rows/s', 'rejudge rows/s', 'CPU µs a row', 'of them the echo’s', 'MB a reply']);
	for (const { size, echo, rejudge, replyBytes } of batches)
		table.push([
			whole(size),
			whole(echo.rate),
			whole(rejudge.rate),
			rejudge.cpuMicros.toFixed(1),
			echo.cpuMicros.toFixed(1),
			(replyBytes / 1e6).toFixed(2),
		]);
	console.log(table.toString());
	for (const { order, snapshots, size, rate, reads } of history)
		console.log(`${whole(size)} rows over ${snapshots} snapshots, ${order}: ${whole(rate)} rows/s, ${whole(reads)} reads`);
	console.log(`${AT_ONCE} batches at once; ${checked} replies looked at, ${wrong} wrong; answers other than 200: ${JSON.stringify(other)}`);
}

async function runReplay(): Promise<void> {
	const sizes = quick ? QUICK_REPLAY : FULL_REPLAY;
	const { version } = await import('@duckdb/node-api');
	const duckdb = version();
	const figures = await measureReplay(sizes);
	if (figures.some(({ right }) => !right)) process.exitCode = 1;
	if (json) console.log(JSON.stringify({ hardware: hardware(), duckdb, sizes, seed: SEED, figures }));
	else {
		console.log(`${describeHardware()}, DuckDB ${duckdb}`);
		printReplay(figures);
	}
}

function printReplay(figures: readonly ReplayFigures[]): void {
	const table = tableOf(['command', 'entries', 's', 'entries/s', 'peak memory MB', 'database MB', 'answer']);
	for (const { way, entries, seconds, entriesPerSecond, peakMb, databaseMb, right } of figures)
		table.push([
			way === 'start' ? 'start (by HTTP)' : way,
			whole(entries),
			seconds.toFixed(1),
			whole(entriesPerSecond),
			whole(peakMb),
			whole(databaseMb),
			right ? 'counts all' : 'WRONG',
		]);
	console.log(table.toString());
}

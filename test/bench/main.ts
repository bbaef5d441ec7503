import Table from 'cli-table3';
import { createRandom } from '../random.ts';
import { generateCluster } from './cluster.ts';
import { checksum, type EngineFigures, HOT, measureEngine, readSpeed, SEED } from './engine.ts';
import { hardware } from './figures.ts';

/**
 * `npm run bench -- engine [--json] [--quick]`: how fast flows are judged on one core, under all semantics at once, from names and address
 * strings to a finding with its evidence. Clusters: the recorded speed input, whose answers are checked first, and generated ones of five
 * times its size, so that one run shows how the time of a flow grows with the cluster. Exits with 1 where an answer is wrong.
 */
const [suite, ...flags] = process.argv.slice(2);
if (suite !== 'engine' || flags.some((flag) => flag !== '--json' && flag !== '--quick')) {
	console.error('usage: npm run bench -- engine [--json] [--quick]');
	process.exit(2);
}
const json = flags.includes('--json');
const sizes = flags.includes('--quick') ? { flows: 20_000, repeats: 3 } : { flows: 1_000_000, repeats: 7 };

const checks = (['small', 'large'] as const).map((name) => ({ name, ...readSpeed(name) }));
const figures: EngineFigures[] = [
	...checks.map(({ name, state }) => measureEngine(`recorded ${name}`, state, sizes)),
	measureEngine('generated', generateCluster({ policies: 1000, pods: 10_000, random: createRandom(SEED) }), sizes),
	measureEngine('generated', generateCluster({ policies: 5000, pods: 50_000, random: createRandom(SEED) }), sizes),
];
const wrong = checks.reduce((sum, check) => sum + check.wrong, 0);

if (json) {
	const answers = checks.map(({ name, flows, wrong: bad }) => ({ name, flows, wrong: bad }));
	console.log(JSON.stringify({ hardware: hardware(), sizes, seed: SEED, answers, figures, checksum: checksum() }));
} else print();
if (wrong > 0) process.exitCode = 1;

function print(): void {
	const { cpu, cores, memoryGb, platform, node, v8 } = hardware();
	console.log(`${cpu}, ${cores} cores, ${memoryGb} GB, ${platform}, Node ${node} (V8 ${v8}), seed ${SEED}`);
	for (const { name, flows, wrong: bad } of checks)
		console.log(`recorded ${name}: ${flows} answers compared with the recorded verdicts, ${bad} wrong`);
	const head = [
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
	];
	const table = new Table({ head, style: { head: [], border: [] }, colAligns: ['left', ...head.slice(1).map(() => 'right' as const)] });
	const whole = (value: number) => Math.round(value).toLocaleString('en');
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

/**
 * `npm run faults [-- --seed N]`: the deployed artefact between a push subscription, a bucket and a BigQuery that fail as
 * they are told to, all on loopback. After each scenario every message is accounted for: nothing lost, nothing doubled, nothing
 * dead-lettered, and nothing acknowledged before its row was stored. What is injected follows from the seed; times do not.
 */
import { parseArgs } from 'node:util';
import { readSchemas } from '../../functions/adapters/schemas.ts';
import { installArtefact } from '../servers/artefact.ts';
import { RETRY } from './pusher.ts';
import { type Result, runScenario } from './scenario.ts';
import { leastSecondsToDeadLetter, SCENARIOS } from './scenarios.ts';

/** Scenarios mostly wait. */
const AT_ONCE = 3;

const { values } = parseArgs({ options: { seed: { type: 'string', default: '1' } } });
const seed = Number(values.seed);
if (!Number.isSafeInteger(seed)) throw new Error(`--seed is no whole number: ${values.seed}`);
console.log(`seed ${seed}`);

const startedMs = performance.now();
const seconds = (ms: number): string => (ms / 1000).toFixed(1);
const { tables } = await readSchemas();
const artefact = await installArtefact('ingest');
console.log(`artefact built and installed in ${seconds(performance.now() - startedMs)} s`);

const results: Result[] = [];
let [passed, failed] = [0, 0];

function tell({ name, messages, attempts, lost, doubled, seconds: took, answers, problems }: Result): void {
	const bad = lost > 0 || doubled > 0 || problems.length > 0;
	if (bad) failed++;
	else passed++;
	const statuses = [...answers].map(([answer, count]) => `${answer} ${count}`).sort();
	const figures = `${messages} messages, ${attempts} attempts (${statuses.join(', ')}), ${lost} lost, ${doubled} doubled, ${took.toFixed(1)} s`;
	console.log(`${bad ? '✘' : '✓'} ${name}: ${figures}`);
	for (const problem of problems.slice(0, 5)) console.log(`    ${problem}`);
	if (problems.length > 5) console.log(`    and ${problems.length - 5} more`);
}

const chosen = SCENARIOS.map((scenarioOf, index) => ({ scenarioOf, seed: seed * 1000 + index }));
async function work(): Promise<void> {
	for (let next = chosen.shift(); next; next = chosen.shift()) {
		try {
			const result = await runScenario(next.scenarioOf, { artefact, tables, seed: next.seed });
			results.push(result);
			tell(result);
		} catch (error) {
			failed++;
			console.log('✘ a scenario did not come to its end:', error);
		}
	}
}
try {
	await Promise.all(Array.from({ length: AT_ONCE }, work));
} finally {
	await artefact.remove();
}

const hours = leastSecondsToDeadLetter() / 3600;
const bounds = `${RETRY.maxAttempts} attempts with pauses of ${RETRY.leastSeconds} to ${RETRY.mostSeconds} s`;
console.log(`${bounds} last ${hours.toFixed(1)} h and more: an outage of an hour dead-letters nothing`);

const sum = (of: (result: Result) => number): number => results.reduce((total, result) => total + of(result), 0);
console.log(`${seconds(performance.now() - startedMs)} s`);
console.log(`${sum(({ messages }) => messages)} messages, ${sum(({ lost }) => lost)} lost, ${sum(({ doubled }) => doubled)} doubled`);
console.log(`${passed} passed, ${failed} failed`);
// What a scenario left open must not keep it from ending.
process.exit(failed > 0 ? 1 : 0);

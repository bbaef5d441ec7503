import { createBigquery } from '../adapters/bigquery.ts';
import { readSchemas } from '../adapters/schemas.ts';
import { BIGQUERY_TIMES } from '../ingest/accepted-times.ts';
import { createGroupCommit, GROUP_LIMITS } from '../ingest/group-commit.ts';
import type { Outcome } from '../ingest/ingest.ts';
import { FINDINGS } from '../policy/finding.ts';
import type { Mask } from '../policy/semantics.ts';
import { deliverInput, type Input } from './audit.ts';
import { findingsText, list } from './closing.ts';
import type { Delivery } from './deliver.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { createIngestion } from './ingestion.ts';
import type { DatasetName } from './options.ts';
import { loadSnapshots } from './snapshots.ts';
import type { Surroundings } from './surroundings.ts';
import { printable } from './terminal.ts';

/** Of a row, with BigQuery's own attempts; after it the entry is tried again. */
const PATIENCE_MS = 60_000;
/** Fewer than the queue takes. */
const CONCURRENCY = GROUP_LIMITS.queueRows / 2;

export interface DatasetReplay {
	readonly input: Input;
	readonly snapshots: readonly string[];
	readonly dataset: DatasetName;
	readonly candidates: Mask;
}

/** Judges the entries and writes their rows to BigQuery, as the deployed function does; says how many, and answers with the exit code. */
export async function replayToDataset(
	{ input, snapshots, dataset, candidates }: DatasetReplay,
	surroundings: Surroundings,
): Promise<ExitCode> {
	const { stdout, stderr, now } = surroundings;
	const nothing = (problems: readonly string[]): ExitCode => {
		for (const problem of [...problems, 'nothing was done']) stderr.write(`policy-audit: ${printable(problem)}\n`);
		return EXIT.nothing;
	};
	const loaded = await loadSnapshots(snapshots, surroundings);
	if (snapshots.length > 0 && loaded.count === 0) return nothing([...loaded.problems, 'no snapshot could be read']);
	const refused = await input.begin?.();
	if (typeof refused === 'string') return nothing([refused]);
	const { tables } = await readSchemas();
	// An emulator's host, as Google's own clients read it.
	const apiEndpoint = (process.env['BIGQUERY_EMULATOR_HOST'] || undefined)?.replace(/^(?!https?:\/\/)/, 'http://');
	const nowMs = (): number => now().getTime();
	const warehouse = createGroupCommit({ sink: createBigquery({ ...dataset, tables, apiEndpoint, now: nowMs }), now: nowMs });
	const tally = createTally();
	const ports = { snapshots: loaded.source, warehouse, candidates, now, acceptedTimes: BIGQUERY_TIMES, patienceMs: PATIENCE_MS };
	const { attempt } = createIngestion(ports, { onOutcome: tally.add });
	const delivery = await deliverInput(input, { attempt, concurrency: CONCURRENCY }, surroundings);
	const problems = [...input.problems, ...loaded.problems, ...delivery.problems];
	const { projectId, datasetId } = dataset;
	const failed = delivery.failed === 0 ? [] : [`${delivery.failed} not written: ${delivery.lastFailure}`];
	const text = [
		findingsText({ entries: tally.rows(), findings: tally.findings() }),
		...(input.told === undefined ? [] : [`Read: ${printable(input.told)}.`]),
		`${tally.rows()} rows written to ${projectId}.${datasetId}.verdicts_v1, ${tally.rejects()} to rejects_v1.`,
		...list('Input that was not read', [...problems, ...failed]),
		...list('Notes', [...loaded.notes, ...delivery.notes]),
		`The view ${projectId}.${datasetId}.verdicts has each entry once, findings each problem and day: filter on timestamp.`,
	];
	stdout.write(text.map((line) => `${line}\n`).join(''));
	return exitCode(delivery, { refused: tally.rejects() > 0 || problems.length > 0 });
}

function exitCode({ stopped, acknowledged, failed }: Delivery, { refused }: { refused: boolean }): ExitCode {
	if (stopped === 'interrupted') return EXIT.interrupted;
	if (!refused && failed === 0) return EXIT.done;
	return acknowledged === 0 ? EXIT.nothing : EXIT.refused;
}

function createTally() {
	const byFinding = new Map<string, number>();
	let rejects = 0;
	return {
		add(outcome: Outcome): void {
			if (outcome.kind === 'ok') byFinding.set(outcome.finding, (byFinding.get(outcome.finding) ?? 0) + 1);
			else if (outcome.kind === 'reject') rejects++;
		},
		rows: () => [...byFinding.values()].reduce((sum, count) => sum + count, 0),
		rejects: () => rejects,
		findings: () => new Map(FINDINGS.flatMap((finding) => (byFinding.has(finding) ? [[finding, byFinding.get(finding) ?? 0]] : []))),
	};
}

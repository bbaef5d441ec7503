import { http } from '@google-cloud/functions-framework';
import { openDuckdb } from './adapters/duckdb.ts';
import { parseConfig } from './config.ts';
import { createIngest } from './ingest/handler.ts';
import { readSnapshots } from './snapshot/files.ts';
import { formatProblem } from './snapshot/problem.ts';
import { createFileSnapshots } from './snapshot/source.ts';

const parsed = parseConfig(process.env);
if (parsed.kind === 'refused') throw new Error(`the configuration is not complete:\n${parsed.problems.join('\n')}`);
const { snapshots: paths, database, candidates } = parsed.config;

const log = (line: object): void => {
	process.stdout.write(`${JSON.stringify(line)}\n`);
};

// The warehouse and the snapshots of a laptop are the only ones that there are.
const { snapshots, problems } = await readSnapshots(paths);
for (const problem of problems) log({ severity: 'WARNING', message: `snapshot refused: ${formatProblem(problem)}` });
const warehouse = await openDuckdb(database);

http('ingest', createIngest({ snapshots: createFileSnapshots(snapshots), warehouse, candidates, now: () => new Date(), log }));

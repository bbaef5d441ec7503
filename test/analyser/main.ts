/**
 * `npm run test:analyser [-- --columns] [-- --write]`: GoogleSQL's own analyser over every SQL file of schemas/, and over what the alert
 * function asks. Each must be right SQL for the columns that schemas/tables declares; what is asked of the warehouse must be restricted to partitions, or say that it reads all days;
 * and docs/warehouse.md must say what it costs. `--columns` prints what is read of each table, `--write` writes the page anew.
 *
 * The analyser is a package of its own, because it is 340 MB: skips where `npm ci --prefix test/analyser` was not run.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { STATEMENTS } from '../../functions/adapters/alert-store/statements.ts';
import { readSchemas, SCHEMAS } from '../../functions/adapters/schemas.ts';
import { createChecks } from '../servers/checks.ts';
import { meanBytes, SEED_ENTRIES, seedRows } from './bytes.ts';
import { CASES, type Case } from './cases.ts';
import { bytesOf, formatSection, type Priced, withSection } from './page.ts';
import { EXEMPTIONS, type Partitions, type Reach, reachOf, saysAllDays } from './partitions.ts';
import { type Analysed, createProject, readStatements } from './project.ts';
import { missing, startAnalyser } from './server.ts';
import { childrenOf, type Tree } from './tree.ts';

/** How many texts there are at least of each kind: raise it as they are added. It is what notices that a folder was not read. */
const FLOOR: Readonly<Record<string, number>> = { views: 11, queries: 10, rejudge: 5, routines: 1, alert: 11 };
/** What the alert function asks, as if it stood in files. */
const ALERT = new Map(Object.entries(STATEMENTS).map(([name, sql]) => [`alert/${name}`, sql] as const));
const PAGE = new URL('../../docs/warehouse.md', import.meta.url);

const { values } = parseArgs({ options: { columns: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } } });
const absent = missing();
if (absent) {
	console.log(`skipped: test/analyser/main.ts needs GoogleSQL: ${absent}`);
	console.log('0 passed, 0 failed');
	process.exit();
}

const { check, finish } = createChecks();
const schemas = await readSchemas();
const fields = schemas.tables.get('verdicts_v1') ?? [];
const partitioning: Partitions = JSON.parse(await readFile(new URL('partitions.json', SCHEMAS), 'utf8'));
const partitions = new Map(Object.entries(partitioning).flatMap(([table, { column }]) => (column === null ? [] : [[table, column]])));
const priced: Priced[] = [];
const analyser = await startAnalyser();
try {
	const project = createProject(analyser, { tables: schemas.tables, partitions });
	checkPartitions();
	checkFloor('views', schemas.views.size);
	for (const [name, sql] of schemas.views) {
		const { analysed, error } = await settle(project.addView(name, sql));
		check(analysed !== undefined, `views/${name}.sql is right${error ? `: ${error}` : ''}`);
		if (analysed) priced.push({ name, reads: analysed.reads });
	}
	checkExemptions(priced);
	// Functions first: what asks the warehouse may call them.
	for (const folder of ['routines', 'rejudge', 'queries', 'alert']) {
		const files = folder === 'alert' ? ALERT : await readStatements(folder);
		checkFloor(folder, files.size);
		for (const [name, sql] of files) {
			const { analysed, error } = await settle(project.addFile(name, sql));
			check(analysed !== undefined, `${name} is right${error ? `: ${error}` : ''}`);
			if (!analysed) continue;
			checkReach({ name, sql, reads: analysed.reads });
			for (const insertion of analysed.statements.filter(({ kind }) => kind === 'InsertStmt')) checkInsertion(name, insertion);
			if (analysed.reads.length > 0) priced.push({ name, reads: analysed.reads });
		}
	}
	for (const one of CASES) {
		const { analysed, error } = await settle(project.analyse(one.sql));
		checkCase(one, analysed ? reachOf(analysed.reads, partitioning).reach : (error ?? ''));
	}
} finally {
	analyser.stop();
}
await checkPage();
finish();

async function settle(work: Promise<Analysed>): Promise<{ readonly analysed?: Analysed; readonly error?: string }> {
	try {
		return { analysed: await work };
	} catch (error) {
		return { error: error instanceof Error ? error.message : String(error) };
	}
}

function checkFloor(folder: string, count: number): void {
	const least = FLOOR[folder] ?? 1;
	check(count >= least, `${folder}/ has ${count} texts of SQL, and at least ${least}`);
}

/** Every table says how it is partitioned, and those that are by a time. */
function checkPartitions(): void {
	check(partitioning['verdicts_v1']?.filter_required === true, 'verdicts_v1 requires a filter');
	for (const [table, fields] of schemas.tables) {
		const column = partitioning[table]?.column;
		const field = fields.find(({ name }) => name === column);
		const right = column === null || field?.type === 'TIMESTAMP';
		check(right, `schemas/partitions.json: ${table} is partitioned by ${column === null ? 'nothing' : `${column}, a time`}`);
	}
}

/** An exemption is for a table that allows it and for what a view does. */
function checkExemptions(views: readonly Priced[]): void {
	for (const { table, view, because } of EXEMPTIONS) {
		const read = views.find(({ name }) => name === view)?.reads.some((one) => one.table === table);
		check(partitioning[table]?.filter_required === false && read === true, `${view} reads all of ${table}: ${because}`);
	}
}

/** A statement of the project restricts what it reads, or says that it does not. What judges again runs by itself: it may not. */
function checkReach({ name, sql, reads }: Priced & { readonly sql: string }): void {
	const { reach, problems } = reachOf(reads, partitioning);
	const why = problems.length > 0 ? `: ${problems.join('; ')}` : '';
	if (reach === 'all-days' && name.startsWith('queries/')) check(saysAllDays(sql), `${name} reads all days, and says so under Cost${why}`);
	else check(reach === 'partitions', `${name} is restricted to partitions${why}`);
}

/** INSERT goes by the order of columns, and GoogleSQL compares their types only: two texts may have changed places. */
function checkInsertion(name: string, statement: Tree): void {
	const namesOf = (field: string) => childrenOf(statement, field).map((column) => column['name']);
	const given = namesOf('queryOutputColumnList');
	const misplaced = namesOf('insertColumnList').filter((column, index) => column !== given[index]);
	check(
		misplaced.length === 0,
		`${name} gives each column under its own name${misplaced.length > 0 ? `, but not ${misplaced.join(', ')}` : ''}`,
	);
}

function checkCase({ what, expected }: Case, answer: Reach | string): void {
	const right = typeof expected === 'string' ? answer === expected : expected.test(answer);
	const wanted = typeof expected === 'string' ? expected : `refused with ${expected.source}`;
	check(right, `case: ${what}: ${wanted}${right ? '' : `, and not: ${answer}`}`);
}

async function checkPage(): Promise<void> {
	const rows = await seedRows(JSON.parse(await readFile(SEED_ENTRIES, 'utf8')));
	const bytes = meanBytes(fields, rows);
	if (values.columns)
		for (const { name, reads } of priced)
			for (const read of reads) {
				const way = [...read.through, read.table].join(' > ');
				console.log(
					`${name} | ${way} | from ${read.bound?.lower ?? 'the first day'} to ${read.bound?.upper ?? 'the last'} | ${bytesOf([read], bytes)} bytes | ${read.columns.join(' ')}`,
				);
			}
	const page = await readFile(PAGE, 'utf8').catch(() => undefined);
	const wanted = withSection(page, formatSection(priced, { bytes, rows: rows.length }));
	if (values.write) await writeFile(PAGE, wanted);
	check(values.write || page === wanted, 'docs/warehouse.md says what is read; `npm run test:analyser -- --write` writes it');
}

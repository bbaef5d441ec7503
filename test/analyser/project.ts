/** The SQL of the project, analysed: what is in schemas/, in the order in which it can be created. */
import { readdir, readFile } from 'node:fs/promises';
import { type Field, SCHEMAS, type Schemas } from '../../functions/adapters/schemas.ts';
import { nameTables } from '../../functions/adapters/table-names.ts';
import { takeApart } from '../sql/guard.ts';
import { type Routine, type Table, TYPES, toCatalog, toRoutine, toTable, viewTable } from './catalog.ts';
import { findReads, type Read, type Warehouse } from './reads.ts';
import type { Analyser } from './server.ts';
import type { Tree } from './tree.ts';

/** Named parameters that the scheduler of queries gives; all others are texts. */
const PARAMETERS: Readonly<Record<string, string>> = { run_time: 'TIMESTAMP', run_date: 'DATE' };
/** The function that Terraform creates, unless a file does. */
const REMOTE: Routine = toRoutine({ name: 'rejudge', takes: ['STRING'], gives: 'STRING' });

/** What Terraform fills in, besides the dataset. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
	since: '2026-03-01',
	until: '2026-04-01',
	engine_version: '1.0.0',
	logs: 'logs',
};

const text = (name: string): Field => ({ name, type: 'STRING' });
const time = (name: string): Field => ({ name, type: 'TIMESTAMP' });
const record = (name: string, fields: readonly Field[]): Field => ({ name, type: 'RECORD', fields });

/** The table that a file knows as `logs`: not ours, so only the columns that Google documents and the file needs. */
const LOGS: Readonly<Record<string, readonly Field[]>> = {
	'rejudge/never_streamed_export.sql': [
		text('logName'),
		text('insertId'),
		time('timestamp'),
		time('receiveTimestamp'),
		record('resource', [text('type'), record('labels', ['project_id', 'location', 'cluster_name', 'node_name'].map(text))]),
		record('jsonPayload', [text('disposition'), record('connection', ['src_ip', 'dest_ip', 'protocol', 'direction'].map(text))]),
	],
	'rejudge/never_streamed_log_analytics.sql': [
		text('log_name'),
		text('insert_id'),
		time('timestamp'),
		time('receive_timestamp'),
		record('resource', [text('type'), { name: 'labels', type: 'JSON' }]),
		{ name: 'json_payload', type: 'JSON' },
	],
};

/** A file below routines/ is the body of a function, and says of which in its comment. */
const BODY = /^-- The body of the SQL function `(\w+\([^`]*\))`/;

export interface Analysed {
	readonly statements: readonly Tree[];
	readonly reads: readonly Read[];
}

export interface Project {
	/** Analyses a view and keeps it in the catalog; views are given in the order in which they read each other. */
	addView(name: string, sql: string): Promise<Analysed>;
	/** Analyses a file by its path below schemas/; a function that it defines stays in the catalog. */
	addFile(path: string, sql: string): Promise<Analysed>;
	/** Analyses one statement or several. Rejects with GoogleSQL's message, as the others do. */
	analyse(sql: string): Promise<Analysed>;
}

export function createProject(
	analyser: Analyser,
	{ tables, partitions }: Pick<Schemas, 'tables'> & Pick<Warehouse, 'partitions'>,
): Project {
	const known: Table[] = [...tables].map(([name, fields]) => toTable(name, fields));
	const routines = new Map([[REMOTE.name, REMOTE]]);
	const views = new Map<string, Tree>();
	const analyse = async (sql: string, more: readonly Table[] = []): Promise<Analysed> => {
		const analysis = { catalog: toCatalog([...known, ...more], [...routines.values()]), parameters: parametersOf(sql) };
		const statements = await analyser.analyse(fill(sql), analysis);
		for (const statement of statements) if (statement.kind === 'CreateFunctionStmt') addRoutine(statement);
		return { statements, reads: statements.flatMap((statement) => findReads(statement, { views, partitions })) };
	};
	const addRoutine = (statement: Tree): void => {
		const name = String((statement['namePath'] as readonly string[]).at(-1));
		routines.set(name, { name, signature: statement['signature'] });
	};
	return {
		analyse,
		addFile(path, sql) {
			const body = BODY.exec(sql)?.[1];
			const logs = LOGS[path];
			const { condition, statement } = takeApart(sql);
			const guarded = condition === undefined ? statement : `SELECT ${condition};\n${statement}`;
			return analyse(body ? `CREATE FUNCTION ${body} AS (${sql}\n)` : guarded, logs && [toTable('logs', logs)]);
		},
		async addView(name, sql) {
			const analysed = await analyse(sql);
			const [statement, ...more] = analysed.statements;
			if (statement?.kind !== 'QueryStmt' || more.length > 0) throw new Error(`the view ${name} is not one query`);
			known.push(viewTable(name, statement));
			views.set(name, statement);
			return analysed;
		},
	};
}

/** Throws where a placeholder is not known. */
function fill(sql: string): string {
	return nameTables(sql).replace(/\$\{(\w+)\}/g, (_, name: string) => {
		const value = PLACEHOLDERS[name];
		if (value === undefined) throw new Error(`the placeholder ${name} is not in test/analyser/project.ts`);
		return value;
	});
}

/** A name that stands in a comment or a text is declared too, which does no harm. */
function parametersOf(sql: string): Record<string, number> {
	const names = [...sql.matchAll(/(?<![@\w])@(\w+)/g)].map(([, name = '']) => name);
	return Object.fromEntries(names.map((name) => [name, TYPES[PARAMETERS[name] ?? 'STRING'] ?? 0]));
}

/** The SQL files below a folder of schemas/, by path; none where the folder is not there. */
export async function readStatements(folder: string): Promise<ReadonlyMap<string, string>> {
	const root = new URL(`${folder}/`, SCHEMAS);
	const names = await readdir(root, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
		if (error.code === 'ENOENT') return [];
		throw error;
	});
	const files = names.filter((name) => name.endsWith('.sql')).sort();
	const texts = await Promise.all(files.map((name) => readFile(new URL(name, root), 'utf8')));
	return new Map(files.map((name, index) => [`${folder}/${name}`, texts[index] ?? '']));
}

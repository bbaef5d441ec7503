import { readSchemas } from '../adapters/schemas.ts';
import { FINDINGS } from '../policy/finding.ts';
import type { Row } from '../ports.ts';
import type { Audit } from './audit.ts';
import { csvLine } from './csv.ts';
import { inRanges } from './database.ts';
import { jsonLine } from './json.ts';
import type { Output } from './output.ts';
import { type Group, MAX_GROUPS, renderTable, TABLE_COLUMNS } from './table.ts';

export const FORMATS = ['text', 'json', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

export const FAIL_ON = ['certain', 'likely', 'any'] as const;
export type FailOn = (typeof FAIL_ON)[number];

/** What was found, each entry counted once however often it was delivered. */
export interface Counts {
	readonly entries: number;
	/** By finding; only those that there are, in the order of FINDINGS. */
	readonly findings: ReadonlyMap<string, number>;
	/** Flagged entries that `--fail-on` counts: `any` all of them, `likely` those with a certainty, `certain` only the certain. */
	readonly flagged: Readonly<Record<FailOn, number>>;
}

/** How rows become text: `begin` stands before them. */
interface Formatter {
	readonly begin: string;
	row(row: Row): string;
}

export interface ResultSettings {
	readonly format: Format;
	readonly output: Output;
	/** Columns of the terminal. */
	readonly width: number;
	readonly signal: AbortSignal;
}

/** Writes what the view `verdicts` shows of the entries of the run, ordered by time, and counts them. */
export async function writeResults(audit: Audit, { format, output, width, signal }: ResultSettings): Promise<Counts> {
	const counts = await readCounts(audit);
	if (format === 'text') {
		const { groups, left } = await readGroups(audit);
		await output.write(renderTable(groups, { columns: width, left }));
		return counts;
	}
	const formatter = await createFormatter(format);
	await output.write(formatter.begin);
	const sql = `SELECT * FROM ${verdictsOf(audit, '*')} ORDER BY timestamp, entry_id`;
	for await (const row of audit.database.warehouse.scan(sql)) {
		if (signal.aborted || !output.isOpen()) break;
		await output.write(formatter.row(row));
	}
	return counts;
}

/** Entries of which there is more than one row. */
const REPEATED = 'SELECT entry_id FROM `${dataset}.verdicts_v1` GROUP BY entry_id HAVING COUNT(*) > 1';

/**
 * What the view `verdicts` shows of the entries of the run, as a subquery. The view is asked only for entries that have more than one row,
 * because it sorts all rows that it is asked for. Which entries are of the run the database knows: a set of their ids would take more memory
 * than all the rest.
 */
function verdictsOf({ rows }: Audit, columns: string): string {
	const all = rows.length === 1 && rows[0]?.from.verdicts === 0;
	const ofRun = all ? '' : ` AND entry_id IN (SELECT entry_id FROM \`\${dataset}.verdicts_v1\` WHERE ${inRanges(rows, 'verdicts')})`;
	return `(
  SELECT ${columns} FROM \`\${dataset}.verdicts_v1\` WHERE entry_id NOT IN (${REPEATED})${ofRun}
  UNION ALL
  SELECT ${columns} FROM \`\${dataset}.verdicts\` WHERE entry_id IN (${REPEATED})${ofRun}
)`;
}

async function readCounts(audit: Audit): Promise<Counts> {
	const byFinding = new Map<string, number>();
	const flagged = { any: 0, likely: 0, certain: 0 };
	let entries = 0;
	const from = verdictsOf(audit, 'finding, flagged, certainty');
	const sql = `SELECT finding, flagged, certainty, COUNT(*) AS entries FROM ${from} GROUP BY finding, flagged, certainty`;
	for (const row of await audit.database.warehouse.query(sql)) {
		const count = Number(row['entries']);
		const finding = String(row['finding']);
		entries += count;
		byFinding.set(finding, (byFinding.get(finding) ?? 0) + count);
		if (row['flagged'] !== true) continue;
		flagged.any += count;
		if (row['certainty'] !== null) flagged.likely += count;
		if (row['certainty'] === 'certain') flagged.certain += count;
	}
	return {
		entries,
		findings: new Map(FINDINGS.flatMap((finding) => (byFinding.has(finding) ? [[finding, byFinding.get(finding) ?? 0]] : []))),
		flagged,
	};
}

/**
 * Entries of one fingerprint that were observed in the same way are a group, named after the first of them. The flagged come first, if not
 * all can be shown. `first`: microseconds since the year 1, which sort as text, and the entry's id.
 */
const groupsSql = (audit: Audit): string => `SELECT
  COALESCE(CONCAT(disposition, ' ', fingerprint), CONCAT('entry ', entry_id)) AS problem,
  MIN(CONCAT(LPAD(CAST(UNIX_MICROS(timestamp) + 62135596800000000 AS STRING), ${MICROS_DIGITS}, '0'), entry_id)) AS first,
  LOGICAL_OR(flagged) AS flagged,
  COUNT(*) AS entries,
  COUNT(*) OVER () AS all_groups
FROM ${verdictsOf(audit, 'entry_id, timestamp, disposition, fingerprint, flagged')}
GROUP BY problem
ORDER BY flagged DESC, first
LIMIT ${MAX_GROUPS}`;

const MICROS_DIGITS = 18;

/** The groups that are shown, by time, and how many are not. Whole rows are read of the first entries alone. */
async function readGroups(audit: Audit): Promise<{ readonly groups: Group[]; readonly left: number }> {
	const { warehouse } = audit.database;
	const found = await warehouse.query(groupsSql(audit));
	if (found.length === 0) return { groups: [], left: 0 };
	const entriesOf = new Map(found.map((row) => [String(row['first']).slice(MICROS_DIGITS), Number(row['entries'])]));
	const parameters = Object.fromEntries([...entriesOf.keys()].map((id, index) => [`id${index}`, id]));
	const ids = Object.keys(parameters).map((name) => `@${name}`);
	const sql = `SELECT ${TABLE_COLUMNS.join(', ')} FROM \`\${dataset}.verdicts\` WHERE entry_id IN (${ids.join(', ')}) ORDER BY timestamp, entry_id`;
	const firsts = await warehouse.query(sql, parameters);
	const groups = firsts.map((first) => ({ first, entries: entriesOf.get(String(first['entry_id'])) ?? 0 }));
	return { groups, left: Number(found[0]?.['all_groups']) - groups.length };
}

async function createFormatter(format: Exclude<Format, 'text'>): Promise<Formatter> {
	const columns = await verdictColumns();
	return format === 'json'
		? { begin: '', row: (row) => jsonLine(pick(row, columns)) }
		: { begin: csvLine(columns), row: (row) => csvLine(columns.map((column) => row[column])) };
}

/** The columns of `verdicts` in the order of the schema. */
async function verdictColumns(): Promise<string[]> {
	const { tables } = await readSchemas();
	return (tables.get('verdicts_v1') ?? []).map(({ name }) => name);
}

const pick = (row: Row, columns: readonly string[]): Row => Object.fromEntries(columns.map((column) => [column, row[column] ?? null]));

/** The refused messages of a run. */
export interface Rejects {
	readonly count: number;
	/** The first of them, `reason: detail`. */
	readonly listed: readonly string[];
}

/** The refused messages of the run, as the view `rejects` shows them. */
export async function readRejects({ database, rows: ranges }: Audit, limit: number): Promise<Rejects> {
	const sql = `SELECT reason, detail, COUNT(*) OVER () AS all_rejects FROM \`\${dataset}.rejects\`
WHERE message_id IN (SELECT message_id FROM \`\${dataset}.rejects_v1\` WHERE ${inRanges(ranges, 'rejects')}) ORDER BY detail, message_id LIMIT ${limit}`;
	const rows = await database.warehouse.query(sql);
	return { count: Number(rows[0]?.['all_rejects'] ?? 0), listed: rows.map(({ reason, detail }) => `${reason}: ${detail}`) };
}

import { readSchemas } from '../adapters/schemas.ts';
import { FINDINGS } from '../policy/finding.ts';
import type { Row } from '../ports.ts';
import type { Audit } from './audit.ts';
import { csvLine } from './csv.ts';
import { jsonLine } from './json.ts';
import type { Output } from './output.ts';
import { addToGroups, type Group, renderTable, TABLE_COLUMNS } from './table.ts';

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

/** How rows become text: `begin` and `end` stand around them. */
interface Formatter {
	/** What is selected. */
	readonly columns: string;
	readonly begin: string;
	row(row: Row): string;
	end(): string;
}

export interface ResultSettings {
	readonly format: Format;
	readonly output: Output;
	/** Columns of the terminal. */
	readonly width: number;
	readonly signal: AbortSignal;
}

/** Writes the row that the view `verdicts` shows for each entry of the run, ordered by time, and counts them. */
export async function writeResults({ database, entryIds }: Audit, { format, output, width, signal }: ResultSettings): Promise<Counts> {
	const formatter = await createFormatter(format, width);
	const tally = createTally();
	await output.write(formatter.begin);
	const sql = `SELECT ${formatter.columns} FROM \`\${dataset}.verdicts\` ORDER BY timestamp, entry_id`;
	for await (const row of database.warehouse.scan(sql)) {
		if (signal.aborted) break;
		if (!entryIds.has(String(row['entry_id']))) continue;
		tally.add(row);
		if (output.isOpen()) await output.write(formatter.row(row));
	}
	await output.write(formatter.end());
	return tally.counts();
}

async function createFormatter(format: Format, width: number): Promise<Formatter> {
	switch (format) {
		case 'text': {
			const groups = new Map<string, Group>();
			const row = (row: Row): string => {
				addToGroups(groups, row);
				return '';
			};
			return { columns: TABLE_COLUMNS.join(', '), begin: '', row, end: () => renderTable([...groups.values()], width) };
		}
		case 'json': {
			const columns = await verdictColumns();
			return { columns: '*', begin: '', row: (row) => jsonLine(pick(row, columns)), end: () => '' };
		}
		case 'csv': {
			const columns = await verdictColumns();
			return { columns: '*', begin: csvLine(columns), row: (row) => csvLine(columns.map((column) => row[column])), end: () => '' };
		}
		default:
			return format satisfies never;
	}
}

/** The columns of `verdicts` in the order of the schema. */
async function verdictColumns(): Promise<string[]> {
	const { tables } = await readSchemas();
	return (tables.get('verdicts_v1') ?? []).map(({ name }) => name);
}

const pick = (row: Row, columns: readonly string[]): Row => Object.fromEntries(columns.map((column) => [column, row[column] ?? null]));

function createTally() {
	const byFinding = new Map<string, number>();
	const flagged = { any: 0, likely: 0, certain: 0 };
	let entries = 0;
	return {
		add(row: Row): void {
			entries++;
			const finding = String(row['finding']);
			byFinding.set(finding, (byFinding.get(finding) ?? 0) + 1);
			if (row['flagged'] !== true) return;
			flagged.any++;
			if (row['certainty'] !== null) flagged.likely++;
			if (row['certainty'] === 'certain') flagged.certain++;
		},
		counts: (): Counts => ({
			entries,
			findings: new Map(FINDINGS.flatMap((finding) => (byFinding.has(finding) ? [[finding, byFinding.get(finding) ?? 0]] : []))),
			flagged,
		}),
	};
}

export interface Reject {
	readonly reason: string;
	readonly detail: string;
}

/** The refused messages of the run, as the view `rejects` shows them. */
export async function readRejects({ database, rejectIds }: Audit): Promise<Reject[]> {
	if (rejectIds.size === 0) return [];
	const rejects: Reject[] = [];
	const sql = 'SELECT message_id, reason, detail FROM `${dataset}.rejects` ORDER BY detail, message_id';
	for await (const row of database.warehouse.scan(sql)) {
		if (rejectIds.has(String(row['message_id']))) rejects.push({ reason: String(row['reason']), detail: String(row['detail']) });
	}
	return rejects;
}

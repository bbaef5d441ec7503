/** The section of docs/warehouse.md that says what a query costs. */
import { spares } from './filter.ts';
import type { Read } from './reads.ts';

export interface Priced {
	/** `findings`, or the path of a query below schemas/. */
	readonly name: string;
	readonly reads: readonly Read[];
}

const TABLE = 'verdicts_v1';
const BEGIN = '<!-- npm run test:analyser -- --write writes from here -->';
const END = '<!-- to here -->';
const HEAD = '# The warehouse\n\n## What a query reads\n';
/** Columns above this many bytes are named. */
const LARGE = 100;

/** Bytes of a row of `verdicts_v1` that a statement reads: each time that it reads one. */
export function bytesOf(reads: readonly Read[], bytes: ReadonlyMap<string, number>): number {
	let sum = 0;
	for (const { table, columns } of reads) if (table === TABLE) for (const column of columns) sum += bytes.get(column) ?? 0;
	return Math.round(sum);
}

/** Of which days the rows are, by the worst of the reads. A read without a bound is a view's: it takes over what holds outside. */
function daysOf(reads: readonly Read[]): string {
	if (reads.some(({ bound }) => bound?.lower && !spares(bound))) return 'all';
	return reads.every(({ bound }) => bound?.lower) ? 'its own' : "its reader's";
}

/** A row a view and query. `rows` is how many rows the bytes are the mean of. */
export function formatSection(priced: readonly Priced[], { bytes, rows }: { bytes: ReadonlyMap<string, number>; rows: number }): string {
	const whole = [...bytes].filter(([name]) => !name.includes('.'));
	const large = whole.filter(([, size]) => size >= LARGE).sort(([, a], [, b]) => b - a);
	const lines = priced.map(({ name, reads }) => {
		const verdicts = reads.filter(({ table }) => table === TABLE);
		const others = [...new Set(reads.map(({ table }) => table).filter((table) => table !== TABLE))].sort();
		const cost = verdicts.length > 0 ? [String(bytesOf(reads, bytes)), String(verdicts.length), daysOf(verdicts)] : ['0', '0', ''];
		return `| ${[`\`${name}\``, ...cost, others.map((table) => `\`${table}\``).join(', ')].join(' | ')} |`;
	});
	return [
		BEGIN,
		'',
		`Bytes that a view or query reads of each row of \`${TABLE}\`, where every column that it gives is selected. Times the rows of a day, times the days, they are what BigQuery's on-demand price counts of this table. The days are those between the parameters or the times that the SQL names (its own), those that the filter of whoever asks leaves (its reader's), or all.`,
		'',
		`They are logical bytes, before BigQuery's minimum of 10 MB a table and query: a text has 2 and its UTF-8, a number or a time 8, a null none; the mean of the ${rows} entries of \`examples/seed\` as the ingest function writes them; rows with longer names and more evidence have twice that. Nested members of a repeated record are priced as columns of their own. A table that is read several times is counted each time, which BigQuery may do better. Which columns are needed, through all views, is in what GoogleSQL's analyser resolves. \`logs\` is the exported log. \`alert/…\` is what the alert function asks: \`problems\`, \`memory\` and \`silences\` in every run.`,
		'',
		`A whole row has ${Math.round(whole.reduce((sum, [, size]) => sum + size, 0))} bytes, most of them in ${large.map(([name, size]) => `\`${name}\` (${Math.round(size)})`).join(', ')}.`,
		'',
		'| SQL | bytes a row | reads | days | other tables |',
		'| --- | ---: | ---: | --- | --- |',
		...lines,
		'',
		END,
	].join('\n');
}

/** The page with another section; a new page where there is none. Throws where the page has lost its marks. */
export function withSection(page: string | undefined, section: string): string {
	if (page === undefined) return `${HEAD}\n${section}\n`;
	const from = page.indexOf(BEGIN);
	const to = page.indexOf(END);
	if (from < 0 || to < from) throw new Error(`docs/warehouse.md has no \`${BEGIN}\` before a \`${END}\``);
	return page.slice(0, from) + section + page.slice(to + END.length);
}

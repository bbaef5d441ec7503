import Table from 'cli-table3';
import type { Row } from '../ports.ts';
import { printable } from './terminal.ts';

/** Entries that are the same problem, observed in the same way. Named after the first of them. */
export interface Group {
	readonly first: Row;
	readonly entries: number;
}

/** The columns of `verdicts` that the table is made of. */
export const TABLE_COLUMNS = [
	'entry_id',
	'timestamp',
	'direction',
	'disposition',
	'protocol',
	'source_ip',
	'destination_ip',
	'destination_port',
	'subject_kind',
	'subject_namespace',
	'subject_name',
	'subject_workload',
	'peer_kind',
	'peer_namespace',
	'peer_name',
	'peer_workload',
	'finding',
	'flagged',
	'certainty',
	'constructs',
	'reasons',
	'summary',
	'fingerprint',
] as const;

/** Beyond, a table helps nobody. */
export const MAX_GROUPS = 100;
const HEAD = ['time (UTC)', 'observed', 'connection', 'finding', 'entries'];
/** Narrower, nothing is left for names; wider, lines are too long to read. */
const [MIN_WIDTH, MAX_WIDTH] = [80, 140];
/** The longest word of each column, and the padding. The connection takes what is left. */
const [TIME, OBSERVED, FINDING, ENTRIES] = [12, 10, 29, 9];

/**
 * The table, with the explanation under each finding that needs one. `columns`: the width of the terminal; `left`: how many groups are not
 * among these.
 */
export function renderTable(groups: readonly Group[], { columns, left }: { columns: number; left: number }): string {
	if (groups.length === 0) return '';
	const widths = widthsFor(Math.min(Math.max(columns, MIN_WIDTH), MAX_WIDTH));
	const table = new Table({ head: HEAD, colWidths: widths, wordWrap: true, style: { head: [], border: [] } });
	for (const group of groups) {
		table.push(cellsOf(group));
		if (needsWords(group)) table.push([{ content: printable(String(group.first['summary'])), colSpan: HEAD.length }]);
	}
	return `${table.toString()}\n${left > 0 ? `… and ${left} more; --format json has all of them.\n` : ''}`;
}

/** A flagged finding, one in which a construct took part, and one that names the policies it rests on: all but the plain and healthy. */
const needsWords = ({ first }: Group): boolean =>
	first['flagged'] === true || first['finding'] !== 'confirmed' || ((first['constructs'] as string[] | null) ?? []).length > 0;

function widthsFor(columns: number): number[] {
	const borders = HEAD.length + 1;
	return [TIME, OBSERVED, columns - borders - TIME - OBSERVED - FINDING - ENTRIES, FINDING, ENTRIES];
}

function cellsOf({ first, entries }: Group): Table.Cell[] {
	const texts = (column: string): string[] => (first[column] as string[] | null) ?? [];
	const certainty = first['certainty'] === null ? '' : `, ${first['certainty']}`;
	return [
		lines(String(first['timestamp']).slice(0, 19).split('T')),
		lines([String(first['direction']), String(first['disposition'])]),
		// Names have no blanks to break at, and are not to be cut.
		{ content: lines(connectionOf(first)), wrapOnWordBoundary: false },
		lines([`${first['flagged'] === true ? '! ' : ''}${first['finding']}${certainty}`, ...texts('constructs'), ...texts('reasons')]),
		String(entries),
	];
}

const lines = (texts: readonly string[]): string => texts.map(printable).join('\n');

function connectionOf(row: Row): string[] {
	const subject = endOf(row, 'subject');
	const peer = endOf(row, 'peer');
	const [source, destination] = row['direction'] === 'ingress' ? [peer, subject] : [subject, peer];
	const port = row['destination_port'] === null ? '' : ` ${row['destination_port']}`;
	return [`${source ?? row['source_ip']}`, `→ ${destination ?? row['destination_ip']}`, `${row['protocol']}${port}`];
}

/** The workload rather than the Pod: a group has Pods of one workload. */
function endOf(row: Row, prefix: 'subject' | 'peer'): string | undefined {
	const [namespace, workload, name] = [row[`${prefix}_namespace`], row[`${prefix}_workload`], row[`${prefix}_name`]];
	const known = workload ?? name ?? undefined;
	return known === undefined ? undefined : namespace ? `${namespace}/${known}` : `${row[`${prefix}_kind`]} ${known}`;
}

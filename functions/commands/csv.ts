import { stringify } from 'csv-stringify/sync';
import { printable } from './terminal.ts';

/**
 * A line of CSV. Records and arrays are JSON; times, numbers and booleans as in JSON; null is empty. A text that a spreadsheet would take
 * for a formula gets an apostrophe in front, and what is no printable character is spelled.
 */
export const csvLine = (cells: readonly unknown[]): string => stringify([cells.map(cell)], { escape_formulas: true });

function cell(value: unknown): string | number {
	if (value === null || value === undefined) return '';
	if (typeof value === 'string') return neutral(value);
	return typeof value === 'number' ? value : printable(JSON.stringify(value));
}

/** The library looks at the first character only: a tab or return there is spelled by now, a formula behind it must not be one. */
const neutral = (text: string): string => (/^[\t\r]/.test(text) ? `'${printable(text)}` : printable(text));

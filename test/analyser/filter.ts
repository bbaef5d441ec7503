/** What a filter says of a column, by the resolved tree: whether it bounds the column from below, and by what. */
import { childOf, childrenOf, functionOf, idOf, requireChild, type Tree } from './tree.ts';

/**
 * By what a column is bounded: by what is known when the query is asked (a parameter, the current time), or by what the SQL says for ever.
 * An upper bound alone spares nothing, all of history is below it; and a fixed lower one alone reads all days sooner or later.
 */
type By = 'moving' | 'fixed';

export interface Bound {
	readonly lower?: By | undefined;
	readonly upper?: By | undefined;
}

/** By column id. */
export type Bounds = ReadonlyMap<number, Bound>;

export const NO_BOUNDS: Bounds = new Map();

const LOWER: Readonly<Record<By, number>> = { fixed: 1, moving: 2 };

/** Both hold: the lower bound that spares more, and an upper one that is fixed, if there is one. */
export function addBound(bounds: Map<number, Bound>, id: number, { lower, upper }: Bound): void {
	const known = bounds.get(id) ?? {};
	const better = !known.lower || (lower && LOWER[lower] > LOWER[known.lower]) ? lower : known.lower;
	bounds.set(id, { lower: better, upper: known.upper === 'fixed' ? known.upper : (upper ?? known.upper) });
}

/** Whether it leaves a number of days that does not grow by itself: up to now from a time that moves, or between two fixed ones. */
export const spares = ({ lower, upper }: Bound): boolean => lower === 'moving' || (lower === 'fixed' && upper === 'fixed');

/** The bounds, and those that hold where the filter does. What stands under OR or NOT bounds nothing. */
export function withFilter(bounds: Bounds, filter: Tree | undefined): Bounds {
	const all = new Map(bounds);
	for (const { id, ...bound } of filter ? boundsOf(filter) : []) addBound(all, id, bound);
	return all;
}

interface ColumnBound extends Bound {
	readonly id: number;
}

function boundsOf(filter: Tree): readonly ColumnBound[] {
	const parts = childrenOf(filter, 'argumentList');
	const [left, right, upper] = parts;
	switch (functionOf(filter) ?? '') {
		case '$and':
			return parts.flatMap(boundsOf);
		case '$equal':
			return [...compare(left, { lower: [right], upper: [right] }), ...compare(right, { lower: [left], upper: [left] })];
		case '$greater':
		case '$greater_or_equal':
			return [...compare(left, { lower: [right] }), ...compare(right, { upper: [left] })];
		case '$less':
		case '$less_or_equal':
			return [...compare(left, { upper: [right] }), ...compare(right, { lower: [left] })];
		case '$between':
			return [...compare(left, { lower: [right] }), ...compare(left, { upper: [upper] })];
		case '$in':
			return compare(left, { lower: parts.slice(1), upper: parts.slice(1) });
		case '$in_array':
			return compare(left, { lower: [right], upper: [right] });
		default:
			return [];
	}
}

interface Sides {
	readonly lower?: readonly (Tree | undefined)[];
	readonly upper?: readonly (Tree | undefined)[];
}

/** BigQuery passes over partitions only where the other side is known before any row is read: no column in it, no subquery. */
function compare(column: Tree | undefined, { lower, upper }: Sides): readonly ColumnBound[] {
	const id = column && originOf(column);
	return id === undefined ? [] : [{ id, lower: constantOfAll(lower), upper: constantOfAll(upper) }];
}

function constantOfAll(values: readonly (Tree | undefined)[] | undefined): By | undefined {
	const all = values?.map((value) => value && constantOf(value)) ?? [undefined];
	if (all.includes(undefined)) return undefined;
	return all.includes('moving') ? 'moving' : 'fixed';
}

/** GoogleSQL's numbers of types. */
const DATE = 10;
const TIMESTAMP = 19;
const DATETIME = 21;
const TIMES = new Set([DATE, TIMESTAMP, DATETIME]);

/** The column that an expression is, or of which it is the day, hour, … in UTC, so that a bound of one is a bound of the other. */
export function originOf(expression: Tree): number | undefined {
	if (expression.kind === 'ColumnRef') return expression['isCorrelated'] ? undefined : idOf(expression);
	const parts = childrenOf(expression, 'argumentList');
	const [first] = parts;
	switch (functionOf(expression) ?? '') {
		case 'date':
		case '$extract_date':
			return first && parts.length === 1 && typeOf(first) === TIMESTAMP ? originOf(first) : undefined;
		case 'date_trunc':
		case 'timestamp_trunc':
			return first && parts.length === 2 ? originOf(first) : undefined;
		default: {
			const inner = expression.kind === 'Cast' ? childOf(expression, 'expr') : undefined;
			return inner && TIMES.has(typeOf(inner)) && TIMES.has(typeOf(expression)) ? originOf(inner) : undefined;
		}
	}
}

const typeOf = (expression: Tree): number => Number(childOf(expression, 'type')?.['typeKind']);

/** Functions whose value changes from row to row, though nothing goes into them. */
const PER_ROW = new Set(['rand', 'generate_uuid']);

/** What an expression that reads no row is made of; `undefined` where it reads one. */
function constantOf(expression: Tree): By | undefined {
	switch (expression.kind ?? '') {
		case 'Literal':
			return 'fixed';
		case 'Parameter':
			return 'moving';
		case 'Cast':
			return constantOf(requireChild(expression, 'expr'));
		case 'FunctionCall': {
			const name = functionOf(expression) ?? '';
			if (PER_ROW.has(name)) return undefined;
			const parts = constantOfAll(childrenOf(expression, 'argumentList'));
			return parts && name.startsWith('current_') ? 'moving' : parts;
		}
		default:
			return undefined;
	}
}

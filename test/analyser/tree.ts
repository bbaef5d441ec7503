/**
 * GoogleSQL's resolved tree as it is easy to read. As it comes over the wire, a node stands in one or more wrappers that say which kind it
 * is, what it inherits stands in a chain of parents, and numbers are pairs of halves.
 */

/** A node: its kind where it is one of several (`TableScan`, `FunctionCall`, …), and its own and inherited fields. */
export interface Tree {
	readonly kind?: string;
	readonly [field: string]: unknown;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Unwraps a node and everything below it. */
export function shapeTree(wire: unknown): Tree {
	return shape(wire) as Tree;
}

function shape(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(shape);
	if (!isObject(value) || value instanceof Uint8Array) return value;
	if ('low' in value && 'high' in value && 'unsigned' in value) return Number(value['low']) + Number(value['high']) * 2 ** 32;
	const wrapped = value['node'];
	if (typeof wrapped === 'string') {
		const inner = shape(value[wrapped]) as Tree;
		return { kind: kindOf(wrapped), ...inner };
	}
	const { parent, ...own } = value;
	const fields = Object.entries(own).map(([name, field]) => [name, shape(field)]);
	return { ...(isObject(parent) && shapeTree(parent)), ...Object.fromEntries(fields) };
}

/** `resolvedTableScanNode` is a TableScan. */
const kindOf = (wrapper: string): string => wrapper.replace(/^resolved/, '').replace(/Node$/, '');

/** The node in a field, if there is one. An empty wrapper is none. */
export function childOf(node: Tree, field: string): Tree | undefined {
	const child = node[field];
	return isObject(child) && Object.keys(child).length > 0 ? (child as Tree) : undefined;
}

/** The nodes in a field. */
export function childrenOf(node: Tree, field: string): readonly Tree[] {
	const children = node[field];
	return Array.isArray(children) ? children : [];
}

/** A node that must be there. Throws where it is not: then the tree is not what this reads. */
export function requireChild(node: Tree, field: string): Tree {
	const child = childOf(node, field);
	if (!child) throw new Error(`a ${node.kind ?? 'node'} without ${field}`);
	return child;
}

/** The number that a column has in its statement; takes the column, or what holds one. */
export function idOf(holder: Tree): number {
	const { columnId } = childOf(holder, 'column') ?? holder;
	if (typeof columnId !== 'number') throw new Error(`a ${holder.kind ?? 'node'} without a column`);
	return columnId;
}

/** The function's name without its group: `$equal`, `date`. */
export function functionOf(expression: Tree): string | undefined {
	const name = childOf(expression, 'function')?.['name'];
	return typeof name === 'string' ? name.replace(/^[^:]*:/, '') : undefined;
}

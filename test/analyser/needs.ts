/** Which columns, and which members of records, expressions of the resolved tree need. */
import { childOf, childrenOf, functionOf, idOf, requireChild, type Tree } from './tree.ts';

/** Members of a column's records that are needed; the empty name is all of it. */
export type Members = ReadonlySet<string>;

/** By column id. */
export type Needs = Map<number, Members>;

const WHOLE: Members = new Set(['']);

/** Where needs are noted. */
export interface Needing {
	readonly needs: Needs;
	/** Notes what a subquery reads. */
	readonly follow: (scan: Tree) => void;
}

export const needAll = (columns: readonly Tree[], { needs }: Needing): void => {
	for (const column of columns) addNeed(needs, { id: idOf(column), members: WHOLE });
};

export function addNeed(needs: Needs, { id, members }: { readonly id: number; readonly members: Members }): void {
	needs.set(id, new Set([...(needs.get(id) ?? []), ...members]));
}

/** Functions that give an element of their first argument. */
const ELEMENT = /^\$(safe_)?array_at_(offset|ordinal)$/;

/** Notes what an expression, or a list or node of expressions, needs of the columns in it, where those members of its value are needed. */
export function need(part: unknown, scope: Needing, members: Members = WHOLE): void {
	if (Array.isArray(part)) for (const one of part) need(one, scope);
	else if (typeof part === 'object' && part !== null && !(part instanceof Uint8Array)) needNode(part as Tree, { scope, members });
}

function needNode(node: Tree, { scope, members }: { readonly scope: Needing; readonly members: Members }): void {
	const [first, ...others] = childrenOf(node, 'argumentList');
	// Where only references can stand, they stand without a kind.
	if (node.kind === 'ColumnRef' || 'isCorrelated' in node) addNeed(scope.needs, { id: idOf(node), members });
	else if (node.kind === 'SubqueryExpr') needSubquery(node, scope);
	else if (node.kind === 'GetStructField') {
		const record = requireChild(node, 'expr');
		need(record, scope, new Set([memberOf(record, Number(node['fieldIdx']))]));
	} else if (first && ELEMENT.test(functionOf(node) ?? '')) {
		need(first, scope, members);
		need(others, scope);
	} else for (const value of Object.values(node)) need(value, scope);
}

function memberOf(record: Tree, index: number): string {
	const struct = childOf(requireChild(record, 'type'), 'structType');
	const name = struct && childrenOf(struct, 'field')[index]?.['fieldName'];
	if (typeof name !== 'string') throw new Error(`a record without a member ${index}`);
	return name;
}

const EXISTS = 2;

/** Correlated columns belong to the scope outside, which has the same numbers. What bounds those does not reach in here. */
function needSubquery(expression: Tree, scope: Needing): void {
	const subquery = requireChild(expression, 'subquery');
	need(expression['inExpr'], scope);
	if (expression['subqueryType'] !== EXISTS) needAll(childrenOf(subquery, 'columnList'), scope);
	scope.follow(subquery);
}

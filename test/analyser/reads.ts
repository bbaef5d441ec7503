/**
 * Which tables a statement reads, which columns of each, and which of the reads are restricted to partitions: found in GoogleSQL's resolved
 * tree, from the outside in, with every view in the place of its name. What is asked for outside (columns) and what holds outside (bounds)
 * is carried inwards as far as the tree lets it. A kind of node that is not here throws: silence would pass for an answer.
 */
import { addBound, type Bound, type Bounds, NO_BOUNDS, originOf, withFilter } from './filter.ts';
import { addNeed, type Members, type Needing, type Needs, need, needAll } from './needs.ts';
import { childOf, childrenOf, idOf, requireChild, type Tree } from './tree.ts';

export interface Read {
	readonly table: string;
	/** The views on the way to it, outermost first. */
	readonly through: readonly string[];
	/** What is needed, sorted: `timestamp`, and `evidence.role` where only some members of records are. */
	readonly columns: readonly string[];
	/** What bounds its partition column; `undefined` where nothing does, or the table has none. */
	readonly bound: Bound | undefined;
}

export interface Warehouse {
	/** Resolved statements by view. */
	readonly views: ReadonlyMap<string, Tree>;
	/** The column by which a table is partitioned. */
	readonly partitions: ReadonlyMap<string, string>;
}

/** One statement or view: columns have their numbers within it. */
interface Scope extends Warehouse, Needing {
	/** Scans by the name that WITH gives them. */
	readonly withs: Map<string, Tree>;
	readonly through: readonly string[];
	readonly reads: Read[];
}

/** A scan, what holds outside of it, and in its scope what is needed outside of it. */
interface Step {
	readonly scan: Tree;
	readonly bounds: Bounds;
	readonly scope: Scope;
}

export function findReads(statement: Tree, warehouse: Warehouse): readonly Read[] {
	const scope = createScope({ ...warehouse, needs: new Map(), withs: new Map(), through: [], reads: [] });
	for (const step of stepsOf(statement, scope)) follow(step);
	return scope.reads;
}

/** What holds outside of an expression does not reach the subqueries in it. */
function createScope(parts: Omit<Scope, 'follow'>): Scope {
	const scope: Scope = { ...parts, follow: (scan) => follow({ scan, bounds: NO_BOUNDS, scope }) };
	return scope;
}

/** Follows a scan inwards. */
function follow(step: Step): void {
	for (const inner of inside(step)) follow(inner);
}

/** What a statement begins with. */
function stepsOf(statement: Tree, scope: Scope): readonly Step[] {
	const start = (field: string, bounds = NO_BOUNDS): Step[] => {
		const scan = childOf(statement, field);
		return scan ? [{ scan, bounds, scope }] : [];
	};
	switch (statement.kind ?? '') {
		case 'QueryStmt':
			needAll(childrenOf(statement, 'outputColumnList'), scope);
			return start('query');
		case 'InsertStmt':
			// What it inserts into is not read.
			needAll(childrenOf(statement, 'queryOutputColumnList'), scope);
			need(statement['rowList'], scope);
			return start('query');
		case 'UpdateStmt':
		case 'DeleteStmt':
		case 'MergeStmt': {
			// A change reads the rows among which it looks for those to change.
			const { tableScan: _, fromScan: __, ...rest } = statement;
			need(rest, scope);
			const bounds = withFilter(NO_BOUNDS, childOf(statement, statement.kind === 'MergeStmt' ? 'mergeExpr' : 'whereExpr'));
			// Where only a table can stand, it stands without a kind.
			const scan = { ...requireChild(statement, 'tableScan'), kind: 'TableScan' };
			return [{ scan, bounds, scope }, ...start('fromScan', bounds)];
		}
		case 'CreateFunctionStmt':
			need(statement['functionExpression'], scope);
			return [];
		default:
			throw new Error(`test/analyser/reads.ts does not know what a ${statement.kind} reads`);
	}
}

/** What a scan is made of. */
function inside(step: Step): readonly Step[] {
	const { scan, bounds, scope } = step;
	const input = (inner: Bounds): Step[] => [{ scan: requireChild(scan, 'inputScan'), bounds: inner, scope }];
	switch (scan.kind ?? '') {
		case 'TableScan':
			return insideTable(step);
		case 'SingleRowScan':
			return [];
		case 'FilterScan':
			need(scan['filterExpr'], scope);
			return input(withFilter(bounds, childOf(scan, 'filterExpr')));
		case 'OrderByScan':
			need(scan['orderByItemList'], scope);
			return input(bounds);
		case 'LimitOffsetScan':
			// A filter outside cannot go below: it would change which rows are counted.
			return input(NO_BOUNDS);
		case 'ProjectScan':
			return input(compute(childrenOf(scan, 'exprList'), step));
		case 'AggregateScan':
			return input(boundsOfGroups(step));
		case 'AnalyticScan':
			return input(boundsOfWindows(step));
		case 'ArrayScan':
			needArray(scan, scope);
			return childOf(scan, 'inputScan') ? input(bounds) : [];
		case 'JoinScan':
			return insideJoin(step);
		case 'SetOperationScan':
			return insideSet(step);
		case 'WithScan':
			return insideWith(step);
		case 'WithRefScan':
			return insideWithRef(step);
		default:
			throw new Error(`test/analyser/reads.ts does not know what a ${scan.kind} reads`);
	}
}

/** Computed columns need their expressions where they are needed themselves, and bound the columns that they are made of. */
function compute(computed: readonly Tree[], { bounds, scope }: Pick<Step, 'bounds' | 'scope'>): Bounds {
	const inner = new Map(bounds);
	for (const column of computed) {
		const id = idOf(column);
		const members = scope.needs.get(id);
		if (members) need(column['expr'], scope, members);
		const bound = bounds.get(id);
		const origin = originOf(requireChild(column, 'expr'));
		if (bound && origin !== undefined) addBound(inner, origin, bound);
	}
	return inner;
}

const only = (bounds: Bounds, ids: readonly number[]): Bounds => new Map([...bounds].filter(([id]) => ids.includes(id)));

/** Of rows in groups only what all rows of a group share can be asked of each row. */
function boundsOfGroups({ scan, bounds, scope }: Step): Bounds {
	const groups = childrenOf(scan, 'groupByList');
	needAll(groups, scope);
	compute(childrenOf(scan, 'aggregateList'), { bounds: NO_BOUNDS, scope });
	const shared = childrenOf(scan, 'groupingSetList').length > 0 ? [] : groups.map(idOf);
	return compute(groups, { bounds: only(bounds, shared), scope });
}

/** A window looks at other rows: a filter goes below only if it keeps or drops whole partitions of every window. */
function boundsOfWindows({ scan, bounds, scope }: Step): Bounds {
	let inner = bounds;
	for (const group of childrenOf(scan, 'functionGroupList')) {
		const partition = childOf(group, 'partitionBy');
		const columns = partition ? childrenOf(partition, 'partitionByList') : [];
		inner = only(inner, columns.map(idOf));
		const functions = childrenOf(group, 'analyticFunctionList');
		if (functions.some((column) => scope.needs.has(idOf(column)))) need([columns, group['orderBy']], scope);
		compute(functions, { bounds: NO_BOUNDS, scope });
	}
	return inner;
}

function needArray(scan: Tree, scope: Scope): void {
	// The condition first: it may need members too.
	need(scan['joinExpr'], scope);
	need(scan['arrayExpr'], scope, scope.needs.get(idOf(requireChild(scan, 'elementColumn'))));
}

/** INNER, LEFT, RIGHT, FULL: which sides keep the rows that match nothing. */
const KEPT: readonly { readonly left: boolean; readonly right: boolean }[] = [
	{ left: false, right: false },
	{ left: true, right: false },
	{ left: false, right: true },
	{ left: true, right: true },
];

/** What holds outside reaches a side unless the other side's rows are kept without it; the condition, unless its own are. */
function insideJoin({ scan, bounds, scope }: Step): readonly Step[] {
	const condition = childOf(scan, 'joinExpr');
	const kept = KEPT[Number(scan['joinType'])];
	if (!kept) throw new Error(`test/analyser/reads.ts does not know the join ${scan['joinType']}`);
	need(condition, scope);
	const outside = (otherKept: boolean): Bounds => (otherKept ? NO_BOUNDS : bounds);
	return [
		{ scan: requireChild(scan, 'leftScan'), bounds: withFilter(outside(kept.right), kept.left ? undefined : condition), scope },
		{ scan: requireChild(scan, 'rightScan'), bounds: withFilter(outside(kept.left), kept.right ? undefined : condition), scope },
	];
}

const UNION_ALL = 0;

function insideSet({ scan, bounds, scope }: Step): readonly Step[] {
	const outside = childrenOf(scan, 'columnList');
	// All others compare rows.
	if (scan['opType'] !== UNION_ALL) needAll(outside, scope);
	return childrenOf(scan, 'inputItemList').map((item) => {
		const inner = rename({ outside, inside: childrenOf(item, 'outputColumnList'), needs: scope.needs, bounds });
		for (const [id, members] of inner.needs) addNeed(scope.needs, { id, members });
		return { scan: requireChild(item, 'scan'), bounds: inner.bounds, scope };
	});
}

function insideWith({ scan, bounds, scope }: Step): readonly Step[] {
	if (scan['recursive']) throw new Error('test/analyser/reads.ts does not know what WITH RECURSIVE reads');
	for (const entry of childrenOf(scan, 'withEntryList'))
		scope.withs.set(String(entry['withQueryName']), requireChild(entry, 'withSubquery'));
	return [{ scan: requireChild(scan, 'query'), bounds, scope }];
}

/** Each time that its name is used, a WITH query is read anew, for what is needed there. */
function insideWithRef({ scan, bounds, scope }: Step): readonly Step[] {
	const subquery = scope.withs.get(String(scan['withQueryName']));
	if (!subquery) throw new Error(`no WITH query ${scan['withQueryName']}`);
	const inner = rename({ outside: childrenOf(scan, 'columnList'), inside: childrenOf(subquery, 'columnList'), needs: scope.needs, bounds });
	return [{ scan: subquery, bounds: inner.bounds, scope: createScope({ ...scope, needs: inner.needs }) }];
}

interface Renaming {
	readonly outside: readonly Tree[];
	/** In the order of those outside. */
	readonly inside: readonly (Tree | undefined)[];
	readonly needs: Needs;
	readonly bounds: Bounds;
}

/** What is needed and what holds, in the column numbers of the inside. */
function rename({ outside, inside, needs, bounds }: Renaming): { readonly needs: Needs; readonly bounds: Bounds } {
	const innerNeeds: Needs = new Map();
	const innerBounds = new Map<number, Bound>();
	for (const [index, column] of outside.entries()) {
		const other = inside[index];
		const members = needs.get(idOf(column));
		const bound = bounds.get(idOf(column));
		if (!other) throw new Error(`column ${index} has nothing inside`);
		if (members) addNeed(innerNeeds, { id: idOf(other), members });
		if (bound) addBound(innerBounds, idOf(other), bound);
	}
	return { needs: innerNeeds, bounds: innerBounds };
}

/** A view is gone into; a table is where a way ends. */
function insideTable({ scan, bounds, scope }: Step): readonly Step[] {
	const table = String(requireChild(scan, 'table')['name']);
	const outside = childrenOf(scan, 'columnList');
	const view = scope.views.get(table);
	if (!view) {
		const partition = outside.find((column) => column['name'] === scope.partitions.get(table));
		const columns = outside.flatMap((column) => membersOf(String(column['name']), scope.needs.get(idOf(column)))).sort();
		scope.reads.push({ table, through: scope.through, columns, bound: partition && bounds.get(idOf(partition)) });
		return [];
	}
	const outputs = childrenOf(view, 'outputColumnList');
	const inside = (scan['columnIndexList'] as readonly number[]).map((index) => outputs[index]);
	const inner = rename({ outside, inside, needs: scope.needs, bounds });
	const innerScope = createScope({ ...scope, needs: inner.needs, withs: new Map(), through: [...scope.through, table] });
	return [{ scan: requireChild(view, 'query'), bounds: inner.bounds, scope: innerScope }];
}

function membersOf(column: string, members: Members | undefined): string[] {
	if (!members) return [];
	return members.has('') ? [column] : [...members].map((member) => `${column}.${member}`);
}

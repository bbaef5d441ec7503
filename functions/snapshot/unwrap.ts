import { type Fields, field, isFields } from '../policy/fields.ts';

/** An object out of a document, and its path in it: empty where it is the whole document. */
export interface Unwrapped {
	readonly object: Fields;
	readonly path: string;
	/** It comes from a list that an API server answered with. */
	readonly live: boolean;
}

/** A page of a list that goes on elsewhere, or the last one. */
export interface Page {
	/** Of its items. */
	readonly apiVersion: string;
	readonly kind: string;
	/** There are more pages; how many objects they hold, where the server said so. */
	readonly continues: boolean;
	readonly remaining: number | undefined;
}

export interface Visitor {
	object(found: Unwrapped): void;
	page(page: Page, path: string): void;
	/** What is neither an object nor a list of them. Its content is not shown: it may be anything. */
	strange(path: string, what: string): void;
}

/** Lists in lists are legal; nobody nests them deeper than this. */
const MAX_DEPTH = 8;
const NESTED = 'is nested too deep';

/** Visits each object of a document: the document itself, or the items of a List, of a typed list such as PodList, or of an array. */
export function unwrap(document: unknown, visitor: Visitor): void {
	walk(document, { visitor, path: '', above: [], live: false });
}

interface Step {
	readonly visitor: Visitor;
	readonly path: string;
	/** The lists around it. A YAML alias can put a list into itself. */
	readonly above: readonly unknown[];
	readonly live: boolean;
}

function walk(value: unknown, step: Step): void {
	// An empty YAML document, such as what a trailing `---` leaves.
	if (value === null || value === undefined) return;
	const { visitor, path } = step;
	if (step.above.length > MAX_DEPTH || step.above.includes(value)) visitor.strange(path, NESTED);
	else if (Array.isArray(value)) {
		for (const [index, item] of value.entries()) walk(item, { ...step, path: `${path}[${index}]`, above: [...step.above, value] });
	} else if (!isFields(value)) visitor.strange(path, `is no Kubernetes object, but a ${typeof value}`);
	else if (isList(value)) walkList(value, step);
	else visitor.object({ object: value, path, live: step.live });
}

function isList(object: Fields): boolean {
	const kind = field(object, 'kind');
	if (typeof kind === 'string') return kind.endsWith('List') && Object.hasOwn(object, 'items');
	return kind === undefined && Array.isArray(field(object, 'items'));
}

function walkList(list: Fields, step: Step): void {
	const { visitor, path } = step;
	const items = field(list, 'items') ?? [];
	const itemsPath = path === '' ? 'items' : `${path}.items`;
	if (!Array.isArray(items)) {
		visitor.strange(itemsPath, 'is no list');
		return;
	}
	if (step.above.includes(items)) {
		visitor.strange(itemsPath, NESTED);
		return;
	}
	const typed = typeOfItems(list);
	const metadata = field(list, 'metadata');
	const version = isFields(metadata) ? field(metadata, 'resourceVersion') : undefined;
	const live = step.live || (typeof version === 'string' && version !== '');
	if (typed && isFields(metadata)) visitor.page({ ...typed, ...pageOf(metadata) }, path);
	for (const [index, item] of items.entries()) {
		// "Items of built-in lists carry no kind": theirs is the list's.
		const object = typed && isFields(item) && field(item, 'kind') === undefined ? { ...item, ...typed } : item;
		walk(object, { visitor, path: `${itemsPath}[${index}]`, above: [...step.above, items], live });
	}
}

function typeOfItems(list: Fields): { apiVersion: string; kind: string } | undefined {
	const kind = field(list, 'kind');
	const apiVersion = field(list, 'apiVersion');
	return typeof kind === 'string' && typeof apiVersion === 'string' && kind !== 'List'
		? { apiVersion, kind: kind.slice(0, -4) }
		: undefined;
}

function pageOf(metadata: Fields): Pick<Page, 'continues' | 'remaining'> {
	const token = field(metadata, 'continue');
	const remaining = field(metadata, 'remainingItemCount');
	return { continues: typeof token === 'string' && token !== '', remaining: typeof remaining === 'number' ? remaining : undefined };
}

import { type Fields, field, formatRemark, isFields, type Remark } from '../policy/fields.ts';
import type { ClusterFacts, ClusterState } from '../policy/model.ts';
import { canonicalJson, canonicalState } from './canonical.ts';
import { isClusterDescription, parseClusterFacts } from './facts.ts';
import { treatmentOf } from './kinds.ts';
import { append, type Place, type Problem } from './problem.ts';
import { type List, NAMELESS, reduceObject, refusal } from './reduce.ts';
import { type Unwrapped, unwrap } from './unwrap.ts';

/** Where a document comes from: a file, or the path of an API list. */
export interface Origin {
	readonly file: string;
	/** Line and column of a path in the document, where they are known. */
	readonly locate?: (path: string) => Pick<Place, 'line' | 'column'> | undefined;
	/** Objects of a cluster, whatever they look like. */
	readonly live?: boolean;
}

export interface Reduced {
	/** Canonical: sorted, and equal for equal objects in whatever order. */
	readonly state: ClusterState;
	/** What was refused. */
	readonly problems: readonly Problem[];
	/** What was taken, and yet probably not meant: a field that does not exist, an object that another one replaced. */
	readonly warnings: readonly Problem[];
	/** Objects of kinds that are none of a snapshot's business, by kind. */
	readonly ignored: ReadonlyMap<string, number>;
	/** Where each NetworkPolicy stands, readable or not, by `namespace/name`. */
	readonly origins: ReadonlyMap<string, Place>;
	/** Objects and cluster descriptions that the state is made of. */
	readonly count: number;
}

/** Takes documents, one at a time, and gives the state that their objects make. */
export interface Reducer {
	/** A parsed document of any shape: an object, a list, or an array of both. Never throws. */
	add(document: unknown, origin: Origin): void;
	/** Takes over all that another reducer has, as if its documents came after those that were added here. */
	absorb(other: Reducer): void;
	/** What the cluster description says, where there was one. */
	cluster(): ClusterFacts | undefined;
	finish(): Reduced;
	readonly gathered: Gathered;
}

interface Gathered {
	readonly kept: Map<string, Kept>;
	readonly problems: Problem[];
	readonly warnings: Problem[];
	readonly ignored: Map<string, number>;
	/** Of lists in pages: what to say of a kind of which no page is the last. */
	readonly pages: { readonly kind: string; readonly unfinished: Problem | undefined }[];
}

interface Kept {
	readonly list: List;
	readonly value: unknown;
	readonly place: Place;
	/** How messages call it. */
	readonly label: string;
}

/** Reduces raw Kubernetes objects to the state of a snapshot. The later of two objects with the same kind, namespace and name wins. */
export function createReducer(): Reducer {
	const gathered: Gathered = { kept: new Map(), problems: [], warnings: [], ignored: new Map(), pages: [] };
	return {
		gathered,
		add(document, origin) {
			unwrap(document, {
				object: (found) => addObject(found, { origin, gathered }),
				page({ apiVersion, kind, continues, remaining }, path) {
					if (treatmentOf({ apiVersion, kind }).as === 'ignored') return;
					const missing = remaining === undefined ? 'the rest is' : `${remaining} more are`;
					const message = `is one page of a list of kind ${kind}, and no file has its last page: ${missing} missing`;
					gathered.pages.push({ kind, unfinished: continues ? { ...placeOf(origin, path), message } : undefined });
				},
				strange: (path, message) => gathered.problems.push({ ...placeOf(origin, path), message: path ? `${path}: ${message}` : message }),
			});
		},
		absorb(other) {
			const { kept, problems, warnings, ignored, pages } = other.gathered;
			for (const [key, item] of kept) keep(gathered, key, item);
			append(gathered.problems, problems);
			append(gathered.warnings, warnings);
			append(gathered.pages, pages);
			for (const [kind, number] of ignored) ignore(gathered, kind, number);
		},
		cluster: () => gathered.kept.get(CLUSTER)?.value as ClusterFacts | undefined,
		finish() {
			const { kept, warnings, ignored } = gathered;
			const unfinished = unfinishedLists(gathered);
			const problems = [...gathered.problems, ...unfinished.values()];
			return {
				state: assemble([...kept.values()], [...unfinished.keys()]),
				problems,
				warnings,
				ignored,
				origins: originsOf(kept.values()),
				count: kept.size,
			};
		},
	};
}

/** The key of the cluster description, of which a snapshot has one. */
const CLUSTER = 'cluster description';

function addObject({ object, path, live }: Unwrapped, { origin, gathered }: { origin: Origin; gathered: Gathered }): void {
	const place = (inner: string): Place => placeOf(origin, path && inner ? `${path}.${inner}` : path || inner);
	if (isClusterDescription(object)) {
		keep(gathered, CLUSTER, { list: 'cluster', value: parseClusterFacts(object), place: place(''), label: CLUSTER });
		return;
	}
	const treatment = treatmentOf(object);
	if (treatment.as === 'ignored') {
		ignore(gathered, treatment.kind, 1);
		return;
	}
	const label = labelOf(object, path);
	const labelled = (remark: Remark): Problem => ({ ...place(remark.path), message: `${label}: ${formatRemark(remark)}` });
	const knownLive = live || origin.live === true;
	const reduced = treatment.as === 'refused' ? refusal(treatment.remark) : reduceObject(object, treatment, knownLive);
	gathered.problems.push(...reduced.problems.map(labelled));
	gathered.warnings.push(...reduced.warnings.map(labelled));
	if (reduced.list) keep(gathered, reduced.key, { list: reduced.list, value: reduced.value, place: place(''), label });
}

const ignore = ({ ignored }: Gathered, kind: string, number: number): Map<string, number> =>
	ignored.set(kind, (ignored.get(kind) ?? 0) + number);

/** The same object again, as in a list and in a page of it, is nothing to speak of. */
function keep({ kept, warnings }: Gathered, key: string, next: Kept): void {
	const before = kept.get(key);
	if (before && canonicalJson([before.list, before.value]) !== canonicalJson([next.list, next.value])) {
		const message = `${next.label}: replaces another object with the same kind, namespace and name, in ${spellPlace(before.place)}`;
		warnings.push({ ...next.place, message });
	}
	kept.set(key, next);
}

/** One message a kind of which there are pages, but not the last one. */
function unfinishedLists({ pages }: Gathered): ReadonlyMap<string, Problem> {
	const complete = new Set(pages.filter(({ unfinished }) => !unfinished).map(({ kind }) => kind));
	const open = new Map<string, Problem>();
	for (const { kind, unfinished } of pages) if (unfinished && !complete.has(kind)) open.set(kind, unfinished);
	return open;
}

function placeOf({ file, locate }: Origin, path: string): Place {
	return { file, ...locate?.(path), ...(path !== '' && { path }) };
}

const spellPlace = ({ file, line, path }: Place): string => (line === undefined ? (path ? `${file} (${path})` : file) : `${file}:${line}`);

/** `NetworkPolicy shop/web`, as far as it can be read; by its path where it has no name. */
function labelOf(object: Fields, path: string): string {
	const metadata = field(object, 'metadata');
	const text = (key: string): string => {
		const value = isFields(metadata) ? field(metadata, key) : undefined;
		return typeof value === 'string' ? value.slice(0, 253) : '';
	};
	const kind = field(object, 'kind');
	const name = text('name') || text('generateName');
	const who =
		name === '' ? (path === '' ? NAMELESS : `${NAMELESS} at ${path}`) : text('namespace') === '' ? name : `${text('namespace')}/${name}`;
	return `${typeof kind === 'string' ? kind.slice(0, 253) : 'object'} ${who}`;
}

/** `unfinished`: the kinds of lists whose end is missing. Of policies it matters that there may be more; other objects are missed by name. */
function assemble(kept: readonly Kept[], unfinished: readonly string[]): ClusterState {
	const ofList = (list: Kept['list']) => kept.filter((item) => item.list === list).map((item) => item.value);
	const cluster = ofList('cluster')[0] as ClusterFacts | undefined;
	const networkLogging = ofList('networkLogging')[0];
	return canonicalState({
		...(cluster && { cluster }),
		namespaces: ofList('namespaces') as ClusterState['namespaces'],
		nodes: ofList('nodes') as ClusterState['nodes'],
		pods: ofList('pods') as ClusterState['pods'],
		services: ofList('services') as ClusterState['services'],
		policies: ofList('policies') as ClusterState['policies'],
		unreadablePolicies: ofList('unreadablePolicies') as ClusterState['unreadablePolicies'],
		otherPolicies: ofList('otherPolicies') as ClusterState['otherPolicies'],
		unreadableKinds: unfinished.filter((kind) => kind.includes('Polic')),
		...(networkLogging !== undefined && { networkLogging }),
	});
}

function originsOf(kept: Iterable<Kept>): Map<string, Place> {
	const origins = new Map<string, Place>();
	for (const { list, value, place } of kept) {
		if (list !== 'policies' && list !== 'unreadablePolicies') continue;
		const { namespace, name } = value as { namespace: string; name: string };
		origins.set(`${namespace}/${name}`, place);
	}
	return origins;
}

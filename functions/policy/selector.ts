import type { LabelRequirement, LabelSelector, Labels } from './model.ts';
import { ALL, CILIUM, CILIUM_FROM_1_15, CILIUM_FROM_1_20, type Mask, NONE } from './semantics.ts';
import { shared } from './shared.ts';

/** The value of a key that the object has not got, and of one whose value no selector mentions. Mentioned values count from 2. */
const ABSENT = 0;
const UNMENTIONED = 1;

/**
 * Label keys and values that some selector mentions, numbered. Objects that differ in other labels only are the same to every selector:
 * that is what makes the identities of a cluster few.
 */
export interface Vocabulary {
	readonly keys: Map<string, { readonly index: number; readonly values: Map<string, number>; readonly hidden: Mask }>;
	/** Pod labels can be hidden from Cilium's identities; labels of Namespaces never are. */
	readonly filtered: boolean;
	/** Selectors by their content: equal ones are one object, so that few of them are many policies' selectors. */
	readonly compiled: Map<string, CompiledSelector>;
	/** The numbers of label sets by their content, and the sets by their number. */
	readonly numbers: Map<string, LabelSet>;
	readonly sets: (readonly number[])[];
}

/** All that any selector can see of an object's labels, as a number: the ids of the values of each mentioned key stand in `sets`. */
export type LabelSet = number;

/** One requirement, as the mask under which it matches for each value id of its key. */
interface Requirement {
	readonly key: number;
	readonly masks: Mask[];
}

export interface CompiledSelector {
	/** ANDed; empty matches everything under every semantics. */
	readonly requirements: readonly Requirement[];
	/** What it answers for each label set; UNASKED where that was not asked for yet. A cluster has few of both. */
	readonly answers: Mask[];
	readonly sets: Vocabulary['sets'];
}
const UNASKED = -1;

export const createVocabulary = (filtered: boolean): Vocabulary => ({
	keys: new Map(),
	filtered,
	compiled: new Map(),
	numbers: new Map(),
	sets: [],
});

/**
 * Keys that are no part of a Cilium identity. Cilium's default label filter, whose expressions are anchored at the start only
 * (pkg/labelsfilter); the later ones were added in 1.15 and 1.20.
 */
const HIDDEN_PREFIXES: readonly (readonly [string, Mask])[] = [
	['pod-template-hash', CILIUM],
	['pod-template-generation', CILIUM],
	['controller-revision-hash', CILIUM],
	['io.kubernetes', CILIUM],
	['kubernetes.io', CILIUM],
	['k8s.io', CILIUM],
	['annotation', CILIUM],
	['etcd_node', CILIUM],
	['statefulset.kubernetes.io/pod-name', CILIUM_FROM_1_15],
	['apps.kubernetes.io/pod-index', CILIUM_FROM_1_15],
	['batch.kubernetes.io/job-completion-index', CILIUM_FROM_1_15],
	['batch.kubernetes.io/controller-uid', CILIUM_FROM_1_15],
	['controller-uid', CILIUM_FROM_1_15],
	['topology.kubernetes.io', CILIUM_FROM_1_20],
];

/** The semantics under which a Pod's label of that key is no part of its identity, so that selectors do not see it. */
export function hiddenUnder(key: string): Mask {
	if (key.includes('beta.kubernetes.io')) return CILIUM;
	let mask = NONE;
	for (const [prefix, since] of HIDDEN_PREFIXES) if (key.startsWith(prefix)) mask |= since;
	return mask;
}

function keyOf(vocabulary: Vocabulary, key: string) {
	let entry = vocabulary.keys.get(key);
	if (!entry) {
		entry = { index: vocabulary.keys.size, values: new Map(), hidden: vocabulary.filtered ? hiddenUnder(key) : NONE };
		vocabulary.keys.set(key, entry);
	}
	return entry;
}

/** First reading of a selector: numbers its keys and values. All selectors are mentioned before the first is compiled. */
export function mention(vocabulary: Vocabulary, selector: LabelSelector): void {
	for (const [key, value] of Object.entries(selector.matchLabels)) mentionValue(keyOf(vocabulary, key).values, value);
	for (const { key, values } of selector.matchExpressions) {
		const entry = keyOf(vocabulary, key);
		for (const value of values) mentionValue(entry.values, value);
	}
}

function mentionValue(values: Map<string, number>, value: string): void {
	if (!values.has(value)) values.set(value, values.size + UNMENTIONED + 1);
}

/** Compiles a selector whose keys and values were all mentioned. */
export function compileSelector(vocabulary: Vocabulary, selector: LabelSelector): CompiledSelector {
	const fromLabels = Object.entries(selector.matchLabels).map(
		([key, value]): LabelRequirement => ({ key, operator: 'In', values: [value] }),
	);
	const requirements = [...fromLabels, ...selector.matchExpressions];
	const content = JSON.stringify(requirements.map(({ key, operator, values }) => [key, operator, values]));
	return shared(vocabulary.compiled, content, () => ({
		requirements: requirements.map((requirement) => compileRequirement(vocabulary, requirement)),
		answers: [],
		sets: vocabulary.sets,
	}));
}

function compileRequirement(vocabulary: Vocabulary, { key, operator, values }: LabelRequirement): Requirement {
	const { index, values: known, hidden } = keyOf(vocabulary, key);
	const listed = new Set(values.map((value) => known.get(value)));
	const accepts = (id: number): boolean => {
		switch (operator) {
			case 'In':
				return listed.has(id);
			// "NotIn … matches objects without the key": a set-based requirement on an absent key is satisfied.
			case 'NotIn':
				return !listed.has(id);
			case 'Exists':
				return id !== ABSENT;
			case 'DoesNotExist':
				return id === ABSENT;
			default:
				return operator satisfies never;
		}
	};
	// Where a semantics does not see the key, every object is as if it had not got it.
	const unseen = accepts(ABSENT) ? hidden : NONE;
	const masks = Array.from({ length: known.size + UNMENTIONED + 1 }, (_, id) => (accepts(id) ? ALL & ~hidden : NONE) | unseen);
	return { key: index, masks };
}

export const labelSetOf = (vocabulary: Vocabulary, labels: Labels): LabelSet => numberOf(vocabulary, idsOf(vocabulary, labels));

const numberOf = ({ numbers, sets }: Vocabulary, ids: readonly number[]): LabelSet =>
	shared(numbers, ids.join(' '), () => sets.push(ids) - 1);

function idsOf(vocabulary: Vocabulary, labels: Labels): number[] {
	const values: number[] = new Array(vocabulary.keys.size).fill(ABSENT);
	for (const [key, { index, values: known }] of vocabulary.keys) {
		const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
		if (value !== undefined) values[index] = known.get(value) ?? UNMENTIONED;
	}
	return values;
}

/** A value that is not known at all, though the object may have one. */
const UNSEEN = -1;

/** Of an object of which nothing but one label is known. */
export function labelSetOfUnseen(vocabulary: Vocabulary, label: string, value: string): LabelSet {
	const own = idsOf(vocabulary, { [label]: value });
	for (const [key, { index }] of vocabulary.keys) if (key !== label) own[index] = UNSEEN;
	return numberOf(vocabulary, own);
}

/** As `matchMask`, where some values are not known: `unseen` is what a requirement on one of those answers. */
export const matchUnseen = ({ requirements, sets }: CompiledSelector, labels: LabelSet, unseen: Mask): Mask =>
	requirements.reduce((mask, { key, masks }) => {
		const id = (sets[labels] as readonly number[])[key] as number;
		return mask & (id === UNSEEN ? unseen : (masks[id] as Mask));
	}, ALL);

/** "matchLabels and matchExpressions … the requirements are ANDed." The semantics under which the selector matches those labels. */
export function matchMask(selector: CompiledSelector, labels: LabelSet): Mask {
	const known = labels < selector.answers.length ? (selector.answers[labels] as Mask) : UNASKED;
	return known === UNASKED ? ask(selector, labels) : known;
}

function ask({ requirements, answers, sets }: CompiledSelector, labels: LabelSet): Mask {
	const ids = sets[labels] as readonly number[];
	const mask = requirements.reduce((all, { key, masks }) => all & (masks[ids[key] as number] as Mask), ALL);
	while (answers.length <= labels) answers.push(UNASKED);
	answers[labels] = mask;
	return mask;
}

/** Whether the selector can only exclude: at least one requirement, all of them NotIn or DoesNotExist. */
export const isNegative = (selector: LabelSelector): boolean =>
	Object.keys(selector.matchLabels).length === 0 &&
	selector.matchExpressions.length > 0 &&
	selector.matchExpressions.every(({ operator }) => operator === 'NotIn' || operator === 'DoesNotExist');

export const isEverything = (selector: LabelSelector): boolean =>
	Object.keys(selector.matchLabels).length === 0 && selector.matchExpressions.length === 0;

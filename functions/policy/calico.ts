import type { Labels } from './model.ts';

/** Whether labels satisfy a Calico selector. */
export type LabelPredicate = (labels: Labels) => boolean;

type Token = { readonly kind: 'word' | 'string' | 'sign'; readonly text: string };

const TOKEN = /\s*(?:("(?:[^"]*)"|'(?:[^']*)')|(==|!=|&&|\|\||[!(){},])|([A-Za-z0-9_./-]+))/y;
const MAX_LENGTH = 10_000;
const MAX_DEPTH = 50;

/**
 * Parses a selector of Calico's own policies: `all()`, `global()`, `has(k)`, `k == "v"`, `k != "v"`, `k in {"a", "b"}`, `k not in {…}`,
 * `k contains|starts with|ends with "v"`, with `!`, `&&`, `||` and parentheses. `undefined` where it is none of that.
 * Source: docs.tigera.io, "Selectors" of the NetworkPolicy reference.
 */
export function parseCalicoSelector(text: string): LabelPredicate | undefined {
	const tokens = text.length > MAX_LENGTH ? undefined : tokenize(text);
	if (!tokens) return undefined;
	if (tokens.length === 0) return () => true;
	const reader = { tokens, position: 0, depth: 0 };
	const predicate = parseOr(reader);
	return predicate && reader.position === tokens.length ? predicate : undefined;
}

interface Reader {
	readonly tokens: readonly Token[];
	position: number;
	depth: number;
}

function tokenize(text: string): Token[] | undefined {
	const tokens: Token[] = [];
	const trimmed = text.trimEnd();
	TOKEN.lastIndex = 0;
	while (TOKEN.lastIndex < trimmed.length) {
		const match = TOKEN.exec(trimmed);
		if (!match) return undefined;
		const [, quoted, sign, word] = match;
		if (quoted !== undefined) tokens.push({ kind: 'string', text: quoted.slice(1, -1) });
		else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign });
		else tokens.push({ kind: 'word', text: word as string });
	}
	return tokens;
}

function take(reader: Reader, text: string, kind: Token['kind'] = 'sign'): boolean {
	const token = reader.tokens[reader.position];
	if (token?.kind !== kind || token.text !== text) return false;
	reader.position++;
	return true;
}

function takeText(reader: Reader, kind: Token['kind']): string | undefined {
	const token = reader.tokens[reader.position];
	if (token?.kind !== kind) return undefined;
	reader.position++;
	return token.text;
}

function parseOr(reader: Reader): LabelPredicate | undefined {
	let left = parseAnd(reader);
	while (left && take(reader, '||')) {
		const first: LabelPredicate = left;
		const second = parseAnd(reader);
		left = second && ((labels) => first(labels) || second(labels));
	}
	return left;
}

function parseAnd(reader: Reader): LabelPredicate | undefined {
	let left = parseTerm(reader);
	while (left && take(reader, '&&')) {
		const first: LabelPredicate = left;
		const second = parseTerm(reader);
		left = second && ((labels) => first(labels) && second(labels));
	}
	return left;
}

function parseTerm(reader: Reader): LabelPredicate | undefined {
	if (++reader.depth > MAX_DEPTH) return undefined;
	const predicate = parseNegatable(reader);
	reader.depth--;
	return predicate;
}

function parseNegatable(reader: Reader): LabelPredicate | undefined {
	if (take(reader, '!')) {
		const inner = parseTerm(reader);
		return inner && ((labels) => !inner(labels));
	}
	if (take(reader, '(')) {
		const inner = parseOr(reader);
		return take(reader, ')') ? inner : undefined;
	}
	const word = takeText(reader, 'word');
	if (word === undefined) return undefined;
	if (take(reader, '(')) return parseCall(reader, word);
	return parseComparison(reader, word);
}

function parseCall(reader: Reader, name: string): LabelPredicate | undefined {
	if (name === 'all' || name === 'global') return take(reader, ')') ? () => true : undefined;
	if (name !== 'has') return undefined;
	const key = takeText(reader, 'word');
	return key !== undefined && take(reader, ')') ? (labels) => Object.hasOwn(labels, key) : undefined;
}

/** An absent label equals nothing: `!=` and `not in` hold for it, the others do not. */
function parseComparison(reader: Reader, key: string): LabelPredicate | undefined {
	const value = (labels: Labels): string | undefined => (Object.hasOwn(labels, key) ? labels[key] : undefined);
	if (take(reader, '==')) return withString(reader, (wanted, labels) => value(labels) === wanted);
	if (take(reader, '!=')) return withString(reader, (wanted, labels) => value(labels) !== wanted);
	if (take(reader, 'contains', 'word')) return withString(reader, (wanted, labels) => value(labels)?.includes(wanted) ?? false);
	if (take(reader, 'starts', 'word') && take(reader, 'with', 'word'))
		return withString(reader, (wanted, labels) => value(labels)?.startsWith(wanted) ?? false);
	if (take(reader, 'ends', 'word') && take(reader, 'with', 'word'))
		return withString(reader, (wanted, labels) => value(labels)?.endsWith(wanted) ?? false);
	const negated = take(reader, 'not', 'word');
	if (!take(reader, 'in', 'word')) return undefined;
	const set = parseSet(reader);
	return set && ((labels) => set.has(value(labels)) !== negated);
}

function withString(reader: Reader, holds: (wanted: string, labels: Labels) => boolean): LabelPredicate | undefined {
	const wanted = takeText(reader, 'string');
	return wanted === undefined ? undefined : (labels) => holds(wanted, labels);
}

function parseSet(reader: Reader): Set<string | undefined> | undefined {
	if (!take(reader, '{')) return undefined;
	const values = new Set<string | undefined>();
	for (;;) {
		if (take(reader, '}')) return values;
		const value = takeText(reader, 'string');
		if (value === undefined) return undefined;
		values.add(value);
		take(reader, ',');
	}
}

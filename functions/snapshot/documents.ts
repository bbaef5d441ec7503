import { type Document, isMap, isScalar, isSeq, LineCounter, type ParsedNode, parseAllDocuments, type Tags } from 'yaml';
import { findJsonError } from './json-error.ts';
import type { Origin } from './objects.ts';
import type { Problem } from './problem.ts';

/** A document of a file, and where its parts stand in it. */
export interface ReadDocument {
	readonly content: unknown;
	readonly origin: Origin;
}

export interface ReadDocuments {
	readonly documents: readonly ReadDocument[];
	readonly problems: readonly Problem[];
}

/** The parser takes a second and some 70 MB of memory for each MB. */
const MAX_YAML_LENGTH = 32 * 1024 * 1024;
/** Beyond this, what aliases stand for grows out of all proportion ("billion laughs"). */
const MAX_ALIASES = 100;
/** One file of a folder cannot fill the terminal. */
const MAX_ERRORS = 10;

/** Parses a file's text: JSON where it looks like it, YAML otherwise. Never throws; what cannot be read is a problem with line and column. */
export function parseDocuments(text: string, file: string): ReadDocuments {
	if (text.trim() === '') return failed({ file, message: 'is empty' });
	const isJson = /^\s*[[{]/.test(text) || /\.json(\.gz)?$/i.test(file);
	if (isJson) {
		try {
			return { documents: [{ content: JSON.parse(text), origin: { file } }], problems: [] };
		} catch {
			if (!/\.ya?ml(\.gz)?$/i.test(file)) return failed(jsonProblem(text, file));
			// Flow style: YAML that only looks like JSON.
		}
	}
	if (text.length > MAX_YAML_LENGTH) {
		return failed({
			file,
			message: `is too large for YAML: at most ${MAX_YAML_LENGTH / 1024 / 1024} MB. Write it as JSON (kubectl -o json)`,
		});
	}
	return parseYaml(text, file);
}

const failed = (problem: Problem): ReadDocuments => ({ documents: [], problems: [problem] });

function jsonProblem(text: string, file: string): Problem {
	const offset = findJsonError(text);
	const before = text.slice(0, offset);
	const line = before.split('\n').length;
	const message = offset >= text.length ? 'is not JSON: it ends in the middle' : 'is not JSON from here on';
	return { file, line, column: offset - before.lastIndexOf('\n'), message };
}

/**
 * YAML as kubectl reads it: version 1.1 (`yes` is a boolean, `0777` octal, `<<` merges), but without times, base-60 numbers, sets and
 * binaries, which Go's parser leaves as text.
 */
function parseYaml(text: string, file: string): ReadDocuments {
	const lines = new LineCounter();
	const options = {
		version: '1.1',
		lineCounter: lines,
		prettyErrors: false,
		logLevel: 'error',
		uniqueKeys: true,
		customTags: kubectlTags,
	} as const;
	const documents: ReadDocument[] = [];
	const problems: Problem[] = [];
	const template = text.includes('{{') ? ' (a template? Render it first, as helm template does)' : '';
	const place = (offset: number) => {
		const { line, col } = lines.linePos(offset);
		return { file, line, column: col };
	};
	try {
		for (const document of parseAllDocuments(text, options)) {
			for (const { pos, message } of document.errors.slice(0, 1))
				problems.push({ ...place(pos[0]), message: `is not YAML: ${plain(message)}${template}` });
			if (document.errors.length > 0) continue;
			try {
				const locate = (path: string) => place(offsetOf(document, path));
				documents.push({ content: document.toJS({ maxAliasCount: MAX_ALIASES }), origin: { file, locate } });
			} catch (error) {
				problems.push({ ...place(document.range[0]), message: conversionProblem(error) });
			}
		}
	} catch (error) {
		if (!(error instanceof RangeError)) throw error;
		problems.push({ file, message: 'is nested too deep' });
	}
	return { documents, problems: problems.slice(0, MAX_ERRORS) };
}

const NOT_KUBECTL = /:(timestamp|binary|omap|pairs|set)$/;
const kubectlTags = (tags: Tags): Tags =>
	tags.filter((tag) => typeof tag === 'string' || !(NOT_KUBECTL.test(tag.tag ?? '') || ('format' in tag && tag.format === 'TIME')));

/** The parser's sentence without what it quotes from the file, which may hold a secret. */
const plain = (message: string): string => message.split(': ')[0] ?? message;

function conversionProblem(error: unknown): string {
	if (error instanceof RangeError) return 'is nested too deep';
	const text = error instanceof Error ? error.message : '';
	if (text.includes('alias count')) return `has too many aliases: at most ${MAX_ALIASES} are resolved`;
	return text.includes('alias') ? 'has an alias without an anchor before it' : 'cannot be read';
}

/** Where the value of a path stands, or the nearest thing around it that is there. Keys count, not their values. */
function offsetOf(document: Document.Parsed, path: string): number {
	let node: unknown = document.contents;
	let offset = document.contents?.range[0] ?? document.range[0];
	for (const [, quoted, index, key] of path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)) {
		const step = quoted ?? key;
		if (index !== undefined && isSeq(node)) node = node.items[Number(index)];
		else if (step !== undefined && isMap(node)) {
			const pair = node.items.find((item) => isScalar(item.key) && String(item.value === undefined ? '' : item.key.value) === step);
			if (!pair) return offset;
			offset = startOf(pair.key) ?? offset;
			node = pair.value;
			continue;
		} else return offset;
		offset = startOf(node) ?? offset;
	}
	return offset;
}

const startOf = (node: unknown): number | undefined => (node as Partial<ParsedNode> | null | undefined)?.range?.[0];

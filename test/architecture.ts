/** The rules of who may import whom, as a function from a file's path and text to sentences: `architecture.test.ts` applies it to functions/. */
import { posix } from 'node:path';

/**
 * Top folders and files of functions/, and which of them each may import besides itself. What is not named here is refused: a new folder
 * needs a place in the order first.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
	policy: [],
	'version.ts': ['policy'],
	'config.ts': ['policy', 'ingest'],
	'ports.ts': ['policy'],
	push: [],
	ingest: ['policy', 'ports.ts', 'version.ts', 'push'],
	snapshot: ['policy', 'ports.ts', 'version.ts', 'push'],
	rejudge: ['policy', 'ports.ts', 'version.ts', 'push', 'ingest'],
	alert: ['policy', 'ports.ts', 'version.ts', 'push'],
	'alert-config.ts': ['policy', 'ports.ts', 'alert', 'config.ts'],
	adapters: ['policy', 'ports.ts', 'version.ts'],
	commands: ['policy', 'ports.ts', 'version.ts', 'ingest', 'snapshot', 'rejudge', 'alert', 'adapters'],
	'cli.ts': ['policy', 'ports.ts', 'version.ts', 'ingest', 'snapshot', 'rejudge', 'alert', 'adapters', 'commands'],
	main: ['policy', 'ports.ts', 'version.ts', 'ingest', 'snapshot', 'rejudge', 'alert', 'adapters', 'config.ts', 'alert-config.ts'],
};

/** Clients of outside systems. (functions-framework is none: it is what calls the handlers.) */
const SDK = /^@google-cloud\/(?!functions-framework(\/|$))|^(@duckdb|@kubernetes|@polyglot-sql)\//;

/** What would make the engine's answer depend on anything but its arguments. */
const IMPURE =
	/\bDate\.now\b|\bnew Date\(\s*\)|\bDate\(\s*\)|\bMath\.random\b|\b(console|process|performance|globalThis|crypto)\.|\b(fetch|setTimeout|setInterval)\(/g;

const VAGUE = /(^|\/)(utils?|helpers?|common|types|index)(\/|\.ts$)/;

/** What is wrong with a file of functions/, a sentence each. `path` is relative to functions/, with slashes. */
export function findViolations(path: string, source: string): string[] {
	const code = stripComments(source);
	const layer = topOf(path);
	const allowed = MAY_IMPORT[layer];
	const found: string[] = [];
	const say = (what: string) => found.push(`${path}: ${what}`);

	if (!allowed) say(`${layer} has no place in the order of imports (test/architecture.ts)`);
	if (VAGUE.test(path)) say('a name that says nothing: name the file after what is in it');
	if (/\bexport\s+default\b|\bas\s+default\b/.test(code)) say('default export');
	for (const specifier of findImports(code)) {
		if (specifier === COMPUTED) say('import of a computed name, which nothing can check');
		else if (specifier.startsWith('.')) {
			const target = posix.normalize(posix.join(posix.dirname(path), specifier));
			if (target === '../package.json' && path === 'version.ts') continue;
			if (target.startsWith('../schemas/tables/') && layer === 'main') continue;
			if (target.startsWith('..')) say(`imports ${specifier}, outside functions/`);
			else if (topOf(target) !== layer && !allowed?.includes(topOf(target)))
				say(`${layer} must not import ${topOf(target)} (${specifier})`);
		} else if (layer === 'policy' && !(path === 'policy/ip.ts' && specifier === 'ipaddr.js'))
			say(`the engine must not import ${specifier}`);
		else if (SDK.test(specifier) && layer !== 'adapters') say(`only adapters import an SDK, and this is ${specifier}`);
	}
	if (layer === 'policy') for (const [impure] of blankStrings(code).matchAll(IMPURE)) say(`the engine must be pure, and here is ${impure}`);
	return found;
}

/** Stands for an import whose name is not a literal. */
const COMPUTED = '<computed>';

/** The names that a module imports or exports from, also for types only and dynamically. Comments must be gone. */
export function findImports(code: string): string[] {
	const from = code.matchAll(/\b(?:import|export)\b(?:[^'"`;]*?\bfrom)?\s*(['"])([^'"\n]+)\1/g);
	const called = code.matchAll(/(?<![.\w])(?:import|require)\s*\(\s*(?:(['"`])([^'"`\n$]+)\1\s*[,)])?/g);
	return [...from, ...called].map(([, , name]) => name ?? COMPUTED);
}

const STRING = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/;
const TEMPLATE = /`(?:\\.|[^`\\])*`/;
const COMMENT = /\/\*[\s\S]*?\*\/|\/\/[^\n]*/;

function stripComments(source: string): string {
	const tokens = new RegExp(`${STRING.source}|${TEMPLATE.source}|${COMMENT.source}`, 'g');
	return source.replace(tokens, (token) => (token.startsWith('/') ? ' ' : token));
}

/** Templates stay: they may hold code. */
function blankStrings(code: string): string {
	return code.replace(new RegExp(STRING.source, 'g'), "''");
}

function topOf(path: string): string {
	return path.split('/')[0] as string;
}

import { delimiter } from 'node:path';
import { parseCandidates } from './policy/candidates.ts';
import { DEFAULT_CANDIDATES, type Mask } from './policy/semantics.ts';

/** What the deployed function is told. */
export interface Config {
	/** Folders or files of snapshots. */
	readonly snapshots: readonly string[];
	/** File of the database. */
	readonly database: string;
	readonly candidates: Mask;
}

/** `refused`: one line a bad variable, all of them. */
export type ParsedConfig =
	| { readonly kind: 'ok'; readonly config: Config }
	| { readonly kind: 'refused'; readonly problems: readonly string[] };

/** The variables of the environment that are read, and what each is. */
const VARIABLES = {
	SNAPSHOTS: `folders or files of snapshots, separated by "${delimiter}"`,
	DATABASE: 'file of the DuckDB database that the rows are written to; it is created where it is missing',
	CANDIDATES: 'what Dataplane V2 may be, as ids of semantics separated by commas; without it, all that Google’s documentation leaves open',
} as const;

/** Parses the environment. Every variable that is missing or bad is named at once. */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): ParsedConfig {
	const problems: string[] = [];
	const snapshots = (env['SNAPSHOTS'] ?? '').split(delimiter).filter((path) => path !== '');
	if (snapshots.length === 0) problems.push(`SNAPSHOTS is missing: ${VARIABLES.SNAPSHOTS}`);
	const database = env['DATABASE'] ?? '';
	if (database === '') problems.push(`DATABASE is missing: ${VARIABLES.DATABASE}`);
	const candidates = env['CANDIDATES'] ? parseCandidates(env['CANDIDATES']) : DEFAULT_CANDIDATES;
	if (typeof candidates === 'string') return { kind: 'refused', problems: [...problems, `CANDIDATES: ${candidates}`] };
	return problems.length > 0 ? { kind: 'refused', problems } : { kind: 'ok', config: { snapshots, database, candidates } };
}

import { ADD, CLEAR, MEMORY, RELEASE, RIVALS, SETTLE, SILENCES, WITHDRAW } from './events.ts';
import { DETAILS, FIXED, PROBLEMS } from './findings.ts';

/**
 * What is asked of the warehouse to alert. The same text runs in BigQuery, its emulator and, transpiled, DuckDB. Parameters are texts: a list
 * and rows are one JSON text, in which what is null is left out, and whose members are taken out before anything is compared with them
 * (DuckDB compares first). `test/analyser` reads these: each is right for the columns of schemas/, and restricted to partitions.
 */
export const STATEMENTS = {
	problems: PROBLEMS,
	details: DETAILS,
	memory: MEMORY,
	silences: SILENCES,
	fixed: FIXED,
	rivals: RIVALS,
	clear: CLEAR,
	add: ADD,
	withdraw: WITHDRAW,
	settle: SETTLE,
	release: RELEASE,
} as const;

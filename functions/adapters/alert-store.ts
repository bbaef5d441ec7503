import type { AlertStore, FixedClause, Row, SqlEngine } from '../ports.ts';
import { MOST_PROBLEMS } from './alert-store/findings.ts';
import { toDetail, toMemory, toProblem, toSilence } from './alert-store/rows.ts';
import { STATEMENTS } from './alert-store/statements.ts';

type Statement = keyof typeof STATEMENTS;
type Parameters = Readonly<Record<string, string>>;

/** What cannot be done where a statement fails. */
const TASKS: Readonly<Record<Statement, string>> = {
	problems: 'read the problems',
	details: 'read what is known of the problems',
	memory: 'read the alerts of before',
	silences: 'read the silences',
	fixed: 'read what was mended',
	rivals: 'read what other runs claimed',
	clear: 'remove what is left of failed alerts',
	add: 'claim alerts',
	withdraw: 'withdraw claims',
	settle: 'note that a message was posted',
	release: 'note that a message was not posted',
};

/** What is changed was claimed by a run that lives for minutes; what an older one has left is nobody's. It spares the partitions before. */
const CHANGED_WITHIN_MS = 7 * 24 * 60 * 60_000;
/** Of a list, in one statement. BigQuery takes 10 MB in a request, and a character has three bytes at most. */
const CHUNK_ELEMENTS = 1000;
const CHUNK_CHARACTERS = 1_000_000;

/** Where alerts are remembered, in whatever answers BigQuery SQL. Rejects with what could not be done and the engine's words. */
export function createAlertStore(engine: SqlEngine, { now = () => new Date() }: { readonly now?: () => Date } = {}): AlertStore {
	async function ask(name: Statement, parameters: Parameters): Promise<readonly Row[]> {
		try {
			return await engine.query(STATEMENTS[name], parameters);
		} catch (cause) {
			throw new Error(`cannot ${TASKS[name]}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
		}
	}

	/** One chunk after the other: statements that change rows would be in each other's way. */
	async function askOf(name: Statement, list: readonly unknown[], parametersOf: (json: string) => Parameters): Promise<readonly Row[]> {
		const answers: Row[] = [];
		for (const json of toChunks(list)) for (const row of await ask(name, parametersOf(json))) answers.push(row);
		return answers;
	}

	const changedSince = (): string => new Date(now().getTime() - CHANGED_WITHIN_MS).toISOString();

	return {
		async readProblems({ since, settledBefore }) {
			const rows = await ask('problems', { since, settled_before: settledBefore });
			return { problems: rows.map(toProblem), complete: rows.length < MOST_PROBLEMS };
		},
		async readDetails(fingerprints, since) {
			const rows = await askOf('details', fingerprints, (json) => ({ fingerprints: json, since }));
			return new Map(rows.map(toDetail).map((detail) => [detail.fingerprint, detail]));
		},
		async readMemory({ since, recent }) {
			return (await ask('memory', { since, recent })).map(toMemory);
		},
		async readSilences(at) {
			return (await ask('silences', { at })).map(toSilence);
		},
		async readFixed(clauses, since) {
			const placed = clauses.map(({ cluster, ...clause }, position) => ({ position, ...cluster, ...clause }));
			const rows = await askOf('fixed', placed, (json) => ({ clauses: json, since }));
			const fixedAt = new Map(rows.map((row) => [Number(row['position']), String(row['fixed_at'])]));
			return clauses.flatMap((clause, position): FixedClause[] => {
				const at = fixedAt.get(position);
				return at === undefined ? [] : [{ ...clause, at }];
			});
		},
		async claim(rows, expired) {
			const groups = [...new Set(rows.map((row) => row.group_id))];
			const since = changedSince();
			await askOf('clear', groups, (json) => ({ groups: json, expired, since }));
			await askOf('add', rows, (json) => ({ rows: json }));
		},
		async readRivals(groups, { run, since }) {
			return (await askOf('rivals', groups, (json) => ({ groups: json, run, since }))).map(toMemory);
		},
		async withdraw(groups, run) {
			const since = changedSince();
			await askOf('withdraw', groups, (json) => ({ groups: json, run, since }));
		},
		async settle(messageId, { at, channel = '', ts = '', error = '' }) {
			await ask('settle', { message: messageId, at, channel, ts, error: error.toWellFormed(), since: changedSince() });
		},
		async release(messageId, error) {
			await ask('release', { message: messageId, error: error.toWellFormed(), since: changedSince() });
		},
	};
}

/** JSON arrays of the elements, in order; none of none. What is null is left out, which the SQL reads as null. */
function* toChunks(elements: readonly unknown[]): Generator<string, void> {
	let texts: string[] = [];
	let characters = 0;
	for (const element of elements) {
		const text = JSON.stringify(element, (_, value: unknown) =>
			value === null ? undefined : typeof value === 'string' ? value.toWellFormed() : value,
		);
		if (texts.length > 0 && (texts.length >= CHUNK_ELEMENTS || characters + text.length > CHUNK_CHARACTERS)) {
			yield `[${texts.join(',')}]`;
			texts = [];
			characters = 0;
		}
		texts.push(text);
		characters += text.length;
	}
	if (texts.length > 0) yield `[${texts.join(',')}]`;
}

import { type LogQuery, readLog } from '../adapters/logging.ts';
import { ORIGIN_ATTRIBUTE } from '../ingest/row.ts';
import type { Input, Reading } from './audit.ts';
import { type Checkpoint, findDifference, readCheckpoint, removeCheckpoint, writeCheckpoint } from './checkpoint.ts';
import type { RowRange } from './database.ts';
import type { EntryRead } from './entries.ts';
import type { Surroundings } from './surroundings.ts';
import { printable } from './terminal.ts';

/** What is read of Cloud Logging. */
export interface LogRequest {
	readonly project: string;
	/** A further condition in the Logging query language. */
	readonly filter?: string;
	/** RFC 3339. */
	readonly since: string;
	readonly until: string;
	/** The same as typed, and whatever else makes it another replay. */
	readonly asked: Checkpoint['asked'];
	/** Where it is kept how far the replay has come; absent: nowhere. */
	readonly state?: string;
	/** Whether what is kept there makes way for this run. */
	readonly restart: boolean;
	readonly apiEndpoint?: string | undefined;
	readonly intervalMs: number;
}

const LOG = 'log_id("policy-action")';

/** The filter of the API. What the user adds stands on lines of its own: it may end in a comment. */
function filterOf({ filter, since, until }: Pick<LogRequest, 'filter' | 'since' | 'until'>): string {
	const range = `${LOG} AND timestamp >= "${since}" AND timestamp < "${until}"`;
	return filter === undefined ? range : `${range} AND (\n${filter}\n)`;
}

interface Mark {
	readonly reached: string;
	readonly entries: number;
}

/** The past entries of a project; or, as a text, why they cannot be read. Ends of pages are marks: from there the same command goes on. */
export async function openLog(request: LogRequest, { stderr }: Surroundings): Promise<Input | string> {
	const { state, project, asked } = request;
	const say = (text: string): unknown => stderr.write(`policy-audit: ${printable(text)}\n`);
	const kept = state === undefined ? undefined : await readCheckpoint(state);
	if (typeof kept === 'string') return kept;
	// Where nothing was read there is nothing to go on with, and times such as 24h mean what they mean now.
	const found = request.restart || kept?.reached === null ? undefined : kept;
	const different = found && findDifference(found, { path: state ?? '', asked });
	if (different !== undefined) return different;
	const { since, until, rows: before } = found ?? { ...request, rows: [] };
	const start: Mark = { reached: found?.reached ?? since, entries: found?.entries ?? 0 };
	// Rows that are in no local database are counted as they are written.
	const uncounted = found && before.length === 0 ? `; counted here are those from ${start.reached} on` : '';
	let rowsUpTo = async (): Promise<readonly Required<RowRange>[]> => [];
	const keep = async ({ reached, entries }: Mark): Promise<void> => {
		if (state === undefined) return;
		const rows = await rowsUpTo();
		await writeCheckpoint(state, { version: 1, asked, since, until, reached: entries === 0 ? null : reached, entries, rows });
	};
	const query = {
		project,
		filter: filterOf({ ...request, since: start.reached, until }),
		apiEndpoint: request.apiEndpoint,
		intervalMs: request.intervalMs,
		onWait: (ms: number, detail: string) => say(`${detail}; asking again in ${Math.ceil(ms / 1000)} s`),
	};
	return {
		files: [],
		problems: [],
		told: `entries of ${project} from ${since} until ${until}${uncounted}`,
		async begin(endsNow) {
			const from = await endsNow?.();
			const lost = from && before.find(({ to }) => to.verdicts > from.verdicts || to.rejects > from.rejects);
			if (lost) return `${state} tells of rows that the database does not have: it is another one; --restart starts anew`;
			if (endsNow && from) rowsUpTo = async () => [...before, { from, to: await endsNow() }];
			if (found) say(`goes on at ${start.reached}, with ${start.entries} entries read before, of those from ${since} until ${until}`);
			if (found) say('--restart would start anew, with the times that the options mean now');
			// Where there is one, it stays until this run has read something; where there is none, it is known now whether one can be kept.
			if (kept === undefined) await keep(start);
			return before;
		},
		read: (reading) => readEntries({ query, start, until }, reading, stderr),
		onMark: (mark) => keep(JSON.parse(mark) as Mark),
		end: async (complete) => {
			if (complete && state !== undefined) await removeCheckpoint(state);
		},
	};
}

interface Place {
	readonly query: Omit<LogQuery, 'signal'>;
	readonly start: Mark;
	readonly until: string;
}

async function* readEntries(
	{ query, start, until }: Place,
	{ signal }: Reading,
	stderr: Surroundings['stderr'],
): AsyncGenerator<EntryRead> {
	let { reached, entries } = start;
	const told = (): string => `${entries.toLocaleString('en')} entries read, up to ${reached} of ${until}`;
	try {
		for await (const page of readLog({ ...query, signal })) {
			for (const { json, timestamp } of page) {
				entries++;
				reached = timestamp;
				const attributes = { [ORIGIN_ATTRIBUTE]: `${query.project}, entry ${entries} at ${timestamp}` };
				yield { kind: 'message', message: { data: Buffer.from(json), attributes } };
			}
			if (page.length > 0) yield { kind: 'mark', mark: JSON.stringify({ reached, entries } satisfies Mark) };
			if (stderr.isTTY) stderr.write(`\r\u001b[K${told()}`);
		}
	} catch (error) {
		yield { kind: 'problem', detail: `${(error as Error).message}${entries > 0 ? ` (${told()})` : ''}` };
	} finally {
		if (stderr.isTTY) stderr.write('\r\u001b[K');
	}
}

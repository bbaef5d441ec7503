import { access, constants, stat } from 'node:fs/promises';
import type { IngestPorts } from '../ingest/ingest.ts';
import type { Mask } from '../policy/semantics.ts';
import { type Database, openDatabase, type RowRange, readEnds, type TableEnds } from './database.ts';
import { DELIVERY, type Delivery, deliver } from './deliver.ts';
import { type EntryRead, readEntries } from './entries.ts';
import type { Ingestion } from './ingestion.ts';
import { startProgress } from './progress.ts';
import { type LoadedSnapshots, loadSnapshots } from './snapshots.ts';
import type { Surroundings } from './surroundings.ts';

/** Where entries come from. */
export interface Input {
	/** Whose bytes are the measure of progress; none where the input has a measure of its own. */
	readonly files: readonly string[];
	/** What is not read, a line each. */
	readonly problems: readonly string[];
	/** What the answer is about, in words, where the options alone do not say it. */
	readonly told?: string;
	read(reading: Reading): AsyncGenerator<EntryRead>;
	/**
	 * Told when all else is ready, with a way to ask where the tables of a local database end. Answers with the rows that were written before
	 * where it goes on with a run; or, as a text, why it cannot.
	 */
	begin?(endsNow?: () => Promise<TableEnds>): Promise<readonly RowRange[] | string>;
	/** Told of each mark among the entries, once all before it is durable. */
	onMark?(mark: string): Promise<void>;
	/** Told whether all of it was read and is durable. */
	end?(complete: boolean): Promise<void>;
}

export interface Reading {
	readonly signal: AbortSignal;
	readonly onBytes: (bytes: number) => void;
}

export interface AuditRequest {
	readonly input: Input;
	/** Paths of snapshots; none: every entry is undecidable. */
	readonly snapshots: readonly string[];
	/** File of the database; absent: a temporary one. */
	readonly database?: string;
	/** Whether a temporary database outlives the command. */
	readonly keep: boolean;
	readonly candidates: Mask;
	readonly ingestion: (ports: IngestPorts) => Ingestion | Promise<Ingestion>;
}

/** What was done, with the database still open. */
export interface Audit {
	readonly database: Database;
	readonly delivery: Delivery;
	/** The rows of this run, and of those that it goes on with. */
	readonly rows: readonly RowRange[];
	readonly told?: string;
	/** Input that was refused or not read, besides refused messages; a line each. */
	readonly problems: readonly string[];
	readonly notes: readonly string[];
}

/** `nothing`: nothing could be done, and why. */
export type AuditResult =
	| { readonly kind: 'done'; readonly audit: Audit }
	| { readonly kind: 'nothing'; readonly problems: readonly string[] };

/** What happens, as it happens: one line a step. */
export type Say = (step: string, what: string) => void;

/** Entries of files that can be read; `-` is standard input. */
export async function openFiles(paths: readonly string[], { stdin }: Surroundings): Promise<Input> {
	const unreadable = await findUnreadable(paths);
	const files = paths.filter((path) => !unreadable.has(path));
	return { files, problems: [...unreadable.values()], read: (reading) => readEntries({ paths: files, stdin, ...reading }) };
}

/** Delivers the entries to the function, and leaves their rows in the database. The caller closes it. */
export async function runAudit(request: AuditRequest, surroundings: Surroundings, say: Say): Promise<AuditResult> {
	const { problems } = request.input;
	const nothing = (...more: readonly string[]): AuditResult => ({ kind: 'nothing', problems: [...problems, ...more] });
	if (request.input.files.length === 0 && problems.length > 0) return nothing();
	const loaded = await loadSnapshots(request.snapshots, surroundings);
	if (request.snapshots.length > 0 && loaded.count === 0) return nothing(...loaded.problems, 'no snapshot could be read');
	say('snapshots', request.snapshots.length === 0 ? 'none given' : loaded.told);
	const database = await openDatabase(request.database, request).catch((error: Error) => error);
	if (database instanceof Error) return nothing(...loaded.problems, `the database cannot be opened: ${database.message}`);
	try {
		const from = await readEnds(database.warehouse);
		const before = (await request.input.begin?.(() => readEnds(database.warehouse))) ?? [];
		if (typeof before === 'string') {
			await database.close();
			return nothing(...loaded.problems, before);
		}
		const delivery = await deliverAll({ ...request, loaded, database }, surroundings, say);
		const notes = [...loaded.notes, ...delivery.notes];
		// Snapshots of a bucket are read as they are needed, so what is wrong with them is known now.
		const all = [...problems, ...loaded.problems, ...delivery.problems];
		const { told } = request.input;
		const audit = { database, delivery, rows: [...before, { from }], problems: all, notes, ...(told !== undefined && { told }) };
		return { kind: 'done', audit };
	} catch (error) {
		await database.close();
		throw error;
	}
}

interface Run extends Omit<AuditRequest, 'database' | 'snapshots' | 'keep'> {
	readonly loaded: LoadedSnapshots;
	readonly database: Database;
}

async function deliverAll(
	{ input, loaded, database, candidates, ingestion }: Run,
	surroundings: Surroundings,
	say: Say,
): Promise<Delivery> {
	const { now } = surroundings;
	const opened = await ingestion({ snapshots: loaded.source, warehouse: database.warehouse, candidates, now });
	if (opened.url !== undefined) say('function', `ingest listens on ${opened.url}`);
	try {
		const delivery = await deliverInput(input, opened, surroundings);
		say('entries', describeDelivery(delivery));
		return delivery;
	} finally {
		await opened.close();
	}
}

/** Delivers what the input has, and tells it how that went. */
export async function deliverInput(
	input: Input,
	{ attempt, concurrency }: Pick<Ingestion, 'attempt' | 'concurrency'>,
	surroundings: Surroundings,
): Promise<Delivery> {
	const { signal } = surroundings;
	const progress = await startProgress(input.files, surroundings);
	const onMark = input.onMark?.bind(input);
	try {
		const reads = input.read({ signal, onBytes: progress.addBytes });
		const settings = { ...DELIVERY, attempt, concurrency, signal, onDelivered: progress.addEntry, ...(onMark && { onMark }) };
		const delivery = await deliver(reads, settings);
		await input.end?.(delivery.stopped === 'no' && delivery.failed === 0 && delivery.problems.length === 0);
		return delivery;
	} finally {
		progress.stop();
	}
}

const counted = (count: number, singular: string, plural: string): string => `${count} ${count === 1 ? singular : plural}`;

function describeDelivery({ delivered, acknowledged, stopped, failed }: Delivery): string {
	const acknowledgements =
		failed > 0 ? `${acknowledged} acknowledged, ${failed} not` : delivered === 1 ? 'acknowledged' : 'all acknowledged';
	const end = stopped === 'interrupted' ? ', then interrupted' : '';
	return delivered === 0
		? `none delivered${end}`
		: `${counted(delivered, 'entry', 'entries')} delivered as Pub/Sub push requests, ${acknowledgements}${end}`;
}

/** Paths that cannot be read, each with the reason. */
async function findUnreadable(paths: readonly string[]): Promise<Map<string, string>> {
	const found = new Map<string, string>();
	for (const path of paths) {
		if (path === '-') continue;
		const reason = await whyUnreadable(path);
		if (reason !== undefined) found.set(path, `${path}: ${reason}`);
	}
	return found;
}

async function whyUnreadable(path: string): Promise<string | undefined> {
	try {
		if ((await stat(path)).isDirectory()) return 'is a folder; name the files in it';
		await access(path, constants.R_OK);
		return undefined;
	} catch (error) {
		const { code, message } = error as NodeJS.ErrnoException;
		return code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'may not be read' : message;
	}
}

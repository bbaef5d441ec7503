import { access, constants, stat } from 'node:fs/promises';
import type { LogLine } from '../ingest/handler.ts';
import type { Mask } from '../policy/semantics.ts';
import type { SnapshotSource } from '../ports.ts';
import { type Database, openDatabase } from './database.ts';
import { DELIVERY, type Delivery, deliver } from './deliver.ts';
import { readEntries } from './entries.ts';
import { startProgress } from './progress.ts';
import { serveIngest } from './server.ts';
import { loadSnapshots } from './snapshots.ts';
import type { Surroundings } from './surroundings.ts';

export interface AuditRequest {
	/** Paths of entry files; `-` is standard input. */
	readonly entries: readonly string[];
	/** Paths of snapshots; none: every entry is undecidable. */
	readonly snapshots: readonly string[];
	/** File of the database; absent: a temporary one. */
	readonly database?: string;
	/** Whether a temporary database outlives the command. */
	readonly keep: boolean;
	readonly candidates: Mask;
}

/** What was done, with the database still open. */
export interface Audit {
	readonly database: Database;
	readonly delivery: Delivery;
	/** The entries and the refused messages of this run. */
	readonly entryIds: ReadonlySet<string>;
	readonly rejectIds: ReadonlySet<string>;
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

/** Delivers the entries to the function, served here, and leaves their rows in the database. The caller closes it. */
export async function runAudit(request: AuditRequest, surroundings: Surroundings, say: Say): Promise<AuditResult> {
	const unreadable = await findUnreadable(request.entries);
	const entries = request.entries.filter((path) => !unreadable.has(path));
	const problems = [...unreadable.values()];
	if (entries.length === 0) return { kind: 'nothing', problems };
	const loaded = await loadSnapshots(request.snapshots);
	problems.push(...loaded.problems);
	if (request.snapshots.length > 0 && loaded.count === 0) return { kind: 'nothing', problems: [...problems, 'no snapshot could be read'] };
	say('snapshots', request.snapshots.length === 0 ? 'none given' : `${loaded.count} read from ${request.snapshots.join(', ')}`);
	const database = await openDatabase(request.database, request).catch((error: Error) => error);
	if (database instanceof Error) return { kind: 'nothing', problems: [...problems, `the database cannot be opened: ${database.message}`] };
	const run = { ...request, entries, snapshots: loaded.source, database };
	try {
		const { delivery, entryIds, rejectIds } = await deliverAll(run, surroundings, say);
		const notes = [...loaded.notes, ...delivery.notes];
		return { kind: 'done', audit: { database, delivery, entryIds, rejectIds, problems: [...problems, ...delivery.problems], notes } };
	} catch (error) {
		await database.close();
		throw error;
	}
}

interface Run {
	readonly entries: readonly string[];
	readonly snapshots: SnapshotSource;
	readonly database: Database;
	readonly candidates: Mask;
}

type Delivered = Pick<Audit, 'delivery' | 'entryIds' | 'rejectIds'>;

async function deliverAll({ entries, snapshots, database, candidates }: Run, surroundings: Surroundings, say: Say): Promise<Delivered> {
	const { signal, stdin, now } = surroundings;
	const entryIds = new Set<string>();
	const rejectIds = new Set<string>();
	const log = ({ outcome, entry_id, message_id }: LogLine): void => {
		if (outcome === 'ok' && entry_id !== null) entryIds.add(entry_id);
		if (outcome === 'reject' && message_id !== null) rejectIds.add(message_id);
	};
	const served = await serveIngest({ snapshots, warehouse: database.warehouse, candidates, now, log });
	say('function', `ingest listens on ${served.url}`);
	const progress = await startProgress(entries, surroundings);
	try {
		const reads = readEntries({ paths: entries, stdin, signal, onBytes: progress.addBytes });
		const delivery = await deliver(reads, { ...DELIVERY, url: served.url, signal, onDelivered: progress.addEntry });
		progress.stop();
		say('entries', describeDelivery(delivery));
		return { delivery, entryIds, rejectIds };
	} finally {
		progress.stop();
		await served.close();
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

import type { LogLine } from './handler.ts';

/** What happened since the last line of this kind, for log-based metrics: sampled lines cannot be counted. */
export interface CountersLine {
	readonly severity: 'INFO';
	readonly message: 'counters';
	/** How long they were counted, in ms. */
	readonly counted_ms: number;
	readonly rows: number;
	/** Confirmed traffic that is not kept. */
	readonly drops: number;
	readonly rejects: number;
	readonly retries: number;
	/** Requests that held no message. */
	readonly refused: number;
	/** Lines of acknowledged messages that were left out. */
	readonly lines_dropped: number;
	readonly queue_rows: number;
	readonly queue_bytes: number;
	readonly inserts_under_way: number;
	/** The greatest of the rows' `snapshot_age_ms`; null where none had a snapshot. */
	readonly max_snapshot_age_ms: number | null;
}

export interface IngestLogPorts {
	readonly write: (line: LogLine | CountersLine) => void;
	/** In ms since 1970. */
	readonly now: () => number;
	/** The queue at this moment. */
	readonly depth?: () => { readonly rows: number; readonly bytes: number; readonly inserts: number };
	readonly limits?: Partial<LogLimits>;
}

export interface LogLimits {
	/** Lines of acknowledged entries a second; what is rejected or not acknowledged always has its line. */
	readonly linesPerSecond: number;
	/** How often the counters are written, while there is something to count. */
	readonly countersEveryMs: number;
}

const LIMITS: LogLimits = { linesPerSecond: 50, countersEveryMs: 10_000 };

const NOTHING = { rows: 0, drops: 0, rejects: 0, retries: 0, refused: 0, lines_dropped: 0, max_snapshot_age_ms: null as number | null };

/**
 * Writes the lines of outcomes, those of acknowledged entries sampled above a rate, and with them, now and then, what was counted. Works only
 * when a line comes: there is no timer, because the platform may stop the CPU while no request is open.
 */
export function createIngestLog({ write, now, depth, limits }: IngestLogPorts): (line: LogLine) => void {
	const { linesPerSecond, countersEveryMs } = { ...LIMITS, ...limits };
	let since = now();
	let counters = { ...NOTHING };
	let second = 0;
	let linesInSecond = 0;

	const mayWrite = (at: number): boolean => {
		const current = Math.floor(at / 1000);
		if (current !== second) {
			second = current;
			linesInSecond = 0;
		}
		return linesInSecond++ < linesPerSecond;
	};

	const count = ({ outcome, snapshot_age_ms: age }: LogLine): void => {
		if (outcome === 'ok') counters.rows++;
		else if (outcome === 'drop') counters.drops++;
		else if (outcome === 'reject') counters.rejects++;
		else if (outcome === 'retry') counters.retries++;
		else counters.refused++;
		if (age !== null) counters.max_snapshot_age_ms = Math.max(counters.max_snapshot_age_ms ?? age, age);
	};

	return function logOutcome(line) {
		const at = now();
		count(line);
		if ((line.outcome !== 'ok' && line.outcome !== 'drop') || mayWrite(at)) write(line);
		else counters.lines_dropped++;
		if (at - since < countersEveryMs) return;
		const { rows: queue_rows, bytes: queue_bytes, inserts: inserts_under_way } = depth?.() ?? { rows: 0, bytes: 0, inserts: 0 };
		write({ severity: 'INFO', message: 'counters', counted_ms: at - since, ...counters, queue_rows, queue_bytes, inserts_under_way });
		since = at;
		counters = { ...NOTHING };
	};
}

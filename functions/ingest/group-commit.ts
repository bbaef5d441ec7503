import type { Appended, Delivery, EncodedRow, RowResult, RowSink, TableName, Warehouse } from '../ports.ts';

/** Bounds of what is written together and of what waits. */
export interface GroupLimits {
	/** How long the first row of a group waits for others. */
	readonly lingerMs: number;
	/** A group is written without waiting any longer once it has this many rows or bytes. */
	readonly maxRows: number;
	readonly maxBytes: number;
	/** Inserts under way at once, over all tables. */
	readonly maxInserts: number;
	/** Rows that wait, those under way not counted; more are turned away. */
	readonly queueRows: number;
	readonly queueBytes: number;
}

export const GROUP_LIMITS: GroupLimits = {
	lingerMs: 20,
	maxRows: 500,
	maxBytes: 5_000_000,
	maxInserts: 4,
	queueRows: 10_000,
	queueBytes: 64_000_000,
};

export interface GroupPorts {
	readonly sink: RowSink;
	/** In ms since 1970. */
	readonly now: () => number;
	readonly limits?: Partial<GroupLimits>;
}

/** A warehouse that writes rows of concurrent requests together. */
export interface GroupCommit extends Warehouse {
	/** Rows that wait and inserts under way. */
	depth(): { readonly rows: number; readonly bytes: number; readonly inserts: number };
}

interface Waiting {
	readonly encoded: EncodedRow;
	readonly untilMs: number;
	readonly settle: Delivery['settle'];
}

interface Queue {
	readonly table: TableName;
	readonly rows: Waiting[];
	bytes: number;
	/** Runs only while rows wait, so never while no request is open. */
	timer: NodeJS.Timeout | undefined;
	/** The first row has waited long enough: the queue goes as soon as inserts are free. */
	due: boolean;
}

const TOO_LATE = new Error('the time for this row was over before its turn to be written came');
const NO_ANSWER = new Error('the warehouse gave no answer for this row');

/** One that throws, a bug of the caller's, must not keep the others of its group from hearing of theirs. */
function tell(settle: Delivery['settle'], appended: Appended): void {
	try {
		settle(appended);
	} catch (error) {
		process.nextTick(() => {
			throw error;
		});
	}
}

/**
 * Groups rows by table: written once the first has waited `lingerMs`, or as soon as a group is full; at most `maxInserts` at once, the
 * others wait their turn. Each append is answered only when the insert that holds its own row was.
 */
export function createGroupCommit({ sink, now, limits }: GroupPorts): GroupCommit {
	const bounds = { ...GROUP_LIMITS, ...limits };
	const queues = new Map<TableName, Queue>();
	let inserts = 0;
	let waitingRows = 0;
	let waitingBytes = 0;

	const queueOf = (table: TableName): Queue => {
		const known = queues.get(table);
		if (known) return known;
		const queue: Queue = { table, rows: [], bytes: 0, timer: undefined, due: false };
		queues.set(table, queue);
		return queue;
	};

	const isFull = ({ rows, bytes }: Queue): boolean => rows.length >= bounds.maxRows || bytes >= bounds.maxBytes;

	/** Starts what may start: groups that are full or due, the tables in turn. */
	function pump(): void {
		for (let queue = nextReady(); queue && inserts < bounds.maxInserts; queue = nextReady()) {
			queues.delete(queue.table);
			queues.set(queue.table, queue);
			inserts++;
			void write(queue.table, takeGroup(queue)).finally(() => {
				inserts--;
				pump();
			});
		}
	}

	const nextReady = (): Queue | undefined => [...queues.values()].find((queue) => queue.rows.length > 0 && (queue.due || isFull(queue)));

	function takeGroup(queue: Queue): Waiting[] {
		let count = 0;
		let bytes = 0;
		while (count < queue.rows.length && count < bounds.maxRows) {
			const next = (queue.rows[count] as Waiting).encoded.bytes;
			if (count > 0 && bytes + next > bounds.maxBytes) break;
			bytes += next;
			count++;
		}
		const group = queue.rows.splice(0, count);
		queue.bytes -= bytes;
		waitingRows -= count;
		waitingBytes -= bytes;
		// What is left was too much for this group, or found no insert free: it has waited long enough.
		queue.due &&= queue.rows.length > 0;
		if (queue.rows.length === 0) {
			clearTimeout(queue.timer);
			queue.timer = undefined;
		}
		return group;
	}

	function startTimer(queue: Queue): void {
		queue.timer = setTimeout(() => {
			queue.timer = undefined;
			queue.due = true;
			pump();
		}, bounds.lingerMs);
	}

	/** Never rejects: every row of the group gets its own answer. */
	async function write(table: TableName, group: readonly Waiting[]): Promise<void> {
		// One look at the clock: between two of them a row could be neither, and would never be answered.
		const at = now();
		const rows = group.filter(({ untilMs }) => untilMs > at);
		for (const { untilMs, settle } of group) if (untilMs <= at) tell(settle, { kind: 'failed', error: TOO_LATE });
		if (rows.length === 0) return;
		const untilMs = Math.min(...rows.map((row) => row.untilMs));
		const encoded = rows.map((row) => row.encoded);
		const results = await insertAll(table, encoded, untilMs);
		for (const [index, { settle }] of rows.entries()) tell(settle, results[index] ?? { kind: 'failed', error: NO_ANSWER });
	}

	async function insertAll(table: TableName, rows: readonly EncodedRow[], untilMs: number): Promise<readonly RowResult[]> {
		try {
			return await sink.insert(table, rows, untilMs);
		} catch (cause) {
			// A bug of the sink: nothing is known of any row.
			const error = cause instanceof Error ? cause : new Error(String(cause));
			return rows.map(() => ({ kind: 'failed', error }));
		}
	}

	return {
		append(table, row, { insertId, untilMs, settle }) {
			const encoded = sink.encode(table, row, insertId);
			if (encoded.kind === 'refused') return settle(encoded);
			const { bytes } = encoded;
			if (waitingRows >= bounds.queueRows || (waitingRows > 0 && waitingBytes + bytes > bounds.queueBytes))
				return settle({ kind: 'queue-full' });
			const queue = queueOf(table);
			queue.rows.push({ encoded, untilMs, settle });
			queue.bytes += bytes;
			waitingRows++;
			waitingBytes += bytes;
			if (isFull(queue)) pump();
			else if (queue.timer === undefined && !queue.due) startTimer(queue);
		},
		depth: () => ({ rows: waitingRows, bytes: waitingBytes, inserts }),
	};
}

import { clusterFolder, formatLatest, LATEST_NAME, snapshotName } from '../../functions/adapters/bucket/names.ts';
import { createTimeline } from '../../functions/adapters/bucket/timeline.ts';
import { DEFAULT_CANDIDATES } from '../../functions/policy/semantics.ts';
import { createRejudgeBatch } from '../../functions/rejudge/batch.ts';
import { createSnapshot, encodeSnapshot } from '../../functions/snapshot/canonical.ts';
import { createMemory } from '../adapters/bucket/memory.ts';
import { createRandom } from '../random.ts';
import { SEED } from './engine.ts';
import { median } from './figures.ts';
import { loadFully } from './load.ts';
import { CLUSTER, generateData, generateState } from './push.ts';
import { installFunctions, type Served, startBackends } from './serve.ts';

export interface RejudgeSizes {
	readonly rounds: number;
	readonly roundMs: number;
}

export const REJUDGE_QUICK: RejudgeSizes = { rounds: 3, roundMs: 2000 };
export const REJUDGE_FULL: RejudgeSizes = { rounds: 5, roundMs: 5000 };

const BATCHES = [1, 100, 1000, 2500];
/** Distinct entries; each stands in one batch of each size. */
const ENTRIES = 10_000;
/** Of a cluster's history, an hour apart: a batch of 2,500 rows that goes through two days. */
const HISTORY = { snapshots: 50, size: 2500 } as const;
/** BigQuery sends some batches of a query at the same time. */
export const AT_ONCE = 4;

/** Rows a second; `cpuMicros`: what one row costs the function's process. */
interface Throughput {
	readonly rate: number;
	readonly cpuMicros: number;
}

type FunctionName = 'echo' | 'rejudge';
const NAMES: readonly FunctionName[] = ['echo', 'rejudge'];
/** What every remote function costs: the batch read, and as much sent back. */
const ECHO = {
	name: 'echo',
	code: "(request, response) => request.method === 'GET' ? response.end() : response.json({ replies: request.body.calls.map(([call]) => call) })",
} as const;

export interface RejudgeFigures {
	/** Medians of alternating rounds. */
	readonly batches: readonly ({ readonly size: number; readonly replyBytes: number } & Readonly<Record<FunctionName, Throughput>>)[];
	/** Batches over many snapshots, judged one after the other by an instance that has just started. */
	readonly history: readonly HistoryFigures[];
	/** Replies that were read, and how many of them are no decided row. */
	readonly checked: number;
	readonly wrong: number;
	/** Answers other than 200. */
	readonly other: Readonly<Record<string, number>>;
}

/** `rate`: rows a second, from a bucket in memory. */
export interface HistoryFigures {
	/** In which order the entries stand in the batch. */
	readonly order: 'by-time' | 'mixed';
	readonly snapshots: number;
	readonly size: number;
	readonly rate: number;
	/** Snapshots that were read, a batch. */
	readonly reads: number;
}

export async function measureRejudge({ rounds, roundMs }: RejudgeSizes): Promise<RejudgeFigures> {
	const texts = generateData(generateState(), { count: ENTRIES }).map((data) => data.toString());
	const backends = await startBackends(0);
	const functions = await installFunctions('rejudge', ECHO);
	const running: Served[] = [];
	const other: Record<string, number> = {};
	try {
		const start = async (name: FunctionName): Promise<Served> => {
			const env = { SNAPSHOTS: 'gs://snapshots', DATASET: 'project.audit', GCS_API_ENDPOINT: backends.bucketUrl };
			const served = await functions.start(name, env);
			running.push(served);
			return served;
		};
		const served = { echo: await start('echo'), rejudge: await start('rejudge') };
		const { replyBytes, wrong } = await check(served.rejudge.port, texts);

		const round = async (
			name: FunctionName,
			{ size, next }: { readonly size: number; readonly next: () => Buffer },
		): Promise<Throughput> => {
			const before = await served[name].usage();
			const { rate, statuses } = await loadFully({ port: served[name].port, next }, { connections: AT_ONCE, ms: roundMs });
			const { cpuMicros } = await served[name].usage();
			let answered = 0;
			for (const [status, count] of statuses) {
				answered += count;
				if (status !== 200) other[status] = (other[status] ?? 0) + count;
			}
			return { rate: rate * size, cpuMicros: (cpuMicros - before.cpuMicros) / (answered * size) };
		};

		const batches: RejudgeFigures['batches'][number][] = [];
		for (const size of BATCHES) {
			const batch = { size, next: createBatches(texts, size) };
			const measured = { echo: [] as Throughput[], rejudge: [] as Throughput[] };
			for (const name of NAMES) await round(name, batch);
			for (let index = 0; index < rounds; index++) for (const name of NAMES) measured[name].push(await round(name, batch));
			batches.push({
				size,
				replyBytes: (replyBytes * size) / texts.length,
				echo: medians(measured.echo),
				rejudge: medians(measured.rejudge),
			});
		}
		const history = await measureHistory(texts, rounds);
		return { batches, history, checked: texts.length, wrong, other };
	} finally {
		for (const each of running) await each.stop();
		await backends.stop();
		await functions.remove();
	}
}

/** In this process: what counts is reading, parsing and compiling snapshots, beside which HTTP is nothing. Throws where a row is not decided. */
async function measureHistory(texts: readonly string[], rounds: number): Promise<HistoryFigures[]> {
	const memory = createMemory();
	const folder = clusterFolder(CLUSTER) ?? '';
	const state = { ...generateState(), cluster: CLUSTER };
	const timeAt = (hour: number, minute: number): string =>
		new Date(Date.UTC(2026, 10, 1, hour, minute)).toISOString().replace('.000Z', 'Z');
	const put = (name: string, bytes: Buffer) => memory.held.set(`${folder}${name}`, { bytes, version: '1' });
	for (let hour = 0; hour < HISTORY.snapshots; hour++) {
		const validFrom = timeAt(hour, 0);
		const snapshot = createSnapshot({ state, validFrom, collectedAt: validFrom });
		const name = snapshotName(validFrom);
		put(name, encodeSnapshot(snapshot));
		put(LATEST_NAME, Buffer.from(formatLatest({ name, id: snapshot.id, seenUntil: timeAt(hour, 10) })));
	}
	const byTime = texts.slice(0, HISTORY.size).map((text, index) => {
		const hour = Math.floor((index * HISTORY.snapshots) / HISTORY.size);
		return JSON.stringify({ ...(JSON.parse(text) as object), timestamp: timeAt(hour, 5) });
	});
	const random = createRandom(SEED);
	const mixed = byTime
		.map((text) => ({ text, at: random.below(1_000_000) }))
		.sort((a, b) => a.at - b.at)
		.map(({ text }) => text);

	const figures: HistoryFigures[] = [];
	for (const [order, calls] of [
		['by-time', byTime],
		['mixed', mixed],
	] as const) {
		let reads = 0;
		const rates: number[] = [];
		for (let round = 0; round < rounds; round++) {
			const store: typeof memory.reading = {
				...memory.reading,
				read(name, maxBytes) {
					if (name.endsWith('.gz')) reads++;
					return memory.reading.read(name, maxBytes);
				},
			};
			const ports = { now: () => new Date(), log: () => {}, candidates: DEFAULT_CANDIDATES };
			const snapshots = createTimeline(store, { ...ports, maxObjectBytes: 100_000_000, freshMs: 5000 });
			const startMs = performance.now();
			const outcome = await createRejudgeBatch({ ...ports, snapshots })(calls);
			rates.push((calls.length / (performance.now() - startMs)) * 1000);
			if (outcome.kind === 'failed') throw outcome.error;
			const undecided = outcome.replies.filter((reply) => reply.includes('\\"snapshot_id\\":null')).length;
			if (outcome.counts.judged !== calls.length || undecided > 0)
				throw new Error(`${outcome.counts.judged} of ${calls.length} rows, ${undecided} without a snapshot`);
		}
		figures.push({ order, snapshots: HISTORY.snapshots, size: calls.length, rate: median(rates), reads: reads / rounds });
	}
	return figures;
}

const medians = (list: readonly Throughput[]): Throughput => ({
	rate: median(list.map(({ rate }) => rate)),
	cpuMicros: median(list.map(({ cpuMicros }) => cpuMicros)),
});

const bodyOf = (texts: readonly string[]): string =>
	JSON.stringify({
		requestId: '1',
		caller: '//bigquery.googleapis.com/projects/p/jobs/p:EU.j',
		sessionUser: 'u@example.com',
		calls: texts.map((text) => [text]),
	});

/** Requests without an end, written once. */
function createBatches(texts: readonly string[], size: number): () => Buffer {
	const requests = Array.from({ length: Math.min(100, Math.floor(texts.length / size)) }, (_, index) => {
		const body = bodyOf(texts.slice(index * size, (index + 1) * size));
		return Buffer.from(
			`POST / HTTP/1.1\r\nhost: f\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
		);
	});
	let sent = 0;
	return () => requests[sent++ % requests.length] as Buffer;
}

/** Every entry once: each must come back as a row of its own that was decided. Resolves with the size of the answers together. */
async function check(port: number, texts: readonly string[]): Promise<{ readonly replyBytes: number; readonly wrong: number }> {
	let [replyBytes, wrong] = [0, 0];
	for (let from = 0; from < texts.length; from += 1000) {
		const some = texts.slice(from, from + 1000);
		const response = await fetch(`http://127.0.0.1:${port}/`, {
			method: 'POST',
			headers: { 'content-type': 'application/json' },
			body: bodyOf(some),
		});
		const text = await response.text();
		replyBytes += Buffer.byteLength(text);
		const { replies } = JSON.parse(text) as { readonly replies: readonly string[] };
		for (const [index, call] of some.entries()) {
			const row = JSON.parse(replies[index] ?? '{}') as Record<string, unknown>;
			const known = row['insert_id'] === (JSON.parse(call) as Record<string, unknown>)['insertId'];
			if (!known || row['snapshot_id'] === null || row['finding'] === undefined) wrong++;
		}
	}
	return { replyBytes, wrong };
}

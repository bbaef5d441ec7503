import { GROUP_LIMITS } from '../../functions/ingest/group-commit.ts';
import { decodeMessage } from '../../functions/ingest/message.ts';
import { toVerdictRow } from '../../functions/ingest/row.ts';
import { type CompiledSnapshot, compileSnapshot } from '../../functions/policy/compile.ts';
import { judge } from '../../functions/policy/judge.ts';
import { DEFAULT_CANDIDATES } from '../../functions/policy/semantics.ts';
import { createSnapshot } from '../../functions/snapshot/canonical.ts';
import { median } from './figures.ts';
import { loadFully, loadPaced, openConnection, type Paced } from './load.ts';
import { CLUSTER, createPushes, generateData, generateState, VALID_FROM } from './push.ts';
import { installFunctions, type Served, startBackends } from './serve.ts';

export interface IngestSizes {
	readonly rounds: number;
	readonly roundMs: number;
	readonly boots: number;
	/** Distinct entries that are decoded, judged and made rows of without HTTP. */
	readonly entries: number;
	/** Entries through HTTP while the memory is watched. */
	readonly soak: number;
}

export const QUICK: IngestSizes = { rounds: 3, roundMs: 3000, boots: 5, entries: 100_000, soak: 50_000 };
export const FULL: IngestSizes = { rounds: 5, roundMs: 5000, boots: 5, entries: 500_000, soak: 1_000_000 };

/** Requests under way at once: what Cloud Run gives an instance at most. Fewer would wait for inserts, and measure nothing but that. */
export const IN_FLIGHT = 1000;
export const INSERT_MS = 75;

type FunctionName = 'noop' | 'ingest';
const NOOP = { name: 'noop', code: '(request, response) => response.status(204).end()' } as const;

/** Rates a second; `cpuMicros`: what one request costs the function's process. */
export interface Throughput {
	readonly rate: number;
	readonly cpuMicros: number;
}

export interface IngestFigures {
	readonly boot: Readonly<Record<FunctionName, { readonly answeredMs: number; readonly acknowledgedMs: number }>>;
	readonly throughput: Readonly<Record<FunctionName, Throughput>>;
	/** Of the rates of alternating rounds. */
	readonly ratio: number;
	/** Medians of rounds, and the longest of all. */
	readonly paced: Pick<Paced, 'p50Ms' | 'p99Ms' | 'maxMs'> & { readonly rate: number };
	/** Of the function's process, in MB: before the load, then after each quarter of the entries. */
	readonly rssMb: readonly number[];
	/** Of the no-op's after its rounds. */
	readonly noopRssMb: number;
	readonly soaked: number;
	/** Decoded, judged and made a row of, on one core. */
	readonly entriesPerSecond: number;
	readonly acknowledged: number;
	readonly rows: Readonly<Record<string, number>>;
	/** Answers other than 204. */
	readonly other: Readonly<Record<string, number>>;
}

export async function measureIngest(sizes: IngestSizes): Promise<IngestFigures> {
	const state = generateState();
	const snapshot = compileSnapshot(createSnapshot({ state: { ...state, cluster: CLUSTER }, validFrom: VALID_FROM }));
	const entriesPerSecond = measureRows(snapshot, generateData(state, { count: sizes.entries }));
	const next = createPushes(generateData(state, { count: 20_000 }));
	const backends = await startBackends(INSERT_MS);
	const functions = await installFunctions('ingest', NOOP);
	const env = {
		SNAPSHOTS: 'gs://snapshots',
		DATASET: 'project.audit',
		GCS_API_ENDPOINT: backends.bucketUrl,
		BIGQUERY_EMULATOR_HOST: backends.warehouseUrl,
	};
	const running: Served[] = [];
	const statuses = { noop: new Map<number, number>(), ingest: new Map<number, number>() };
	try {
		const start = async (name: FunctionName): Promise<Served> => {
			const served = await functions.start(name, name === 'ingest' ? env : {});
			running.push(served);
			return served;
		};
		const boots = await measureBoots(start, { next, boots: sizes.boots, statuses });
		const served = { noop: await start('noop'), ingest: await start('ingest') };
		const round = async (name: FunctionName): Promise<Throughput> => {
			const before = await served[name].usage();
			const loaded = await loadFully({ port: served[name].port, next }, { connections: IN_FLIGHT, ms: sizes.roundMs });
			const { cpuMicros } = await served[name].usage();
			return { rate: loaded.rate, cpuMicros: (cpuMicros - before.cpuMicros) / add(statuses[name], loaded.statuses) };
		};
		for (const name of ['noop', 'ingest'] as const) await round(name);
		const rounds = { noop: [] as Throughput[], ingest: [] as Throughput[] };
		for (let index = 0; index < sizes.rounds; index++) for (const name of ['noop', 'ingest'] as const) rounds[name].push(await round(name));
		const medians = (list: readonly Throughput[]): Throughput => ({
			rate: median(list.map(({ rate }) => rate)),
			cpuMicros: median(list.map(({ cpuMicros }) => cpuMicros)),
		});
		const throughput = { noop: medians(rounds.noop), ingest: medians(rounds.ingest) };
		const rate = throughput.ingest.rate / 2;
		const paced: Paced[] = [];
		for (let index = 0; index < sizes.rounds; index++) {
			const round = await loadPaced({ port: served.ingest.port, next }, { connections: IN_FLIGHT, ms: sizes.roundMs, rate });
			add(statuses.ingest, round.statuses);
			paced.push(round);
		}

		const noopRssMb = (await served.noop.usage()).rss / 1e6;
		const rssMb = [(await served.ingest.usage()).rss / 1e6];
		for (let quarter = 0; quarter < 4; quarter++) {
			const options = { connections: IN_FLIGHT, ms: 3_600_000, requests: sizes.soak / 4 };
			add(statuses.ingest, (await loadFully({ port: served.ingest.port, next }, options)).statuses);
			rssMb.push((await served.ingest.usage()).rss / 1e6);
		}
		const other = [...statuses.noop, ...statuses.ingest].filter(([status]) => status !== 204);
		return {
			boot: boots,
			throughput,
			ratio: median(rounds.ingest.map((ingest, index) => ingest.rate / (rounds.noop[index]?.rate ?? 0))),
			paced: {
				p50Ms: median(paced.map(({ p50Ms }) => p50Ms)),
				p99Ms: median(paced.map(({ p99Ms }) => p99Ms)),
				maxMs: Math.max(...paced.map(({ maxMs }) => maxMs)),
				rate,
			},
			rssMb,
			noopRssMb,
			soaked: sizes.soak,
			entriesPerSecond,
			acknowledged: statuses.ingest.get(204) ?? 0,
			rows: await backends.rows(),
			other: Object.fromEntries(other),
		};
	} finally {
		for (const each of running) await each.stop();
		await backends.stop();
		await functions.remove();
	}
}

/** Adds to the sums by status, and tells how many were added. */
function add(sums: Map<number, number>, statuses: ReadonlyMap<number, number>): number {
	let all = 0;
	for (const [status, count] of statuses) {
		sums.set(status, (sums.get(status) ?? 0) + count);
		all += count;
	}
	return all;
}

interface BootOptions {
	readonly next: () => Buffer;
	readonly boots: number;
	readonly statuses: Record<FunctionName, Map<number, number>>;
}

/** In turns. The first message waits for the snapshot to be read and compiled, and for its row. */
async function measureBoots(
	start: (name: FunctionName) => Promise<Served>,
	{ next, boots, statuses }: BootOptions,
): Promise<IngestFigures['boot']> {
	const times = { noop: [] as (readonly [number, number])[], ingest: [] as (readonly [number, number])[] };
	for (let index = 0; index < boots; index++)
		for (const name of ['noop', 'ingest'] as const) {
			const served = await start(name);
			const from = performance.now();
			const connection = await openConnection(served.port);
			add(statuses[name], new Map([[await connection.send(next()), 1]]));
			times[name].push([served.bootMs, served.bootMs + performance.now() - from]);
			connection.close();
			await served.stop();
		}
	const medians = (list: readonly (readonly [number, number])[]) => ({
		answeredMs: median(list.map(([answered]) => answered)),
		acknowledgedMs: median(list.map(([, acknowledged]) => acknowledged)),
	});
	return { noop: medians(times.noop), ingest: medians(times.ingest) };
}

/** Entries that are handled between two looks at the clock. */
const CHUNK = 100;

/** Entries a second, by the median chunk: from bytes to a row, as the function makes one. */
function measureRows(snapshot: CompiledSnapshot, data: readonly Buffer[]): number {
	const judgedAt = new Date();
	const rates: number[] = [];
	let rows = 0;
	for (let index = 0; index < data.length; index += CHUNK) {
		const from = performance.now();
		for (let each = index; each < index + CHUNK; each++) {
			const decoded = decodeMessage(data[each] as Buffer);
			if (decoded.kind !== 'ok') throw new Error(`a good entry is rejected: ${decoded.detail}`);
			const { entry } = decoded;
			const judgement = judge(snapshot, entry.observation, DEFAULT_CANDIDATES);
			const row = toVerdictRow({ entry, judgement, snapshot, candidates: DEFAULT_CANDIDATES, judgedAt });
			if (row['finding'] !== undefined) rows++;
		}
		rates.push((CHUNK / (performance.now() - from)) * 1000);
	}
	if (rows !== data.length) throw new Error('entries without a row');
	return median(rates);
}

export interface Goal {
	readonly what: string;
	readonly met: boolean;
}

/** How much the memory may still grow over the second half of the entries, in MB. */
const GROWTH_MB = 64;

export function goalsOf({ boot, ratio, throughput, paced, rssMb, entriesPerSecond, acknowledged, rows, other }: IngestFigures): Goal[] {
	const bootRatio = boot.ingest.answeredMs / boot.noop.answeredMs;
	const bound = GROUP_LIMITS.lingerMs + INSERT_MS + 50;
	// Where the sender has no core of its own, the rates depend on it too; the CPU time does not.
	const byCpu = throughput.noop.cpuMicros / throughput.ingest.cpuMicros;
	const grown = (rssMb.at(-1) ?? 0) - (rssMb.at(-3) ?? 0);
	return [
		{ what: `first answer after ${bootRatio.toFixed(2)} times the no-op's time, at most 1.5`, met: bootRatio <= 1.5 },
		{ what: `${ratio.toFixed(2)} of the no-op's requests/s, at least 0.5 (by CPU time ${byCpu.toFixed(2)})`, met: ratio >= 0.5 },
		{ what: `p99 ${paced.p99Ms.toFixed(0)} ms, at most ${bound} ms (linger, insert and 50 ms)`, met: paced.p99Ms <= bound },
		{
			what: `${Math.round(entriesPerSecond).toLocaleString('en')} entries/s without HTTP, at least 100,000`,
			met: entriesPerSecond >= 100_000,
		},
		{ what: `memory ${grown.toFixed(0)} MB more over the second half of the entries, at most ${GROWTH_MB}`, met: grown <= GROWTH_MB },
		{
			what: `${acknowledged} acknowledged, ${rows['verdicts_v1'] ?? 0} verdicts written, ${rows['rejects_v1'] ?? 0} rejects, other answers ${JSON.stringify(other)}`,
			met: acknowledged === rows['verdicts_v1'] && !rows['rejects_v1'] && Object.keys(other).length === 0,
		},
	];
}

import { GROUP_LIMITS, type GroupLimits } from './ingest/group-commit.ts';
import { parseCandidates } from './policy/candidates.ts';
import { DEFAULT_CANDIDATES, type Mask } from './policy/semantics.ts';

/** What the deployed functions are told. */
export interface Config {
	/** Where the snapshots are. */
	readonly bucket: { readonly bucket: string; readonly prefix: string; readonly apiEndpoint: string | undefined };
	/** Where rows go. */
	readonly dataset: { readonly projectId: string; readonly datasetId: string; readonly apiEndpoint: string | undefined };
	/** Where requests for snapshots are published: `projects/PROJECT/topics/TOPIC`; `undefined` where nobody takes snapshots. */
	readonly snapshotTopic: string | undefined;
	/** Another server than GKE's API; `undefined`: Google's. */
	readonly gkeApiEndpoint: string | undefined;
	readonly candidates: Mask;
	/** Of confirmed traffic one entry in so many is kept; 0: none. */
	readonly keepConfirmed: number;
	/** How long a message may wait for its row to be durable. */
	readonly patienceMs: number;
	readonly group: GroupLimits;
	/** Lines a second of entries that were acknowledged; other lines are always written. */
	readonly logLinesPerSecond: number;
}

/** `refused`: one line a bad variable, all of them. */
export type ParsedConfig =
	| { readonly kind: 'ok'; readonly config: Config }
	| { readonly kind: 'refused'; readonly problems: readonly string[] };

export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables of the environment that are read, and what each is. */
const VARIABLES = {
	SNAPSHOTS: 'the bucket with the snapshots, as gs://BUCKET or gs://BUCKET/FOLDER',
	DATASET: 'the BigQuery dataset of tables and views, as PROJECT.DATASET',
	SNAPSHOT_TOPIC: 'the topic that asks for snapshots, as projects/PROJECT/topics/TOPIC; without it none is asked for',
	CANDIDATES: 'what Dataplane V2 may be, as ids of semantics separated by commas; without it, all that Google’s documentation leaves open',
	KEEP_CONFIRMED:
		'what is kept of the traffic that is allowed as before: all, none, or 1/N for one entry in N, whose row then stands for N',
} as const;

/** Whole numbers, each with its default and its bounds. */
const NUMBERS = {
	/** Less than the subscription's ack deadline, which is the time-out of the push: the answer must arrive before it. */
	PATIENCE_SECONDS: { standard: 50, least: 1, most: 590 },
	LOG_LINES_PER_SECOND: { standard: 50, least: 0, most: 100_000 },
	LINGER_MS: { standard: GROUP_LIMITS.lingerMs, least: 0, most: 1_000 },
	GROUP_ROWS: { standard: GROUP_LIMITS.maxRows, least: 1, most: 50_000 },
	GROUP_BYTES: { standard: GROUP_LIMITS.maxBytes, least: 1_000, most: 9_000_000 },
	INSERTS: { standard: GROUP_LIMITS.maxInserts, least: 1, most: 100 },
	QUEUE_ROWS: { standard: GROUP_LIMITS.queueRows, least: 1, most: 1_000_000 },
	QUEUE_BYTES: { standard: GROUP_LIMITS.queueBytes, least: 1_000, most: 1_000_000_000 },
} as const;

const BUCKET = /^gs:\/\/([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?:\/(.*?))?\/?$/;
const TOPIC = /^projects\/[a-z0-9.:-]+\/topics\/[A-Za-z][\w.~+%-]{2,254}$/;
/** A project may belong to a domain: `example.com:project`. */
const DATASET = /^((?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9])[.](\w{1,1024})$/;

/** Parses the environment. Every variable that is missing or bad is named at once. */
export function parseConfig(env: Environment): ParsedConfig {
	const problems: string[] = [];
	const bucket = readBucket(env, problems);
	const dataset = readDataset(env, problems);
	const snapshotTopic = env['SNAPSHOT_TOPIC'] || undefined;
	if (snapshotTopic !== undefined && !TOPIC.test(snapshotTopic))
		problems.push(`SNAPSHOT_TOPIC is no topic (${JSON.stringify(snapshotTopic)}): ${VARIABLES.SNAPSHOT_TOPIC}`);
	const candidates = env['CANDIDATES'] ? parseCandidates(env['CANDIDATES']) : DEFAULT_CANDIDATES;
	if (typeof candidates === 'string') problems.push(`CANDIDATES: ${candidates}`);
	const keepConfirmed = readShare(env, problems);
	const number = (name: keyof typeof NUMBERS): number => readNumber(env, { name, ...NUMBERS[name] }, problems);
	const patienceMs = number('PATIENCE_SECONDS') * 1000;
	const logLinesPerSecond = number('LOG_LINES_PER_SECOND');
	const group: GroupLimits = {
		lingerMs: number('LINGER_MS'),
		maxRows: number('GROUP_ROWS'),
		maxBytes: number('GROUP_BYTES'),
		maxInserts: number('INSERTS'),
		queueRows: number('QUEUE_ROWS'),
		queueBytes: number('QUEUE_BYTES'),
	};
	if (!bucket || !dataset || typeof candidates === 'string' || problems.length > 0) return { kind: 'refused', problems };
	const gkeApiEndpoint = env['GKE_API_ENDPOINT'] || undefined;
	return {
		kind: 'ok',
		config: { bucket, dataset, snapshotTopic, gkeApiEndpoint, candidates, keepConfirmed, patienceMs, group, logLinesPerSecond },
	};
}

const SHARE = /^1\/([1-9]\d{0,5})$/;

function readShare(env: Environment, problems: string[]): number {
	const given = env['KEEP_CONFIRMED'] || 'all';
	if (given === 'all') return 1;
	if (given === 'none') return 0;
	const [, share] = SHARE.exec(given) ?? [];
	if (share === undefined) problems.push(`KEEP_CONFIRMED ${missing(given)}: ${VARIABLES.KEEP_CONFIRMED}`);
	return Number(share);
}

function readBucket(env: Environment, problems: string[]): Config['bucket'] | undefined {
	const given = env['SNAPSHOTS'] ?? '';
	const [, bucket, prefix = ''] = BUCKET.exec(given) ?? [];
	if (bucket !== undefined) return { bucket, prefix, apiEndpoint: env['GCS_API_ENDPOINT'] || undefined };
	problems.push(`SNAPSHOTS ${missing(given)}: ${VARIABLES.SNAPSHOTS}`);
	return undefined;
}

export function readDataset(env: Environment, problems: string[]): Config['dataset'] | undefined {
	const given = env['DATASET'] ?? '';
	const [, projectId, datasetId] = DATASET.exec(given) ?? [];
	// An emulator's host, as Google's own clients read it.
	const apiEndpoint = (env['BIGQUERY_EMULATOR_HOST'] || undefined)?.replace(/^(?!https?:\/\/)/, 'http://');
	if (projectId !== undefined && datasetId !== undefined) return { projectId, datasetId, apiEndpoint };
	problems.push(`DATASET ${missing(given)}: ${VARIABLES.DATASET}`);
	return undefined;
}

const missing = (given: string): string => (given === '' ? 'is missing' : `cannot be read (${JSON.stringify(given)})`);

export interface WholeNumber {
	readonly name: string;
	readonly standard: number;
	readonly least: number;
	readonly most: number;
}

export function readNumber(env: Environment, { name, standard, least, most }: WholeNumber, problems: string[]): number {
	const given = env[name];
	if (given === undefined || given === '') return standard;
	const value = /^\d{1,12}$/.test(given) ? Number(given) : Number.NaN;
	if (value >= least && value <= most) return value;
	problems.push(`${name} is no whole number from ${least} to ${most} (${JSON.stringify(given)}); without it, ${standard}`);
	return standard;
}

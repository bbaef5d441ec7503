/** One scenario: the deployed artefact between servers that fail, and the accounting after it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Field } from '../../functions/adapters/schemas.ts';
import { createRandom, type Random } from '../random.ts';
import type { Installed, Running } from '../servers/artefact.ts';
import { type Fault, type InsertAllOptions, type InsertAllRequest, type InsertAllServer, startInsertAll } from '../servers/insert-all.ts';
import { generateMessages } from '../servers/messages.ts';
import { account, createAckRule, type Sent } from './accounting.ts';
import { type BucketFault, startBucket } from './bucket.ts';
import { createPusher, type Pusher, type PusherOptions } from './pusher.ts';

/** What a scenario can do while messages are pushed, and look at afterwards. */
export interface Stage {
	readonly messages: readonly Sent[];
	readonly pusher: Pusher;
	readonly server: InsertAllServer;
	/** Ends the function and, after a pause, starts it again. */
	restart(signal: NodeJS.Signals): Promise<void>;
	/** What the function logged, over all its processes. */
	lines(): readonly Record<string, unknown>[];
	/** Waits until that many messages were acknowledged. */
	acked(count: number): Promise<void>;
}

export interface Scenario {
	readonly name: string;
	readonly messages?: number;
	/** Over how long they are published. */
	readonly spreadMs?: number;
	readonly env?: Readonly<Record<string, string>>;
	readonly push?: Partial<PusherOptions>;
	readonly server?: Omit<InsertAllOptions, 'tables' | 'faults'>;
	readonly faults?: (request: InsertAllRequest) => Fault | undefined;
	readonly bucketFaults?: (number: number) => BucketFault | undefined;
	/** Whose rows the table refuses. */
	readonly refused?: (key: string) => boolean;
	readonly act?: (stage: Stage) => Promise<void>;
	/** What should have happened for the scenario to mean something, and did not. */
	readonly missed?: (stage: Stage) => string | undefined;
}

/** Made anew for each run, because it may count. */
export type ScenarioOf = (random: Random) => Scenario;

export interface Result {
	readonly name: string;
	readonly messages: number;
	readonly attempts: number;
	readonly lost: number;
	readonly doubled: number;
	readonly seconds: number;
	readonly answers: ReadonlyMap<string, number>;
	readonly problems: readonly string[];
}

export interface Surroundings {
	readonly artefact: Installed;
	readonly tables: ReadonlyMap<string, readonly Field[]>;
	readonly seed: number;
}

const MESSAGES = 500;
const LIMIT_MS = 60_000;

export async function runScenario(scenarioOf: ScenarioOf, { artefact, tables, seed }: Surroundings): Promise<Result> {
	const startedMs = performance.now();
	const scenario = scenarioOf(createRandom(seed));
	const messages = generateMessages(scenario.messages ?? MESSAGES, seed).map((message, index): Sent => {
		const refused = message.finding !== 'reject' && (scenario.refused?.(message.key) ?? false);
		return { ...message, id: `${seed}${String(index).padStart(6, '0')}`, refused };
	});
	const injected = { warehouse: 0, bucket: 0 };
	const server = await startInsertAll({
		tables,
		...scenario.server,
		faults: (request) => {
			const fault = scenario.faults?.(request);
			if (fault) injected.warehouse++;
			return fault;
		},
	});
	const bucket = await startBucket((number) => {
		const fault = scenario.bucketFaults?.(number);
		if (fault) injected.bucket++;
		return fault;
	});
	const env = {
		SNAPSHOTS: 'gs://snapshots',
		DATASET: 'project.audit',
		GCS_API_ENDPOINT: bucket.url,
		BIGQUERY_EMULATOR_HOST: server.url,
		PATIENCE_SECONDS: '2',
		...scenario.env,
	};
	const processes: Running[] = [await artefact.start(env)];
	const ackRule = createAckRule(() => server);
	let early = 0;
	let over = false;
	const pusher = createPusher({
		url: () => processes.at(-1)?.url ?? '',
		random: createRandom(seed + 1),
		onAck: (message) => {
			if (!ackRule.holds(message as Sent)) early++;
		},
		...scenario.push,
	});
	const stage: Stage = {
		messages,
		pusher,
		server,
		lines: () => processes.flatMap((running) => running.lines()),
		async restart(signal) {
			await processes.at(-1)?.stop(signal);
			await sleep(100);
			const again = await artefact.start(env);
			if (over) await again.stop();
			else processes.push(again);
		},
		async acked(count) {
			while (pusher.acked() < count && performance.now() - startedMs < LIMIT_MS) await sleep(2);
		},
	};
	const problems: string[] = [];
	try {
		pusher.publish(messages, scenario.spreadMs);
		const timer = new AbortController();
		const ended = Promise.all([scenario.act?.(stage), pusher.idle()]).then(async () => {
			await pusher.idle();
			return true;
		});
		if (!(await Promise.race([ended, sleep(LIMIT_MS, false, { signal: timer.signal }).catch(() => false)])))
			problems.push(`not at an end after ${LIMIT_MS / 1000} s`);
		timer.abort();
		if (pusher.acked() !== messages.length) problems.push(`${messages.length - pusher.acked()} never acknowledged`);
		if (pusher.deadLettered() > 0) problems.push(`${pusher.deadLettered()} dead-lettered`);
		if (early > 0) problems.push(`${early} acknowledged before their row was stored`);
		if (scenario.faults && injected.warehouse === 0) problems.push('BigQuery never failed');
		if (scenario.bucketFaults && injected.bucket === 0) problems.push('the bucket never failed');
		const bugs = stage.lines().filter(({ reason }) => reason === 'internal-error');
		if (bugs[0]) problems.push(`${bugs.length} internal errors: ${JSON.stringify(bugs[0]).slice(0, 300)}`);
		const missed = scenario.missed?.(stage);
		if (missed !== undefined) problems.push(missed);
	} finally {
		over = true;
		pusher.close();
		for (const running of processes) await running.stop();
		await server.close();
		await bucket.close();
	}
	const counted = await account(server, { messages, tables });
	return {
		name: scenario.name,
		messages: messages.length,
		attempts: pusher.attempts(),
		lost: counted.lost,
		doubled: counted.doubled,
		seconds: (performance.now() - startedMs) / 1000,
		answers: pusher.answers(),
		problems: [...problems, ...counted.problems],
	};
}

/**
 * Plays a day through the alert function's own parts, a run a minute by a clock of its own: the store with its SQL on DuckDB, Slack on loopback.
 * Runs overlap, die between claim and post or between post and its note, and Slack is down for a while, as it is told.
 */
import { randomUUID } from 'node:crypto';
import { createAlertStore } from '../../functions/adapters/alert-store.ts';
import { openDuckdb } from '../../functions/adapters/duckdb.ts';
import { createSlackWebhook } from '../../functions/adapters/slack.ts';
import { toPlainMessage, toSlackMessage } from '../../functions/alert/message/slack.ts';
import { FLOOD } from '../../functions/alert/plan.ts';
import { type RunCounts, type RunEvent, type RunPorts, runAlerts } from '../../functions/alert/run.ts';
import { parseAlertConfig } from '../../functions/alert-config.ts';
import type { Row, SqlEngine } from '../../functions/ports.ts';
import { createRandom } from '../random.ts';
import { snapshotRow } from '../schemas/rows.ts';
import { startSlack } from '../servers/slack.ts';
import { CLUSTERS, DAY_MS, type Day, type Entry, rowOf, START_MS } from './day.ts';

const MINUTE_MS = 60_000;
/** Ingest has written an entry's row by then, and its cluster was seen after it. */
const ARRIVAL_MS = 5000;

export interface Playing {
	readonly seed: number;
	/** Between two runs. */
	readonly tickMs?: number;
	/** When Slack is down, in ms since the day began. */
	readonly down?: readonly [fromMs: number, toMs: number];
	/** One run in so many has another beside it. 0: none. */
	readonly twins?: number;
	/** One run in so many dies, where it has something to post. 0: none. */
	readonly deaths?: number;
}

export interface Played {
	readonly runs: number;
	/** That had another beside them. */
	readonly twins: number;
	/** That died after they had claimed, before they posted. */
	readonly diedClaiming: number;
	/** That died after Slack had taken a message, before that was noted. */
	readonly diedPosting: number;
	/** Messages that stand in the channel. */
	readonly messages: number;
	/** The most that one run posted. */
	readonly mostOfARun: number;
	/** Requests that Slack answered with 429. */
	readonly limited: number;
	readonly yielded: number;
	readonly failures: number;
	/** Rows of `alerts_v1` that were posted. */
	readonly posted: readonly Row[];
	/** Rows that were not, and hold nothing any more. */
	readonly left: number;
	readonly texts: readonly string[];
}

export async function play({ entries }: Day, { seed, tickMs = MINUTE_MS, down, twins = 0, deaths = 0 }: Playing): Promise<Played> {
	const clock = { ms: START_MS };
	const now = (): number => clock.ms;
	const random = createRandom(seed);
	const slack = await startSlack({ now });
	const duckdb = await openDuckdb();
	const engine = insisting(duckdb);
	const counted = { runs: 0, twins: 0, diedClaiming: 0, diedPosting: 0, mostOfARun: 0, yielded: 0, failures: 0 };
	let next = 0;

	const feed = async (): Promise<void> => {
		const arrived: Entry[] = [];
		for (; (entries[next]?.ms ?? Number.POSITIVE_INFINITY) <= clock.ms - ARRIVAL_MS; next++) arrived.push(entries[next] as Entry);
		const collectedAt = new Date(clock.ms - ARRIVAL_MS + 1).toISOString();
		const collections = CLUSTERS.map(({ project, location, name }) =>
			snapshotRow({ collected_at: collectedAt, project_id: project, location, cluster_name: name }),
		);
		await Promise.all([
			...arrived.map((entry) => duckdb.write('verdicts_v1', rowOf(entry))),
			...collections.map((row) => duckdb.write('snapshots_v1', row)),
		]);
	};

	const runOnce = async (): Promise<void> => {
		counted.runs++;
		const dies = deaths > 0 && random.below(deaths) === 0 ? random.pick(['diedClaiming', 'diedPosting'] as const) : undefined;
		const death = Promise.withResolvers<undefined>();
		const die = (): Promise<never> => {
			if (dies) counted[dies]++;
			death.resolve(undefined);
			return new Promise(() => {});
		};
		// An instance of its own, with a pace of its own.
		const ports = portsOf({ engine, url: slack.webhookUrl, clock });
		try {
			const ended: RunCounts | undefined = await Promise.race([runAlerts(dies ? mortal(ports, { dies, die }) : ports), death.promise]);
			if (!ended) return;
			counted.mostOfARun = Math.max(counted.mostOfARun, ended.messages);
			counted.yielded += ended.yielded;
			if (ended.left > 0) counted.failures++;
		} catch (error) {
			throw new Error(`a run failed: ${String(error)}`, { cause: error });
		}
	};

	try {
		for (let tick = START_MS; tick <= START_MS + DAY_MS; tick += tickMs) {
			// A run that took long is not overtaken by the next.
			if (clock.ms > tick) continue;
			clock.ms = tick;
			const isDown = down !== undefined && tick >= START_MS + down[0] && tick < START_MS + down[1];
			await slack.fault(isDown ? { kind: 'down' } : undefined);
			await feed();
			const twin = twins > 0 && random.below(twins) === 0;
			if (twin) counted.twins++;
			await Promise.all(twin ? [runOnce(), runOnce()] : [runOnce()]);
		}
		const rows = await duckdb.query('SELECT * FROM `${dataset}.alerts_v1` ORDER BY posted_at, alert_id, fingerprint');
		return {
			...counted,
			messages: slack.messages.length,
			limited: slack.attempts.filter(({ answer }) => answer.startsWith('429')).length,
			posted: rows.filter((row) => row['posted_at'] !== null),
			left: rows.filter((row) => row['posted_at'] === null).length,
			texts: slack.messages.map(({ body }) => JSON.stringify(body)),
		};
	} finally {
		await duckdb.close();
		await slack.close();
	}
}

interface Wiring {
	readonly engine: SqlEngine;
	readonly url: string;
	readonly clock: { ms: number };
}

/** As the deployed function has them where its environment says nothing. */
function portsOf({ engine, url, clock }: Wiring): RunPorts {
	const parsed = parseAlertConfig({ DATASET: 'shop-prod.audit', SLACK_WEBHOOK: url });
	if (parsed.kind === 'refused') throw new Error(parsed.problems.join('\n'));
	const sleep = async (ms: number): Promise<void> => {
		clock.ms += ms;
	};
	return {
		...parsed.config,
		store: createAlertStore(engine, { now: () => new Date(clock.ms) }),
		channel: createSlackWebhook({ url, now: () => clock.ms, sleep }),
		render: toSlackMessage,
		renderPlain: toPlainMessage,
		tell: (event: RunEvent) => {
			if (event.kind === 'given-up' || event.kind === 'not-noted') throw new Error(`there is no reason for this: ${JSON.stringify(event)}`);
		},
		dataset: 'shop-prod.audit',
		newRun: randomUUID,
		now: () => new Date(clock.ms),
		flood: FLOOD,
	};
}

interface Mortality {
	readonly dies: 'diedClaiming' | 'diedPosting';
	readonly die: () => Promise<never>;
}

/** The process ends where it would post: nothing that comes after it happens. */
const mortal = (ports: RunPorts, { dies, die }: Mortality): RunPorts => {
	const { channel } = ports;
	return {
		...ports,
		channel: {
			threads: channel.threads,
			async post(body, options) {
				if (dies === 'diedClaiming') return die();
				const posted = await channel.post(body, options);
				return posted.kind === 'posted' ? die() : posted;
			},
		},
	};
};

/** DuckDB refuses a change that meets another one, as BigQuery does; the adapter of BigQuery asks again, and so does this. */
const insisting = (engine: SqlEngine): SqlEngine => ({
	async query(sql, parameters) {
		for (let attempt = 0; ; attempt++)
			try {
				return await engine.query(sql, parameters);
			} catch (error) {
				if (attempt === 20 || !/conflict/i.test(String(error))) throw error;
				await new Promise((resolve) => setTimeout(resolve, 5 * (attempt + 1)));
			}
	},
});

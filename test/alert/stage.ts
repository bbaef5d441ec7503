/** A run at noon, with its store on DuckDB and a channel that answers as it is told. */
import { createAlertStore } from '../../functions/adapters/alert-store.ts';
import { type LocalWarehouse, openDuckdb } from '../../functions/adapters/duckdb.ts';
import { toPlainMessage, toSlackMessage } from '../../functions/alert/message/slack.ts';
import { type RunCounts, type RunEvent, type RunPorts, runAlerts } from '../../functions/alert/run.ts';
import { parseAlertConfig } from '../../functions/alert-config.ts';
import type { AlertChannel, AlertStore, Posted, Row } from '../../functions/ports.ts';
import { snapshotRow, verdictRow } from '../schemas/rows.ts';
import { at, fingerprintOf, NOON_MS, PROD } from './sample.ts';

export interface Sent {
	readonly body: object;
	readonly thread: string | undefined;
}

export interface Stage {
	readonly clock: { ms: number };
	readonly duckdb: LocalWarehouse;
	readonly store: AlertStore;
	readonly sent: Sent[];
	readonly events: RunEvent[];
	/** Answers of the channel, one a message; after them `posted`. */
	readonly answers: Posted[];
	readonly run: (ports?: Partial<RunPorts>) => Promise<RunCounts>;
	readonly rows: () => Promise<Row[]>;
}

export const POSTED: Posted = { kind: 'posted', channel: 'C1', ts: '1.1' };
let runs = 0;

/** At noon, with so many rules that broke a workload each a minute before, and their cluster seen since. */
export async function stage(rules: number, use: (stage: Stage) => Promise<void>): Promise<void> {
	const duckdb = await openDuckdb();
	const clock = { ms: NOON_MS };
	const store = createAlertStore(duckdb, { now: () => new Date(clock.ms) });
	const [sent, events, answers]: [Sent[], RunEvent[], Posted[]] = [[], [], []];
	const parsed = parseAlertConfig({ DATASET: 'shop-prod.audit' });
	if (parsed.kind === 'refused') throw new Error(parsed.problems.join());
	const channel: AlertChannel = {
		threads: true,
		async post(body, { thread }) {
			sent.push({ body, thread });
			return answers.shift() ?? { ...POSTED, ts: `${sent.length}.0` };
		},
	};
	const run = (ports: Partial<RunPorts> = {}): Promise<RunCounts> =>
		runAlerts({
			...parsed.config,
			store,
			channel,
			render: toSlackMessage,
			renderPlain: toPlainMessage,
			tell: (event) => events.push(event),
			dataset: 'shop-prod.audit',
			newRun: () => `run-${++runs}`,
			now: () => new Date(clock.ms),
			...ports,
		});
	const rows = () => duckdb.query('SELECT * FROM `${dataset}.alerts_v1` ORDER BY posted_at, message_id');
	const where = { project_id: PROD.project, location: PROD.location, cluster_name: PROD.name };
	await duckdb.write('snapshots_v1', snapshotRow({ ...where, collected_at: at(-0.1) }));
	for (let rule = 0; rule < rules; rule++) await duckdb.write('verdicts_v1', broken(rule, -1));
	try {
		await use({ clock, duckdb, store, sent, events, answers, run, rows });
	} finally {
		await duckdb.close();
	}
}

export const broken = (rule: number, minute: number, peer = 'shop/Deployment/cart'): Row =>
	verdictRow({
		entry_id: `entry-${rule}-${minute}-${peer}`,
		project_id: PROD.project,
		location: PROD.location,
		cluster_name: PROD.name,
		timestamp: at(minute),
		judged_at: at(minute + 0.05),
		count: 4,
		fingerprint: fingerprintOf({ rule: `rule-${rule}`, policy: `shop/policy-${rule}`, peer }),
		summary: `Broken by the move, by shop/policy-${rule}.`,
		evidence: [
			{
				role: 'void',
				policy_namespace: 'shop',
				policy_name: `policy-${rule}`,
				direction: 'ingress',
				rule: 0,
				clause: 'ipBlock 10.8.0.0/14',
				construct: 'ipblock-pod',
			},
		],
	});

export const policiesOf = (sent: readonly Sent[]): string[] => sent.map(({ body }) => /policy-\d+/.exec(JSON.stringify(body))?.[0] ?? '');

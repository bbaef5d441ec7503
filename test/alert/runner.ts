import { createAlertStore } from '../../functions/adapters/alert-store.ts';
import type { LocalWarehouse } from '../../functions/adapters/duckdb.ts';
import type { Alert } from '../../functions/alert/alert.ts';
import { toPlainMessage, toSlackMessage } from '../../functions/alert/message/slack.ts';
import { alertsOf } from '../../functions/alert/plan.ts';
import { runAlerts } from '../../functions/alert/run.ts';
import { parseAlertConfig } from '../../functions/alert-config.ts';

/** An alert that was told. */
export interface Told {
	/** `05:09` */
	readonly time: string;
	readonly alert: Alert;
	/** The message, of Slack, as JSON. */
	readonly text: string;
}

/** Runs at a time, with the defaults and a channel that takes everything; what is told is added to `told`. */
export function createRunner(duckdb: LocalWarehouse): { readonly told: Told[]; readonly runAt: (ms: number) => Promise<void> } {
	const parsed = parseAlertConfig({ DATASET: 'shop-prod.audit' });
	if (parsed.kind === 'refused') throw new Error(parsed.problems.join());
	const { config } = parsed;
	const told: Told[] = [];
	return {
		told,
		async runAt(ms) {
			const now = (): Date => new Date(ms);
			await runAlerts({
				...config,
				store: createAlertStore(duckdb, { now }),
				channel: { threads: false, post: async () => ({ kind: 'posted' }) },
				render: toSlackMessage,
				renderPlain: toPlainMessage,
				tell(event) {
					if (event.kind !== 'posted') throw new Error(JSON.stringify(event));
					const text = JSON.stringify(toSlackMessage(event.notice, event.rendering));
					for (const alert of alertsOf(event.notice)) told.push({ time: now().toISOString().slice(11, 16), alert, text });
				},
				dataset: 'shop-prod.audit',
				newRun: () => `run-${ms}`,
				now,
			});
		},
	};
}

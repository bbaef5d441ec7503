import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAlertStore } from '../adapters/alert-store.ts';
import { createBigquerySql } from '../adapters/bigquery-sql.ts';
import { createJsonWebhook } from '../adapters/json-webhook.ts';
import { createSlackBot, createSlackWebhook } from '../adapters/slack.ts';
import { createAlert } from '../alert/handler.ts';
import { toJsonMessage } from '../alert/message/json.ts';
import { toPlainMessage, toSlackMessage } from '../alert/message/slack.ts';
import { type AlertConfig, parseAlertConfig } from '../alert-config.ts';
import type { AlertChannel } from '../ports.ts';
import { configOf, log, now } from './process.ts';

const { dataset, destination, slackApiEndpoint, ...rest } = configOf(parseAlertConfig(process.env));

function openChannel({ destination: to }: Pick<AlertConfig, 'destination'>): AlertChannel {
	const clock = { now: () => now().getTime(), sleep: (ms: number) => sleep(ms) };
	switch (to.kind) {
		case 'slack-webhook':
			return createSlackWebhook({ url: to.url, ...clock });
		case 'slack-bot':
			return createSlackBot({ token: to.token, channel: to.channel, apiEndpoint: slackApiEndpoint, ...clock });
		case 'webhook':
			return createJsonWebhook({ url: to.url, ...clock });
		case 'log':
			return { threads: false, post: async () => ({ kind: 'posted' }) };
		default:
			return to satisfies never;
	}
}

const isSlack = destination.kind === 'slack-webhook' || destination.kind === 'slack-bot';

/** The function that Cloud Scheduler calls each minute. Exported under the name of its entry point. */
export const alert = createAlert({
	...rest,
	store: createAlertStore(createBigquerySql(dataset)),
	channel: openChannel({ destination }),
	render: isSlack ? toSlackMessage : toJsonMessage,
	renderPlain: isSlack ? toPlainMessage : toJsonMessage,
	dataset: `${dataset.projectId}.${dataset.datasetId}`,
	traceProject: dataset.projectId,
	newRun: randomUUID,
	now,
	log,
});

import type { Timing } from './alert/decide.ts';
import { FLOOD, type Flood } from './alert/plan.ts';
import { type Config, type Environment, readDataset, readNumber } from './config.ts';

/** Where alerts go. What is secret stands here and nowhere else. */
export type Destination =
	| { readonly kind: 'slack-webhook'; readonly url: string }
	| { readonly kind: 'slack-bot'; readonly token: string; readonly channel: string }
	| { readonly kind: 'webhook'; readonly url: string }
	/** Only lines in the log, which are always written. */
	| { readonly kind: 'log' };

/** What the function that alerts is told. */
export interface AlertConfig {
	readonly dataset: Config['dataset'];
	readonly destination: Destination;
	/** Another server than Slack's API, for tests. */
	readonly slackApiEndpoint: string | undefined;
	readonly constructsUrl: string | undefined;
	readonly timing: Timing;
	readonly settleMs: number;
	readonly flood: Flood;
}

/** `refused`: one line a bad variable, all of them; no value of a secret. */
export type ParsedAlertConfig =
	| { readonly kind: 'ok'; readonly config: AlertConfig }
	| { readonly kind: 'refused'; readonly problems: readonly string[] };

/** Whole numbers, each with its default and its bounds. */
const NUMBERS = {
	/** As Alertmanager's group_wait, shorter: a run comes each minute only. */
	ALERT_GROUP_WAIT_SECONDS: { standard: 15, least: 0, most: 600 },
	ALERT_GROUP_INTERVAL_MINUTES: { standard: 5, least: 1, most: 1440 },
	/** What fires is told of again before it is forgotten, which is after 8 days. */
	ALERT_REPEAT_HOURS: { standard: 24, least: 1, most: 168 },
	ALERT_QUIET_MINUTES: { standard: 240, least: 15, most: 1440 },
	ALERT_SETTLE_MINUTES: { standard: 10, least: 1, most: 60 },
	/** Of a run: with the second between two and the note of each, more would not fit its time. */
	ALERT_MESSAGES: { standard: FLOOD.messages, least: 1, most: 40 },
} as const;

/** Parses the environment. Every variable that is missing or bad is named at once. */
export function parseAlertConfig(env: Environment): ParsedAlertConfig {
	const problems: string[] = [];
	const dataset = readDataset(env, problems);
	const destination = readDestination(env, problems);
	const constructsUrl = env['CONSTRUCTS_URL'] || undefined;
	if (constructsUrl !== undefined && !isWebAddress(constructsUrl))
		problems.push(
			`CONSTRUCTS_URL is no http or https address (${JSON.stringify(constructsUrl)}): the page of constructs.md that messages link to`,
		);
	const number = (name: keyof typeof NUMBERS): number => readNumber(env, { name, ...NUMBERS[name] }, problems);
	const timing: Timing = {
		groupWaitMs: number('ALERT_GROUP_WAIT_SECONDS') * 1000,
		groupIntervalMs: number('ALERT_GROUP_INTERVAL_MINUTES') * 60_000,
		repeatMs: number('ALERT_REPEAT_HOURS') * 3_600_000,
		quietMs: number('ALERT_QUIET_MINUTES') * 60_000,
	};
	const settleMs = number('ALERT_SETTLE_MINUTES') * 60_000;
	const flood: Flood = { ...FLOOD, messages: number('ALERT_MESSAGES') };
	if (settleMs >= timing.quietMs)
		problems.push('ALERT_SETTLE_MINUTES is not less than ALERT_QUIET_MINUTES: what waits to be settled would be over before it is told of');
	if (!dataset || problems.length > 0) return { kind: 'refused', problems };
	const slackApiEndpoint = env['SLACK_API_ENDPOINT'] || undefined;
	return { kind: 'ok', config: { dataset, destination, slackApiEndpoint, constructsUrl, timing, settleMs, flood } };
}

const DESTINATIONS = ['SLACK_WEBHOOK', 'SLACK_TOKEN', 'ALERT_WEBHOOK'] as const;

/** One place: what was told in one of several would have to be remembered for each. Values are secrets and never repeated. */
function readDestination(env: Environment, problems: string[]): Destination {
	const read = (name: string): string => (env[name] ?? '').trim();
	const given = DESTINATIONS.filter((name) => read(name) !== '');
	if (given.length > 1) problems.push(`${given.join(' and ')} are set: alerts go to one place`);
	const channel = read('SLACK_CHANNEL');
	const [name] = given;
	if (name !== 'SLACK_TOKEN' && channel !== '') problems.push('SLACK_CHANNEL goes with SLACK_TOKEN only: a webhook has its channel');
	switch (name) {
		case undefined:
			return { kind: 'log' };
		case 'SLACK_WEBHOOK':
			return { kind: 'slack-webhook', url: readSecretUrl(name, { env, problems }) };
		case 'ALERT_WEBHOOK':
			return { kind: 'webhook', url: readSecretUrl(name, { env, problems }) };
		case 'SLACK_TOKEN':
			if (!/^[CGD][A-Z0-9]{5,30}$/.test(channel))
				problems.push(
					`SLACK_CHANNEL ${channel === '' ? 'is missing' : 'is no id'}: the id of the channel that the token posts to, such as C0123456789`,
				);
			if (!read(name).startsWith('xox'))
				problems.push('SLACK_TOKEN is no token of Slack’s (its value is a secret and not shown here): it should begin with xoxb-');
			return { kind: 'slack-bot', token: read(name), channel };
		default:
			return name satisfies never;
	}
}

function readSecretUrl(name: string, { env, problems }: { readonly env: Environment; readonly problems: string[] }): string {
	const url = (env[name] ?? '').trim();
	if (!isWebAddress(url) || !(url.startsWith('https:') || isLoopback(url)))
		problems.push(`${name} is no https address (its value is a secret and not shown here): check the version of the secret`);
	return url;
}

const isWebAddress = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
const isLoopback = (url: string): boolean => ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname);

import { equal, is, ok } from 'uvu/assert';
import { parseAlertConfig } from '../../functions/alert-config.ts';
import { describe } from '../describe.ts';

const DATASET = { DATASET: 'shop-prod.audit' };
const SECRET = 'B00/tOpSeCrEt';
const problemsOf = (env: Record<string, string>): readonly string[] => {
	const parsed = parseAlertConfig({ ...DATASET, ...env });
	return parsed.kind === 'refused' ? parsed.problems : [];
};
const destinationOf = (env: Record<string, string>): unknown => {
	const parsed = parseAlertConfig({ ...DATASET, ...env });
	return parsed.kind === 'ok' ? parsed.config.destination : parsed.problems;
};

describe('the configuration of alerts', (it) => {
	it('needs nothing but the dataset: alerts are then lines in the log', () => {
		const parsed = parseAlertConfig(DATASET);
		ok(parsed.kind === 'ok');
		equal(parsed.config.destination, { kind: 'log' });
		equal(parsed.config.timing, { groupWaitMs: 15_000, groupIntervalMs: 300_000, repeatMs: 86_400_000, quietMs: 14_400_000 });
		equal([parsed.config.settleMs, parsed.config.flood.messages], [600_000, 10]);
		is(parseAlertConfig({}).kind, 'refused');
	});

	it('takes one place, and the end of line that a secret was stored with is none of it', () => {
		equal(destinationOf({ SLACK_WEBHOOK: `https://hooks.slack.com/services/${SECRET}\n` }), {
			kind: 'slack-webhook',
			url: `https://hooks.slack.com/services/${SECRET}`,
		});
		equal(destinationOf({ SLACK_TOKEN: 'xoxb-1', SLACK_CHANNEL: 'C0123456789' }), {
			kind: 'slack-bot',
			token: 'xoxb-1',
			channel: 'C0123456789',
		});
		equal(destinationOf({ ALERT_WEBHOOK: 'http://127.0.0.1:80/x' }), { kind: 'webhook', url: 'http://127.0.0.1:80/x' });
	});

	it('refuses what is wrong, all at once, and never shows a secret', () => {
		const cases: readonly [Record<string, string>, RegExp][] = [
			[{ SLACK_WEBHOOK: SECRET }, /SLACK_WEBHOOK is no https address/],
			[{ SLACK_WEBHOOK: `http://hooks.slack.com/${SECRET}` }, /SLACK_WEBHOOK is no https address/],
			[{ ALERT_WEBHOOK: `ftp://x/${SECRET}` }, /ALERT_WEBHOOK is no https address/],
			[{ SLACK_TOKEN: SECRET }, /SLACK_CHANNEL is missing/],
			[{ SLACK_TOKEN: SECRET, SLACK_CHANNEL: 'C0123456789' }, /SLACK_TOKEN is no token/],
			[{ SLACK_TOKEN: SECRET, SLACK_CHANNEL: '#ops' }, /SLACK_CHANNEL is no id/],
			[{ SLACK_CHANNEL: 'C0123456789' }, /SLACK_CHANNEL goes with SLACK_TOKEN/],
			[{ SLACK_WEBHOOK: `https://x/${SECRET}`, ALERT_WEBHOOK: `https://y/${SECRET}` }, /SLACK_WEBHOOK and ALERT_WEBHOOK are set/],
			[{ CONSTRUCTS_URL: 'javascript:alert(1)' }, /CONSTRUCTS_URL/],
			[{ ALERT_REPEAT_HOURS: '169' }, /ALERT_REPEAT_HOURS is no whole number from 1 to 168/],
			[{ ALERT_QUIET_MINUTES: '-1' }, /ALERT_QUIET_MINUTES/],
			[{ ALERT_MESSAGES: '41' }, /ALERT_MESSAGES/],
			[{ ALERT_QUIET_MINUTES: '15', ALERT_SETTLE_MINUTES: '15' }, /ALERT_SETTLE_MINUTES is not less/],
		];
		for (const [env, expected] of cases) {
			const problems = problemsOf(env);
			ok(
				problems.some((problem) => expected.test(problem)),
				`${JSON.stringify(env)}: ${problems}`,
			);
			ok(!problems.join().includes(SECRET), `${problems}`);
		}
		is(problemsOf({ SLACK_WEBHOOK: SECRET, ALERT_MESSAGES: 'x', CONSTRUCTS_URL: 'x' }).length, 3);
	});
});

import type { AddressInfo } from 'node:net';
import { http } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { equal, is, match, ok } from 'uvu/assert';
import { type AlertPorts, createAlert } from '../../functions/alert/handler.ts';
import { toPlainMessage, toSlackMessage } from '../../functions/alert/message/slack.ts';
import { FLOOD } from '../../functions/alert/plan.ts';
import type { AlertChannel, AlertStore, Posted, Problem } from '../../functions/ports.ts';
import alertSchema from '../../schemas/alert.schema.json' with { type: 'json' };
import { describe } from '../describe.ts';
import { NOON_MS, problemOf } from './sample.ts';

/** A store that has one thing to tell, and remembers nothing. */
const storeOf = (problems: readonly Problem[], more: Partial<AlertStore> = {}): AlertStore => ({
	readProblems: async () => ({ problems, complete: true }),
	readDetails: async () => new Map(),
	readMemory: async () => [],
	readSilences: async () => [],
	readFixed: async () => [],
	readRivals: async () => [],
	claim: async () => {},
	withdraw: async () => {},
	settle: async () => {},
	release: async () => {},
	...more,
});

const channelOf = (...answers: Posted[]): AlertChannel => ({ threads: false, post: async () => answers.shift() ?? { kind: 'posted' } });

type Line = Parameters<AlertPorts['log']>[0];

interface Served {
	readonly lines: readonly Line[];
	readonly answer: Response;
	readonly body: string;
}

async function request(ports: Partial<AlertPorts>, init: RequestInit = { method: 'POST' }, path = ''): Promise<Served> {
	const lines: Line[] = [];
	const options: AlertPorts = {
		store: storeOf([problemOf()]),
		channel: channelOf(),
		render: toSlackMessage,
		renderPlain: toPlainMessage,
		now: () => new Date(NOON_MS),
		newRun: () => 'run',
		timing: { groupWaitMs: 0, groupIntervalMs: 1, repeatMs: 1, quietMs: 3_600_000 },
		flood: FLOOD,
		settleMs: 600_000,
		dataset: 'shop-prod.audit',
		traceProject: 'shop-prod',
		log: (line) => lines.push(line),
		...ports,
	};
	http('alert', createAlert(options));
	const server = getTestServer('alert');
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	try {
		const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${path}`, init);
		return { lines, answer, body: await answer.text() };
	} finally {
		server.close();
	}
}

const isAlert = new Ajv2020({ strict: false }).compile(alertSchema);

describe('the alert function', (it) => {
	it('tells what there is, and leaves a line for each message and one for the run', async () => {
		const { answer, body, lines } = await request({});
		is(answer.status, 200);
		equal(JSON.parse(body), { outcome: 'ok', problems: 1, alerts: 1, held: 0, messages: 1, given_up: 0, yielded: 0, left: 0 });
		const [alert, run, ...more] = lines as [Line & { alert?: object; alert_state?: string; alert_severity?: string }, Line];
		equal(more, []);
		equal([alert.severity, alert.alert_state, alert.alert_severity], ['WARNING', 'firing', 'high']);
		match(alert.message, /shop\/db/);
		ok(isAlert(alert.alert), JSON.stringify(isAlert.errors));
		equal(run, {
			severity: 'INFO',
			message: '1 problems, 1 events, 1 messages posted',
			outcome: 'ok',
			problems: 1,
			alerts: 1,
			held: 0,
			messages: 1,
			given_up: 0,
			yielded: 0,
			left: 0,
			took_ms: 0,
		});
	});

	it('gives lines the trace of their request', async () => {
		const headers = { 'x-cloud-trace-context': `${'a'.repeat(32)}/1;o=1` };
		const { lines } = await request({}, { method: 'POST', headers });
		ok(lines.every((line) => line['logging.googleapis.com/trace'] === `projects/shop-prod/traces/${'a'.repeat(32)}`));
	});

	it('answers 503 where BigQuery cannot be read, with what it said in the log', async () => {
		const store = storeOf([], { readMemory: async () => Promise.reject(new Error('cannot read the alerts of before: 403 Access Denied')) });
		const { answer, lines } = await request({ store });
		is(answer.status, 503);
		equal(
			lines.map(({ severity }) => severity),
			['ERROR'],
		);
		match(lines[0]?.message ?? '', /failed: cannot read the alerts of before: 403 Access Denied/);
	});

	it('answers 503 where not all could be posted', async () => {
		for (const posted of [
			{ kind: 'later', detail: '503' },
			{ kind: 'broken', detail: '404 no_service' },
		] as const) {
			const { answer, lines } = await request({ channel: channelOf(posted) });
			is(answer.status, 503);
			equal(
				lines.map(({ severity }) => severity),
				['ERROR', 'ERROR'],
			);
			match(lines[0]?.message ?? '', posted.detail);
			match(lines[1]?.message ?? '', /1 messages left to the next run/);
		}
	});

	it('says in the log what no form of is taken, beside what was, and that the run was not whole', async () => {
		const refused = { kind: 'refused', detail: 'invalid_blocks' } as const;
		const store = storeOf([problemOf(), problemOf({ rule: 'bbbb' })]);
		const { answer, lines } = await request({ store, channel: channelOf({ kind: 'posted' }, refused, refused) });
		is(answer.status, 503);
		const [, alert, run] = lines as [Line, Line & { alert?: object }, Line];
		is(alert.severity, 'ERROR');
		match(alert.message, /refused \(invalid_blocks\).*shop\/db/);
		ok(isAlert(alert.alert));
		match(run.message, /2 messages posted, 1 of them refused and told in the log/);
	});

	it('keeps all messages where none is taken: what refuses everything is no receiver', async () => {
		const refused = { kind: 'refused', detail: '400' } as const;
		const { answer, lines } = await request({ channel: channelOf(refused, refused) });
		is(answer.status, 503);
		match(lines[0]?.message ?? '', /nothing can be posted until somebody mends it.*refused: 400/);
		match(lines[1]?.message ?? '', /0 messages posted, 1 messages left/);
	});

	it('takes nothing but POST, and answers a health check without a run', async () => {
		const health = await request({}, {}, 'health');
		equal([health.answer.status, health.body, health.lines.length], [200, 'ok\n', 0]);
		const get = await request({}, {});
		equal([get.answer.status, get.answer.headers.get('allow'), get.lines.length], [405, 'POST', 0]);
	});
});

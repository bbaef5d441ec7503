import * as assert from 'uvu/assert';
import { MAX_MESSAGE_BYTES } from '../../functions/ingest/message.ts';
import type { CompiledSnapshot } from '../../functions/policy/compile.ts';
import { MAX_CALLS } from '../../functions/rejudge/request.ts';
import { describe } from '../describe.ts';
import { entry, entryWith, snapshot } from '../ingest/sample.ts';
import { ports, serve, withServed } from './serve.ts';

const text = JSON.stringify(entry);
const json = { 'content-type': 'application/json' };
const reasonOf = (reply: string | undefined): unknown => JSON.parse(reply ?? '{}').rejected?.reason;

describe('the rejudge function', (it) => {
	it('answers a call with the row as JSON, and leaves one line in the log', async () => {
		await withServed(ports(), async ({ post, lines }) => {
			const { status, text: body, headers } = await post([[text]]);
			assert.is(status, 200);
			assert.match(headers.get('content-type') ?? '', 'application/json');
			const { replies } = JSON.parse(body);
			assert.is(replies.length, 1);
			const row = JSON.parse(replies[0]);
			assert.equal([row.finding, row.snapshot_id, row.judged_at], ['void-rule', snapshot.id, '2026-03-04T05:10:00.000Z']);
			assert.ok(replies[0].startsWith('{"entry_id":"'), 'a row is told from a rejection by how it begins');
			assert.equal(lines, [
				{
					request_id: '124ab1c',
					caller: '//bigquery.googleapis.com/projects/p/jobs/p:EU.job_1',
					calls: 1,
					judged: 1,
					undecidable: 0,
					rejected: 0,
					took_ms: 0,
					severity: 'INFO',
					message: 'judged again: 1 of 1',
					outcome: 'ok',
					reason: null,
				},
			]);
			assert.not.match(JSON.stringify(lines), 'somebody@example.com');
		});
	});

	it('answers bad rows with values, beside the good ones and in their order', async () => {
		const bad: readonly (readonly [string | null, string])[] = [
			[null, 'empty'],
			['', 'empty'],
			['{"a":', 'not-json'],
			['\u0000', 'not-json'],
			['null', 'not-an-entry'],
			['[]', 'not-an-entry'],
			[JSON.stringify({ ...entry, logName: 'projects/p/logs/other' }), 'other-log'],
			[JSON.stringify(entryWith({ entry: { timestamp: 'yesterday' } })), 'bad-timestamp'],
			[JSON.stringify(entryWith({ entry: { insertId: '' } })), 'no-insert-id'],
			[JSON.stringify(entryWith({ connection: { src_ip: 'x' } })), 'bad-address'],
			[`{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`, 'too-deep'],
			[JSON.stringify({ ...entry, padding: 'x'.repeat(MAX_MESSAGE_BYTES) }), 'oversize'],
			[JSON.stringify({ ...entry, padding: 'ü'.repeat(MAX_MESSAGE_BYTES / 2) }), 'oversize'],
		];
		await withServed(ports(), async ({ ask, lines }) => {
			const replies = await ask(bad.flatMap(([call]) => [call, text]));
			for (const [index, [call, reason]] of bad.entries()) {
				const reply = replies[2 * index] ?? '';
				assert.is(reasonOf(reply), reason, String(call).slice(0, 100));
				assert.equal(Object.keys(JSON.parse(reply).rejected), ['reason', 'detail']);
				assert.ok(reply.startsWith('{"rejected":'), reply.slice(0, 50));
				assert.is(JSON.parse(replies[2 * index + 1] ?? '').finding, 'void-rule');
			}
			const { severity, judged, rejected } = lines[0] ?? {};
			assert.equal([severity, judged, rejected], ['WARNING', bad.length, bad.length]);
		});
	});

	it('replaces what no STRING of BigQuery can hold', async () => {
		await withServed(ports(), async ({ ask }) => {
			const spelled = text.replace('"insertId":"id1"', '"insertId":"a\\ud800b\\u0000"');
			const raw = text.replace('"insertId":"id1"', '"insertId":"a\ud800b\ufffd"');
			for (const reply of await ask([spelled, raw])) {
				assert.is(JSON.parse(reply).insert_id, 'a\ufffdb\ufffd');
				assert.ok(reply.isWellFormed());
			}
		});
	});

	it('says what is wrong with a request that is none of BigQuery’s', async () => {
		const wrong: readonly (readonly [unknown, RegExp])[] = [
			[undefined, /^calls is missing, not an array/],
			[null, /^calls is null/],
			[{}, /^calls is an object/],
			['x'.repeat(5000), /^calls is "x/],
			[[text], /^calls\[0\] is "/],
			[[[text], []], /^calls\[1\] is an array of 0, not an array with one argument/],
			[[[text, text]], /^calls\[0\] is an array of 2/],
			[[[1]], /^calls\[0\]\[0\] is 1, not a STRING/],
			[[[entry]], /^calls\[0\]\[0\] is an object, not a STRING: pass TO_JSON_STRING/],
			[[[[text]]], /^calls\[0\]\[0\] is an array of 1/],
			[[[true]], /^calls\[0\]\[0\] is true/],
			[Array(MAX_CALLS + 1).fill(['']), /^there are 4001 calls, and at most 4000 are taken: set max_batching_rows/],
		];
		await withServed(ports(), async ({ post, lines }) => {
			for (const [calls, expected] of wrong) {
				const { status, text: body } = await post(calls);
				assert.is(status, 400, String(expected));
				assert.match(JSON.parse(body).errorMessage, expected);
				assert.ok(Buffer.byteLength(body) < 1024);
			}
			assert.equal(
				new Set(lines.map(({ outcome, reason, severity }) => `${severity} ${outcome} ${reason}`)),
				new Set(['WARNING refused no-calls']),
			);
		});
	});

	it('refuses bodies that are no JSON object, whatever they say they are', async () => {
		await withServed(ports(), async ({ send, lines }) => {
			// What the framework itself parses, and refuses with a stack on standard error, is not sent here.
			const bodies = {
				'application/json': ['[]', '{}', ''],
				'text/plain': ['[]', '"x"', '7', '{', ''],
				'application/octet-stream': ['{', '\u0000'],
			};
			for (const [type, each] of Object.entries(bodies))
				for (const body of each) {
					const { status, text: answer } = await send({ method: 'POST', headers: { 'content-type': type }, body });
					assert.is(status, 400, `${type} ${body}`);
					assert.match(JSON.parse(answer).errorMessage, /^(the body is no JSON object but|calls is missing)/);
				}
			const { status } = await send({
				method: 'POST',
				headers: { 'content-type': 'text/plain' },
				body: JSON.stringify({ calls: [[text]] }),
			});
			assert.is(status, 200, 'the content type does not matter');
			assert.equal([lines.at(-1)?.request_id, lines.at(-1)?.caller], [null, null]);
		});
	});

	it('answers no calls with no replies', async () => {
		await withServed(ports(), async ({ ask }) => assert.equal(await ask([]), []));
	});

	it('says that it is alive, and refuses other methods', async () => {
		await withServed(ports(), async ({ send, lines }) => {
			const alive = await send({ method: 'GET' }, 'health');
			assert.equal([alive.status, alive.text, lines.length], [200, 'ok\n', 0]);
			for (const method of ['GET', 'PUT', 'DELETE']) {
				const { status, headers, text: body } = await send({ method });
				assert.equal([status, headers.get('allow')], [405, 'POST'], method);
				assert.match(JSON.parse(body).errorMessage, 'POST its calls');
			}
		});
	});

	it('judges without a snapshot, or by a stale one, as ingest does: that is no failure', async () => {
		const finds = [undefined, { snapshot, stale: true }];
		for (const [index, found] of finds.entries())
			await withServed(ports({ snapshots: { find: async () => found } }), async ({ ask, lines }) => {
				const row = JSON.parse((await ask([text]))[0] ?? '');
				assert.equal([row.finding, row.reasons], ['undecidable', [['no-snapshot'], ['stale-snapshot']][index]]);
				assert.equal([lines[0]?.severity, lines[0]?.judged, lines[0]?.undecidable], ['INFO', 1, 1]);
			});
	});

	it('has the whole batch sent again where a snapshot cannot be read', async () => {
		const snapshots = {
			find: async (_: unknown, at: string) => {
				if (at.startsWith('2026-03-05')) throw new Error('bucket: 503');
				return { snapshot, stale: false };
			},
		};
		const other = JSON.stringify(entryWith({ entry: { timestamp: '2026-03-05T00:00:00Z' } }));
		await withServed(ports({ snapshots }), async ({ post, ask, lines }) => {
			const { status, text: body } = await post([[text], [other], ['{']]);
			assert.is(status, 503);
			assert.match(JSON.parse(body).errorMessage, /^snapshots-unavailable/);
			assert.not.match(body, 'bucket');
			const { severity, outcome, reason, message, stack, judged } = lines[0] ?? {};
			assert.equal([severity, outcome, reason, judged], ['ERROR', 'retry', 'snapshots-unavailable', 0]);
			assert.match(message ?? '', 'bucket: 503');
			assert.match(stack ?? '', 'bucket: 503');
			assert.is(JSON.parse((await ask([text]))[0] ?? '').finding, 'void-rule', 'and the next batch is none the worse');
		});
	});

	it('does not wait for a snapshot longer than a batch may take, and leaves no timer', async () => {
		const hanging = { find: () => new Promise<undefined>(() => {}) };
		await withServed(ports({ snapshots: hanging, patienceMs: 5 }), async ({ post, lines }) => {
			assert.is((await post(Array(50).fill([text]))).status, 503);
			assert.match(lines[0]?.message ?? '', 'not found in time');
		});
		const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
		const snapshots = { find: async () => ({ snapshot, stale: false }) };
		await withServed(ports({ snapshots, patienceMs: 600_000 }), async ({ ask }) => {
			await ask([text]);
			const before = timers();
			await ask(Array(20).fill(text));
			assert.ok(timers() <= before);
		});
	});

	it('keeps a bug that one entry meets from the others, and tells of it in the log alone', async () => {
		const broken = { id: 'x' } as CompiledSnapshot;
		const snapshots = { find: (_: unknown, at: string) => ({ snapshot: at.startsWith('2026-03-05') ? broken : snapshot, stale: false }) };
		const other = JSON.stringify(entryWith({ entry: { timestamp: '2026-03-05T00:00:00Z' } }));
		await withServed(ports({ snapshots }), async ({ ask, lines }) => {
			const [bad, good] = await ask([other, text]);
			assert.is(reasonOf(bad), 'internal-error');
			assert.is(JSON.parse(good ?? '').finding, 'void-rule');
			const { severity, outcome, reason, stack } = lines[0] ?? {};
			assert.equal([severity, outcome, reason], ['ERROR', 'ok', 'internal-error']);
			assert.ok(stack);
			assert.not.match(bad ?? '', 'at judge');
		});
	});

	it('names the trace of the request in the form of Cloud Logging', async () => {
		const id = '0123456789abcdef0123456789abcdef';
		const served = await serve(ports(), 'my-project');
		try {
			await served.send({ method: 'POST', headers: { ...json, 'x-cloud-trace-context': `${id}/1;o=1` }, body: '{"calls":[]}' });
			assert.is(served.lines[0]?.['logging.googleapis.com/trace'], `projects/my-project/traces/${id}`);
		} finally {
			served.close();
		}
	});
});

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import { createTimeline } from '../../functions/adapters/bucket/timeline.ts';
import { createWriter } from '../../functions/adapters/bucket/writer.ts';
import { readSchemas } from '../../functions/adapters/schemas.ts';
import { compileSnapshot } from '../../functions/policy/compile.ts';
import { maskOf } from '../../functions/policy/semantics.ts';
import type { Row, SnapshotSource } from '../../functions/ports.ts';
import type { BatchPorts } from '../../functions/rejudge/batch.ts';
import { createSnapshot } from '../../functions/snapshot/canonical.ts';
import { readSnapshots } from '../../functions/snapshot/files.ts';
import { createFileSnapshots } from '../../functions/snapshot/source.ts';
import { saveCollected } from '../../functions/snapshot/store.ts';
import { createMemory } from '../adapters/bucket/memory.ts';
import { generateCluster } from '../bench/cluster.ts';
import { CLUSTER, generateData, VALID_FROM } from '../bench/push.ts';
import { describe } from '../describe.ts';
import { departures } from '../ingest/contract.ts';
import { entry, entryWith, snapshot } from '../ingest/sample.ts';
import { createRandom } from '../random.ts';
import { generateMessages } from '../servers/messages.ts';
import { ingestAll, ports, withServed } from './serve.ts';

const text = JSON.stringify(entry);
const seed = (name: string): string => new URL(`../../examples/seed/${name}`, import.meta.url).pathname;

/** Asks in batches of that size, over HTTP, and compares with what ingest writes for the same entries. */
async function compare(
	texts: readonly string[],
	{ options, size }: { readonly options: BatchPorts; readonly size: number },
): Promise<Row[]> {
	const expected = await ingestAll(texts, options);
	return withServed(options, async ({ ask }) => {
		const rows: Row[] = [];
		for (let from = 0; from < texts.length; from += size) {
			for (const [index, reply] of (await ask(texts.slice(from, from + size))).entries()) {
				const { rejected, ...row } = JSON.parse(reply) as Row & { readonly rejected?: { readonly reason: string } };
				const ingested = expected[from + index] ?? {};
				if (rejected) assert.is(rejected.reason, ingested['reason']);
				// As text, so that the order of the columns counts too.
				else assert.is(reply, JSON.stringify(ingested));
				rows.push(row);
			}
		}
		return rows;
	});
}

describe('rejudgeBatch', (it) => {
	it('answers the founding experiment as ingest does, in the columns of the table', async () => {
		const { snapshots } = await readSnapshots([seed('snapshots')]);
		const texts = (JSON.parse(readFileSync(seed('entries.json'), 'utf8')) as object[]).map((each) => JSON.stringify(each));
		const rows = await compare(texts, { options: ports({ snapshots: createFileSnapshots(snapshots) }), size: 10 });
		assert.equal(
			rows.map(({ finding }) => finding),
			['confirmed', 'void-rule', 'explained'],
		);
		const { tables } = await readSchemas();
		for (const row of rows) assert.equal(departures(tables.get('verdicts_v1') ?? [], row), []);
	});

	it('answers a generated history as ingest does, in batches of 1, of 1,000 and of as many as a reply holds', async () => {
		const state = generateCluster({ policies: 60, pods: 400, random: createRandom(7) });
		const compiled = compileSnapshot(createSnapshot({ state: { ...state, cluster: CLUSTER }, validFrom: VALID_FROM }));
		const texts = generateData(state, { count: 3000, seed: 11 }).map((data) => data.toString());
		const options = ports({ snapshots: { find: () => ({ snapshot: compiled, stale: false }) } });
		for (const [size, count] of [
			[1, 60],
			[1000, 3000],
			[2500, 2500],
		] as const) {
			const rows = await compare(texts.slice(0, count), { options, size });
			assert.ok(new Set(rows.map(({ finding }) => finding)).size >= 3, 'there is more than one finding to get wrong');
		}
	});

	it('answers messages good and bad as ingest does, with other candidates too, without a snapshot and by a stale one', async () => {
		const texts = generateMessages(600, 20261125).map(({ data }) => data);
		for (const changes of [
			{},
			{ candidates: maskOf(['cilium-1.16']) },
			{ snapshots: { find: async () => undefined } },
			{ snapshots: { find: async () => ({ snapshot, stale: true }) } },
		])
			await compare(texts, { options: ports(changes), size: 250 });
	});

	it('says when it judged, and nothing else changes by that', async () => {
		const at = (now: string) =>
			withServed(ports({ now: () => new Date(now) }), async ({ ask }) => JSON.parse((await ask([text]))[0] ?? '') as Row);
		const [first, second] = [await at('2026-03-04T05:10:00Z'), await at('2027-01-01T00:00:00.5Z')];
		assert.equal([first['judged_at'], second['judged_at']], ['2026-03-04T05:10:00.000Z', '2027-01-01T00:00:00.500Z']);
		assert.equal({ ...first, judged_at: 0 }, { ...second, judged_at: 0 });
	});

	it('looks for snapshots side by side, but not for all at once', async () => {
		const asked: string[] = [];
		let searching = 0;
		let most = 0;
		const snapshots: SnapshotSource = {
			async find(_, at) {
				asked.push(at);
				most = Math.max(most, ++searching);
				await new Promise((resolve) => setImmediate(resolve));
				searching--;
				return { snapshot, stale: false };
			},
		};
		await withServed(ports({ snapshots, limits: { lanes: 8 } }), async ({ ask }) =>
			assert.is((await ask(Array(100).fill(text))).length, 100),
		);
		assert.equal([asked.length, most], [100, 8]);
	});

	it('begins no other row once a snapshot could not be read', async () => {
		let asked = 0;
		const snapshots: SnapshotSource = {
			async find() {
				asked++;
				throw new Error('bucket');
			},
		};
		await withServed(ports({ snapshots, limits: { lanes: 4 } }), async ({ post }) =>
			assert.is((await post(Array(100).fill([text]))).status, 503),
		);
		assert.ok(asked <= 8, `${asked} searches`);
	});

	it('reads each snapshot of a bucket once for a batch that goes through days, with a memory for three of them', async () => {
		const hours = 60;
		const memory = createMemory();
		const now = (): Date => new Date('2026-03-20T00:00:00Z');
		const log = (line: object): never => {
			throw new Error(JSON.stringify(line));
		};
		const clusters = ['c', 'd'].map((name) => ({ project: 'p', location: 'europe-west1', name }));
		const timeAt = (hour: number, minute: number): string =>
			new Date(Date.parse('2026-03-01T00:00:00Z') + (hour * 60 + minute) * 60_000).toISOString();
		const store = createWriter(memory.writing, { now, log });
		for (const cluster of clusters)
			for (let hour = 0; hour < hours / 2; hour++) {
				const state = { ...snapshot.state, cluster, policies: snapshot.state.policies.slice(0, hour % 2) };
				await saveCollected(store, { cluster, state, collectedAt: timeAt(hour, 0) });
				await saveCollected(store, { cluster, state, collectedAt: timeAt(hour, 58) });
			}
		const reads = new Map<string, number>();
		const reading: typeof memory.reading = {
			...memory.reading,
			read(name, maxBytes) {
				reads.set(name, (reads.get(name) ?? 0) + 1);
				return memory.reading.read(name, maxBytes);
			},
		};
		const sizes = [...memory.held].flatMap(([name, { bytes }]) => (name.endsWith('.gz') ? [gunzipSync(bytes).length] : []));
		const maxBytes = 3 * Math.max(...sizes);
		const snapshots = createTimeline(reading, { maxObjectBytes: 1_000_000, maxBytes, freshMs: 5000, now, log });
		const texts = Array.from({ length: 900 }, (_, index) => {
			const hour = (index * 7919) % hours;
			const resource = { type: 'k8s_node', labels: { ...clusters[hour % 2], project_id: 'p', cluster_name: clusters[hour % 2]?.name } };
			const entry = { insertId: `i${index}`, timestamp: timeAt(Math.floor(hour / 2), 30), resource };
			return index % 100 === 99 ? '{' : JSON.stringify(entryWith({ entry }));
		});
		await withServed(ports({ snapshots, now }), async ({ ask }) => {
			for (const [index, reply] of (await ask(texts)).entries()) {
				const { insert_id, timestamp, finding, rejected } = JSON.parse(reply);
				if (index % 100 === 99) assert.is(rejected.reason, 'not-json');
				else {
					const hour = Math.floor(((index * 7919) % hours) / 2);
					const expected = [`i${index}`, Date.parse(timeAt(hour, 30)), hour % 2 === 0 ? 'not-isolated' : 'void-rule'];
					assert.equal([insert_id, Date.parse(timestamp), finding], expected, 'replies stand where their calls did');
				}
			}
		});
		assert.is(reads.size, hours + 2, 'the snapshots, and what names the newest of each cluster');
		assert.equal(new Set(reads.values()), new Set([1]));
	});

	it('lets others have their turn while it judges a large batch', async () => {
		let turns = 0;
		let judging = true;
		const count = (): void => {
			turns++;
			if (judging) setImmediate(count);
		};
		await withServed(ports({ limits: { rowsPerTurn: 100 } }), async ({ ask }) => {
			const asking = ask(Array(3000).fill(text));
			setImmediate(count);
			await asking;
			judging = false;
		});
		assert.ok(turns >= 30, `${turns} turns`);
	});

	it('answers no more than a reply may hold, and says of the others that they are to be asked for again', async () => {
		const replyBytes = 50_000;
		await withServed(ports({ limits: { replyBytes } }), async ({ post, lines }) => {
			const { status, text: body } = await post(Array(100).fill([text]));
			const replies = (JSON.parse(body) as { replies: string[] }).replies.map((reply) => JSON.parse(reply));
			const full = replies.filter(({ rejected }) => rejected?.reason === 'reply-full').length;
			assert.is(status, 200);
			assert.ok(full > 50 && full < 100, `${full} of 100`);
			assert.equal(
				replies.findIndex(({ rejected }) => rejected),
				100 - full,
			);
			assert.ok(Buffer.byteLength(body) < replyBytes + full * 150);
			assert.equal([lines[0]?.severity, lines[0]?.judged, lines[0]?.rejected], ['WARNING', 100 - full, full]);
		});
	});

	it('rejects for good a row that no reply can hold', async () => {
		await withServed(ports({ limits: { replyBytes: 10_000 } }), async ({ ask }) => {
			const large = JSON.stringify(entryWith({ entry: { labels: { padding: '"'.repeat(5000) } } }));
			const [first, second] = (await ask([large, text])).map((reply) => JSON.parse(reply));
			assert.is(first.rejected.reason, 'oversize');
			assert.is(second.finding, 'void-rule');
		});
	});

	it('keeps the reply to the hardest batch within what BigQuery takes', async () => {
		const hard = JSON.stringify(entryWith({ entry: { labels: { padding: '\u0001"\\'.repeat(10_000) } } }));
		const buggy = JSON.stringify(entryWith({ entry: { timestamp: '2026-03-05T00:00:00Z' } }));
		const snapshots: SnapshotSource = {
			find(_, at) {
				if (at.startsWith('2026-03-05')) throw new Error('\u0001"\\\ud800'.repeat(10_000));
				return { snapshot, stale: false };
			},
		};
		for (const refused of ['{"'.repeat(200), buggy])
			await withServed(ports({ snapshots }), async ({ post }) => {
				const { text: body } = await post(Array.from({ length: 4000 }, (_, index) => [index < 200 ? hard : refused]));
				assert.ok(Buffer.byteLength(body) < 15_000_000, `${Buffer.byteLength(body)} bytes`);
				const replies = (JSON.parse(body) as { replies: string[] }).replies;
				const reasons = new Set(replies.map((reply) => JSON.parse(reply).rejected?.reason));
				assert.equal(reasons, new Set([undefined, 'reply-full', refused === buggy ? 'internal-error' : 'not-json']));
				assert.ok(Math.max(...replies.filter((reply) => reply.startsWith('{"rejected"')).map((reply) => Buffer.byteLength(reply))) < 600);
				assert.ok(replies.every((reply) => reply.isWellFormed()));
			});
	});
});

import * as assert from 'uvu/assert';
import { createIngestMessage } from '../../functions/ingest/ingest.ts';
import type { CompiledSnapshot } from '../../functions/policy/compile.ts';
import { describe } from '../describe.ts';
import { entry, entryWith, messageOf, portsWith, snapshot } from './sample.ts';

const DAY_MS = 86_400_000;

describe('ingestMessage', (it) => {
	it('ends with ok when the row of an entry is durable', async () => {
		const ports = portsWith();
		const outcome = await createIngestMessage(ports)(messageOf(entry));
		assert.is(outcome.kind, 'ok');
		if (outcome.kind !== 'ok') return;
		assert.equal([outcome.finding, outcome.snapshotId], ['void-rule', snapshot.id]);
		assert.is(ports.appended.length, 1);
		assert.is(ports.appended[0]?.table, 'verdicts_v1');
		assert.is(ports.appended[0]?.row['entry_id'], outcome.entryId);
	});

	it('asks for the snapshot of the cluster at the time of the entry', async () => {
		const asked: unknown[] = [];
		const snapshots = {
			find: async (...question: unknown[]) => {
				asked.push(question);
				return undefined;
			},
		};
		await createIngestMessage(portsWith({ snapshots }))(messageOf(entry));
		assert.equal(asked, [[{ project: 'p', location: 'europe-west1', name: 'c' }, '2026-03-04T05:06:07.123456789Z']]);
	});

	it('judges without a snapshot: that is no failure', async () => {
		const ports = portsWith({ snapshots: { find: async () => undefined } });
		const outcome = await createIngestMessage(ports)(messageOf(entry));
		assert.is(outcome.kind === 'ok' && outcome.finding, 'undecidable');
		assert.equal(ports.appended[0]?.row['reasons'], ['no-snapshot']);
	});

	it('ends with reject when the row of the refusal is durable', async () => {
		const ports = portsWith();
		const outcome = await createIngestMessage(ports)(messageOf('{'));
		assert.is(outcome.kind === 'reject' && outcome.reason, 'not-json');
		assert.is(ports.appended[0]?.table, 'rejects_v1');
	});

	it('tries again when the warehouse does not take a row, of either table', async () => {
		const warehouse = {
			append: async () => {
				throw new Error('no space');
			},
		};
		for (const message of [messageOf(entry), messageOf('{')]) {
			const outcome = await createIngestMessage(portsWith({ warehouse }))(message);
			assert.is(outcome.kind === 'retry' && outcome.reason, 'warehouse-unavailable');
			assert.is(outcome.kind === 'retry' && (outcome.error as Error).message, 'no space');
		}
	});

	it('tries again when the snapshots do not answer', async () => {
		const snapshots = {
			find: async (): Promise<undefined> => {
				throw new Error('bucket');
			},
		};
		const ports = portsWith({ snapshots });
		const outcome = await createIngestMessage(ports)(messageOf(entry));
		assert.is(outcome.kind === 'retry' && outcome.reason, 'snapshots-unavailable');
		assert.equal(ports.appended, []);
	});

	it('does not lose the message to a bug of the engine', async () => {
		const ports = portsWith({ snapshots: { find: async () => ({ id: 'broken' }) as CompiledSnapshot } });
		const outcome = await createIngestMessage(ports)(messageOf(entry));
		assert.is(outcome.kind === 'retry' && outcome.reason, 'internal-error');
		assert.is(outcome.kind === 'retry' && outcome.snapshotId, 'broken');
		assert.equal(ports.appended, []);
	});

	it('answers only when the row is durable', async () => {
		let done = (): void => {};
		const durable = new Promise<void>((resolve) => {
			done = resolve;
		});
		let answered = false;
		const running = createIngestMessage(portsWith({ warehouse: { append: () => durable } }))(messageOf(entry)).then((outcome) => {
			answered = true;
			return outcome;
		});
		await new Promise((resolve) => setImmediate(resolve));
		assert.is(answered, false);
		done();
		assert.is((await running).kind, 'ok');
	});

	it('rejects a time that the table would never take, where there is such a bound', async () => {
		const acceptedTimes = { pastMs: 3650 * DAY_MS, futureMs: 365 * DAY_MS };
		const outcomeAt = (timestamp: string) =>
			createIngestMessage(portsWith({ acceptedTimes }))(messageOf(entryWith({ entry: { timestamp } })));
		for (const timestamp of ['2016-01-01T00:00:00Z', '2027-06-01T00:00:00Z']) {
			const outcome = await outcomeAt(timestamp);
			assert.is(outcome.kind === 'reject' && outcome.reason, 'bad-timestamp', timestamp);
		}
		for (const timestamp of ['2016-06-01T00:00:00Z', '2027-01-01T00:00:00Z']) assert.is((await outcomeAt(timestamp)).kind, 'ok', timestamp);
		const unbounded = await createIngestMessage(portsWith())(messageOf(entryWith({ entry: { timestamp: '1999-01-01T00:00:00Z' } })));
		assert.is(unbounded.kind, 'ok');
	});
});

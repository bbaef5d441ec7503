import { equal, is } from 'uvu/assert';
import type { LogLine } from '../../functions/ingest/handler.ts';
import { type CountersLine, createIngestLog, type LogLimits } from '../../functions/ingest/log.ts';
import { describe } from '../describe.ts';

const line = (outcome: LogLine['outcome'], snapshot_age_ms: number | null = null): LogLine => ({
	severity: 'INFO',
	message: outcome,
	outcome,
	reason: null,
	message_id: '1',
	delivery_attempt: null,
	entry_id: null,
	snapshot_id: null,
	finding: null,
	snapshot_age_ms,
	took_ms: 1,
});

function createLog(limits: Partial<LogLimits> = {}) {
	const clock = { ms: 1_000_000 };
	const written: (LogLine | CountersLine)[] = [];
	const log = createIngestLog({
		write: (each) => written.push(each),
		now: () => clock.ms,
		depth: () => ({ rows: 7, bytes: 700, inserts: 2 }),
		limits,
	});
	return {
		log,
		clock,
		messages: () => written.map(({ message }) => message),
		counters: () => written.filter((each): each is CountersLine => each.message === 'counters'),
	};
}

describe('the log of outcomes', (it) => {
	it('has a line for each outcome, up to so many acknowledged entries a second', () => {
		const { log, clock, messages } = createLog({ linesPerSecond: 2 });
		for (let index = 0; index < 5; index++) log(line('ok'));
		equal(messages(), ['ok', 'ok']);
		clock.ms += 1000;
		log(line('ok'));
		equal(messages(), ['ok', 'ok', 'ok']);
	});

	it('never leaves out what was rejected, refused or not acknowledged', () => {
		const { log, messages } = createLog({ linesPerSecond: 0 });
		for (const outcome of ['ok', 'reject', 'retry', 'refused', 'ok'] as const) log(line(outcome));
		equal(messages(), ['reject', 'retry', 'refused']);
	});

	it('has the counters now and then, and counts anew after it', () => {
		const { log, clock, counters } = createLog({ linesPerSecond: 1, countersEveryMs: 10_000 });
		for (const outcome of ['ok', 'ok', 'ok', 'reject', 'drop', 'drop', 'retry', 'retry', 'refused'] as const) log(line(outcome));
		log(line('ok', 5000));
		log(line('ok', -3));
		equal(counters(), []);
		clock.ms += 10_000;
		log(line('ok', 1000));
		const queue = { queue_rows: 7, queue_bytes: 700, inserts_under_way: 2 };
		equal(counters(), [
			{
				severity: 'INFO',
				message: 'counters',
				counted_ms: 10_000,
				rows: 6,
				drops: 2,
				rejects: 1,
				retries: 2,
				refused: 1,
				lines_dropped: 6,
				max_snapshot_age_ms: 5000,
				...queue,
			},
		]);
		clock.ms += 12_000;
		log(line('retry'));
		const [, second] = counters();
		equal([second?.rows, second?.retries, second?.lines_dropped, second?.max_snapshot_age_ms, second?.counted_ms], [0, 1, 0, null, 12_000]);
	});

	it('keeps no timer', () => {
		const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
		const before = timers();
		createLog().log(line('ok'));
		is(timers(), before);
	});
});

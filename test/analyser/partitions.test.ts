import * as assert from 'uvu/assert';
import { describe } from '../describe.ts';
import type { Bound } from './filter.ts';
import { type Partitions, reachOf, saysAllDays } from './partitions.ts';
import type { Read } from './reads.ts';

const PARTITIONS: Partitions = {
	verdicts_v1: { column: 'timestamp', filter_required: true },
	rejects_v1: { column: 'rejected_at', filter_required: false },
	silences_v1: { column: null, filter_required: false },
};

const read = (table: string, bound?: Bound, through: readonly string[] = []): Read => ({ table, through, columns: [], bound });
const reach = (...reads: readonly Read[]) => reachOf(reads, PARTITIONS).reach;

describe('reachOf', (it) => {
	it('takes a lower bound that moves, and a period between two constants', () => {
		assert.is(reach(read('verdicts_v1', { lower: 'moving' })), 'partitions');
		assert.is(reach(read('verdicts_v1', { lower: 'fixed', upper: 'fixed' })), 'partitions');
	});

	it('is all days from a constant on', () => {
		assert.is(reach(read('verdicts_v1', { lower: 'fixed' })), 'all-days');
		assert.is(reach(read('verdicts_v1', { lower: 'fixed', upper: 'moving' })), 'all-days');
	});

	it('is unbounded without a lower bound', () => {
		assert.is(reach(read('verdicts_v1')), 'unbounded');
		assert.is(reach(read('verdicts_v1', { upper: 'fixed' })), 'unbounded');
	});

	it('is that of the worst read', () => {
		const good = read('verdicts_v1', { lower: 'moving' });
		assert.is(reach(good, read('verdicts_v1', { lower: 'fixed' })), 'all-days');
		assert.is(reach(read('verdicts_v1', { lower: 'fixed' }), good, read('verdicts_v1')), 'unbounded');
	});

	it('exempts a table in its view only, and never verdicts_v1', () => {
		assert.is(reach(read('rejects_v1', undefined, ['rejects'])), 'partitions');
		assert.is(reach(read('rejects_v1')), 'unbounded');
		assert.is(reach(read('verdicts_v1', undefined, ['rejects'])), 'unbounded');
	});

	it('asks nothing of a table without partitions', () => assert.is(reach(read('silences_v1')), 'partitions'));

	it('says what is wrong, and on which way', () => {
		const { problems } = reachOf([read('verdicts_v1', undefined, ['findings', 'verdicts'])], PARTITIONS);
		assert.equal(problems, ['verdicts_v1 through findings, verdicts: timestamp has no lower bound']);
	});
});

describe('saysAllDays', (it) => {
	it('reads the comment at the top, after Cost', () => {
		assert.ok(saysAllDays('-- What broke?\n--\n-- Cost: narrow columns of\n-- all days.\nSELECT 1\n'));
		assert.ok(saysAllDays('-- Cost: the whole table.\nSELECT 1\n'));
	});

	it('takes nothing else for it', () => {
		assert.not(saysAllDays('-- All days of a week.\n-- Cost: a dozen columns.\nSELECT 1\n'));
		assert.not(saysAllDays('-- Cost: a dozen columns.\nSELECT 1 -- all days\n'));
		assert.not(saysAllDays('SELECT 1\n'));
	});
});

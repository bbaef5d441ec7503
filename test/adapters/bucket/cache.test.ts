import * as assert from 'uvu/assert';
import { createCache } from '../../../functions/adapters/bucket/cache.ts';
import { describe } from '../../describe.ts';

/** A cache of ten, a clock, and what was loaded. */
function fixture() {
	const clock = { ms: 0 };
	const cache = createCache<string>({ maxSize: 10, now: () => new Date(clock.ms) });
	const loads: string[] = [];
	const get = (key: string, size = 1, forMs = Number.POSITIVE_INFINITY) =>
		cache.get(key, async () => {
			loads.push(key);
			const value = `${key}${loads.length}`;
			await Promise.resolve();
			return { value, size, forMs };
		});
	return { cache, clock, loads, get };
}

describe('bucket: cache', (it) => {
	it('loads once for all who wait, and then not again', async () => {
		const { get, loads } = fixture();
		assert.equal(await Promise.all([get('a'), get('a'), get('b'), get('a')]), ['a1', 'a1', 'b2', 'a1']);
		assert.equal([await get('a'), loads], ['a1', ['a', 'b']]);
	});

	it('drops what was not asked for the longest, by size', async () => {
		const { get, loads } = fixture();
		await get('a', 4);
		await get('b', 4);
		await get('a', 4);
		await get('c', 4);
		loads.length = 0;
		for (const key of ['a', 'c', 'b']) await get(key, 4);
		assert.equal(loads, ['b']);
		loads.length = 0;
		await get('d', 10);
		for (const key of ['d', 'b', 'c', 'a']) await get(key, 2);
		assert.equal(loads, ['d', 'b', 'c', 'a']);
	});

	it('serves what is larger than itself, keeps the rest, and keeps what just fits', async () => {
		const { get, loads } = fixture();
		await get('a', 1);
		assert.equal([await get('huge', 11), await get('huge', 11), await get('a')], ['huge2', 'huge3', 'a1']);
		await get('fits', 10);
		await get('fits', 10);
		assert.equal(loads, ['a', 'huge', 'huge', 'fits']);
	});

	it('loads again when a value is too old, from the begin of its load on', async () => {
		const { get, clock } = fixture();
		assert.is(await get('a', 1, 100), 'a1');
		clock.ms = 99;
		assert.is(await get('a', 1, 100), 'a1');
		clock.ms = 100;
		assert.is(await get('a', 1, 100), 'a2');
		clock.ms = 50;
		assert.is(await get('a', 1, 100), 'a2');
		clock.ms = -1;
		assert.is(await get('a', 1, 100), 'a3', 'a clock that was set back');
		assert.equal([await get('never', 1, 0), await get('never', 1, 0)], ['never4', 'never5']);
	});

	it('counts a value that is loaded again once', async () => {
		const { get, clock, loads } = fixture();
		for (; clock.ms < 1000; clock.ms += 100) await get('a', 6, 100);
		await get('b', 4);
		loads.length = 0;
		await get('a', 6, 200);
		assert.equal(loads, ['a']);
		await get('b', 4);
		assert.equal(loads, ['a']);
	});

	it('keeps no failed load, and tells all who wait', async () => {
		const { cache, get } = fixture();
		let loads = 0;
		const fail = () =>
			cache.get('a', async () => {
				loads++;
				await Promise.resolve();
				throw new Error('no');
			});
		const results = await Promise.allSettled([fail(), fail(), fail()]);
		assert.equal([results.map(({ status }) => status), loads], [['rejected', 'rejected', 'rejected'], 1]);
		assert.is(await get('a'), 'a1');
	});
});

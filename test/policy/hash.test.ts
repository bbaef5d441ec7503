import * as assert from 'uvu/assert';
import { hashText } from '../../functions/policy/hash.ts';
import { describe } from '../describe.ts';

describe('hash', (it) => {
	// The first three are in the list of test vectors at http://www.isthe.com/chongo/tech/comp/fnv/ (64 bit FNV-1a).
	const known = { '': 'cbf29ce484222325', a: 'af63dc4c8601ec8c', foobar: '85944171f73967e8' };
	for (const [text, hash] of Object.entries(known)) it(`of "${text}" is FNV-1a's`, () => assert.is(hashText(text), hash));

	it('is 16 hex digits, also where the number is small', () => {
		const hashes = Array.from({ length: 2000 }, (_, index) => hashText(`${index}`));
		for (const hash of hashes) assert.match(hash, /^[0-9a-f]{16}$/);
		assert.ok(hashes.some((hash) => hash.startsWith('0')));
		assert.is(new Set(hashes).size, hashes.length);
	});

	it('tells texts apart whose order or last character differs', () => {
		assert.is.not(hashText('ab'), hashText('ba'));
		assert.is.not(hashText('π'), hashText('ρ'));
	});
});

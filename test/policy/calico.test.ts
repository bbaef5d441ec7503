import * as assert from 'uvu/assert';
import { parseCalicoSelector } from '../../functions/policy/calico.ts';
import type { Labels } from '../../functions/policy/model.ts';
import { describe } from '../describe.ts';

const selects = (text: string, labels: Labels): boolean | undefined => parseCalicoSelector(text)?.(labels);

describe('a Calico selector', (it) => {
	const cases: readonly (readonly [string, Labels, boolean])[] = [
		['', {}, true],
		['  ', { a: 'b' }, true],
		['all()', {}, true],
		['all( )', { a: 'b' }, true],
		['global()', {}, true],
		['has(role)', { role: '' }, true],
		['has(role)', { other: 'x' }, false],
		['!has(role)', {}, true],
		['has(projectcalico.org/namespace)', { 'projectcalico.org/namespace': 'x' }, true],
		['role == "db"', { role: 'db' }, true],
		["role == 'db'", { role: 'web' }, false],
		['role == "db"', {}, false],
		['role=="db"', { role: 'db' }, true],
		['role == ""', { role: '' }, true],
		['role == ""', {}, false],
		['role != "db"', { role: 'web' }, true],
		['role != "db"', { role: 'db' }, false],
		['role != "db"', {}, true],
		['role in {"a", "b"}', { role: 'b' }, true],
		["role in { 'a' }", { role: 'b' }, false],
		['role in {"a"}', {}, false],
		['role in {}', { role: 'a' }, false],
		['role not in {"a", "b"}', { role: 'c' }, true],
		['role not in {"a", "b"}', { role: 'a' }, false],
		['role not in {"a"}', {}, true],
		['role contains "ab"', { role: 'xaby' }, true],
		['role contains "ab"', { role: 'ax' }, false],
		['role contains ""', {}, false],
		['role starts with "ab"', { role: 'abx' }, true],
		['role starts with "ab"', { role: 'xab' }, false],
		['role starts with ""', {}, false],
		['role ends with "ab"', { role: 'xab' }, true],
		['role ends with "ab"', { role: 'abx' }, false],
		['role ends with ""', {}, false],
		['a == "1" && b == "2"', { a: '1', b: '2' }, true],
		['a == "1" && b == "2"', { a: '1' }, false],
		['a == "1" && b == "2"', { b: '2' }, false],
		['a == "1" || b == "2"', { b: '2' }, true],
		['a == "1" || b == "2"', { a: '1' }, true],
		['a == "1" || b == "2"', {}, false],
		['has(a) || has(b) && has(c)', { a: '' }, true],
		['(has(a) || has(b)) && has(c)', { a: '' }, false],
		['(has(a) || has(b)) && has(c)', { b: '', c: '' }, true],
		['!(has(a) && has(b))', { a: '' }, true],
		['!has(a) && has(b)', { b: '' }, true],
		['!!has(a)', { a: '' }, true],
		['in in {"x"}', { in: 'x' }, true],
		['has == "x"', { has: 'x' }, true],
		['a == "&& || )"', { a: '&& || )' }, true],
		['a == \'say "x"\'', { a: 'say "x"' }, true],
		['a.b-c_d/e == "1"', { 'a.b-c_d/e': '1' }, true],
	];
	for (const [text, labels, expected] of cases)
		it(`${JSON.stringify(text)} ${expected ? 'selects' : 'does not select'} ${JSON.stringify(labels)}`, () =>
			assert.is(selects(text, labels), expected));

	it('does not take what every object has for a label', () => {
		assert.equal(
			[selects('has(constructor)', {}), selects('toString != "x"', {}), selects('constructor contains "O"', {})],
			[false, true, false],
		);
	});
});

describe('what is no Calico selector', (it) => {
	const wrong = [
		'a',
		'a ==',
		'a == b',
		'== "b"',
		'a = "b"',
		'a == "b',
		'a == \'b"',
		'has()',
		'has(a',
		'has("a")',
		'none()',
		'all(a)',
		'all(',
		'(has(a)',
	];
	const more = [
		'has(a))',
		'has(a) has(b)',
		'has(a) &&',
		'|| has(a)',
		'has(a) & has(b)',
		'a in "x"',
		'a in {"x"',
		'a in {x}',
		'a not {"x"}',
		'a in',
		'!',
	];
	const odd = [
		'a starts "x"',
		'a ends "x"',
		'a with "x"',
		'a contains',
		'()',
		'a; b',
		'a == "1" &&& b == "2"',
		'é == "x"',
		'a == "b" \u0000',
		'<script>',
	];
	for (const text of [...wrong, ...more, ...odd]) it(JSON.stringify(text), () => assert.is(parseCalicoSelector(text), undefined));

	it('is nested deeper, or longer, than anybody writes', () => {
		const nested = (depth: number) => `${'('.repeat(depth)}has(a)${')'.repeat(depth)}`;
		assert.is(parseCalicoSelector(nested(49))?.({ a: '' }), true);
		for (const depth of [50, 4000]) assert.is(parseCalicoSelector(nested(depth)), undefined, `${depth}`);
		assert.is(parseCalicoSelector(`${'!'.repeat(9000)}has(a)`), undefined);
		assert.type(parseCalicoSelector('has(a)'.padEnd(10_000)), 'function');
		assert.is(parseCalicoSelector('has(a)'.padEnd(10_001)), undefined);
	});

	it('has no bearing on a long row of terms, which is judged whole', () => {
		const row = Array.from({ length: 1000 }, (_, index) => `has(a${index})`);
		assert.is(
			selects(
				row
					.join('||')
					.slice(0, 9000)
					.replace(/\|+[^|]*$/, ''),
				{ a7: '' },
			),
			true,
		);
		assert.is(selects('has(a)&&'.repeat(1200).concat('has(b)'), { a: '', b: '' }), true);
		assert.is(selects('has(a)&&'.repeat(1200).concat('has(b)'), { a: '' }), false);
	});
});

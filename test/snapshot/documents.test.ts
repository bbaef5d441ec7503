import * as assert from 'uvu/assert';
import { parseDocuments } from '../../functions/snapshot/documents.ts';
import { findJsonError } from '../../functions/snapshot/json-error.ts';
import { formatProblem } from '../../functions/snapshot/problem.ts';
import { describe } from '../describe.ts';

const contents = (text: string, file = 'a.yaml'): unknown[] => parseDocuments(text, file).documents.map(({ content }) => content);
const problems = (text: string, file = 'a.yaml'): string[] => parseDocuments(text, file).problems.map(formatProblem);

describe('documents: YAML as kubectl reads it', (it) => {
	const values: [string, unknown][] = [
		['yes', true],
		['off', false],
		['"yes"', 'yes'],
		['0777', 511],
		['1_000', 1000],
		['2023-01-01', '2023-01-01'],
		['1:20', '1:20'],
		['!!binary aGk=', 'aGk='],
		['~', null],
		['1.10', 1.1],
	];
	for (const [text, expected] of values) it(text, () => assert.equal(contents(`a: ${text}`), [{ a: expected }]));

	it('anchors and merges', () => assert.equal(contents('a: &x {p: 1}\nb:\n  <<: *x\n  q: 2\n'), [{ a: { p: 1 }, b: { p: 1, q: 2 } }]));
	it('several documents, and comments alone', () =>
		assert.equal(contents('# c\n---\na: 1\n---\n# none\n---\na: 2\n'), [{ a: 1 }, null, { a: 2 }]));
	it('JSON in a .yaml file, flow style too', () => {
		assert.equal(contents('{"a": [1]}'), [{ a: [1] }]);
		assert.equal(contents('{a: [1,]}'), [{ a: [1] }]);
	});
	it('a key __proto__ is a key', () => {
		const [content] = contents('__proto__: {x: 1}\n') as [object];
		assert.equal(Object.keys(content), ['__proto__']);
		assert.is(({} as Record<string, unknown>)['x'], undefined);
	});
});

describe('documents: places', (it) => {
	const text = 'a: 1\n---\nmetadata:\n  name: x\nspec:\n  ingress:\n    - ports:\n        - port: 80\n        - port: 0\n';
	const place = (path: string) => {
		const { line, column } = parseDocuments(text, 'a.yaml').documents[1]?.origin.locate?.(path) ?? {};
		return `${line}:${column}`;
	};
	for (const [path, expected] of [
		['', '3:1'],
		['spec', '5:1'],
		['metadata.name', '4:3'],
		['spec.ingress[0].ports[1].port', '9:11'],
		['spec.ingress[0].ports[1].endPort', '9:11'],
		['spec.ingress[0].ports[9]', '7:7'],
		['spec.egress', '5:1'],
		['spec["x.y/z"].a', '5:1'],
	]) {
		it(path || 'the document', () => assert.is(place(path as string), expected));
	}
});

describe('documents: what cannot be read', (it) => {
	const secret = 'hunter2';
	const broken: [string, string, string][] = [
		['a key that is there twice', 'a: 1\nb: 2\na: 3\n', 'a.yaml:3:1: is not YAML: Map keys must be unique'],
		[
			'a bracket that stays open',
			`a: [1\nb: ${secret}\n`,
			'a.yaml:2:1: is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
		],
		['a tab', `a:\n\t- ${secret}\n`, 'a.yaml:2:1: is not YAML: Tabs are not allowed as indentation'],
		['a token in the wrong place', `- a\n${secret}: c`, 'a.yaml:2:1: is not YAML: Unexpected scalar at node end'],
		['an alias of nothing', `a: *${secret}`, 'a.yaml:1:1: has an alias without an anchor before it'],
		['a template', 'a:\n  {{- if .Values.x }}\n  b: 1\n  {{- end }}\n', 'a.yaml:2:5: is not YAML'],
		['nothing', ' \n', 'a.yaml: is empty'],
	];
	for (const [name, text, message] of broken) {
		it(name, () => {
			const all = problems(text);
			assert.is(all[0]?.slice(0, message.length), message);
			assert.is(all.join().includes(secret), false);
		});
	}
	it('hints at templates', () => assert.match(problems('a:\n  {{- if .Values.x }}\n  b: 1\n')[0] ?? '', 'a template? Render it first'));
	it('an error in one document leaves the others', () => {
		assert.equal(contents('a: 1\n---\nb: 1\nb: 2\n---\nc: 3\n'), [{ a: 1 }, { c: 3 }]);
		assert.is(problems('a: 1\n---\nb: 1\nb: 2\n---\nc: 3\n').length, 1);
	});
	it('an alias bomb', () => {
		const bomb = [
			'a0: &a0 [x, x]',
			...Array.from({ length: 30 }, (_, level) => `a${level + 1}: &a${level + 1} [*a${level}, *a${level}]`),
		].join('\n');
		assert.equal(problems(bomb), ['a.yaml:1:1: has too many aliases: at most 100 are resolved']);
	});
	it('YAML that is too large', () =>
		assert.match(problems(`a: ${'x'.repeat(33 * 1024 * 1024)}`)[0] ?? '', /^a\.yaml: is too large for YAML: at most 32 MB/));
	it('nested without end', () => {
		for (const text of ['['.repeat(20_000), '- '.repeat(20_000), `${'['.repeat(20_000)}${']'.repeat(20_000)}`])
			assert.ok(Array.isArray(problems(text)));
	});

	const json: [string, string][] = [
		['{"a":1,}', 'a.json:1:8: is not JSON from here on'],
		['[1,\n  x]', 'a.json:2:3: is not JSON from here on'],
		['{"a": [1, 2', 'a.json:1:12: is not JSON: it ends in the middle'],
		['apiVersion: v1\nkind: Pod\n', 'a.json:1:1: is not JSON from here on'],
		['404 page not found\n', 'a.json:1:5: is not JSON from here on'],
		[`{"password": "${secret}" "x"}`, 'a.json:1:24: is not JSON from here on'],
	];
	for (const [text, message] of json) it(`JSON: ${text.slice(0, 20)}`, () => assert.equal(problems(text, 'a.json'), [message]));

	it('finds the end of what is JSON also in long strings', () => assert.is(findJsonError(`["${'x\\n'.repeat(5_000_000)}" y]`), 15_000_004));
	it('agrees with JSON.parse on what is JSON', () => {
		for (const text of ['{}', '[]', '[{}]', '{"a":{"b":[1,-2.5e3,true,false,null,"\\u00e9\\""]}}', ' 1 ', '"x"']) {
			JSON.parse(text);
			assert.is(findJsonError(text), text.length, text);
		}
	});
});

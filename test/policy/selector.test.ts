import * as assert from 'uvu/assert';
import type { LabelRequirement, LabelSelector, Labels } from '../../functions/policy/model.ts';
import {
	compileSelector,
	createVocabulary,
	hiddenUnder,
	isEverything,
	isNegative,
	labelSetOf,
	matchMask,
	mention,
} from '../../functions/policy/selector.ts';
import { ALL, CILIUM, CILIUM_FROM_1_15, CILIUM_FROM_1_20, NONE, SPECIFIED } from '../../functions/policy/semantics.ts';
import { describe } from '../describe.ts';
import { labels } from './cluster.ts';

const expression = (key: string, operator: LabelRequirement['operator'], ...values: string[]): LabelSelector => ({
	matchLabels: {},
	matchExpressions: [{ key, operator, values }],
});

/** The mask under which a selector matches labels, where `others` are all other selectors of the cluster. */
function match(selector: LabelSelector, own: Labels, { filtered = true, others = [] as LabelSelector[] } = {}): number {
	const vocabulary = createVocabulary(filtered);
	for (const each of [...others, selector]) mention(vocabulary, each);
	return matchMask(compileSelector(vocabulary, selector), labelSetOf(vocabulary, own));
}

describe('a selector', (it) => {
	it('of nothing matches everything', () => {
		assert.is(match(labels(), {}), ALL);
		assert.is(match(labels(), { app: 'web' }, { others: [labels({ app: 'db' })] }), ALL);
	});

	it('ANDs all its requirements', () => {
		const both = { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'Exists', values: [] }] } as const;
		assert.is(match(both, { app: 'web', tier: 'x' }), ALL);
		assert.is(match(both, { app: 'web' }), NONE);
		assert.is(match(both, { app: 'db', tier: 'x' }), NONE);
		assert.is(match(labels({ a: '1', b: '2' }), { a: '1', b: '1' }), NONE);
	});

	const cases: readonly (readonly [LabelRequirement['operator'], readonly string[], Labels, boolean])[] = [
		['In', ['a', 'b'], { key: 'b' }, true],
		['In', ['a', 'b'], { key: 'c' }, false],
		['In', ['a', 'b'], {}, false],
		['In', [''], { key: '' }, true],
		['In', [''], {}, false],
		['NotIn', ['a', 'b'], { key: 'b' }, false],
		['NotIn', ['a', 'b'], { key: 'c' }, true],
		['NotIn', ['a', 'b'], {}, true],
		['Exists', [], { key: '' }, true],
		['Exists', [], { other: 'x' }, false],
		['DoesNotExist', [], { key: 'x' }, false],
		['DoesNotExist', [], { other: 'x' }, true],
	];
	for (const [operator, values, own, expected] of cases)
		it(`${operator} (${values}) ${expected ? 'matches' : 'does not match'} ${JSON.stringify(own)}`, () => {
			assert.is(match(expression('key', operator, ...values), own), expected ? ALL : NONE);
		});

	it('tells values apart that only other selectors mention', () => {
		const others = [labels({ key: 'x' }), expression('key', 'In', 'y', 'z')];
		assert.is(match(labels({ key: 'a' }), { key: 'x' }, { others }), NONE);
		assert.is(match(labels({ key: 'a' }), { key: 'a' }, { others }), ALL);
		assert.is(match(expression('key', 'NotIn', 'a'), { key: 'y' }, { others }), ALL);
	});

	it('reads keys and values that JavaScript knows as any other', () => {
		assert.is(match(expression('constructor', 'Exists'), {}), NONE);
		assert.is(match(expression('toString', 'DoesNotExist'), { toString: 'x' }), NONE);
		assert.is(match(labels({ app: '__proto__' }), { app: '__proto__' }), ALL);
	});
});

describe('labels that are no part of an identity', (it) => {
	const always = ['pod-template-hash', 'pod-template-generation', 'controller-revision-hash', 'io.kubernetes.pod.name', 'kubernetes.io/os'];
	const more = ['node.beta.kubernetes.io/x', 'beta.kubernetes.io/arch', 'k8s.io/x', 'annotation.x', 'annotations', 'etcd_node'];
	for (const key of [...always, ...more]) it(`hide ${key} from Cilium`, () => assert.is(hiddenUnder(key), CILIUM));

	const later = ['statefulset.kubernetes.io/pod-name', 'apps.kubernetes.io/pod-index', 'batch.kubernetes.io/job-completion-index'];
	for (const key of [...later, 'controller-uid', 'batch.kubernetes.io/controller-uid'])
		it(`hide ${key} from 1.15 on`, () => assert.is(hiddenUnder(key), CILIUM_FROM_1_15));

	it('hide topology.kubernetes.io from 1.20 on', () => assert.is(hiddenUnder('topology.kubernetes.io/zone'), CILIUM_FROM_1_20));

	const kept = [
		'app',
		'app.kubernetes.io/name',
		'batch.kubernetes.io/job-name',
		'my-pod-template-hash',
		'x.k8s.io/y',
		'job-name',
		'io.cilium',
	];
	for (const key of kept) it(`do not hide ${key}`, () => assert.is(hiddenUnder(key), NONE));

	it('never match In, Exists and matchLabels, and always NotIn and DoesNotExist', () => {
		const own = { 'pod-template-hash': 'a1' };
		assert.is(match(labels(own), own), SPECIFIED);
		assert.is(match(expression('pod-template-hash', 'In', 'a1'), own), SPECIFIED);
		assert.is(match(expression('pod-template-hash', 'Exists'), own), SPECIFIED);
		assert.is(match(expression('pod-template-hash', 'NotIn', 'a1'), own), CILIUM);
		assert.is(match(expression('pod-template-hash', 'DoesNotExist'), own), CILIUM);
		assert.is(match(expression('pod-template-hash', 'NotIn', 'b2'), own), ALL);
		assert.is(match(expression('pod-template-hash', 'DoesNotExist'), {}), ALL);
	});

	it('are those of Pods only: labels of Namespaces are never filtered', () => {
		const own = { 'kubernetes.io/metadata.name': 'default' };
		assert.is(match(labels(own), own, { filtered: false }), ALL);
		assert.is(match(labels(own), own), SPECIFIED);
	});
});

describe('a selector is', (it) => {
	it('everything where it has no requirement', () => {
		assert.equal([labels(), labels({ a: 'b' }), expression('a', 'DoesNotExist')].map(isEverything), [true, false, false]);
	});

	it('negative where it can only exclude', () => {
		assert.is(isNegative(expression('a', 'NotIn', 'b')), true);
		assert.is(isNegative(expression('a', 'DoesNotExist')), true);
		assert.is(isNegative(labels()), false);
		assert.is(isNegative({ ...expression('a', 'DoesNotExist'), matchLabels: { b: 'c' } }), false);
		assert.is(isNegative(expression('a', 'Exists')), false);
		const mixed = [expression('a', 'NotIn', 'b'), expression('c', 'In', 'd')].flatMap(({ matchExpressions }) => matchExpressions);
		assert.is(isNegative({ matchLabels: {}, matchExpressions: mixed }), false);
	});
});

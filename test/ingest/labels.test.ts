import { equal, is } from 'uvu/assert';
import { labelText } from '../../functions/ingest/labels.ts';
import { describe } from '../describe.ts';

describe('labels of a row', (it) => {
	it('are sorted, and what a controller generates is left out', () => {
		is(
			labelText({ tier: 'web', app: 'cart', 'pod-template-hash': '5d9c7b4f6d', 'batch.kubernetes.io/job-name': 'x' }),
			'app=cart,tier=web',
		);
	});

	it('are null where nothing is left to select by', () => {
		equal([labelText({}), labelText({ 'controller-revision-hash': 'x' })], [null, null]);
	});

	it('are text that a column can hold', () => {
		is(labelText({ a: '\ud800', b: 'x\u0000y' }), 'a=\ufffd,b=x\ufffdy');
	});

	it('are cut, because who may label Pods must not be able to make rows that no table takes', () => {
		const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`label-${String(index).padStart(3, '0')}`, 'x'.repeat(60)]));
		const text = labelText(many) ?? '';
		is(text.length, 1000);
		is(text.at(-1), '…');
		is(text.startsWith('label-000='), true);
	});
});

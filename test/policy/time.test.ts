import * as assert from 'uvu/assert';
import { formatTimeName, parseTime, parseTimeName, sortableTime } from '../../functions/policy/time.ts';
import { describe } from '../describe.ts';

describe('time', (it) => {
	const times: [string, string | undefined][] = [
		['2023-09-23T14:21:51.384375643Z', '2023-09-23T14:21:51.384375643Z'],
		['2023-09-23T14:21:51.384000000Z', '2023-09-23T14:21:51.384Z'],
		['2023-09-23T14:21:51.000Z', '2023-09-23T14:21:51Z'],
		['2023-09-23t14:21:51z', '2023-09-23T14:21:51Z'],
		['2023-09-23T00:30:00+02:00', '2023-09-22T22:30:00Z'],
		['2023-12-31T23:30:00.5-01:00', '2024-01-01T00:30:00.5Z'],
		['2023-09-23T14:21:51.1234567899Z', '2023-09-23T14:21:51.123456789Z'],
		['2024-02-29T00:00:00Z', '2024-02-29T00:00:00Z'],
		['2023-02-29T00:00:00Z', undefined],
		['2023-09-23T24:00:00Z', undefined],
		['2023-09-23T14:21:60Z', undefined],
		['2023-09-23T14:21:51', undefined],
		['2023-09-23T14:21:51+24:00', undefined],
		['0000-01-01T00:00:00+01:00', undefined],
		['9999-12-31T23:59:59-01:00', undefined],
		['', undefined],
	];
	for (const [given, expected] of times) it(given || 'nothing', () => assert.is(parseTime(given), expected));

	it('sorts at the nanosecond', () => {
		const sorted = [
			'2023-09-23T14:21:51Z',
			'2023-09-23T14:21:51.000000001Z',
			'2023-09-23T14:21:51.1Z',
			'2023-09-23T14:21:51.12Z',
			'2023-09-23T14:21:52Z',
		];
		assert.equal([...sorted].reverse().map(sortableTime).sort(), sorted.map(sortableTime));
	});

	const names: [string, string | undefined][] = [
		['2023-09-23T142057Z', '2023-09-23T14:20:57Z'],
		['2023-09-23T142057.250Z', '2023-09-23T14:20:57.25Z'],
		['2023-09-23T14:20:57Z', '2023-09-23T14:20:57Z'],
		['2023-13-23T142057Z', undefined],
		['2023-09-23T1420Z', undefined],
		['2023-09-23', undefined],
		['prod', undefined],
	];
	for (const [given, expected] of names) it(`the name ${given}`, () => assert.is(parseTimeName(given), expected));
	it('a name reads back', () => assert.is(parseTimeName(formatTimeName('2023-09-23T14:20:57.25Z')), '2023-09-23T14:20:57.25Z'));
});

import * as assert from 'uvu/assert';
import { parseTimestamp } from '../../functions/ingest/timestamp.ts';
import { describe } from '../describe.ts';

const GOOD: readonly [sent: string, utc: string][] = [
	['2023-09-23T14:21:51.384375643Z', '2023-09-23T14:21:51.384375Z'],
	['2023-09-23T14:21:51.9999999Z', '2023-09-23T14:21:51.999999Z'],
	['2023-09-23T14:21:51.5Z', '2023-09-23T14:21:51.5Z'],
	['2023-09-23T14:21:51Z', '2023-09-23T14:21:51Z'],
	['2023-09-23T14:21:51.000000999Z', '2023-09-23T14:21:51Z'],
	['2023-09-23t14:21:51z', '2023-09-23T14:21:51Z'],
	['2023-09-23T16:21:51.25+02:00', '2023-09-23T14:21:51.25Z'],
	['2023-12-31T20:00:00-05:30', '2024-01-01T01:30:00Z'],
	['2024-02-29T00:00:00Z', '2024-02-29T00:00:00Z'],
	['0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
	['9999-12-31T23:59:59.999999999Z', '9999-12-31T23:59:59.999999Z'],
];

const BAD: readonly string[] = [
	'',
	'yesterday',
	'2023-09-23',
	'2023-09-23T14:21:51',
	'2023-09-23 14:21:51Z',
	'2023-02-30T00:00:00Z',
	'2023-02-29T00:00:00Z',
	'2023-13-01T00:00:00Z',
	'2023-09-23T24:00:00Z',
	'2023-09-23T14:60:00Z',
	'2016-12-31T23:59:60Z',
	'2023-09-23T14:21:51+24:00',
	'2023-09-23T14:21:51.Z',
	'0000-12-31T00:00:00Z',
	'0001-01-01T00:00:00+00:01',
	'9999-12-31T23:59:59-00:01',
	'+02023-09-23T14:21:51Z',
	'1695478911',
];

describe('parseTimestamp', (it) => {
	for (const [sent, utc] of GOOD) it(`cuts ${sent} to ${utc}`, () => assert.is(parseTimestamp(sent)?.utc, utc));
	for (const sent of BAD) it(`refuses ${JSON.stringify(sent)}`, () => assert.is(parseTimestamp(sent), undefined));

	it('counts milliseconds, cut as well', () => {
		assert.is(parseTimestamp('1970-01-01T00:00:01.2349Z')?.ms, 1234);
		assert.is(parseTimestamp('1970-01-01T01:00:00.0005+01:00')?.ms, 0);
	});
});

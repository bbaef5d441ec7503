/**
 * The functions that SQL files may use: right in BigQuery and, transpiled, in DuckDB. Each has an expression and its value in BigQuery,
 * as JSON form; `views.test.ts` runs it in DuckDB, `engines.test.ts` in BigQuery's emulator. A function that is not here fails the test of
 * the SQL files. Left out because silently wrong after transpilation: JSON_VALUE, REGEXP_CONTAINS, REGEXP_REPLACE, TIMESTAMP_DIFF, FORMAT,
 * CONCAT (null), JSON_KEYS, JSON_TYPE, TO_JSON, EXTRACT(DAYOFWEEK).
 */
export const FUNCTIONS: Readonly<Record<string, readonly [expression: string, value: unknown]>> = {
	ARRAY_LENGTH: ['ARRAY_LENGTH([1, 2])', 2],
	ARRAY_TO_STRING: [`ARRAY_TO_STRING(['a', 'b'], ', ')`, 'a, b'],
	CAST: ['CAST(12 AS STRING)', '12'],
	COALESCE: ['COALESCE(NULL, 2)', 2],
	COUNT: ['(SELECT COUNT(DISTINCT x) FROM UNNEST([1, 1, NULL, 2]) AS x)', 2],
	COUNTIF: ['(SELECT COUNTIF(x > 1) FROM UNNEST([1, NULL, 2]) AS x)', 1],
	CURRENT_TIMESTAMP: [`CURRENT_TIMESTAMP() > TIMESTAMP '2026-01-01 00:00:00+00'`, true],
	DATE: [`DATE(TIMESTAMP '2026-01-01 23:59:59.999999+00')`, '2026-01-01'],
	DATE_DIFF: [`DATE_DIFF(DATE '2026-03-01', DATE '2026-02-01', DAY)`, 28],
	DENSE_RANK: ['(SELECT MAX(n) FROM (SELECT DENSE_RANK() OVER (ORDER BY x) AS n FROM UNNEST([5, 5, 6]) AS x))', 2],
	ENDS_WITH: [`ENDS_WITH('abc', 'bc')`, true],
	FIRST_VALUE: ['(SELECT MAX(n) FROM (SELECT FIRST_VALUE(x) OVER (ORDER BY x) AS n FROM UNNEST([6, 5]) AS x))', 5],
	GENERATE_TIMESTAMP_ARRAY: [
		// Only within UNNEST: elsewhere DuckDB lacks it.
		`(SELECT COUNT(*) FROM UNNEST(GENERATE_TIMESTAMP_ARRAY(TIMESTAMP '2026-01-01 00:00:00+00', TIMESTAMP '2026-01-01 02:30:00+00', INTERVAL 1 HOUR)) AS x)`,
		3,
	],
	GREATEST: ['GREATEST(1, NULL, 2)', null],
	IF: [`IF(NULL, 'yes', 'no')`, 'no'],
	IFNULL: ['IFNULL(NULL, 1)', 1],
	// Of JSON null the value is null in both, and BigQuery's emulator breaks: leave the member out.
	JSON_EXTRACT_SCALAR: [`JSON_EXTRACT_SCALAR('{"a":"it is \\\\"so\\\\""}', '$.a')`, 'it is "so"'],
	JSON_QUERY_ARRAY: [`(SELECT STRING_AGG(JSON_EXTRACT_SCALAR(x, '$'), '+') FROM UNNEST(JSON_QUERY_ARRAY('["a", "b"]')) AS x)`, 'a+b'],
	LEAD: ['(SELECT MIN(n) FROM (SELECT LEAD(x) OVER (ORDER BY x) AS n FROM UNNEST([5, 6]) AS x))', 6],
	LEAST: ['LEAST(2, 1)', 1],
	LENGTH: [`LENGTH('aü')`, 2],
	LOGICAL_AND: ['(SELECT LOGICAL_AND(x) FROM UNNEST([TRUE, NULL]) AS x)', true],
	LOGICAL_OR: ['(SELECT LOGICAL_OR(x) FROM UNNEST([FALSE, NULL]) AS x)', false],
	LOWER: [`LOWER('AbC')`, 'abc'],
	MAX: ['(SELECT MAX(x) FROM UNNEST([1, NULL, 2]) AS x)', 2],
	MIN: ['(SELECT MIN(x) FROM UNNEST([1, NULL, 2]) AS x)', 1],
	MOD: ['MOD(7, 4)', 3],
	NULLIF: ['NULLIF(1, 1)', null],
	// No match is null in BigQuery and an empty text in DuckDB.
	REGEXP_EXTRACT: [`REGEXP_EXTRACT('xabc', r'^(?:.)*?a(b)')`, 'b'],
	ROW_NUMBER: ['(SELECT MAX(n) FROM (SELECT ROW_NUMBER() OVER (ORDER BY x) AS n FROM UNNEST([5, 6]) AS x))', 2],
	SAFE_CAST: [`SAFE_CAST('x' AS INT64)`, null],
	SAFE_DIVIDE: ['SAFE_DIVIDE(1, 0)', null],
	SAFE_OFFSET: ['[10, 20][SAFE_OFFSET(2)]', null],
	STARTS_WITH: [`STARTS_WITH('abc', 'ab')`, true],
	// Of nulls alone it is null in both, and BigQuery's emulator breaks.
	STRING_AGG: [
		`(SELECT STRING_AGG(x, ', ' ORDER BY n DESC) FROM (SELECT 'a' AS x, 1 AS n UNION ALL SELECT 'b', 2 UNION ALL SELECT NULL, 3))`,
		'b, a',
	],
	STRPOS: [`STRPOS('abc', 'c')`, 3],
	SUBSTR: [`SUBSTR('abcdef', 2, 3) || SUBSTR('ab', 41)`, 'bcd'],
	SUM: ['(SELECT SUM(x) FROM UNNEST([1, NULL, 2]) AS x)', 3],
	TIMESTAMP: [`TIMESTAMP('2026-01-01 01:00:00+01')`, '2026-01-01T00:00:00Z'],
	TIMESTAMP_ADD: [`TIMESTAMP_ADD(TIMESTAMP '2026-01-01 00:00:00+00', INTERVAL 90 MINUTE)`, '2026-01-01T01:30:00Z'],
	TIMESTAMP_SUB: [`TIMESTAMP_SUB(TIMESTAMP '2026-01-01 00:00:00+00', INTERVAL 1 DAY)`, '2025-12-31T00:00:00Z'],
	TIMESTAMP_TRUNC: [`TIMESTAMP_TRUNC(TIMESTAMP '2026-01-01 10:37:12+00', HOUR)`, '2026-01-01T10:00:00Z'],
	TO_HEX: [`TO_HEX(SAFE_CAST('a|/' AS BYTES))`, '617c2f'],
	UNIX_MICROS: [`UNIX_MICROS(TIMESTAMP '2026-01-01 00:00:00.12+00')`, 1767225600120000],
	UNIX_SECONDS: [`UNIX_SECONDS(TIMESTAMP '2026-01-01 00:00:00+00')`, 1767225600],
	UNNEST: ['(SELECT SUM(x) FROM UNNEST([1, 2]) AS x)', 3],
};

/** All in one row, a column a function. */
export const FUNCTIONS_QUERY = `SELECT ${Object.entries(FUNCTIONS)
	.map(([name, [expression]]) => `${expression} AS x_${name}`)
	.join(',\n')}`;

export const FUNCTIONS_ANSWER = Object.fromEntries(Object.entries(FUNCTIONS).map(([name, [, value]]) => [`x_${name}`, value]));

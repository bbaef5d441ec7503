/** What the check must say of queries that are right and of queries that are wrong: it would be worth nothing if it could not fail. */
import type { Reach } from './partitions.ts';

export interface Case {
	readonly what: string;
	readonly sql: string;
	/** The answer, or what GoogleSQL's message says. */
	readonly expected: Reach | RegExp;
}

const SINCE = 'TIMESTAMP(@since)';

export const CASES: readonly Case[] = [
	{
		what: 'a filter on the partition column of a table',
		sql: `SELECT entry_id FROM verdicts_v1 WHERE timestamp >= ${SINCE}`,
		expected: 'partitions',
	},
	{ what: 'one below the view', sql: `SELECT entry_id FROM verdicts WHERE timestamp >= ${SINCE}`, expected: 'partitions' },
	{
		what: 'one that says it the other way round',
		sql: `SELECT entry_id FROM verdicts WHERE ${SINCE} < timestamp AND flagged`,
		expected: 'partitions',
	},
	{
		what: 'one on the day of the partition column',
		sql: `SELECT entry_id FROM verdicts WHERE DATE(timestamp) = DATE(${SINCE})`,
		expected: 'partitions',
	},
	{
		what: 'one by the current time',
		sql: 'SELECT entry_id FROM verdicts WHERE timestamp > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 7 DAY)',
		expected: 'partitions',
	},
	{
		what: '`day` of findings, through two windows',
		sql: `SELECT summary FROM findings WHERE day BETWEEN DATE(${SINCE}) AND CURRENT_DATE()`,
		expected: 'partitions',
	},
	{
		what: '`day` of calibration, through groups',
		sql: `SELECT semantics FROM calibration WHERE day >= DATE(${SINCE})`,
		expected: 'partitions',
	},
	{
		what: '`collected_at` of snapshots',
		sql: `SELECT reason FROM snapshots WHERE collected_at >= ${SINCE}`,
		expected: 'partitions',
	},
	{
		what: 'a filter outside of WITH, UNION ALL and groups',
		sql: `WITH hours AS (
				SELECT TIMESTAMP_TRUNC(timestamp, HOUR) AS hour FROM verdicts
				UNION ALL SELECT collected_at AS hour FROM snapshots
			) SELECT hour, COUNT(*) AS n FROM hours GROUP BY hour HAVING hour >= ${SINCE}`,
		expected: 'partitions',
	},
	{
		what: 'a period between two constants',
		sql: "SELECT entry_id FROM verdicts WHERE timestamp >= TIMESTAMP '2026-03-01 00:00:00+00' AND timestamp < TIMESTAMP '2026-03-08 00:00:00+00'",
		expected: 'partitions',
	},
	{ what: 'one day', sql: "SELECT summary FROM findings WHERE day = DATE '2026-03-01'", expected: 'partitions' },
	{ what: 'a view that is exempt', sql: 'SELECT reason FROM rejects', expected: 'partitions' },
	{
		what: 'an insertion of what a filtered query gives',
		sql: `INSERT INTO verdicts_v1 SELECT * FROM verdicts_v1 WHERE timestamp >= ${SINCE}`,
		expected: 'partitions',
	},
	{
		what: 'a call of the remote function',
		sql: `SELECT rejudge(entry_id) AS row FROM verdicts WHERE timestamp >= ${SINCE}`,
		expected: 'partitions',
	},

	{
		what: 'a deletion of recent rows',
		sql: `DELETE FROM alerts_v1 WHERE claimed_at >= ${SINCE} AND fingerprint = 'f'`,
		expected: 'partitions',
	},
	{
		what: 'an update of a table without partitions',
		sql: "UPDATE silences_v1 SET comment = 'x' WHERE comment IS NULL",
		expected: 'partitions',
	},
	{
		what: 'two statements',
		sql: `SELECT entry_id FROM verdicts WHERE timestamp >= ${SINCE}; SELECT reason FROM rejects;`,
		expected: 'partitions',
	},

	{
		what: 'two statements, one without a filter',
		sql: 'SELECT reason FROM rejects; SELECT entry_id FROM verdicts;',
		expected: 'unbounded',
	},
	{
		what: 'an update without a filter on time',
		sql: "UPDATE alerts_v1 SET fingerprint = 'x' WHERE fingerprint = 'f'",
		expected: 'unbounded',
	},
	{
		what: 'a merge that looks at all rows',
		sql: `MERGE alerts_v1 AS a USING (SELECT fingerprint FROM findings WHERE day >= DATE(${SINCE})) AS f ON a.fingerprint = f.fingerprint
			WHEN MATCHED THEN DELETE`,
		expected: 'unbounded',
	},
	{
		what: 'a function that reads a table',
		sql: 'CREATE FUNCTION latest() AS ((SELECT MAX(timestamp) FROM verdicts_v1))',
		expected: 'unbounded',
	},
	{ what: 'no filter', sql: 'SELECT entry_id FROM verdicts', expected: 'unbounded' },
	{ what: 'a filter on judged_at', sql: `SELECT entry_id FROM verdicts WHERE judged_at >= ${SINCE}`, expected: 'unbounded' },
	{
		what: 'a filter under OR',
		sql: `SELECT entry_id FROM verdicts WHERE timestamp >= ${SINCE} OR flagged`,
		expected: 'unbounded',
	},
	{ what: 'a filter under NOT', sql: `SELECT entry_id FROM verdicts WHERE NOT (timestamp >= ${SINCE})`, expected: 'unbounded' },
	{ what: 'an upper bound alone', sql: `SELECT entry_id FROM verdicts WHERE timestamp < ${SINCE}`, expected: 'unbounded' },
	{
		what: 'a bound that a subquery finds',
		sql: 'SELECT entry_id FROM verdicts WHERE timestamp >= (SELECT MAX(last_collected_at) FROM snapshot_health)',
		expected: 'unbounded',
	},
	{
		what: 'a bound that a join finds',
		sql: 'SELECT entry_id FROM verdicts JOIN snapshot_health USING (cluster_name) WHERE timestamp >= last_collected_at',
		expected: 'unbounded',
	},
	{
		what: 'a time that was shifted by a column',
		sql: `SELECT entry_id FROM verdicts WHERE TIMESTAMP_ADD(timestamp, INTERVAL weight DAY) >= ${SINCE}`,
		expected: 'unbounded',
	},
	{
		what: 'the day of another column under the same name',
		sql: `SELECT day FROM (SELECT DATE(judged_at) AS day FROM verdicts) WHERE day >= DATE(${SINCE})`,
		expected: 'unbounded',
	},
	{
		what: '`day` over a window that leaves it out',
		sql: `SELECT fingerprint FROM (
				SELECT *, ROW_NUMBER() OVER (PARTITION BY fingerprint ORDER BY timestamp DESC) AS choice
				FROM (SELECT fingerprint, timestamp, DATE(timestamp) AS day FROM verdicts)
			) WHERE choice = 1 AND day >= DATE(${SINCE})`,
		expected: 'unbounded',
	},
	{
		what: 'a filter outside of LIMIT',
		sql: `SELECT timestamp FROM (SELECT timestamp FROM verdicts LIMIT 5) WHERE timestamp >= ${SINCE}`,
		expected: 'unbounded',
	},
	{
		what: 'a filter outside of a window over all rows',
		sql: `SELECT n FROM (SELECT timestamp, SUM(weight) OVER () AS n FROM verdicts_v1) WHERE timestamp >= ${SINCE}`,
		expected: 'unbounded',
	},
	{
		what: 'a filter on the greatest of a group',
		sql: `SELECT node_name FROM verdicts GROUP BY node_name HAVING MAX(timestamp) >= ${SINCE}`,
		expected: 'unbounded',
	},
	{
		what: 'a filter on one side of UNION ALL',
		sql: `SELECT entry_id FROM verdicts WHERE timestamp >= ${SINCE} UNION ALL SELECT entry_id FROM verdicts`,
		expected: 'unbounded',
	},
	{
		what: 'a filter on the other side of a join',
		sql: `SELECT a.entry_id FROM verdicts AS a JOIN verdicts AS b ON a.entry_id = b.entry_id AND b.timestamp >= ${SINCE}`,
		expected: 'unbounded',
	},
	{
		what: 'a condition of LEFT JOIN, which keeps what it does not fit',
		sql: `SELECT a.entry_id FROM verdicts AS a LEFT JOIN snapshot_health AS b ON a.cluster_name = b.cluster_name AND a.timestamp >= ${SINCE}`,
		expected: 'unbounded',
	},
	{
		what: 'a subquery in an expression without a filter of its own',
		sql: `SELECT entry_id FROM verdicts WHERE timestamp >= ${SINCE} AND entry_id IN (SELECT entry_id FROM verdicts_v1)`,
		expected: 'unbounded',
	},
	{
		what: 'a table without an exemption',
		sql: `SELECT reason FROM snapshots WHERE valid_from >= ${SINCE}`,
		expected: 'unbounded',
	},
	{ what: '`last_judged_at` of findings', sql: `SELECT day FROM findings WHERE last_judged_at >= ${SINCE}`, expected: 'unbounded' },

	{
		what: 'a bound that is a constant',
		sql: `SELECT entry_id FROM verdicts WHERE timestamp >= TIMESTAMP '2000-01-01 00:00:00+00'`,
		expected: 'all-days',
	},
	{
		what: 'from a constant until a time that moves',
		sql: `SELECT entry_id FROM verdicts WHERE timestamp BETWEEN TIMESTAMP '2000-01-01 00:00:00+00' AND ${SINCE}`,
		expected: 'all-days',
	},
	{
		what: 'a filter that a view of all days cannot use',
		sql: `SELECT hour FROM blind_spots WHERE hour >= ${SINCE}`,
		expected: 'all-days',
	},
	{
		what: '`day` of a view of all days',
		sql: `SELECT day FROM migration_progress WHERE day >= DATE(${SINCE})`,
		expected: 'all-days',
	},

	{ what: 'a misspelt column', sql: `SELECT entry_id FROM verdicts WHERE timestmap >= ${SINCE}`, expected: /Unrecognized name: timestmap/ },
	{
		what: 'a text where a time is needed (a parameter is taken for one, a column is not)',
		sql: 'SELECT entry_id FROM verdicts WHERE timestamp >= log_name AND timestamp >= @since',
		expected: /No matching signature for operator >= for argument types: TIMESTAMP, STRING/,
	},
	{ what: 'a misspelt view', sql: 'SELECT day FROM finding', expected: /Table not found: finding/ },
	{
		what: 'a column that a view does not give',
		sql: `SELECT timestamp FROM findings WHERE day >= DATE(${SINCE})`,
		expected: /Unrecognized name: timestamp/,
	},
	{
		what: 'a record that is not repeated',
		sql: `SELECT evidence.role FROM verdicts WHERE timestamp >= ${SINCE}`,
		expected: /Cannot access field role on a value with type ARRAY/,
	},
	{
		what: 'the remote function on a column that is no text',
		sql: `SELECT rejudge(entry) FROM verdicts WHERE timestamp >= ${SINCE}`,
		expected: /No matching signature for function (dataset:)?rejudge/i,
	},
	{
		what: 'an insertion of too few columns',
		sql: `INSERT INTO verdicts_v1 SELECT entry_id FROM verdicts_v1 WHERE timestamp >= ${SINCE}`,
		expected: /wrong column count/,
	},
	{
		what: "GoogleSQL's lambdas, which BigQuery lacks",
		sql: 'SELECT ARRAY_FILTER([1, 2], e -> e > 1)',
		expected: /Lambda|not supported|Function not found|Unexpected/i,
	},
];

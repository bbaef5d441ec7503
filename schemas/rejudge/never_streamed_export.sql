-- Judges the entries of a table that a log sink exports to in BigQuery that were never streamed: from before the
-- subscription, or lost on their way. A scheduled query: appends a row to `verdicts_v1` for each.
--
-- How often: once a day (`@run_time`). A run takes the entries from 3 days to 1 day before it: the day is for what is still on its way, and a
-- run that fails is made good by the next. For older entries run a backfill of the schedule over those days.
--
-- Parameter, filled by Terraform: ${logs}, the table `PROJECT.DATASET.policy_action` of a sink with partitioned tables.
-- Its columns are those of LogEntry, documented to keep their names (`logName`, `insertId`, `receiveTimestamp`), with `resource` and
-- `jsonPayload` as records whose members are in lower case, as those of a policy-action entry are anyway. Numbers come as FLOAT64.
--
-- What is known already is left out: a row of `verdicts_v1` with the same log name, insertId and microsecond. It cannot be found by
-- `entry_id`, the hash of these with the time exactly as it was sent: TIMESTAMP has microseconds, and Cloud Logging sends nanoseconds. So an
-- entry that is streamed after it was judged here gets another `entry_id`, and counts twice. Such are the backlog of the subscription, where
-- ingest is behind by a day or more (it is kept for 7 days), and dead letters that are sent again after a day. Let the backlog drain, and
-- `dead_letters` be empty, before a run; switch the schedule off while ingest stands still. A time without nanoseconds is written as Cloud
-- Logging writes it, without zeros at its end: such an entry keeps its `entry_id`, and is one row of the view however often it comes.
--
-- What the engine refuses (`{"rejected": …}`) is not kept, and asked for again until it is 3 days old.
--
-- The call stands in a subquery of its own, after all that filters: within IF, CASE or MERGE a batch would be one row.
--
-- Cost: the payload and four more columns of 2 days of the exported table, three narrow columns of `verdicts_v1` of 3 days, and the calls.
INSERT INTO `${dataset}.verdicts_v1`
SELECT judged.*
FROM (
  SELECT `${dataset}.verdict_row`(reply) AS judged
  FROM (
    SELECT `${dataset}.rejudge`(logged) AS reply
    FROM (
      SELECT
        TO_JSON_STRING(STRUCT(
          sent.insertId AS insertId,
          sent.logName AS logName,
          REGEXP_REPLACE(FORMAT_TIMESTAMP('%Y-%m-%dT%H:%M:%E6S', sent.timestamp), r'\.?0+$', '') || 'Z' AS timestamp,
          REGEXP_REPLACE(FORMAT_TIMESTAMP('%Y-%m-%dT%H:%M:%E6S', sent.receiveTimestamp), r'\.?0+$', '') || 'Z' AS receiveTimestamp,
          sent.resource AS resource,
          sent.jsonPayload AS jsonPayload
        )) AS logged
      FROM (
        SELECT
          *,
          ROW_NUMBER() OVER (PARTITION BY logName, insertId, timestamp ORDER BY receiveTimestamp) AS copy
        FROM `${logs}`
        WHERE
          timestamp >= TIMESTAMP_SUB(@run_time, INTERVAL 3 DAY)
          AND timestamp < TIMESTAMP_SUB(@run_time, INTERVAL 1 DAY)
          AND ENDS_WITH(logName, '/logs/policy-action')
      ) AS sent
      WHERE
        -- Cloud Logging drops copies of an entry in its own queries, and not here.
        sent.copy = 1
        AND NOT EXISTS (
          SELECT 1
          FROM `${dataset}.verdicts_v1` AS known
          WHERE
            known.timestamp >= TIMESTAMP_SUB(@run_time, INTERVAL 3 DAY)
            AND known.timestamp = sent.timestamp
            AND known.insert_id = sent.insertId
            AND known.log_name = sent.logName
        )
    )
  )
  WHERE NOT STARTS_WITH(reply, '{"rejected"')
)

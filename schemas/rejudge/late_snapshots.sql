-- Judges again the entries that were `undecidable` for want of a snapshot (`no-snapshot`, `stale-snapshot`), once there is one that helps.
-- A scheduled query: appends a row to `verdicts_v1` for each; the view `verdicts` shows the best.
--
-- How often: every 15 minutes (`@run_time`). It looks 3 days back, so a pause of less than that loses nothing.
--
-- A collection helps an entry where
--   * its snapshot was valid at the entry's time: it came after the entry was judged, or was just being written then; or
--   * it saw the state again that was too old for the entry, under the same snapshot or one that repeats it,
-- and it was made no longer than 15 minutes before the entry, because else the state would be stale as before. A first snapshot that begins
-- after the entry helps nothing, ever: nobody knows what was in force before it.
--
-- An entry is asked for again while its last judgement is older than what helps it plus 5 minutes: that is how long a collection may take
-- to be written, and ingest to see it. What still is undecidable then (a snapshot that cannot be read) is tried with the collections of one
-- more hour, and no longer: otherwise every unchanged collection would ask for it, for ever. The last judgement counts, not the best: a new
-- one that decides nothing must end it too.
--
-- The call stands in a subquery of its own, after all that filters: within IF, CASE or MERGE a batch would be one row.
--
-- What runs first asks the same of the best judgements, and leaves out that another one may be later: it holds wherever the statement finds
-- an entry, and hardly ever elsewhere.
--
-- Cost: narrow columns of 3 days, and `snapshots_v1` of 4. Where a collection helps an entry: narrow columns three times over, `entry` and all
-- columns that the view sorts by of those days, and the calls.
IF EXISTS (
  SELECT 1
  FROM `${dataset}.verdicts` AS waiting
  JOIN `${dataset}.snapshots` AS helping
    ON helping.location = waiting.location AND helping.cluster_name = waiting.cluster_name
  WHERE
    waiting.timestamp >= TIMESTAMP_SUB(@run_time, INTERVAL 3 DAY)
    AND waiting.finding = 'undecidable'
    AND ('no-snapshot' IN UNNEST(waiting.reasons) OR 'stale-snapshot' IN UNNEST(waiting.reasons))
    AND (waiting.project_id = helping.project_id OR waiting.project_id IS NULL OR helping.project_id IS NULL)
    AND helping.collected_at >= TIMESTAMP_SUB(@run_time, INTERVAL 4 DAY)
    AND helping.collected_at <= @run_time
    AND helping.collected_at >= TIMESTAMP_SUB(waiting.timestamp, INTERVAL 15 MINUTE)
    AND (
      helping.valid_from <= waiting.timestamp
      OR (NOT helping.changed AND (
        helping.snapshot_id = waiting.snapshot_id OR helping.previous_snapshot_id = waiting.snapshot_id
      ))
    )
  GROUP BY waiting.entry_id, waiting.judged_at
  HAVING waiting.judged_at < TIMESTAMP_ADD(
    LEAST(MAX(helping.collected_at), TIMESTAMP_ADD(MIN(helping.collected_at), INTERVAL 1 HOUR)),
    INTERVAL 5 MINUTE
  )
) THEN
INSERT INTO `${dataset}.verdicts_v1`
SELECT judged.* REPLACE (kept_weight AS weight)
FROM (
  SELECT `${dataset}.verdict_row`(reply) AS judged, kept_weight
  FROM (
    SELECT `${dataset}.rejudge`(logged) AS reply, kept_weight
    FROM (
      SELECT TO_JSON_STRING(kept.entry) AS logged, kept.weight AS kept_weight
      FROM `${dataset}.verdicts` AS kept
      JOIN (
        SELECT waiting.entry_id
        FROM `${dataset}.verdicts` AS waiting
        JOIN (
          SELECT entry_id, MAX(judged_at) AS last_judged_at
          FROM `${dataset}.verdicts_v1`
          WHERE timestamp >= TIMESTAMP_SUB(@run_time, INTERVAL 3 DAY)
          GROUP BY entry_id
        ) AS latest ON latest.entry_id = waiting.entry_id
        JOIN `${dataset}.snapshots` AS helping
          ON helping.location = waiting.location AND helping.cluster_name = waiting.cluster_name
        WHERE
          waiting.timestamp >= TIMESTAMP_SUB(@run_time, INTERVAL 3 DAY)
          AND waiting.finding = 'undecidable'
          AND ('no-snapshot' IN UNNEST(waiting.reasons) OR 'stale-snapshot' IN UNNEST(waiting.reasons))
          -- An entry may name no project; the snapshots of its cluster are found all the same.
          AND (waiting.project_id = helping.project_id OR waiting.project_id IS NULL OR helping.project_id IS NULL)
          AND helping.collected_at >= TIMESTAMP_SUB(@run_time, INTERVAL 4 DAY)
          AND helping.collected_at <= @run_time
          AND helping.collected_at >= TIMESTAMP_SUB(waiting.timestamp, INTERVAL 15 MINUTE)
          AND (
            helping.valid_from <= waiting.timestamp
            OR (NOT helping.changed AND (
              helping.snapshot_id = waiting.snapshot_id OR helping.previous_snapshot_id = waiting.snapshot_id
            ))
          )
        GROUP BY waiting.entry_id, latest.last_judged_at
        HAVING latest.last_judged_at < TIMESTAMP_ADD(
          LEAST(MAX(helping.collected_at), TIMESTAMP_ADD(MIN(helping.collected_at), INTERVAL 1 HOUR)),
          INTERVAL 5 MINUTE
        )
      ) AS helped ON helped.entry_id = kept.entry_id
      WHERE kept.timestamp >= TIMESTAMP_SUB(@run_time, INTERVAL 3 DAY)
    )
  )
  WHERE NOT STARTS_WITH(reply, '{"rejected"')
);
END IF;

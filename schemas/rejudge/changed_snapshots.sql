-- Judges again the entries between two snapshots that differ, whatever their finding: a row of `snapshots_v1` with `changed` is the request.
-- A scheduled query: appends a row to `verdicts_v1` for each, also where nothing comes out differently, because alerts wait for a judgement
-- after the collection.
--
-- How often: every 5 minutes (`@run_time`), which is the shortest that BigQuery takes; alerts wait 10. It looks at the changes of 2 days and
-- at the entries of 3. Most runs ask for the changes of 30 minutes alone; the first of each hour asks for all, so what a pause or failed runs
-- have left is judged within an hour of their end, if the change was less than 2 days before.
--
-- Between is after the state before was last seen (`previous_seen_until`), and up to the collection. `valid_from` lies between the two where
-- the audit log told of the change: entries after it are then judged by the new state, others by the old one as before. The first snapshot
-- of a cluster has none before it, and asks for nothing.
--
-- A collection is known only some time after it was made: it takes minutes at most to be written, and ingest sees it 5 seconds later. So
--   * entries after it that were judged by another snapshot within these 5 minutes are judged again too;
--   * a judgement within these 5 minutes proves nothing: the entry is judged again at the next run. After that its last judgement is later,
--     and no run asks for it again.
--
-- The call stands in a subquery of its own, after all that filters: within IF, CASE or MERGE a batch would be one row.
--
-- Cost: nothing but `snapshots_v1` where nothing has changed in the last 30 minutes. For so long after a change, and once an hour for 2 days
-- after it: narrow columns of 3 days, `entry` and all columns that the view sorts by of those days, and the calls: the entries of some minutes
-- a change.
IF EXISTS (
  SELECT 1
  FROM `${dataset}.snapshots_v1`
  WHERE
    changed
    AND collected_at > TIMESTAMP_SUB(@run_time, INTERVAL 2 DAY)
    -- Longer than anything is asked for again; once an hour also what a pause has left.
    AND (
      collected_at > TIMESTAMP_SUB(@run_time, INTERVAL 30 MINUTE)
      OR @run_time < TIMESTAMP_ADD(TIMESTAMP_TRUNC(@run_time, HOUR), INTERVAL 5 MINUTE)
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
        SELECT latest.entry_id
        FROM (
          SELECT
            entry_id,
            timestamp,
            project_id,
            location,
            cluster_name,
            snapshot_id,
            judged_at,
            ROW_NUMBER() OVER (PARTITION BY entry_id, timestamp ORDER BY judged_at DESC, snapshot_id DESC) AS age
          FROM `${dataset}.verdicts_v1`
          WHERE timestamp >= TIMESTAMP_SUB(@run_time, INTERVAL 3 DAY)
        ) AS latest
        JOIN `${dataset}.snapshots` AS change
          ON change.location = latest.location AND change.cluster_name = latest.cluster_name
        WHERE
          latest.age = 1
          -- An entry may name no project; the snapshots of its cluster are found all the same.
          AND (latest.project_id = change.project_id OR latest.project_id IS NULL OR change.project_id IS NULL)
          AND change.changed
          AND change.collected_at > TIMESTAMP_SUB(@run_time, INTERVAL 2 DAY)
          AND change.collected_at <= @run_time
          AND latest.judged_at < TIMESTAMP_ADD(change.collected_at, INTERVAL 5 MINUTE)
          AND latest.timestamp > change.previous_seen_until
          AND (
            latest.timestamp <= change.collected_at
            OR (
              latest.timestamp < TIMESTAMP_ADD(change.collected_at, INTERVAL 5 MINUTE)
              AND IFNULL(latest.snapshot_id, '') != change.snapshot_id
            )
          )
        GROUP BY latest.entry_id
      ) AS between_states ON between_states.entry_id = kept.entry_id
      WHERE kept.timestamp >= TIMESTAMP_SUB(@run_time, INTERVAL 3 DAY)
    )
  )
  WHERE NOT STARTS_WITH(reply, '{"rejected"')
);
END IF;

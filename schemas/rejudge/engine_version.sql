-- Judges history again by a new version of the engine. A scheduled query that moves on by itself, 100,000 entries a run, until no entry of
-- those days is left that this version has not judged; then it appends nothing. Switch it off then: it reads the days all the same.
--
-- How often: every 15 minutes while it has something to do (`@run_time`).
--
-- Parameters, filled by Terraform: ${engine_version} (as the column has it: the version, and `+` and the candidates where they are not the
-- default), ${since} and ${until} (dates in UTC: from the first day to the last one that is left out).
--
-- What counts is whether there is a judgement of that version, not whether it is the best: the view prefers a decision to `undecidable`, so
-- an older decision may stay the best one for ever. Rows of another version are thrown away: a function that is not deployed yet would
-- else append without end. A run takes whole hours of a cluster, so that the function reads few snapshots, and the entries of an hour in any
-- order; both orders are others each run, so that entries that the engine refuses now do not keep the others waiting.
--
-- The call stands in a subquery of its own, after all that filters: within IF, CASE or MERGE a batch would be one row.
--
-- Cost: each run reads all columns that the view sorts by, and `entry`, of all the days, however few entries it takes: a LIMIT spares calls,
-- not bytes. For a long history take a month at a time, and more entries a run.
INSERT INTO `${dataset}.verdicts_v1`
SELECT judged.* REPLACE (kept_weight AS weight)
FROM (
  SELECT `${dataset}.verdict_row`(reply) AS judged, kept_weight
  FROM (
    SELECT `${dataset}.rejudge`(logged) AS reply, kept_weight
    FROM (
      SELECT TO_JSON_STRING(kept.entry) AS logged, kept.weight AS kept_weight
      FROM `${dataset}.verdicts` AS kept
      WHERE
        kept.timestamp >= TIMESTAMP '${since} 00:00:00+00'
        AND kept.timestamp < TIMESTAMP '${until} 00:00:00+00'
        AND kept.entry_id NOT IN (
          SELECT entry_id
          FROM `${dataset}.verdicts_v1`
          WHERE
            timestamp >= TIMESTAMP '${since} 00:00:00+00'
            AND timestamp < TIMESTAMP '${until} 00:00:00+00'
            AND engine_version = '${engine_version}'
        )
      ORDER BY
        FARM_FINGERPRINT(CONCAT(kept.cluster_name, CAST(TIMESTAMP_TRUNC(kept.timestamp, HOUR) AS STRING), CAST(@run_time AS STRING))),
        FARM_FINGERPRINT(CONCAT(kept.entry_id, CAST(@run_time AS STRING)))
      LIMIT 100000
    )
  )
  WHERE NOT STARTS_WITH(reply, '{"rejected"')
)
WHERE judged.engine_version = '${engine_version}'

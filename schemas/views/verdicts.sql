-- One row a log entry (entry_id): its best judgement. The table holds one row a judgement, and the same row more than once where a message
-- was delivered again; here they are one for good.
--
-- The best judgement has, in this order: the latest snapshot that was valid when the entry was logged (a snapshot of no time or of a later
-- one last), a decision rather than `undecidable`, the latest judged_at. What follows only makes the choice the same each time: rows that are
-- equal in all of that are copies of one.
--
-- Cost: the columns selected, over the days selected. All judgements of an entry share its timestamp, so a filter on `timestamp` reaches
-- the table's partitions; without one the whole table is read. The column `entry` is most of a row's bytes: leave it out if you can.
SELECT * EXCEPT (choice)
FROM (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY entry_id, timestamp
      ORDER BY
        IF(snapshot_valid_from <= timestamp, snapshot_valid_from, NULL) DESC NULLS LAST,
        IF(finding = 'undecidable', 1, 0),
        judged_at DESC,
        engine_version DESC,
        snapshot_id DESC NULLS LAST,
        finding
    ) AS choice
  FROM `${dataset}.verdicts_v1`
)
WHERE choice = 1

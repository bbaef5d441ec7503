-- One row a collection of a cluster (snapshot_id and collected_at), changed or not. The table holds the same row more than once where it was
-- sent again. A row with `changed` asks for the rows between the two states to be judged again.
--
-- Cost: the columns selected, over the days selected. All copies of a row share its collected_at, so a filter on `collected_at` reaches the
-- table's partitions.
SELECT * EXCEPT (choice)
FROM (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY snapshot_id, collected_at, cluster_name, location, project_id
      ORDER BY engine_version DESC, IF(changed, 0, 1), reason, previous_snapshot_id DESC NULLS LAST
    ) AS choice
  FROM `${dataset}.snapshots_v1`
)
WHERE choice = 1

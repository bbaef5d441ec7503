-- One row a cluster (project_id, location, cluster_name): its newest snapshot, when it was collected last, and how that has gone in the 24 h
-- before. How long ago that is, the reader asks: the row is the same at any time.
--
-- The columns from `snapshot_id` on are those of the last collection. A change counts when it was collected, so a cluster seen for the first
-- time has one. What keeps entries from being judged are `unreadable_kinds` and `unreadable_policies`.
--
-- Cost: the columns selected, of the whole table: the last collection of a cluster may lie in any partition. The table has a row a collection.
SELECT
  project_id,
  location,
  cluster_name,
  last_collected_at,
  collections_24h,
  changes_24h,
  snapshot_id,
  valid_from,
  reason,
  unreadable_kinds,
  unreadable_policies,
  datapath_provider,
  control_plane_version,
  engine_version
FROM (
  SELECT
    *,
    SUM(IF(collected_at > TIMESTAMP_SUB(last_collected_at, INTERVAL 1 DAY), 1, 0)) OVER (
      PARTITION BY project_id, location, cluster_name
    ) AS collections_24h,
    SUM(IF(collected_at > TIMESTAMP_SUB(last_collected_at, INTERVAL 1 DAY) AND changed, 1, 0)) OVER (
      PARTITION BY project_id, location, cluster_name
    ) AS changes_24h
  FROM (
    SELECT
      *,
      FIRST_VALUE(collected_at) OVER (PARTITION BY project_id, location, cluster_name ORDER BY collected_at DESC) AS last_collected_at,
      ROW_NUMBER() OVER (
        PARTITION BY project_id, location, cluster_name
        ORDER BY collected_at DESC, valid_from DESC NULLS LAST, snapshot_id DESC
      ) AS choice
    FROM `${dataset}.snapshots`
  )
)
WHERE choice = 1

-- One row a cluster, node, UTC hour and reason, for hours in which silence proves nothing: that no entry is flagged then says nothing about
-- the policies. Hours lie within the cluster's span, from its first entry or collection, and at most 400 days, to its last. The reasons:
--   silent-node       the node wrote no entry, though it did before and after, not longer than 31 days
--   silent-cluster    no node wrote one (`node_name` is null)
--   no-snapshot       entries could not be judged: no snapshot of that time
--   stale-snapshot    entries could not be judged: the snapshot was too old
--   log-limit         400 entries or more in a second of that hour; Google documents a limit of 500 connections a second and node
--   other-dataplane   a collection saw another dataplane than Dataplane V2, which writes no such log (`node_name` is null)
-- A silent node may just have had no traffic that policies decide: nothing tells that from a log that was lost. The limit is seen in the
-- entries that were kept: where confirmed traffic is not kept it hides, where it is sampled it is estimated by `weight`.
--
-- Not here because no table says it: whether logging is switched off or delegated (NetworkLogging `default`). Allow and deny are switched
-- each on its own; with both off the cluster is silent. Nor are nodes before their first entry and after their last, which may not have
-- existed. A project that only entries or only collections name makes two clusters of one: then one of them is silent.
--
-- Cost: narrow columns of the whole table `verdicts_v1` five times over, without `entry`, and the small `snapshots_v1`. What is before and
-- after needs all hours, so a filter on `hour` spares no partitions; materialise the view where it is asked often.
SELECT
  project_id,
  location,
  cluster_name,
  node_name,
  hour,
  reason,
  entries, -- of that hour, as far as the reason is about entries
  peak_entries_per_second -- of `log-limit`
FROM (
  -- Where only the hours count, a row that the table holds twice does no harm, and the table is cheaper than the view.
  SELECT
    project_id,
    location,
    cluster_name,
    node_name,
    hour,
    'silent-node' AS reason,
    0 AS entries,
    CAST(NULL AS INT64) AS peak_entries_per_second
  FROM (
    SELECT
      project_id,
      location,
      cluster_name,
      node_name,
      TIMESTAMP_ADD(seen_hour, INTERVAL 1 HOUR) AS gap_begin,
      TIMESTAMP_SUB(
        LEAD(seen_hour) OVER (PARTITION BY project_id, location, cluster_name, node_name ORDER BY seen_hour),
        INTERVAL 1 HOUR
      ) AS gap_end
    FROM (
      SELECT DISTINCT project_id, location, cluster_name, node_name, TIMESTAMP_TRUNC(timestamp, HOUR) AS seen_hour
      FROM `${dataset}.verdicts_v1`
      -- The table requires a filter of its partitions: this one holds for every row, as do those below.
      WHERE timestamp >= TIMESTAMP '2000-01-01 00:00:00+00' AND node_name IS NOT NULL
    )
  ) CROSS JOIN UNNEST(GENERATE_TIMESTAMP_ARRAY(gap_begin, gap_end, INTERVAL 1 HOUR)) AS hour
  -- What wrote nothing for a month was not there.
  WHERE gap_end IS NOT NULL AND gap_end < TIMESTAMP_ADD(gap_begin, INTERVAL 31 DAY)
  UNION ALL
  SELECT
    project_id,
    location,
    cluster_name,
    CAST(NULL AS STRING) AS node_name,
    hour,
    'silent-cluster' AS reason,
    0 AS entries,
    CAST(NULL AS INT64) AS peak_entries_per_second
  FROM (
    SELECT project_id, location, cluster_name, hour, 0 AS seen
    FROM (
      SELECT
        project_id,
        location,
        cluster_name,
        -- One entry of long ago would make years of silence.
        GREATEST(MIN(known_hour), TIMESTAMP_SUB(MAX(known_hour), INTERVAL 400 DAY)) AS first_hour,
        MAX(known_hour) AS last_hour
      FROM (
        SELECT project_id, location, cluster_name, TIMESTAMP_TRUNC(timestamp, HOUR) AS known_hour
        FROM `${dataset}.verdicts_v1`
        WHERE timestamp >= TIMESTAMP '2000-01-01 00:00:00+00'
        UNION ALL
        SELECT project_id, location, cluster_name, TIMESTAMP_TRUNC(collected_at, HOUR) AS known_hour
        FROM `${dataset}.snapshots_v1`
      )
      GROUP BY project_id, location, cluster_name
    ) CROSS JOIN UNNEST(GENERATE_TIMESTAMP_ARRAY(first_hour, last_hour, INTERVAL 1 HOUR)) AS hour
    UNION ALL
    SELECT project_id, location, cluster_name, TIMESTAMP_TRUNC(timestamp, HOUR) AS hour, 1 AS seen
    FROM `${dataset}.verdicts_v1`
    WHERE timestamp >= TIMESTAMP '2000-01-01 00:00:00+00'
  )
  GROUP BY project_id, location, cluster_name, hour
  HAVING SUM(seen) = 0
  UNION ALL
  SELECT
    project_id,
    location,
    cluster_name,
    node_name,
    TIMESTAMP_TRUNC(timestamp, HOUR) AS hour,
    missing AS reason,
    SUM(weight) AS entries,
    CAST(NULL AS INT64) AS peak_entries_per_second
  FROM `${dataset}.verdicts` CROSS JOIN UNNEST(['no-snapshot', 'stale-snapshot']) AS missing
  WHERE timestamp >= TIMESTAMP '2000-01-01 00:00:00+00' AND finding = 'undecidable' AND missing IN UNNEST(reasons)
  GROUP BY project_id, location, cluster_name, node_name, hour, reason
  UNION ALL
  SELECT
    project_id,
    location,
    cluster_name,
    node_name,
    TIMESTAMP_TRUNC(second, HOUR) AS hour,
    'log-limit' AS reason,
    SUM(entries_in_second) AS entries,
    MAX(entries_in_second) AS peak_entries_per_second
  FROM (
    SELECT
      project_id,
      location,
      cluster_name,
      node_name,
      TIMESTAMP_TRUNC(timestamp, SECOND) AS second,
      SUM(weight) AS entries_in_second -- entries stand for connections, their `count` does not
    FROM `${dataset}.verdicts`
    WHERE timestamp >= TIMESTAMP '2000-01-01 00:00:00+00' AND node_name IS NOT NULL
    GROUP BY project_id, location, cluster_name, node_name, second
  )
  GROUP BY project_id, location, cluster_name, node_name, hour
  HAVING MAX(entries_in_second) >= 400
  UNION ALL
  SELECT DISTINCT
    project_id,
    location,
    cluster_name,
    CAST(NULL AS STRING) AS node_name,
    TIMESTAMP_TRUNC(collected_at, HOUR) AS hour,
    'other-dataplane' AS reason,
    0 AS entries,
    CAST(NULL AS INT64) AS peak_entries_per_second
  FROM `${dataset}.snapshots_v1`
  WHERE datapath_provider <> 'ADVANCED_DATAPATH'
)

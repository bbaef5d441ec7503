-- Is this namespace safe now?
--
-- One row a cluster that has entries in the time asked about, or was ever collected. `answer` is
--   not safe  a flagged problem of its Pods was seen, at either end of a connection, or the linter finds a clause in one of its policies
--             that changes something with what the newest snapshot holds
--   unknown   none of that, but silence proves nothing: no entry of it, an entry that could not be decided, an hour in which the whole
--             cluster wrote no entry, entries of the cluster (of whatever namespace) without a snapshot or with a stale one, nobody who
--             looked at the policies in the last 15 minutes before @until or later, or a dataplane that writes no such log
--   safe      none of either
-- and `because` says which came first; the columns have all of them. After mending something ask from the time of the change on: a problem
-- counts for as long as it lies in the time asked about. Of what is still to come nothing is known: where @until lies more than 15 minutes
-- ahead, the answer is never `safe`.
--
-- Safe means that what was seen is well: a connection that nobody tried was not seen. Without `allowed_entries` (allow logging switched
-- off, or confirmed traffic not kept: KEEP_CONFIRMED) nothing can be seen to be open. Nodes that are silent one by one stand in
-- blind_spots. A project that only entries or only collections name makes two rows of one cluster: neither is ever `safe`, because the one
-- was never collected and the other has no entry.
--
-- Parameters:
--   @since      first time asked about, such as 2026-03-02T00:00:00Z
--   @until      now, or the time after the last
--   @cluster    name of a cluster, or '' for all
--   @namespace  the namespace, or '' for the whole cluster
-- Cost: some narrow columns of `verdicts_v1` for the days asked about; of `snapshots_v1` and `policy_findings_v1`, which are small, the
-- whole tables.
SELECT
  project_id,
  location,
  cluster_name,
  CASE
    WHEN flagged_problems > 0 OR findings_now > 0 THEN 'not safe'
    WHEN entries = 0
      OR undecidable_entries > 0
      OR silent_hours > 0
      OR unjudged_hours > 0
      OR newest_snapshot_id IS NULL
      OR last_collected_at < TIMESTAMP_SUB(CAST(@until AS TIMESTAMP), INTERVAL 15 MINUTE)
      OR IFNULL(newest_dataplane, 'ADVANCED_DATAPATH') <> 'ADVANCED_DATAPATH'
      THEN 'unknown'
    ELSE 'safe'
  END AS answer,
  CASE
    WHEN flagged_problems > 0 THEN 'flagged problems were seen'
    WHEN findings_now > 0 THEN 'the linter finds clauses that change something now'
    WHEN IFNULL(newest_dataplane, 'ADVANCED_DATAPATH') <> 'ADVANCED_DATAPATH'
      THEN 'the cluster has another dataplane, which writes no such log'
    WHEN newest_snapshot_id IS NULL THEN 'the cluster was never collected'
    WHEN entries = 0 THEN 'no entry was seen'
    WHEN undecidable_entries > 0 THEN 'some entries could not be decided'
    WHEN unjudged_hours > 0 THEN 'entries of the cluster had no snapshot, or a stale one'
    WHEN last_collected_at < TIMESTAMP_SUB(CAST(@until AS TIMESTAMP), INTERVAL 15 MINUTE)
      THEN 'nobody looked at the policies in the last 15 minutes'
    WHEN silent_hours > 0 THEN 'the cluster wrote no entry for whole hours'
    ELSE 'what was seen is well'
  END AS because,
  flagged_problems,
  flagged_entries,
  last_flagged,
  DATE_DIFF(DATE(TIMESTAMP(@until)), DATE(last_flagged), DAY) AS days_since_flagged,
  findings_now, -- of the linter, with an effect on what the newest snapshot holds
  findings_later, -- of the linter, without one yet
  entries,
  allowed_entries,
  undecidable_entries,
  unjudged_hours, -- with entries of any namespace that had no snapshot, or a stale one
  silent_hours, -- whole hours in which no node of the cluster wrote an entry
  newest_snapshot_id AS snapshot_id,
  last_collected_at,
  newest_dataplane AS datapath_provider
FROM (
  SELECT
    project_id,
    location,
    cluster_name,
    SUM(problems) AS flagged_problems,
    SUM(flagged_weight) AS flagged_entries,
    MAX(flagged_at) AS last_flagged,
    SUM(all_weight) AS entries,
    SUM(allowed_weight) AS allowed_entries,
    SUM(undecidable_weight) AS undecidable_entries,
    SUM(unjudged) AS unjudged_hours,
    (
      SELECT COUNT(*)
      FROM UNNEST(
        GENERATE_TIMESTAMP_ARRAY(TIMESTAMP_TRUNC(TIMESTAMP(@since), HOUR), TIMESTAMP(@until), INTERVAL 1 HOUR)
      ) AS hour
      WHERE hour >= TIMESTAMP(@since) AND TIMESTAMP_ADD(hour, INTERVAL 1 HOUR) <= TIMESTAMP(@until)
    ) - SUM(seen_hours) AS silent_hours,
    SUM(now_findings) AS findings_now,
    SUM(later_findings) AS findings_later,
    MAX(snapshot_id) AS newest_snapshot_id,
    MAX(collected) AS last_collected_at,
    MAX(dataplane) AS newest_dataplane
  FROM (
    -- What the log says.
    SELECT
      project_id,
      location,
      cluster_name,
      COUNT(DISTINCT IF(of_namespace AND flagged, IFNULL(fingerprint, entry_id), NULL)) AS problems,
      SUM(IF(of_namespace AND flagged, weight, 0)) AS flagged_weight,
      MAX(IF(of_namespace AND flagged, timestamp, NULL)) AS flagged_at,
      SUM(IF(of_namespace, weight, 0)) AS all_weight,
      SUM(IF(of_namespace AND disposition = 'allow', weight, 0)) AS allowed_weight,
      SUM(IF(of_namespace AND finding = 'undecidable', weight, 0)) AS undecidable_weight,
      COUNT(DISTINCT IF(without_snapshot, hour, NULL)) AS unjudged,
      COUNT(DISTINCT IF(hour >= TIMESTAMP(@since) AND TIMESTAMP_ADD(hour, INTERVAL 1 HOUR) <= TIMESTAMP(@until), hour, NULL)) AS seen_hours,
      0 AS now_findings,
      0 AS later_findings,
      CAST(NULL AS STRING) AS snapshot_id,
      CAST(NULL AS TIMESTAMP) AS collected,
      CAST(NULL AS STRING) AS dataplane
    FROM (
      SELECT
        project_id,
        location,
        cluster_name,
        entry_id,
        timestamp,
        TIMESTAMP_TRUNC(timestamp, HOUR) AS hour,
        disposition,
        weight,
        finding,
        flagged,
        fingerprint,
        finding = 'undecidable' AND ('no-snapshot' IN UNNEST(reasons) OR 'stale-snapshot' IN UNNEST(reasons)) AS without_snapshot,
        @namespace = '' OR IFNULL(subject_namespace, '') = @namespace OR IFNULL(peer_namespace, '') = @namespace AS of_namespace
      FROM `${dataset}.verdicts`
      WHERE timestamp >= TIMESTAMP(@since) AND timestamp < TIMESTAMP(@until) AND (@cluster = '' OR cluster_name = @cluster)
    )
    GROUP BY project_id, location, cluster_name
    UNION ALL
    -- What the linter finds in the newest snapshot; what only hinders reading is no danger.
    SELECT
      project_id,
      location,
      cluster_name,
      0 AS problems,
      0 AS flagged_weight,
      CAST(NULL AS TIMESTAMP) AS flagged_at,
      0 AS all_weight,
      0 AS allowed_weight,
      0 AS undecidable_weight,
      0 AS unjudged,
      0 AS seen_hours,
      COUNTIF(differs_now) AS now_findings,
      COUNTIF(NOT differs_now) AS later_findings,
      CAST(NULL AS STRING) AS snapshot_id,
      CAST(NULL AS TIMESTAMP) AS collected,
      CAST(NULL AS STRING) AS dataplane
    FROM `${dataset}.policy_findings`
    WHERE snapshot_id IN (SELECT snapshot_id FROM `${dataset}.snapshot_health`)
      AND cluster_name IS NOT NULL
      AND severity IN ('high', 'medium')
      AND (@cluster = '' OR cluster_name = @cluster)
      AND (@namespace = '' OR policy_namespace = @namespace)
    GROUP BY project_id, location, cluster_name
    UNION ALL
    -- Every cluster that was ever collected.
    SELECT
      project_id,
      location,
      cluster_name,
      0 AS problems,
      0 AS flagged_weight,
      CAST(NULL AS TIMESTAMP) AS flagged_at,
      0 AS all_weight,
      0 AS allowed_weight,
      0 AS undecidable_weight,
      0 AS unjudged,
      0 AS seen_hours,
      0 AS now_findings,
      0 AS later_findings,
      snapshot_id,
      last_collected_at AS collected,
      datapath_provider AS dataplane
    FROM `${dataset}.snapshot_health`
    WHERE @cluster = '' OR cluster_name = @cluster
  )
  GROUP BY project_id, location, cluster_name
)
ORDER BY project_id, location, cluster_name

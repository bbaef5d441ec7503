-- Which denials started with the change?
--
-- One row a problem (fingerprint) that was denied from the time of the change on and not before, the first denied first; of all findings,
-- those that a policy explains among them, because the change may have been to a policy.
--
-- `allowed_before` and `denied_before` count entries of the same connection (both ends, protocol, port) before the change, whatever was
-- found: allowed, and the change broke it; denied, and only what is said of it is new; neither, and perhaps nobody tried, or allowed
-- traffic was not logged or not kept (KEEP_CONFIRMED). Denied counts what either end's log says. So does allowed where the denial is at the
-- source, because only what the source lets go reaches the other end; where it is at the destination, what the source let go proves
-- nothing, and the destination's log alone counts.
--
-- The snapshot is the one by which the first of these denials was judged. `snapshot_reason` and `previous_snapshot_id` are null where its
-- state was there before @since; then it is not the policies that changed. The columns from `certainty` on are those of that first denial.
--
-- Parameters:
--   @since      first time to compare with, such as a day before the change
--   @change     time of the change, such as 2026-03-03T12:00:00Z
--   @until      time after the last
--   @cluster    name of a cluster, or '' for all
--   @namespace  namespace of the subject, the end whose policies decide, or '' for all
-- Cost: two dozen columns of `verdicts_v1` for the days from @since to @until, without `entry`, and of `snapshots_v1` the same days.
SELECT
  project_id,
  location,
  cluster_name,
  first_denied,
  last_denied,
  finding,
  flagged,
  direction,
  subject_namespace,
  subject_workload,
  peer_kind,
  peer_namespace,
  peer_workload,
  peer_ip,
  protocol,
  destination_port,
  packets,
  entries,
  allowed_before,
  denied_before,
  snapshot_id,
  snapshot_valid_from,
  snapshot_reason,
  previous_snapshot_id,
  certainty,
  evidence_first.policy_namespace AS policy_namespace,
  evidence_first.policy_name AS policy_name,
  evidence_first.construct AS construct,
  summary,
  fingerprint
FROM (
  SELECT
    *,
    evidence[SAFE_OFFSET(0)] AS evidence_first,
    timestamp AS first_denied, -- the row chosen below is the first
    FIRST_VALUE(timestamp) OVER (PARTITION BY fingerprint ORDER BY timestamp DESC) AS last_denied,
    SUM(weight) OVER (PARTITION BY fingerprint) AS entries,
    SUM(count * weight) OVER (PARTITION BY fingerprint) AS packets,
    SUM(IF(after_change, 0, 1)) OVER (PARTITION BY fingerprint) AS rows_before,
    ROW_NUMBER() OVER (PARTITION BY fingerprint ORDER BY timestamp, entry_id) AS choice
  FROM (
    SELECT
      *,
      SUM(IF(NOT after_change AND disposition = 'allow' AND direction = 'ingress', weight, 0)) OVER connection
        + IF(
          direction = 'egress',
          SUM(IF(NOT after_change AND disposition = 'allow' AND direction = 'egress', weight, 0)) OVER connection,
          0
        ) AS allowed_before,
      SUM(IF(NOT after_change AND disposition = 'deny', weight, 0)) OVER connection AS denied_before
    FROM (
      SELECT
        *,
        timestamp >= TIMESTAMP(@change) AS after_change,
        IF(direction = 'egress', subject_namespace, peer_namespace) AS source_namespace,
        IF(
          direction = 'egress',
          COALESCE(subject_workload, subject_name, subject_ip),
          COALESCE(peer_workload, peer_name, peer_ip)
        ) AS source_end,
        IF(direction = 'egress', peer_namespace, subject_namespace) AS destination_namespace,
        IF(
          direction = 'egress',
          COALESCE(peer_workload, peer_name, peer_ip),
          COALESCE(subject_workload, subject_name, subject_ip)
        ) AS destination_end
      FROM `${dataset}.verdicts`
      WHERE timestamp >= TIMESTAMP(@since)
        AND timestamp < TIMESTAMP(@until)
        AND (@cluster = '' OR cluster_name = @cluster)
        AND (@namespace = '' OR subject_namespace = @namespace OR peer_namespace = @namespace)
    )
    WINDOW connection AS (
      PARTITION BY
        project_id, location, cluster_name, source_namespace, source_end, destination_namespace, destination_end, protocol, destination_port
    )
  )
  WHERE disposition = 'deny' AND fingerprint IS NOT NULL AND (@namespace = '' OR subject_namespace = @namespace)
)
LEFT JOIN (
  SELECT
    snapshot_id AS changed_snapshot_id,
    project_id AS changed_project,
    location AS changed_location,
    cluster_name AS changed_cluster,
    MIN(reason) AS snapshot_reason,
    MIN(previous_snapshot_id) AS previous_snapshot_id
  FROM `${dataset}.snapshots`
  WHERE collected_at >= TIMESTAMP(@since) AND collected_at < TIMESTAMP(@until) AND changed
  GROUP BY changed_snapshot_id, changed_project, changed_location, changed_cluster
) ON snapshot_id = changed_snapshot_id
  AND IFNULL(project_id, '') = IFNULL(changed_project, '')
  AND location = changed_location
  AND cluster_name = changed_cluster
WHERE choice = 1 AND rows_before = 0
ORDER BY first_denied, fingerprint

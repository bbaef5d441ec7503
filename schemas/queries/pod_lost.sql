-- What did this Pod lose?
--
-- One row a Pod and a problem (fingerprint) of it: connections that are denied and that no valid policy denied before the move, or of which
-- that is not known, the most packets first. Either end may be the one whose policies deny: a Pod also loses what the policies of others
-- no longer admit. `connection` is outgoing where the Pod opens it; `denied_at` is `here` where the Pod's own policies deny, else `there`.
-- `lost` is
--   yes      admitted before the move, or not restricted
--   perhaps  denied, and no policy explains it; or not decided
-- `connections` counts what differs in the other end or the port: many outside addresses are one problem. `allowed_again` are those of them
-- that the same log has as allowed after their last denial: all of them, and it is back. It stays 0 where allowed traffic is not logged, or
-- not kept (KEEP_CONFIRMED). The columns from `other_kind` to `destination_port` and from `finding` on are those of the latest denial.
--
-- Ask for a workload to have all of its Pods in one answer. A connection between two of the Pods asked about stands once, as of the end
-- whose policies deny.
--
-- Parameters:
--   @since      first time asked about, such as 2026-03-02T00:00:00Z
--   @until      time after the last
--   @cluster    name of a cluster, or '' for all
--   @namespace  namespace of the Pod, or '' for all
--   @pod        name of the Pod or of its workload, or '' for all
-- Cost: two dozen columns of `verdicts_v1` for the days asked about, without `entry`; `evidence` and `summary` are most of it.
SELECT
  project_id,
  location,
  cluster_name,
  lost,
  connection,
  denied_at,
  pod_namespace,
  pod,
  other_kind,
  other_namespace,
  other,
  other_ip,
  protocol,
  destination_port,
  packets,
  entries,
  first_seen,
  timestamp AS last_seen,
  connections,
  allowed_again,
  finding,
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
    SUM(count * weight) OVER problem AS packets,
    SUM(weight) OVER problem AS entries,
    FIRST_VALUE(timestamp) OVER (problem ORDER BY timestamp) AS first_seen,
    SUM(one_of_connection) OVER problem AS connections,
    SUM(IF(last_allowed > last_denied, one_of_connection, 0)) OVER problem AS allowed_again,
    ROW_NUMBER() OVER (problem ORDER BY timestamp DESC, entry_id) AS choice
  FROM (
    SELECT
      *,
      FIRST_VALUE(IF(disposition = 'allow', timestamp, NULL)) OVER (
        connection
        ORDER BY IF(disposition = 'allow', timestamp, NULL) DESC NULLS LAST
      ) AS last_allowed,
      FIRST_VALUE(IF(disposition = 'deny', timestamp, NULL)) OVER (
        connection
        ORDER BY IF(disposition = 'deny', timestamp, NULL) DESC NULLS LAST
      ) AS last_denied,
      IF(
        ROW_NUMBER() OVER (
          PARTITION BY
            IFNULL(fingerprint, entry_id), project_id, location, cluster_name, direction, denied_at, pod_namespace, pod,
            other_kind, other_namespace, other_end, protocol, destination_port, disposition
          ORDER BY timestamp, entry_id
        ) = 1,
        1,
        0
      ) AS one_of_connection
    FROM (
      SELECT
        *,
        IF(finding IN ('void-rule', 'overreach'), 'yes', 'perhaps') AS lost,
        IF((direction = 'egress') = is_subject, 'outgoing', 'incoming') AS connection,
        IF(is_subject, 'here', 'there') AS denied_at,
        IF(is_subject, subject_namespace, peer_namespace) AS pod_namespace,
        IF(is_subject, subject_name, peer_name) AS pod,
        IF(is_subject, peer_kind, subject_kind) AS other_kind,
        IF(is_subject, peer_namespace, subject_namespace) AS other_namespace,
        IF(is_subject, COALESCE(peer_workload, peer_name), COALESCE(subject_workload, subject_name)) AS other,
        IF(is_subject, peer_ip, subject_ip) AS other_ip,
        IF(is_subject, COALESCE(peer_workload, peer_name, peer_ip), COALESCE(subject_workload, subject_name, subject_ip)) AS other_end
      FROM (
        SELECT
          *,
          -- What has no namespace is no Pod: nodes have names, too.
          IFNULL(
            subject_namespace IS NOT NULL
              AND (@namespace = '' OR subject_namespace = @namespace)
              AND (@pod = '' OR subject_name = @pod OR subject_workload = @pod),
            FALSE
          ) AS is_subject,
          IFNULL(
            peer_namespace IS NOT NULL
              AND (@namespace = '' OR peer_namespace = @namespace)
              AND (@pod = '' OR peer_name = @pod OR peer_workload = @pod),
            FALSE
          ) AS is_peer
        FROM `${dataset}.verdicts`
        WHERE timestamp >= TIMESTAMP(@since)
          AND timestamp < TIMESTAMP(@until)
          AND (@cluster = '' OR cluster_name = @cluster)
      )
      WHERE is_subject OR is_peer
    )
    WINDOW connection AS (
      PARTITION BY
        project_id, location, cluster_name, direction, denied_at, pod_namespace, pod,
        other_kind, other_namespace, other_end, protocol, destination_port
    )
  )
  WHERE disposition = 'deny' AND finding IN ('void-rule', 'overreach', 'not-isolated', 'contradicted', 'undecidable')
  WINDOW problem AS (PARTITION BY IFNULL(fingerprint, entry_id), denied_at, pod_namespace, pod)
)
WHERE choice = 1
ORDER BY lost DESC, packets DESC NULLS LAST, entries DESC, fingerprint, denied_at, pod_namespace, pod

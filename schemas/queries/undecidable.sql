-- What is undecidable, and what would decide it?
--
-- One row a cluster, missing fact (`reason`) and policy that may decide, the most entries first: how many entries could not be judged for
-- want of it, and in `what_would_decide` what would supply it. An entry that lacks two facts counts in both rows. `policy` is null where
-- the fact concerns none. The last columns are those of the latest of these entries. An entry without a fingerprint is a
-- problem of its own.
--
-- An entry is judged again, and leaves this answer, once a better snapshot of its time is there.
--
-- Parameters:
--   @since      first time asked about, such as 2026-03-02T00:00:00Z
--   @until      time after the last
--   @cluster    name of a cluster, or '' for all
--   @namespace  namespace of the subject, the end whose policies decide, or '' for all
-- Cost: two dozen columns of `verdicts_v1` for the days asked about, without `entry`; `evidence` and `summary` are most of it.
SELECT
  project_id,
  location,
  cluster_name,
  reason,
  policy,
  what_would_decide,
  entries,
  packets,
  problems,
  first_seen,
  timestamp AS last_seen,
  subject_namespace,
  subject_name,
  peer_kind,
  peer_namespace,
  peer_name,
  destination_port,
  protocol,
  summary,
  fingerprint
FROM (
  SELECT
    *,
    SUM(weight) OVER (PARTITION BY project_id, location, cluster_name, reason, policy) AS entries,
    SUM(IF(disposition = 'deny', count * weight, NULL)) OVER (PARTITION BY project_id, location, cluster_name, reason, policy) AS packets,
    SUM(first_of_problem) OVER (PARTITION BY project_id, location, cluster_name, reason, policy) AS problems,
    FIRST_VALUE(timestamp) OVER (PARTITION BY project_id, location, cluster_name, reason, policy ORDER BY timestamp) AS first_seen,
    ROW_NUMBER() OVER (
      PARTITION BY project_id, location, cluster_name, reason, policy
      ORDER BY timestamp DESC, entry_id
    ) AS choice
  FROM (
    SELECT
      *,
      IF(
        ROW_NUMBER() OVER (
          PARTITION BY project_id, location, cluster_name, reason, policy, IFNULL(fingerprint, entry_id)
          ORDER BY timestamp, entry_id
        ) = 1,
        1,
        0
      ) AS first_of_problem
    FROM (
      SELECT
        project_id,
        location,
        cluster_name,
        entry_id,
        timestamp,
        disposition,
        count,
        weight,
        destination_port,
        protocol,
        subject_namespace,
        subject_name,
        peer_kind,
        peer_namespace,
        peer_name,
        fingerprint,
        summary,
        reason,
        -- Of the policies that may decide, those that this fact is about; the first by name, where there are more.
        (
          SELECT
            MIN(
              piece.policy_kind
                || IF(piece.policy_namespace IS NULL, '', ' ' || piece.policy_namespace || '/')
                || IF(piece.policy_name IS NULL, '', IF(piece.policy_namespace IS NULL, ' ', '') || piece.policy_name)
            )
          FROM UNNEST(evidence) AS piece
          WHERE piece.role = 'may-decide'
            AND CASE
              WHEN piece.policy_name IS NULL THEN 'unreadable-kind'
              WHEN piece.policy_kind = 'NetworkPolicy' THEN 'unreadable-policy'
              ELSE 'other-policy-kind'
            END = reason
        ) AS policy,
        -- Reasons that are no missing facts are hints, and have no sentence here.
        CASE reason
          WHEN 'no-snapshot'
            THEN 'a snapshot of the cluster that is valid at that time: see in snapshot_health that the cluster is collected; of '
              || 'a time before the first collection none can be had any more'
          WHEN 'stale-snapshot'
            THEN 'a collection after the entry that saw whether the policies had changed: see in snapshot_health that the '
              || 'cluster is collected every few minutes, then judge the entry again'
          WHEN 'unknown-subject'
            THEN 'a snapshot that holds the Pod whose policies decide, taken while it lived: Pods that live for less than the '
              || 'interval of collections need a shorter one'
          WHEN 'unknown-peer'
            THEN 'a snapshot that holds the Pod at the other end, taken while it lived, or rules that admit or deny it whatever '
              || 'its labels are'
          WHEN 'unknown-namespace'
            THEN 'the labels of the namespace at the other end: see that the collector may list Namespaces, or give their '
              || 'manifests with the snapshot'
          WHEN 'unreadable-policy'
            THEN 'a policy that can be read: mend the NetworkPolicy in the column policy, what is wrong with it stands in the evidence'
          WHEN 'other-policy-kind'
            THEN 'a look by a human: policies of this kind are not evaluated; see whether the one in the column policy denies, '
              || 'isolates or admits this connection'
          WHEN 'unreadable-kind'
            THEN 'a whole list of the kind in the column policy: see in snapshot_health what could not be listed, and that the '
              || 'collector may list it'
          WHEN 'dns-cache-unknown'
            THEN 'whether NodeLocal DNSCache is on, which the GKE API says, and whether the Pod at the other end is a resolver: '
              || 'collect the cluster through that API while the Pod lives'
          WHEN 'self-traffic'
            THEN 'nothing that can be collected: the specification leaves open whether a Pod reaches itself; a rule that admits '
              || 'the Pod’s own labels settles it'
        END AS what_would_decide
      FROM (
        SELECT *
        FROM `${dataset}.verdicts`
        WHERE timestamp >= TIMESTAMP(@since)
          AND timestamp < TIMESTAMP(@until)
          AND finding = 'undecidable'
          AND (@cluster = '' OR cluster_name = @cluster)
          AND (@namespace = '' OR subject_namespace = @namespace)
      )
      CROSS JOIN UNNEST(reasons) AS reason
    )
    WHERE what_would_decide IS NOT NULL
  )
)
WHERE choice = 1
ORDER BY entries DESC, project_id, location, cluster_name, reason, policy

-- One row a problem (fingerprint) and UTC day: how often, when, where, and its latest entry as a sample. Entries without a fingerprint
-- group nothing and are left out. Flagged and not: filter on `flagged` for what a human should look at.
--
-- What the fingerprint is made of (cluster, finding, direction, workloads, protocol, …) is the same in all entries of a row. The columns from
-- `certainty` on are those of the sample. policy_*, construct, clause, rule, peer and port are the first piece of its evidence, the one that
-- decides: rule, peer and port are indices from 0.
--
-- Cost: twenty-odd columns of the days selected, without `entry`. Filter on `day`, which reaches the partitions of `verdicts_v1`.
SELECT
  day,
  fingerprint,
  project_id,
  location,
  cluster_name,
  finding,
  flagged,
  direction,
  disposition,
  subject_namespace,
  subject_workload_kind,
  subject_workload,
  peer_kind,
  peer_namespace,
  peer_workload_kind,
  peer_workload,
  protocol,
  first_seen,
  last_seen,
  entries,
  packets,
  last_judged_at,
  certainty,
  constructs,
  reasons,
  destination_port,
  evidence_first.policy_kind AS policy_kind,
  evidence_first.policy_namespace AS policy_namespace,
  evidence_first.policy_name AS policy_name,
  evidence_first.construct AS construct,
  evidence_first.clause AS clause,
  summary,
  entry_id,
  subject_name,
  subject_ip,
  peer_name,
  peer_ip,
  node_name,
  snapshot_id,
  engine_version,
  evidence_first.rule AS rule,
  evidence_first.peer AS peer,
  evidence_first.port AS port,
  peer_labels,
  evidence_first.direction AS policy_direction
FROM (
  SELECT
    *,
    evidence[SAFE_OFFSET(0)] AS evidence_first,
    FIRST_VALUE(timestamp) OVER (PARTITION BY fingerprint, day ORDER BY timestamp) AS first_seen,
    timestamp AS last_seen, -- the row chosen below is the latest
    -- A row of sampled traffic stands for `weight` entries.
    SUM(weight) OVER (PARTITION BY fingerprint, day) AS entries,
    -- `count` is packets where denied, of a window of some seconds, never connections; null where nothing was denied.
    SUM(IF(disposition = 'deny', count * weight, NULL)) OVER (PARTITION BY fingerprint, day) AS packets,
    FIRST_VALUE(judged_at) OVER (PARTITION BY fingerprint, day ORDER BY judged_at DESC) AS last_judged_at,
    ROW_NUMBER() OVER (PARTITION BY fingerprint, day ORDER BY timestamp DESC, entry_id) AS choice
  FROM (
    SELECT *, DATE(timestamp) AS day
    FROM `${dataset}.verdicts`
    WHERE fingerprint IS NOT NULL
  )
)
WHERE choice = 1

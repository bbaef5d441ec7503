-- What is not explained, and why?
--
-- One row a problem (fingerprint) that neither the policies nor the move account for, the most entries first: denied though nothing
-- isolates the Pod (`not-isolated`), the opposite of what every candidate for Dataplane V2 says (`contradicted`), or not decided because a
-- fact is missing (`undecidable`). `why` has the ids of what is missing or may mislead, `summary` says it in sentences. These and whatever
-- may differ between entries of a problem, such as `subject_name`, are of the latest one.
--
-- `late-reply`, `recent-change`, `settling-pod` and `snapshot-lag` in `why` are what mostly explains such an entry after all. What
-- the move broke is explained and not here: ask what_broke.sql.
--
-- Parameters:
--   @since      first time asked about, such as 2026-03-02T00:00:00Z; its whole UTC day counts
--   @until      time after the last; its whole UTC day counts, unless it is midnight
--   @cluster    name of a cluster, or '' for all
--   @namespace  namespace of the subject, the end whose policies decide, or '' for all
-- Cost: twenty-odd columns of `verdicts_v1` for the days asked about, without `entry`.
SELECT
  project_id,
  location,
  cluster_name,
  finding,
  flagged,
  disposition,
  direction,
  ARRAY_TO_STRING(reasons, ', ') AS why,
  subject_namespace,
  subject_workload,
  subject_name,
  peer_kind,
  peer_namespace,
  peer_workload,
  peer_ip,
  destination_port,
  protocol,
  entries_of_all AS entries,
  packets_of_all AS packets,
  first_seen_of_all AS first_seen,
  last_seen,
  snapshot_id,
  summary,
  fingerprint
FROM (
  SELECT
    *,
    SUM(packets) OVER (PARTITION BY fingerprint) AS packets_of_all,
    SUM(entries) OVER (PARTITION BY fingerprint) AS entries_of_all,
    FIRST_VALUE(first_seen) OVER (PARTITION BY fingerprint ORDER BY day) AS first_seen_of_all,
    ROW_NUMBER() OVER (PARTITION BY fingerprint ORDER BY day DESC) AS choice
  FROM `${dataset}.findings`
  WHERE day >= DATE(TIMESTAMP(@since))
    AND day <= DATE(TIMESTAMP_SUB(CAST(@until AS TIMESTAMP), INTERVAL 1 MICROSECOND))
    AND finding IN ('not-isolated', 'contradicted', 'undecidable')
    AND (@cluster = '' OR cluster_name = @cluster)
    AND (@namespace = '' OR subject_namespace = @namespace)
)
WHERE choice = 1
ORDER BY entries DESC, fingerprint

-- What did the move break?
--
-- One row a problem (fingerprint) of the days asked about, the most packets first: what is denied only since the move (`void-rule`,
-- `overreach`), and after it what is open only since the move (`newly-open`), of which nothing counts packets. The columns from
-- `destination_port` on are those of the latest entry; `summary` says which rule, why, and what to write instead.
--
-- Packets are those of denied attempts: a client that tries again and again has many. `entries` counts log entries.
--
-- Parameters:
--   @since      first time asked about, such as 2026-03-02T00:00:00Z; its whole UTC day counts
--   @until      time after the last; its whole UTC day counts, unless it is midnight
--   @cluster    name of a cluster, or '' for all
--   @namespace  namespace of the subject, the end whose policies decide, or '' for all
-- Cost: twenty-odd columns of `verdicts_v1` for the days asked about, without `entry`; `evidence` and `summary` are most of it.
SELECT
  project_id,
  location,
  cluster_name,
  finding,
  direction,
  subject_namespace,
  subject_workload,
  peer_kind,
  peer_namespace,
  peer_workload,
  packets_of_all AS packets,
  entries_of_all AS entries,
  first_seen_of_all AS first_seen,
  last_seen,
  destination_port,
  protocol,
  certainty,
  policy_namespace,
  policy_name,
  construct,
  clause,
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
    AND finding IN ('void-rule', 'overreach', 'newly-open')
    AND (@cluster = '' OR cluster_name = @cluster)
    AND (@namespace = '' OR subject_namespace = @namespace)
)
WHERE choice = 1
ORDER BY packets DESC NULLS LAST, entries DESC, fingerprint

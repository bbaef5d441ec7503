-- Which findings are new since yesterday?
--
-- One row a flagged problem (fingerprint) that was seen in the days asked about and on none of the 30 days before, the oldest first. One
-- that rested for longer counts as new. The columns from `certainty` on are those of the latest entry.
--
-- A cluster whose log or snapshots began less than 30 days before has everything new; a problem that was undecidable before is new, too.
--
-- Parameters:
--   @since      yesterday, such as 2026-03-03T00:00:00Z; its whole UTC day counts
--   @until      time after the last; its whole UTC day counts, unless it is midnight
--   @cluster    name of a cluster, or '' for all
--   @namespace  namespace of the subject, the end whose policies decide, or '' for all
-- Cost: twenty-odd columns of `verdicts_v1` for the days asked about and the 30 days before, without `entry`.
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
  first_seen_of_all AS first_seen,
  last_seen,
  entries_of_all AS entries,
  packets_of_all AS packets,
  certainty,
  destination_port,
  protocol,
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
    FIRST_VALUE(day) OVER (PARTITION BY fingerprint ORDER BY day) AS first_day,
    ROW_NUMBER() OVER (PARTITION BY fingerprint ORDER BY day DESC) AS choice
  FROM `${dataset}.findings`
  WHERE day >= DATE(TIMESTAMP_SUB(CAST(@since AS TIMESTAMP), INTERVAL 30 DAY))
    AND day <= DATE(TIMESTAMP_SUB(CAST(@until AS TIMESTAMP), INTERVAL 1 MICROSECOND))
    AND flagged
    AND (@cluster = '' OR cluster_name = @cluster)
    AND (@namespace = '' OR subject_namespace = @namespace)
)
WHERE choice = 1 AND first_day >= DATE(TIMESTAMP(@since))
ORDER BY first_seen, fingerprint

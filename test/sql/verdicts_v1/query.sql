SELECT
  insert_id,
  timestamp,
  finding,
  judged_at,
  snapshot_valid_from,
  snapshot_age_ms,
  subject_workload,
  peer_workload,
  source_ip,
  destination_ip
FROM `${dataset}.verdicts_v1`
WHERE timestamp >= TIMESTAMP '2026-03-02 00:00:00+00' AND timestamp < TIMESTAMP '2026-03-05 00:00:00+00'
ORDER BY judged_at

SELECT
  insert_id,
  cluster_name,
  timestamp,
  direction,
  disposition,
  count,
  finding,
  flagged,
  certainty,
  constructs,
  reasons,
  judged_at,
  snapshot_id,
  summary
FROM `${dataset}.verdicts`
WHERE timestamp >= TIMESTAMP '2026-03-02 00:00:00+00' AND timestamp < TIMESTAMP '2026-03-05 00:00:00+00'
ORDER BY timestamp, insert_id

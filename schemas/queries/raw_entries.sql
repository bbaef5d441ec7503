-- Which raw log entries are behind a fingerprint?
--
-- One row a log entry that was judged to be this problem, the latest first, 100 of them at most: raise the LIMIT for more. `entry` is the
-- entry as Cloud Logging sent it. Each row stands for `weight` entries where allowed traffic is sampled.
--
-- An entry that was judged again, by a later snapshot, is found under its present fingerprint only.
--
-- Parameters:
--   @fingerprint  of the problem, as any of the other answers has it
--   @since        first time asked about, such as 2026-03-02T00:00:00Z
--   @until        time after the last
-- Cost: the column `entry`, most of a row's bytes, of `verdicts_v1` for the days asked about: ask for few days.
SELECT
  timestamp,
  entry_id,
  insert_id,
  node_name,
  disposition,
  IF(disposition = 'deny', count, NULL) AS packets,
  weight,
  source_ip,
  source_port,
  destination_ip,
  destination_port,
  protocol,
  subject_name,
  peer_name,
  snapshot_id,
  judged_at,
  engine_version,
  summary,
  entry
FROM `${dataset}.verdicts`
WHERE timestamp >= TIMESTAMP(@since) AND timestamp < TIMESTAMP(@until) AND fingerprint = @fingerprint
ORDER BY timestamp DESC, entry_id
LIMIT 100

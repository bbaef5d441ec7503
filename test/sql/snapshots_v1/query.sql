SELECT snapshot_id, state_hash, valid_from, collected_at, changed, reason, previous_snapshot_id, previous_seen_until, policies, pods, policy_findings
FROM `${dataset}.snapshots_v1`
ORDER BY collected_at

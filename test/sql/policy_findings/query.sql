SELECT snapshot_id, construct, policy_namespace, policy_name, direction, rule, clause, suggestion, linted_at
FROM `${dataset}.policy_findings`
ORDER BY snapshot_id, policy_namespace, policy_name, construct, rule

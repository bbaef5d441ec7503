SELECT snapshot_id, construct, certainty, policy_namespace, policy_name, direction, rule, clause, differs_now, affected_pods, affected_sample, summary
FROM `${dataset}.policy_findings_v1`
ORDER BY snapshot_id, policy_namespace, policy_name, construct, rule

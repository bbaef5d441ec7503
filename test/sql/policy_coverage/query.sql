SELECT *
FROM `${dataset}.policy_coverage`
ORDER BY policy_namespace, policy_name, policy_kind, direction, rule

SELECT * EXCEPT (engine_version)
FROM `${dataset}.snapshot_health`
ORDER BY cluster_name

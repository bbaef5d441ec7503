SELECT * EXCEPT (engine_version)
FROM `${dataset}.snapshots`
ORDER BY collected_at

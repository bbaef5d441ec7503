SELECT *
FROM `${dataset}.migration_progress`
ORDER BY cluster_name, subject_namespace, day

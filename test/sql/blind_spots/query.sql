SELECT *
FROM `${dataset}.blind_spots`
WHERE reason <> 'silent-node' OR hour < TIMESTAMP '2026-03-02 12:00:00+00'
ORDER BY cluster_name, reason, node_name, hour

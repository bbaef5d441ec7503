SELECT * EXCEPT (fingerprint, entry_id, engine_version)
FROM `${dataset}.findings`
WHERE day >= DATE '2026-03-02'
ORDER BY day, last_seen

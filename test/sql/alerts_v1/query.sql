SELECT *
FROM `${dataset}.alerts_v1`
WHERE claimed_at >= TIMESTAMP '2026-03-02 00:00:00+00'
ORDER BY alert_id, fingerprint

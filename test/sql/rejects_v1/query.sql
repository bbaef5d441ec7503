SELECT message_id, reason, detail, log_name, publish_time, size_bytes, raw, rejected_at
FROM `${dataset}.rejects_v1`
WHERE rejected_at >= TIMESTAMP '2026-03-02 00:00:00+00'
ORDER BY message_id

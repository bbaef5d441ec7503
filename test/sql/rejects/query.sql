SELECT message_id, reason, detail, rejected_at
FROM `${dataset}.rejects`
ORDER BY message_id

SELECT message_id, publish_time, recovered
FROM `${dataset}.dead_letters`
ORDER BY message_id

SELECT message_id, publish_time, data
FROM `${dataset}.dead_letters_v1`
ORDER BY message_id

SELECT *
FROM `${dataset}.silences_v1`
ORDER BY silence_id

-- One row a message (message_id) that can never become a verdict: the latest refusal of it. Pub/Sub delivers a message more than once, and
-- one that was sent again is refused by a newer version, perhaps for another reason.
--
-- Cost: the whole table for the columns selected. Refusals of one message lie in different partitions of rejected_at, so no filter can
-- spare any of them; the table must not require one. It stays small as long as the log sink sends what it should; `raw` is most of it.
SELECT * EXCEPT (choice)
FROM (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY message_id
      ORDER BY rejected_at DESC, engine_version DESC, reason, detail, publish_time DESC NULLS LAST, subscription DESC NULLS LAST
    ) AS choice
  FROM `${dataset}.rejects_v1`
)
WHERE choice = 1

-- One row a dead letter (message_id): a message that was given up, and whether its entry was judged or refused all the same (`recovered`),
-- for instance because it was sent again. What is not recovered is what `policy-audit redrive` should send.
--
-- Recovered is what `rejects_v1` holds with the same bytes, and an entry that `verdicts_v1` holds by log name, insertId and microsecond. These
-- are found in the message's bytes as hexadecimal digits, because no function that reads JSON gives the same answer everywhere: it takes the
-- first insertId and logName, and the first timestamp that is a time in UTC. What is no JSON, or not written like that, is not recovered.
--
-- Cost: the dead letters, and for `recovered` three columns of the whole of `verdicts_v1` and `raw` of `rejects_v1`: leave it out if you can.
SELECT
  subscription_name,
  message_id,
  publish_time,
  data,
  attributes,
  IFNULL(data IN (SELECT raw FROM `${dataset}.rejects_v1` WHERE raw IS NOT NULL), FALSE)
    OR IFNULL(
      sent_log_name || '7c' || sent_insert_id || '7c' || SUBSTR(sent_timestamp, 1, 38) || '2e'
        || SUBSTR(SUBSTR(sent_timestamp, 41) || '303030303030', 1, 12) -- cut to microseconds
      IN (
        SELECT
          TO_HEX(SAFE_CAST(
            log_name || '|' || insert_id || '|' || SUBSTR(CAST(timestamp AS STRING), 1, 10) || 'T'
              || SUBSTR(CAST(timestamp AS STRING), 12, 8) || '.' || SUBSTR(CAST(1000000 + MOD(UNIX_MICROS(timestamp), 1000000) AS STRING), 2)
            AS BYTES
          )) AS entry_key
        FROM `${dataset}.verdicts_v1`
        -- All of it; the table refuses a query without a filter.
        WHERE timestamp >= TIMESTAMP '1970-01-01 00:00:00+00' AND log_name IS NOT NULL AND insert_id IS NOT NULL
      ),
      FALSE
    ) AS recovered
FROM (
  SELECT
    *,
    -- "logName": "…", "insertId": "…" and "timestamp": "…Z", two digits a byte.
    REGEXP_EXTRACT(TO_HEX(data), r'^(?:..)*?226c6f674e616d6522(?:20|0a|0d|09)*3a(?:20|0a|0d|09)*22((?:..)*?)22') AS sent_log_name,
    REGEXP_EXTRACT(TO_HEX(data), r'^(?:..)*?22696e73657274496422(?:20|0a|0d|09)*3a(?:20|0a|0d|09)*22((?:..)*?)22') AS sent_insert_id,
    REGEXP_EXTRACT(
      TO_HEX(data),
      r'^(?:..)*?2274696d657374616d7022(?:20|0a|0d|09)*3a(?:20|0a|0d|09)*22((?:3.|2d|54|2e)+)5a22'
    ) AS sent_timestamp,
    ROW_NUMBER() OVER (PARTITION BY message_id ORDER BY publish_time DESC NULLS LAST, subscription_name DESC NULLS LAST) AS choice
  FROM `${dataset}.dead_letters_v1`
)
WHERE choice = 1

-- The body of the SQL function `verdict_row(reply STRING)`: a reply of the remote function `rejudge` as a STRUCT with the columns of
-- `verdicts_v1`, in their order, so that `INSERT INTO … SELECT judged.*` appends it by position. A column that a deployed table gains stands
-- last in it, so it has to stand last in the table's file and here as well.
--
-- A reply is the row as JSON (times RFC 3339 UTC, JSON null for NULL, the entry as an object), or `{"rejected":{"reason","detail"}}`, which
-- is no row: leave it out before, with `NOT STARTS_WITH(reply, '{"rejected"')`. What is not JSON is an error. Numbers of the entry that no
-- double holds exactly are rounded, as the engine has read them.
--
-- Cost: none but slots; the reply is parsed once a column.
(SELECT AS STRUCT
  JSON_VALUE(reply, '$.entry_id') AS entry_id,
  JSON_VALUE(reply, '$.insert_id') AS insert_id,
  JSON_VALUE(reply, '$.log_name') AS log_name,
  TIMESTAMP(JSON_VALUE(reply, '$.timestamp')) AS timestamp,
  TIMESTAMP(JSON_VALUE(reply, '$.receive_timestamp')) AS receive_timestamp,
  JSON_VALUE(reply, '$.project_id') AS project_id,
  JSON_VALUE(reply, '$.location') AS location,
  JSON_VALUE(reply, '$.cluster_name') AS cluster_name,
  JSON_VALUE(reply, '$.node_name') AS node_name,
  JSON_VALUE(reply, '$.direction') AS direction,
  JSON_VALUE(reply, '$.disposition') AS disposition,
  CAST(JSON_VALUE(reply, '$.count') AS INT64) AS count,
  CAST(JSON_VALUE(reply, '$.weight') AS INT64) AS weight,
  JSON_VALUE(reply, '$.protocol') AS protocol,
  JSON_VALUE(reply, '$.source_ip') AS source_ip,
  CAST(JSON_VALUE(reply, '$.source_port') AS INT64) AS source_port,
  JSON_VALUE(reply, '$.destination_ip') AS destination_ip,
  CAST(JSON_VALUE(reply, '$.destination_port') AS INT64) AS destination_port,
  JSON_VALUE(reply, '$.subject_kind') AS subject_kind,
  JSON_VALUE(reply, '$.subject_namespace') AS subject_namespace,
  JSON_VALUE(reply, '$.subject_name') AS subject_name,
  JSON_VALUE(reply, '$.subject_workload_kind') AS subject_workload_kind,
  JSON_VALUE(reply, '$.subject_workload') AS subject_workload,
  JSON_VALUE(reply, '$.subject_ip') AS subject_ip,
  JSON_VALUE(reply, '$.peer_kind') AS peer_kind,
  JSON_VALUE(reply, '$.peer_namespace') AS peer_namespace,
  JSON_VALUE(reply, '$.peer_name') AS peer_name,
  JSON_VALUE(reply, '$.peer_workload_kind') AS peer_workload_kind,
  JSON_VALUE(reply, '$.peer_workload') AS peer_workload,
  JSON_VALUE(reply, '$.peer_ip') AS peer_ip,
  JSON_VALUE(reply, '$.peer_labels') AS peer_labels,
  ARRAY(
    SELECT AS STRUCT
      JSON_VALUE(one, '$.kind') AS kind,
      JSON_VALUE(one, '$.namespace') AS namespace,
      JSON_VALUE(one, '$.name') AS name
    FROM UNNEST(JSON_QUERY_ARRAY(reply, '$.logged_policies')) AS one WITH OFFSET AS place
    ORDER BY place
  ) AS logged_policies,
  JSON_VALUE(reply, '$.finding') AS finding,
  CAST(JSON_VALUE(reply, '$.flagged') AS BOOL) AS flagged,
  JSON_VALUE(reply, '$.certainty') AS certainty,
  JSON_VALUE_ARRAY(reply, '$.constructs') AS constructs,
  JSON_VALUE_ARRAY(reply, '$.reasons') AS reasons,
  JSON_VALUE(reply, '$.summary') AS summary,
  ARRAY(
    SELECT AS STRUCT
      JSON_VALUE(one, '$.role') AS role,
      JSON_VALUE(one, '$.policy_kind') AS policy_kind,
      JSON_VALUE(one, '$.policy_namespace') AS policy_namespace,
      JSON_VALUE(one, '$.policy_name') AS policy_name,
      JSON_VALUE(one, '$.direction') AS direction,
      CAST(JSON_VALUE(one, '$.rule') AS INT64) AS rule,
      CAST(JSON_VALUE(one, '$.peer') AS INT64) AS peer,
      CAST(JSON_VALUE(one, '$.port') AS INT64) AS port,
      JSON_VALUE(one, '$.clause') AS clause,
      JSON_VALUE(one, '$.construct') AS construct,
      JSON_VALUE(one, '$.semantics') AS semantics,
      JSON_VALUE(one, '$.detail') AS detail
    FROM UNNEST(JSON_QUERY_ARRAY(reply, '$.evidence')) AS one WITH OFFSET AS place
    ORDER BY place
  ) AS evidence,
  ARRAY(
    SELECT AS STRUCT
      JSON_VALUE(one, '$.semantics') AS semantics,
      JSON_VALUE(one, '$.verdict') AS verdict,
      JSON_VALUE(one, '$.basis') AS basis
    FROM UNNEST(JSON_QUERY_ARRAY(reply, '$.verdicts')) AS one WITH OFFSET AS place
    ORDER BY place
  ) AS verdicts,
  JSON_VALUE(reply, '$.fingerprint') AS fingerprint,
  JSON_VALUE(reply, '$.snapshot_id') AS snapshot_id,
  TIMESTAMP(JSON_VALUE(reply, '$.snapshot_valid_from')) AS snapshot_valid_from,
  CAST(JSON_VALUE(reply, '$.snapshot_age_ms') AS INT64) AS snapshot_age_ms,
  JSON_VALUE(reply, '$.engine_version') AS engine_version,
  TIMESTAMP(JSON_VALUE(reply, '$.judged_at')) AS judged_at,
  PARSE_JSON(JSON_QUERY(reply, '$.entry'), wide_number_mode => 'round') AS entry
)

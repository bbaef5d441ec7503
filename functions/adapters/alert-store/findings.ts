import { listed } from './listed.ts';

/** Problems of a rule that are read: a message has forty lines, and who scans ports makes one of each port. */
const OF_RULE = 200;
/** Of all rules. */
export const MOST_PROBLEMS = 20_000;
/**
 * One row a fingerprint. An entry may be told of where its cluster was seen at or after it, and no change that was seen then waits for it to
 * be judged again: what schemas/rejudge/changed_snapshots.sql asks for, but not where the state after the change is what judged it. It may be
 * told of in any case once it is old enough.
 *
 * Of the collections of a cluster the last counts, and those with a change: there may be a thousand others a day.
 */
export const PROBLEMS = `SELECT * EXCEPT (rule, age)
FROM (
  SELECT
    *,
    COUNT(*) OVER (PARTITION BY rule) AS of_rule,
    ROW_NUMBER() OVER (PARTITION BY rule ORDER BY last_seen DESC, fingerprint) AS age
  FROM (
    SELECT
      *,
      -- Cluster, finding, construct and direction; policy and hash of its rule.
      -- What does not match is null in BigQuery, and empty in DuckDB.
      IFNULL(NULLIF(REGEXP_EXTRACT(fingerprint, r'^((?:[^|]*[|]){4})'), ''), fingerprint)
        || IFNULL(REGEXP_EXTRACT(fingerprint, r'([|][^|]*[|][^|]*)$'), '') AS rule
    FROM (
      SELECT
        fingerprint,
        project_id,
        location,
        cluster_name,
        finding,
        MIN(timestamp) AS first_seen,
        MAX(timestamp) AS last_seen,
        SUM(weight) AS entries,
        SUM(IF(disposition = 'deny', count * weight, NULL)) AS packets,
        COUNT(DISTINCT source_ip) AS sources,
        LOGICAL_AND(NOT settled) AS unsettled
      FROM (
        SELECT
          entry_id,
          fingerprint,
          project_id,
          location,
          cluster_name,
          finding,
          timestamp,
          weight,
          disposition,
          count,
          source_ip,
          IFNULL(LOGICAL_OR(collected_at >= timestamp), FALSE) AND NOT IFNULL(
            LOGICAL_OR(
              changed
              AND timestamp > previous_seen_until
              AND timestamp < TIMESTAMP_ADD(collected_at, INTERVAL 5 MINUTE)
              AND judged_at < TIMESTAMP_ADD(collected_at, INTERVAL 5 MINUTE)
              AND IFNULL(snapshot_id, '') != collected_id
            ),
            FALSE
          ) AS settled
        FROM (
          SELECT
            entry_id,
            fingerprint,
            project_id,
            location,
            cluster_name,
            finding,
            timestamp,
            weight,
            disposition,
            count,
            source_ip,
            snapshot_id,
            judged_at
          FROM \`\${dataset}.verdicts\`
          WHERE timestamp >= TIMESTAMP(@since) AND flagged AND fingerprint IS NOT NULL
        )
        LEFT JOIN (
          SELECT *
          FROM (
            SELECT
              project_id AS of_project,
              location AS of_location,
              cluster_name AS of_cluster,
              snapshot_id AS collected_id,
              collected_at,
              changed,
              previous_seen_until,
              ROW_NUMBER() OVER (PARTITION BY project_id, location, cluster_name ORDER BY collected_at DESC) AS age
            FROM \`\${dataset}.snapshots\`
            -- A change that was seen soon before an entry may concern it.
            WHERE collected_at >= TIMESTAMP_SUB(CAST(@since AS TIMESTAMP), INTERVAL 5 MINUTE)
          )
          WHERE age = 1 OR changed
        ) ON location = of_location
          AND cluster_name = of_cluster
          -- An entry may name no project; the snapshots of its cluster are found all the same.
          AND (project_id = of_project OR project_id IS NULL OR of_project IS NULL)
        GROUP BY
          entry_id,
          fingerprint,
          project_id,
          location,
          cluster_name,
          finding,
          timestamp,
          weight,
          disposition,
          count,
          source_ip
      )
      WHERE settled OR timestamp < TIMESTAMP(@settled_before)
      GROUP BY fingerprint, project_id, location, cluster_name, finding
    )
  )
)
WHERE age <= ${OF_RULE}
ORDER BY last_seen DESC, fingerprint
LIMIT ${MOST_PROBLEMS}`;

/** One row a fingerprint: of its latest day, and what all its days since come to. */
export const DETAILS = `SELECT * EXCEPT (day, age)
FROM (
  SELECT
    fingerprint,
    direction,
    disposition,
    subject_namespace,
    subject_workload_kind,
    subject_workload,
    subject_name,
    subject_ip,
    peer_kind,
    peer_namespace,
    peer_workload_kind,
    peer_workload,
    peer_name,
    peer_ip,
    peer_labels,
    protocol,
    destination_port,
    certainty,
    reasons,
    policy_kind,
    policy_namespace,
    policy_name,
    rule,
    peer,
    port,
    clause,
    construct,
    summary,
    policy_direction,
    last_seen,
    FIRST_VALUE(first_seen) OVER (PARTITION BY fingerprint ORDER BY day) AS first_seen,
    SUM(entries) OVER (PARTITION BY fingerprint) AS entries,
    SUM(packets) OVER (PARTITION BY fingerprint) AS packets,
    day,
    ROW_NUMBER() OVER (PARTITION BY fingerprint ORDER BY day DESC) AS age
  FROM \`\${dataset}.findings\`
  WHERE day >= DATE(TIMESTAMP(@since)) AND fingerprint IN (${listed('fingerprints')})
)
WHERE age = 1`;
/**
 * One row a clause that is mended, by its position among those asked for: since the first state after the last that had it. Of what a state
 * has, all that was ever found in it counts, whichever version looked.
 */
export const FIXED = `SELECT position, MIN(state_from) AS fixed_at
FROM (
  SELECT
    position,
    state_from,
    MAX(IF(held, UNIX_MICROS(state_from), NULL)) OVER (PARTITION BY position) AS held_micros
  FROM (
    SELECT position, state_from, LOGICAL_OR(found_in IS NOT NULL) AS held
    FROM (
      SELECT
        CAST(JSON_EXTRACT_SCALAR(element, '$.position') AS INT64) AS position,
        JSON_EXTRACT_SCALAR(element, '$.project') AS asked_project,
        JSON_EXTRACT_SCALAR(element, '$.location') AS asked_location,
        JSON_EXTRACT_SCALAR(element, '$.name') AS asked_cluster,
        JSON_EXTRACT_SCALAR(element, '$.construct') AS asked_construct,
        JSON_EXTRACT_SCALAR(element, '$.policyNamespace') AS asked_namespace,
        JSON_EXTRACT_SCALAR(element, '$.policyName') AS asked_policy,
        JSON_EXTRACT_SCALAR(element, '$.direction') AS asked_direction,
        JSON_EXTRACT_SCALAR(element, '$.clause') AS asked_clause
      FROM UNNEST(JSON_QUERY_ARRAY(@clauses)) AS element
    )
    JOIN (
      SELECT
        project_id AS state_project,
        location AS state_location,
        cluster_name AS state_cluster,
        snapshot_id AS state_id,
        IFNULL(valid_from, collected_at) AS state_from
      FROM \`\${dataset}.snapshots\`
      WHERE collected_at >= TIMESTAMP(@since) AND policy_findings IS NOT NULL
    ) ON state_location = asked_location
      AND state_cluster = asked_cluster
      AND (state_project = asked_project OR state_project IS NULL OR asked_project IS NULL)
    LEFT JOIN (
      SELECT
        snapshot_id AS found_in,
        project_id AS found_project,
        location AS found_location,
        cluster_name AS found_cluster,
        construct AS found_construct,
        policy_namespace AS found_namespace,
        policy_name AS found_policy,
        direction AS found_direction,
        clause AS found_clause
      FROM \`\${dataset}.policy_findings_v1\`
      -- What is found in a state is written after it was collected, and before anybody knows that it was.
      WHERE linted_at >= TIMESTAMP(@since)
    ) ON found_in = state_id
      AND found_location = state_location
      AND found_cluster = state_cluster
      AND IFNULL(found_project, '') = IFNULL(state_project, '')
      AND found_construct = asked_construct
      AND IFNULL(found_namespace, '') = IFNULL(asked_namespace, '')
      AND found_policy = asked_policy
      AND IFNULL(found_direction, '') = IFNULL(asked_direction, '')
      AND found_clause = asked_clause
    GROUP BY position, state_from
  )
)
WHERE UNIX_MICROS(state_from) > held_micros
GROUP BY position`;

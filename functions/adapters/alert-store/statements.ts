/**
 * What is asked of the warehouse to alert. The same text runs in BigQuery, its emulator and, transpiled, DuckDB. Parameters are texts: a list
 * and rows are one JSON text, in which what is null is left out, and whose members are taken out before anything is compared with them
 * (DuckDB compares first). `test/analyser` reads these: each is right for the columns of schemas/, and restricted to partitions.
 */

/** Elements of a JSON array of texts, as a subquery of one column. */
const listed = (parameter: string): string =>
	`SELECT JSON_EXTRACT_SCALAR(element, '$') AS text FROM UNNEST(JSON_QUERY_ARRAY(@${parameter})) AS element`;

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
const PROBLEMS = `SELECT * EXCEPT (rule, age)
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
const DETAILS = `SELECT * EXCEPT (day, age)
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
    constructs,
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
    snapshot_id,
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

/** Columns of `alerts_v1` that are remembered. */
const REMEMBERED = `  alert_id,
    group_id,
    IFNULL(message_id, alert_id) AS message_id,
    fingerprint,
    state,
    claimed_by,
    claimed_at,
    posted_at,
    error,
    first_seen,
    last_seen,
    entries,
    packets,
    sources,
    project_id,
    location,
    cluster_name,
    finding,
    construct,
    direction,
    policy_namespace,
    policy_name,
    clause,
    slack_channel,
    thread_ts,
    fixed_at`;

/** By when they were told, as what a group is remembered by. A \`resolved\` has a row a problem, all told at once. */
const MEMORY = `SELECT * EXCEPT (told_micros, resolved_micros, age)
FROM (
  SELECT
  ${REMEMBERED},
    UNIX_MICROS(IFNULL(posted_at, claimed_at)) AS told_micros,
    ROW_NUMBER() OVER (PARTITION BY group_id, fingerprint, IF(state = 'resolved', 1, 0) ORDER BY posted_at DESC NULLS LAST, claimed_at DESC, alert_id) AS age,
    MAX(IF(state = 'resolved', UNIX_MICROS(posted_at), NULL)) OVER (PARTITION BY group_id) AS resolved_micros
  FROM \`\${dataset}.alerts_v1\`
  WHERE claimed_at >= TIMESTAMP(@since) AND group_id IS NOT NULL
)
WHERE (resolved_micros IS NULL OR told_micros >= resolved_micros OR claimed_at >= TIMESTAMP(@recent))
  AND (age = 1 OR posted_at IS NULL OR claimed_at >= TIMESTAMP(@recent))
ORDER BY claimed_at, alert_id, fingerprint`;

const RIVALS = `SELECT
  ${REMEMBERED}
FROM \`\${dataset}.alerts_v1\`
WHERE claimed_at >= TIMESTAMP(@since) AND claimed_by != @run AND group_id IN (${listed('groups')})
ORDER BY claimed_at, alert_id, fingerprint`;

const SILENCES = `SELECT
  silence_id,
  fingerprint,
  cluster_name,
  subject_namespace,
  subject_workload,
  construct,
  policy_namespace,
  policy_name,
  project_id,
  location
FROM \`\${dataset}.silences_v1\`
WHERE starts_at <= TIMESTAMP(@at) AND TIMESTAMP(@at) < ends_at AND (ended_at IS NULL OR TIMESTAMP(@at) < ended_at)
ORDER BY silence_id`;

/**
 * One row a clause that is mended, by its position among those asked for: since the first state after the last that had it. Of what a state
 * has, all that was ever found in it counts, whichever version looked.
 */
const FIXED = `SELECT position, MIN(state_from) AS fixed_at
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

/** Columns of `alerts_v1` in their order, and what their values are taken out of JSON as. */
export const ALERT_COLUMNS: Readonly<Record<string, 'STRING' | 'TIMESTAMP' | 'INTEGER' | 'BOOLEAN'>> = {
	alert_id: 'STRING',
	fingerprint: 'STRING',
	state: 'STRING',
	claimed_by: 'STRING',
	claimed_at: 'TIMESTAMP',
	posted_at: 'TIMESTAMP',
	first_seen: 'TIMESTAMP',
	last_seen: 'TIMESTAMP',
	entries: 'INTEGER',
	project_id: 'STRING',
	location: 'STRING',
	cluster_name: 'STRING',
	finding: 'STRING',
	construct: 'STRING',
	subject_namespace: 'STRING',
	subject_workload: 'STRING',
	peer_namespace: 'STRING',
	peer_workload: 'STRING',
	summary: 'STRING',
	unsettled: 'BOOLEAN',
	slack_channel: 'STRING',
	slack_ts: 'STRING',
	error: 'STRING',
	group_id: 'STRING',
	message_id: 'STRING',
	thread_ts: 'STRING',
	severity: 'STRING',
	direction: 'STRING',
	policy_namespace: 'STRING',
	policy_name: 'STRING',
	clause: 'STRING',
	packets: 'INTEGER',
	sources: 'INTEGER',
	fixed_at: 'TIMESTAMP',
};

const CASTS = { TIMESTAMP: 'TIMESTAMP', INTEGER: 'INT64', BOOLEAN: 'BOOL' } as const;

function columnOfJson([name, type]: readonly [string, keyof typeof CASTS | 'STRING']): string {
	const text = `JSON_EXTRACT_SCALAR(element, '$.${name}')`;
	return `  ${type === 'STRING' ? text : `CAST(${text} AS ${CASTS[type]})`} AS ${name}`;
}

/** What is left of attempts at these groups. */
const CLEAR = `DELETE FROM \`\${dataset}.alerts_v1\`
WHERE claimed_at >= TIMESTAMP(@since)
  AND posted_at IS NULL
  AND (error IS NOT NULL OR claimed_at < TIMESTAMP(@expired))
  AND group_id IN (${listed('groups')})`;

const ADD = `INSERT INTO \`\${dataset}.alerts_v1\` (${Object.keys(ALERT_COLUMNS).join(', ')})
SELECT
${Object.entries(ALERT_COLUMNS).map(columnOfJson).join(',\n')}
FROM UNNEST(JSON_QUERY_ARRAY(@rows)) AS element`;

const WITHDRAW = `DELETE FROM \`\${dataset}.alerts_v1\`
WHERE claimed_at >= TIMESTAMP(@since) AND posted_at IS NULL AND claimed_by = @run AND group_id IN (${listed('groups')})`;

/** An empty text is none. */
const SETTLE = `UPDATE \`\${dataset}.alerts_v1\`
SET
  posted_at = TIMESTAMP(@at),
  slack_channel = NULLIF(@channel, ''),
  slack_ts = NULLIF(@ts, ''),
  thread_ts = IFNULL(thread_ts, NULLIF(@ts, '')),
  error = NULLIF(@error, '')
WHERE claimed_at >= TIMESTAMP(@since) AND message_id = @message`;

const RELEASE = `UPDATE \`\${dataset}.alerts_v1\`
SET error = @error
WHERE claimed_at >= TIMESTAMP(@since) AND message_id = @message AND posted_at IS NULL`;

export const STATEMENTS = {
	problems: PROBLEMS,
	details: DETAILS,
	memory: MEMORY,
	silences: SILENCES,
	fixed: FIXED,
	rivals: RIVALS,
	clear: CLEAR,
	add: ADD,
	withdraw: WITHDRAW,
	settle: SETTLE,
	release: RELEASE,
} as const;

import { listed } from './listed.ts';

/** Columns of `alerts_v1` that are remembered. */
const REMEMBERED = `  alert_id,
    group_id,
    IFNULL(message_id, alert_id) AS message_id,
    fingerprint,
    state,
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
    thread_ts,
    fixed_at`;

/** By when they were told, as what a group is remembered by. A \`resolved\` has a row a problem, all told at once. */
export const MEMORY = `SELECT * EXCEPT (told_micros, resolved_micros, age)
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

export const RIVALS = `SELECT
  ${REMEMBERED}
FROM \`\${dataset}.alerts_v1\`
WHERE claimed_at >= TIMESTAMP(@since) AND claimed_by != @run AND group_id IN (${listed('groups')})
ORDER BY claimed_at, alert_id, fingerprint`;

export const SILENCES = `SELECT
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
export const CLEAR = `DELETE FROM \`\${dataset}.alerts_v1\`
WHERE claimed_at >= TIMESTAMP(@since)
  AND posted_at IS NULL
  AND (error IS NOT NULL OR claimed_at < TIMESTAMP(@expired))
  AND group_id IN (${listed('groups')})`;

export const ADD = `INSERT INTO \`\${dataset}.alerts_v1\` (${Object.keys(ALERT_COLUMNS).join(', ')})
SELECT
${Object.entries(ALERT_COLUMNS).map(columnOfJson).join(',\n')}
FROM UNNEST(JSON_QUERY_ARRAY(@rows)) AS element`;

export const WITHDRAW = `DELETE FROM \`\${dataset}.alerts_v1\`
WHERE claimed_at >= TIMESTAMP(@since) AND posted_at IS NULL AND claimed_by = @run AND group_id IN (${listed('groups')})`;

/** An empty text is none. */
export const SETTLE = `UPDATE \`\${dataset}.alerts_v1\`
SET
  posted_at = TIMESTAMP(@at),
  slack_channel = NULLIF(@channel, ''),
  slack_ts = NULLIF(@ts, ''),
  thread_ts = IFNULL(thread_ts, NULLIF(@ts, '')),
  error = NULLIF(@error, '')
WHERE claimed_at >= TIMESTAMP(@since) AND message_id = @message`;

export const RELEASE = `UPDATE \`\${dataset}.alerts_v1\`
SET error = @error
WHERE claimed_at >= TIMESTAMP(@since) AND message_id = @message AND posted_at IS NULL`;

-- Which rules must be rewritten, and by which Pods' labels?
--
-- One row a clause of a policy that Dataplane V2 reads differently and a workload at the other end that was seen to meet it, the most
-- packets first; then, without a peer, what the linter finds in the newest snapshot and no entry has met; last what is mended, so that the
-- newest snapshot has no such clause any more (`in_newest_snapshot`, null where the cluster was not collected since, and nothing says
-- whether it has). A linter that failed, or had more to say than is kept, looks like one that found nothing: the column
-- `policy_findings` of the view `snapshots` is null then. The newest is as old as `last_collected_at`: of a cluster that nobody collects any
-- more it says how things were then.
--
-- `rules` are the indices of the rules that hold the clause in that direction, in the newest snapshot or, where it is not there, by the
-- latest entry; null for what a policy is as a whole. Where several do, `severity` and what follows are of the worst of them. A rule that
-- moved within its policy is the same row.
--
-- The new rule has to select the peers by their labels: those named here, in all rows of the clause, are the ones that used it, and
-- `peer_labels` the labels of one of its Pods (null where the peer is no Pod). Of those take what says what the workload is, and leave
-- what changes with each release. `ports` has the first 20 of those that were seen, and how many more. `detail` names all that the clause
-- covers in the newest snapshot, also what was never seen to use it; `affected` some of the Pods that the policy selects.
--
-- Parameters:
--   @since      first time asked about, such as 2026-03-02T00:00:00Z; the newest snapshot is the newest, whatever is asked
--   @until      time after the last
--   @cluster    name of a cluster, or '' for all
--   @namespace  namespace of the policy, or '' for all
-- Cost: two dozen columns of `verdicts_v1` for the days asked about, without `entry`, `evidence` most of it; of `snapshots_v1` and
-- `policy_findings_v1`, which are small, the whole tables.
SELECT
  COALESCE(seen_project, lint_project) AS project_id,
  COALESCE(seen_location, lint_location) AS location,
  COALESCE(seen_cluster, lint_cluster) AS cluster_name,
  COALESCE(seen_kind, lint_kind) AS policy_kind,
  COALESCE(seen_namespace, lint_namespace) AS policy_namespace,
  COALESCE(seen_name, lint_name) AS policy_name,
  COALESCE(seen_direction, lint_direction) AS direction,
  NULLIF(IF(lint_clause IS NOT NULL, lint_rules, seen_rules), '') AS rules,
  COALESCE(seen_clause, lint_clause) AS clause,
  COALESCE(seen_construct, lint_construct) AS construct,
  finding,
  peer_kind,
  peer_namespace,
  peer_workload_kind,
  peer_workload,
  peer_labels,
  peer_ip,
  ports,
  packets,
  entries,
  first_seen,
  last_seen,
  IF(lint_clause IS NOT NULL, TRUE, IF(last_collected_at >= last_seen, FALSE, NULL)) AS in_newest_snapshot,
  last_collected_at,
  severity,
  affected_pods,
  affected,
  detail,
  suggestion,
  COALESCE(lint_summary, seen_summary) AS summary,
  fingerprint
FROM (
  SELECT
    project_id AS seen_project,
    location AS seen_location,
    cluster_name AS seen_cluster,
    policy_kind AS seen_kind,
    policy_namespace AS seen_namespace,
    policy_name AS seen_name,
    policy_direction AS seen_direction,
    policy_clause AS seen_clause,
    construct AS seen_construct,
    finding,
    peer_kind,
    peer_namespace,
    peer_workload_kind,
    peer_workload,
    STRING_AGG(IF(entry_id = latest_entry, rule_text, NULL), ', ' ORDER BY policy_rule) AS seen_rules,
    MAX(peer_labels) AS peer_labels, -- one of them
    MAX(peer_ip) AS peer_ip, -- one of them
    STRING_AGG(IF(port_choice = 1 AND port_rank <= 20, port_text, NULL), ', ' ORDER BY port_rank)
      || IF(MAX(port_rank) > 20, ' and ' || CAST(MAX(port_rank) - 20 AS STRING) || ' more', '') AS ports,
    SUM(IF(entry_choice = 1 AND disposition = 'deny', count * weight, NULL)) AS packets,
    SUM(IF(entry_choice = 1, weight, 0)) AS entries,
    MIN(timestamp) AS first_seen,
    MAX(timestamp) AS last_seen,
    MAX(summary) AS seen_summary, -- one of them
    MAX(fingerprint) AS fingerprint -- one of them
  FROM (
    SELECT
      *,
      IFNULL(CAST(policy_rule AS STRING), '') AS rule_text,
      protocol || IF(destination_port IS NULL, '', ' ' || CAST(destination_port AS STRING)) AS port_text,
      -- An entry that met the clause in two rules is one entry.
      ROW_NUMBER() OVER (
        PARTITION BY entry_id, policy_kind, policy_namespace, policy_name, policy_direction, policy_clause, construct
        ORDER BY policy_rule
      ) AS entry_choice,
      FIRST_VALUE(entry_id) OVER (used ORDER BY timestamp DESC, entry_id) AS latest_entry,
      DENSE_RANK() OVER (used ORDER BY protocol, destination_port) AS port_rank,
      ROW_NUMBER() OVER (
        PARTITION BY
          project_id, location, cluster_name, policy_kind, policy_namespace, policy_name, policy_direction, policy_clause, construct,
          finding, peer_kind, peer_namespace, peer_workload_kind, peer_workload, protocol, destination_port
        ORDER BY timestamp, entry_id, policy_rule
      ) AS port_choice
    FROM (
      SELECT DISTINCT
        project_id,
        location,
        cluster_name,
        entry_id,
        timestamp,
        disposition,
        count,
        weight,
        finding,
        protocol,
        destination_port,
        peer_kind,
        peer_namespace,
        peer_workload_kind,
        peer_workload,
        peer_labels,
        peer_ip,
        summary,
        fingerprint,
        piece.policy_kind AS policy_kind,
        piece.policy_namespace AS policy_namespace,
        piece.policy_name AS policy_name,
        piece.direction AS policy_direction,
        -- What is about no peer and no port entry of a rule is about the policy as a whole: the linter gives it no rule.
        IF(piece.peer IS NULL AND piece.port IS NULL, NULL, piece.rule) AS policy_rule,
        piece.clause AS policy_clause,
        piece.construct AS construct
      FROM (
        SELECT * EXCEPT (direction)
        FROM `${dataset}.verdicts`
        WHERE timestamp >= TIMESTAMP(@since)
          AND timestamp < TIMESTAMP(@until)
          AND finding IN ('void-rule', 'overreach', 'newly-open')
          AND (@cluster = '' OR cluster_name = @cluster)
      )
      CROSS JOIN UNNEST(evidence) AS piece
      WHERE piece.construct IS NOT NULL
        AND piece.policy_name IS NOT NULL
        AND (
          (finding = 'void-rule' AND piece.role = 'void')
          OR (finding = 'overreach' AND piece.role = 'isolates')
          OR (finding = 'newly-open' AND piece.role = 'opens')
        )
        AND (@namespace = '' OR piece.policy_namespace = @namespace)
    )
    WINDOW used AS (
      PARTITION BY
        project_id, location, cluster_name, policy_kind, policy_namespace, policy_name, policy_direction, policy_clause, construct,
        finding, peer_kind, peer_namespace, peer_workload_kind, peer_workload
    )
  )
  GROUP BY
    project_id,
    location,
    cluster_name,
    policy_kind,
    policy_namespace,
    policy_name,
    policy_direction,
    policy_clause,
    construct,
    finding,
    peer_kind,
    peer_namespace,
    peer_workload_kind,
    peer_workload
)
FULL JOIN (
  -- A clause once, however many rules of the policy hold it.
  SELECT
    project_id AS lint_project,
    location AS lint_location,
    cluster_name AS lint_cluster,
    policy_kind AS lint_kind,
    policy_namespace AS lint_namespace,
    policy_name AS lint_name,
    direction AS lint_direction,
    clause AS lint_clause,
    construct AS lint_construct,
    STRING_AGG(IF(rule_choice = 1, rule_text, NULL), ', ' ORDER BY rule) AS lint_rules,
    MAX(IF(choice = 1, severity, NULL)) AS severity,
    MAX(IF(choice = 1, affected_pods, NULL)) AS affected_pods,
    MAX(IF(choice = 1, affected_text, NULL)) AS affected,
    MAX(IF(choice = 1, detail, NULL)) AS detail,
    MAX(IF(choice = 1, suggestion, NULL)) AS suggestion,
    MAX(IF(choice = 1, summary, NULL)) AS lint_summary
  FROM (
    SELECT
      *,
      IFNULL(CAST(rule AS STRING), '') AS rule_text,
      ARRAY_TO_STRING(affected_sample, ', ') AS affected_text,
      ROW_NUMBER() OVER (
        same_clause
        ORDER BY CASE severity WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END, affected_pods DESC, rule, peer, port, fingerprint
      ) AS choice,
      ROW_NUMBER() OVER (
        PARTITION BY project_id, location, cluster_name, policy_kind, policy_namespace, policy_name, direction, clause, construct, rule
        ORDER BY fingerprint
      ) AS rule_choice
    FROM `${dataset}.policy_findings`
    WHERE snapshot_id IN (SELECT snapshot_id FROM `${dataset}.snapshot_health`)
      AND (@cluster = '' OR cluster_name = @cluster)
      AND (@namespace = '' OR policy_namespace = @namespace)
    WINDOW same_clause AS (
      PARTITION BY project_id, location, cluster_name, policy_kind, policy_namespace, policy_name, direction, clause, construct
    )
  )
  GROUP BY project_id, location, cluster_name, policy_kind, policy_namespace, policy_name, direction, clause, construct
) ON IFNULL(seen_project, '') = IFNULL(lint_project, '')
  AND seen_location = lint_location
  AND seen_cluster = lint_cluster
  AND seen_kind = lint_kind
  AND IFNULL(seen_namespace, '') = IFNULL(lint_namespace, '')
  AND seen_name = lint_name
  AND IFNULL(seen_direction, '') = IFNULL(lint_direction, '')
  AND seen_clause = lint_clause
  AND seen_construct = lint_construct
LEFT JOIN (
  SELECT project_id AS newest_project, location AS newest_location, cluster_name AS newest_cluster, last_collected_at
  FROM `${dataset}.snapshot_health`
) ON IFNULL(COALESCE(seen_project, lint_project), '') = IFNULL(newest_project, '')
  AND COALESCE(seen_location, lint_location) = newest_location
  AND COALESCE(seen_cluster, lint_cluster) = newest_cluster
ORDER BY
  IF(in_newest_snapshot = FALSE, 1, 0),
  packets DESC NULLS LAST,
  entries DESC NULLS LAST,
  project_id,
  location,
  cluster_name,
  policy_namespace,
  policy_name,
  policy_kind,
  direction,
  clause,
  construct,
  finding,
  peer_kind,
  peer_namespace,
  peer_workload_kind,
  peer_workload

-- What would this policy have admitted before the move?
--
-- One row a rule of the policy, a connection (subject, peer, port) and what became of it, the most packets first: every entry that a rule
-- of the policy admits as Calico read it. `outcome` is what the log says of it, `finding` how that was judged:
--   void-rule    no policy admits it any more: the rule is what is missing
--   confirmed    it is admitted still, by this rule or, where `construct` is set, perhaps by another one
--   not-isolated denied, though no policy isolates the Pod on Dataplane V2
--   contradicted the opposite of what every candidate for Dataplane V2 says
--   undecidable  a missing fact hides what became of it, so this is only what the rule says
-- What is not here nobody tried, or the log did not say or was not kept (KEEP_CONFIRMED); `rule` is an index, once the policy was edited
-- perhaps of another rule.
--
-- An entry says that Calico admitted it, and which rules admit it under any semantics, but not which of them did under Calico. Rules in a
-- direction that policyTypes leaves out, which Calico ignored, are left out by the linter's findings of the same snapshot; a replay writes
-- none of those. What may still be listed wrongly: a rule that only Dataplane V2 reads as an admission, or such an ignored one where the
-- linter's findings are missing, and either only beside another rule by which Calico did admit. `construct` is then null.
--
-- Parameters:
--   @since      first time asked about, such as 2026-03-02T00:00:00Z
--   @until      time after the last
--   @cluster    name of a cluster, or '' for all
--   @namespace  namespace of the policy, or '' for all
--   @policy     name of the policy, or '' for all
-- Cost: two dozen columns of `verdicts_v1` for the days asked about, without `entry`; `verdicts` and `evidence` are most of it; of
-- `policy_findings_v1`, which is small, the whole table.
SELECT
  project_id,
  location,
  cluster_name,
  policy_namespace,
  policy_name,
  policy_direction AS direction,
  policy_rule AS rule,
  IF(disposition = 'deny', 'denied', 'allowed') AS outcome,
  finding,
  subject_namespace,
  subject_workload,
  peer_kind,
  peer_namespace,
  peer_workload,
  MAX(peer_ip) AS peer_ip, -- one of them
  protocol,
  destination_port,
  SUM(IF(disposition = 'deny', count * weight, NULL)) AS packets,
  SUM(weight) AS entries,
  MIN(timestamp) AS first_seen,
  MAX(timestamp) AS last_seen,
  policy_clause AS clause,
  policy_construct AS construct,
  MAX(policy_detail) AS why,
  MAX(fingerprint) AS fingerprint -- one of them
FROM (
  -- An entry once a rule, whose evidence may say both that it admits and, under some candidates, that it does not.
  SELECT
    project_id,
    location,
    cluster_name,
    entry_id,
    timestamp,
    disposition,
    count,
    weight,
    finding,
    subject_namespace,
    subject_workload,
    peer_kind,
    peer_namespace,
    peer_workload,
    peer_ip,
    protocol,
    destination_port,
    fingerprint,
    piece.policy_namespace AS policy_namespace,
    piece.policy_name AS policy_name,
    piece.direction AS policy_direction,
    piece.rule AS policy_rule,
    COALESCE(MAX(IF(piece.role = 'void', piece.clause, NULL)), MAX(piece.clause)) AS policy_clause,
    MAX(piece.construct) AS policy_construct,
    MAX(piece.detail) AS policy_detail
  FROM (
    SELECT * EXCEPT (direction)
    FROM (
      SELECT *
      FROM `${dataset}.verdicts`
      WHERE timestamp >= TIMESTAMP(@since) AND timestamp < TIMESTAMP(@until) AND (@cluster = '' OR cluster_name = @cluster)
    )
    -- Other evidence of a rule that admits is of the candidates alone. (Beside the view, its name would hide the column's.)
    WHERE (SELECT COUNTIF(one.semantics = 'calico' AND one.verdict = 'allow' AND one.basis = 'rule') FROM UNNEST(verdicts) AS one) > 0
  )
  CROSS JOIN UNNEST(evidence) AS piece
  LEFT JOIN (
    SELECT DISTINCT
      snapshot_id AS ignored_snapshot,
      project_id AS ignored_project,
      location AS ignored_location,
      cluster_name AS ignored_cluster,
      policy_kind AS ignored_kind,
      policy_namespace AS ignored_namespace,
      policy_name AS ignored_name,
      direction AS ignored_direction
    FROM `${dataset}.policy_findings`
    WHERE construct = 'policy-types-overreach'
  ) ON snapshot_id = ignored_snapshot
    AND IFNULL(project_id, '') = IFNULL(ignored_project, '')
    AND location = ignored_location
    AND cluster_name = ignored_cluster
    AND piece.policy_kind = ignored_kind
    AND piece.policy_namespace = ignored_namespace
    AND piece.policy_name = ignored_name
    AND piece.direction = ignored_direction
  WHERE piece.role IN ('void', 'admits')
    AND piece.rule IS NOT NULL
    AND ignored_snapshot IS NULL
    AND (@namespace = '' OR piece.policy_namespace = @namespace)
    AND (@policy = '' OR piece.policy_name = @policy)
  GROUP BY
    project_id,
    location,
    cluster_name,
    entry_id,
    timestamp,
    disposition,
    count,
    weight,
    finding,
    subject_namespace,
    subject_workload,
    peer_kind,
    peer_namespace,
    peer_workload,
    peer_ip,
    protocol,
    destination_port,
    fingerprint,
    policy_namespace,
    policy_name,
    policy_direction,
    policy_rule
)
GROUP BY
  project_id,
  location,
  cluster_name,
  policy_namespace,
  policy_name,
  policy_direction,
  policy_rule,
  outcome,
  finding,
  subject_namespace,
  subject_workload,
  peer_kind,
  peer_namespace,
  peer_workload,
  protocol,
  destination_port,
  policy_clause,
  policy_construct
ORDER BY
  packets DESC NULLS LAST,
  entries DESC,
  project_id,
  location,
  cluster_name,
  policy_namespace,
  policy_name,
  direction,
  rule,
  outcome,
  finding,
  subject_namespace,
  subject_workload,
  peer_kind,
  peer_namespace,
  peer_workload,
  protocol,
  destination_port,
  clause,
  construct

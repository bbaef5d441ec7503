-- One row a cluster, policy (kind, namespace, name), direction and rule that the evidence of any entry names: what it was seen to do, and
-- when. `rule` is null for what the policy did as a whole, such as isolating a Pod. An entry counts once a row, however many clauses of the
-- rule it names, and a row of sampled traffic as the entries that it stands for.
--
-- What never did anything is found outside: the policies themselves are not in BigQuery but in the snapshots. A policy or rule of the
-- newest snapshot that never appears here never did anything that the log shows; one that appears with `admitted` and `opened` 0 never
-- admitted anything; `policy_findings` names what is broken.
--
-- Before removing one, remember what this view cannot see: traffic that was never logged (allow logging switched off, which no table says;
-- the hours of `blind_spots`), confirmed traffic that was not kept or was sampled (KEEP_CONFIRMED), rows that have expired. And `rule` is an
-- index: once the policy was edited, perhaps of another rule.
--
-- Cost: twenty-odd columns of the whole table, `evidence` among them and most of it, without `entry`. One row sums all days, so no filter
-- spares partitions.
SELECT
  project_id,
  location,
  cluster_name,
  policy_kind,
  policy_namespace,
  policy_name,
  rule_direction AS direction,
  rule,
  -- Allowed, and the rule admits it by what some semantics say; which of several rules did it, the dataplane does not tell.
  SUM(IF(decided AND disposition = 'allow' AND admits, weight, 0)) AS admitted,
  -- Admitted before the move and denied now, as seen.
  SUM(IF(decided AND disposition = 'deny' AND voids, weight, 0)) AS void_hits,
  -- Admitted now and denied before.
  SUM(IF(decided AND disposition = 'allow' AND opens, weight, 0)) AS opened,
  -- Denied, and this rule came nearest to admitting it.
  SUM(IF(decided AND disposition = 'deny' AND near, weight, 0)) AS near_misses,
  -- Denied, and this policy isolates the Pod; several may for one and the same denial. Not named for it where a rule of its own is void.
  SUM(IF(decided AND disposition = 'deny' AND isolates, weight, 0)) AS isolated_denials,
  -- Entries in which a missing fact hides whether it did any of this; they are in none of the counts above.
  SUM(IF(decided, 0, weight)) AS undecidable,
  SUM(weight) AS entries,
  MIN(timestamp) AS first_seen,
  MAX(timestamp) AS last_seen,
  MAX(IF(decided AND disposition = 'allow' AND admits, timestamp, NULL)) AS last_admitted
FROM (
  SELECT
    project_id,
    location,
    cluster_name,
    piece.policy_kind AS policy_kind,
    piece.policy_namespace AS policy_namespace,
    piece.policy_name AS policy_name,
    COALESCE(piece.direction, entry_direction) AS rule_direction,
    piece.rule AS rule,
    entry_id,
    timestamp,
    disposition,
    weight,
    finding <> 'undecidable' AS decided,
    LOGICAL_OR(IFNULL(piece.role = 'admits', FALSE)) AS admits,
    LOGICAL_OR(IFNULL(piece.role = 'void', FALSE)) AS voids,
    LOGICAL_OR(IFNULL(piece.role = 'opens', FALSE)) AS opens,
    LOGICAL_OR(IFNULL(piece.role = 'near-miss', FALSE)) AS near,
    LOGICAL_OR(IFNULL(piece.role = 'isolates', FALSE)) AS isolates
  FROM (
    SELECT
      project_id,
      location,
      cluster_name,
      entry_id,
      timestamp,
      direction AS entry_direction, -- a piece of evidence has its own
      disposition,
      weight,
      finding,
      evidence
    FROM `${dataset}.verdicts`
    -- The table requires a filter of its partitions: this one holds for every row.
    WHERE timestamp >= TIMESTAMP '2000-01-01 00:00:00+00'
  ) CROSS JOIN UNNEST(evidence) AS piece
  WHERE piece.policy_name IS NOT NULL
  GROUP BY
    project_id,
    location,
    cluster_name,
    policy_kind,
    policy_namespace,
    policy_name,
    rule_direction,
    rule,
    entry_id,
    timestamp,
    disposition,
    weight,
    decided
)
GROUP BY project_id, location, cluster_name, policy_kind, policy_namespace, policy_name, rule_direction, rule

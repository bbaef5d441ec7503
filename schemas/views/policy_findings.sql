-- One row a problem of a policy (fingerprint) and snapshot, as it was linted last. The table holds it more than once where a snapshot was
-- linted again, perhaps by a newer version; equal clauses of one rule are one problem.
--
-- What is wrong now: the rows of each cluster's newest snapshot_id, which the view `snapshots` has.
--
-- Cost: the columns selected, of the whole table. A snapshot may be linted again at any time, so no filter on linted_at can be pushed into
-- the choice; filter on snapshot_id, by which the table is clustered.
SELECT * EXCEPT (choice)
FROM (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY snapshot_id, fingerprint
      ORDER BY
        linted_at DESC,
        engine_version DESC,
        rule NULLS LAST,
        peer NULLS LAST,
        port NULLS LAST,
        summary
    ) AS choice
  FROM `${dataset}.policy_findings_v1`
)
WHERE choice = 1

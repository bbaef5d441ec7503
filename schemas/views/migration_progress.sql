-- One row a cluster, namespace of the subject and UTC day: how much is flagged, what is new, what is gone, what is open. Every namespace
-- that ever had an entry has a row for every day on which the cluster had one, so that namespaces can be summed day by day. Entries of an
-- unknown subject stand under a null namespace.
--
-- A problem is a flagged fingerprint. It is new on the first day that it was seen, resolved on the last one if the cluster has entries of a
-- later day, and open at the end of each day from the first one until then: open is yesterday's open, plus new, minus resolved. All of that
-- is said by the data and never by the clock, and is only as good as they are: a problem that rests is resolved until it is seen again, so
-- the last days may change; a day without traffic or log proves nothing (`blind_spots`, and `undecidable_entries` here); once rows expire,
-- the first day is the first that is left.
--
-- Cost: a dozen columns of the whole table, without `entry`, and twice a few of them for the rows. First and last days need all days, so a
-- filter on `day` spares no partitions; materialise the view where it is asked often.
SELECT
  project_id,
  location,
  cluster_name,
  subject_namespace,
  day,
  flagged_fingerprints,
  new_fingerprints,
  resolved_fingerprints,
  SUM(new_fingerprints - resolved_fingerprints) OVER (
    PARTITION BY project_id, location, cluster_name, subject_namespace
    ORDER BY day
  ) AS open_fingerprints,
  void_rule_fingerprints,
  overreach_fingerprints,
  not_isolated_fingerprints,
  contradicted_fingerprints,
  newly_open_fingerprints,
  entries,
  flagged_entries,
  undecidable_entries,
  flagged_packets
FROM (
  SELECT
    project_id,
    location,
    cluster_name,
    subject_namespace,
    day,
    COUNT(problem) AS flagged_fingerprints,
    COUNT(IF(day = problem_first_day, problem, NULL)) AS new_fingerprints,
    COUNT(IF(day = problem_last_day AND day < cluster_last_day, problem, NULL)) AS resolved_fingerprints,
    COUNT(IF(problem_finding = 'void-rule', problem, NULL)) AS void_rule_fingerprints,
    COUNT(IF(problem_finding = 'overreach', problem, NULL)) AS overreach_fingerprints,
    COUNT(IF(problem_finding = 'not-isolated', problem, NULL)) AS not_isolated_fingerprints,
    COUNT(IF(problem_finding = 'contradicted', problem, NULL)) AS contradicted_fingerprints,
    COUNT(IF(problem_finding = 'newly-open', problem, NULL)) AS newly_open_fingerprints,
    SUM(stands_for) AS entries,
    SUM(stands_for_flagged) AS flagged_entries,
    SUM(stands_for_undecidable) AS undecidable_entries,
    SUM(packets) AS flagged_packets
  FROM (
    SELECT
      *,
      FIRST_VALUE(day) OVER (PARTITION BY project_id, location, cluster_name ORDER BY day DESC) AS cluster_last_day,
      FIRST_VALUE(day) OVER (
        PARTITION BY project_id, location, cluster_name, subject_namespace, problem
        ORDER BY day
      ) AS problem_first_day,
      FIRST_VALUE(day) OVER (
        PARTITION BY project_id, location, cluster_name, subject_namespace, problem
        ORDER BY day DESC
      ) AS problem_last_day
    FROM (
      -- A row a problem and day, and one for everything else of that day.
      SELECT
        project_id,
        location,
        cluster_name,
        subject_namespace,
        DATE(timestamp) AS day,
        IF(flagged, fingerprint, NULL) AS problem,
        MIN(finding) AS problem_finding, -- the same in all entries of a problem
        SUM(weight) AS stands_for,
        SUM(IF(flagged, weight, 0)) AS stands_for_flagged,
        SUM(IF(finding = 'undecidable', weight, 0)) AS stands_for_undecidable,
        SUM(IF(flagged AND disposition = 'deny', IFNULL(count, 0) * weight, 0)) AS packets
      FROM `${dataset}.verdicts`
      -- The table requires a filter of its partitions: this one holds for every row, as do those below.
      WHERE timestamp >= TIMESTAMP '2000-01-01 00:00:00+00'
      GROUP BY project_id, location, cluster_name, subject_namespace, day, problem
      UNION ALL
      -- Every namespace on every day of its cluster, with nothing.
      SELECT
        project_id,
        location,
        cluster_name,
        subject_namespace,
        day,
        CAST(NULL AS STRING) AS problem,
        CAST(NULL AS STRING) AS problem_finding,
        0 AS stands_for,
        0 AS stands_for_flagged,
        0 AS stands_for_undecidable,
        0 AS packets
      FROM (
        SELECT DISTINCT project_id, location, cluster_name, subject_namespace
        FROM `${dataset}.verdicts`
        WHERE timestamp >= TIMESTAMP '2000-01-01 00:00:00+00'
      ) JOIN (
        SELECT DISTINCT project_id AS day_project, location AS day_location, cluster_name AS day_cluster, DATE(timestamp) AS day
        FROM `${dataset}.verdicts_v1` -- days are days, however often a row is there
        WHERE timestamp >= TIMESTAMP '2000-01-01 00:00:00+00'
      ) ON cluster_name = day_cluster
        AND IFNULL(project_id, '') = IFNULL(day_project, '')
        AND IFNULL(location, '') = IFNULL(day_location, '')
    )
  )
  GROUP BY project_id, location, cluster_name, subject_namespace, day
)

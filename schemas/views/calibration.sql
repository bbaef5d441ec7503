-- One row a cluster (project_id, location, cluster_name), UTC day, direction, set of constructs and semantics: of the entries about which the
-- semantics disagree, how many it explains (`agree`) and how many it does not (`contradict`). Summed over days, the semantics that contradicts
-- least is the one this cluster behaves like; constructs tell in what. Entries count by their weight, each once a semantics.
--
-- Left out is what tells nothing of semantics: where all say the same, where a fact is missing (`undecidable`), and where a policy of another
-- kind denied (`explicit-deny`). constructs is their list, separated by commas, empty where none made a difference between Calico and the
-- candidates. `unknown` are entries that this semantics alone cannot judge.
--
-- Cost: a dozen columns of the days selected, without `entry`. Filter on `day`, which reaches the partitions of `verdicts_v1`.
SELECT
  project_id,
  location,
  cluster_name,
  day,
  direction,
  construct_set AS constructs,
  semantics,
  SUM(weight) AS entries,
  SUM(IF(verdict = disposition, weight, 0)) AS agree,
  SUM(IF(verdict IN ('allow', 'deny') AND verdict != disposition, weight, 0)) AS contradict,
  SUM(IF(verdict IN ('allow', 'deny'), 0, weight)) AS unknown
FROM (
  SELECT
    project_id,
    location,
    cluster_name,
    day,
    direction,
    disposition,
    weight,
    construct_set,
    one.semantics AS semantics,
    IFNULL(one.verdict, 'unknown') AS verdict
  FROM (
    SELECT *, DATE(timestamp) AS day, ARRAY_TO_STRING(constructs, ', ') AS construct_set
    FROM `${dataset}.verdicts`
    WHERE finding NOT IN ('undecidable', 'explicit-deny')
  )
  CROSS JOIN UNNEST(verdicts) AS one
  WHERE
    (SELECT COUNTIF(other.verdict = 'allow') FROM UNNEST(verdicts) AS other) > 0
    AND (SELECT COUNTIF(other.verdict = 'deny') FROM UNNEST(verdicts) AS other) > 0
)
GROUP BY project_id, location, cluster_name, day, direction, construct_set, semantics

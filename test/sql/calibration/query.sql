SELECT *
FROM `${dataset}.calibration`
ORDER BY day, direction, constructs, semantics

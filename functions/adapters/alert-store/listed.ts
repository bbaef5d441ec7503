/** Elements of a JSON array of texts, as a subquery of one column. */
export const listed = (parameter: string): string =>
	`SELECT JSON_EXTRACT_SCALAR(element, '$') AS text FROM UNNEST(JSON_QUERY_ARRAY(@${parameter})) AS element`;

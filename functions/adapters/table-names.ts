/** A table or view, as the SQL of the project names it. */
export const REFERENCE = /\$\{dataset\}\.(\w+)/g;

/** Fills the placeholder: `project.dataset` for BigQuery, `undefined` where there is one dataset only. */
export function nameTables(sql: string, dataset?: string): string {
	return sql.replace(REFERENCE, (_, name: string) => (dataset === undefined ? name : `${dataset}.${name}`));
}

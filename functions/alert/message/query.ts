import { parseFingerprint } from '../../policy/fingerprint.ts';
import type { ClusterKey, Problem } from '../../ports.ts';
import type { Alert, Rendering } from '../alert.ts';
import { shellText, sqlText } from './escape.ts';
import { dayOf } from './words.ts';

/** Longer literals are no fingerprint of a cluster that an API server would have. */
const MAX_LITERAL = 700;

/** GoogleSQL that shows the problems of an alert, ready to paste. */
export function alertQuery(alert: Alert, { dataset }: Rendering): string {
	return query({ dataset, since: alert.firstSeen, where: alertConditions(alert) });
}

/** GoogleSQL that shows all that is flagged in one cluster, or in all. */
export function clusterQuery(cluster: ClusterKey | undefined, { since, dataset }: { since: string; dataset: string }): string {
	return query({ dataset, since, where: ['flagged', ...(cluster ? clusterConditions(cluster) : [])] });
}

function query({ dataset, since, where }: { dataset: string; since: string; where: readonly string[] }): string {
	return [
		'SELECT day, subject_namespace, subject_workload, peer_namespace, peer_workload, destination_port, packets, entries, last_seen, summary, fingerprint',
		`FROM \`${dataset.replace(/[^\w.:-]/g, '_')}.findings\``,
		[`WHERE day >= DATE ${sqlText(dayOf(since))}`, ...where].join('\n  AND '),
		'ORDER BY packets DESC, last_seen DESC',
	].join('\n');
}

function alertConditions({ group, problems }: Alert): string[] {
	if (group.counted === 'late-reply') return ['flagged', ...clusterConditions(group.cluster), "'late-reply' IN UNNEST(reasons)"];
	if (group.counted === 'contradicted') return [...clusterConditions(group.cluster), "finding = 'contradicted'"];
	const [first, second] = problems;
	if (!first) return ['flagged', ...clusterConditions(group.cluster)];
	const whole = sqlText(first.fingerprint.slice(0, MAX_LITERAL));
	if (!second && whole.length <= MAX_LITERAL) return [`fingerprint = ${whole}`];
	return rangeConditions(first);
}

/** A group has its cluster, finding, construct and direction at the beginning of its fingerprints, its policy and rule at the end. */
function rangeConditions({ fingerprint }: Problem): string[] {
	const parts = fingerprint.split('|');
	const prefix = sqlText(`${parts.slice(0, 4).join('|')}|`);
	const suffix = sqlText(`|${parts.slice(-2).join('|')}`);
	if (parseFingerprint(fingerprint) && prefix.length + suffix.length <= MAX_LITERAL)
		return ['flagged', `STARTS_WITH(fingerprint, ${prefix})`, `ENDS_WITH(fingerprint, ${suffix})`];
	// What is shown then is more, never less. A character becomes ten at most.
	const beginning = [...fingerprint].slice(0, MAX_LITERAL / 10).join('');
	return ['flagged', `STARTS_WITH(fingerprint, ${sqlText(beginning)})`];
}

function clusterConditions({ project, location, name }: ClusterKey): string[] {
	const fields: readonly (readonly [string, string | undefined])[] = [
		['cluster_name', name],
		['location', location],
		['project_id', project],
	];
	return fields
		.map(([column, value]) => (value === undefined ? '' : `${column} = ${sqlText(value)}`))
		.filter((condition) => condition !== '' && condition.length <= MAX_LITERAL / 3);
}

/** In full, as far as its entries name it: other clusters have that name too. */
function clusterPath({ project, location, name }: ClusterKey): string {
	if (location === '') return name;
	return `${project === undefined ? '' : `projects/${project}/`}locations/${location}/clusters/${name}`;
}

/** The command that silences an alert; absent where it would be too long to be pasted. */
export function silenceCommand({ problems, group }: Alert, { dataset }: Rendering): string | undefined {
	const [first] = problems;
	if (!first || group.counted) return undefined;
	const end = "--for 7d --reason 'why'";
	const start = `policy-audit silence --dataset ${shellText(dataset)}`;
	const { policy, construct, cluster } = group;
	// Several are silenced by what they share, and a policy of a kind without namespaces is no matcher.
	if (problems.length > 1 && (construct === undefined || !policy?.includes('/'))) return undefined;
	const shared = `--cluster ${shellText(clusterPath(cluster))} --policy ${shellText(policy ?? '')} --construct ${construct}`;
	const matchers = problems.length > 1 ? shared : `--fingerprint ${shellText(first.fingerprint)}`;
	return matchers.length > MAX_LITERAL ? undefined : `${start} ${matchers} ${end}`;
}

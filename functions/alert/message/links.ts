import { CONSTRUCTS, type ConstructId } from '../../policy/constructs.ts';
import type { ProblemDetail } from '../../ports.ts';
import type { Alert, Rendering } from '../alert.ts';
import { clean, cut, logText } from './escape.ts';

/** Slack takes 3,000 characters of one link; but all of a message may have 10,000, and it has three of them. */
const MAX_URL = 900;
/** Of what the deployment says: the dataset, and where the documentation is. */
const MAX_CONFIGURED = 300;

/** The page of what decides; absent where no construct does. */
export function constructUrl(construct: ConstructId | undefined, constructsUrl: string | undefined): string | undefined {
	if (construct === undefined) return undefined;
	const page = `${constructsUrl}#${construct}`;
	return constructsUrl !== undefined && page.length <= MAX_CONFIGURED ? page : CONSTRUCTS[construct].links[0];
}

/** The console's page of the view `findings`. */
export function findingsUrl({ dataset }: Rendering): string {
	const dot = dataset.lastIndexOf('.');
	const project = encodeURIComponent(dataset.slice(0, dot));
	const url = `https://console.cloud.google.com/bigquery?project=${project}&p=${project}&d=${encodeURIComponent(dataset.slice(dot + 1))}&t=findings&page=table`;
	return url.length <= MAX_CONFIGURED ? url : 'https://console.cloud.google.com/bigquery';
}

/** Logs Explorer with the entries of an alert, and perhaps others: what fits no link is left out of the filter, from its end. */
export function logsUrl(alert: Alert, { details }: Rendering): string {
	const { cluster } = alert.group;
	const found = alert.problems.map(({ fingerprint }) => details.get(fingerprint)).filter((detail) => detail !== undefined);
	const [first, ...others] = found.map((detail) => conditionsOf(detail));
	// Of several problems, what all of them have.
	const common = (first ?? []).filter((condition) => others.every((conditions) => conditions.includes(condition)));
	const conditions = [
		'log_id("policy-action")',
		`resource.labels.cluster_name=${logText(cluster.name)}`,
		`resource.labels.location=${logText(cluster.location)}`,
		...common,
	];
	const end = `;timeRange=${encodeURIComponent(`${shiftMinute(alert.firstSeen, -1)}/${shiftMinute(alert.lastSeen, 1)}`)}`;
	const project = cluster.project === undefined ? '' : `?project=${encodeURIComponent(cluster.project.toWellFormed())}`;
	for (;;) {
		const url = `https://console.cloud.google.com/logs/query;query=${encodeFilter(conditions.join('\n'))}${end}${project}`;
		if (url.length <= MAX_URL) return url;
		// Without a filter that fits there is still the page itself.
		if (conditions.pop() === undefined) return 'https://console.cloud.google.com/logs/query';
	}
}

/** The console reads parentheses as its own, unless they are encoded twice. */
const encodeFilter = (filter: string): string =>
	encodeURIComponent(filter.toWellFormed()).replace(/[!'()*]/g, (sign) =>
		sign === '(' || sign === ')' ? `%25${sign.charCodeAt(0).toString(16)}` : `%${sign.charCodeAt(0).toString(16)}`,
	);

const shiftMinute = (time: string, minutes: number): string => {
	const ms = Date.parse(time);
	return Number.isNaN(ms) ? clean(cut(time, 30)) : new Date(ms + minutes * 60_000).toISOString();
};

/** What the fields of a policy-action entry say of both ends. */
function conditionsOf(detail: ProblemDetail): string[] {
	const { direction, disposition, port, protocol } = detail;
	const [subjectSide, peerSide] = direction === 'ingress' ? ['dest', 'src'] : ['src', 'dest'];
	const field = (name: string, value: string | null): string[] => (value === null ? [] : [`jsonPayload.${name}=${logText(value)}`]);
	return [
		...field('disposition', disposition),
		...field('connection.direction', direction),
		...field('connection.protocol', protocol === null ? null : protocol.toLowerCase()),
		...(port === null || detail.reasons.includes('late-reply') ? [] : [`jsonPayload.connection.dest_port=${port}`]),
		...endConditions(subjectSide as string, {
			namespace: detail.subjectNamespace,
			kind: detail.subjectWorkloadKind,
			workload: detail.subjectWorkload,
			name: detail.subjectName,
			ip: detail.subjectIp,
		}),
		...endConditions(peerSide as string, {
			namespace: detail.peerNamespace,
			kind: detail.peerWorkloadKind,
			workload: detail.peerWorkload,
			name: detail.peerKind === 'node' ? null : detail.peerName,
			ip: detail.peerIp,
		}),
	];
}

type End = Readonly<Record<'namespace' | 'kind' | 'workload' | 'name' | 'ip', string | null>>;

/** Pods of a workload begin with its name; `:` finds it in theirs. */
function endConditions(side: string, { namespace, kind, workload, name, ip }: End): string[] {
	if (namespace === null || (workload ?? name) === null) return ip === null ? [] : [`jsonPayload.connection.${side}_ip=${logText(ip)}`];
	const pod = workload !== null && kind !== 'Pod' ? `:${logText(workload)}` : `=${logText(name ?? workload ?? '')}`;
	return [`jsonPayload.${side}.pod_namespace=${logText(namespace)}`, `jsonPayload.${side}.pod_name${pod}`];
}

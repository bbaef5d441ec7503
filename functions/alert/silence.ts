import { parseFingerprint } from '../policy/fingerprint.ts';
import type { Problem, Silence } from '../ports.ts';

/** Whether a silence is about the problem: all that it names has to match. One that names nothing silences nothing. */
export function isSilenced(problem: Pick<Problem, 'fingerprint' | 'cluster'>, silences: readonly Silence[]): boolean {
	if (silences.length === 0) return false;
	const facts = factsOf(problem);
	return silences.some((silence) => {
		const named = MATCHERS.filter((matcher) => silence[matcher] !== null);
		return named.length > 0 && named.every((matcher) => silence[matcher] === facts[matcher]);
	});
}

const MATCHERS = [
	'fingerprint',
	'projectId',
	'location',
	'clusterName',
	'subjectNamespace',
	'subjectWorkload',
	'construct',
	'policyNamespace',
	'policyName',
] as const satisfies readonly (keyof Silence)[];

type Facts = Readonly<Record<(typeof MATCHERS)[number], string | undefined>>;

function factsOf({ fingerprint, cluster }: Pick<Problem, 'fingerprint' | 'cluster'>): Facts {
	const { construct, subject = '', policy = '' } = parseFingerprint(fingerprint) ?? {};
	const [subjectNamespace, , subjectWorkload] = subject.split('/');
	const slash = policy.indexOf('/');
	return {
		fingerprint,
		projectId: cluster.project,
		location: cluster.location,
		clusterName: cluster.name,
		subjectNamespace: subjectWorkload === undefined ? undefined : subjectNamespace,
		subjectWorkload,
		construct,
		policyNamespace: slash < 0 ? undefined : policy.slice(0, slash),
		policyName: policy === '' ? undefined : policy.slice(slash + 1),
	};
}

import type { Owner, PodState } from './model.ts';

/** The letters and digits of which controllers make the random parts of names. */
const RANDOM = '[bcdfghjklmnpqrstvwxz2456789]';
/** A run of a CronJob: its Job's name ends in the minute (8 digits) or the second (10 digits) for which it was scheduled. */
const RUN = /^(.+)-\d{8,10}$/;
const REVISION = new RegExp(`^(.+)-${RANDOM}{6,10}$`);

/**
 * The names that controllers give to Pods: `web-5d9c7b8f6d-x7k2p` of a Deployment, `mig-28391299-x7k2p` of a CronJob (`mig-28391299-0-x7k2p`
 * where its Jobs are indexed), `web-x7k2p` of a DaemonSet or Job, `db-0` of a StatefulSet.
 */
const PATTERNS = [
	new RegExp(`^(.+)-(${RANDOM}{6,10})-${RANDOM}{5}$`),
	new RegExp(`^(.+)-(\\d{8,10})(?:-\\d+)?-${RANDOM}{5}$`),
	new RegExp(`^(.+)-${RANDOM}{5}$`),
	/^(.+)-\d+$/,
] as const;

/** What a Deployment sets as `pod-template-hash`. */
export const templateHashOf = (podName: string): string | undefined => PATTERNS[0].exec(podName)?.[2];

/** The Job that a run of a CronJob is. */
export const runOf = (podName: string): string | undefined => PATTERNS[1].exec(podName)?.slice(1, 3).join('-');

/** The name without its random end, which only Pods of one revision of a Deployment, or of one run of a Job, share. */
export const revisionOf = (podName: string): string | undefined => PATTERNS[2].exec(podName)?.[1];

/** What each pattern leaves of a Pod's name: Pods of one workload share one of these. */
export const stemsOf = (podName: string): readonly (string | undefined)[] => PATTERNS.map((pattern) => pattern.exec(podName)?.[1]);

/** What lasts of a workload that comes and goes: the CronJob of a run's Job, the Deployment of a ReplicaSet. */
export function lasting({ kind, name }: Owner): Owner {
	const cronJob = kind === 'Job' ? RUN.exec(name)?.[1] : undefined;
	if (cronJob !== undefined) return { kind: 'CronJob', name: cronJob };
	const deployment = kind === 'ReplicaSet' ? REVISION.exec(name)?.[1] : undefined;
	return deployment === undefined ? { kind, name } : { kind: 'Deployment', name: deployment };
}

/** A Pod's workload. A Pod that nothing owns is its own; a mirror Pod belongs to its node and is named for it, and is the same on every one. */
export function workloadOfPod({ name, owner }: Pick<PodState, 'name' | 'owner'>): Owner {
	if (owner && owner.kind !== 'Node') return owner;
	const suffix = `-${owner?.name}`;
	return { kind: 'Pod', name: owner && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name };
}

/** The workload of a Pod of which only that is known which the entry says: without a workload, a name of a controller's pattern tells it. */
export function workloadOfUnknown(podName: string, workload: Owner | undefined): Owner {
	if (workload) return workloadOfPod({ name: podName, owner: lasting(workload) });
	return { kind: 'Pod', name: stemsOf(podName).find((stem) => stem !== undefined) ?? podName };
}

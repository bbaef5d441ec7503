import type { CompiledSnapshot } from './compile.ts';
import { type Endpoint, podEndpoint } from './endpoint.ts';
import { type CompiledNamespace, type Identity, identify } from './identity.ts';
import type { FlowEnd, Labels, Owner, PodState } from './model.ts';
import { lasting, revisionOf, runOf, stemsOf, templateHashOf } from './workload.ts';

/**
 * A stand-in for a Pod that has vanished from the snapshot (or is not in it yet): its labels are those of a sibling, a Pod of the same
 * workload, found by the workload that the entry names, else by the pattern that controllers give to Pod names. `undefined`: there is none,
 * or there are several that selectors tell apart.
 */
export function standIn(
	snapshot: CompiledSnapshot,
	pod: { readonly namespace: string; readonly name: string },
	{ ip, workload, node }: FlowEnd,
): Endpoint | undefined {
	const { namespace: namespaceName, name } = pod;
	const namespace = snapshot.namespaces.get(namespaceName);
	if (!namespace) return undefined;
	namespace.siblings ??= indexSiblings(namespace.pods);
	const siblings = siblingsOf(namespace.siblings, name, workload);
	const identities = siblings.map(({ pod: sibling }) => identityAs(snapshot, namespace, { name, sibling: sibling as PodState }));
	const [end, identity] = [siblings[0], identities[0]];
	if (!end?.pod || !identity || identities.some((each) => each !== identity) || siblings.some((each) => !isAlike(each, end)))
		return undefined;
	const { owner, labels, ports, hostNetwork } = end.pod;
	const state = {
		namespace: namespaceName,
		name,
		labels: ownLabels(labels, name, owner),
		ips: ip === undefined ? [] : [ip],
		...(node !== undefined && { node }),
		...(hostNetwork && { hostNetwork }),
		...(ports && { ports }),
		...(owner && { owner }),
	};
	return podEndpoint(state, identity, { sibling: end.pod });
}

/** The labels that the vanished Pod would have as that one's sibling, as selectors see them. */
const identityAs = (
	{ identities }: CompiledSnapshot,
	namespace: CompiledNamespace,
	{ name, sibling: { labels, owner } }: { name: string; sibling: PodState },
): Identity => identify(identities, namespace, ownLabels(labels, name, owner));

/** Whether nothing that a rule may ask for beside labels differs. Equal lists of ports are one list. */
const isAlike = (one: Endpoint, other: Endpoint): boolean => one.kind === other.kind && one.ports === other.ports;

/** Pods by what the entry or the name says of their workload: of those that no rule can tell apart only the first. */
type Siblings = ReadonlyMap<string, readonly Endpoint[]>;

/** The siblings of the name's own revision, else of any. A workload that the entry names is the only one that counts. */
function siblingsOf(siblings: Siblings, name: string, workload: Owner | undefined): readonly Endpoint[] {
	const keys = workload ? ownerKeys(lasting(workload), name).reverse() : patternKeys(name);
	return keys.map((key) => siblings.get(key)).find((found) => found !== undefined) ?? [];
}

const ownerKeys = ({ kind, name: owner }: Owner, name: string): string[] => {
	const revision = revisionOf(name);
	return [`${kind}/${owner}`, ...(revision === undefined ? [] : [`${kind}/${owner} ${revision}`])];
};
const patternKeys = (name: string): string[] =>
	[revisionOf(name), ...stemsOf(name)].flatMap((stem, index) => (stem === undefined ? [] : [`pattern ${index} ${stem}`]));

/** Only Pods that a controller owns count: a bare Pod's name says nothing about its labels, nor does one that mirrors a node's file. */
function indexSiblings(pods: ReadonlyMap<string, Endpoint>): Siblings {
	const index = new Map<string, Endpoint[]>();
	for (const end of pods.values()) {
		const { owner, name } = end.pod as PodState;
		if (!owner || owner.kind === 'Node') continue;
		for (const key of [...ownerKeys(lasting(owner), name), ...patternKeys(name)]) {
			const known = index.get(key);
			if (!known) index.set(key, [end]);
			else if (!known.some((each) => each.identity === end.identity && isAlike(each, end))) known.push(end);
		}
	}
	return index;
}

/** Labels that a controller sets for each Pod by its name. */
function ownLabels(labels: Labels, name: string, owner: Owner | undefined): Labels {
	const own: Record<string, string> = { ...labels };
	const set = (key: string, value: string | undefined) => {
		if (own[key] !== undefined && value !== undefined) own[key] = value;
	};
	set('statefulset.kubernetes.io/pod-name', name);
	set('apps.kubernetes.io/pod-index', /-(\d+)$/.exec(name)?.[1]);
	set('pod-template-hash', templateHashOf(name));
	const job = owner?.kind === 'CronJob' ? runOf(name) : undefined;
	set('job-name', job);
	set('batch.kubernetes.io/job-name', job);
	return own;
}

import type { CompiledSnapshot } from './compile.ts';
import { parseAddresses, podEnd, type ResolvedEnd } from './end.ts';
import { identify } from './identity.ts';
import type { FlowEnd, Labels, Owner, PodState } from './model.ts';

/**
 * A stand-in for a Pod that has vanished from the snapshot (or is not in it yet): its labels are those of a sibling, a Pod of the same
 * workload, found by the workload that the entry names, else by the pattern that controllers give to Pod names. `undefined`: there is none.
 */
export function standIn(
	snapshot: CompiledSnapshot,
	{ namespace: namespaceName, name }: { namespace: string; name: string },
	{ ip, workload, node }: FlowEnd,
): ResolvedEnd | undefined {
	const namespace = snapshot.namespaces.get(namespaceName);
	if (!namespace) return undefined;
	namespace.siblings ??= indexSiblings(namespace.pods);
	const keys = [...(workload ? [ownerKey(workload)] : []), ...nameKeys(name)];
	const sibling = keys.map((key) => namespace.siblings?.get(key)).find((pod) => pod !== undefined);
	if (!sibling) return undefined;
	const { owner, labels, ports, hostNetwork } = sibling;
	const own = ownLabels(labels, name);
	const state = {
		namespace: namespaceName,
		name,
		labels: own,
		ips: ip === undefined ? [] : [ip],
		...(node !== undefined && { node }),
		...(hostNetwork && { hostNetwork }),
		...(ports && { ports }),
		...(owner && { owner }),
	};
	const identity = identify(snapshot.identities, namespace, own);
	return { ...podEnd(state, identity, { ip, addresses: parseAddresses(state.ips) }), sibling };
}

/** The parts of a name that a controller makes: `web-5d9c7b8f6d-x7k2p` of a Deployment, `web-x7k2p` of a DaemonSet or Job, `db-0` of a StatefulSet. */
const PATTERNS = [
	/^(.+)-[bcdfghjklmnpqrstvwxz2456789]{6,10}-[bcdfghjklmnpqrstvwxz2456789]{5}$/,
	/^(.+)-[bcdfghjklmnpqrstvwxz2456789]{5}$/,
	/^(.+)-\d+$/,
] as const;

const ownerKey = ({ kind, name }: Owner): string => `${kind}/${name}`;
const nameKeys = (name: string): string[] =>
	PATTERNS.flatMap((pattern, index) => {
		const stem = pattern.exec(name)?.[1];
		return stem === undefined ? [] : [`pattern ${index} ${stem}`];
	});

/** Only Pods that a controller owns count: a bare Pod's name says nothing about its labels. */
function indexSiblings(pods: ReadonlyMap<string, ResolvedEnd>): Map<string, PodState> {
	const index = new Map<string, PodState>();
	for (const end of pods.values()) {
		const pod = end.pod as PodState;
		const { owner, name } = pod;
		if (owner) for (const key of [ownerKey(owner), ...nameKeys(name)]) if (!index.has(key)) index.set(key, pod);
	}
	return index;
}

/** Labels that a controller sets for each Pod by its name. */
function ownLabels(labels: Labels, name: string): Labels {
	const own: Record<string, string> = { ...labels };
	const [, ordinal] = /-(\d+)$/.exec(name) ?? [];
	const [, hash] = /-([bcdfghjklmnpqrstvwxz2456789]{6,10})-[bcdfghjklmnpqrstvwxz2456789]{5}$/.exec(name) ?? [];
	if (own['statefulset.kubernetes.io/pod-name'] !== undefined) own['statefulset.kubernetes.io/pod-name'] = name;
	if (own['apps.kubernetes.io/pod-index'] !== undefined && ordinal !== undefined) own['apps.kubernetes.io/pod-index'] = ordinal;
	if (own['pod-template-hash'] !== undefined && hash !== undefined) own['pod-template-hash'] = hash;
	return own;
}

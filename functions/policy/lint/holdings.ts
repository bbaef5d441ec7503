import { type CompiledPeer, type CompiledRule, PROTOCOL, peerConstruct } from '../clause.ts';
import type { CompiledSnapshot } from '../compile.ts';
import type { CompiledPolicy } from '../compiled-policy.ts';
import { type ResolvedEnd, toEnd } from '../end.ts';
import { bareEndpoint, type Endpoint } from '../endpoint.ts';
import type { CompiledNamespace, Identity } from '../identity.ts';
import { asObject, asText } from '../loose.ts';
import type { FlowEnd, NamedPort } from '../model.ts';
import { resolveEnd } from '../resolve.ts';
import { CALICO, type Mask, NONE } from '../semantics.ts';
import { shared } from '../shared.ts';
import type { Cover } from './cover.ts';
import type { PortSample } from './finding.ts';

/** What a snapshot holds, arranged for the linter: everything that can be the end of a connection, in the order of names. */

/** Something at one of its addresses. */
export interface Held {
	/** `namespace/name`, a node's name, or an address. */
	readonly id: string;
	readonly end: ResolvedEnd;
	/** As a flow names it. */
	readonly flowEnd: FlowEnd;
	/** A Pod that has ended: an entry may name it, but nothing connects to it any more. */
	readonly finished: boolean;
}

export interface Holdings {
	readonly snapshot: CompiledSnapshot;
	readonly candidates: Mask;
	/** Pods that policies select, once an address. */
	readonly pods: readonly Held[];
	/** The same by their identity, which is all that a selector sees of them; and those of a namespace. */
	readonly identities: readonly (readonly Held[])[];
	readonly identitiesIn: ReadonlyMap<string, readonly (readonly Held[])[]>;
	/** Running Pods of a namespace, each once: what can be a subject. */
	readonly subjectsIn: ReadonlyMap<string, readonly Held[]>;
	/** The same by those of their labels that selectors of Calico's own kinds may mention: those see no others. */
	readonly labelled: ReadonlyMap<string, readonly (readonly Held[])[]>;
	/** Nodes and host-network Pods, once an address. */
	readonly hosts: readonly Held[];
	readonly services: readonly Held[];
	/** Addresses outside the cluster, of both families. */
	readonly outside: readonly Held[];
	/** Who declares a named port, by protocol and name. */
	readonly declared: ReadonlyMap<string, Declared>;
	/** What was found once and is asked for again. */
	readonly reached: Map<Held, boolean>;
	readonly covers: Map<CompiledPeer, Cover>;
	readonly samples: Map<CompiledRule, readonly PortSample[]>;
}

/** A name of container ports: its numbers, and who declares it. Pods that declare the same ports share the list. */
export interface Declared {
	readonly numbers: Set<number>;
	readonly by: Map<readonly NamedPort[], Held[]>;
}

/** Of documentation (RFC 5737, RFC 3849), and some that are not. */
const OUTSIDE = ['203.0.113.77', '198.51.100.77', '192.0.2.77', '9.9.9.9', '2001:db8::77', '2620:fe::fe'];

export function holdingsOf(snapshot: CompiledSnapshot, candidates: Mask): Holdings {
	const all = snapshot.namespaceList.flatMap(({ pods }) => [...pods.values()]);
	const held = all.flatMap(heldPod).sort(byId);
	const pods = held.filter(({ end }) => end.kind === 'pod');
	const identities = [...Map.groupBy(pods, ({ end }) => end.endpoint.identity as Identity).values()];
	const running = pods.filter((each) => !each.finished && isFirst(each));
	const subjectsIn = Map.groupBy(running, ({ end }) => `${end.endpoint.namespace}`);
	const nodes = [...snapshot.nodes.values()].flatMap((endpoint) => heldBare(endpoint, `${endpoint.name}`));
	const services = snapshot.state.services.flatMap(({ namespace, name, clusterIps: ips = [] }) =>
		heldBare(bareEndpoint({ kind: 'service', namespace, name, ips }), `${namespace}/${name}`),
	);
	return {
		snapshot,
		candidates,
		pods,
		identities,
		identitiesIn: Map.groupBy(identities, ([first]) => `${first?.end.endpoint.namespace}`),
		subjectsIn,
		labelled: labelledFor(snapshot, subjectsIn),
		hosts: [...nodes.sort(byId), ...held.filter(({ end }) => end.kind === 'host-network-pod')],
		services: services.sort(byId),
		outside: OUTSIDE.map((ip) => heldAddress(snapshot, ip)).filter(({ end }) => end.kind === 'external'),
		declared: declaredBy(held),
		reached: new Map(),
		covers: new Map(),
		samples: new Map(),
	};
}

function declaredBy(held: readonly Held[]): Map<string, Declared> {
	const declared = new Map<string, Declared>();
	const lists = Map.groupBy(held, ({ end }) => end.ports ?? []);
	for (const [list, by] of lists)
		for (const { name, port, protocol } of list) {
			const known = shared(declared, `${protocol} ${name}`, () => ({ numbers: new Set(), by: new Map() }));
			known.numbers.add(port);
			known.by.set(list, by);
		}
	return declared;
}

function labelledFor({ others }: CompiledSnapshot, subjectsIn: Holdings['subjectsIn']): Holdings['labelled'] {
	const selectors = others.flatMap(({ acts, policy }) => (acts === CALICO ? [asText(asObject(policy.spec)['selector']) ?? ''] : []));
	// A selector names its keys as they are, so a key that stands in none of these texts is in no selector.
	const text = [...new Set(selectors)].join('\n');
	const known = new Map<string, boolean>();
	const isMentioned = (key: string): boolean => {
		const answer = known.get(key) ?? text.includes(key);
		known.set(key, answer);
		return answer;
	};
	const seen = ({ end }: Held) =>
		JSON.stringify(
			Object.entries(end.endpoint.pod?.labels ?? {})
				.filter(([key]) => isMentioned(key))
				.sort(),
		);
	return new Map(
		selectors.length === 0 ? [] : [...subjectsIn].map(([namespace, own]) => [namespace, [...Map.groupBy(own, seen).values()]]),
	);
}

/** Each Pod once, though it may have several addresses. */
export const isFirst = ({ end }: Held): boolean => end.ip === end.endpoint.ips[0];

const byId = (a: Held, b: Held): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

function heldPod(endpoint: Endpoint): Held[] {
	const { ips, pod: { namespace, name, finished } = { namespace: '', name: '' } } = endpoint;
	const pod = { namespace, name };
	// Before it has an address a Pod is an end all the same.
	return (ips.length === 0 ? [undefined] : ips).map((ip) => ({
		id: `${namespace}/${name}`,
		end: toEnd(endpoint, ip),
		flowEnd: { pod, ...(ip !== undefined && { ip }) },
		finished: finished === true,
	}));
}

const heldBare = (endpoint: Endpoint, id: string): Held[] =>
	endpoint.ips.map((ip) => ({
		id,
		end: toEnd(endpoint, ip),
		flowEnd: endpoint.kind === 'node' && endpoint.name !== undefined ? { node: endpoint.name, ip } : { ip },
		finished: false,
	}));

export const heldAddress = (snapshot: CompiledSnapshot, ip: string): Held => ({
	id: ip,
	end: resolveEnd(snapshot, { ip }),
	flowEnd: { ip },
	finished: false,
});

/** Who has no address, as the other end. */
export const NOBODY: ResolvedEnd = toEnd(bareEndpoint({ kind: 'external' }), undefined);

/** A Pod of that namespace of which nothing else is known, for clauses that are asked whether or not the policy selects somebody. */
export const somePod = (namespace: CompiledNamespace | undefined, node?: string): ResolvedEnd => ({
	...toEnd(bareEndpoint({ kind: 'pod', namespace: namespace?.name, node }), undefined),
	namespaceIndex: namespace?.index ?? -1,
});

/** The candidates that answer differently from `calico`. */
export const departing = (mask: Mask, candidates: Mask): Mask => (mask & CALICO ? candidates & ~mask : candidates & mask);

/** The Pods that a finding concerns. */
export interface Subjects {
	readonly count: number;
	readonly sample: readonly string[];
	/** Some that differ in what decides of a subject: the policies that concern it, its node, its named ports. */
	readonly different: readonly Held[];
}

const MOST_NAMED = 5;
const MOST_DIFFERENT = 16;

export function subjectsWhere(pods: readonly Held[], isOne: (held: Held) => boolean): Subjects {
	let count = 0;
	const sample: string[] = [];
	const different: Held[] = [];
	for (const held of pods) {
		if (!isOne(held)) continue;
		count++;
		if (sample.length < MOST_NAMED) sample.push(held.id);
		if (different.length < MOST_DIFFERENT && !different.some((other) => isAlike(other.end, held.end))) different.push(held);
	}
	return { count, sample, different };
}

const isAlike = (a: ResolvedEnd, b: ResolvedEnd): boolean =>
	a.ingress === b.ingress && a.egress === b.egress && a.ports === b.ports && a.endpoint.node === b.endpoint.node;

/** The Pods of the policy's namespace. */
export const podsBeside = ({ source }: CompiledPolicy, { subjectsIn }: Holdings): readonly Held[] => subjectsIn.get(source.namespace) ?? [];

/** Whether connections reach the Pod through other nodes, which then stand as their source: as the runtime tells it. */
export function isReachedThroughNodes(held: Held, peer: CompiledPeer, { snapshot, hosts, reached }: Holdings): boolean {
	const [host] = hosts;
	const known = reached.get(held);
	if (known !== undefined || !host) return known ?? false;
	const packet = { snapshot, direction: 'ingress', subject: held.end, peer: host.end, protocol: PROTOCOL.TCP, port: NONE } as const;
	const answer = peerConstruct(peer, packet) === 'snat-remote-node';
	reached.set(held, answer);
	return answer;
}

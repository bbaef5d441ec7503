import { allPortsMask, type CompiledPeer, type CompiledPort, type CompiledRule, PROTOCOL } from './clause.ts';
import { describePeer, describePort } from './describe.ts';
import { type Cidr, parseCidr } from './ip.ts';
import type { Direction, LabelSelector, NetworkPolicy, PodState, PolicyPeer, PolicyPort, PolicyRule } from './model.ts';
import { type CompiledSelector, compileSelector, isEverything, isNegative, type Vocabulary } from './selector.ts';
import { ALL, CILIUM, CILIUM_1_12, CILIUM_TO_1_19, type Mask, NONE } from './semantics.ts';
import { shared } from './shared.ts';

export interface CompiledPolicy {
	/** `namespace/name`. */
	readonly id: string;
	readonly source: NetworkPolicy;
	/** The `namespace/name` that logs may give it: its own, and those of annotations. */
	readonly loggedAs: readonly string[];
	readonly subjects: CompiledSelector;
	/** The semantics under which the policy is accepted at all. */
	readonly accepted: Mask;
	/** The semantics under which it has a direction: isolates in it, and admits by its rules. */
	readonly types: Readonly<Record<Direction, Mask>>;
	readonly ingress: readonly CompiledRule[];
	readonly egress: readonly CompiledRule[];
}

/** Label keys and values that selectors mention: of Pods, and of Namespaces. */
export interface Vocabularies {
	readonly pods: Vocabulary;
	readonly namespaceLabels: Vocabulary;
}

/**
 * Cilium's cluster-wide table of named ports, up to 1.19: by name and protocol the one number, or -1 where Pods differ. Init containers
 * do not count, nor do Pods that are no endpoints: host-network Pods, and finished ones.
 */
export function clusterPorts(pods: readonly PodState[]): Map<string, number> {
	const table = new Map<string, number>();
	for (const pod of pods) {
		if (!pod.ports || pod.hostNetwork || pod.finished) continue;
		for (const { name, port, protocol, init } of pod.ports) {
			if (init !== undefined) continue;
			const key = `${protocol} ${name}`;
			const known = table.get(key);
			if (known === undefined) table.set(key, port);
			else if (known !== port) table.set(key, -1);
		}
	}
	return table;
}

/** What policies are compiled with. Peers and port entries by their content: equal ones are one object, so that they stay near in memory. */
export interface Compiler extends Vocabularies {
	readonly clusterPorts: ReadonlyMap<string, number>;
	readonly peers: Map<string, CompiledPeer>;
	/** All peers so far, by number. */
	readonly numbered: CompiledPeer[];
	readonly ports: Map<string, CompiledPort>;
}

/** Compiles one policy. */
export function compilePolicy(source: NetworkPolicy, compiler: Compiler): CompiledPolicy {
	const rules = (direction: Direction) => source[direction].map((rule, index) => compileRule({ rule, index, direction }, compiler));
	const names = [source.name, source.annotations?.['policy.cilium.io/name'], source.annotations?.['io.cilium.name']];
	const usesSctp = [...source.ingress, ...source.egress].some(({ ports }) => ports.some(({ protocol }) => protocol === 'SCTP'));
	return {
		id: `${source.namespace}/${source.name}`,
		source,
		loggedAs: names.filter((name) => name !== undefined).map((name) => `${source.namespace}/${name}`),
		subjects: compileSelector(compiler.pods, source.podSelector),
		// 1.12 refuses any policy with SCTP on any port entry of either direction, listed in policyTypes or not.
		accepted: usesSctp ? ALL & ~CILIUM_1_12 : ALL,
		types: { ingress: typesMask(source, 'ingress'), egress: typesMask(source, 'egress') },
		ingress: rules('ingress'),
		egress: rules('egress'),
	};
}

/** "List of rule types that the NetworkPolicy relates to": Cilium also enforces rules of a direction that the list leaves out. */
const typesMask = (source: NetworkPolicy, direction: Direction): Mask =>
	source.types.includes(direction) ? ALL : source[direction].length > 0 ? CILIUM : NONE;

/** See `multi-network`: such a policy says nothing about the default network. */
export const isForOtherNetwork = ({ annotations }: NetworkPolicy): boolean =>
	(annotations?.['networking.gke.io/network'] ?? 'default') !== 'default';

interface RuleContext {
	readonly rule: PolicyRule;
	readonly index: number;
	readonly direction: Direction;
}

function compileRule({ rule, index, direction }: RuleContext, compiler: Compiler): CompiledRule {
	const hasPeers = rule.peers.length > 0;
	return {
		index,
		direction,
		source: rule,
		peers: rule.peers.map((peer) => shared(compiler.peers, JSON.stringify(peer), () => numbered(compilePeer(peer, compiler), compiler))),
		ports: rule.ports.map((port) =>
			shared(compiler.ports, `${hasPeers} ${JSON.stringify(port)}`, () => compilePort(port, hasPeers, compiler.clusterPorts)),
		),
		admits: [],
	};
}

const EVERYTHING: LabelSelector = { matchLabels: {}, matchExpressions: [] };

function numbered(peer: CompiledPeer, { numbered: all }: Compiler): CompiledPeer {
	all.push(peer);
	return peer;
}

function compilePeer(source: PolicyPeer, { pods, namespaceLabels, numbered: all }: Compiler): CompiledPeer {
	const { ipBlock, podSelector, namespaceSelector } = source;
	const cidr = ipBlock && readCidr(ipBlock.cidr);
	// What every flow asks for stands first: it shares a cache line.
	return {
		cidr,
		ownNamespace: namespaceSelector === undefined,
		pods: compileSelector(pods, podSelector ?? EVERYTHING),
		namespaces: compileSelector(namespaceLabels, namespaceSelector ?? EVERYTHING),
		number: all.length,
		outside: admitsOutside(podSelector, namespaceSelector) ? CILIUM_TO_1_19 : NONE,
		except: (ipBlock?.except ?? []).map(readCidr),
		anyAddress: cidr !== undefined && cidr.prefix === 0 && ipBlock?.except.length === 0,
		source,
		text: describePeer(source),
	};
}

/** Throws where it is none, which no snapshot has that was parsed: left out, an ipBlock would be a selector of everything. */
function readCidr(text: string): Cidr {
	const cidr = parseCidr(text, false);
	if (typeof cidr === 'string') throw new Error(`${JSON.stringify(text)} ${cidr}`);
	return cidr;
}

/** See `negative-namespace-selector`: no requirement of the peer asks for something that only a Pod has. */
const admitsOutside = (podSelector: LabelSelector | undefined, namespaceSelector: LabelSelector | undefined): boolean =>
	namespaceSelector !== undefined &&
	isNegative(namespaceSelector) &&
	(podSelector === undefined || isEverything(podSelector) || isNegative(podSelector));

function compilePort(source: PolicyPort, ruleHasPeers: boolean, clusterPorts: ReadonlyMap<string, number>): CompiledPort {
	const { protocol, port, endPort } = source;
	const first = typeof port === 'number' ? port : -1;
	const clusterNumber = typeof port === 'string' ? clusterPorts.get(`${protocol} ${port}`) : undefined;
	return {
		protocol: PROTOCOL[protocol],
		name: typeof port === 'string' ? port : undefined,
		first,
		last: endPort ?? first,
		allPorts: allPortsMask(ruleHasPeers),
		clusterNumber: clusterNumber ?? -1,
		ambiguous: clusterNumber === -1,
		source,
		text: describePort(source),
	};
}

import { type CompiledPort, type Packet, portConstruct, portMask } from '../clause.ts';
import type { ConstructId } from '../constructs.ts';
import { peersMask } from '../evaluate.ts';
import { CALICO, type Mask, NONE } from '../semantics.ts';
import { shared } from '../shared.ts';
import { some } from '../wording.ts';
import { MOST_TRIES, peersOf, samplesOf } from './example.ts';
import type { Draft } from './finding.ts';
import { departing, type Held, type Holdings, NOBODY, podsBeside, type Subjects, subjectsWhere } from './holdings.ts';
import { isSelected, type RuleContext } from './peer.ts';

/** What of a rule's port entries means something else. */
export function lintPorts(context: RuleContext): Draft[] {
	const { rule } = context;
	// Only where an entry is uneven does it matter what the rule's peers are.
	let peers: readonly Held[] | undefined;
	const known = () => {
		peers ??= peersOf(rule, context.policy.source.namespace, context.holdings).slice(0, MOST_TRIES);
		return peers;
	};
	return rule.ports.flatMap((entry, index) => {
		const given = { ...context, index, peers: known };
		if (entry.name === undefined) return lintNumber(entry, given);
		return rule.direction === 'ingress' ? lintOwnName(entry, given) : lintName(entry, given);
	});
}

interface PortContext extends RuleContext {
	readonly index: number;
	readonly peers: () => readonly Held[];
}

function draft(
	entry: CompiledPort,
	{ policy, rule, index, subjects, holdings, peers }: PortContext,
	more: Pick<Draft, 'construct' | 'semantics' | 'detail'> & { readonly subjects?: Subjects; readonly first?: readonly Held[] },
): Draft {
	const { first = [], ...rest } = more;
	const witnesses = { peers: [...first, ...peers()].slice(0, MOST_TRIES), ports: samplesOf(entry, holdings) };
	return { policy, direction: rule.direction, rule, port: index, clause: entry.text, subjects, witnesses, ...rest };
}

/** A packet of the entry's own protocol, whose other end is nobody. */
const packetOf = ({ rule, anyone: subject, holdings: { snapshot } }: RuleContext, entry: CompiledPort): Packet => ({
	snapshot,
	direction: rule.direction,
	subject,
	peer: NOBODY,
	protocol: entry.protocol,
	port: -1,
});

/** A number, a range or a protocol: asked for its last port, or for any. */
function lintNumber(entry: CompiledPort, context: PortContext): Draft[] {
	const port = entry.first < 0 ? 1 : entry.last;
	const mask = portMask(entry, { ...packetOf(context, entry), port }, NONE);
	const semantics = departing(mask, context.holdings.candidates);
	if (semantics === NONE) return [];
	const construct = portConstruct(entry, context.rule.direction, (mask & CALICO) !== NONE);
	const { protocol } = entry.source;
	const detail =
		entry.first < 0
			? `${protocol} on every port may no longer be admitted by this entry`
			: `${protocol} ${entry.first} is still admitted, ${entry.first + 1}${entry.last > entry.first + 1 ? ` to ${entry.last}` : ''} may not be`;
	return [draft(entry, context, { construct, semantics, detail })];
}

/** Ingress: the selected Pods' own declarations decide. */
function lintOwnName(entry: CompiledPort, context: PortContext): Draft[] {
	const { policy, holdings } = context;
	const { candidates } = holdings;
	const packet = packetOf(context, entry);
	const ids = new Set<string>();
	let semantics = NONE;
	for (const { port, held } of declarationsOf(entry, holdings)) {
		const [first] = held;
		const departs = first ? departing(portMask(entry, { ...packet, subject: first.end, port }, NONE), candidates) : NONE;
		if (departs === NONE) continue;
		for (const { end, id, finished } of held)
			if (end.kind === 'pod' && end.endpoint.namespace === policy.source.namespace && isSelected(policy, end, candidates)) {
				semantics |= departs;
				if (!finished) ids.add(id);
			}
	}
	if (semantics === NONE) return [];
	const own = subjectsWhere(podsBeside(policy, holdings), ({ id }) => ids.has(id));
	const who = some([...ids].sort(), ids.size) || 'no running Pod';
	const detail = `${who} declare${ids.size < 2 ? 's' : ''} it on a sidecar (a restartable init container), which does not count on Dataplane V2`;
	const construct = portConstruct(entry, 'ingress', true);
	return [draft(entry, context, { construct, semantics, detail, subjects: own })];
}

/** The numbers that the entry's name has on Pods, and those Pods: by the lists of ports, of which there are few. */
function* declarationsOf(
	{ name, source: { protocol } }: CompiledPort,
	{ declared }: Holdings,
): Generator<{ port: number; held: readonly Held[] }> {
	for (const [list, held] of declared.get(`${protocol} ${name}`)?.by ?? [])
		for (const each of list) if (each.name === name && each.protocol === protocol) yield { port: each.port, held };
}

interface Naming {
	semantics: Mask;
	readonly held: Held[];
}

/** Egress: the cluster-wide table of names, or what the destination declares. */
function lintName(entry: CompiledPort, context: PortContext): Draft[] {
	const { holdings, rule } = context;
	const { candidates } = holdings;
	const packet = packetOf(context, entry);
	const found = new Map<ConstructId, Naming>();
	const add = (mask: Mask, held: readonly Held[]) => {
		const construct = portConstruct(entry, 'egress', (mask & CALICO) !== NONE);
		const naming = shared<Naming>(found as Map<string, Naming>, construct, () => ({ semantics: NONE, held: [] }));
		naming.semantics |= departing(mask, candidates);
		for (const each of held) naming.held.push(each);
	};
	const inTable = entry.clusterNumber < 0 ? NONE : portMask(entry, { ...packet, port: entry.clusterNumber }, NONE);
	if (departing(inTable, candidates)) add(inTable, []);
	for (const { port, held } of declarationsOf(entry, holdings)) {
		const [first] = held;
		const mask = first ? portMask(entry, { ...packet, peer: first.end, port }, NONE) : NONE;
		if (departing(mask, candidates) === NONE) continue;
		// A name that is not in the table is missed where the rule means who declares it; an ambiguous one is skipped whoever is meant.
		const meant = entry.ambiguous ? held : held.filter(({ end }) => peersMask(rule, { ...packet, peer: end, port }, NONE) & CALICO);
		if (meant.length > 0) add(mask, meant);
	}
	return [...found].map(([construct, { semantics, held }]) =>
		draft(entry, context, {
			construct,
			semantics,
			detail: nameText(entry, construct, { held, holdings }),
			first: reachable(held, context),
		}),
	);
}

/** Who runs, declares the name and is a peer of the rule. */
function reachable(held: readonly Held[], { rule, ...context }: PortContext): readonly Held[] {
	const packet = packetOf({ rule, ...context }, rule.ports[context.index] as CompiledPort);
	const running: Held[] = [];
	for (const each of held) {
		if (running.length >= 6) break;
		if (!each.finished && peersMask(rule, { ...packet, peer: each.end }, NONE) & CALICO) running.push(each);
	}
	return running;
}

function nameText(
	{ name, source: { protocol }, clusterNumber }: CompiledPort,
	construct: ConstructId,
	{ held, holdings }: { readonly held: readonly Held[]; readonly holdings: Holdings },
): string {
	if (construct === 'named-port-widened')
		return `${name} is ${protocol} ${clusterNumber} wherever the cluster’s Pods declare it, and so for every peer of the rule`;
	if (construct === 'named-port-ambiguous') {
		const numbers = [...(holdings.declared.get(`${protocol} ${name}`)?.numbers ?? [])].sort((a, b) => a - b);
		return `${name} is ${protocol} ${some(numbers.map(String), numbers.length)} on the cluster’s Pods now`;
	}
	const names = [...new Set(held.filter(({ finished }) => !finished).map(({ id }) => id))].sort();
	return `what ${some(names, names.length) || 'no running Pod'} declare${names.length === 1 ? 's' : ''} as ${name} does not count on Dataplane V2`;
}

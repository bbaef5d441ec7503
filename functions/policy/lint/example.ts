import { type CompiledPort, type CompiledRule, type Packet, PROTOCOL, peerMask } from '../clause.ts';
import type { CompiledSnapshot } from '../compile.ts';
import { denied, evaluate } from '../evaluate.ts';
import { differences } from '../evidence.ts';
import type { Evidence } from '../finding.ts';
import { resolveFlow } from '../flow.ts';
import type { Direction, Flow } from '../model.ts';
import { ALL, CALICO, CILIUM, NONE } from '../semantics.ts';
import { coverOf } from './cover.ts';
import type { Draft, PortSample } from './finding.ts';
import { departing, type Held, type Holdings, heldAddress, somePod } from './holdings.ts';

/**
 * A connection that is judged differently because of a clause, found by asking the runtime itself: so what a finding says it changes now
 * is never a guess. Not every connection can be tried, so where none is found there may be one all the same.
 */

/** Evaluations a finding, at most: some hundred microseconds, */
export const MOST_TRIES = 200;
/** and fewer where each has to look through many rules, peers and ports: so many steps of the table of rules, */
const MOST_STEPS = 50_000;
/** but not fewer than these. */
const FEWEST_TRIES = 8;
/** Peers of each sort that a rule is tried with. */
const MOST_PEERS = 12;
/** A port of which policies seldom speak. */
const ODD_PORT = 61_234;

export function exampleOf(draft: Draft, { snapshot, candidates }: Holdings): Flow | undefined {
	const { subjects, witnesses, direction } = draft;
	if (!witnesses) return undefined;
	const directions: readonly Direction[] = direction ? [direction] : ['ingress', 'egress'];
	let [tries, steps] = [0, 0];
	for (const { protocol, port } of witnesses.ports)
		for (const peer of witnesses.peers)
			for (const subject of subjects.different)
				for (const each of directions) {
					if (subject.id === peer.id) continue;
					if (tries === MOST_TRIES || (tries >= FEWEST_TRIES && steps > MOST_STEPS)) return undefined;
					tries++;
					steps += stepsOf(subject.end[each], snapshot);
					const [source, destination] = each === 'ingress' ? [peer, subject] : [subject, peer];
					const flow: Flow = {
						direction: each,
						source: source.flowEnd,
						destination: destination.flowEnd,
						protocol,
						...(port !== undefined && { port }),
					};
					if (shows(flow, draft)) return flow;
				}
	return undefined;

	function shows(flow: Flow, { construct, policy, rule, peer, port }: Draft): boolean {
		const evaluation = evaluate(resolveFlow(snapshot, flow));
		const differ = departing(denied(evaluation), candidates);
		if (differ === NONE) return false;
		const isIts = (piece: Evidence) =>
			piece.construct === construct &&
			piece.policyName === policy.source.name &&
			piece.policyNamespace === policy.source.namespace &&
			(rule === undefined || piece.rule === rule.index) &&
			(peer === undefined || piece.peer === peer) &&
			(port === undefined || piece.port === port) &&
			((piece.semantics ?? ALL) & differ) !== NONE;
		return differences(evaluation, candidates).some(isIts);
	}
}

/** How much of the table of rules an evaluation of that subject reads. */
const stepsOf = (start: number, { table: { steps } }: CompiledSnapshot): number => (start < 0 ? 0 : (steps[start + 2] as number) - start);

/** What the rule may admit, and from or to which of what the snapshot holds: under any of the semantics that count. */
export function peersOf(rule: CompiledRule, namespace: string, holdings: Holdings): readonly Held[] {
	const { outside, hosts, identitiesIn } = holdings;
	if (rule.peers.length === 0) return [...firstPods(holdings.identities, () => true), ...outside, ...hosts.slice(0, MOST_PEERS)];
	const { snapshot } = holdings;
	const subject = somePod(snapshot.namespaces.get(namespace));
	const found = rule.peers.flatMap((peer) => {
		const packet = (end: Packet['peer']): Packet => ({
			snapshot,
			direction: rule.direction,
			subject,
			peer: end,
			protocol: PROTOCOL.TCP,
			port: -1,
		});
		const matches = ({ end }: Held): boolean => (peerMask(peer, packet(end), NONE) & (CALICO | CILIUM)) !== NONE;
		const identities = peer.ownNamespace ? (identitiesIn.get(namespace) ?? []) : holdings.identities;
		if (!peer.cidr) return [...firstPods(identities, matches), ...(peer.outside ? [...outside, ...hosts.slice(0, MOST_PEERS)] : [])];
		const { pods, hosts: covered } = coverOf(peer, holdings);
		const first = peer.source.ipBlock?.cidr.replace(/\/.*/, '') ?? '';
		const own = heldAddress(snapshot, first);
		return [...outside.filter(matches), ...(own.end.kind === 'external' ? [own] : []), ...pods.some, ...covered.some];
	});
	return [...new Set(found)];
}

/** A few Pods of each identity: the same to every selector, so one shows what all do; another one where the first is the subject. */
function firstPods(identities: Holdings['identities'], isOne: (held: Held) => boolean): Held[] {
	const found: Held[] = [];
	for (const held of identities) {
		const first = held.find(({ finished }) => !finished);
		if (!first || !isOne(first)) continue;
		found.push(first);
		const other = held.findLast(({ finished, id }) => !finished && id !== first.id);
		if (other) found.push(other);
		if (found.length >= MOST_PEERS) break;
	}
	return found;
}

/** Ports that a rule may admit, as many as can be tried; made once a rule, for each of its peers asks. */
export const portsOf = (rule: CompiledRule, holdings: Holdings): readonly PortSample[] => {
	const { ports } = rule;
	if (ports.length === 0) return ANY_PORT;
	const known = holdings.samples.get(rule);
	if (known) return known;
	const samples = ports.slice(0, MOST_TRIES).flatMap((entry) => samplesOf(entry, holdings));
	const tried = samples.slice(0, MOST_TRIES);
	holdings.samples.set(rule, tried);
	return tried;
};

export const ANY_PORT: readonly PortSample[] = [
	{ protocol: 'TCP', port: 443 },
	{ protocol: 'TCP', port: ODD_PORT },
	{ protocol: 'UDP', port: ODD_PORT },
	{ protocol: 'SCTP', port: ODD_PORT },
	{ protocol: 'ICMP' },
];

/** Ports of one entry: of a range what comes after its first one, of a name every number that it has. */
export function samplesOf({ source: { protocol }, first, last, name, clusterNumber }: CompiledPort, holdings: Holdings): PortSample[] {
	const numbers = new Set<number>();
	if (name !== undefined) {
		for (const port of holdings.declared.get(`${protocol} ${name}`)?.numbers ?? []) numbers.add(port);
		if (clusterNumber >= 0) numbers.add(clusterNumber);
	} else if (first < 0) for (const port of [443, ODD_PORT, ODD_PORT - 1]) numbers.add(port);
	else for (const port of [first + 1, last, Math.floor((first + last) / 2), first]) if (port <= last) numbers.add(port);
	return [...numbers].slice(0, MOST_TRIES).map((port) => ({ protocol, port }));
}

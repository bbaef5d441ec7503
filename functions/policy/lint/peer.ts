import { type CompiledPeer, type CompiledRule, type Packet, PROTOCOL, peerConstruct, peerMask } from '../clause.ts';
import type { CompiledPolicy } from '../compiled-policy.ts';
import type { ResolvedEnd } from '../end.ts';
import { type CompiledSelector, hiddenUnder, matchMask } from '../selector.ts';
import { CALICO, type Mask, NONE } from '../semantics.ts';
import { some } from '../wording.ts';
import { type Covered, coverOf } from './cover.ts';
import { portsOf } from './example.ts';
import type { Draft } from './finding.ts';
import {
	departing,
	type Held,
	type Holdings,
	heldAddress,
	isFirst,
	isReachedThroughNodes,
	podsBeside,
	type Subjects,
	subjectsWhere,
} from './holdings.ts';

/** A rule of a policy, and whom the policy selects. */
export interface RuleContext {
	readonly policy: CompiledPolicy;
	readonly rule: CompiledRule;
	readonly subjects: Subjects;
	/** Some Pod of its namespace, where a clause does not depend on which. */
	readonly anyone: ResolvedEnd;
	readonly holdings: Holdings;
}

/** What of a rule's peers means something else. */
export const lintPeers = (context: RuleContext): Draft[] =>
	context.rule.peers.flatMap((peer, index) => (peer.cidr ? lintBlock : lintSelectors)(peer, { ...context, index }));

interface PeerContext extends RuleContext {
	readonly index: number;
}

const packetOf = ({ rule, anyone: subject, holdings: { snapshot } }: RuleContext, peer: ResolvedEnd): Packet => ({
	snapshot,
	direction: rule.direction,
	subject,
	peer,
	protocol: PROTOCOL.TCP,
	port: -1,
});

function draft(
	peer: CompiledPeer,
	{ policy, rule, index, subjects, holdings }: PeerContext,
	more: Pick<Draft, 'construct' | 'semantics' | 'detail'> & { readonly peers?: readonly Held[]; readonly subjects?: Subjects },
): Draft {
	const { peers, ...rest } = more;
	return {
		policy,
		direction: rule.direction,
		rule,
		peer: index,
		clause: peer.text,
		subjects,
		...(peers && { witnesses: { peers, ports: portsOf(rule, holdings) } }),
		...rest,
	};
}

function lintBlock(peer: CompiledPeer, context: PeerContext): Draft[] {
	const { pods, hosts, services } = coverOf(peer, context.holdings);
	const found: Draft[] = [];
	if (pods.departs)
		found.push(
			draft(peer, context, {
				construct: 'ipblock-pod',
				semantics: pods.departs,
				detail: coveredText(pods, ['Pod', 'Pods']),
				peers: pods.some,
			}),
		);
	if (hosts.departs) found.push(...hostDrafts(peer, context, hosts));
	// Nothing connects from a ClusterIP.
	if (services.any && context.rule.direction === 'egress')
		found.push(
			draft(peer, context, {
				construct: 'ipblock-service',
				semantics: NONE,
				detail: `${coveredText(services, ['Service', 'Services'])}; that admits nothing by itself, before the move or after it${coversDns(peer, context) ? ', but for DNS before it where NodeLocal DNSCache is on' : ''}`,
			}),
		);
	if (peer.anyAddress) found.push(...otherFamily(peer, context));
	return found;
}

/** "… except the DNS VIP where NodeLocal DNSCache intercepts it": see `node-local-dns`. */
const coversDns = (peer: CompiledPeer, context: PeerContext): boolean =>
	context.holdings.snapshot.cluster?.nodeLocalDns !== false &&
	context.holdings.services.some(({ id, end }) => id === 'kube-system/kube-dns' && peerMask(peer, packetOf(context, end), NONE) & CALICO);

/** Behind a Service that hands connections on, a node's address stands for a client: that is another trouble than a node's own. */
function hostDrafts(peer: CompiledPeer, context: PeerContext, hosts: Covered): Draft[] {
	const { policy, rule, subjects, holdings } = context;
	const found = (construct: Draft['construct'], own: Subjects) =>
		draft(peer, context, {
			construct,
			semantics: hosts.departs,
			detail: coveredText(hosts, ['node or host-network Pod', 'nodes and host-network Pods']),
			peers: hosts.some,
			subjects: own,
		});
	if (rule.direction === 'egress' || subjects.count === 0) return [found('ipblock-node', subjects)];
	const selected = podsBeside(policy, holdings).filter(({ end }) => isSelected(policy, end, holdings.candidates));
	const reached = (held: Held) => isReachedThroughNodes(held, peer, holdings);
	const behind = subjectsWhere(selected, reached);
	const others = subjectsWhere(selected, (held) => !reached(held));
	return [...(others.count > 0 ? [found('ipblock-node', others)] : []), ...(behind.count > 0 ? [found('snat-remote-node', behind)] : [])];
}

/** The other family’s outside addresses, as the runtime reads them. */
function otherFamily(peer: CompiledPeer, context: PeerContext): Draft[] {
	const { subjects, holdings } = context;
	const family = peer.cidr?.network.family === 4 ? 6 : 4;
	// As the suggestion has it: what it may open is open anyway.
	if (context.rule.peers.some((other) => other.anyAddress && other.cidr?.network.family === family)) return [];
	const others = holdings.outside.filter(({ id }) => id.includes(':') === (family === 6));
	const any = others[0] ?? heldAddress(holdings.snapshot, family === 6 ? '2001:db8::77' : '203.0.113.77');
	const packet = packetOf(context, any.end);
	const semantics = departing(peerMask(peer, packet, NONE), holdings.candidates);
	if (semantics === NONE) return [];
	const dual = subjects.different.some(({ end }) => end.endpoint.addresses.some((address) => address.family === family));
	const construct = peerConstruct(peer, packet);
	const detail = dual
		? `it covers outside IPv${family} addresses, and Pods that the policy selects have such an address`
		: `no Pod that the policy selects has an IPv${family} address now, so no connection of that family reaches it`;
	return [draft(peer, context, { construct, semantics, detail, ...(dual && { peers: others }) })];
}

function coveredText({ count, names, ranges }: Covered, [one, many]: readonly [string, string]): string {
	const range = ranges.length > 0 ? `the cluster’s range${ranges.length === 1 ? '' : 's'} ${some(ranges, ranges.length)}` : '';
	const now = count > 0 ? `${count} ${count === 1 ? one : many} now: ${some(names, count)}` : `no running ${one} now`;
	return `it covers ${range ? `${now}; also ${range}` : now}`;
}

/** Under `calico` or a candidate. */
export const isSelected = (policy: CompiledPolicy, end: ResolvedEnd, candidates: Mask): boolean =>
	(selectedUnder(policy, end) & (CALICO | candidates)) !== NONE;

const selectedUnder = ({ subjects, accepted }: CompiledPolicy, { labelSet }: ResolvedEnd): Mask => accepted & matchMask(subjects, labelSet);

/** The candidates under which some of the selector's requirements answers differently for some value. */
export const unevenUnder = ({ requirements }: CompiledSelector, candidates: Mask): Mask =>
	requirements.reduce((found, { masks }) => masks.reduce((all, mask) => all | departing(mask, candidates), found), NONE);

/** `the label pod-template-hash is`. */
export function hiddenKeys(keys: readonly string[], candidates: Mask): string {
	const hidden = [...new Set(keys.filter((key) => hiddenUnder(key) & candidates))].sort();
	return `the label${hidden.length === 1 ? '' : 's'} ${some(hidden, hidden.length)} ${hidden.length === 1 ? 'is' : 'are'}`;
}

function lintSelectors(peer: CompiledPeer, context: PeerContext): Draft[] {
	const { holdings } = context;
	const { candidates, outside, hosts } = holdings;
	const found: Draft[] = [];
	const hidden = unevenUnder(peer.pods, candidates);
	if (hidden) found.push(labelDraft(peer, context, hidden));
	const open = departing(peer.outside, candidates);
	if (open) {
		const [any] = [...outside, ...hosts];
		found.push(
			draft(peer, context, {
				construct: any ? peerConstruct(peer, packetOf(context, any.end)) : 'negative-namespace-selector',
				semantics: open,
				detail: 'it may also match every outside address, every node and every host-network Pod',
				peers: [...outside, ...hosts.slice(0, 4)],
			}),
		);
	}
	return found;
}

function labelDraft(peer: CompiledPeer, context: PeerContext, semantics: Mask): Draft {
	const { holdings } = context;
	const { candidates, identities, identitiesIn } = holdings;
	const [lost, gained]: [Held[], Held[]] = [[], []];
	const asked = peer.ownNamespace ? (identitiesIn.get(context.policy.source.namespace) ?? []) : identities;
	for (const held of asked) {
		const [first] = held;
		const mask = first ? peerMask(peer, packetOf(context, first.end), NONE) : NONE;
		if (departing(mask, candidates) === NONE) continue;
		for (const each of held) if (!each.finished && isFirst(each)) (mask & CALICO ? lost : gained).push(each);
	}
	const { matchLabels = {}, matchExpressions = [] } = peer.source.podSelector ?? {};
	const keys = hiddenKeys([...Object.keys(matchLabels), ...matchExpressions.map(({ key }) => key)], candidates);
	const construct = 'label-not-identity';
	const detail = `${keys} not seen: it ${lossText(lost, gained)}`;
	return draft(peer, context, { construct, semantics, detail, peers: [...lost.slice(0, 12), ...gained.slice(0, 12)] });
}

/** `loses 3 Pods now: a, b and c`. */
export function lossText(lost: readonly Held[], gained: readonly Held[]): string {
	const text = (verb: string, held: readonly Held[]) => {
		const names = held.map(({ id }) => id).sort();
		return names.length === 0 ? [] : [`${verb} ${names.length} ${names.length === 1 ? 'Pod' : 'Pods'} now: ${some(names, names.length)}`];
	};
	return [...text('loses', lost), ...text('gains', gained)].join(', and ') || 'loses and gains no Pod now';
}

import { type CompiledPeer, type CompiledRule, type Packet, PROTOCOL, peerMask, portMask } from '../clause.ts';
import type { CompiledSnapshot } from '../compile.ts';
import type { ConstructId } from '../constructs.ts';
import { ruleMask } from '../evaluate.ts';
import { type Disguise, isResolver, type ResolvedFlow, resolveFlow } from '../flow.ts';
import { resolveEnd } from '../resolve.ts';
import { ALL, CALICO, CILIUM, type Mask, NONE } from '../semantics.ts';
import { shared } from '../shared.ts';
import { some } from '../wording.ts';
import type { Draft, PortSample } from './finding.ts';
import { type Held, type Holdings, heldAddress } from './holdings.ts';
import type { RuleContext } from './peer.ts';

/** A request that Calico sees with another destination than Dataplane V2 does, as the runtime resolves it: to each that answers it. */
interface Request extends PortSample {
	readonly disguises: readonly Disguise[];
	readonly flows: readonly { readonly to: Held; readonly flow: ResolvedFlow }[];
	/** What a selector answers: where the snapshot holds no resolver, any may select one. */
	readonly unseen: Mask;
}

const METADATA_SERVER = '169.254.169.254';
const MOST_WITNESSES = 8;

/**
 * What a policy admits under `calico` by an address that Dataplane V2 does not see, and not by the one that it sees. Once a clause.
 * `contexts`: all rules of the policy that count.
 */
export function lintDisguises(contexts: readonly RuleContext[]): Draft[] {
	const egress = contexts.filter(({ rule }) => rule.direction === 'egress');
	const byAddress = egress.filter(({ rule: { peers } }) => peers.length === 0 || peers.some(({ cidr }) => cidr));
	const [first] = byAddress;
	if (!first) return [];
	const { holdings, anyone: subject } = first;
	const every = CALICO | holdings.candidates;
	const found = new Map<string, Draft & { readonly peers: Set<Held>; readonly ports: Map<string, PortSample> }>();
	for (const { protocol, port, disguises, flows, unseen } of requestsOf(holdings)) {
		const meant = byAddress.flatMap((context) =>
			disguises.filter((disguise) => isMeant(context.rule, { ...disguise, subject })).map((disguise) => ({ ...context, disguise })),
		);
		if (meant.length === 0) continue;
		// As the suggestion has it: another rule of the policy may admit what Dataplane V2 sees.
		const lost = flows.filter(({ flow }) => !egress.some(({ rule }) => (ruleMask(rule, { ...flow, subject }, unseen) & every) === every));
		for (const { disguise, policy, rule, subjects } of meant) {
			const own = firstOf(lost, MOST_WITNESSES, ({ flow }) => (ruleMask(rule, { ...flow, subject }, unseen) & CALICO) === NONE);
			if (own.length === 0) continue;
			const { construct } = disguise;
			const { peer, port: entry, clause } = placeOf(rule, { ...disguise, subject });
			const { peers, ports } = shared(found, `${construct} ${rule.index} ${peer} ${entry}`, () => ({
				policy,
				direction: rule.direction,
				rule,
				...(peer >= 0 && { peer }),
				...(entry >= 0 && { port: entry }),
				construct,
				clause,
				semantics: holdings.candidates & CILIUM,
				subjects,
				detail: detailOf(construct, disguise, holdings),
				peers: new Set<Held>(),
				ports: new Map<string, PortSample>(),
			}));
			for (const { to } of own) peers.add(to);
			ports.set(`${protocol} ${port}`, { protocol, ...(port !== undefined && { port }) });
		}
	}
	return [...found.values()].map(({ peers, ports, ...draft }) => ({
		...draft,
		witnesses: { peers: [...peers].slice(0, MOST_WITNESSES), ports: [...ports.values()] },
	}));
}

/**
 * Whether Calico admits by the rule what it sees so. Where it is not known that it sees it so, only what was written for DNS counts: an
 * address alone, or port 53.
 */
function isMeant(rule: CompiledRule, disguise: Disguise): boolean {
	if (!(ruleMask(rule, disguise, NONE) & CALICO)) return false;
	const isAddress = ({ cidr }: CompiledPeer) => cidr?.prefix === (cidr?.network.family === 4 ? 32 : 128);
	return disguise.sure || rule.ports.length > 0 || rule.peers.some((peer) => isAddress(peer) && peerMask(peer, disguise, NONE) & CALICO);
}

const requestLists = new WeakMap<Holdings, readonly Request[]>();

/** To the metadata server and to the resolvers; made once a snapshot. */
function requestsOf(holdings: Holdings): readonly Request[] {
	const known = requestLists.get(holdings);
	if (known) return known;
	const { snapshot } = holdings;
	const metadata = heldAddress(snapshot, METADATA_SERVER);
	const resolvers = resolversOf(holdings);
	// An unknown Pod may be one: the selectors that a rule has beside its addresses may then select it.
	const pod = { namespace: 'kube-system', name: 'kube-dns' };
	const guessed = { id: pod.name, end: resolveEnd(snapshot, { pod }), flowEnd: { pod }, finished: false };
	const to = resolvers.length > 0 ? resolvers : [guessed];
	const unseen = resolvers.length > 0 ? NONE : ALL;
	const request = (protocol: string, port: number, ends: readonly Held[]): Request => {
		const flows = ends.map((held) => ({ to: held, flow: resolved(held, { protocol, port }, snapshot) }));
		// What Calico sees instead of them is the same whichever of them it is.
		return { protocol, port, flows, disguises: flows[0]?.flow.disguises ?? [], unseen: ends === to ? unseen : NONE };
	};
	const requests = [request('TCP', 80, [metadata]), request('TCP', 8080, [metadata]), request('UDP', 53, to), request('TCP', 53, to)];
	requestLists.set(holdings, requests);
	return requests;
}

const resolversOf = ({ pods, hosts }: Holdings): Held[] => [...pods, ...hosts].filter(({ end, finished }) => !finished && isResolver(end));

const resolved = ({ flowEnd: destination }: Held, sample: PortSample, snapshot: CompiledSnapshot): ResolvedFlow =>
	resolveFlow(snapshot, { direction: 'egress', source: {}, destination, ...sample });

/** The first of the list that are so, at most that many. */
function firstOf<T>(list: readonly T[], most: number, isOne: (each: T) => boolean): T[] {
	const found: T[] = [];
	for (const each of list) {
		if (found.length >= most) break;
		if (isOne(each)) found.push(each);
	}
	return found;
}

/** The first peer and port entry that match what Calico sees. */
function placeOf(rule: CompiledRule, packet: Packet): { peer: number; port: number; clause: string } {
	const peer = rule.peers.findIndex((each) => peerMask(each, packet, NONE) & CALICO);
	const port = rule.ports.findIndex((entry) => portMask(entry, packet, NONE) & CALICO);
	const texts = [rule.peers[peer]?.text ?? 'every peer', rule.ports[port]?.text];
	return { peer, port, clause: texts.filter((text) => text !== undefined).join(', ') };
}

function detailOf(construct: ConstructId, { peer, port, protocol }: Disguise, holdings: Holdings): string {
	const seen = `${peer.ip} on ${protocol === PROTOCOL.UDP ? 'UDP' : 'TCP'} ${port}`;
	if (construct === 'metadata-dnat') return `Calico sees a request to the metadata server as one to ${seen}`;
	const names = [...new Set(resolversOf(holdings).map(({ id }) => id))].sort();
	const resolvers = names.length === 0 ? 'and the snapshot holds no resolver Pod' : `and the resolvers are ${some(names, names.length)}`;
	const cache = holdings.snapshot.cluster?.nodeLocalDns === true ? '' : '; whether NodeLocal DNSCache is on is not known';
	return `with NodeLocal DNSCache, Calico sees a DNS request as one to ${peer.ip}, ${resolvers}${cache}`;
}

import { type CompiledPeer, type CompiledRule, type Packet, PROTOCOL, peerMask, portMask } from '../clause.ts';
import type { ConstructId } from '../constructs.ts';
import { ruleMask } from '../evaluate.ts';
import { type Disguise, isResolver, type ResolvedFlow, resolveFlow } from '../flow.ts';
import type { FlowEnd } from '../model.ts';
import { ALL, CALICO, CILIUM, NONE } from '../semantics.ts';
import { shared } from '../shared.ts';
import type { Draft, PortSample } from './finding.ts';
import { type Held, type Holdings, heldAddress } from './holdings.ts';
import type { RuleContext } from './peer.ts';
import { listed } from './sentence.ts';

/** Requests that Calico sees with another destination than Dataplane V2 does, each as the runtime resolves it. */
interface Request extends PortSample {
	readonly to: Held;
	readonly flow: ResolvedFlow;
	/** What a selector answers: where the snapshot holds no resolver, any may select one. */
	readonly unseen: number;
}

const METADATA_SERVER = '169.254.169.254';

/** What a rule admits under `calico` by an address that Dataplane V2 does not see. Once a clause. */
export function lintDisguises({ policy, rule, subjects, anyone: subject, holdings }: RuleContext): Draft[] {
	if (rule.direction === 'ingress' || !rule.peers.some(({ cidr }) => cidr)) return [];
	const { candidates } = holdings;
	const found = new Map<string, Draft & { readonly requests: Request[] }>();
	for (const request of requestsOf(holdings)) {
		const disguises = request.flow.disguises.filter((disguise) => isMeant(rule, { ...disguise, subject }));
		if (disguises.length === 0 || ruleMask(rule, { ...request.flow, subject }, request.unseen) & CALICO) continue;
		for (const disguise of disguises) {
			const { peer, port, clause } = placeOf(rule, { ...disguise, subject });
			const { construct } = disguise;
			const semantics = candidates & CILIUM;
			const detail = detailOf(construct, disguise, holdings);
			const place = { policy, direction: rule.direction, rule, ...(peer >= 0 && { peer }), ...(port >= 0 && { port }) };
			shared(found, `${construct} ${peer} ${port}`, () => ({
				...place,
				construct,
				clause,
				semantics,
				subjects,
				detail,
				requests: [],
			})).requests.push(request);
		}
	}
	return [...found.values()].map(({ requests, ...draft }) => ({
		...draft,
		witnesses: {
			peers: [...new Set(requests.map(({ to }) => to))].slice(0, 8),
			ports: [
				...new Map(
					requests.map(({ protocol, port }) => [`${protocol} ${port}`, { protocol, ...(port !== undefined && { port }) }]),
				).values(),
			],
		},
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

/** Every resolver in both protocols, and the metadata server; made once a snapshot. */
function requestsOf(holdings: Holdings): readonly Request[] {
	const known = requestLists.get(holdings);
	if (known) return known;
	const { snapshot, pods, hosts } = holdings;
	const metadata = heldAddress(snapshot, METADATA_SERVER);
	const resolvers = [...pods, ...hosts].filter(({ end, finished }) => !finished && isResolver(end));
	// An unknown Pod may be one: the selectors that a rule has beside its addresses may then select it.
	const unknown: FlowEnd = { pod: { namespace: 'kube-system', name: 'kube-dns' } };
	const guessed = {
		id: 'kube-dns',
		end: resolved({ to: { ...metadata, flowEnd: unknown }, protocol: 'UDP', port: 53 }, holdings).peer,
		flowEnd: unknown,
		finished: false,
	};
	const to = resolvers.length > 0 ? resolvers : [guessed];
	const unseen = resolvers.length > 0 ? NONE : ALL;
	const requests = [
		...[80, 8080].map((port) => ({ protocol: 'TCP', port, to: metadata, unseen: NONE })),
		...['UDP', 'TCP'].flatMap((protocol) => to.map((held) => ({ protocol, port: 53, to: held, unseen }))),
	].map((request): Request => ({ ...request, flow: resolved(request, holdings) }));
	requestLists.set(holdings, requests);
	return requests;
}

const resolved = ({ to, protocol, port }: Pick<Request, 'to' | 'protocol' | 'port'>, { snapshot }: Holdings): ResolvedFlow =>
	resolveFlow(snapshot, { direction: 'egress', source: {}, destination: to.flowEnd, protocol, ...(port !== undefined && { port }) });

/** The first peer and port entry that match what Calico sees. */
function placeOf(rule: CompiledRule, packet: Packet): { peer: number; port: number; clause: string } {
	const peer = rule.peers.findIndex((each) => peerMask(each, packet, NONE) & CALICO);
	const port = rule.ports.findIndex((entry) => portMask(entry, packet, NONE) & CALICO);
	const texts = [rule.peers[peer]?.text, rule.ports[port]?.text];
	return { peer, port, clause: texts.filter((text) => text !== undefined).join(', ') };
}

function detailOf(construct: ConstructId, { peer, port, protocol }: Disguise, { snapshot, pods, hosts }: Holdings): string {
	const seen = `${peer.ip} on ${protocol === PROTOCOL.UDP ? 'UDP' : 'TCP'} ${port}`;
	if (construct === 'metadata-dnat') return `Calico sees a request to the metadata server as one to ${seen}`;
	const names = [...new Set([...pods, ...hosts].filter(({ end }) => isResolver(end)).map(({ id }) => id))].sort();
	const resolvers = names.length === 0 ? 'and the snapshot holds no resolver Pod' : `and the resolvers are ${listed(names, names.length)}`;
	const cache = snapshot.cluster?.nodeLocalDns === true ? '' : '; whether NodeLocal DNSCache is on is not known';
	return `with NodeLocal DNSCache, Calico sees a DNS request as one to ${peer.ip}, ${resolvers}${cache}`;
}

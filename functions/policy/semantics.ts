/**
 * A semantics is one reading of the policies. All are evaluated at once: a set of semantics is a bit mask, a clause answers with the
 * mask under which it matches, and nothing else in the engine knows about versions.
 */
export const SEMANTICS = [
	/** The API's own definition: the meaning the authors had. */
	'kubernetes',
	/** That, plus what Calico's place in the packet's path adds on GKE: what was in force before the move. */
	'calico',
	'cilium-1.12',
	'cilium-1.13',
	'cilium-1.14',
	'cilium-1.15',
	'cilium-1.16',
	'cilium-1.20',
	/** Before 1.14 the agent's default: remote nodes count as the own node. */
	'cilium-1.13+no-remote-node-identity',
	'cilium-1.15+cidr-match-nodes',
	/** Beta and off by default; Google documents that ipBlock cannot select Pods, so this one is no candidate. */
	'cilium-1.20+cidr-match-nodes-pods',
] as const;

export type SemanticsId = (typeof SEMANTICS)[number];
/** A set of semantics, one bit each, in the order of SEMANTICS. */
export type Mask = number;

export const NONE: Mask = 0;
export const ALL: Mask = (1 << SEMANTICS.length) - 1;

export const bit = (id: SemanticsId): Mask => 1 << SEMANTICS.indexOf(id);
export const maskOf = (ids: readonly SemanticsId[]): Mask => ids.reduce((mask, id) => mask | bit(id), NONE);
export const idsOf = (mask: Mask): SemanticsId[] => SEMANTICS.filter((_, index) => (mask >> index) & 1);
export const isSemanticsId = (text: string): text is SemanticsId => (SEMANTICS as readonly string[]).includes(text);

/** All Cilium semantics whose release is between the two, inclusive; a variant counts with its release. */
function releases(from: number, to: number): Mask {
	return maskOf(
		SEMANTICS.filter((id) => {
			const minor = Number(/^cilium-1\.(\d+)/.exec(id)?.[1]);
			return minor >= from && minor <= to;
		}),
	);
}

export const KUBERNETES: Mask = bit('kubernetes');
export const CALICO: Mask = bit('calico');
/** The two that read the API text to the letter. */
export const SPECIFIED: Mask = KUBERNETES | CALICO;
export const CILIUM: Mask = ALL & ~SPECIFIED;
export const CILIUM_1_12: Mask = releases(12, 12);
export const CILIUM_1_13: Mask = releases(13, 13);
export const CILIUM_FROM_1_14: Mask = releases(14, 99);
export const CILIUM_TO_1_14: Mask = releases(12, 14);
export const CILIUM_TO_1_15: Mask = releases(12, 15);
export const CILIUM_TO_1_19: Mask = releases(12, 19);
export const CILIUM_FROM_1_15: Mask = releases(15, 99);
export const CILIUM_FROM_1_20: Mask = releases(20, 99);
export const NO_REMOTE_NODE_IDENTITY: Mask = bit('cilium-1.13+no-remote-node-identity');
export const CIDR_MATCHES_NODES: Mask = bit('cilium-1.15+cidr-match-nodes') | bit('cilium-1.20+cidr-match-nodes-pods');
export const CIDR_MATCHES_PODS: Mask = bit('cilium-1.20+cidr-match-nodes-pods');

/** What Dataplane V2 may be, unless configured: the six generations and the two variants that Google's documentation leaves open. */
export const DEFAULT_CANDIDATES: Mask = CILIUM & ~CIDR_MATCHES_PODS;

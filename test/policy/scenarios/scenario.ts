import type { ConstructId } from '../../../functions/policy/constructs.ts';
import type { Evidence, Finding } from '../../../functions/policy/finding.ts';
import type { ClusterState, Disposition, Flow, NetworkPolicy, PolicyPeer } from '../../../functions/policy/model.ts';
import type { SemanticsId } from '../../../functions/policy/semantics.ts';
import { policy, rule } from '../cluster.ts';

/** One flow for each way in which a construct decides, with the piece of evidence and the sentence that it must give. */
export interface Decided {
	readonly name: string;
	readonly construct: ConstructId;
	readonly state: Partial<ClusterState>;
	readonly disposition: Disposition;
	readonly flow: Partial<Flow>;
	readonly finding: Finding;
	/** The deciding piece; `policyKind`, namespace `default` and name `p` where nothing else is said. */
	readonly piece: Pick<Evidence, 'role' | 'rule' | 'peer' | 'port' | 'clause'>;
	/** The semantics under which the construct makes the difference. */
	readonly under: readonly SemanticsId[];
	readonly sentence: string;
}

export const GENERATIONS: readonly SemanticsId[] = [
	'cilium-1.12',
	'cilium-1.13',
	'cilium-1.14',
	'cilium-1.15',
	'cilium-1.16',
	'cilium-1.20',
];
export const NO_REMOTE = 'cilium-1.13+no-remote-node-identity';
export const NODES = 'cilium-1.15+cidr-match-nodes';
export const EVERY: readonly SemanticsId[] = [...GENERATIONS, NO_REMOTE, NODES];
export const to = (generation: SemanticsId, ...variants: SemanticsId[]) => [
	...GENERATIONS.slice(0, GENERATIONS.indexOf(generation) + 1),
	...variants,
];
export const INGRESS = { direction: 'ingress' } as const;
export const EGRESS = { direction: 'egress' } as const;
export const from = (...peers: PolicyPeer[]): Partial<ClusterState> => ({ policies: [policy({ ingress: [rule({ peers })] })] });
export const out = (own: Partial<NetworkPolicy>): NetworkPolicy => policy({ types: ['egress'], ...own });
export const WEB = 'default/client to default/web on TCP 8080';

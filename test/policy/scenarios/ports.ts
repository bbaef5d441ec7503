import type { PodState } from '../../../functions/policy/model.ts';
import { cluster, labels, policy, rule } from '../cluster.ts';
import { type Decided, EGRESS, EVERY, INGRESS, NO_REMOTE, NODES, out, to, WEB } from './scenario.ts';

const http = (port: number, init?: 'sidecar') => [{ name: 'http', port, protocol: 'TCP', ...(init && { init }) }] as const;
const withPorts = (named: Readonly<Record<string, NonNullable<PodState['ports']>>>): readonly PodState[] =>
	cluster().state.pods.map(({ ports: _, ...each }) => {
		const ports = named[each.name];
		return ports ? { ...each, ports } : each;
	});
const NAMED = rule({ ports: [{ protocol: 'TCP', port: 'http' }] });
const SCTP_SENTENCE =
	'the oldest generation of Dataplane V2 refuses the whole policy because of its SCTP port: it neither isolates nor admits. Move the SCTP ports to a policy of their own.';

export const PORTS: readonly Decided[] = [
	{
		name: 'a port entry with a protocol only',
		construct: 'port-protocol-only',
		state: {
			policies: [policy({ ingress: [rule({ peers: [{ podSelector: labels() }], ports: [{ protocol: 'UDP' }, { protocol: 'TCP' }] })] })],
		},
		disposition: 'deny',
		flow: INGRESS,
		finding: 'void-rule',
		piece: { role: 'void', rule: 0, port: 1, clause: 'TCP without a port' },
		under: to('cilium-1.13', NO_REMOTE),
		sentence: `Broken by the move: ${WEB}. Ingress rule 0 of default/p admitted it before (port entry 1, TCP without a port), but a port entry without a port admits nothing on older generations of Dataplane V2. Write the port numbers, or leave \`ports\` out to admit all of them.`,
	},
	{
		name: 'a range of ports',
		construct: 'end-port',
		state: { policies: [policy({ ingress: [rule({ ports: [{ protocol: 'TCP', port: 8000, endPort: 9000 }] })] })] },
		disposition: 'deny',
		flow: INGRESS,
		finding: 'void-rule',
		piece: { role: 'void', rule: 0, port: 0, clause: 'TCP 8000-9000' },
		under: to('cilium-1.15', NO_REMOTE, NODES),
		sentence: `Broken by the move: ${WEB}. Ingress rule 0 of default/p admitted it before (port entry 0, TCP 8000-9000), but only the first port of a range is admitted on older generations of Dataplane V2. List the ports one by one.`,
	},
	{
		name: 'a policy with SCTP that isolated',
		construct: 'sctp-rejected',
		state: { policies: [policy({ ingress: [rule({ ports: [{ protocol: 'SCTP', port: 1 }] })] })] },
		disposition: 'allow',
		flow: INGRESS,
		finding: 'newly-open',
		piece: { role: 'opens', clause: 'the policy as a whole' },
		under: ['cilium-1.12'],
		sentence: `Open only since the move: ${WEB} was denied before. Policy default/p no longer isolates the Pod (the policy as a whole): ${SCTP_SENTENCE}`,
	},
	{
		name: 'a policy with SCTP that admitted',
		construct: 'sctp-rejected',
		state: {
			policies: [policy({ ingress: [rule({ ports: [{ protocol: 'SCTP', port: 1 }] }), rule()] }), policy({ name: 'deny' })],
		},
		disposition: 'deny',
		flow: INGRESS,
		finding: 'void-rule',
		piece: { role: 'void', rule: 1, clause: 'the policy as a whole' },
		under: ['cilium-1.12'],
		sentence: `Broken by the move: ${WEB}. Ingress rule 1 of default/p admitted it before (the policy as a whole), but ${SCTP_SENTENCE}`,
	},
	{
		name: 'a name with different numbers',
		construct: 'named-port-ambiguous',
		state: { pods: withPorts({ web: http(8080), far: http(80) }), policies: [out({ egress: [NAMED] })] },
		disposition: 'deny',
		flow: EGRESS,
		finding: 'void-rule',
		piece: { role: 'void', rule: 0, port: 0, clause: 'TCP http' },
		under: to('cilium-1.16', NO_REMOTE, NODES),
		sentence: `Broken by the move: ${WEB}. Egress rule 0 of default/p admitted it before (port entry 0, TCP http), but the name stands for different numbers on the cluster’s Pods, and Dataplane V2 before its newest generation then skips the port entry. Write the port numbers.`,
	},
	{
		name: 'a name that the destination does not define',
		construct: 'named-port-widened',
		state: { pods: withPorts({ far: http(8080) }), policies: [out({ egress: [NAMED] })] },
		disposition: 'allow',
		flow: EGRESS,
		finding: 'newly-open',
		piece: { role: 'opens', rule: 0, port: 0, clause: 'TCP http' },
		under: to('cilium-1.16', NO_REMOTE, NODES),
		sentence: `Open only since the move: ${WEB} was denied before. Egress rule 0 of default/p opens it (port entry 0, TCP http): Dataplane V2 before its newest generation takes the name for the one number it has in the cluster, even towards peers that do not define it. Write the port number, and narrow the peers.`,
	},
	...(['ingress', 'egress'] as const).map(
		(direction): Decided => ({
			name: `a name of a native sidecar for ${direction}`,
			construct: 'named-port-unresolved',
			state: { pods: withPorts({ web: http(8080, 'sidecar') }), policies: [policy({ types: [direction], [direction]: [NAMED] })] },
			disposition: 'deny',
			flow: { direction },
			finding: 'void-rule',
			piece: { role: 'void', rule: 0, port: 0, clause: 'TCP http' },
			under: EVERY,
			sentence: `Broken by the move: ${WEB}. ${direction === 'ingress' ? 'Ingress' : 'Egress'} rule 0 of default/p admitted it before (port entry 0, TCP http), but no container of the destination defines the name with this protocol (init containers do not count on Dataplane V2). Declare the port on the container that serves it, or write its number.`,
		}),
	),
];

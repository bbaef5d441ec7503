import type { ClusterState, Observation } from '../../functions/policy/model.ts';
import type { Random } from '../random.ts';
import { PORTS } from './cluster.ts';

/** Entries as JSON text, one a line, so that a benchmark judges strings as a decoder gives them: made a moment ago, shared with nothing. */
export function generateEntries(state: ClusterState, { count, random }: { count: number; random: Random }): string {
	const lines: string[] = [];
	for (let index = 0; index < count; index++) lines.push(JSON.stringify(generateEntry(state, random)));
	return `[${lines.join(',\n')}]`;
}

/** 85 % between two Pods, half of them of one namespace; the rest to or from outside. A third was allowed. */
function generateEntry({ pods, namespaces }: ClusterState, random: Random): Observation {
	const subject = random.pick(pods);
	const ingress = random.next() < 0.5;
	const outside = random.next() < 0.15;
	const neighbours = random.next() < 0.5;
	let peer = random.pick(pods);
	// A few tries find a Pod of the same namespace, as most traffic has it.
	for (let tries = 0; neighbours && peer.namespace !== subject.namespace && tries < 4 * namespaces.length; tries++)
		peer = random.pick(pods);
	const end = ({ namespace, name, ips }: typeof subject) => ({ pod: { namespace, name }, ...(ips[0] !== undefined && { ip: ips[0] }) });
	const other = outside ? { ip: `203.0.${random.below(256)}.${random.below(256)}` } : end(peer);
	return {
		flow: {
			direction: ingress ? 'ingress' : 'egress',
			source: ingress ? other : end(subject),
			destination: ingress ? end(subject) : other,
			protocol: random.next() < 0.9 ? 'TCP' : 'UDP',
			sourcePort: 33000 + random.below(20000),
			port: random.next() < 0.9 ? random.pick(PORTS) : 53,
		},
		disposition: random.next() < 1 / 3 ? 'allow' : 'deny',
		policies: [],
		timestamp: '2026-11-24T10:00:00.123456789Z',
		timestampMs: Date.parse('2026-11-24T10:00:00.123Z'),
	};
}

import type { FlowEnd, Observation } from '../../functions/policy/model.ts';
import { createSnapshot, encodeSnapshot } from '../../functions/snapshot/canonical.ts';
import type { Stored, StoredEntry } from '../adapters/logging/server.ts';
import { createRandom } from '../random.ts';
import { generateCluster } from './cluster.ts';
import { SEED } from './engine.ts';
import { generateEntries } from './entries.ts';

const CLUSTER = { project: 'p', location: 'europe-west1', name: 'c' };
/** From then on the snapshot holds, and entries come, for a day. */
export const BEGIN = '2026-11-24T00:00:00Z';
export const END = '2026-11-25T00:00:00Z';
const DAY_NS = 86_400_000_000_000n;
/** Distinct flows: what a cluster's workloads do, they do again and again. */
const FLOWS = 5000;
/** One entry in so many is of a cluster without a snapshot, and one can never be judged. */
const UNDECIDABLE_EVERY = 100;
const REJECTED_EVERY = 1000;

/** Whether the entry at that place can never be judged. */
export const isRefused = (index: number): boolean => index % REJECTED_EVERY === REJECTED_EVERY - 1;

export interface History extends Stored {
	/** Of the cluster, as a file. */
	readonly snapshot: Uint8Array;
	/** The insertIds are `e` and the place: this many of them end as rows, the others are refused. */
	readonly judged: number;
}

/**
 * A day of a cluster's policy-action log, seeded: entry by entry, in any order, so that a million of them take no memory. Allowed and denied
 * flows between the Pods of some two hundred workloads, under two hundred policies.
 */
export function generateHistory(length: number): History {
	const random = createRandom(SEED);
	const state = generateCluster({ policies: 200, pods: 2000, random });
	const flows = JSON.parse(generateEntries(state, { count: FLOWS, random })) as Observation[];
	const refused = Math.floor(length / REJECTED_EVERY);
	return {
		length,
		judged: length - refused,
		snapshot: encodeSnapshot(createSnapshot({ state: { ...state, cluster: CLUSTER }, validFrom: BEGIN })),
		at: (index) => toEntry(index, { flows, length }),
	};
}

function toEntry(index: number, { flows, length }: { flows: readonly Observation[]; length: number }): StoredEntry {
	const random = createRandom(SEED + index);
	const { flow, disposition } = random.pick(flows);
	const { direction, source, destination, protocol, port } = flow;
	const ns = (BigInt(index) * DAY_NS) / BigInt(length) + BigInt(random.below(1000));
	const at = (plusNs: bigint): string => timeOf(ns + plusNs);
	const node = 'node-1';
	return {
		insertId: `e${index}`,
		jsonPayload: {
			connection: {
				src_ip: source.ip,
				src_port: 33_000 + random.below(20_000),
				dest_ip: destination.ip,
				dest_port: port,
				protocol: protocol.toLowerCase(),
				direction: isRefused(index) ? 'sideways' : direction,
			},
			disposition,
			count: 1 + random.below(5),
			node_name: node,
			src: endOf(source),
			dest: endOf(destination),
		},
		logName: 'projects/p/logs/policy-action',
		receiveTimestamp: at(3_000_000_000n),
		resource: {
			labels: {
				cluster_name: index % UNDECIDABLE_EVERY === 0 ? 'other' : CLUSTER.name,
				location: CLUSTER.location,
				node_name: node,
				project_id: CLUSTER.project,
			},
			type: 'k8s_node',
		},
		timestamp: at(0n),
	};
}

const endOf = ({ ip, pod }: FlowEnd) =>
	pod ? { namespace: pod.namespace, pod_name: pod.name, pod_namespace: pod.namespace } : { instance: ip };

function timeOf(ns: bigint): string {
	const second = new Date(Date.parse(BEGIN) + Number(ns / 1_000_000_000n) * 1000).toISOString().slice(0, -'.000Z'.length);
	const fraction = String(ns % 1_000_000_000n)
		.padStart(9, '0')
		.replace(/0+$/, '');
	return fraction === '' ? `${second}Z` : `${second}.${fraction}Z`;
}

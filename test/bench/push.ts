import type { ClusterState, FlowEnd, Observation } from '../../functions/policy/model.ts';
import { createRandom } from '../random.ts';
import { generateCluster } from './cluster.ts';
import { SEED } from './engine.ts';
import { generateEntries } from './entries.ts';

/** The cluster that the entries are of, and its snapshot, valid and seen around their time. */
export const CLUSTER = { project: 'p', location: 'europe-west1', name: 'c' };
export const VALID_FROM = '2026-11-24T09:55:00Z';
export const SEEN_UNTIL = '2026-11-24T10:05:00Z';
export const generateState = (): ClusterState => generateCluster({ policies: 1000, pods: 10_000, random: createRandom(SEED) });

const ID_LENGTH = 12;
/** A multiple of three bytes, so that the id, which is one as well, can be exchanged within base64. */
const ID_START = '{ "insertId": "'.length;

const idOf = (index: number): string => String(index).padStart(ID_LENGTH, '0');

const endOf = ({ pod }: FlowEnd) => (pod ? { pod_name: pod.name, pod_namespace: pod.namespace, namespace: pod.namespace } : undefined);

/** A LogEntry as JSON. */
function logEntry({ flow, disposition, timestamp }: Observation, index: number): string {
	const { direction, source, destination, protocol, sourcePort, port } = flow;
	const rest = {
		jsonPayload: {
			connection: {
				src_ip: source.ip,
				src_port: sourcePort,
				dest_ip: destination.ip,
				dest_port: port,
				protocol: protocol.toLowerCase(),
				direction,
			},
			disposition,
			count: 1 + (index % 5),
			node_name: 'node-1',
			src: endOf(source) ?? { instance: source.ip },
			dest: endOf(destination) ?? { instance: destination.ip },
		},
		resource: { type: 'k8s_node', labels: { project_id: 'p', location: 'europe-west1', cluster_name: 'c', node_name: 'node-1' } },
		timestamp,
		logName: 'projects/p/logs/policy-action',
		receiveTimestamp: '2026-11-24T10:00:01.5Z',
	};
	return `{ "insertId": "${idOf(index)}",${JSON.stringify(rest).slice(1)}`;
}

/** That many distinct entries, as the data of messages. */
export function generateData(state: ClusterState, { count, seed = SEED }: { count: number; seed?: number }): Buffer[] {
	const observations = JSON.parse(generateEntries(state, { count, random: createRandom(seed) })) as Observation[];
	return observations.map((observation, index) => Buffer.from(logEntry(observation, index)));
}

const HEAD = 'POST / HTTP/1.1\r\nhost: f\r\ncontent-type: application/json\r\ncontent-length: ';

/**
 * Push requests in the wrapped form, without an end, none with the id of another: written once, and from then on only their ids are
 * exchanged, so that the sender costs little.
 */
export function createPushes(data: readonly Buffer[]): () => Buffer {
	const pushes = data.map((entry) => {
		const publishTime = '2026-11-24T10:00:02Z';
		const attributes = { 'logging.googleapis.com/timestamp': '2026-11-24T10:00:00.123456789Z' };
		const ids = { messageId: '12345678901234567', message_id: '12345678901234567', publishTime, publish_time: publishTime };
		const message = { data: entry.toString('base64'), attributes, ...ids };
		const body = JSON.stringify({ message, subscription: 'projects/p/subscriptions/s', deliveryAttempt: 1 });
		const text = `${HEAD}${Buffer.byteLength(body)}\r\n\r\n${body}`;
		return { bytes: Buffer.from(text), at: text.indexOf(message.data) + (ID_START / 3) * 4 };
	});
	let sent = 0;
	return () => {
		const { bytes, at } = pushes[sent % pushes.length] as (typeof pushes)[number];
		bytes.write(Buffer.from(idOf(sent++)).toString('base64'), at, 'latin1');
		return bytes;
	};
}

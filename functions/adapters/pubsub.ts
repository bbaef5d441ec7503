import type { Topic } from '@google-cloud/pubsub';
import type { SnapshotRequest } from '../ports.ts';

/** A message to publish. */
export interface Outgoing {
	readonly data: Uint8Array;
	readonly attributes: Readonly<Record<string, string>>;
}

export type Publish = (message: Outgoing) => Promise<void>;

export interface PubsubOptions {
	/** `projects/PROJECT/topics/TOPIC`. */
	readonly topic: string;
	/** How long one publish may take, with the client's own attempts. */
	readonly timeoutMs?: number;
}

/** Resolves once Pub/Sub has the message. The client is loaded and made with the first one: it costs 0.4 s, and most instances never publish. */
export function createPublisher({ topic: name, timeoutMs = 5000 }: PubsubOptions): Publish {
	let opening: Promise<Topic> | undefined;
	const open = async (): Promise<Topic> => {
		const { PubSub } = await import('@google-cloud/pubsub');
		// Told its project, the client does not ask the metadata server for it.
		const client = new PubSub({ projectId: name.split('/')[1] ?? '' });
		// One message is a whole batch: there is no second one to wait for.
		return client.topic(name, { batching: { maxMessages: 1 }, gaxOpts: { timeout: timeoutMs } });
	};
	return async function publish({ data, attributes }) {
		opening ??= open();
		await (await opening).publishMessage({ data: Buffer.from(data), attributes });
	};
}

/** Publishes requests for snapshots: the request as JSON, and its cluster as the attribute `cluster`. */
export function createSnapshotPublisher(options: PubsubOptions): (request: SnapshotRequest) => Promise<void> {
	const publish = createPublisher(options);
	return ({ cluster, ...request }) => {
		const { project, location, name } = cluster;
		const path = `${project === undefined ? '' : `projects/${project}/`}locations/${location}/clusters/${name}`;
		return publish({ data: Buffer.from(JSON.stringify({ cluster, ...request })), attributes: { cluster: path } });
	};
}

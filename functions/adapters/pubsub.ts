import type { Topic } from '@google-cloud/pubsub';
import type { SnapshotRequest } from '../ports.ts';

export interface PubsubOptions {
	/** `projects/PROJECT/topics/TOPIC`. */
	readonly topic: string;
	/** How long one publish may take, with the client's own attempts. */
	readonly timeoutMs?: number;
}

/**
 * Publishes requests for snapshots: the request as JSON, and its cluster as the attribute `cluster`. The client is loaded and made when the
 * first one is made, because it costs 0.4 s and most instances never ask.
 */
export function createSnapshotPublisher({ topic: name, timeoutMs = 5000 }: PubsubOptions): (request: SnapshotRequest) => Promise<void> {
	let opening: Promise<Topic> | undefined;
	const open = async (): Promise<Topic> => {
		const { PubSub } = await import('@google-cloud/pubsub');
		// Told its project, the client does not ask the metadata server for it.
		const client = new PubSub({ projectId: name.split('/')[1] ?? '' });
		// One message is a whole batch: there is no second one to wait for.
		return client.topic(name, { batching: { maxMessages: 1 }, gaxOpts: { timeout: timeoutMs } });
	};
	return async function publish(request) {
		opening ??= open();
		const topic = await opening;
		const { project, location, name: cluster } = request.cluster;
		const path =
			project === undefined ? `locations/${location}/clusters/${cluster}` : `projects/${project}/locations/${location}/clusters/${cluster}`;
		await topic.publishMessage({ json: request, attributes: { cluster: path } });
	};
}

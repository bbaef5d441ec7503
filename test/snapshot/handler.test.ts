import type { AddressInfo } from 'node:net';
import { http } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import { equal, is, match } from 'uvu/assert';
import type { Collected } from '../../functions/snapshot/collector.ts';
import { type Collection, createSnapshotFunction, type SnapshotLine } from '../../functions/snapshot/handler.ts';
import type { Trigger } from '../../functions/snapshot/trigger.ts';
import { describe } from '../describe.ts';

const CLUSTER = 'projects/p/locations/europe-west1/clusters/c';
const COLLECTED: Collected<Collection> = {
	kind: 'collected',
	result: { snapshotId: 's', saved: 'changed', problems: 0, unreadableKinds: [] },
};

interface Answer {
	readonly status: number;
	readonly text: string;
	readonly lines: readonly SnapshotLine[];
	readonly triggers: readonly Trigger[];
}

async function push(
	document: unknown,
	answer: (trigger: Trigger) => Promise<Collected<Collection>> = async () => COLLECTED,
): Promise<Answer> {
	const lines: SnapshotLine[] = [];
	const triggers: Trigger[] = [];
	const now = () => new Date('2026-03-04T05:00:09Z');
	const ports = {
		answer: (trigger: Trigger) => {
			triggers.push(trigger);
			return answer(trigger);
		},
		log: (line: SnapshotLine) => lines.push(line),
		now,
		projectId: 'own',
	};
	http('snapshot', createSnapshotFunction(ports));
	const server = getTestServer('snapshot');
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	try {
		const data = Buffer.from(JSON.stringify(document)).toString('base64');
		const message = { data, messageId: '7', publishTime: '2026-03-04T05:00:05Z' };
		const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, {
			method: 'POST',
			headers: { 'content-type': 'application/json', 'x-cloud-trace-context': `${'0123456789abcdef'.repeat(2)}/1` },
			body: JSON.stringify({ message, subscription: 's' }),
		});
		return { status: response.status, text: await response.text(), lines, triggers };
	} finally {
		server.closeAllConnections();
		server.close();
	}
}

describe('the snapshot function', (it) => {
	it('acknowledges a request once the cluster was collected, with one line in the log', async () => {
		const { status, lines, triggers } = await push({ cluster: CLUSTER, reason: 'schedule' });
		is(status, 204);
		equal(triggers, [
			{ cluster: { project: 'p', location: 'europe-west1', name: 'c' }, reason: 'schedule', requestedAt: '2026-03-04T05:00:05Z' },
		]);
		equal(lines, [
			{
				severity: 'INFO',
				message: `${CLUSTER} has another state`,
				outcome: 'changed',
				snapshot_id: 's',
				unreadable_kinds: [],
				problems: 0,
				cluster: CLUSTER,
				reason: 'schedule',
				message_id: '7',
				took_ms: 0,
				'logging.googleapis.com/trace': `projects/own/traces/${'0123456789abcdef'.repeat(2)}`,
			},
		]);
	});

	it('warns where something of the cluster could not be read', async () => {
		const result = { snapshotId: 's', saved: 'unchanged', problems: 0, unreadableKinds: ['FQDNNetworkPolicy'] } as const;
		const { lines } = await push({ cluster: CLUSTER }, async () => ({ kind: 'collected', result }));
		equal([lines[0]?.severity, lines[0]?.unreadable_kinds], ['WARNING', ['FQDNNetworkPolicy']]);
	});

	it('is done where another collection had begun since', async () => {
		const { status, lines } = await push({ cluster: CLUSTER }, async () => ({ kind: 'collapsed' }));
		equal([status, lines[0]?.outcome, lines[0]?.severity], [204, 'collapsed', 'INFO']);
	});

	it('does not acknowledge what could not be collected, and says why in the log alone', async () => {
		const { status, text, lines } = await push({ cluster: CLUSTER, reason: 'flagged' }, () =>
			Promise.reject(new Error('GET /api/v1/pods: ECONNREFUSED')),
		);
		equal([status, text], [503, 'not-collected\n']);
		equal([lines[0]?.severity, lines[0]?.outcome, lines[0]?.reason], ['ERROR', 'retry', 'flagged']);
		is(lines[0]?.message, `${CLUSTER} was not collected: GET /api/v1/pods: ECONNREFUSED`);
	});

	it('acknowledges a request for a cluster that does not exist, or no longer: to deliver it for days would not make one', async () => {
		const { status, lines } = await push({ cluster: CLUSTER, reason: 'schedule' }, () =>
			Promise.reject(Object.assign(new Error('GKE does not describe it: Not found'), { retriable: false })),
		);
		equal([status, lines.length, lines[0]?.severity, lines[0]?.outcome], [204, 1, 'ERROR', 'refused']);
		is(lines[0]?.message, `${CLUSTER} was not collected: GKE does not describe it: Not found`);
	});

	it('acknowledges what concerns no snapshot, and what nobody will ever understand, and collects nothing', async () => {
		const read = { protoPayload: { methodName: 'io.k8s.core.v1.pods.create' }, resource: {} };
		for (const [document, outcome, severity] of [
			[read, 'ignored', 'INFO'],
			[{ cluster: 'c' }, 'refused', 'ERROR'],
			[[], 'refused', 'ERROR'],
		] as const) {
			const { status, lines, triggers } = await push(document);
			equal([status, triggers.length, lines[0]?.outcome, lines[0]?.severity], [204, 0, outcome, severity], JSON.stringify(document));
		}
	});

	it('takes a cluster without a project for one of its own', async () => {
		const { triggers, lines } = await push({ cluster: { location: 'l', name: 'c' }, reason: 'no-snapshot' });
		equal(triggers[0]?.cluster, { project: 'own', location: 'l', name: 'c' });
		match(lines[0]?.message ?? '', /^projects\/own\/locations\/l\/clusters\/c /);
	});
});

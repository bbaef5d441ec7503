/** Lines of the log as the deployed functions write them: each function is called with what leads to each of its outcomes. */
import type { AddressInfo } from 'node:net';
import { type HttpFunction, http } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import { createAlert } from '../../functions/alert/handler.ts';
import { toJsonMessage } from '../../functions/alert/message/json.ts';
import { FLOOD } from '../../functions/alert/plan.ts';
import { createIngest } from '../../functions/ingest/handler.ts';
import type { AlertStore, Posted } from '../../functions/ports.ts';
import { type Collection, createSnapshotFunction, type SnapshotPorts } from '../../functions/snapshot/handler.ts';
import { NOON_MS, problemOf } from '../alert/sample.ts';
import { entry, portsWith, warehouseOf } from '../ingest/sample.ts';

export type Line = Readonly<Record<string, unknown>>;

/** The lines of ingest: stored, rejected, not acknowledged, no message at all. */
export async function ingestLines(): Promise<readonly Line[]> {
	const lines: Line[] = [];
	const log = (line: object): void => void lines.push({ ...line });
	const warehouse = warehouseOf(async () => {
		throw new Error('disk full');
	});
	await send(createIngest({ ...portsWith(), log }), [messageOf(entry), messageOf('no entry'), {}]);
	await send(createIngest({ ...portsWith({ warehouse }), log }), [messageOf(entry)]);
	return lines;
}

const SAVED: readonly Collection['saved'][] = ['changed', 'unchanged', 'rewritten', 'older'];

/** The lines of the snapshot function, of a cluster by its name: collected, collected since, ignored, not collected, never to be. */
export async function snapshotLines(cluster: string): Promise<readonly Line[]> {
	const lines: Line[] = [];
	const log = (line: object): void => void lines.push({ ...line });
	const answers: readonly SnapshotPorts['answer'][] = [
		...SAVED.map((saved) => async () => ({
			kind: 'collected' as const,
			result: { snapshotId: 's', saved, problems: 0, unreadableKinds: [] },
		})),
		async () => ({ kind: 'collapsed' as const }),
		async () => {
			throw new Error('no answer');
		},
		async () => {
			throw Object.assign(new Error('no such cluster'), { retriable: false });
		},
	];
	for (const answer of answers) {
		const collect = createSnapshotFunction({ answer, log, now: () => new Date('2026-03-04T05:00:09Z'), projectId: 'own' });
		await send(collect, [messageOf({ cluster, reason: 'schedule' })]);
	}
	const [answer] = answers as [SnapshotPorts['answer']];
	const ignore = createSnapshotFunction({ answer, log, now: () => new Date('2026-03-04T05:00:09Z'), projectId: 'own' });
	await send(ignore, [messageOf({ protoPayload: { methodName: 'io.k8s.core.v1.pods.create' } }), messageOf('no request')]);
	return lines;
}

const TIMING = { groupWaitMs: 0, groupIntervalMs: 300_000, repeatMs: 86_400_000, quietMs: 14_400_000 };

/** The lines of the alert function: a problem posted, one that is refused beside another, one that is not posted, a store that does not answer, nothing to tell. */
export async function alertLines(): Promise<readonly Line[]> {
	const lines: Line[] = [];
	const problem = problemOf();
	const nothing = async (): Promise<void> => undefined;
	const store: AlertStore = {
		readProblems: async () => ({ problems: [problem], complete: true }),
		readDetails: async () => new Map(),
		readMemory: async () => [],
		readSilences: async () => [],
		readFixed: async () => [],
		readRivals: async () => [],
		claim: nothing,
		withdraw: nothing,
		settle: nothing,
		release: nothing,
	};
	const run = (changes: { readonly store?: Partial<AlertStore>; readonly posted?: readonly Posted[] }): Promise<void> => {
		const answers = [...(changes.posted ?? [])];
		const told = createAlert({
			store: { ...store, ...changes.store },
			channel: { threads: false, post: async () => answers.shift() ?? { kind: 'posted' } },
			render: toJsonMessage,
			renderPlain: toJsonMessage,
			log: (line) => void lines.push({ ...line }),
			now: () => new Date(NOON_MS),
			newRun: () => 'run',
			timing: TIMING,
			flood: FLOOD,
			settleMs: 600_000,
			dataset: 'p.d',
		});
		return send(told, [{}]);
	};
	await run({});
	const refused: Posted = { kind: 'refused', detail: 'invalid_blocks' };
	const two = async () => ({ problems: [problem, problemOf({ rule: 'bbbb' })], complete: true });
	await run({ store: { readProblems: two }, posted: [{ kind: 'posted' }, refused, refused] });
	await run({ posted: [{ kind: 'broken', detail: 'no_service' }] });
	await run({ store: { readProblems: () => Promise.reject(new Error('no answer')) } });
	await run({ store: { readProblems: async () => ({ problems: [], complete: true }) } });
	return lines;
}

const messageOf = (value: unknown): unknown => ({
	message: { data: Buffer.from(JSON.stringify(value)).toString('base64'), messageId: '7', publishTime: '2026-03-04T05:00:05Z' },
	subscription: 's',
});

/** Serves a function as it is deployed, and pushes to it. */
async function send(pushed: HttpFunction, bodies: readonly unknown[]): Promise<void> {
	http('terraform', pushed);
	const server = getTestServer('terraform');
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	try {
		for (const body of bodies)
			await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, {
				method: 'POST',
				headers: { 'content-type': 'application/json' },
				body: JSON.stringify(body),
			});
	} finally {
		server.closeAllConnections();
		server.close();
	}
}

/** What goes wrong. Times are those of tests: a second of the retry policy lasts a millisecond, unless a scenario says otherwise. */
import type { Random } from '../random.ts';
import type { Fault, InsertAllRequest } from '../servers/insert-all.ts';
import { backoffSeconds, RETRY } from './pusher.ts';
import type { ScenarioOf, Stage } from './scenario.ts';

const HOUR_SECONDS = 3600;

/** Small groups, so that there are many requests to fail. */
const SMALL_GROUPS = { GROUP_ROWS: '10', LINGER_MS: '5' };
/** The warehouse forgets insertIds at once: copies are stored, and only the views drop them. */
const FORGETFUL = { dedupMs: 1 };

const STATUSES = [
	{ status: 500, reason: 'internalError' },
	{ status: 502, body: '<html>Bad Gateway</html>' },
	{ status: 503, reason: 'backendError' },
	{ status: 429, reason: 'rateLimitExceeded', headers: { 'retry-after': '1' } },
	{ status: 403, reason: 'quotaExceeded' },
];

const randomStatus = (random: Random): Fault => ({ kind: 'status', ...random.pick(STATUSES), stored: random.next() < 0.3 });

/** One key in ten. */
const isRefused = (key: string): boolean => key.endsWith('7');

/** What BigQuery does to rows that it can never store: it says so, or fails before it could look at them. */
function refuseBad({ table, rows }: InsertAllRequest, fault: Fault | undefined): Fault | undefined {
	const bad = table === 'verdicts_v1' ? rows.filter(({ json }) => isRefused(String(json['insert_id']))) : [];
	if (bad.length === 0) return fault;
	if (fault) return 'stored' in fault ? { ...fault, stored: false } : fault;
	return { kind: 'refuse', insertIds: bad.map(({ insertId = '' }) => insertId) };
}

/** Some requests fail, drawn by their order. */
const sometimes =
	(random: Random, share: number, fault: () => Fault): ((request: InsertAllRequest) => Fault | undefined) =>
	() =>
		random.next() < share ? fault() : undefined;

const copiesIn = ({ server }: Stage): number =>
	server.rows('verdicts_v1').length - new Set(server.rows('verdicts_v1').map(({ json }) => json['entry_id'])).size;

const answered = ({ pusher }: Stage, answer: string): number => pusher.answers().get(answer) ?? 0;

const redelivered = ({ pusher, messages }: Stage): string | undefined =>
	pusher.attempts() > messages.length ? undefined : 'nothing was delivered again';

export const SCENARIOS: readonly ScenarioOf[] = [
	() => ({ name: 'nothing fails', messages: 1000 }),

	(random) => ({
		name: 'BigQuery answers 500, 502, 503, 429 and 403 at random',
		env: { ...SMALL_GROUPS, PATIENCE_SECONDS: '1' },
		server: FORGETFUL,
		faults: sometimes(random, 0.5, () => randomStatus(random)),
		missed: (stage) => redelivered(stage) ?? (copiesIn(stage) > 0 ? undefined : 'nothing was stored twice'),
	}),

	(random) => ({
		name: 'BigQuery resets connections before and after it stored',
		env: { ...SMALL_GROUPS, PATIENCE_SECONDS: '1' },
		server: FORGETFUL,
		faults: sometimes(random, 0.5, () => ({ kind: 'reset', stored: random.next() < 0.5 })),
		missed: (stage) => (copiesIn(stage) > 0 ? undefined : 'nothing was stored twice'),
	}),

	(random) => ({
		name: 'BigQuery stores and answers after the time-out, or never',
		env: { ...SMALL_GROUPS, PATIENCE_SECONDS: '1', INSERTS: '16' },
		server: FORGETFUL,
		faults: sometimes(random, 0.25, () => ({ kind: 'hang', stored: random.next() < 0.7, ...(random.next() < 0.7 && { afterMs: 1500 }) })),
		missed: (stage) => redelivered(stage) ?? (copiesIn(stage) > 0 ? undefined : 'nothing was stored twice'),
	}),

	(random) => ({
		name: 'BigQuery refuses single rows, and fails besides',
		env: SMALL_GROUPS,
		refused: isRefused,
		faults: (request) => refuseBad(request, random.next() < 0.2 ? randomStatus(random) : undefined),
		missed: ({ server }) => (server.rows('rejects_v1').some(({ json }) => json['reason'] === 'row-refused') ? undefined : 'no row refused'),
	}),

	() => {
		const sinceMs = performance.now();
		let outageMs = 0;
		return {
			// Refused at once, so that as many attempts as there can be fall into the hour.
			name: 'BigQuery refuses everything for an hour, at a second to the millisecond',
			messages: 300,
			push: { inFlight: 128 },
			faults: () => {
				outageMs ||= performance.now();
				return performance.now() - outageMs < HOUR_SECONDS ? { kind: 'status', status: 403, reason: 'accessDenied' } : undefined;
			},
			missed: ({ pusher }) => {
				if (performance.now() - sinceMs < HOUR_SECONDS) return 'it took no hour';
				if (leastSecondsToDeadLetter() < 2 * HOUR_SECONDS) return 'the attempts do not outlast an hour by far';
				return pusher.mostAttempts() > 5 && pusher.mostAttempts() < RETRY.maxAttempts / 2
					? undefined
					: `a message was delivered ${pusher.mostAttempts()} times`;
			},
		};
	},

	(random) => ({
		name: 'the snapshot store answers 503, then at random and slowly',
		env: { PATIENCE_SECONDS: '5' },
		spreadMs: 7000,
		push: { ackDeadlineMs: 8000 },
		bucketFaults: (number) => {
			if (number < 7) return { kind: 'status', status: 503 };
			return random.next() < 0.5 ? { kind: 'status', status: 503 } : { kind: 'slow', ms: 600 };
		},
		missed: redelivered,
	}),

	() => ({
		name: 'the snapshot store hangs beyond the ack deadline',
		messages: 300,
		env: { PATIENCE_SECONDS: '12' },
		push: { ackDeadlineMs: 2000, inFlight: 100 },
		bucketFaults: (number) => (number === 0 ? { kind: 'hang' } : { kind: 'slow', ms: 100 }),
		missed: (stage) => (answered(stage, 'late') > 0 ? undefined : 'no push was late'),
	}),

	() => ({
		name: 'SIGKILL in the middle, twice',
		messages: 800,
		env: SMALL_GROUPS,
		server: { ...FORGETFUL, latencyMs: 30 },
		async act({ acked, restart }) {
			await acked(200);
			await restart('SIGKILL');
			await acked(500);
			await restart('SIGKILL');
		},
		missed: redelivered,
	}),

	() => ({
		name: 'SIGTERM in the middle, twice',
		messages: 800,
		env: SMALL_GROUPS,
		server: { ...FORGETFUL, latencyMs: 30 },
		async act({ acked, restart }) {
			await acked(200);
			await restart('SIGTERM');
			await acked(500);
			await restart('SIGTERM');
		},
		missed: redelivered,
	}),

	() => ({
		name: 'duplicates, out of order',
		messages: 1000,
		server: FORGETFUL,
		push: { duplicates: 0.5, reorder: true },
		missed: (stage) => (copiesIn(stage) > 100 ? undefined : 'nothing was stored twice'),
	}),

	() => ({
		name: 'a burst above the bound of the queue',
		env: { QUEUE_ROWS: '20', INSERTS: '1', GROUP_ROWS: '10' },
		server: { latencyMs: 20 },
		push: { inFlight: 200 },
		missed: (stage) => (answered(stage, '429') > 0 ? undefined : 'nothing was turned away'),
	}),

	() => {
		let appeared = false;
		return {
			// What was undecidable is published again, as it is judged again later: the views take the better row.
			name: 'the snapshot appears late',
			bucketFaults: () => (appeared ? undefined : { kind: 'empty' }),
			async act({ acked, messages, pusher }) {
				await acked(messages.length);
				appeared = true;
				// For so long the function knows of no snapshot.
				await new Promise((resolve) => setTimeout(resolve, 5500));
				pusher.publish(messages);
			},
			missed: ({ server, messages }) => {
				const undecidable = server.rows('verdicts_v1').filter(({ json }) => json['finding'] === 'undecidable');
				return undecidable.length > messages.length / 2 ? undefined : 'nothing was undecidable at first';
			},
		};
	},

	(random) => ({
		name: 'all at once: failures, duplicates, a full queue, SIGKILL and SIGTERM',
		messages: 1000,
		env: { ...SMALL_GROUPS, QUEUE_ROWS: '40', PATIENCE_SECONDS: '1' },
		server: { ...FORGETFUL, latencyMs: 10 },
		push: { duplicates: 0.2, reorder: true, inFlight: 128 },
		refused: isRefused,
		faults: (request) => {
			const drawn = random.next();
			if (drawn < 0.15) return refuseBad(request, randomStatus(random));
			if (drawn < 0.25) return refuseBad(request, { kind: 'reset', stored: random.next() < 0.5 });
			return refuseBad(request, drawn < 0.28 ? { kind: 'hang', stored: true } : undefined);
		},
		bucketFaults: () => (random.next() < 0.4 ? { kind: 'status', status: 503 } : undefined),
		async act({ acked, restart }) {
			await acked(300);
			await restart('SIGKILL');
			await acked(600);
			await restart('SIGTERM');
		},
		missed: redelivered,
	}),
];

/** How long a message is tried at the least before it is dead-lettered: the pauses alone. */
export function leastSecondsToDeadLetter(): number {
	let seconds = 0;
	for (let attempts = 1; attempts < RETRY.maxAttempts; attempts++) seconds += backoffSeconds(attempts);
	return seconds;
}

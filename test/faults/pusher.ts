/** Stands for a Pub/Sub push subscription with a retry policy and a dead-letter policy. */
import { Agent, request } from 'node:http';
import type { Random } from '../random.ts';

export interface PushMessage {
	readonly id: string;
	readonly data: string;
}

export interface PusherOptions {
	/** Where the function serves: another place once it was started again. */
	readonly url: () => string;
	readonly random: Random;
	/** Called as soon as the message is acknowledged, for each of its copies. */
	readonly onAck: (message: PushMessage) => void;
	/** Pushes under way at once. */
	readonly inFlight?: number;
	/** A push that takes longer is given up and made again. */
	readonly ackDeadlineMs?: number;
	/** What a second of the retry policy lasts, in ms. */
	readonly secondMs?: number;
	/** The share of messages that are delivered twice. */
	readonly duplicates?: number;
	readonly reorder?: boolean;
}

export interface Pusher {
	/** Publishes them, evenly over that time. */
	publish(messages: readonly PushMessage[], spreadMs?: number): void;
	/** Resolves once every copy was acknowledged or dead-lettered. */
	idle(): Promise<void>;
	/** Different messages. */
	acked(): number;
	/** Over all messages. */
	attempts(): number;
	/** How often the most delivered message was delivered. */
	mostAttempts(): number;
	deadLettered(): number;
	/** How often each answer came: a status, an error's code, or `late`. */
	answers(): ReadonlyMap<string, number>;
	close(): void;
}

/** The retry policy and the dead-letter policy of the deployed subscription. */
export const RETRY = { leastSeconds: 10, mostSeconds: 600, maxAttempts: 100 } as const;

const ACKNOWLEDGEMENTS: ReadonlySet<string> = new Set(['102', '200', '201', '202', '204']);
const SUBSCRIPTION = 'projects/p/subscriptions/faults';

/** The pause after that many attempts, the first being 1. */
export const backoffSeconds = (attempts: number): number => Math.min(RETRY.mostSeconds, RETRY.leastSeconds * 2 ** (attempts - 1));

interface State {
	readonly message: PushMessage;
	attempts: number;
	acked: boolean;
	dead: boolean;
}

interface Delivery {
	readonly state: State;
	/** After an attempt that was not acknowledged. */
	readonly again: boolean;
}

export function createPusher(options: PusherOptions): Pusher {
	const { url, random, onAck, inFlight = 64, ackDeadlineMs = 4000, secondMs = 1, duplicates = 0, reorder = false } = options;
	const agent = new Agent({ keepAlive: true, maxSockets: inFlight });
	const states = new Map<string, State>();
	const ready: Delivery[] = [];
	const timers = new Set<NodeJS.Timeout>();
	const answers = new Map<string, number>();
	let waiters: (() => void)[] = [];
	/** Copies that have not come to their end. */
	let open = 0;
	let flying = 0;
	let closed = false;

	function later(ms: number, delivery: Delivery): void {
		const timer = setTimeout(() => {
			timers.delete(timer);
			ready.push(delivery);
			pump();
		}, ms);
		timers.add(timer);
	}

	function pump(): void {
		while (!closed && flying < inFlight && ready.length > 0) {
			flying++;
			void deliver(ready.shift() as Delivery).finally(() => {
				flying--;
				pump();
			});
		}
	}

	async function deliver({ state, again }: Delivery): Promise<void> {
		// Another copy of it ended meanwhile, and nothing is owed any more.
		if (again && (state.acked || state.dead)) return end();
		state.attempts++;
		const answer = await post(url(), { state, agent, ackDeadlineMs });
		if (closed) return;
		answers.set(answer, (answers.get(answer) ?? 0) + 1);
		if (ACKNOWLEDGEMENTS.has(answer)) {
			state.acked = true;
			onAck(state.message);
			return end();
		}
		if (state.attempts >= RETRY.maxAttempts) {
			state.dead ||= !state.acked;
			return end();
		}
		later(backoffSeconds(state.attempts) * secondMs, { state, again: true });
	}

	function end(): void {
		open--;
		if (open > 0) return;
		for (const resolve of waiters) resolve();
		waiters = [];
	}

	const count = (is: (state: State) => boolean): number => [...states.values()].filter(is).length;

	return {
		publish(messages, spreadMs = 0) {
			const copies = messages.flatMap((message) => {
				const state: State = states.get(message.id) ?? { message, attempts: 0, acked: false, dead: false };
				states.set(message.id, state);
				return random.next() < duplicates ? [state, state] : [state];
			});
			if (reorder) shuffle(copies, random);
			open += copies.length;
			for (const [index, state] of copies.entries()) {
				const first = { state, again: false };
				if (spreadMs > 0) later((spreadMs * index) / copies.length, first);
				else ready.push(first);
			}
			pump();
		},
		idle: () => (open === 0 ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve))),
		acked: () => count(({ acked }) => acked),
		attempts: () => [...states.values()].reduce((sum, { attempts }) => sum + attempts, 0),
		mostAttempts: () => [...states.values()].reduce((most, { attempts }) => Math.max(most, attempts), 0),
		deadLettered: () => count(({ dead }) => dead),
		answers: () => answers,
		close() {
			closed = true;
			for (const timer of timers) clearTimeout(timer);
			agent.destroy();
		},
	};
}

function shuffle<T>(list: T[], random: Random): void {
	for (let index = list.length - 1; index > 0; index--) {
		const other = random.below(index + 1);
		[list[index], list[other]] = [list[other] as T, list[index] as T];
	}
}

interface Post {
	readonly state: State;
	readonly agent: Agent;
	readonly ackDeadlineMs: number;
}

/** One push, in the wrapped form. Never rejects. */
function post(url: string, { state: { message, attempts }, agent, ackDeadlineMs }: Post): Promise<string> {
	const { id, data } = message;
	const published = { publishTime: '2026-03-04T05:06:09Z', publish_time: '2026-03-04T05:06:09Z' };
	const wrapped = { data: Buffer.from(data).toString('base64'), messageId: id, message_id: id, ...published, attributes: {} };
	const body = Buffer.from(JSON.stringify({ message: wrapped, subscription: SUBSCRIPTION, deliveryAttempt: attempts }));
	return new Promise((resolve) => {
		const headers = { 'content-type': 'application/json', 'content-length': body.length };
		const sent = request(url, { method: 'POST', agent, headers }, (response) => {
			clearTimeout(deadline);
			response.on('error', () => {}).resume();
			resolve(`${response.statusCode}`);
		});
		const deadline = setTimeout(() => {
			resolve('late');
			sent.destroy();
		}, ackDeadlineMs);
		sent.on('error', (error: NodeJS.ErrnoException) => {
			clearTimeout(deadline);
			resolve(error.code ?? error.message);
		});
		sent.end(body);
	});
}

import type { SnapshotStore } from '../../functions/ports.ts';
import type { Random } from '../random.ts';

/** Ends a run where it stands, as a kill does: nothing of it catches this. */
export const KILLED = new Error('killed');
/** What a store rejects with; whether it had done what it was asked to is not known. */
export const NO_ANSWER = new Error('no answer');

export interface Trouble {
	/** How often a run is killed, before or after what a call does. */
	readonly kill: number;
	/** How often a call rejects, after it did what it was asked to, or before. */
	readonly fail: number;
	/** How often a snapshot is stored and said not to be. */
	readonly deny: number;
}

/** Lets runs go on one at a time, from each call of the store to the next, in an order that the random numbers say. */
export function createInterleaving(random: Random, trouble: Trouble) {
	const waiting: (() => void)[] = [];
	const turn = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));
	const hits = (share: number): boolean => random.next() < share;

	async function call<T>(effect: () => Promise<T>): Promise<T> {
		await turn();
		if (hits(trouble.kill)) throw KILLED;
		if (hits(trouble.fail)) throw NO_ANSWER;
		const result = await effect();
		await turn();
		if (hits(trouble.kill)) throw KILLED;
		if (hits(trouble.fail)) throw NO_ANSWER;
		return result;
	}

	/** The store as one of the runs sees it. `after` is called when something was written, whatever the run hears of it. */
	const wrap = (store: SnapshotStore, after: () => Promise<void>): SnapshotStore => ({
		readNewest: (cluster) => call(() => store.readNewest(cluster)),
		write: (cluster, snapshot) =>
			call(async () => {
				const written = await store.write(cluster, snapshot);
				await after();
				return written && !hits(trouble.deny);
			}),
		replaceNewest: (...replacement) =>
			call(async () => {
				const replaced = await store.replaceNewest(...replacement);
				await after();
				return replaced;
			}),
		lease: store.lease,
	});

	/** Until all of them have ended. */
	async function settle<T>(runs: readonly Promise<T>[]): Promise<PromiseSettledResult<T>[]> {
		let open = true;
		const all = Promise.allSettled(runs).finally(() => {
			open = false;
		});
		while (open) {
			// Whoever is not waiting gets there within this.
			await new Promise((resolve) => setImmediate(resolve));
			waiting.splice(random.below(waiting.length), 1)[0]?.();
		}
		return all;
	}

	return { wrap, settle, pause: turn };
}

/** What was loaded, how much of the cache it takes, and for how long it is right. */
export interface Loaded<T> {
	readonly value: T;
	readonly size: number;
	readonly forMs: number;
}

/** Values by key. */
export interface Cache<T> {
	/** What is kept of a value that is still right; `undefined`: it has to be loaded. */
	peek(key: string): Pick<Loaded<T>, 'value'> | undefined;
	/** The value, loaded once however many ask for it at the same time. Rejects as the load does; a failed load is not kept. */
	get(key: string, load: () => Promise<Loaded<T>>): Promise<T>;
}

interface Kept<T> extends Loaded<T> {
	/** When its load began: the value may be as old as that. */
	readonly sinceMs: number;
}

/** Keeps what was asked for last, up to that size in all. What is larger by itself is loaded each time. */
export function createCache<T>({ maxSize, now }: { readonly maxSize: number; readonly now: () => Date }): Cache<T> {
	/** In the order of their last use. */
	const kept = new Map<string, Kept<T>>();
	const loading = new Map<string, Promise<T>>();
	/** Stands last: one cluster's entries come in rows. */
	let lastUsed: string | undefined;
	let size = 0;

	function drop(key: string): void {
		size -= kept.get(key)?.size ?? 0;
		kept.delete(key);
	}

	function keep(key: string, value: Kept<T>): void {
		drop(key);
		if (value.size > maxSize) return;
		kept.set(key, value);
		lastUsed = key;
		size += value.size;
		for (const oldest of kept.keys()) {
			if (size <= maxSize) return;
			drop(oldest);
		}
	}

	async function fill(key: string, load: () => Promise<Loaded<T>>): Promise<T> {
		const sinceMs = now().getTime();
		try {
			const loaded = await load();
			keep(key, { ...loaded, sinceMs });
			return loaded.value;
		} finally {
			loading.delete(key);
		}
	}

	function peek(key: string): Kept<T> | undefined {
		const found = kept.get(key);
		// A clock that was set back must not make a value last.
		if (!found || Math.abs(now().getTime() - found.sinceMs) >= found.forMs) return undefined;
		if (key !== lastUsed) {
			kept.delete(key);
			kept.set(key, found);
			lastUsed = key;
		}
		return found;
	}

	return {
		peek,
		async get(key, load) {
			const found = peek(key);
			if (found) return found.value;
			const running = loading.get(key) ?? fill(key, load);
			loading.set(key, running);
			return running;
		},
	};
}

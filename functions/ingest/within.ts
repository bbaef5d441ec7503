/** What the promise gives, or what `late` gives where it takes longer than that. Leaves no timer behind. */
export async function within<T>(ms: number, promise: Promise<T>, late: () => T | Promise<T>): Promise<T> {
	if (ms === Number.POSITIVE_INFINITY) return promise;
	let timer: NodeJS.Timeout | undefined;
	const over = new Promise<T>((resolve) => {
		timer = setTimeout(() => resolve(late()), ms);
	});
	try {
		return await Promise.race([promise, over]);
	} finally {
		clearTimeout(timer);
	}
}

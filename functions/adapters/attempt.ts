/** What every attempt at a request to Google shares, whichever service it is made to. */

/** Whether the same request may succeed later. */
export const isTransient = (status: number): boolean => status >= 500 || status === 408 || status === 429;

/** Getting a token cannot be cancelled, only left: whoever asks next is given the same one. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
	const { promise: aborted, reject } = Promise.withResolvers<never>();
	const stop = (): void => reject(signal.reason);
	signal.addEventListener('abort', stop);
	try {
		return await Promise.race([promise, aborted]);
	} finally {
		signal.removeEventListener('abort', stop);
	}
}

/** What every attempt at a request shares, whichever service it is made to. */

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

/** How long the answer says to wait. Retry-After is seconds or a date. */
export function retryAfterMs(retryAfter: string | undefined, nowMs: number): number {
	const text = retryAfter ?? '';
	const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
	return Number.isNaN(ms) ? 0 : Math.max(0, ms);
}

export function bounded(text: string, length: number): string {
	return text.length > length ? `${text.slice(0, length - 1).toWellFormed()}…` : text;
}

/** What stands between may repeat our headers in its answer. */
export function redact(text: string): string {
	return text.replace(/\b(Bearer\s+|ya29\.)[\w.~+/=-]+/gi, '$1…');
}

const MAX_TEXT = 500;
const MARK = '…';
/** Shorter ones would be found in every sentence. */
const MIN_SECRET = 6;
const TOKEN = /\bBearer\s+\S+|\bBasic\s+\S+|\bya29\.[\w.-]+|\beyJ[\w.-]{8,}/g;

/** Makes a text fit for a log: bounded, and without what the request was made with (its credentials, its continue token). */
export function createRedaction(path: string, headers: Headers): (text: string) => string {
	return (text) => {
		let plain = text;
		for (const secret of secretsOf(path, headers)) plain = plain.replaceAll(secret, MARK);
		plain = plain.replaceAll(TOKEN, MARK).replaceAll(/\s+/g, ' ').trim();
		return plain.length > MAX_TEXT ? `${plain.slice(0, MAX_TEXT)}${MARK}` : plain;
	};
}

function secretsOf(path: string, headers: Headers): string[] {
	const credentials = (headers.get('authorization') ?? '').split(/\s+/);
	const token = new URLSearchParams(path.split('?')[1] ?? '').get('continue') ?? '';
	return [...credentials, token, encodeURIComponent(token), startOf(token)].filter(({ length }) => length >= MIN_SECRET);
}

/** The name that a continue token holds, which an answer about a bad token may repeat. */
function startOf(token: string): string {
	try {
		const { start } = JSON.parse(Buffer.from(token, 'base64url').toString()) as { start?: unknown };
		// It ends in a zero byte, which a message would show in some other way.
		return typeof start === 'string' ? start.replaceAll('\0', '') : '';
	} catch {
		return '';
	}
}

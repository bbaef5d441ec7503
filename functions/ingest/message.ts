import { type Decoded, decodeEntry, type Rejected } from './decode.ts';
import { type RejectReason, refuse } from './refusal.ts';

/** A LogEntry has at most 256 KB; a policy-action entry one or two. All of it fits the column `rejects_v1.raw`. */
export const MAX_MESSAGE_BYTES = 1_000_000;

const UTF_8 = new TextDecoder('utf-8', { fatal: true });
/** In JSON text: what is to be kept (an escaped backslash, a whole surrogate pair), or else half a pair, or NUL. */
const UNSTORABLE_ESCAPE = /(\\\\|\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2})|\\u(?:[dD][89a-fA-F][\da-fA-F]{2}|0000)/g;

const rejected = (reason: RejectReason, detail: string): Rejected => ({ kind: 'rejected', ...refuse(reason, detail) });

/** Decodes the bytes of a message: one LogEntry as JSON in UTF-8. Numbers are doubles: one beyond 2^53 loses its last digits. */
export function decodeMessage(data: Uint8Array): Decoded {
	if (data.byteLength === 0) return rejected('empty', 'the message has no data');
	if (data.byteLength > MAX_MESSAGE_BYTES) return rejected('oversize', tooLong(data.byteLength));
	const text = decodeUtf8(data);
	return text === undefined ? rejected('not-json', 'the message is not JSON: it is no UTF-8 text') : decodeJson(text);
}

/** Decodes the text of a message, as `decodeMessage` does its bytes. */
export function decodeText(text: string): Decoded {
	if (text === '') return rejected('empty', 'the message has no data');
	// A character has three bytes at most: nearly no text has to be measured.
	const bytes = text.length * 3 > MAX_MESSAGE_BYTES ? Buffer.byteLength(text) : 0;
	if (bytes > MAX_MESSAGE_BYTES) return rejected('oversize', tooLong(bytes));
	return decodeJson(text.toWellFormed());
}

const tooLong = (bytes: number): string => `the message has ${bytes} bytes, and a log entry at most ${MAX_MESSAGE_BYTES}`;

function decodeJson(text: string): Decoded {
	try {
		return decodeEntry(JSON.parse(storable(text)));
	} catch (error) {
		// Anything else would be a bug of ours and not the sender's fault: the caller answers for it.
		if (error instanceof SyntaxError) return rejected('not-json', `the message is not JSON: ${error.message.toWellFormed()}`);
		throw error;
	}
}

function decodeUtf8(data: Uint8Array): string | undefined {
	try {
		return UTF_8.decode(data);
	} catch {
		return undefined;
	}
}

/** JSON can spell what no column can hold: halves of surrogate pairs, and NUL. They become U+FFFD, as a decoder of bytes would have it. */
const storable = (json: string): string =>
	json.includes('\\u') ? json.replace(UNSTORABLE_ESCAPE, (_, kept?: string) => kept ?? '\\ufffd') : json;

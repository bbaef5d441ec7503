/** Punctuation, a number or a word. */
const TOKEN = /[{}[\],:]|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y;

type Expected = 'value' | 'value-or-end' | 'key' | 'key-or-end' | 'colon' | 'comma-or-end' | 'nothing';

/**
 * Where JSON stops being JSON: the offset of the first token that has no business there, or the text's length. JSON.parse says so only for
 * some errors, and quotes the text, which may hold a secret. For text that JSON.parse refused.
 */
export function findJsonError(text: string): number {
	const open: string[] = [];
	let expected: Expected = 'value';
	let offset = 0;
	for (;;) {
		const start = skipSpace(text, offset);
		const end = endOfToken(text, start);
		const token = text[start] === '"' || end === undefined ? 'string' : text.slice(start, end);
		const next: Expected | undefined = end === undefined ? undefined : advance(expected, { token, open });
		if (end === undefined || !next) return start;
		expected = next;
		offset = end;
	}
}

function skipSpace(text: string, from: number): number {
	let offset = from;
	while (' \t\r\n'.includes(text[offset] ?? '.')) offset++;
	return offset;
}

/** `undefined` where there is no token. */
function endOfToken(text: string, start: number): number | undefined {
	if (text[start] === '"') return endOfString(text, start + 1);
	TOKEN.lastIndex = start;
	return TOKEN.test(text) ? TOKEN.lastIndex : undefined;
}

/** Without a regular expression for the whole: its stack is too small for long strings. */
function endOfString(text: string, from: number): number | undefined {
	for (let offset = from; offset < text.length; ) {
		const character = text[offset] as string;
		if (character === '"') return offset + 1;
		if (character < ' ') return undefined;
		ESCAPE.lastIndex = offset;
		if (character === '\\' && !ESCAPE.test(text)) return undefined;
		offset = character === '\\' ? ESCAPE.lastIndex : offset + 1;
	}
	return undefined;
}

/** What may follow a token; `undefined` where the token may not stand there. `open` holds the brackets that are open. */
function advance(expected: Expected, { token, open }: { token: string; open: string[] }): Expected | undefined {
	const afterValue = (): Expected => (open.length === 0 ? 'nothing' : 'comma-or-end');
	if (token === ']' || token === '}') {
		const empty = token === ']' ? 'value-or-end' : 'key-or-end';
		if (expected !== 'comma-or-end' && expected !== empty) return undefined;
		return open.pop() === (token === ']' ? '[' : '{') ? afterValue() : undefined;
	}
	if (token === ':') return expected === 'colon' ? 'value' : undefined;
	if (token === ',') return expected === 'comma-or-end' ? (open.at(-1) === '[' ? 'value' : 'key') : undefined;
	if (expected === 'key' || expected === 'key-or-end') return token === 'string' ? 'colon' : undefined;
	if (expected !== 'value' && expected !== 'value-or-end') return undefined;
	if (token !== '[' && token !== '{') return afterValue();
	open.push(token);
	return token === '[' ? 'value-or-end' : 'key-or-end';
}

/** A JSON value as it stood in a file, not yet parsed. */
export interface Value {
	readonly bytes: Buffer;
	/** Where it begins, from 1. */
	readonly line: number;
}

/** Splits bytes that come in pieces into JSON values, without holding more than one of them. */
export interface Splitter {
	push(chunk: Buffer): Value[];
	/** What is left, and whether the bytes ended inside an array. */
	end(): { readonly values: Value[]; readonly cut: boolean };
	/** Whether an array was there, even an empty one. */
	sawArray(): boolean;
}

/** The largest message that Pub/Sub takes. What is longer is cut to this, which the function refuses by its size all the same. */
export const MAX_VALUE_BYTES = 10_000_000;

const [NEWLINE, QUOTE, BACKSLASH, COMMA] = [10, 34, 92, 44];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [91, 93, 123, 125];
const isSpace = (byte: number | undefined): boolean => byte === 32 || byte === 9 || byte === 13 || byte === NEWLINE;

/**
 * Values in an array are told apart by their brackets, since one line may hold them all. Outside of an array a line is a value, so that a
 * broken one costs nothing but itself; only a line that leaves an object open in the way a formatter does goes on to the next.
 */
export function createSplitter(): Splitter {
	const lines = createLines();
	const array = createArray();
	let inArray = false;
	let seen = false;
	let line = 1;

	/** Outside of an array: the rest of the line, or the bracket that begins one. Returns where to go on. */
	function pushOutside(chunk: Buffer, from: number, values: Value[]): number {
		let start = from;
		if (lines.isIdle()) {
			while (start < chunk.length && (isSpace(chunk[start]) || chunk[start] === COMMA)) if (chunk[start++] === NEWLINE) line++;
			if (chunk[start] === OPEN_BRACKET) {
				inArray = seen = true;
				return start + 1;
			}
		}
		const newline = chunk.indexOf(NEWLINE, start);
		lines.hold(chunk.subarray(start, newline < 0 ? chunk.length : newline), line);
		if (newline < 0) return chunk.length;
		values.push(...lines.endLine());
		line++;
		return newline + 1;
	}

	return {
		push(chunk) {
			const values: Value[] = [];
			let index = 0;
			while (index < chunk.length) {
				if (!inArray) index = pushOutside(chunk, index, values);
				else ({ index, line, open: inArray } = array.push({ chunk, index, line }, values));
			}
			return values;
		},
		end() {
			const values = [...array.end(), ...lines.endLine(), ...lines.end()];
			return { values, cut: inArray };
		},
		sawArray: () => seen,
	};
}

/** Collects the pieces of one value, up to the limit. */
function createHolder() {
	let pieces: Buffer[] = [];
	let bytes = 0;
	return {
		isEmpty: () => bytes === 0,
		add(piece: Buffer): void {
			const kept = piece.subarray(0, MAX_VALUE_BYTES - bytes);
			if (kept.length > 0) pieces.push(kept);
			bytes += kept.length;
		},
		take(): Buffer {
			const [first] = pieces;
			const whole = pieces.length === 1 && first ? first : Buffer.concat(pieces);
			pieces = [];
			bytes = 0;
			return whole;
		},
	};
}

function createLines() {
	const current = createHolder();
	const block = createHolder();
	let currentLine = 1;
	let blockLine = 1;
	let blockDepth = 0;
	const endBlock = (): Value => {
		blockDepth = 0;
		return { bytes: block.take(), line: blockLine };
	};

	/** A line of an open object. One that begins an object at its very start says that the object before was broken off. */
	function continueBlock(bytes: Buffer, line: number): Value[] {
		if (bytes[0] === OPEN_BRACE && bytes[1] === QUOTE) return [endBlock(), ...beginValue(bytes, line)];
		block.add(Buffer.from('\n'));
		block.add(bytes);
		blockDepth += depthOf(bytes);
		return blockDepth > 0 ? [] : [endBlock()];
	}

	function beginValue(bytes: Buffer, line: number): Value[] {
		if (!leavesOpen(bytes)) return [{ bytes, line }];
		blockDepth = depthOf(bytes);
		blockLine = line;
		block.add(bytes);
		return [];
	}

	return {
		/** Whether a new value may begin here. */
		isIdle: () => current.isEmpty() && blockDepth === 0,
		hold(piece: Buffer, line: number): void {
			if (current.isEmpty()) currentLine = line;
			current.add(piece);
		},
		endLine(): Value[] {
			const bytes = trimEnd(current.take());
			if (bytes.length === 0) return [];
			return blockDepth > 0 ? continueBlock(bytes, currentLine) : beginValue(bytes, currentLine);
		},
		end: (): Value[] => (blockDepth > 0 ? [endBlock()] : []),
	};
}

const trimEnd = (bytes: Buffer): Buffer => {
	let end = bytes.length;
	while (end > 0 && isSpace(bytes[end - 1])) end--;
	return bytes.subarray(0, end);
};

/** Formatters break a line after one of these: `{`, `[`, `,`, `:`. */
const BREAKS: ReadonlySet<number | undefined> = new Set([OPEN_BRACE, OPEN_BRACKET, COMMA, 58]);
const leavesOpen = (bytes: Buffer): boolean => bytes[0] === OPEN_BRACE && BREAKS.has(bytes.at(-1)) && depthOf(bytes) > 0;

/** Brackets opened and not closed in a line. */
function depthOf(bytes: Buffer): number {
	let depth = 0;
	let inString = false;
	for (let index = 0; index < bytes.length; index++) {
		const byte = bytes[index];
		if (inString) {
			if (byte === BACKSLASH) index++;
			else if (byte === QUOTE) inString = false;
		} else if (byte === QUOTE) inString = true;
		else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
		else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
	}
	return depth;
}

interface Position {
	readonly chunk: Buffer;
	readonly index: number;
	readonly line: number;
}

/** The elements of an array, by their brackets. */
function createArray() {
	const held = createHolder();
	let begun = false;
	let elementLine = 1;
	let depth = 0;
	let inString = false;
	let escaped = false;

	const finish = (): Value => {
		begun = inString = escaped = false;
		depth = 0;
		return { bytes: trimEnd(held.take()), line: elementLine };
	};

	/** Whether the element ends with this byte (`after`) or before it (`before`). */
	function step(byte: number | undefined): 'after' | 'before' | undefined {
		if (inString) {
			if (escaped) escaped = false;
			else if (byte === BACKSLASH) escaped = true;
			// No JSON string holds a bare newline: the string was broken off, and the next line begins afresh.
			else if (byte === QUOTE || byte === NEWLINE) inString = false;
		} else if (byte === QUOTE) inString = true;
		else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
		else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
			if (depth === 0) return 'before';
			if (--depth === 0) return 'after';
		} else if (depth === 0 && (byte === COMMA || byte === NEWLINE)) return 'before';
		return undefined;
	}

	return {
		/** Goes through the chunk up to the end of an element, of the array, or of the chunk. */
		push({ chunk, index: from, line: fromLine }: Position, values: Value[]): { index: number; line: number; open: boolean } {
			let [index, line] = [from, fromLine];
			while (!begun && index < chunk.length) {
				const byte = chunk[index];
				if (byte === CLOSE_BRACKET) return { index: index + 1, line, open: false };
				if (isSpace(byte) || byte === COMMA) {
					if (byte === NEWLINE) line++;
					index++;
				} else {
					begun = true;
					elementLine = line;
				}
			}
			const start = index;
			for (; index < chunk.length; index++) {
				const ends = step(chunk[index]);
				if (ends !== undefined) {
					// A closing brace that closes nothing is a value by itself, or it would be met again for ever.
					const nothing = index === start && held.isEmpty();
					const end = ends === 'after' || nothing ? index + 1 : index;
					held.add(chunk.subarray(start, end));
					values.push(finish());
					return { index: end, line, open: true };
				}
				if (chunk[index] === NEWLINE) line++;
			}
			held.add(chunk.subarray(start));
			return { index, line, open: true };
		},
		end: (): Value[] => (begun ? [finish()] : []),
	};
}

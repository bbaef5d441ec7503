/** A line of a file, without its end; `undefined` where it is longer than a line may be. */
export interface Line {
	/** From 1. */
	readonly number: number;
	readonly text: string | undefined;
}

/** What is read of a line at most. A string of V8 holds twice as much. */
export const MAX_LINE_BYTES = 256_000_000;

const NEWLINE = 10;

/** Lines, one at a time. Of a line beyond the limit nothing is held, and the next one is read as if nothing had been. */
export async function* readLines(chunks: AsyncIterable<Buffer>, maxBytes = MAX_LINE_BYTES): AsyncGenerator<Line> {
	let pieces: Buffer[] = [];
	let bytes = 0;
	let number = 0;
	const hold = (piece: Buffer): void => {
		bytes += piece.length;
		if (bytes <= maxBytes) pieces.push(piece);
		else pieces = [];
	};
	const take = (): Line => {
		const line = { number: ++number, text: bytes > maxBytes ? undefined : Buffer.concat(pieces).toString() };
		pieces = [];
		bytes = 0;
		return line;
	};
	for await (const chunk of chunks) {
		let start = 0;
		for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
			hold(chunk.subarray(start, end));
			yield take();
			start = end + 1;
		}
		hold(chunk.subarray(start));
	}
	if (bytes > 0) yield take();
}

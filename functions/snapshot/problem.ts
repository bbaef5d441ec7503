/** Where something stands: a file, and as much of the place in it as is known. Lines and columns count from 1. */
export interface Place {
	readonly file: string;
	readonly line?: number;
	readonly column?: number;
	/** The path in the file's document, such as `items[3].spec.podSelector`. */
	readonly path?: string;
}

/** Something that was refused, or that a reader should hear about, with its place. */
export interface Problem extends Place {
	readonly message: string;
}

/** `file:3:5: message`. */
export function formatProblem({ file, line, column, message }: Problem): string {
	const place = line === undefined ? '' : column === undefined ? `:${line}` : `:${line}:${column}`;
	return `${file}${place}: ${message}`;
}

/** Appends one by one: a call with each as an argument fails where there are very many. */
export function append<T>(to: T[], items: readonly T[]): void {
	for (const item of items) to.push(item);
}

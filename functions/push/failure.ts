/** What a line of the log says of an error. */
export const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Where it came from. */
export const stackOf = (error: unknown): { readonly stack?: string } =>
	error instanceof Error && error.stack !== undefined ? { stack: error.stack } : {};

/**
 * What `known` has for that content; made where it has none. Equal things that are one object stay near in memory, which is what a flow
 * waits for.
 */
export function shared<T>(known: Map<string, T>, content: string, make: () => T): T {
	let found = known.get(content);
	if (found === undefined) {
		found = make();
		known.set(content, found);
	}
	return found;
}

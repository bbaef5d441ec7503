/**
 * Checks of JSON of unknown origin, put together from small ones. A check returns what is wrong first, with its path
 * (`state.pods[3].ips[0]: must be an address ("x")`), or `undefined`.
 */
import { at, type Fields, formatRemark, isFields, shown } from './fields.ts';

export type Check = (value: unknown, path: string) => string | undefined;

const say = (path: string, message: string, value: unknown): string => formatRemark({ path, message: `${message} (${shown(value)})` });

export const anything: Check = () => undefined;

/** One value. The message says what it must be. */
export const that =
	(message: string, accepts: (value: unknown) => boolean): Check =>
	(value, path) =>
		accepts(value) ? undefined : say(path, message, value);

export const text = (message: string, accepts: (value: string) => boolean): Check =>
	that(message, (value) => typeof value === 'string' && accepts(value));

export const oneOf = (...values: readonly string[]): Check =>
	text(`must be one of ${values.join(', ')}`, (value) => values.includes(value));

/** A list, each item checked; then the list as a whole: `whole` returns what it must be. */
export const list =
	(item: Check, whole?: (items: readonly unknown[]) => string | undefined): Check =>
	(value, path) => {
		if (!Array.isArray(value)) return say(path, 'must be a list', value);
		for (let index = 0; index < value.length; index++) {
			const problem = item(value[index], `${path}[${index}]`);
			if (problem !== undefined) return problem;
		}
		const problem = whole?.(value);
		return problem === undefined ? undefined : formatRemark({ path, message: problem });
	};

/** An object with texts for values, such as labels. */
export const texts: Check = (value, path) => {
	if (!isFields(value)) return say(path, 'must be an object', value);
	const key = Object.keys(value).find((candidate) => typeof value[candidate] !== 'string');
	return key === undefined ? undefined : say(at(path, key), 'must be a string', value[key]);
};

type Checks = Readonly<Record<string, Check>>;

/** An object's fields, each checked; then the object as a whole. Fields that are not named are left alone. */
export function record(required: Checks, optional: Checks = {}, whole?: (object: Fields) => string | undefined): Check {
	const wanted = Object.entries(required);
	const possible = Object.entries(optional);
	return (value, path) => {
		if (!isFields(value)) return say(path, 'must be an object', value);
		const given = (key: string): boolean => Object.hasOwn(value, key) && value[key] !== undefined;
		for (const [key, check] of wanted) {
			const problem = given(key) ? check(value[key], at(path, key)) : formatRemark({ path: at(path, key), message: 'must be given' });
			if (problem !== undefined) return problem;
		}
		for (const [key, check] of possible) {
			const problem = given(key) ? check(value[key], at(path, key)) : undefined;
			if (problem !== undefined) return problem;
		}
		const problem = whole?.(value);
		return problem === undefined ? undefined : formatRemark({ path, message: problem });
	};
}

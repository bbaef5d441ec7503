import { type Fields, field, isFields, type Reading, refuse } from '../policy/fields.ts';
import type { OtherPolicy } from '../policy/model.ts';
import type { Identity } from './resources.ts';

/** Far beyond what people write: what is larger is an attack. */
const MAX_DEPTH = 64;
const MAX_VALUES = 100_000;

/** A policy of another kind, its spec kept as it is, or null where it cannot be. A Cilium policy may have `specs`, a list, beside or instead of `spec`. */
export function reduceOther(object: Fields, { namespace, name }: Identity, reading: Reading): OtherPolicy {
	const specs = field(object, 'specs');
	const whole = Array.isArray(specs) ? [field(object, 'spec'), ...specs].filter(isFields) : field(object, 'spec');
	return {
		apiVersion: field(object, 'apiVersion') as string,
		kind: field(object, 'kind') as string,
		...(namespace !== '' && { namespace }),
		name,
		spec: readPlain(whole ?? {}, Array.isArray(specs) ? 'specs' : 'spec', reading),
	};
}

/** A copy that is JSON and of bounded size. A problem, and null, where it cannot be. */
export function readPlain(value: unknown, path: string, reading: Reading): unknown {
	let left = MAX_VALUES;
	const copy = (item: unknown, depth: number): unknown => {
		if (depth > MAX_DEPTH || --left < 0) throw new RangeError();
		if (Array.isArray(item)) return item.map((element) => copy(element, depth + 1));
		if (isFields(item)) return Object.fromEntries(Object.entries(item).map(([key, element]) => [key, copy(element, depth + 1)]));
		if (typeof item === 'number') return Number.isFinite(item) ? item : null;
		return typeof item === 'string' || typeof item === 'boolean' ? item : null;
	};
	try {
		return copy(value, 0);
	} catch (error) {
		if (!(error instanceof RangeError)) throw error;
		refuse(reading, path, `must not be nested deeper than ${MAX_DEPTH}, nor have more than ${MAX_VALUES} values`);
		return null;
	}
}

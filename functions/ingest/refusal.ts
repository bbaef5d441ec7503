import { type Fields, field, isFields } from '../policy/fields.ts';

/** Why a message can never become a verdict. The ids are values of the column `rejects_v1.reason`. */
export type RejectReason =
	| 'empty'
	| 'oversize'
	| 'not-json'
	| 'not-an-entry'
	| 'too-deep'
	| 'other-log'
	| 'split-entry'
	| 'bad-timestamp'
	| 'no-insert-id'
	| 'no-cluster'
	| 'no-connection'
	| 'bad-direction'
	| 'bad-address'
	| 'bad-protocol'
	| 'bad-port'
	| 'bad-disposition'
	| 'bad-count'
	| 'row-refused';

/** A reader's answer in the place of a value: what is wrong, and where. */
export interface Refusal {
	readonly reason: RejectReason;
	/** One sentence with the path in the entry and what stands there, cut to a readable length. */
	readonly detail: string;
}

const QUOTED_CHARACTERS = 80;

export const refuse = (reason: RejectReason, detail: string): Refusal => ({ reason, detail });

export const isRefusal = (value: unknown): value is Refusal => isFields(value) && typeof value['reason'] === 'string' && 'detail' in value;

/** A property of the object's own that is a string. */
export function textAt(fields: Fields, key: string): string | undefined {
	const value = field(fields, key);
	return typeof value === 'string' ? value : undefined;
}

/** A property of the object's own that is an object. */
export function fieldsAt(fields: Fields, key: string): Fields | undefined {
	const value = field(fields, key);
	return isFields(value) ? value : undefined;
}

/** A value as a detail shows it: as JSON, and not longer than a line. */
export function quote(value: unknown): string {
	if (value === undefined) return 'missing';
	const json = JSON.stringify(value);
	return json.length > QUOTED_CHARACTERS ? `${json.slice(0, QUOTED_CHARACTERS).toWellFormed()}…` : json;
}

/** Reading of what nobody has checked, such as the specs of other kinds: what has another shape is absent. Nothing here throws. */

import { type Fields, isFields } from './fields.ts';

export const asObject = (value: unknown): Fields => (isFields(value) ? value : {});
export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const asText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
/** A number or its text; NaN where it is neither. */
export const asNumber = (value: unknown): number => (typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN);

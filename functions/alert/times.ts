/** Times are RFC 3339 UTC, with and without fractions of a second: not in the order of their texts. */

export const byTime = (a: string, b: string): number => Date.parse(a) - Date.parse(b) || (a < b ? -1 : 1);

/** Of one at least. */
export const earliest = (times: readonly string[]): string => times.toSorted(byTime)[0] as string;

/** Of one at least. */
export const latest = (times: readonly string[]): string => times.toSorted(byTime).at(-1) as string;

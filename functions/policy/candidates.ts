import { CILIUM, idsOf, isSemanticsId, type Mask, maskOf } from './semantics.ts';

/** Parses what Dataplane V2 may be: ids of semantics, separated by commas. A text says what is wrong. */
export function parseCandidates(text: string): Mask | string {
	const ids = text.split(',').map((id) => id.trim());
	const unknown = ids.filter((id) => !isCandidate(id));
	if (unknown.length === 0) return maskOf(ids.filter(isSemanticsId));
	const named = unknown.map((id) => JSON.stringify(id)).join(', ');
	return `${named} ${unknown.length === 1 ? 'is no candidate' : 'are no candidates'} for Dataplane V2; choose among ${idsOf(CILIUM).join(', ')}`;
}

const isCandidate = (id: string): boolean => isSemanticsId(id) && (maskOf([id]) & CILIUM) !== 0;

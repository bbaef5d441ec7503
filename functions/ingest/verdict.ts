import type { Judgement } from '../policy/finding.ts';
import { judge, judgeStale } from '../policy/judge.ts';
import type { Mask } from '../policy/semantics.ts';
import type { FoundSnapshot, Row } from '../ports.ts';
import type { Entry } from './decode.ts';
import { toVerdictRow } from './row.ts';

export interface VerdictPorts {
	/** What Dataplane V2 may be. */
	readonly candidates: Mask;
	readonly now: () => Date;
}

export interface VerdictOptions {
	/** The snapshot of the entry's time; `undefined`: there is none. */
	readonly found: FoundSnapshot | undefined;
	readonly ports: VerdictPorts;
}

/**
 * Judges an entry by what was found for its time: the one way to it, for what is streamed and for what is judged again. Without a promise,
 * which would cost as much as the judgement.
 */
export function judgeFound({ observation }: Entry, { found, ports: { candidates } }: VerdictOptions): Judgement {
	return found?.stale ? judgeStale(found.snapshot, observation, candidates) : judge(found?.snapshot, observation, candidates);
}

interface JudgedOptions extends VerdictOptions {
	readonly judgement: Judgement;
	/** For how many entries it stands; absent: for itself. */
	readonly weight?: number;
}

/** The row of `verdicts_v1`, with its evidence and its sentence, which an entry that is not kept does not need. */
export const toVerdict = (entry: Entry, { found, ports: { candidates, now }, judgement, weight = 1 }: JudgedOptions): Row =>
	toVerdictRow({ entry, judgement, snapshot: found?.snapshot, candidates, judgedAt: now(), weight });

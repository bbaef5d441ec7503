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

export interface Verdict {
	readonly judgement: Judgement;
	/** Of `verdicts_v1`. */
	readonly row: Row;
}

/**
 * Judges an entry and makes its row: the one way to it, for what is streamed and for what is judged again. Without a promise, which would
 * cost as much as the judgement.
 */
export function toVerdict(entry: Entry, { found, ports: { candidates, now } }: VerdictOptions): Verdict {
	const { observation } = entry;
	const judgement = found?.stale ? judgeStale(found.snapshot, observation, candidates) : judge(found?.snapshot, observation, candidates);
	return { judgement, row: toVerdictRow({ entry, judgement, snapshot: found?.snapshot, candidates, judgedAt: now() }) };
}

import type { Entry, Rejected } from '../ingest/decode.ts';
import { decodeText } from '../ingest/message.ts';
import { quote } from '../ingest/refusal.ts';
import { judgeFound, toVerdict, type VerdictOptions, type VerdictPorts } from '../ingest/verdict.ts';
import { within } from '../ingest/within.ts';
import type { Finding } from '../policy/finding.ts';
import type { Row, SnapshotSource } from '../ports.ts';

/** One call's argument: a LogEntry as JSON, or SQL's NULL. */
export type Call = string | null;

/** Why there is no row: what ingest rejects too, or what happened here. */
export type RejectedCall = Rejected['reason'] | 'reply-full' | 'internal-error';

export interface RejectedAnswer {
	readonly kind: 'rejected';
	readonly reason: RejectedCall;
	/** One sentence, not longer than two lines: the replies of a full batch hold as many, beside their rows. */
	readonly detail: string;
	/** What was thrown, where that is the reason. */
	readonly bug?: unknown;
}

/** What becomes of a call. `failed`: its snapshot could not be read, and may be later. */
export type Answer =
	| { readonly kind: 'row'; readonly row: Row; readonly finding: Finding }
	| RejectedAnswer
	| { readonly kind: 'failed'; readonly error: unknown };

export interface AnswerPorts extends VerdictPorts {
	readonly snapshots: SnapshotSource;
}

/** What a call holds: an entry, or why it is none. Never throws. */
export function readCall(call: Call): Entry | RejectedAnswer {
	try {
		const decoded = decodeText(call ?? '');
		return decoded.kind === 'ok' ? decoded.entry : { kind: 'rejected', reason: decoded.reason, detail: decoded.detail };
	} catch (error) {
		return ofBug(error);
	}
}

/** Judges one entry, in time where its snapshot comes in time (ms since 1970). Without a promise where that is at hand; never throws or rejects. */
export function answerEntry(
	entry: Entry,
	{ ports, untilMs }: { readonly ports: AnswerPorts; readonly untilMs: number },
): Answer | Promise<Answer> {
	try {
		const search = ports.snapshots.find(entry.cluster, entry.observation.timestamp);
		if (!(search instanceof Promise)) return judgeBy(entry, { found: search, ports });
		return within(untilMs - ports.now().getTime(), search, notInTime).then(
			(found) => judgeBy(entry, { found, ports }),
			(error: unknown) => ({ kind: 'failed', error }),
		);
	} catch (error) {
		return ofBug(error);
	}
}

function judgeBy(entry: Entry, given: VerdictOptions): Answer {
	try {
		const judgement = judgeFound(entry, given);
		return { kind: 'row', row: toVerdict(entry, { ...given, judgement }), finding: judgement.finding };
	} catch (error) {
		return ofBug(error);
	}
}

/** A bug of ours, which the next attempt would meet again: one entry must not keep a whole query from its end. */
const ofBug = (bug: unknown): RejectedAnswer => ({
	kind: 'rejected',
	reason: 'internal-error',
	detail: `a bug of the engine: ${quote(bug instanceof Error ? bug.message : String(bug))}`,
	bug,
});

const notInTime = (): Promise<never> => Promise.reject(new Error('the snapshot was not found in time'));

import type { ConstructId } from './constructs.ts';
import type { Evaluation } from './evaluate.ts';
import type { Direction, Flow, Owner, PodState, PolicyRule } from './model.ts';
import type { Mask } from './semantics.ts';

/** The judgement of an entry. What each means and when it is reached: `judge.ts`. */
export const FINDINGS = [
	'undecidable',
	'explicit-deny',
	'not-isolated',
	'contradicted',
	'explained',
	'overreach',
	'void-rule',
	'newly-open',
	'confirmed',
] as const;
export type Finding = (typeof FINDINGS)[number];

/** `certain` when all candidates agree with the observation, `likely` when the observation picks among them. */
export type Certainty = 'certain' | 'likely';

/** Facts that are missing: each can make an entry undecidable. */
export type MissingFact =
	| 'no-snapshot'
	| 'stale-snapshot'
	| 'unknown-subject'
	| 'unknown-peer'
	| 'unknown-namespace'
	| 'unreadable-policy'
	| 'other-policy-kind'
	| 'unreadable-kind'
	| 'dns-cache-unknown'
	| 'self-traffic';

/** What a reader of the entry should know; never more than that. */
export type Hint =
	| 'late-reply'
	| 'policies-differ'
	| 'policy-named-on-deny'
	| 'unsupported-protocol'
	| 'renamed-in-logs'
	| 'multi-network'
	| 'name-address-mismatch'
	| 'sibling-labels'
	| 'settling-pod'
	| 'created-later'
	| 'recent-change'
	| 'snapshot-lag'
	| 'other-policies-present';

export type Reason = MissingFact | Hint;

/** One end of the connection as the snapshot knows it. */
export interface End {
	/** `unknown`: a Pod that the snapshot does not hold: the entry names it, or its address can only be a Pod's. */
	readonly kind: 'pod' | 'host-network-pod' | 'node' | 'service' | 'well-known' | 'external' | 'unknown';
	/** The address in this connection. */
	readonly ip?: string | undefined;
	readonly endpoint: {
		readonly namespace?: string | undefined;
		readonly name?: string | undefined;
		readonly workload?: Owner | undefined;
		/** Of a Pod that the snapshot holds, or of the one in whose place it was judged. */
		readonly pod?: Pick<PodState, 'labels'> | undefined;
	};
}

/** One piece of what a finding rests on. Indices count from 0, as the API's own error messages do. */
export interface Evidence {
	/** `isolates`, `admits`; `void` admitted before and not now; `opens` admits now and not before; `near-miss` the rule that comes nearest; `would-be` the finding that a missing fact hides; `may-decide` what is not modelled; `stand-in` whose labels a vanished Pod was given. */
	readonly role: 'isolates' | 'admits' | 'void' | 'opens' | 'near-miss' | 'would-be' | 'may-decide' | 'stand-in';
	readonly policyKind?: string;
	readonly policyNamespace?: string;
	readonly policyName?: string;
	readonly direction?: Direction;
	readonly rule?: number;
	/** The rule itself, as the policy has it. */
	readonly source?: PolicyRule;
	readonly peer?: number;
	readonly port?: number;
	/** The clause as the policy spells it, such as `ipBlock 10.32.2.8/32`. */
	readonly clause?: string;
	readonly construct?: ConstructId;
	/** The semantics under which this holds; absent for all. */
	readonly semantics?: Mask;
	/** One sentence about this piece. */
	readonly detail?: string;
}

/**
 * Under which semantics the subject is isolated, the flow is exempt from policy (the own node), a rule admits it, and the specification
 * leaves the answer open. A semantics denies when it isolates, does not exempt and nothing admits.
 */
export interface Verdicts {
	readonly isolated: Mask;
	readonly exempt: Mask;
	readonly admitted: Mask;
	readonly unknown: Mask;
}

export interface Judgement {
	readonly finding: Finding;
	/** Whether a human should look. */
	readonly flagged: boolean;
	readonly certainty: Certainty | null;
	/** What made a difference to isolation or verdict between `calico` and the candidates. */
	readonly constructs: readonly ConstructId[];
	readonly reasons: readonly Reason[];
	/** What it rests on, what decides first; `evidenceOf` adds what only an explanation asks for. */
	readonly evidence: readonly Evidence[];
	/** Absent where nothing could be evaluated (no snapshot, unknown subject). */
	readonly verdicts?: Evaluation;
	readonly flow: Flow;
	readonly subject: End;
	readonly peer: End;
}

import type { CompiledRule } from '../clause.ts';
import type { CompiledPolicy } from '../compiled-policy.ts';
import type { ConstructId } from '../constructs.ts';
import type { Certainty } from '../finding.ts';
import type { Direction, Flow, OtherPolicy, PolicyRule } from '../model.ts';
import type { Mask } from '../semantics.ts';
import type { Held, Subjects } from './holdings.ts';

/** The Pods that a finding concerns as subjects of its policy. */
export interface Affected {
	readonly count: number;
	/** `namespace/name` of the first five, sorted. */
	readonly sample: readonly string[];
}

/** A clause that means something else on Dataplane V2. Indices count from 0. */
export interface LintFinding {
	readonly construct: ConstructId;
	readonly severity: 'high' | 'medium' | 'low';
	/** The catalogue's: whether the difference itself is established. */
	readonly certainty: Certainty;
	readonly policyKind: string;
	readonly policyNamespace?: string;
	readonly policyName: string;
	/** Absent where it is about the policy as a whole. */
	readonly direction?: Direction;
	readonly rule?: number;
	/** The rule itself, as the policy has it. */
	readonly source?: PolicyRule;
	readonly peer?: number;
	readonly port?: number;
	/** As the policy spells it, such as `ipBlock 10.0.0.0/8`. */
	readonly clause: string;
	/** The candidates that read it differently from `calico`; NONE where no verdict of the engine depends on it. */
	readonly semantics: Mask;
	readonly affected: Affected;
	/** It changes something with what the snapshot holds now. */
	readonly differsNow: boolean;
	/** A connection of what the snapshot holds (or of an outside address) that is judged differently by it. */
	readonly example?: Flow;
	/** What the snapshot holds that it concerns. */
	readonly detail: string;
	/** One sentence. */
	readonly summary: string;
	/** What to write instead. */
	readonly suggestion: string;
}

/** A protocol and, but for ICMP, a destination port to try. */
export interface PortSample {
	readonly protocol: string;
	readonly port?: number;
}

/** What may be a connection that shows the difference, the likeliest first. */
export interface Witnesses {
	readonly peers: readonly Held[];
	readonly ports: readonly PortSample[];
}

/** Where a clause stands. */
export interface Place {
	readonly policy: CompiledPolicy;
	readonly direction?: Direction;
	readonly rule?: CompiledRule;
	readonly peer?: number;
	readonly port?: number;
}

/** A finding before an example was looked for and words were made. */
export interface Draft extends Place {
	readonly construct: ConstructId;
	readonly clause: string;
	readonly semantics: Mask;
	readonly subjects: Subjects;
	/** What it concerns now, as a part of a sentence. */
	readonly detail: string;
	/** Absent: nothing that the engine judges depends on it. */
	readonly witnesses?: Witnesses;
}

/** A finding of a policy of another kind. */
export interface OtherDraft {
	readonly policy: OtherPolicy;
	readonly construct: ConstructId;
	readonly semantics: Mask;
	readonly affected: Affected;
}

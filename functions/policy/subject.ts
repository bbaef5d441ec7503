import type { CompiledPeer, CompiledRule, Protocol } from './clause.ts';
import type { CompiledPolicy } from './compiled-policy.ts';
import type { Evidence } from './finding.ts';
import type { Direction } from './model.ts';
import { ALL, type Mask, NONE } from './semantics.ts';

/** What concerns a subject in one direction. */
export interface SubjectPolicies {
	/** Where `RuleTable.steps` has it. */
	readonly start: number;
	/** The semantics under which the subject is isolated. */
	readonly isolated: Mask;
	/** The semantics under which every one of the policies applies. */
	readonly common: Mask;
	/** Shared by all findings that rest on them: one piece a policy that isolates, made when first asked for. */
	isolating: readonly Evidence[] | undefined;
	readonly direction: Direction;
	readonly policies: readonly AppliedPolicy[];
	/** The rules of all of them, in order. */
	readonly rules: readonly AppliedRule[];
}

/** A policy that selects a subject and has that direction, under some semantics at least. */
export interface AppliedPolicy {
	readonly policy: CompiledPolicy;
	readonly applies: Mask;
}

/** A rule of a policy that applies. */
export interface AppliedRule {
	readonly applies: Mask;
	readonly rule: CompiledRule;
	readonly policy: CompiledPolicy;
}

/**
 * What concerns all subjects of a snapshot, also as one row of numbers, so that a flow reads few lines of memory. A subject has its own
 * number, the semantics under which it is isolated, and the place after its last rule; then each rule: the place of the next one, the
 * semantics under which it applies, how many ports follow (or NOT_NUMERIC), their `portKey`s, and the numbers of its peers.
 */
export interface RuleTable {
	readonly steps: number[];
	readonly subjects: SubjectPolicies[];
	/** All peers of the snapshot. */
	readonly peers: CompiledPeer[];
}

/** The ports of a rule are more than single numbers: they are to be looked up in the rule. */
export const NOT_NUMERIC = -1;

/** A protocol and a port as one number. A flow without a port has -1. */
export const portKey = (protocol: Protocol, port: number): number => protocol * 0x20000 + port;

/** Adds a subject that these policies concern. */
export function addSubject({ steps, subjects }: RuleTable, policies: readonly AppliedPolicy[], direction: Direction): SubjectPolicies {
	const start = steps.length;
	const isolated = policies.reduce((mask, { applies }) => mask | applies, NONE);
	const common = policies.reduce((mask, { applies }) => mask & applies, ALL);
	const rules = policies.flatMap(({ policy, applies }) => policy[direction].map((rule) => ({ applies, rule, policy })));
	steps.push(subjects.length, isolated, 0);
	for (const rule of rules) addRule(steps, rule);
	steps[start + 2] = steps.length;
	const subject = { start, isolated, common, isolating: undefined, direction, policies, rules };
	subjects.push(subject);
	return subject;
}

function addRule(steps: number[], { applies, rule: { ports, peers } }: AppliedRule): void {
	const numeric = ports.every(({ first, last }) => first >= 0 && first === last);
	const keys = numeric ? ports.map(({ protocol, first }) => portKey(protocol, first)) : [];
	const next = steps.length + 3 + keys.length + peers.length;
	steps.push(next, applies, numeric ? keys.length : NOT_NUMERIC, ...keys, ...peers.map(({ number }) => number));
}

import { CONSTRUCTS, type ConstructId } from './constructs.ts';
import type { Evidence, Finding, Judgement } from './finding.ts';
import { capitalise, policyName, ruleName } from './wording.ts';

const NO_REASONS: readonly string[] = [];

/** One sentence for each construct that made a difference, with the rule it concerns, and what to write instead where a human should act. */
export function reasonsWhy({ evidence, finding, flagged }: Judgement): readonly string[] {
	// Most judgements rest on none.
	if (evidence.every(({ construct }) => construct === undefined)) return NO_REASONS;
	const seen = new Set<string>();
	const texts: string[] = [];
	for (const piece of evidence) {
		if (piece.construct === undefined) continue;
		const key = `${piece.construct} ${policyName(piece)} ${piece.rule}`;
		if (seen.has(key)) continue;
		seen.add(key);
		texts.push(whySentence(piece, piece.construct, finding));
		// The dataplane’s own exemption is no policy’s, and nothing that one writes changes it.
		if (flagged && piece.policyName !== undefined) texts.push(`${capitalise(CONSTRUCTS[piece.construct].suggestion)}.`);
	}
	return [...new Set(texts)];
}

function whySentence(piece: Evidence, construct: ConstructId, finding: Finding): string {
	const { explanation } = CONSTRUCTS[construct];
	if (finding === 'confirmed' && construct === 'policy-types-overreach')
		return `${capitalise(explanation)}: that is why ${policyName(piece)} takes part here, and why the log names it. It changes nothing for this flow.`;
	if (piece.detail !== undefined) return `${capitalise(piece.detail)}.`;
	const clause = piece.clause === undefined ? '' : ` (${position(piece)}${piece.clause})`;
	const does = piece.rule === undefined ? policyDoes(piece.role, finding) : ruleDoes(piece.role, finding);
	return `${capitalise(ruleName(piece))} ${does}${clause}${piece.role === 'void' ? ', but ' : ': '}${explanation}.`;
}

/** What a rule does to the flow. Where the finding does not rest on it, it is so under some candidates for Dataplane V2 only. */
function ruleDoes(role: Evidence['role'], finding: Finding): string {
	if (role === 'void') return finding === 'void-rule' ? 'admitted it before' : 'is written to admit it';
	return finding === 'newly-open' ? 'opens it' : 'may open it';
}

/** What a policy as a whole does: it isolates, or no longer does. */
function policyDoes(role: Evidence['role'], finding: Finding): string {
	if (role === 'may-decide') return 'may decide it';
	if (role === 'isolates') return finding === 'overreach' ? 'isolates the Pod' : 'may isolate the Pod';
	return finding === 'newly-open' || finding === 'not-isolated' ? 'no longer isolates the Pod' : 'may no longer isolate the Pod';
}

const position = ({ peer, port }: Evidence): string =>
	peer !== undefined ? `peer ${peer}, ` : port !== undefined ? `port entry ${port}, ` : '';

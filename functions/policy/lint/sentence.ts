import type { CompiledSnapshot } from '../compile.ts';
import { CONSTRUCTS, type ConstructId } from '../constructs.ts';
import { evaluate, verdictUnder } from '../evaluate.ts';
import { describeEnd } from '../explain.ts';
import type { End } from '../finding.ts';
import { resolveFlow } from '../flow.ts';
import type { Flow } from '../model.ts';
import { CALICO } from '../semantics.ts';
import { capitalise, joined } from '../wording.ts';
import type { LintFinding } from './finding.ts';

/** The first three of so many, and how many more there are. */
export const listed = (names: readonly string[], count: number): string =>
	count > 3 ? `${names.slice(0, 3).join(', ')} and ${count - 3} more` : joined(names);

type Where = Pick<LintFinding, 'policyKind' | 'policyNamespace' | 'policyName' | 'direction' | 'rule' | 'peer' | 'port' | 'clause'>;

/** `Ingress rule 0 of default/p (peer 1, ipBlock 10.0.0.0/8)`. */
function whereText({ policyKind, policyNamespace, policyName, direction, rule, peer, port, clause }: Where): string {
	const name = policyNamespace === undefined ? policyName : `${policyNamespace}/${policyName}`;
	const place = [...(peer === undefined ? [] : [`peer ${peer}`]), ...(port === undefined ? [] : [`port entry ${port}`]), clause].join(', ');
	return `${rule === undefined ? `${policyKind} ${name}` : `${capitalise(`${direction}`)} rule ${rule} of ${name}`} (${place})`;
}

/** One sentence for someone who has been woken up: where, why, and what it does now. */
export function summaryOf(
	where: Where,
	{ construct, count, effect }: { readonly construct: ConstructId; readonly count: number; readonly effect: string },
): string {
	const pods = count === 0 ? 'no Pod now' : `${count} ${count === 1 ? 'Pod' : 'Pods'}`;
	return `${whereText(where)}, for ${pods}: ${CONSTRUCTS[construct].explanation}; ${effect}.`;
}

/** `default/client to default/web on TCP 8080 was admitted before and may be denied`. */
export function effectOf(snapshot: CompiledSnapshot, flow: Flow): string {
	const evaluation = evaluate(resolveFlow(snapshot, flow));
	const { subject, peer } = evaluation.flow;
	const [source, destination]: readonly [End, End] = flow.direction === 'ingress' ? [peer, subject] : [subject, peer];
	const port = flow.port === undefined ? '' : ` ${flow.port}`;
	const denied = verdictUnder(evaluation, CALICO).verdict === 'deny';
	const change = denied ? 'is denied before the move and may be open after it' : 'is allowed before the move and may be denied after it';
	return `for example, ${describeEnd(source)} to ${describeEnd(destination)} on ${flow.protocol}${port} ${change}`;
}

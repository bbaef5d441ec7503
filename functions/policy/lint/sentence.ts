import type { CompiledSnapshot } from '../compile.ts';
import { CONSTRUCTS, type ConstructId } from '../constructs.ts';
import { evaluate, verdictUnder } from '../evaluate.ts';
import { describeEnd } from '../explain.ts';
import type { End } from '../finding.ts';
import { resolveFlow } from '../flow.ts';
import { hashText } from '../hash.ts';
import type { Flow } from '../model.ts';
import { CALICO } from '../semantics.ts';
import { capitalise } from '../wording.ts';
import type { LintFinding } from './finding.ts';

const MOST_TEXT = 500;

/** A text that the input may make as long as it likes, such as a block with thousands of `except`: cut, and still told from others. */
export const bounded = (text: string): string =>
	text.length <= MOST_TEXT
		? text
		: `${text.slice(0, MOST_TEXT).toWellFormed()}… (the first of ${text.length} characters, ${hashText(text)})`;

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

/** `for example, ingress from default/client to default/web on TCP 8080 is allowed before the move and may be denied after it`. */
export function effectOf(snapshot: CompiledSnapshot, flow: Flow): string {
	const evaluation = evaluate(resolveFlow(snapshot, flow));
	const { subject, peer } = evaluation.flow;
	const [source, destination]: readonly [End, End] = flow.direction === 'ingress' ? [peer, subject] : [subject, peer];
	const port = flow.port === undefined ? '' : ` ${flow.port}`;
	const denied = verdictUnder(evaluation, CALICO).verdict === 'deny';
	const change = denied ? 'is denied before the move and may be open after it' : 'is allowed before the move and may be denied after it';
	// The other end's policies have a say of their own.
	return `for example, ${flow.direction} from ${describeEnd(source)} to ${describeEnd(destination)} on ${flow.protocol}${port} ${change}`;
}
